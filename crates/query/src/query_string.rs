//! Queries written as one line of text: `query_string`, `simple_query_string` and the `q` of a URL (spec
//! search-api §4.4).
//!
//! Both languages are read into one [`Expression`]. Which fields it is about, and what their terms are, is
//! known where an index is searched: a text that cannot be read is an error there.

mod lines;
mod simple;
mod words;

use mapping::DateZone;

use crate::{
    edits::Fuzziness,
    error::{Checked, QueryError},
    query::Matching,
};

pub(crate) use simple::Operators;

/// Parentheses within parentheses, at most.
const DEPTH_MAX: usize = 100;
/// Clauses of one text, at most (`indices.query.bool.max_clause_count`).
const CLAUSES_MAX: usize = 1_024;

/// A query that is written as a text, and how it is to be read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QueryString {
    /// The text.
    pub(crate) text: String,
    /// In which of the languages.
    pub(crate) language: Language,
    /// The fields of what names none, each with what its score is multiplied with; those of the index if
    /// empty.
    pub(crate) fields: Vec<(String, f32)>,
    /// How the terms of its words are looked for.
    pub(crate) how: Matching,
    /// How far the terms of a phrase may be moved that does not say.
    pub(crate) slop: usize,
    /// How near terms are to a word that does not say.
    pub(crate) fuzziness: Fuzziness,
    /// Whether what cannot be a value of a field finds nothing, and is no error. Where it does not say, only
    /// for words that name no field and mean all.
    pub(crate) lenient: Option<bool>,
    /// What the fields beside the best add to the score; each adds all of its own if none.
    pub(crate) tie_breaker: Option<f32>,
    /// The zone of dates that name none.
    pub(crate) zone: DateZone,
}

/// A language of queries.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Language {
    /// That of `query_string`, which has errors.
    Lines {
        /// Whether a pattern may begin with a wildcard.
        leading_wildcard: bool,
    },
    /// That of `simple_query_string`, which has none, with these operators.
    Simple(Operators),
}

/// What a text says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    /// Nothing: what it is part of is read without it.
    Nothing,
    /// Every document.
    All,
    /// The terms of some words.
    Words {
        /// The field, if it names one.
        field: Option<String>,
        /// The words.
        text: String,
    },
    /// The terms of some words, one after the other.
    Phrase {
        /// The field, if it names one.
        field: Option<String>,
        /// The words.
        text: String,
        /// How far they may be moved, if it says.
        slop: Option<usize>,
    },
    /// Terms that begin so.
    Prefix {
        /// The field, if it names one.
        field: Option<String>,
        /// Their beginning.
        text: String,
    },
    /// Terms of a pattern.
    Wildcard {
        /// The field, if it names one.
        field: Option<String>,
        /// The pattern.
        text: String,
    },
    /// Terms that are near to a word.
    Near {
        /// The field, if it names one.
        field: Option<String>,
        /// The word.
        text: String,
        /// How near, if it says.
        edits: Option<f32>,
    },
    /// Values within bounds.
    Range {
        /// The field, if it names one.
        field: Option<String>,
        /// The bounds.
        bounds: Bounds,
    },
    /// Any value of a field.
    Exists(String),
    /// Several of them.
    Clauses(Vec<(Occur, Expression)>),
    /// One whose score is multiplied.
    Boosted(Box<Expression>, f32),
}

/// Bounds of values; what is missing is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The lower bound.
    pub(crate) from: Option<String>,
    /// The upper bound.
    pub(crate) to: Option<String>,
    /// Whether the lower bound itself is within.
    pub(crate) with_from: bool,
    /// Whether the upper bound itself is within.
    pub(crate) with_to: bool,
}

/// What a clause is to the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occur {
    /// It must match.
    Must,
    /// It may match.
    Should,
    /// It must not match.
    MustNot,
}

impl QueryString {
    /// What the text says.
    ///
    /// # Errors
    /// It cannot be read, or says something that is not supported.
    pub(crate) fn expression(&self) -> Checked<Expression> {
        match &self.language {
            Language::Lines { leading_wildcard } => {
                lines::read(&self.text, self.how.every, *leading_wildcard)
                    .map_err(|problem| problem.of(&self.text))
            }
            Language::Simple(operators) => simple::read(&self.text, self.how.every, *operators)
                .map_err(|problem| problem.of(&self.text)),
        }
    }
}

/// Why a text is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    /// It is none of the language.
    Malformed(String),
    /// This server has not what it says.
    Unsupported(&'static str),
    /// It has too many clauses.
    TooLong,
}

impl Problem {
    fn of(self, text: &str) -> QueryError {
        match self {
            Self::Malformed(why) => {
                let reason = format!("Cannot parse '{text}': {why}");
                let cause = QueryError::new("parse_exception", reason);
                QueryError::query_shard(format!("Failed to parse query [{text}]")).because(cause)
            }
            Self::Unsupported(what) => QueryError::unsupported(what).of_shard(),
            Self::TooLong => {
                let reason = format!("maxClauseCount is set to {CLAUSES_MAX}");
                QueryError::creating(QueryError::new("too_many_clauses", reason))
            }
        }
    }
}
