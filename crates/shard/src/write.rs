//! What can be asked of a shard's writer, and what it answers.

use std::sync::Arc;

use bytes::Bytes;
use document::{DocumentId, LastWrite, Outcome, Precondition, Refusal, Routing};
use thiserror::Error;

use crate::{Document, Unfit};

/// One write of one document.
#[derive(Debug)]
pub struct Write {
    /// Which document.
    pub id: DocumentId,
    /// The routing it is written with. An update keeps the document's own.
    pub routing: Option<Routing>,
    /// What it requires.
    pub precondition: Precondition,
    /// What it does.
    pub change: Change,
    /// The edition of the shard's rules that its source was found to fit, if it was
    /// ([`Admission`](crate::Admission)). Others are judged by the writer.
    pub fits: Option<u64>,
}

impl Write {
    /// How many bytes of a document it brings along, about.
    pub(crate) fn source_bytes(&self) -> usize {
        match &self.change {
            Change::Index(source) | Change::Create(source) => source.len(),
            Change::Delete => 0,
            Change::Update(update) => update.modify.weight(),
        }
    }
}

/// What a write does to its document.
#[derive(Debug)]
pub enum Change {
    /// Puts this source in the place of whatever was there.
    Index(Bytes),
    /// Puts this source where there is no document.
    Create(Bytes),
    /// Removes the document.
    Delete,
    /// Computes the new source from the present one; undivided, so that it never loses a race.
    Update(Update),
}

/// A read-modify-write that the writer carries out as one.
#[derive(Clone, Debug)]
pub struct Update {
    /// Computes the change.
    pub modify: Arc<dyn Modify>,
    /// Whether the answer shall hold the document; large ones would be kept until all is answered.
    pub wants_document: bool,
    /// The document as the caller found it just before, if it did. It spares the writer, who never
    /// reads a file, sending for it; it is used only if it is still the present one.
    pub basis: Option<Document>,
}

/// The modification of an update: a pure function of the present source.
pub trait Modify: std::fmt::Debug + Send + Sync {
    /// What becomes of a document with this source, or of one that is not there.
    ///
    /// # Errors
    /// [`WriteError::Unmodifiable`] when the source cannot be modified so, [`WriteError::Unfit`] when
    /// the caller's rules refuse it; nothing is written then.
    fn modify(&self, present: Option<&Bytes>) -> Result<Modified, WriteError>;

    /// Roughly how many bytes it works through besides the source; large ones run on a worker.
    fn weight(&self) -> usize;
}

/// What a modification came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Modified {
    /// The document takes this source.
    Source(Bytes),
    /// The document is deleted.
    Delete,
    /// Nothing changes.
    Noop,
    /// There is no document, and the update does not bring one along.
    Missing,
}

/// A write that is durable and visible, or a noop that rests on what is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What it did.
    pub outcome: Outcome,
    /// The document's last write since; a noop's is an earlier one.
    pub last: LastWrite,
    /// The document since, where an update was asked for it.
    pub document: Option<Document>,
}

/// Why a write was not answered with success. Each says what the caller must do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// The document is not what the writer required: read it again. Not applied.
    #[error(transparent)]
    Refused(Refusal),
    /// An update found no document. Not applied.
    #[error("document missing")]
    Missing,
    /// The document's source cannot be modified so. Not applied.
    #[error("{0}")]
    Unmodifiable(Arc<str>),
    /// The document's source does not fit the rules of the shard. Not applied.
    #[error(transparent)]
    Unfit(Unfit),
    /// Too much is waiting: try again later. Not applied.
    #[error("the shard's mailbox is full")]
    Busy,
    /// Another writer has taken over. Not applied.
    #[error("another writer has taken over the shard")]
    Fenced,
    /// There is no room for it now. Not applied; the shard goes on.
    #[error("{0}")]
    NoRoom(Arc<str>),
    /// The shard is closed: its index was deleted, or the process is ending. Not applied.
    #[error("the shard is closed")]
    Closed,
    /// Memory for another document's identity is short; deletes and changes of documents that are
    /// there still work. Not applied.
    #[error("[{wanted}] bytes would be in use, the limit is [{limit}]")]
    NoMemory {
        /// How many bytes would be in use.
        wanted: u64,
        /// How many may be.
        limit: u64,
    },
    /// Part of the shard's history is lost, so that nothing can be decided. Not applied.
    #[error("the shard is damaged: {0}")]
    Damaged(Arc<str>),
    /// The document's present source cannot be read. Not applied.
    #[error("{0}")]
    Unreadable(Arc<str>),
    /// It happened once or never: read the document to find out.
    #[error("{0}")]
    Unknown(Arc<str>),
}
