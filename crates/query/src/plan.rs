//! What a search means for the documents of one index, by its mapping.

mod compile;
mod literal;
mod matching;
mod sorting;
mod test;
#[cfg(test)]
mod tests;
mod written;

use std::collections::BTreeSet;

use mapping::Mapping;

use crate::{
    doc_values::DocValues,
    error::{Checked, QueryError},
    field::{Fields, Wanted},
    order::{Key, Ranking},
    query::Query,
    search::Search,
    sort::Sort,
};

pub(crate) use matching::no_analyzer;
pub(crate) use sorting::{address_text, check_column, has_fielddata, no_columns};

use compile::Compiler;
use sorting::Criterion;
use test::Scored;

/// The index that a search is planned for.
#[derive(Clone, Copy, Debug)]
pub struct Context<'m> {
    /// Its mapping.
    pub mapping: &'m Mapping,
    /// Its name.
    pub index: &'m str,
    /// Its other names.
    pub aliases: &'m [String],
    /// The fields of words that name none, separated by commas; all fields, if it does not say.
    pub default_field: Option<&'m str>,
    /// What documents match besides, whatever the search asks for.
    pub filter: Option<&'m Query>,
    /// The time of the request, in milliseconds since 1970.
    pub now: i64,
}

/// A document, as far as it is no source.
#[derive(Clone, Copy, Debug)]
pub struct Document<'d> {
    /// Its id.
    pub id: &'d str,
    /// Its routing value.
    pub routing: Option<&'d str>,
    /// Its sequence number, which is also its place in its shard.
    pub seq_no: u64,
    /// Its place among the documents of all shards that are searched, which no two share.
    pub place: u64,
}

/// What a search means for one index.
#[derive(Clone, Debug)]
pub struct Plan<'m> {
    wanted: Wanted<'m>,
    query: Scored,
    filters: Vec<Scored>,
    names: Vec<(String, Scored)>,
    criteria: Vec<Criterion>,
    ranking: Ranking,
    after: Option<Vec<Key>>,
    min_score: Option<f32>,
    index: &'m str,
    sees_routing: bool,
}

impl<'m> Plan<'m> {
    /// Plans a search.
    ///
    /// # Errors
    /// The index has not what the search needs, or this server has not.
    pub fn new(search: &Search, context: &Context<'m>) -> Result<Self, QueryError> {
        let sort = if search.sort.is_empty() {
            vec![Sort::by("_score", None)]
        } else {
            search.sort.clone()
        };
        let mut wanted = Wanted::new(context.mapping);
        let mut compiler =
            Compiler { wanted: &mut wanted, context, names: Vec::new(), sees_routing: false };
        let all = Query::all();
        let query = compiler.query(search.query.as_ref().unwrap_or(&all))?;
        let filters = search.post_filter.iter().chain(context.filter);
        let filters = filters.map(|query| compiler.query(query)).collect::<Checked<Vec<_>>>()?;
        let (names, sees_routing) = (compiler.names, compiler.sees_routing);
        let mut criteria = Vec::new();
        for sort in &sort {
            criteria.push(Criterion::new(sort, &mut wanted, context)?);
        }
        let ranking = Ranking::new(criteria.iter().map(Criterion::direction).collect());
        let after = after(search, &criteria)?;
        DocValues::new(&search.docvalue_fields, context.mapping)?;
        Ok(Self {
            wanted,
            query,
            filters,
            names,
            criteria,
            ranking,
            after,
            min_score: search.min_score,
            index: context.index,
            sees_routing,
        })
    }

    /// Whether documents have to be read to find out what matches and how it is ordered.
    #[must_use]
    pub fn needs_source(&self) -> bool {
        self.sees_routing || !self.wanted.is_empty()
    }

    /// Whether every document matches.
    #[must_use]
    pub fn matches_all(&self) -> bool {
        self.query.is_all() && self.filters.is_empty() && self.min_score.is_none()
    }

    /// The only ids that can match, if the query names them.
    #[must_use]
    pub fn ids(&self) -> Option<&BTreeSet<String>> {
        self.query.ids()
    }

    /// Reads what a source has in the fields that the search sees.
    pub fn read(&self, source: &[u8], fields: &mut Fields) {
        self.wanted.read(source, fields);
    }

    /// Whether a document matches.
    #[must_use]
    pub fn matches(&self, document: &Document<'_>, fields: &Fields) -> bool {
        self.score(document, fields).is_some()
    }

    /// The score of a document that matches.
    #[must_use]
    pub fn score(&self, document: &Document<'_>, fields: &Fields) -> Option<f32> {
        let score = self.query.score(document, fields)?;
        for filter in &self.filters {
            filter.score(document, fields)?;
        }
        if self.min_score.is_some_and(|least| score < least) {
            return None;
        }
        Some(score)
    }

    /// The names of the queries that a document matches.
    #[must_use]
    pub fn matched_names(&self, document: &Document<'_>, fields: &Fields) -> Vec<&str> {
        let matched =
            self.names.iter().filter(|(_, query)| query.score(document, fields).is_some());
        matched.map(|(name, _)| name.as_str()).collect()
    }

    /// What a document is ordered by.
    #[must_use]
    pub fn keys(&self, document: &Document<'_>, fields: &Fields, score: f32) -> Vec<Key> {
        let key = |criterion: &Criterion| criterion.key(document, fields, score, self.index);
        self.criteria.iter().map(key).collect()
    }

    /// The bytes that the terms of a document's texts take which it is ordered by, and of which field.
    pub fn sorted_texts<'p>(&'p self, fields: &'p Fields) -> impl Iterator<Item = (&'p str, u64)> {
        self.criteria.iter().filter_map(|criterion| criterion.text_bytes(fields))
    }

    /// How documents are ordered.
    #[must_use]
    pub fn ranking(&self) -> &Ranking {
        &self.ranking
    }

    /// Whether a document lies behind the values that the page begins behind.
    #[must_use]
    pub fn is_after(&self, keys: &[Key]) -> bool {
        match &self.after {
            Some(after) => self.ranking.compare(after, keys).is_lt(),
            None => true,
        }
    }
}

/// The keys that a page begins behind.
fn after(search: &Search, criteria: &[Criterion]) -> Checked<Option<Vec<Key>>> {
    let Some(values) = &search.search_after else { return Ok(None) };
    if search.sort.is_empty() {
        let reason = "Sort must contain at least one field.";
        return Err(QueryError::argument(reason).of_shard());
    }
    if values.len() != criteria.len() {
        let reason =
            format!("search_after has {} value(s) but sort has {}.", values.len(), criteria.len());
        return Err(QueryError::argument(reason).of_shard());
    }
    let keys = criteria.iter().zip(values).map(|(criterion, value)| criterion.read(value.as_ref()));
    keys.collect::<Checked<_>>().map(Some)
}
