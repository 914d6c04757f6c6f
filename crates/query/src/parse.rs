//! Reading queries.

mod compound;
mod matching;
mod range;
mod term;
#[cfg(test)]
mod tests;
mod written;

use mapping::Dialect;

use crate::{
    error::{Checked, QueryError},
    json::{Body, Kind, Member, Node},
    query::{Clause, MatchKind, Query},
};

/// The queries that Elasticsearch has and this server has not yet.
const UNSUPPORTED: [&str; 43] = [
    "boosting",
    "combined_fields",
    "common",
    "distance_feature",
    "field_masking_span",
    "function_score",
    "geo_bounding_box",
    "geo_distance",
    "geo_grid",
    "geo_polygon",
    "geo_shape",
    "has_child",
    "has_parent",
    "intervals",
    "knn",
    "more_like_this",
    "nested",
    "parent_id",
    "percolate",
    "pinned",
    "rank_feature",
    "regexp",
    "rule",
    "script",
    "script_score",
    "semantic",
    "shape",
    "span_containing",
    "span_first",
    "span_gap",
    "span_multi",
    "span_near",
    "span_not",
    "span_or",
    "span_term",
    "span_within",
    "sparse_vector",
    "terms_set",
    "text_expansion",
    "weighted_tokens",
    "wrapper",
    "mlt",
    "geo_bbox",
];

/// Reads queries of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parser<'a> {
    /// The body.
    pub(crate) body: &'a Body<'a>,
    /// Whose words hold.
    pub(crate) dialect: Dialect,
}

/// What every query may say.
#[derive(Debug, Default)]
struct Common {
    /// `boost`
    boost: Option<f32>,
    /// `_name`
    name: Option<String>,
}

impl Common {
    /// A query with what was said.
    fn of(self, clause: Clause) -> Query {
        Query { clause, boost: self.boost.unwrap_or(1.0), name: self.name }
    }
}

