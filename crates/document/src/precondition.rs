//! What a writer may require of the document it writes.

use crate::{PrimaryTerm, SeqNo, Version};

/// The condition under which a write may happen.
///
/// One variant per real case, so that half a condition (`if_seq_no` without its term) cannot be
/// said. Which of them a request may express is a matter of its dialect; here all are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Whatever the document is.
    None,
    /// The document's last write is exactly this one: `if_seq_no` and `if_primary_term`.
    SeqNo {
        /// The sequence number that must have been the last.
        seq_no: SeqNo,
        /// The term it must have been written under.
        term: PrimaryTerm,
    },
    /// The document (or its tombstone) has exactly this version: `version=` in 2.x to 6.x.
    Version(Version),
    /// The caller's version is above the document's: `version_type=external`.
    ExternalGreater(Version),
    /// The caller's version is not below the document's: `version_type=external_gte`.
    ExternalGreaterOrEqual(Version),
    /// None, but the document takes the caller's version: `version_type=force`.
    Force(Version),
}

impl Precondition {
    /// The version the caller brings along, when it does not let the server count.
    #[must_use]
    pub fn external_version(self) -> Option<Version> {
        match self {
            Self::ExternalGreater(version)
            | Self::ExternalGreaterOrEqual(version)
            | Self::Force(version) => Some(version),
            Self::None | Self::SeqNo { .. } | Self::Version(_) => None,
        }
    }
}
