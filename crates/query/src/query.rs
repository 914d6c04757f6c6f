//! A query as it was read, before it is known what the index has.

use mapping::{DateZone, Dialect};

use crate::{
    edits::Fuzziness,
    error::QueryError,
    json::Body,
    parse::Parser,
    query_string::{Language, QueryString},
};

/// A query: what it tests, and what it adds to the score.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What it tests.
    pub(crate) clause: Clause,
    /// What its score is multiplied with.
    pub(crate) boost: f32,
    /// The name by which a hit tells that it matched.
    pub(crate) name: Option<String>,
}

impl Query {
    /// A query without boost and name.
    pub(crate) fn plain(clause: Clause) -> Self {
        Self { clause, boost: 1.0, name: None }
    }

    /// All documents.
    #[must_use]
    pub fn all() -> Self {
        Self::plain(Clause::All)
    }

    /// No documents.
    #[must_use]
    pub fn none() -> Self {
        Self::plain(Clause::None)
    }

    /// Reads a query that stands by itself.
    ///
    /// # Errors
    /// What is wrong with it, or not supported.
    pub fn read(text: &str, dialect: Dialect) -> Result<Self, QueryError> {
        let (body, node) = Body::read(text)?;
        Parser { body: &body, dialect }.query(&node)
    }

    /// Documents that match one of some queries.
    #[must_use]
    pub fn any(mut queries: Vec<Self>) -> Self {
        match (queries.len(), queries.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                queries.extend(last);
                Self::plain(Clause::Bool(Bool { should: queries, ..Bool::default() }))
            }
        }
    }

    /// The query that a URL gives as `q`, in the language of `query_string`.
    #[must_use]
    pub fn of_url(text: &str, how: &UrlQuery) -> Self {
        let words =
            Matching { every: how.every, analyzer: how.analyzer.clone(), ..Matching::default() };
        Self::plain(Clause::Written(Box::new(QueryString {
            text: text.to_owned(),
            language: Language::Lines { leading_wildcard: true },
            fields: how.default_field.iter().map(|field| (field.clone(), 1.0)).collect(),
            how: words,
            slop: 0,
            fuzziness: Fuzziness::default(),
            lenient: how.lenient,
            tie_breaker: Some(0.0),
            zone: DateZone::default(),
        })))
    }

    /// Documents of a type.
    #[must_use]
    pub fn of_type(name: &str) -> Self {
        Self::plain(Clause::Type(name.to_owned()))
    }

    /// Documents that match this query and another one, which does not score.
    #[must_use]
    pub fn filtered(self, filter: Self) -> Self {
        let must = vec![self];
        Self::plain(Clause::Bool(Bool { must, filter: vec![filter], ..Bool::default() }))
    }
}

/// How the query of a URL is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UrlQuery {
    /// The field of words that name none; all fields, if it does not say.
    pub default_field: Option<String>,
    /// Whether all words must be there.
    pub every: bool,
    /// The analyzer, if it is not the field's.
    pub analyzer: Option<String>,
    /// Whether what cannot be a value of a field finds nothing, if it says.
    pub lenient: Option<bool>,
}

/// What a query tests.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Clause {
    /// Nothing: every document matches.
    All,
    /// No document matches.
    None,
    /// The id.
    Ids(Vec<String>),
    /// The name of the type.
    Type(String),
    /// A value of a field.
    Term(String, Literal),
    /// One of several values of a field.
    Terms(String, Vec<Literal>),
    /// A value of a field within bounds.
    Range(Box<Range>),
    /// Any value of a field.
    Exists(String),
    /// A term that begins with a text.
    Prefix(String, Words),
    /// A term of a pattern.
    Wildcard(String, Words),
    /// A term that is near to a text.
    Near(String, Literal, Fuzziness),
    /// The terms of a text.
    Match(Box<Match>),
    /// The terms of a text in one of several fields.
    MultiMatch(Box<MultiMatch>),
    /// What a text says.
    Written(Box<QueryString>),
    /// Several queries.
    Bool(Bool),
    /// Several queries of which the best scores, and the others with a share.
    Best(Vec<Query>, f32),
    /// A query whose score does not count.
    Constant(Box<Query>),
}

