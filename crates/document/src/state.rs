//! What a shard holds about one document, and for how long it remembers a delete.

use crate::{PrimaryTerm, SeqNo, Version};

/// The identity of the write that made a document what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastWrite {
    /// Its place in the shard's history.
    pub seq_no: SeqNo,
    /// The term it was ordered under.
    pub term: PrimaryTerm,
    /// The document's version since.
    pub version: Version,
}

/// A document as a write or a read finds it ("resolve", spec concurrency §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentState {
    /// Never written, or deleted so long ago that the delete is forgotten.
    Absent,
    /// There, as its last write left it.
    Live(LastWrite),
    /// Deleted by its last write, which still counts: versions continue from it.
    Tombstone(LastWrite),
}

impl DocumentState {
    /// The state after a delete at `deleted_at`, as seen at `now`.
    ///
    /// Expiry is judged at the look-up and needs no sweeper to have run (spec concurrency §1).
    #[must_use]
    pub fn deleted(
        last: LastWrite,
        deleted_at: Timestamp,
        now: Timestamp,
        gc_deletes: GcDeletes,
    ) -> Self {
        if gc_deletes.remembers(deleted_at, now) { Self::Tombstone(last) } else { Self::Absent }
    }

    /// The last write of a document that is there.
    #[must_use]
    pub fn live(self) -> Option<LastWrite> {
        match self {
            Self::Live(last) => Some(last),
            Self::Absent | Self::Tombstone(_) => None,
        }
    }

    /// The last write that still counts, be it a delete.
    #[must_use]
    pub fn last_write(self) -> Option<LastWrite> {
        match self {
            Self::Live(last) | Self::Tombstone(last) => Some(last),
            Self::Absent => None,
        }
    }
}

/// A moment of the wall clock, in milliseconds since 1970. It may step back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

/// How long a shard remembers deletes: the setting `index.gc_deletes` (spec concurrency §1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GcDeletes {
    millis: i64,
}

impl GcDeletes {
    /// The default of 60 seconds.
    pub const DEFAULT: Self = Self { millis: 60_000 };

    /// Remembers deletes for `millis` milliseconds; −1 forgets them at once.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self { millis }
    }

    /// The window in milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.millis
    }

    /// Whether a delete of `deleted_at` still counts at `now`.
    #[must_use]
    pub fn remembers(self, deleted_at: Timestamp, now: Timestamp) -> bool {
        now.0.saturating_sub(deleted_at.0) <= self.millis
    }
}

impl Default for GcDeletes {
    fn default() -> Self {
        Self::DEFAULT
    }
}
