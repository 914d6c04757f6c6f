//! What of an index an expression means: all of it, or what its aliases show.

use std::{collections::BTreeSet, sync::Arc};

use query::{Query, QueryError};

use crate::{Alias, Error, Expansion, Index, Node, is_wild, matches_glob};

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
        let found = self.resolve(names, expansion)?;
        let mut parts = Vec::new();
        for part in names.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let is_plain = !is_wild(part) && !part.starts_with('-');
            parts.push(if is_plain { self.resolve_name(part)? } else { part.to_owned() });
        }
        let named = Named { parts, expansion };
        Ok(found.into_iter().map(|index| named.scope(index, routing)).collect())
    }
}

/// The parts of an expression, without date math.
struct Named {
    parts: Vec<String>,
    expansion: Expansion,
}

impl Named {
    /// Whether a name is among them. One that is hidden has to be named by itself.
    fn has(&self, name: &str, is_hidden: bool) -> bool {
        self.parts.iter().any(|part| {
            let covers = part == "_all" || (is_wild(part) && matches_glob(part, name));
            part == name || (covers && (!is_hidden || self.expansion.hidden))
        })
    }

    /// What is meant of an index.
    fn scope(&self, index: Arc<Index>, routing: Option<&[String]>) -> Scope {
        let asked: Option<BTreeSet<String>> =
            routing.map(|values| values.iter().cloned().collect());
        let aliases = &index.metadata().aliases;
        let is_hidden = |alias: &Alias| alias.is_hidden == Some(true);
        let is_whole = self.parts.is_empty() || self.has(index.name(), false);
        let by: Vec<&Alias> = if is_whole {
            Vec::new()
        } else {
            let named = aliases.iter().filter(|(name, alias)| self.has(name, is_hidden(alias)));
            named.map(|(_, alias)| alias).collect()
        };
        let filter = filter_of(&by);
        let routing = routing_of(&by, asked);
        Scope { index, filter, routing }
    }
}

/// What is shown through some aliases; everything, if one of them shows everything.
fn filter_of(aliases: &[&Alias]) -> Option<Filter> {
    let filters: Option<Vec<String>> =
        aliases.iter().map(|alias| Some(alias.filter.as_ref()?.to_string())).collect();
    let filters = filters.filter(|filters| !filters.is_empty())?;
    let read = filters.iter().map(|text| Query::read(text, mapping::Dialect::Seven));
    Some(Arc::new(read.collect::<Result<_, _>>().map(Query::any)))
}

/// The routing values of searches through some aliases that are also asked for.
fn routing_of(aliases: &[&Alias], asked: Option<BTreeSet<String>>) -> Option<BTreeSet<String>> {
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
