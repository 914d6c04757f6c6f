//! What an update needs done outside the writer: reading the present source, or a large merge.

use std::sync::Arc;

use document::LastWrite;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{INLINE_MERGE_BYTES_MAX, PREPARED_BYTES_MAX, replies::Slot};
use crate::{
    Document, Modified, Threads, Update, Write, WriteError,
    log::Cause,
    shard::Shared,
    store::{Location, Store, StoreError},
};

/// The present document, or where it is.
pub(super) enum Basis {
    /// At hand, too large to merge in the writer.
    Read(Document),
    /// In the store.
    Stored {
        /// The write that made it so.
        last: LastWrite,
        /// Where its source lies.
        location: Location,
    },
}

/// An update whose modification is computed; it holds if the document is still what `last` wrote.
pub(super) struct Prepared {
    pub(super) write: Write,
    pub(super) update: Update,
    pub(super) slot: Slot,
    pub(super) last: LastWrite,
    pub(super) result: Result<(Document, Result<Modified, WriteError>), Unprepared>,
    /// What it takes of the room for preparations, until it is planned.
    pub(super) room: Option<OwnedSemaphorePermit>,
}

/// Why an update was not prepared.
pub(super) enum Unprepared {
    /// The present source was moved meanwhile: look it up again.
    Moved(Location),
    /// It cannot be.
    Failed(WriteError),
}

/// What preparations share.
pub(super) struct Surroundings {
    /// The shard's state.
    pub(super) shared: Arc<Shared>,
    /// Where sources are read.
    pub(super) store: Arc<dyn Store>,
    /// The bytes that preparations may still take.
    pub(super) room: Arc<Semaphore>,
    /// Where large merges run.
    pub(super) threads: Arc<dyn Threads>,
}

/// Reads the present document if need be, and modifies it: a large one on a thread of its own.
pub(super) async fn prepare(
    surroundings: Surroundings,
    write: Write,
    update: Update,
    basis: Basis,
    slot: Slot,
) -> Prepared {
    let Surroundings { shared, store, room, threads } = surroundings;
    let bytes = match &basis {
        Basis::Read(document) => u32::try_from(document.source.len()).unwrap_or(u32::MAX),
        Basis::Stored { location, .. } => location.length,
    };
    // The semaphore is never closed.
    let room = room.acquire_many_owned(bytes.min(PREPARED_BYTES_MAX)).await.ok();
    let (last, present) = match basis {
        Basis::Read(document) => (document.last, Ok(document)),
        Basis::Stored { last, location } => {
            let read = shared.read(store.as_ref(), write.id.as_str(), last, location).await;
            (last, read.map_err(unread))
        }
    };
    let result = match present {
        Ok(present) => modify(&update, present, threads.as_ref()).await.map_err(Unprepared::Failed),
        Err(error) => Err(error),
    };
    Prepared { write, update, slot, last, result, room }
}

fn unread(error: StoreError) -> Unprepared {
    match error {
        StoreError::Moved(location) => Unprepared::Moved(location),
        StoreError::Damaged(_) | StoreError::Failed { .. } => {
            Unprepared::Failed(WriteError::Unreadable(error.to_string().into()))
        }
    }
}

async fn modify(
    update: &Update,
    present: Document,
    threads: &dyn Threads,
) -> Result<(Document, Result<Modified, WriteError>), WriteError> {
    let unmodifiable = |cause: Cause| WriteError::Unmodifiable(cause.to_string().into());
    if present.source.len() + update.modify.weight() <= INLINE_MERGE_BYTES_MAX {
        let modified = update.modify.modify(Some(&present.source)).map_err(unmodifiable);
        return Ok((present, modified));
    }
    let (modify, source) = (Arc::clone(&update.modify), present.source.clone());
    let modified = threads.compute(move || modify.modify(Some(&source))).await;
    match modified {
        Some(modified) => Ok((present, modified.map_err(unmodifiable))),
        None => Err(WriteError::Unmodifiable("the modification panicked".into())),
    }
}
