//! What a shard asks before it takes in a document: whether the source fits rules it knows nothing of.

use std::{error::Error, fmt, sync::Arc};

use bytes::Bytes;
use document::{DocumentId, Routing};
use thiserror::Error;

use crate::{WriteError, log::BoxFuture};

/// A document that is to be written, as rules see it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its id.
    pub id: DocumentId,
    /// Its routing.
    pub routing: Option<Routing>,
    /// Its source.
    pub source: Bytes,
}

/// What rules say of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It fits.
    Fits,
    /// It would fit, once something is durable that is not yet: [`Admission::admit`] sees to it.
    Needs,
    /// It does not fit.
    Refused(Unfit),
}

/// Why a document does not fit: opaque to the shard, for whoever made the rules.
#[derive(Clone, Debug, Error)]
#[error(transparent)]
pub struct Unfit(Arc<dyn Error + Send + Sync>);

impl Unfit {
    /// Keeps a reason.
    #[must_use]
    pub fn new(reason: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(reason))
    }

    /// The reason, if it is of this type.
    #[must_use]
    pub fn reason<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

impl PartialEq for Unfit {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Unfit {}

/// The rules that the documents of a shard must fit. They come in editions, each with a number of its
/// own; a document that fitted an edition is not judged again while that edition holds.
///
/// The writer asks at the document's turn. If it would accept a document that *needs* something, it
/// makes everything before it durable, decides once more, and calls [`admit`](Self::admit), and nothing
/// else of the shard is decided until that returns. So what a document needs is made durable only for
/// one that is about to be accepted.
pub trait Admission: fmt::Debug + Send + Sync {
    /// The number of the edition that holds now. It never goes back.
    fn edition(&self) -> u64;

    /// What the rules say of a document now. Documents of this size are judged by the writer itself, so
    /// it should be quick.
    fn judge(&self, candidate: &Candidate) -> Verdict;

    /// Makes durable whatever the document needs, and returns when it fits.
    ///
    /// It must return when the shard's rules are given up, for whoever closes the shard waits for it.
    ///
    /// # Errors
    /// [`WriteError::Unfit`] if it does not fit after all; another one if what it needs could not be
    /// made durable. Nothing of it is, then.
    fn admit<'a>(&'a self, candidate: &'a Candidate) -> BoxFuture<'a, Result<(), WriteError>>;
}
