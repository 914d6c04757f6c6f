//! A shard's state folded from its log, before its writer starts.

use document::{Effect, Operation, SeqNo};

use crate::{
    Place, VersionTable,
    log::{Entry, Position},
    store::Location,
};

/// What replaying a shard's stream has come to so far.
#[derive(Debug)]
pub struct Recovery {
    table: VersionTable,
    max_seq_no: Option<SeqNo>,
    position: Position,
}

impl Recovery {
    /// The state of a shard without history. See [`VersionTable::new`] for the seed.
    #[must_use]
    pub fn new(hash_seed: u64) -> Self {
        Self { table: VersionTable::new(hash_seed), max_seq_no: None, position: Position::START }
    }

    /// Folds in one entry. It may come late or twice: sequence numbers tell.
    pub fn entry(&mut self, position: Position, entry: Entry, locations: &[Location]) {
        for (operation, location) in entry.operations.into_iter().zip(locations) {
            self.max_seq_no = self.max_seq_no.max(Some(operation.seq_no));
            apply_operation(&self.table, operation, *location);
        }
        self.position = self.position.max(position);
    }

    /// The table, and the highest sequence number of an operation.
    pub(crate) fn finish(self) -> (VersionTable, Option<SeqNo>) {
        (self.table, self.max_seq_no)
    }
}

/// Applies one operation: the only way the table changes, for the writer and for replay.
pub(crate) fn apply_operation(table: &VersionTable, operation: Operation, location: Location) {
    let Some((_, last)) = operation.target() else { return };
    match operation.effect {
        Effect::Index { id, .. } => table.apply(id, last, Place::Live(location)),
        Effect::Delete { id, .. } => table.apply(id, last, Place::Deleted(operation.time)),
        Effect::Noop { .. } => {}
    }
}
