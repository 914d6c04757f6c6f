//! What clients did and were told, and what became of the server meanwhile.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One moment of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    /// Its place among all moments of the history: no two are equal.
    pub order: u64,
    /// What the server's wall clock showed, in milliseconds since 1970. It may step back.
    pub wall_millis: i64,
}

/// The name of a document, as requests say it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Document {
    /// The index.
    pub index: String,
    /// The id.
    pub id: String,
    /// The routing, which chooses the shard in the place of the id.
    pub routing: Option<String>,
}

impl fmt::Display for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.id)?;
        match &self.routing {
            Some(routing) => write!(formatter, "?routing={routing}"),
            None => Ok(()),
        }
    }
}

/// A source: each field holds a token. A token that was never seen in an answer is used by one write
/// only, so that a source tells whose it is.
pub type Fields = BTreeMap<String, u64>;

/// What a write requires of its document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// That this is the last write: `if_seq_no` and `if_primary_term`.
    SeqNo {
        /// The sequence number.
        seq_no: u64,
        /// The primary term.
        term: u64,
    },
    /// That this is the version: `version=` alone, in dialects 2 and 5.
    Version(u64),
    /// That the version is below this one, which becomes the version.
    External(u64),
    /// That the version is not above this one, which becomes the version.
    ExternalGte(u64),
    /// That some field holds this token: what a write by query looked for, and then found unchanged.
    Holds(u64),
}

/// What an update does where there is no document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Upsert {
    /// Its change becomes the document: `doc_as_upsert`.
    Change,
    /// These fields become the document: `upsert`.
    Fields(Fields),
}

/// The endpoint a document is read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadBy {
    /// By itself.
    Get,
    /// As one of many.
    MultiGet,
    /// Its source alone.
    Source,
    /// As a hit of a search, or as what it does not find. It lasts from the beginning of a refresh before
    /// it until the moment of what it shows is fixed, be that shown much later.
    Search,
}

/// What is done to one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Puts these fields in the place of whatever was there.
    Index {
        /// What it requires.
        condition: Condition,
        /// The source.
        fields: Fields,
    },
    /// Puts these fields where there is no document.
    Create {
        /// What it requires besides; only 2.x allows anything.
        condition: Condition,
        /// The source.
        fields: Fields,
    },
    /// Removes the document.
    Delete {
        /// What it requires.
        condition: Condition,
    },
    /// Merges fields into the document.
    Update {
        /// What it requires.
        condition: Condition,
        /// The partial document.
        change: Fields,
        /// What it does where there is none.
        upsert: Option<Upsert>,
        /// Whether a change that changes nothing is no write.
        detect_noop: bool,
    },
    /// Reads the document.
    Read {
        /// The version that it must have, if it is there.
        version: Option<u64>,
        /// The endpoint.
        by: ReadBy,
    },
}

impl Action {
    /// Whether it is a read.
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(self, Self::Read { .. })
    }
}

/// The `result` of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WriteResult {
    /// There was no document, now there is.
    Created,
    /// The document has a new source.
    Updated,
    /// There was a document, now there is none.
    Deleted,
    /// A delete found no document.
    NotFound,
    /// An update found nothing to change.
    Noop,
}

/// What a refusal says of the document it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Current {
    /// A document, or a delete that still counts, of this version.
    Version(u64),
    /// A document whose last write is this one.
    SeqNo {
        /// The sequence number.
        seq_no: u64,
        /// The primary term.
        term: u64,
    },
    /// A document, of which nothing is said.
    Live,
    /// No document.
    NotLive,
    /// No document, and no delete that still counts.
    Absent,
}

