//! Why a search cannot be done, in Elasticsearch's words.
//!
//! An error is a chain of types and reasons. Which status it gets, and its JSON, are the server's.

use std::fmt;

use mapping::MappingError;

/// Who tells an error: the node that reads the request, or a shard that cannot do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The request itself is wrong.
    Request,
    /// It cannot be done on an index as that is.
    Shard,
}

/// Where in a body something stands, from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character of the line.
    pub column: usize,
}

/// An error and what caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    inner: Box<Inner>,
}

/// The parts of an error, behind a pointer so that a result stays small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    stage: Stage,
    kind: &'static str,
    reason: String,
    place: Option<Place>,
    caused_by: Option<QueryError>,
}

/// A result of reading or compiling.
pub(crate) type Checked<T> = Result<T, QueryError>;

impl QueryError {
    /// An error of a request, by the name of its type.
    #[must_use]
    pub fn new(kind: &'static str, reason: impl Into<String>) -> Self {
        let inner = Inner {
            stage: Stage::Request,
            kind,
            reason: reason.into(),
            place: None,
            caused_by: None,
        };
        Self { inner: Box::new(inner) }
    }

    /// A value that cannot be.
    #[must_use]
    pub fn argument(reason: impl Into<String>) -> Self {
        Self::new("illegal_argument_exception", reason)
    }

    /// Something that Elasticsearch has and this server has not yet.
    #[must_use]
    pub fn unsupported(what: impl fmt::Display) -> Self {
        Self::argument(format!("{what} not supported yet"))
    }

    /// A text that is no number.
    pub(crate) fn no_number(text: &str) -> Self {
        let shown = if text.is_empty() {
            "empty String".to_owned()
        } else {
            format!("For input string: \"{text}\"")
        };
        Self::new("number_format_exception", shown)
    }

    /// A query that cannot be made of what the index has.
    pub(crate) fn query_shard(reason: impl Into<String>) -> Self {
        Self::new("query_shard_exception", reason).of_shard()
    }

    /// A query that fails for an inner reason.
    pub(crate) fn creating(cause: Self) -> Self {
        let reason = format!("failed to create query: {}", cause.reason());
        Self::query_shard(reason).because(cause)
    }

    /// The same error, told by a shard.
    pub(crate) fn of_shard(mut self) -> Self {
        self.inner.stage = Stage::Shard;
        self
    }

    /// The same error, caused by another.
    pub(crate) fn because(mut self, cause: Self) -> Self {
        self.inner.caused_by = Some(cause);
        self
    }

    /// The same error, seen at a place of the body.
    pub(crate) fn at(mut self, place: Place) -> Self {
        self.inner.place = Some(place);
        self
    }

    /// Who tells it.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.inner.stage
    }

    /// The name of its type.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.inner.kind
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.inner.reason
    }

    /// Where it was seen, for the types that tell.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.inner.place
    }

    /// What caused it.
    #[must_use]
    pub fn caused_by(&self) -> Option<&Self> {
        self.inner.caused_by.as_ref()
    }
}

impl From<&MappingError> for QueryError {
    fn from(error: &MappingError) -> Self {
        let own = Self::new(error.type_name(), error.reason());
        match error.caused_by() {
            Some(cause) => own.because(Self::from(cause)),
            None => own,
        }
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind(), self.reason())?;
        if let Some(cause) = self.caused_by() {
            write!(f, " <= {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for QueryError {}
