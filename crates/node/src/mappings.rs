//! The mapping of an index as it is now, and what it says of the documents that are to be written.
//!
//! All who hold the index share one [`Mappings`]: its editions follow each other, each durable before it
//! is shown. A document is checked beside the writers, against the edition of the moment; its shard's
//! writer asks again only where another edition holds by then, or where the document adds to the mapping.

use std::{
    fmt,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use mapping::{Document, Fit, Mapping, MappingError, MappingUpdate};
use parking_lot::RwLock;
use shard::{
    Admission, Candidate, Change, Threads, Unfit, Verdict, Write, WriteError, log::BoxFuture,
};
use tokio::sync::watch;

use crate::{Error, IndexMetadata, IndexRef, catalog::Catalog};

/// Longer sources are checked beside the event loop.
const INLINE_CHECK_BYTES_MAX: usize = 64 << 10;

/// Where the catalogue is found, once there is one: whoever has it must not keep it alive.
pub(crate) type CatalogLink = Arc<OnceLock<Weak<Catalog>>>;

/// A mapping, and the number that tells it from others of the same index.
#[derive(Debug)]
pub(crate) struct Edition {
    /// Its number.
    pub(crate) number: u64,
    /// The mapping.
    pub(crate) mapping: Mapping,
}

/// The mapping of an index as it is now.
pub(crate) struct Mappings {
    /// Which index it is of.
    index: IndexRef,
    /// The edition that holds.
    current: RwLock<Arc<Edition>>,
    /// Its number, for those who only want to know whether it still holds.
    number: AtomicU64,
    /// Whether the index is given up, so that nobody waits for a change of its mapping any more.
    closed: watch::Sender<bool>,
    /// Who makes changes durable.
    catalog: CatalogLink,
    /// Where long documents are checked.
    threads: Arc<dyn Threads>,
}

/// How a write stands to the mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its document fits, or it brings none.
    Fits,
    /// Its document adds to the mapping.
    Adds,
}

/// What a document comes to.
enum Checked {
    /// It fits.
    Fits,
    /// It adds to this edition of the mapping.
    Adds(Arc<Edition>, Box<MappingUpdate>),
}

impl Mappings {
    /// The mapping of an index that the catalogue keeps. What cannot be understood (an earlier version
    /// took anything) stands for no mapping.
    pub(crate) fn of(
        metadata: &IndexMetadata,
        catalog: CatalogLink,
        threads: Arc<dyn Threads>,
    ) -> Arc<Self> {
        let index =
            IndexRef { name: metadata.name.as_str().into(), uuid: metadata.uuid.as_str().into() };
        let mapping = metadata.compile().unwrap_or_else(|error| {
            tracing::warn!(index = %metadata.name, %error, "the mapping is ignored");
            Mapping::empty(metadata.mapping_settings())
        });
        let current = RwLock::new(Arc::new(Edition { number: 0, mapping }));
        let (closed, _) = watch::channel(false);
        Arc::new(Self { index, current, number: AtomicU64::new(0), closed, catalog, threads })
    }

    /// The edition that holds.
    pub(crate) fn current(&self) -> Arc<Edition> {
        Arc::clone(&self.current.read())
    }

    /// Lets another mapping hold, which is durable.
    pub(crate) fn publish(&self, mapping: Mapping) {
        let mut current = self.current.write();
        let number = current.number + 1;
        *current = Arc::new(Edition { number, mapping });
        self.number.store(number, Ordering::Release);
    }

    /// Sends everybody away who waits for a change: the index is deleted, or the process ends.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Checks the document that a write brings, and notes which edition it fits. What an update makes is
    /// checked when it is made.
    pub(crate) fn check_write(&self, write: &mut Write) -> Result<Standing, MappingError> {
        let (Change::Index(source) | Change::Create(source)) = &write.change else {
            return Ok(Standing::Fits);
        };
        let edition = self.current();
        let routing = write.routing.as_ref().map(document::Routing::as_str);
        let document = Document { id: write.id.as_str(), routing, source };
        match edition.mapping.check_unspoken(&document)? {
            Fit::Fits(_) => {
                write.fits = Some(edition.number);
                Ok(Standing::Fits)
            }
            Fit::NeedsUpdate(_) => Ok(Standing::Adds),
        }
    }

