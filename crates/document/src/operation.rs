//! What the log holds: writes that were decided.

use bytes::Bytes;

use crate::{DocumentId, LastWrite, PrimaryTerm, Routing, SeqNo, Timestamp, Version};

/// A decided write, in the order its shard gave it. Whoever applies it decides nothing again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its place in the shard's history.
    pub seq_no: SeqNo,
    /// The term it was ordered under.
    pub term: PrimaryTerm,
    /// When it was decided; a delete is remembered from this moment on.
    pub time: Timestamp,
    /// What it does.
    pub effect: Effect,
}

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The document has this source.
    Index {
        /// Which document.
        id: DocumentId,
        /// The routing it was written with.
        routing: Option<Routing>,
        /// Its version since.
        version: Version,
        /// Its `_source`, byte for byte as sent.
        source: Bytes,
    },
    /// The document is deleted.
    Delete {
        /// Which document.
        id: DocumentId,
        /// The tombstone's version.
        version: Version,
    },
    /// Nothing: it fills a sequence number whose operation never came to be.
    Noop {
        /// Why the number is empty.
        reason: Box<str>,
    },
}

impl Operation {
    /// The document it is about and the identity it gives it; a no-op is about none.
    #[must_use]
    pub fn target(&self) -> Option<(&DocumentId, LastWrite)> {
        let (id, version) = match &self.effect {
            Effect::Index { id, version, .. } | Effect::Delete { id, version } => (id, *version),
            Effect::Noop { .. } => return None,
        };
        Some((id, LastWrite { seq_no: self.seq_no, term: self.term, version }))
    }
}
