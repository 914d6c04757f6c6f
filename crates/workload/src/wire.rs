//! Operations in the words of a dialect, and answers in the words of the checker.

mod answer;
mod bulk;
mod by_query;
mod conflict;
mod index;
mod multi_get;
pub(crate) mod search;
mod single;
mod text;

use checker::{Action, Condition, Document, IndexAction, IndexOutcome, Outcome};
use thiserror::Error;

use crate::transport::{Answer, Listener, Request};

/// A generation of Elasticsearch's wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// 2.x.
    V2,
    /// 5.x.
    V5,
    /// 7.x.
    V7,
    /// 8.x and later.
    V8,
}

impl Dialect {
    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V5 => 5,
            Self::V7 => 7,
            Self::V8 => 8,
        }
    }

    /// Whether it is one of those with types, internal versions and no sequence numbers.
    #[must_use]
    pub fn is_old(self) -> bool {
        matches!(self, Self::V2 | Self::V5)
    }
}

/// How a client speaks: where to, in which dialect, and by which sign the server is to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// The address.
    pub listener: Listener,
    /// The dialect that is meant.
    pub dialect: Dialect,
    /// The type in paths and items; without one paths are typeless.
    pub type_name: Option<&'static str>,
    /// Whether the media types name the dialect.
    pub vendor: bool,
}

impl Manner {
    /// The dialect that the server answers this in: one sign of it is the path alone, which a condition
    /// on the sequence number overrules.
    #[must_use]
    pub fn answered_in(&self, call: &Call) -> Dialect {
        let by_path = self.listener == Listener::Plain && !self.vendor && self.type_name.is_some();
        let is_bound = |planned: &Planned| {
            let condition = match &planned.action {
                Action::Index { condition, .. }
                | Action::Create { condition, .. }
                | Action::Delete { condition }
                | Action::Update { condition, .. } => *condition,
                Action::Read { .. } => Condition::None,
            };
            matches!(condition, Condition::SeqNo { .. })
        };
        match call {
            Call::One(planned) if by_path && is_bound(planned) => Dialect::V7,
            Call::Bulk(items) if by_path && items.iter().any(is_bound) => Dialect::V7,
            Call::Index { .. } | Call::Search(_) | Call::ByQuery { .. } if by_path => Dialect::V7,
            Call::One(_)
            | Call::Bulk(_)
            | Call::MultiGet(_)
            | Call::Search(_)
            | Call::ByQuery { .. }
            | Call::Index { .. } => self.dialect,
        }
    }

    fn headers(&self, has_body: bool, lines: bool) -> Vec<(String, String)> {
        let kind = if lines { "x-ndjson" } else { "json" };
        let mut headers = Vec::new();
        if self.vendor {
            let number = self.dialect.number();
            let media =
                |kind| format!("application/vnd.elasticsearch+{kind};compatible-with={number}");
            headers.push(("accept".to_owned(), media("json")));
            if has_body {
                headers.push(("content-type".to_owned(), media(kind)));
            }
        } else if has_body && !(self.dialect.is_old() && self.listener != Listener::Plain) {
            headers.push(("content-type".to_owned(), format!("application/{kind}")));
        }
        headers
    }

    fn request(&self, method: &'static str, target: String, body: Vec<u8>) -> Request {
        let lines = target.split('?').next().is_some_and(|path| path.ends_with("/_bulk"));
        let headers = self.headers(!body.is_empty(), lines);
        Request { method, target, headers, body, listener: self.listener }
    }
}

/// One operation on one document, before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The document.
    pub document: Document,
    /// What is to be done.
    pub action: Action,
}

/// What one request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// One document.
    One(Planned),
    /// Many writes.
    Bulk(Vec<Planned>),
    /// Many reads.
    MultiGet(Vec<Planned>),
    /// A refresh and a search.
    Search(Search),
    /// A refresh and a write of what a query finds.
    ByQuery {
        /// The index that is searched.
        index: String,
        /// The field that holds a token.
        field: String,
        /// The token, which one document alone can hold.
        token: u64,
        /// What is done to that document, or to its copy in another index.
        planned: Planned,
    },
    /// Something of an index.
    Index {
        /// The index.
        index: String,
        /// What is to be done.
        action: IndexAction,
    },
}

impl Call {
    /// The operations on documents.
    #[must_use]
    pub fn planned(&self) -> &[Planned] {
        match self {
            Self::One(planned) | Self::ByQuery { planned, .. } => std::slice::from_ref(planned),
            Self::Bulk(planned) | Self::MultiGet(planned) => planned,
            Self::Index { .. } | Self::Search(_) => &[],
        }
    }
}

/// A search for some documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The index.
    pub index: String,
    /// Their ids.
    pub ids: Vec<String>,
    /// The routings that they may have.
    pub routings: Vec<Option<String>>,
    /// How it shows what it finds.
    pub walk: Walk,
    /// How many hits it shows at a time.
    pub size: u64,
    /// Whether it says that it has seen enough.
    pub closes: bool,
}

/// How a search shows what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// All at once.
    Once,
    /// Page by page, by a scroll.
    Scroll,
    /// Page by page, each a search of one point in time.
    PointInTime,
}

/// An answer that cannot be: not what the dialect says, or not to this request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{why}\nrequest: {request}\nanswer: {answer}")]
pub struct Misunderstood {
    /// What is wrong with it.
    pub why: String,
    /// The request.
    pub request: String,
    /// The answer.
    pub answer: String,
}

/// Puts a call into words; of one that takes several requests the first.
#[must_use]
pub fn request(manner: &Manner, call: &Call) -> Request {
    match call {
        Call::One(planned) => single::request(manner, planned),
        Call::Bulk(items) => bulk::request(manner, items),
        Call::MultiGet(items) => multi_get::request(manner, items),
        Call::Search(search) => search::refresh(manner, &search.index),
        Call::ByQuery { index, field, token, planned } => {
            by_query::request(manner, index, (field, *token), planned)
        }
        Call::Index { index, action } => index::request(manner, index, action),
    }
}

/// Understands what became of the operations on documents of a call, one by one.
///
/// # Errors
/// [`Misunderstood`], a reason alone, when no server that speaks the dialect answers so.
pub fn outcomes(manner: &Manner, call: &Call, answer: &Answer) -> Result<Vec<Outcome>, String> {
    let dialect = manner.answered_in(call);
    match call {
        Call::One(planned) => answer::single(dialect, planned, answer).map(|outcome| vec![outcome]),
        Call::Bulk(items) => bulk::outcomes(dialect, items, answer),
        Call::MultiGet(items) => multi_get::outcomes(dialect, items, answer),
        Call::ByQuery { planned, .. } => {
            by_query::outcome(dialect, planned, answer).map(|outcome| vec![outcome])
        }
        Call::Search(_) | Call::Index { .. } => Ok(Vec::new()),
    }
}

/// Understands what became of an operation on an index.
///
/// # Errors
/// As [`outcomes`].
pub fn index_outcome(action: &IndexAction, answer: &Answer) -> Result<IndexOutcome, String> {
    index::outcome(action, answer)
}
