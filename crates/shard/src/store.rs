//! The store: where the sources of documents are read from, as a trait.
//!
//! On one machine the log's own segments are the store, so a document is written once; beyond it
//! the store is a local copy. [`memory`] is the reference.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod memory;

use std::{any::Any, fmt, sync::Arc};

use document::Operation;
use thiserror::Error;

use crate::log::{BoxFuture, Cause, Entry, Position};

/// Where one operation is stored. Opaque to all but the store that gave it; 12 bytes, for there is
/// one in memory for each document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The segment.
    pub segment: u32,
    /// The first byte within the segment.
    pub offset: u32,
    /// How many bytes.
    pub length: u32,
}

/// The documents of one stream, by location.
pub trait Store: Send + Sync {
    /// Takes the entry that the log appended at `position` and returns one location per operation,
    /// in order. From then on they can be read. Where the log is the store this is arithmetic.
    ///
    /// # Errors
    /// [`StoreError`] when the copy cannot be written: the shard must stop.
    fn apply(&self, position: Position, entry: &Entry) -> Result<Vec<Location>, StoreError>;

    /// Reads one operation if that takes no waiting (it is in memory); nothing if it would.
    fn read_cached(&self, location: Location) -> Option<Result<Operation, StoreError>>;

    /// Reads one operation, off the event loop. Verified on every read: it is what was written, or an
    /// error.
    fn read(&self, location: Location) -> BoxFuture<'_, Result<Operation, StoreError>>;

    /// The same on the calling thread, which waits: for whoever opens the log.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    fn read_blocking(&self, location: Location) -> Result<Operation, StoreError>;

    /// No document needs what is stored there any more; its space may be collected. Said once.
    fn retire(&self, location: Location);

    /// Keeps what is stored now readable where it lies, also once no document needs it. A store may let
    /// go of it when room gets short; reading it is [`StoreError::Moved`] then.
    fn hold(&self) -> Hold;

    /// Whether what lies there is stored, not merely kept for those who hold on to it: whoever holds on
    /// before asking this, can read it.
    fn is_stored(&self, location: Location) -> bool;
}

/// As long as it lives, and the store has the room, what was stored when it was given can be read where it
/// lay then.
#[derive(Clone, Default)]
pub struct Hold(Option<Arc<dyn Any + Send + Sync>>);

impl Hold {
    /// A hold that ends when the last copy of it is dropped, and `guard` with it.
    #[must_use]
    pub fn shared(guard: Arc<dyn Any + Send + Sync>) -> Self {
        Self(Some(guard))
    }

    /// A hold on what is never given up.
    #[must_use]
    pub fn on_everything() -> Self {
        Self(None)
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Hold" } else { "Hold(everything)" })
    }
}

/// Why an operation cannot be stored or read.
#[derive(Debug, Error)]
pub enum StoreError {
    /// What was stored there was moved, and its place given up: look the document up again.
    #[error("what was stored at {0:?} was moved")]
    Moved(Location),
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
