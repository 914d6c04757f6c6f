//! What the clients of a small world did and were told.

use std::hash::{DefaultHasher, Hash, Hasher};

use checker::{
    Action, Current, Document, Ending, History, IndexAction, IndexOperation, IndexOutcome, Life,
    Moment, Operation, Outcome, Shape, WriteResult,
};
use document::{DocumentState, LastWrite, Refusal, Required, VersionConflict};
use shard::{ReadError, WriteError, Written};

use super::program::{ID, decode};

/// The name of the index.
const INDEX: &str = "small";

/// A history that grows.
pub(super) struct Record {
    history: History,
    order: u64,
    wall_millis: i64,
    requests: u64,
    /// Of everything so far: equal records have equal histories.
    hasher: DefaultHasher,
}

impl Record {
    /// The history of an index that was just created.
    pub(super) fn new() -> Self {
        let mut record = Self {
            history: History::default(),
            order: 0,
            wall_millis: 0,
            requests: 0,
            hasher: DefaultHasher::new(),
        };
        record.start_life(0);
        let creation = IndexOperation {
            client: 0,
            request: 0,
            life: 0,
            began: record.moment(),
            ended: Some(record.moment()),
            index: INDEX.to_owned(),
            action: IndexAction::Create(Shape { shards: Some(1), ..Shape::default() }),
            outcome: IndexOutcome::Done,
        };
        record.history.index_operations.push(creation);
        record
    }

    /// The next moment.
    fn moment(&mut self) -> Moment {
        self.order += 1;
        Moment { order: self.order, wall_millis: self.wall_millis }
    }

