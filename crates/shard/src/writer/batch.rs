//! The batch being planned: its operations, the state they produce, the answers they wait for.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use document::{
    DocumentId, DocumentState, Effect, GcDeletes, LastWrite, Operation, PrimaryTerm, SeqNo,
    Timestamp,
};
use hashbrown::{HashTable, hash_table::Entry};

use crate::{Document, WriteError};

use super::{
    INLINE_MERGE_BYTES_MAX,
    relocation::Relocation,
    replies::{Answer, Replies, Slot},
};

/// Writes that were planned together and become durable together.
pub(super) struct Batch {
    operations: Vec<Operation>,
    answers: Vec<(Slot, Answer)>,
    /// How many of the operations, the first, are copies.
    copies: usize,
    /// Whose copies are among the operations.
    relocations: Vec<Relocation>,
    /// What updates computed, small enough to keep for the next ones.
    remembered: Vec<Document>,
    /// The overlay: for each document of the batch its latest operation, by hash and index.
    latest: HashTable<(u64, usize)>,
    /// Bytes of sources and ids, roughly what the entry will measure.
    bytes: usize,
    next_seq_no: SeqNo,
    term: PrimaryTerm,
    now: Timestamp,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            operations: Vec::new(),
            copies: 0,
            answers: Vec::new(),
            relocations: Vec::new(),
            remembered: Vec::new(),
            latest: HashTable::new(),
            bytes: 0,
            next_seq_no: SeqNo::ZERO,
            term: PrimaryTerm::FIRST,
            now: Timestamp::from_millis(0),
        }
    }
}

impl Batch {
    /// Starts over. All of a batch happens at one moment.
    pub(super) fn begin(&mut self, next_seq_no: SeqNo, term: PrimaryTerm, now: Timestamp) {
        self.operations.clear();
        self.copies = 0;
        self.answers.clear();
        self.remembered.clear();
        self.latest.clear();
        self.bytes = 0;
        (self.next_seq_no, self.term, self.now) = (next_seq_no, term, now);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn operations(&self) -> usize {
        self.operations.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Orders an effect: gives it the next sequence number.
    pub(super) fn push(&mut self, effect: Effect, hash: u64) -> LastWrite {
        let (version, size) = match &effect {
            Effect::Index { id, version, source, .. } => {
                (*version, id.as_str().len() + source.len())
            }
            Effect::Delete { id, version } => (*version, id.as_str().len()),
            Effect::Noop { reason } => (document::Version::FIRST, reason.len()),
        };
        let last = LastWrite { seq_no: self.next_seq_no, term: self.term, version };
        let index = self.operations.len();
        let operation = Operation { seq_no: last.seq_no, term: last.term, time: self.now, effect };
        let operations = &self.operations;
        let same = |&(_, other): &(u64, usize)| {
            operations.get(other).is_some_and(|other| same_target(other, &operation))
        };
        match self.latest.entry(hash, same, |(hash, _)| *hash) {
            Entry::Vacant(vacant) => {
                vacant.insert((hash, index));
            }
            Entry::Occupied(mut occupied) => occupied.get_mut().1 = index,
        }
        self.operations.push(operation);
        self.bytes += size;
        self.next_seq_no = self.next_seq_no.next();
        last
    }

    /// Adds a copy of an operation that was applied before: it changes no state.
    pub(super) fn push_copy(&mut self, operation: Operation) {
        self.bytes += match &operation.effect {
            Effect::Index { id, source, .. } => id.as_str().len() + source.len(),
            Effect::Delete { id, .. } => id.as_str().len(),
            Effect::Noop { reason } => reason.len(),
        };
        self.operations.push(operation);
        self.copies += 1;
    }

    /// How many of the operations, the first, are copies.
    pub(super) fn copies(&self) -> usize {
        self.copies
    }

    /// Whether an entry is to be appended even if there are no operations.
    pub(super) fn wants_marker(&self) -> bool {
        self.relocations.iter().any(|relocation| relocation.with_marker)
    }

    /// The number that the operation after this batch takes.
    pub(super) fn next_seq_no(&self) -> SeqNo {
        self.next_seq_no
    }

    /// Has somebody told when the copies made for them are durable and applied.
    pub(super) fn answer_relocation(&mut self, relocation: Relocation) {
        self.relocations.push(relocation);
    }

    /// The state that the batch gives a document, if it is about it.
    pub(super) fn state(
        &self,
        id: &DocumentId,
        hash: u64,
        gc_deletes: GcDeletes,
    ) -> Option<DocumentState> {
        let operation = self.latest_of(id, hash)?;
        let (_, last) = operation.target()?;
        match operation.effect {
            Effect::Index { .. } => Some(DocumentState::Live(last)),
            Effect::Delete { .. } => {
                Some(DocumentState::deleted(last, operation.time, self.now, gc_deletes))
            }
            Effect::Noop { .. } => None,
        }
    }

    /// The document that the batch makes of an id, if it leaves one.
    pub(super) fn document(&self, id: &DocumentId, hash: u64) -> Option<Document> {
        let operation = self.latest_of(id, hash)?;
        let (_, last) = operation.target()?;
        match &operation.effect {
            Effect::Index { routing, source, .. } => {
                let (routing, source) = (routing.clone(), Bytes::clone(source));
                Some(Document { last, routing, source })
            }
            Effect::Delete { .. } | Effect::Noop { .. } => None,
        }
    }

    /// Notes an answer; nobody hears it before the batch is durable.
    pub(super) fn answer(&mut self, slot: Slot, answer: Answer) {
        self.answers.push((slot, answer));
    }

    /// The operations, for the log.
    pub(super) fn take_operations(&mut self) -> Vec<Operation> {
        std::mem::take(&mut self.operations)
    }

    /// Keeps a document that an update has computed, or found nothing to change in.
    pub(super) fn remember(&mut self, document: &Document) {
        if document.source.len() <= INLINE_MERGE_BYTES_MAX {
            self.remembered.push(document.clone());
        }
    }

    /// The documents to keep.
    pub(super) fn take_remembered(&mut self) -> Vec<Document> {
        std::mem::take(&mut self.remembered)
    }

    /// Gives everybody the answer that was planned.
    pub(super) fn send_answers(&mut self, replies: &mut Replies) {
        for (slot, answer) in self.answers.drain(..) {
            replies.answer(slot, answer);
        }
        for relocation in self.relocations.drain(..) {
            relocation.answer(Ok(()));
        }
    }

    /// Gives everybody, the refused ones too, the failure of the append.
    pub(super) fn fail_answers(&mut self, failure: &WriteError, replies: &mut Replies) {
        for (slot, _) in self.answers.drain(..) {
            replies.answer(slot, Err(failure.clone()));
        }
        for relocation in self.relocations.drain(..) {
            relocation.answer(Err(failure.clone()));
        }
    }

    fn latest_of(&self, id: &DocumentId, hash: u64) -> Option<&Operation> {
        let is_it = |&(_, index): &(u64, usize)| {
            let target = self.operations.get(index).and_then(Operation::target);
            target.is_some_and(|(other, _)| other == id)
        };
        let (_, index) = self.latest.find(hash, is_it)?;
        self.operations.get(*index)
    }
}

fn same_target(one: &Operation, other: &Operation) -> bool {
    match (one.target(), other.target()) {
        (Some((one, _)), Some((other, _))) => one == other,
        (Some(_) | None, Some(_) | None) => false,
    }
}
