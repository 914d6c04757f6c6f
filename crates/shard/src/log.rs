//! The log: the truth every view of a shard is folded from, as a trait.
//!
//! A node's log is a set of streams, one per shard and one for the catalogue, opened together by a
//! [`LogProvider`]. [`memory`] is the reference; the durable ones live in the crate `storage`. What
//! the comments here promise is what `conformance` checks of each of them.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod memory;

mod outline;
mod statistics;

use std::{error::Error, fmt, pin::Pin, sync::Arc, time::Duration};

use document::{Operation, PrimaryTerm, SeqNo};
use thiserror::Error;

pub use outline::{EntryOutline, Outline, OutlineEffect};
pub use statistics::{GROUP_OPERATIONS, LogStatistics};

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
    /// Behind every entry.
    pub const END: Self = Self(u64::MAX);

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
/// An entry without operations is a *marker*: it announces the term and the next sequence number and
/// nothing else. An operation whose number is older than those of the entries before is a
/// *relocation*: a copy of one that is still the last on its document, made before the original's
/// place is given up. Per document the operations of a stream come in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The term of the writer that appended it. Operations keep the term they were decided in.
    pub term: PrimaryTerm,
    /// The number that the stream's next operation takes: above every number given so far. It is
    /// here, and not only in the operations, because those may be collected.
    pub next_seq_no: SeqNo,
    /// New ones in the order of their sequence numbers, relocated ones in any.
    pub operations: Vec<Operation>,
}

impl Entry {
    /// An entry that says where the stream is and nothing else.
    #[must_use]
    pub const fn marker(term: PrimaryTerm, next_seq_no: SeqNo) -> Self {
        Self { term, next_seq_no, operations: Vec::new() }
    }
}

/// When an append is answered (the setting `index.translog.durability`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When it is durable.
    #[default]
    Request,
    /// When it is written. It is durable within the interval, unless the power is cut before: then
    /// it and what followed it may be lost, as if they had never been.
    Async {
        /// How long it may take.
        sync_interval: Duration,
    },
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
    /// On `Ok` the entry is durable (but see [`Durability`]) and the position its own. One append at a time: the writer waits
    /// for the answer before it appends again. Once called it runs to its end, also when the future
    /// is dropped.
    fn append<'a>(
        &'a self,
        entry: &'a Entry,
        expected: Position,
    ) -> BoxFuture<'a, Result<Position, AppendError>>;

    /// Reads the entries after `from`, oldest first: at least one if there is one, not more than the
    /// implementation likes to hold in memory. An empty answer is the end. From the start on, what
    /// was collected is left out; from elsewhere that is [`LogError::Collected`].
    fn read_from(&self, from: Position) -> BoxFuture<'_, Result<Vec<(Position, Entry)>, LogError>>;

    /// Returns once this writer is known to be current: what it has seen is all there is.
    fn barrier(&self) -> BoxFuture<'_, Result<(), LogError>>;

    /// Sets when further appends are answered.
    fn set_durability(&self, durability: Durability);

    /// Whether there is room for new documents. If not, only entries of deletes, relocations and
    /// markers have a chance: there is a reserve for those, so that room can be made.
    fn has_room(&self) -> bool;

    /// How long whoever wants to write so many bytes of documents is to wait before it does, so that
    /// garbage is not made faster than it is collected.
    fn delay(&self, bytes: usize) -> Duration;

    /// A view of the stream has got as far as `position`: what follows is kept for it as it was
    /// appended, within bounds, however little of it counts; nothing is kept for a view that has
    /// [`Position::END`], which is how a stream begins.
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
    /// What is wrong with it, if anything is.
    pub damage: Option<Damage>,
}

