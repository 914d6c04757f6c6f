//! Why a write was refused. Values only: the texts belong to the dialects.

use thiserror::Error;

use crate::{DocumentState, PrimaryTerm, SeqNo, Version};

/// A write that will not happen: it takes no sequence number and has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The document is not what the writer required.
    #[error(transparent)]
    Conflict(VersionConflict),
    /// The document's version is 2^63 − 1 and the write would count past it.
    #[error("the version of the document cannot rise above {}", Version::MAX)]
    VersionExhausted,
}

/// What was required of a document, and what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("version conflict: required {required:?}, found {found:?}")]
pub struct VersionConflict {
    /// What the write, or the read, required.
    pub required: Required,
    /// The document as it was found.
    pub found: DocumentState,
}

/// A requirement that did not hold. The codes are those of spec concurrency §4.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// That the last write is this one (C1; C2 when there is no document).
    SeqNo {
        /// The required sequence number.
        seq_no: SeqNo,
        /// The required primary term.
        term: PrimaryTerm,
    },
    /// That there is no document (V1).
    Absence,
    /// Exactly this version (V3; V2 when nothing is known of the document; R1 on reads).
    Version(Version),
    /// A version below this one (V4).
    Below(Version),
    /// A version not above this one (V5).
    NotAbove(Version),
}