/// What a client was told. Not every dialect shows every number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The write happened, or there was nothing to change.
    Written {
        /// What it did.
        result: WriteResult,
        /// The document's version since.
        version: Option<u64>,
        /// The sequence number.
        seq_no: Option<u64>,
        /// The primary term.
        term: Option<u64>,
    },
    /// Something that was required did not hold.
    Conflict {
        /// What the message says was found, if it says.
        found: Option<Current>,
    },
    /// There is no document to read or to update.
    Missing,
    /// The document.
    Found {
        /// Its version.
        version: Option<u64>,
        /// The sequence number of its last write.
        seq_no: Option<u64>,
        /// The primary term of its last write.
        term: Option<u64>,
        /// Its source.
        fields: Fields,
        /// The routing that is shown with it: outer nothing where the endpoint shows none ever.
        routing: Option<Option<String>>,
    },
    /// There is no such index.
    AbsentIndex,
    /// It did not happen and never will.
    NotApplied {
        /// Why.
        reason: String,
    },
    /// It happened once or never, until the end of the server's life.
    Unknown {
        /// Why that is not known.
        reason: String,
    },
}

/// One operation on one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Who did it. A client may have several under way, after it hung up on some.
    pub client: u32,
    /// The request it is part of: all items of a bulk or an mget share it.
    pub request: u64,
    /// Its place in the request.
    pub item: u32,
    /// The life of the server it was sent to.
    pub life: u32,
    /// The dialect it was said in: 2, 5, 7 or 8.
    pub dialect: u8,
    /// Before it was sent.
    pub began: Moment,
    /// After it was answered; nothing if it never was.
    pub ended: Option<Moment>,
    /// The document.
    pub document: Document,
    /// What was to be done.
    pub action: Action,
    /// What came of it.
    pub outcome: Outcome,
}

/// When writes of an index are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Durability {
    /// When they are durable.
    Request,
    /// Before.
    Async,
}

/// The settings of a new index that matter here; what is not set has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// `number_of_shards`, 1 unless set.
    pub shards: Option<u32>,
    /// `number_of_routing_shards`.
    pub routing_shards: Option<u32>,
    /// `gc_deletes`, 60,000 unless set.
    pub gc_deletes_millis: Option<i64>,
    /// `translog.durability`, by request unless set.
    pub durability: Option<Durability>,
    /// Whether searches see a write after a refresh alone: a negative `refresh_interval`. It is the same
    /// to those who refresh first.
    #[serde(default)]
    pub waits_for_refresh: bool,
}

/// What is done to an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexAction {
    /// Creates it.
    Create(Shape),
    /// Deletes it.
    Delete,
    /// Changes settings; what is not named stays.
    Change {
        /// `gc_deletes`.
        gc_deletes_millis: Option<i64>,
        /// `translog.durability`.
        durability: Option<Durability>,
    },
}

/// What came of an operation on an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexOutcome {
    /// It happened.
    Done,
    /// There is such an index already.
    Exists,
    /// There is no such index.
    Absent,
    /// It did not happen and never will.
    NotApplied {
        /// Why.
        reason: String,
    },
    /// It happened once or never, until the end of the server's life.
    Unknown {
        /// Why that is not known.
        reason: String,
    },
}

/// One operation on one index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexOperation {
    /// Who did it.
    pub client: u32,
    /// The request.
    pub request: u64,
    /// The life of the server it was sent to.
    pub life: u32,
    /// Before it was sent.
    pub began: Moment,
    /// After it was answered; nothing if it never was.
    pub ended: Option<Moment>,
    /// The index.
    pub index: String,
    /// What was to be done.
    pub action: IndexAction,
    /// What came of it.
    pub outcome: IndexOutcome,
}

/// How a life of the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// It was asked to stop and did.
    Clean,
    /// The process ended; the machine went on.
    Killed,
    /// What was not synced may be lost.
    PowerCut,
}

/// One life of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Its number; lives are numbered upwards.
    pub number: u32,
    /// Before any client was served in it, and after the end of the life before.
    pub started: Moment,
    /// When it had ended, and how; nothing while it lasts. Nothing of it takes effect after.
    pub stopped: Option<(Moment, Ending)>,
}

/// Everything that clients did and were told, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// What was done to documents.
    pub operations: Vec<Operation>,
    /// What was done to indices.
    pub index_operations: Vec<IndexOperation>,
    /// The server's lives; without any there is one that never ends.
    pub lives: Vec<Life>,
    /// Further readings of the wall clock. Between two neighbouring readings of the history the clock
    /// is taken to show nothing outside of the two: who steps it reads it before and after.
    pub clock: Vec<Moment>,
}
