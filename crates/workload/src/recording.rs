//! Where clients note what they did. What was begun is noted before it is sent, so that a client that
//! is dropped leaves an operation of unknown outcome behind, not none.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use checker::{
    Document, Ending, History, IndexOperation, IndexOutcome, Life, Moment, Operation, Outcome,
};

/// A history in the making, shared by all clients.
#[derive(Debug, Default)]
pub struct Recording {
    history: Mutex<History>,
}

/// Where in the history the operations of one request are.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    first: usize,
    count: usize,
}

impl Recording {
    /// Notes operations that are about to be sent, and returns where.
    pub fn begin(&self, operations: Vec<Operation>) -> Begun {
        let mut history = self.lock();
        let begun = Begun { first: history.operations.len(), count: operations.len() };
        history.operations.extend(operations);
        begun
    }

    /// Notes what clients were told of them.
    pub fn end(&self, begun: Begun, ended: Option<Moment>, outcomes: Vec<Outcome>) {
        let mut history = self.lock();
        let operations = history.operations.iter_mut().skip(begun.first).take(begun.count);
        for (operation, outcome) in operations.zip(outcomes) {
            operation.ended = ended;
            operation.outcome = outcome;
        }
    }

    /// Notes an operation on an index that is about to be sent, and returns where.
    pub fn begin_index(&self, operation: IndexOperation) -> Begun {
        let mut history = self.lock();
        let begun = Begun { first: history.index_operations.len(), count: 1 };
        history.index_operations.push(operation);
        begun
    }

    /// Notes what the client was told of it.
    pub fn end_index(&self, begun: Begun, ended: Option<Moment>, outcome: IndexOutcome) {
        let mut history = self.lock();
        if let Some(operation) = history.index_operations.get_mut(begun.first) {
            operation.ended = ended;
            operation.outcome = outcome;
        }
    }

    /// Notes a life of the server, or what is new of one.
    pub fn life(&self, life: Life) {
        let mut history = self.lock();
        match history.lives.iter_mut().find(|known| known.number == life.number) {
            Some(known) => *known = life,
            None => history.lives.push(life),
        }
    }

    /// Notes that the power was cut after the last life had ended, and before another served. If it was
    /// killed, that is as if it had ended so: what it had not synced, nobody has since.
    pub fn power_was_cut(&self) {
        let mut history = self.lock();
        let last = history.lives.last_mut();
        if let Some((_, ending @ Ending::Killed)) = last.and_then(|life| life.stopped.as_mut()) {
            *ending = Ending::PowerCut;
        }
    }

    /// Notes a reading of the wall clock.
    pub fn clock(&self, moment: Moment) {
        self.lock().clock.push(moment);
    }

    /// How many operations on documents were begun.
    pub fn operations(&self) -> usize {
        self.lock().operations.len()
    }

    /// The documents that operations were about, each once.
    pub fn documents(&self) -> Vec<Document> {
        let history = self.lock();
        let documents = history.operations.iter().map(|operation| operation.document.clone());
        documents.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Takes the history out; nothing is left.
    pub fn take(&self) -> History {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