/// What is not as it was written in a stream that was opened all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Names file and offset.
    pub what: Arc<str>,
    /// Operations with numbers below this may be missing. Nothing if all are known and only sources
    /// cannot be read.
    pub lost_below: Option<SeqNo>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("term", &self.term)
            .field("position", &self.position)
            .field("damage", &self.damage)
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
    /// has made the deletion durable elsewhere before, and retired the stream's locations.
    fn remove(&self, id: StreamId);

    /// Starts to collect what no document needs any more, with the help of those who know.
    fn collect(&self, relocate: Arc<dyn Relocate>);

    /// Ends that, before the streams' writers are closed. Closing the log does it too.
    fn stop_collecting(&self) -> BoxFuture<'_, ()>;

    /// What it did since it was opened, and how it is now. Cheap, and in nobody's way.
    fn statistics(&self) -> LogStatistics;

    /// Returns when the log has failed for good, with the reason. Every append that waited has been
    /// answered by then; the process should say why and end.
    fn failed(&self) -> BoxFuture<'static, String>;

    /// The clean stop: what was appended is durable, an end mark says that nothing is missing.
    /// Further appends are refused.
    fn close(&self) -> BoxFuture<'_, Result<(), LogError>>;
}

/// What opens a node's log.
pub trait LogProvider: Send {
    /// Makes one pass over what is stored, showing each entry to `replay`, then opens the streams that are still wanted, each in a new primary term.
    ///
    /// Everything shown is durable before this returns, and so are the new terms; older writers are
    /// fenced. Blocks the calling thread.
    ///
    /// # Errors
    /// [`LogError`] when nothing can be served.
    fn open(self: Box<Self>, replay: &mut dyn Replay) -> Result<Arc<dyn Logs>, LogError>;
}

/// Who folds the log into state while it is opened.
pub trait Replay: Sync {
    /// One stored entry, without its sources. They come in any order, and from several threads at a
    /// time: compare by sequence number (`document::apply`). Adds to `retired` the locations that are of
    /// no use any more: of what the operations replace, or of operations that are stale themselves.
    fn entry(&self, stream: StreamId, entry: &EntryOutline<'_>, retired: &mut Vec<Location>);

    /// Asked once, after the last entry: the streams to open. Others are left to collection, and
    /// their locations retired. Sources are read from `store`.
    ///
    /// # Errors
    /// When what the log holds cannot be understood: it is not opened.
    fn live_streams(&mut self, store: &dyn Store) -> Result<Vec<StreamId>, LogError>;
}

/// An operation as collection found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOperation {
    /// The operation.
    pub operation: Operation,
    /// Where it lies.
    pub location: Location,
}

/// Who knows what of a stream is still needed.
pub trait Relocate: Send + Sync {
    /// Whether an operation still counts, as far as can be told beside the stream's writer: what
    /// does not will not again.
    fn counts(&self, stream: StreamId, found: &StoredOperation, older_elsewhere: bool) -> bool;

    /// How many deletes are remembered, of all streams.
    fn tombstones(&self) -> u64;

    /// Has deletes forgotten that are remembered no longer, also where nothing is written. Called now
    /// and then.
    fn sweep(&self);

    /// Appends those of these operations that still count to their stream again, and returns when
    /// the copies are durable and the views point to them. `older_elsewhere` says that older
    /// operations on the same documents may be left in other places: then deletes that nobody
    /// remembers any more must be kept all the same, or a replay would bring the documents back.
    ///
    /// The copies are appended by the stream's own writer: so none lies behind a newer operation on
    /// its document. If there is nothing to copy, `with_marker` asks for an entry all the same.
    fn relocate(
        &self,
        stream: StreamId,
        found: Vec<StoredOperation>,
        older_elsewhere: bool,
        with_marker: bool,
    ) -> BoxFuture<'_, Result<(), RelocateError>>;
}

/// Why operations were not moved: what they lie in must stay.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("stream {stream} cannot be moved: {why}")]
pub struct RelocateError {
    /// Whose operations.
    pub stream: StreamId,
    /// The reason.
    pub why: String,
    /// Whether it will soon be otherwise: the stream is just being created or removed.
    pub is_passing: bool,
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
    /// Some of what was appended after this position was collected: only reading from the start
    /// shows all that counts.
    #[error("what follows {0:?} was collected in part")]
    Collected(Position),
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
