//! Searching: which documents of some indices a search finds, in which order.
//!
//! [`Searcher`] is the seam: whoever answers a search, by whatever structure, answers it so. [`Scan`]
//! looks at every document: it goes through the version tables part by part and reads the sources it
//! needs, so it sees every write that was answered. No lock is held while it reads.

mod scan;
mod scope;
mod turns;

use std::sync::Arc;

use document::{LastWrite, Timestamp};
use query::{Key, QueryError, Search};
use shard::{
    Document, ReadError,
    log::BoxFuture,
    store::{Hold, Location, StoreError},
};

use crate::{Error, Index, IndexRef};

pub use scan::Scan;
pub(crate) use scan::show_some;
pub use scope::{Filter, Scope};
pub use turns::Turns;

/// A search on some indices.
#[derive(Clone, Copy)]
pub struct SearchRequest<'a> {
    /// What is searched.
    pub within: Within<'a>,
    /// What is asked.
    pub search: &'a Search,
    /// How many of the first documents are wanted.
    pub limit: usize,
    /// When it has to come to an end.
    pub deadline: Option<Timestamp>,
    /// Whether there is memory for so many more bytes of hits, where they are many; a search ends where there
    /// is none. Without it there is.
    pub room: Option<&'a Room<'a>>,
}

/// Says whether there is memory for so many more bytes, and takes it.
pub type Room<'a> = dyn Fn(u64) -> bool + Send + Sync + 'a;

/// What is searched.
#[derive(Clone, Copy, Debug)]
pub enum Within<'a> {
    /// These documents, as they are now.
    Now(&'a [Scope]),
    /// What was there at a moment.
    Moment(&'a Moment),
}

/// The documents that were there at a moment.
#[derive(Debug, Default)]
pub struct Moment {
    shards: Vec<MomentOfShard>,
}

/// The documents of one shard at a moment.
#[derive(Debug)]
struct MomentOfShard {
    index: Arc<Index>,
    shard: u32,
    rows: Vec<Row>,
    filter: Option<Filter>,
    /// Keeps the sources.
    _hold: Hold,
}

impl Moment {
    /// The indices of which it is.
    pub fn indices(&self) -> impl Iterator<Item = &Index> {
        self.shards.iter().map(|shard| &*shard.index)
    }

    /// How many bytes of memory it takes, about.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let rows = self.shards.iter().flat_map(|shard| &shard.rows);
        rows.map(|row| u64::try_from(size_of::<Row>() + row.id.len()).unwrap_or(u64::MAX)).sum()
    }
}

/// A document as a version table tells of it.
#[derive(Clone, Debug)]
struct Row {
    id: Box<str>,
    last: LastWrite,
    location: Location,
}

/// A document that a search found, as it was at that moment.
#[derive(Clone, Debug)]
pub struct Hit {
    /// Its index.
    pub index: Arc<Index>,
    /// The number of its shard.
    pub shard: u32,
    /// Its id.
    pub id: Box<str>,
    /// Its last write.
    pub last: LastWrite,
    /// Its score.
    pub score: f32,
    /// What it was ordered by.
    pub keys: Vec<Key>,
    /// The names of the queries that it matches.
    pub names: Vec<String>,
    /// Whether its source was looked at: what it was written to since may not match.
    pub is_judged_by_source: bool,
    location: Location,
}

impl Hit {
    /// Reads the document as it was; nothing if it was written since and its older source is given up, which
    /// it may be where room is short.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn read(&self) -> Result<Option<Document>, StoreError> {
        match self.index.shard(self.shard) {
            Ok(shard) => shard.read_at(&self.id, self.last, self.location).await,
            Err(_) => Ok(None),
        }
    }

    /// Reads the document as it is now; nothing if it is there no more.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn read_latest(&self) -> Result<Option<Document>, StoreError> {
        let Ok(shard) = self.index.shard(self.shard) else { return Ok(None) };
        match shard.get(&self.id, None).await {
            Ok(document) => Ok(document),
            Err(ReadError::Store(error)) => Err(error),
            // Nothing is required of it.
            Err(ReadError::Conflict(_)) => Ok(None),
        }
    }

    /// How many bytes reading it takes.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        u64::from(self.location.length)
    }

    /// How many bytes of memory it takes while it is remembered, about.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let keys = self.keys.len() * size_of::<Key>();
        u64::try_from(size_of::<Self>() + self.id.len() + keys).unwrap_or(u64::MAX)
    }
}

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    /// The first documents, in order.
    pub hits: Vec<Hit>,
    /// How many there are in all.
    pub total: u64,
    /// The highest score.
    pub max_score: Option<f32>,
    /// Whether the time was not enough.
    pub timed_out: bool,
    /// Whether a shard stopped because it had found enough.
    pub terminated_early: bool,
    /// How many shards were searched.
    pub shards: u64,
    /// What went wrong, by shard.
    pub failures: Vec<ShardFailure>,
    /// Keep the sources of the hits.
    pub(crate) holds: Vec<Hold>,
}

impl Found {
    /// Keeps the sources of the hits no more: what collection gives up of them meanwhile cannot be read.
    pub fn release(&mut self) {
        self.holds.clear();
    }
}

/// Why a shard could not be searched.
#[derive(Clone, Debug)]
pub struct ShardFailure {
    /// The index.
    pub index: IndexRef,
    /// The shard's number.
    pub shard: u32,
    /// The reason.
    pub cause: FailureCause,
}

/// The reason of a shard's failure.
#[derive(Clone, Debug)]
pub enum FailureCause {
    /// The index has not what the search needs.
    Query(QueryError),
    /// A source cannot be read.
    Unreadable(Arc<str>),
    /// What was there at the moment is not there any more.
    Gone,
}

/// Whoever answers searches.
pub trait Searcher: Send + Sync {
    /// Finds the first documents of a search, when it is its turn. What goes wrong on a shard is told among the rest; it is
    /// an error only where nothing can be searched.
    ///
    /// It sees every write that was answered before it began.
    fn search<'a>(&'a self, request: SearchRequest<'a>) -> BoxFuture<'a, Result<Found, Error>>;

    /// Remembers documents as they are now.
    fn moment<'a>(&'a self, scopes: &'a [Scope]) -> BoxFuture<'a, Result<Moment, Error>>;
}
