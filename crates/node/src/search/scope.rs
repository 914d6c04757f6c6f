//! What of an index an expression means: all of it, or what its aliases show.

use std::{collections::BTreeSet, sync::Arc};

use query::{Query, QueryError};

use crate::{Alias, Error, Expansion, Index, Node, index_expression::Reached};

/// A query that narrows what is searched, or why it cannot be made.
pub type Filter = Arc<Result<Query, QueryError>>;

/// An index, and which of its documents are meant.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The index.
    pub index: Arc<Index>,
    /// What they match; everything if none.
    pub filter: Option<Filter>,
    /// The routing values that narrow the shards; all shards if none.
    pub routing: Option<BTreeSet<String>>,
}

impl Scope {
    /// All documents of an index.
    #[must_use]
    pub fn whole(index: Arc<Index>) -> Self {
        Self { index, filter: None, routing: None }
    }

    /// Whether the index's shard of this number can have documents that are meant.
    #[must_use]
    pub fn has_shard(&self, number: u32) -> bool {
        let leads_here = |value: &String| self.index.shard_number("", Some(value)) == number;
        self.routing.as_ref().is_none_or(|values| values.iter().any(leads_here))
    }
}

impl Node {
    /// What an expression means to a search: indices, each narrowed to what the aliases show by which
    /// it is named. An index that is named by itself too, or by an alias that shows all of it, is meant
    /// as a whole.
    ///
    /// # Errors
    /// As [`Node::resolve`].
    pub fn scopes(
        &self,
        names: &str,
        expansion: Expansion,
        routing: Option<&[String]>,
    ) -> Result<Vec<Scope>, Error> {
        let reached = self.catalog.view().reach(names, expansion, self.now())?;
        let asked: Option<BTreeSet<String>> =
            routing.map(|values| values.iter().cloned().collect());
        let scope = |reached: Reached| {
            let by = reached.aliases.as_deref().unwrap_or_default();
            let filter = filter_of(by);
            Scope { index: reached.index, filter, routing: routing_of(by, asked.clone()) }
        };
        Ok(reached.into_iter().map(scope).collect())
    }
}

/// What is shown through some aliases; everything, if one of them shows everything.
fn filter_of(aliases: &[Alias]) -> Option<Filter> {
    let filters: Option<Vec<String>> =
        aliases.iter().map(|alias| Some(alias.filter.as_ref()?.to_string())).collect();
    let filters = filters.filter(|filters| !filters.is_empty())?;
    let read = filters.iter().map(|text| Query::read(text, mapping::Dialect::Seven));
    Some(Arc::new(read.collect::<Result<_, _>>().map(Query::any)))
}

/// The routing values of searches through some aliases that are also asked for.
fn routing_of(aliases: &[Alias], asked: Option<BTreeSet<String>>) -> Option<BTreeSet<String>> {
    let own: Option<Vec<&str>> =
        aliases.iter().map(|alias| alias.search_routing.as_deref()).collect();
    let Some(own) = own.filter(|own| !own.is_empty()) else { return asked };
    let own: BTreeSet<String> =
        own.iter().flat_map(|values| values.split(',')).map(str::to_owned).collect();
    Some(match asked {
        Some(asked) => own.intersection(&asked).cloned().collect(),
        None => own,
    })
}
