//! Copies of stored operations whose place is to be given up (`log::Relocate`).
//!
//! The writer makes them, first in a batch, because it alone knows that nothing newer is under way:
//! so in a stream no copy ever lies behind a newer operation on its document.

use document::{Effect, Timestamp};
use tokio::sync::oneshot;

use super::Writer;
use crate::{
    Held, Place, WriteError,
    log::{Damage, StoredOperation},
    shard::Shared,
};

/// Operations whose place is to be given up.
pub(crate) struct Relocation {
    /// What was found there.
    pub(crate) found: Vec<StoredOperation>,
    /// Whether deletes must be kept although nobody remembers them.
    pub(crate) older_elsewhere: bool,
    /// Whether an entry is wanted even if there is nothing to copy.
    pub(crate) with_marker: bool,
    /// Answered when the copies are durable and the table points to them.
    pub(crate) reply: oneshot::Sender<Result<(), WriteError>>,
}

impl Relocation {
    /// Answers who waits, if anybody still does.
    pub(super) fn answer(self, ended: Result<(), WriteError>) {
        let _ = self.reply.send(ended);
    }
}

impl Writer {
    /// Adds a copy of each operation that still counts. The batch must hold nothing else yet.
    pub(super) fn plan_relocation(&mut self, mut relocation: Relocation) {
        if let Some(Damage { what, lost_below: Some(_) }) = &self.stream.damage
            && !relocation.found.is_empty()
        {
            // What counts cannot be told.
            let damaged = WriteError::Damaged(what.clone());
            return relocation.answer(Err(damaged));
        }
        for found in std::mem::take(&mut relocation.found) {
            if counts(&self.shared, self.batch.now(), &found, relocation.older_elsewhere) {
                self.batch.push_copy(found.operation);
            }
        }
        self.batch.answer_relocation(relocation);
    }
}

/// Whether an operation must be there when its place is gone.
pub(crate) fn counts(
    shared: &Shared,
    now: Timestamp,
    found: &StoredOperation,
    older_elsewhere: bool,
) -> bool {
    let StoredOperation { operation, location } = found;
    let Some((id, last)) = operation.target() else { return false };
    let held = shared.table.get(id.as_str());
    match (&operation.effect, held) {
        (Effect::Index { .. }, Some(held)) => held.place == Place::Live(*location),
        (Effect::Delete { .. }, Some(Held { last: held, place: Place::Deleted(at) })) => {
            let remembered = shared.gc_deletes().remembers(at, now);
            held.seq_no == last.seq_no && (remembered || older_elsewhere)
        }
        // The table has forgotten it, or a later delete: who replays must still learn of it.
        (Effect::Delete { .. }, None) => older_elsewhere,
        (Effect::Index { .. }, None)
        | (Effect::Delete { .. }, Some(Held { place: Place::Live(_), .. }))
        | (Effect::Noop { .. }, _) => false,
    }
}
