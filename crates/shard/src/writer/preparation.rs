//! What an update needs done outside the writer: reading the present source, or a large merge.

use std::sync::Arc;

use document::{DocumentId, LastWrite, Routing};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{INLINE_MERGE_BYTES_MAX, PREPARED_BYTES_MAX, replies::Slot};
use crate::{
    Admission, Candidate, Document, Modified, Modify, Threads, Update, Verdict, Write, WriteError,
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
    /// The edition of the rules that the source it came to was found to fit.
    pub(super) fits: Option<u64>,
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
    /// The rules that documents must fit.
    pub(super) admission: Option<Arc<dyn Admission>>,
}

/// Reads the present document if need be, and modifies it: a large one on a thread of its own.
pub(super) async fn prepare(
    surroundings: Surroundings,
    write: Write,
    update: Update,
    basis: Basis,
    slot: Slot,
) -> Prepared {
    let Surroundings { shared, store, room, threads, admission } = surroundings;
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
    let present = match present {
        Ok(present) => present,
        Err(error) => {
            return Prepared { write, update, slot, last, result: Err(error), fits: None, room };
        }
    };
    let merge = Merge { modify: Arc::clone(&update.modify), id: write.id.clone(), admission };
    let (result, fits) = match merge.run(present, threads.as_ref()).await {
        Ok((present, modified, fits)) => (Ok((present, modified)), fits),
        Err(error) => (Err(Unprepared::Failed(error)), None),
    };
    Prepared { write, update, slot, last, result, fits, room }
}

fn unread(error: StoreError) -> Unprepared {
    match error {
        StoreError::Moved(location) => Unprepared::Moved(location),
        StoreError::Damaged(_) | StoreError::Failed { .. } => {
            Unprepared::Failed(WriteError::Unreadable(error.to_string().into()))
        }
    }
}

/// A modification, and the rules for what it comes to.
struct Merge {
    /// Computes it.
    modify: Arc<dyn Modify>,
    /// The document's id.
    id: DocumentId,
    /// The rules.
    admission: Option<Arc<dyn Admission>>,
}

/// A modified document as it was, what became of it, and the edition of the rules that this fits.
type Merged = (Document, Result<Modified, WriteError>, Option<u64>);

impl Merge {
    /// Modifies a document; a large one on a thread of its own, where it is judged as well.
    async fn run(self, present: Document, threads: &dyn Threads) -> Result<Merged, WriteError> {
        if present.source.len() + self.modify.weight() <= INLINE_MERGE_BYTES_MAX {
            let modified = self.modify.modify(Some(&present.source));
            return Ok((present, modified, None));
        }
        let (source, routing) = (present.source.clone(), present.routing.clone());
        let modified = threads.compute(move || {
            let modified = self.modify.modify(Some(&source));
            let fits = modified.as_ref().ok().and_then(|modified| self.fits(modified, routing));
            (modified, fits)
        });
        match modified.await {
            Some((modified, fits)) => Ok((present, modified, fits)),
            None => Err(WriteError::Unmodifiable("the modification panicked".into())),
        }
    }

    /// The edition of the rules that a modified document fits, if it fits the one that holds.
    fn fits(&self, modified: &Modified, routing: Option<Routing>) -> Option<u64> {
        let (Some(admission), Modified::Source(source)) = (&self.admission, modified) else {
            return None;
        };
        let edition = admission.edition();
        let candidate = Candidate { id: self.id.clone(), routing, source: source.clone() };
        (admission.judge(&candidate) == Verdict::Fits).then_some(edition)
    }
}
