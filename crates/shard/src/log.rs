//! The log: the truth every view of a shard is folded from, as a trait.
//!
//! A node's log is a set of streams, one per shard and one for the catalogue, opened together by a
//! [`LogProvider`]. [`memory`] is the reference; the durable ones live in the crate `storage`. What
//! the comments here promise is what `conformance` checks of each of them.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod memory;

use std::{error::Error, fmt, pin::Pin, sync::Arc};

use document::{Operation, PrimaryTerm};
use thiserror::Error;

use crate::store::{Location, Store};

/// A future behind `dyn`: one allocation, nothing beside a sync.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The cause of a failure below, for the operator's eyes.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Names a stream of the node's log. Never used again, also when its shard is gone: so a re-created
/// index cannot see its predecessor's operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u64);

impl StreamId {
    /// The catalogue's stream.
    pub const CATALOG: Self = Self(0);

    /// The stream of number `number`.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in a stream: physical (segment and offset, or a stream sequence), opaque, rising.
///
/// Not to be confused with a `SeqNo`, which is the logical order within a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// Before every entry.
    pub const START: Self = Self(0);

    /// The position of number `number`.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What one append adds to a stream: operations of one writer, all or none of them.
///
/// An entry without operations is a *marker*: it announces the term and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The term of the writer that appended it. Operations keep the term they were decided in.
    pub term: PrimaryTerm,
    /// In the order of their sequence numbers.
    pub operations: Vec<Operation>,
}

/// How an append ended when it did not end *appended*.
#[derive(Debug, Error)]
pub enum AppendError {
    /// Definitely not stored, now or later. The stream is as it was.
    #[error("the entry was refused: {0}")]
    Refused(Refused),
    /// Stored or not: only reading the log again can tell. Never guess and never retry blindly; this
    /// log accepts no further append.
    #[error("whether the entry was stored is unknown: {0}")]
    Unknown(#[source] Cause),
}

/// Why an entry was definitely not stored.
#[derive(Debug, Error)]
pub enum Refused {
    /// A newer term owns the stream: this writer's time is over.
    #[error("term [{offered}] is fenced by term [{current}]")]
    Fenced {
        /// The writer's term.
        offered: PrimaryTerm,
        /// The term that owns the stream.
        current: PrimaryTerm,
    },
    /// Somebody appended in between: the expected position is not the stream's last.
    #[error("the stream has moved on to {found:?}")]
    Ahead {
        /// Where the stream ends.
        found: Position,
    },
    /// There is no room for it now, or never will be; the next append may succeed.
    #[error("the entry cannot be stored: {0}")]
    NoRoom(#[source] Cause),
    /// The log has failed, or was closed, before this entry reached it.
    #[error("the log is closed")]
    Closed,
}

/// One stream of the log, as its single writer uses it.
pub trait Log: Send + Sync {
    /// Appends one entry behind `expected`, the position of the last entry this writer has seen.
    ///
    /// On `Ok` the entry is durable and the position its own. One append at a time: the writer waits
    /// for the answer before it appends again. Once called it runs to its end, also when the future
    /// is dropped.
    fn append<'a>(
        &'a self,
        entry: &'a Entry,
        expected: Position,
    ) -> BoxFuture<'a, Result<Position, AppendError>>;

    /// Reads the entries after `from`, oldest first: at least one if there is one, not more than the
    /// implementation likes to hold in memory. An empty answer is the end.
    fn read_from(&self, from: Position) -> BoxFuture<'_, Result<Vec<(Position, Entry)>, LogError>>;

    /// Returns once this writer is known to be current: what it has seen is all there is.
    fn barrier(&self) -> BoxFuture<'_, Result<(), LogError>>;

    /// Nobody will read up to and including `position` again: its space may be collected.
    fn release(&self, position: Position);
}

/// A stream that was opened for writing.
#[derive(Clone)]
pub struct Stream {
    /// Where its writer appends.
    pub log: Arc<dyn Log>,
    /// Where its documents are read from.
    pub store: Arc<dyn Store>,
    /// The term that this opening started, above every earlier one and durable.
    pub term: PrimaryTerm,
    /// The position of its last entry.
    pub position: Position,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("term", &self.term)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// The streams of one node, opened.
pub trait Logs: Send + Sync {
    /// A stream that [`Replay::live_streams`] named when the log was opened.
    fn stream(&self, id: StreamId) -> Option<Stream>;

    /// Starts a new stream in the first term: durable on return, by its marker.
    fn create(&self, id: StreamId) -> BoxFuture<'_, Result<Stream, AppendError>>;

    /// The shard is gone: refuses further appends and frees the stream's space in time. The caller
    /// has made the deletion durable elsewhere before.
    fn remove(&self, id: StreamId);

    /// Returns when the log has failed for good, with the reason. Every append that waited has been
    /// answered by then; the process should say why and end.
    fn failed(&self) -> BoxFuture<'static, String>;

    /// The clean stop: what was appended is durable, an end mark says that nothing is missing.
    /// Further appends are refused.
    fn close(&self) -> BoxFuture<'_, Result<(), LogError>>;
}

/// What opens a node's log.
pub trait LogProvider: Send {
    /// Makes one pass over what is stored, showing each entry to `replay` in the order of its stream,
    /// then opens the streams that are still wanted, each in a new primary term.
    ///
    /// Everything shown is durable before this returns, and so are the new terms; older writers are
    /// fenced. Blocks the calling thread.
    ///
    /// # Errors
    /// [`LogError`] when nothing can be served.
    fn open(self: Box<Self>, replay: &mut dyn Replay) -> Result<Arc<dyn Logs>, LogError>;
}

/// Who folds the log into state while it is opened.
pub trait Replay {
    /// One stored entry. `locations` has one place per operation. After collection an entry may come
    /// again or late: compare by sequence number (`document::apply`).
    fn entry(&mut self, stream: StreamId, position: Position, entry: Entry, locations: &[Location]);

    /// Asked once, after the last entry: the streams to open. Others are left to collection.
    fn live_streams(&mut self) -> Vec<StreamId>;
}

/// Why a log cannot be opened, read or closed.
#[derive(Debug, Error)]
pub enum LogError {
    /// Another process uses it.
    #[error("{0}")]
    Locked(String),
    /// What is stored is not what was written. Names file and offset.
    #[error("{0}")]
    Damaged(String),
    /// The storage below failed.
    #[error("{context}: {cause}")]
    Failed {
        /// What was being done, to which file.
        context: String,
        /// The failure.
        #[source]
        cause: Cause,
    },
}