    /// Checks a candidate; a long one on a thread of its own.
    async fn examine(&self, candidate: &Candidate) -> Result<Checked, WriteError> {
        let edition = self.current();
        if candidate.source.len() <= INLINE_CHECK_BYTES_MAX {
            return examine(edition, candidate).map_err(unfit);
        }
        let candidate = candidate.clone();
        let examined = self.threads.compute(move || examine(edition, &candidate)).await;
        let panicked = || WriteError::Unmodifiable("the check of the mapping panicked".into());
        examined.ok_or_else(panicked)?.map_err(unfit)
    }

    /// Makes durable what a document adds to the mapping, if it still adds anything.
    async fn extend(&self, candidate: &Candidate) -> Result<(), WriteError> {
        let Checked::Adds(edition, update) = self.examine(candidate).await? else { return Ok(()) };
        let Some(catalog) = self.catalog.get().and_then(Weak::upgrade) else {
            return Err(WriteError::Closed);
        };
        let (basis, candidate) = (edition.number, candidate.clone());
        let change = move |present: &Edition| {
            if present.number == basis {
                return present.mapping.apply(&update).map(Some);
            }
            // Others have added to it meanwhile.
            match present.mapping.check_unspoken(&document(&candidate))? {
                Fit::Fits(_) => Ok(None),
                Fit::NeedsUpdate(update) => present.mapping.apply(&update).map(Some),
            }
        };
        catalog.change_mapping(self.index.clone(), change).await.map_err(refused)
    }
}

impl fmt::Debug for Mappings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, current: _, number, closed: _, catalog: _, threads: _ } = self;
        f.debug_struct("Mappings")
            .field("index", index)
            .field("number", number)
            .finish_non_exhaustive()
    }
}

impl Admission for Mappings {
    fn edition(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    fn judge(&self, candidate: &Candidate) -> Verdict {
        let judged = examine(self.current(), candidate).and_then(|checked| match checked {
            Checked::Fits => Ok(Verdict::Fits),
            // Whether the mapping can take it is told before versions are looked at.
            Checked::Adds(edition, update) => {
                edition.mapping.apply(&update).map(|_| Verdict::Needs)
            }
        });
        judged.unwrap_or_else(|error| Verdict::Refused(Unfit::new(error)))
    }

    fn admit<'a>(&'a self, candidate: &'a Candidate) -> BoxFuture<'a, Result<(), WriteError>> {
        Box::pin(async move {
            let mut closed = self.closed.subscribe();
            tokio::select! {
                biased;
                extended = self.extend(candidate) => extended,
                _ = closed.wait_for(|closed| *closed) => Err(WriteError::Closed),
            }
        })
    }
}

/// Checks a candidate against an edition.
fn examine(edition: Arc<Edition>, candidate: &Candidate) -> Result<Checked, MappingError> {
    match edition.mapping.check_unspoken(&document(candidate))? {
        Fit::Fits(_) => Ok(Checked::Fits),
        Fit::NeedsUpdate(update) => Ok(Checked::Adds(edition, update)),
    }
}

/// A candidate as mappings see it.
fn document(candidate: &Candidate) -> Document<'_> {
    Document {
        id: candidate.id.as_str(),
        routing: candidate.routing.as_ref().map(document::Routing::as_str),
        source: &candidate.source,
    }
}

/// A document that does not fit.
fn unfit(error: MappingError) -> WriteError {
    WriteError::Unfit(Unfit::new(error))
}

/// Why a document's fields did not come into the mapping, as its writer is told. The document is not
/// written in any case.
fn refused(error: Error) -> WriteError {
    if let Error::Mapping(error) = error {
        return unfit(error);
    }
    let Error::Catalog(error) = error else {
        // The index is gone.
        return WriteError::Closed;
    };
    if matches!(error, WriteError::Unknown(_)) { WriteError::Closed } else { error }
}