/// A text whose terms are looked for in a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Match {
    /// The field.
    pub(crate) field: String,
    /// The text.
    pub(crate) text: Literal,
    /// How its terms are looked for.
    pub(crate) how: Matching,
}

/// A text whose terms are looked for in several fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MultiMatch {
    /// The fields, or patterns of them, each with what its score is multiplied with; all if empty.
    pub(crate) fields: Vec<(String, f32)>,
    /// The text.
    pub(crate) text: Literal,
    /// How its terms are looked for.
    pub(crate) how: Matching,
    /// What the fields beside the best add to the score; each adds all of its own if none.
    pub(crate) tie_breaker: Option<f32>,
}

/// How the terms of a text are looked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Matching {
    /// As what.
    pub(crate) kind: MatchKind,
    /// Whether all of them must be there.
    pub(crate) every: bool,
    /// How many of them must be there, if it says.
    pub(crate) least: Option<String>,
    /// How far the terms of a phrase may be moved.
    pub(crate) slop: usize,
    /// How far terms may be from those of the text, if at all.
    pub(crate) near: Option<Fuzziness>,
    /// The analyzer, if it is not the field's.
    pub(crate) analyzer: Option<String>,
    /// Whether a text that cannot be a value of the field finds nothing, and is no error.
    pub(crate) lenient: bool,
    /// Whether a text without terms finds everything.
    pub(crate) none_is_all: bool,
}

/// As what the terms of a text are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MatchKind {
    /// As words.
    #[default]
    Words,
    /// As words, of which the last is a prefix.
    WordsPrefix,
    /// As a phrase.
    Phrase,
    /// As a phrase, of which the last is a prefix.
    PhrasePrefix,
}

impl MatchKind {
    /// The name of the query.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Words => "match",
            Self::WordsPrefix => "match_bool_prefix",
            Self::Phrase => "match_phrase",
            Self::PhrasePrefix => "match_phrase_prefix",
        }
    }
}

/// A text that terms are compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Words {
    /// The text.
    pub(crate) text: String,
    /// Whether case does not matter.
    pub(crate) any_case: bool,
}

/// A value as a query writes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    /// A string.
    Text(String),
    /// A number, as written.
    Number(String),
    /// True or false.
    Boolean(bool),
}

impl Literal {
    /// Its text.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Boolean(true) => "true",
            Self::Boolean(false) => "false",
        }
    }
}

/// Queries of which some must match, some must not, and some may.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bool {
    /// These must match, and score.
    pub(crate) must: Vec<Query>,
    /// These must match.
    pub(crate) filter: Vec<Query>,
    /// These may match, and score.
    pub(crate) should: Vec<Query>,
    /// None of these may match.
    pub(crate) must_not: Vec<Query>,
    /// How many that may match must, if it says.
    pub(crate) least: Option<String>,
    /// Whether a query of which nothing must match takes all that is not excluded.
    pub(crate) adjusts: Option<bool>,
}

/// How the ranges of a field relate to that of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Relation {
    /// They have a value in common.
    #[default]
    Intersects,
    /// The field's lies within the query's.
    Within,
    /// The query's lies within the field's.
    Contains,
}

/// Bounds of a field's values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Range {
    /// The field.
    pub(crate) field: String,
    /// The lower bound.
    pub(crate) from: Option<Literal>,
    /// The upper bound.
    pub(crate) to: Option<Literal>,
    /// Whether the lower bound itself is within.
    pub(crate) with_from: bool,
    /// Whether the upper bound itself is within.
    pub(crate) with_to: bool,
    /// The format of dates, if it is not the field's.
    pub(crate) format: Option<String>,
    /// The zone of dates that name none.
    pub(crate) zone: DateZone,
    /// How ranges are compared.
    pub(crate) relation: Option<Relation>,
}