impl Parser<'_> {
    /// Reads a query.
    pub(crate) fn query(&self, node: &Node) -> Checked<Query> {
        let Some(members) = node.members() else {
            return Err(self
                .body
                .parsing(node, "[_na] query malformed, must start with start_object"));
        };
        let Some((member, others)) = members.split_first() else {
            let place = self.body.place(node);
            let reason =
                format!("query malformed, empty clause found at [{}:{}]", place.line, place.column);
            return Err(QueryError::argument(reason));
        };
        let name = member.name.as_str();
        let Some(parameters) = member.value.members() else {
            let reason = format!("[{name}] query malformed, no start_object after query name");
            return Err(self.body.parsing(&member.value, reason));
        };
        let query = self.named(member, parameters)?;
        if let Some(other) = others.first() {
            let reason =
                format!("[{name}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]");
            let place = self.body.place_of_name(other);
            return Err(QueryError::new("parsing_exception", reason).at(place));
        }
        Ok(query)
    }

    /// Reads the query of a name.
    fn named(&self, member: &Member, parameters: &[Member]) -> Checked<Query> {
        let node = &member.value;
        match member.name.as_str() {
            "match_all" => self.bare("match_all", Clause::All, node, parameters),
            "match_none" => self.bare("match_none", Clause::None, node, parameters),
            "ids" => self.ids(parameters),
            "type" if self.dialect == Dialect::Seven => self.type_name(node, parameters),
            "term" => self.term(parameters),
            "terms" | "in" => self.terms(node, parameters),
            "range" => self.range(parameters),
            "exists" => self.exists(node, parameters),
            "prefix" => self.words("prefix", parameters),
            "wildcard" => self.words("wildcard", parameters),
            "fuzzy" => self.near(parameters),
            "match" => self.matching(MatchKind::Words, node, parameters),
            "match_bool_prefix" => self.matching(MatchKind::WordsPrefix, node, parameters),
            "match_phrase" => self.matching(MatchKind::Phrase, node, parameters),
            "match_phrase_prefix" => self.matching(MatchKind::PhrasePrefix, node, parameters),
            "multi_match" => self.multi_match(node, parameters),
            "query_string" => self.query_string(node, parameters),
            "simple_query_string" => self.simple_query_string(node, parameters),
            "dis_max" => self.best(node, parameters),
            "bool" => self.compound(parameters),
            "constant_score" => self.constant(node, parameters),
            name if UNSUPPORTED.contains(&name) => {
                Err(QueryError::unsupported(format_args!("[{name}] queries are")))
            }
            name => {
                let reason = match self.dialect {
                    Dialect::Seven => format!("no [query] registered for [{name}]"),
                    Dialect::Eight => format!("unknown query [{name}]"),
                };
                Err(self.body.parsing(node, reason))
            }
        }
    }

    /// A query that has no parameters of its own.
    fn bare(&self, name: &str, clause: Clause, _: &Node, parameters: &[Member]) -> Checked<Query> {
        let mut common = Common::default();
        for member in parameters {
            if !self.common(&mut common, name, member)? {
                return Err(self.body.unknown_field(member, name));
            }
        }
        Ok(common.of(clause))
    }

    /// Takes a parameter that every query has, and says whether it was one.
    fn common(&self, common: &mut Common, query: &str, member: &Member) -> Checked<bool> {
        match member.name.as_str() {
            "boost" => {
                let Some(text) = member.value.scalar() else {
                    return Err(self.unexpected(query, member));
                };
                let boost: f32 = text.parse().map_err(|_| QueryError::no_number(text))?;
                if boost < 0.0 {
                    let reason = format!(
                        "negative [boost] are not allowed in [{query}], use a value between 0 and 1 \
                         to deboost"
                    );
                    return Err(QueryError::argument(reason));
                }
                common.boost = Some(boost);
            }
            "_name" => match member.value.scalar() {
                Some(text) => common.name = Some(text.to_owned()),
                None if member.value.is_null() => {}
                None => return Err(self.unexpected(query, member)),
            },
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A parameter that the query does not have.
    fn unknown(&self, query: &str, member: &Member) -> QueryError {
        let reason = format!("[{query}] query does not support [{}]", member.name);
        self.body.parsing(&member.value, reason)
    }

    /// A parameter whose value is of the wrong kind.
    fn unexpected(&self, query: &str, member: &Member) -> QueryError {
        let (token, name) = (member.value.token(), &member.name);
        self.body
            .parsing(&member.value, format!("[{query}] unknown token [{token}] after [{name}]"))
    }

    /// A parameter that is true or false.
    pub(crate) fn boolean(&self, node: &Node) -> Checked<bool> {
        match &node.kind {
            Kind::Boolean(value) => Ok(*value),
            Kind::Text(text) if text == "true" => Ok(true),
            Kind::Text(text) if text == "false" => Ok(false),
            Kind::Object(_) | Kind::Array(_) | Kind::Text(_) | Kind::Number(_) | Kind::Null => {
                let text = node.scalar().unwrap_or("null");
                let reason = format!(
                    "Failed to parse value [{text}] as only [true] or [false] are allowed."
                );
                Err(QueryError::argument(reason))
            }
        }
    }

    /// The one field of a query on one field: its name and what is said of it.
    fn one_field<'m>(&self, query: &str, parameters: &'m [Member]) -> Checked<&'m Member> {
        let Some((member, others)) = parameters.split_first() else {
            return Err(QueryError::argument("field name is null or empty"));
        };
        if let Some(other) = others.first() {
            let reason = format!(
                "[{query}] query doesn't support multiple fields, found [{}] and [{}]",
                member.name, other.name
            );
            return Err(self.body.parsing(&other.value, reason));
        }
        if member.name.is_empty() {
            return Err(QueryError::argument("field name is null or empty"));
        }
        Ok(member)
    }
}