    /// A number for a new request.
    pub(super) fn request(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    /// A client begins an operation, which gets a number.
    pub(super) fn begin(
        &mut self,
        client: u32,
        (request, item): (u64, u32),
        life: u32,
        action: Action,
    ) -> usize {
        (0_u8, client, item).hash(&mut self.hasher);
        let document = Document { index: INDEX.to_owned(), id: ID.to_owned(), routing: None };
        let outcome = Outcome::Unknown { reason: "there was no answer".to_owned() };
        let (began, ended, dialect) = (self.moment(), None, 7);
        self.history.operations.push(Operation {
            client,
            request,
            item,
            life,
            dialect,
            began,
            ended,
            document,
            action,
            outcome,
        });
        self.history.operations.len() - 1
    }

    /// A client is told what came of an operation.
    pub(super) fn end(&mut self, operation: usize, outcome: Outcome) {
        (1_u8, operation).hash(&mut self.hasher);
        hash(&outcome, &mut self.hasher);
        let moment = self.moment();
        if let Some(operation) = self.history.operations.get_mut(operation) {
            operation.ended = Some(moment);
            operation.outcome = outcome;
        }
    }

    /// A life of the server begins.
    pub(super) fn start_life(&mut self, number: u32) {
        let started = self.moment();
        self.history.lives.push(Life { number, started, stopped: None });
    }

    /// It ends.
    pub(super) fn end_life(&mut self) {
        2_u8.hash(&mut self.hasher);
        let moment = self.moment();
        if let Some(life) = self.history.lives.last_mut() {
            life.stopped = Some((moment, Ending::PowerCut));
        }
    }

    /// The clock steps.
    pub(super) fn step_clock(&mut self, millis: i64) {
        3_u8.hash(&mut self.hasher);
        let before = self.moment();
        self.wall_millis += millis;
        let after = self.moment();
        self.history.clock.extend([before, after]);
    }

    /// A number that tells this history from others of the same world.
    pub(super) fn fingerprint(&self) -> u64 {
        self.hasher.finish()
    }

    /// The history. A read that was not answered says nothing.
    pub(super) fn into_history(self) -> History {
        let mut history = self.history;
        history
            .operations
            .retain(|operation| operation.ended.is_some() || !operation.action.is_read());
        history
    }
}

fn hash(outcome: &Outcome, hasher: &mut DefaultHasher) {
    std::mem::discriminant(outcome).hash(hasher);
    match outcome {
        Outcome::Written { result, version, seq_no, term } => {
            std::mem::discriminant(result).hash(hasher);
            (version, seq_no, term).hash(hasher);
        }
        Outcome::Found { version, seq_no, term, fields, routing: _ } => {
            (version, seq_no, term, fields).hash(hasher);
        }
        Outcome::Conflict { found } => match found {
            Some(Current::Version(version)) => (1_u8, version).hash(hasher),
            Some(Current::SeqNo { seq_no, term }) => (2_u8, seq_no, term).hash(hasher),
            Some(Current::Live) => 3_u8.hash(hasher),
            Some(Current::NotLive) => 4_u8.hash(hasher),
            Some(Current::Absent) => 5_u8.hash(hasher),
            None => 6_u8.hash(hasher),
        },
        Outcome::Missing | Outcome::AbsentIndex => {}
        Outcome::NotApplied { reason } | Outcome::Unknown { reason } => reason.hash(hasher),
    }
}

/// What a client is told of a write.
///
/// # Errors
/// In words, when nothing of the kind can be here.
pub(super) fn told_of_write(answer: Result<Written, WriteError>) -> Result<Outcome, String> {
    let error = match answer {
        Ok(Written { outcome, last, document: _ }) => {
            let result = match outcome {
                document::Outcome::Created => WriteResult::Created,
                document::Outcome::Updated => WriteResult::Updated,
                document::Outcome::Deleted => WriteResult::Deleted,
                document::Outcome::NotFound => WriteResult::NotFound,
                document::Outcome::Noop => WriteResult::Noop,
            };
            let (version, seq_no, term) = numbers(last);
            return Ok(Outcome::Written { result, version, seq_no, term });
        }
        Err(error) => error,
    };
    let reason = error.to_string();
    match error {
        WriteError::Refused(Refusal::Conflict(conflict)) => {
            Ok(Outcome::Conflict { found: Some(found(conflict)) })
        }
        WriteError::Missing => Ok(Outcome::Missing),
        WriteError::Unknown(_) => Ok(Outcome::Unknown { reason }),
        WriteError::NoRoom(_) | WriteError::Closed => Ok(Outcome::NotApplied { reason }),
        WriteError::Refused(Refusal::VersionExhausted)
        | WriteError::Unmodifiable(_)
        | WriteError::Unfit(_)
        | WriteError::Busy
        | WriteError::Fenced
        | WriteError::NoMemory { .. }
        | WriteError::Damaged(_)
        | WriteError::Unreadable(_) => Err(format!("a write was answered: {reason}")),
    }
}

/// What a client is told of a read.
///
/// # Errors
/// In words, when nothing of the kind can be here.
pub(super) fn told_of_read(
    answer: Result<Option<shard::Document>, ReadError>,
) -> Result<Outcome, String> {
    match answer {
        Ok(Some(document)) => Ok(shown(document.last, &document.source)),
        Ok(None) => Ok(Outcome::Missing),
        Err(error) => Err(format!("a read was answered: {error}")),
    }
}

/// A document that is shown.
pub(super) fn shown(last: LastWrite, source: &[u8]) -> Outcome {
    let (version, seq_no, term) = numbers(last);
    Outcome::Found { version, seq_no, term, fields: decode(source), routing: None }
}

fn numbers(last: LastWrite) -> (Option<u64>, Option<u64>, Option<u64>) {
    let version = u64::try_from(last.version.get()).unwrap_or(0);
    (Some(version), Some(last.seq_no.get()), Some(last.term.get()))
}

/// What a conflict says of the document that it found.
pub(super) fn found(conflict: VersionConflict) -> Current {
    let VersionConflict { required, found } = conflict;
    let version =
        |last: LastWrite| Current::Version(u64::try_from(last.version.get()).unwrap_or(0));
    match (required, found) {
        (Required::SeqNo { .. }, DocumentState::Live(last)) => {
            Current::SeqNo { seq_no: last.seq_no.get(), term: last.term.get() }
        }
        (Required::SeqNo { .. }, _) => Current::NotLive,
        (_, found) => found.last_write().map_or(Current::Absent, version),
    }
}
