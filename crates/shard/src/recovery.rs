//! A shard's state folded from its log, before its writer starts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use document::SeqNo;

use crate::{VersionTable, log::EntryOutline, store::Location};

/// What replaying a shard's stream has come to so far.
#[derive(Debug)]
pub struct Recovery {
    table: VersionTable,
    next_seq_no: AtomicU64,
}

impl Recovery {
    /// The state of a shard without history, in an empty table.
    #[must_use]
    pub fn new(table: VersionTable) -> Self {
        Self { table, next_seq_no: AtomicU64::new(0) }
    }

    /// Folds in one entry. They may come in any order, and twice: sequence numbers tell. Adds to `retired` the
    /// locations that are of no use any more.
    pub fn entry(&self, entry: &EntryOutline<'_>, retired: &mut Vec<Location>) {
        self.table.apply_all(entry.operations, retired);
        self.next_seq_no.fetch_max(entry.next_seq_no.get(), Relaxed);
    }

    /// What is held so far.
    #[must_use]
    pub fn table(&self) -> &VersionTable {
        &self.table
    }

    /// The table, and the number that the next operation takes.
    pub(crate) fn finish(self) -> (VersionTable, SeqNo) {
        (self.table, SeqNo::new(self.next_seq_no.into_inner()))
    }
}
