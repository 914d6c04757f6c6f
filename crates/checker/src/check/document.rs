//! The rules of one document (spec concurrency §4 and §5): which answers a state of it allows, and what
//! state a write leads to.

use std::rc::Rc;

use super::timeline::Wall;
use crate::{Action, Condition, Current, Fields, Operation, Outcome, Upsert, WriteResult};

/// The highest version there is.
const VERSION_MAX: u64 = i64::MAX as u64;

/// The last write of a document. Not every answer shows its numbers; they may be learned later.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Last {
    /// The version that it made.
    pub(super) version: u64,
    /// Its sequence number, once it is known.
    pub(super) seq_no: Option<u64>,
    /// Its term, once it is known.
    pub(super) term: Option<u64>,
    /// A number that its sequence number is not below.
    pub(super) floor: u64,
    /// Which operation it is.
    pub(super) op: usize,
}

/// What becomes of a document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Doc {
    /// Never written, or forgotten.
    Absent {
        /// What the next sequence number is not below.
        floor: u64,
    },
    /// There.
    Live {
        /// Its last write.
        last: Last,
        /// Its source.
        fields: Rc<Fields>,
        /// Its routing.
        routing: Option<Rc<str>>,
    },
    /// Deleted, in this range of moments.
    Dead {
        /// The delete.
        last: Last,
        /// Not before this moment.
        from: u64,
        /// Not after this one.
        to: u64,
    },
}

impl Doc {
    fn last(&self) -> Option<&Last> {
        match self {
            Self::Absent { .. } => None,
            Self::Live { last, .. } | Self::Dead { last, .. } => Some(last),
        }
    }

    /// What the next sequence number is not below.
    fn next_floor(&self) -> u64 {
        match self {
            Self::Absent { floor } => *floor,
            Self::Live { last, .. } | Self::Dead { last, .. } => {
                last.seq_no.unwrap_or(last.floor).saturating_add(1)
            }
        }
    }
}

/// Why an answer does not fit a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The rule.
    pub(super) rule: &'static str,
    /// In words.
    pub(super) words: String,
}

fn fault<T>(rule: &'static str, words: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { rule, words: words.into() })
}

/// What an operation makes of a state that allows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    Same,
    /// Something is learned of the state, which is still the same.
    Learned(Doc),
    /// A new state.
    Next(Doc),
}

/// An operation at the place in a history where it is tried.
pub(super) struct Try<'a> {
    /// The operation.
    pub(super) operation: &'a Operation,
    /// Its number.
    pub(super) op: usize,
    /// The versions that it can have made, by what was seen of it.
    pub(super) versions: (u64, u64),
    /// It is not decided before this moment.
    pub(super) from: u64,
    /// It is not decided after this one.
    pub(super) to: u64,
    /// The wall clock.
    pub(super) wall: &'a Wall,
    /// The lowest and highest `gc_deletes` that can be in force from one moment to another.
    pub(super) gc_deletes: &'a dyn Fn(u64, u64) -> (i64, i64),
}

impl Try<'_> {
    /// What the operation can make of a document in this state.
    ///
    /// # Errors
    /// [`Fault`] when no server answers so in this state.
    pub(super) fn on(&self, doc: &Doc) -> Result<Vec<Effect>, Fault> {
        let mut effects = Vec::new();
        let mut fault = None;
        for state in self.resolve(doc) {
            match self.on_resolved(&state) {
                Ok(effect) => effects.push(effect),
                Err(why) => fault = fault.or(Some(why)),
            }
        }
        match fault {
            Some(fault) if effects.is_empty() => Err(fault),
            _ => Ok(effects),
        }
    }

    /// What a look-up can find: a delete counts, or is forgotten, or either.
    fn resolve(&self, doc: &Doc) -> Vec<Doc> {
        let Doc::Dead { last, from, to } = doc else { return vec![doc.clone()] };
        let (gc_min, gc_max) = (self.gc_deletes)(*from.min(&self.from), self.to);
        let deleted = self.wall.range(*from, (*to).min(self.to));
        let now = self.wall.range(self.from, self.to);
        // What was forgotten once does not come back when the clock does.
        let since = self.wall.range(*from, self.to);
        let mut states = Vec::new();
        if now.0.saturating_sub(deleted.1) <= gc_max {
            states.push(doc.clone());
        }
        if since.1.saturating_sub(deleted.0) > gc_min {
            states.push(Doc::Absent { floor: last.seq_no.unwrap_or(last.floor).saturating_add(1) });
        }
        states
    }

    fn on_resolved(&self, doc: &Doc) -> Result<Effect, Fault> {
        match &self.operation.outcome {
            Outcome::Written { .. } => self.written(doc),
            Outcome::Unknown { .. } => match self.written(doc)? {
                Effect::Next(next) => Ok(Effect::Next(next)),
                Effect::Same | Effect::Learned(_) => fault("unknown", "it would change nothing"),
            },
            Outcome::Conflict { found } => self.refused(doc, *found),
            Outcome::Missing => self.missing(doc),
            Outcome::Found { .. } => self.found(doc),
            Outcome::AbsentIndex | Outcome::NotApplied { .. } => Ok(Effect::Same),
        }
    }

    fn found(&self, doc: &Doc) -> Result<Effect, Fault> {
        let Outcome::Found { version, seq_no, term, fields, routing } = &self.operation.outcome
        else {
            return Ok(Effect::Same);
        };
        let Doc::Live { last, fields: present, routing: stored } = doc else {
            return fault("read", "it found a document, and there is none");
        };
        if let Action::Read { version: Some(required), .. } = self.operation.action
            && required != last.version
        {
            return fault("read", format!("it required version {required}"));
        }
        if version.is_some_and(|version| version != last.version) {
            return fault("read", format!("it found another version than {}", last.version));
        }
        if **present != *fields {
            return fault("read", format!("it found another source than {present:?}"));
        }
        if routing.as_ref().is_some_and(|routing| routing.as_deref() != stored.as_deref()) {
            return fault("read", format!("it found another routing than {stored:?}"));
        }
        match learn(last, *seq_no, *term) {
            Some(None) => Ok(Effect::Same),
            Some(Some(last)) => Ok(Effect::Learned(with_last(doc, last))),
            None => fault("read", format!("it found another last write than {}", shown(last))),
        }
    }

    fn missing(&self, doc: &Doc) -> Result<Effect, Fault> {
        let upserts = matches!(self.operation.action, Action::Update { upsert: Some(_), .. });
        match (doc, upserts) {
            (Doc::Live { .. }, _) => fault("read", "it found nothing, and there is a document"),
            (_, true) => fault("result", "an upsert makes what is missing"),
            (_, false) => Ok(Effect::Same),
        }
    }

    /// A refusal: some requirement must not hold, and what is said of the state must be so.
    fn refused(&self, doc: &Doc, found: Option<Current>) -> Result<Effect, Fault> {
        let (condition, creates) = match &self.operation.action {
            Action::Index { condition, .. } | Action::Delete { condition } => (*condition, false),
            Action::Create { condition, .. } => (*condition, true),
            Action::Update { condition, .. } if matches!(doc, Doc::Live { .. }) => {
                (*condition, false)
            }
            Action::Update { .. } => {
                return fault("refusal", "an update of what is missing is never in conflict");
            }
            Action::Read { version: Some(version), .. } if matches!(doc, Doc::Live { .. }) => {
                (Condition::Version(*version), false)
            }
            Action::Read { .. } => {
                return fault("refusal", "a read of what is missing is never in conflict");
            }
        };
        if let Condition::SeqNo { seq_no, term } = condition {
            return refused_seq_no(doc, (seq_no, term), found);
        }
        let version = doc.last().map(|last| last.version);
        if holds_version(condition, version) {
            return match (creates, doc) {
                (true, Doc::Live { last, .. }) => match found {
                    Some(Current::Version(version)) if version != last.version => {
                        fault("refusal", format!("the version is {}", last.version))
                    }
                    Some(Current::SeqNo { .. } | Current::NotLive | Current::Absent) => {
                        fault("refusal", "there is a document")
                    }
                    Some(Current::Version(_) | Current::Live) | None => Ok(Effect::Same),
                },
                (_, _) => fault("refusal", "what it required was so"),
            };
        }
        match (found, version) {
            (None, _) | (Some(Current::Absent), None) => Ok(Effect::Same),
            (Some(Current::Version(said)), Some(version)) if said == version => Ok(Effect::Same),
            (Some(_), _) => fault("refusal", "it found something else than there is"),
        }
    }

    /// What a write makes of a state, if its answer allows it; of a write of unknown outcome nothing is
    /// known but what it was to do.
    fn written(&self, doc: &Doc) -> Result<Effect, Fault> {
        let action = &self.operation.action;
        let condition = match action {
            Action::Index { condition, .. }
            | Action::Create { condition, .. }
            | Action::Delete { condition }
            | Action::Update { condition, .. } => *condition,
            Action::Read { .. } => return fault("result", "a read writes nothing"),
        };
        let known = required(doc, condition)?;
        let known = known.map(|last| with_last(doc, last));
        let doc = known.as_ref().unwrap_or(doc);
        let (result, next) = match action {
            Action::Index { fields, .. } => (None, Some(Rc::new(fields.clone()))),
            Action::Create { fields, .. } if !matches!(doc, Doc::Live { .. }) => {
                (Some(WriteResult::Created), Some(Rc::new(fields.clone())))
            }
            Action::Create { .. } => {
                return fault("condition", "it was to create, and there is a document");
            }
            Action::Update { change, upsert, detect_noop, .. } => {
                match merged(doc, change, upsert.as_ref(), *detect_noop)? {
                    Some(fields) => (None, Some(Rc::new(fields))),
                    None => {
                        let effect = self.noop(doc)?;
                        let learned = known.is_some() && effect == Effect::Same;
                        return Ok(if learned { Effect::Learned(doc.clone()) } else { effect });
                    }
                }
            }
            Action::Delete { .. } | Action::Read { .. } => (None, None),
        };
        let is_live = matches!(doc, Doc::Live { .. });
        let result = result.unwrap_or(match (&next, is_live) {
            (Some(_), false) => WriteResult::Created,
            (Some(_), true) => WriteResult::Updated,
            (None, true) => WriteResult::Deleted,
            (None, false) => WriteResult::NotFound,
        });
        let last = self.next_last(doc, condition, result)?;
        Ok(Effect::Next(match next {
            None => Doc::Dead { last, from: self.from, to: self.to },
            Some(fields) => {
                let routing = match (doc, action) {
                    (Doc::Live { routing, .. }, Action::Update { .. }) => routing.clone(),
                    (_, _) => self.operation.document.routing.as_deref().map(Rc::from),
                };
                Doc::Live { last, fields, routing }
            }
        }))
    }

    /// The numbers of the write, which must be those that follow from the state.
    fn next_last(
        &self,
        doc: &Doc,
        condition: Condition,
        follows: WriteResult,
    ) -> Result<Last, Fault> {
        let next = match (condition, doc.last()) {
            (Condition::External(version) | Condition::ExternalGte(version), _) => version,
            (_, None) => 1,
            (_, Some(last)) => last.version.saturating_add(1),
        };
        if next > VERSION_MAX {
            return fault("version", "there is no higher version");
        }
        if next < self.versions.0 || next > self.versions.1 {
            return fault("version", "it was seen in another version");
        }
        let floor = doc.next_floor();
        let mut made = Last { version: next, seq_no: None, term: None, floor, op: self.op };
        if let Outcome::Written { result, version, seq_no, term } = &self.operation.outcome {
            if *result != follows {
                return fault("result", format!("the result is {follows:?}"));
            }
            if version.is_some_and(|version| version != next) {
                return fault("version", format!("the next version is {next}"));
            }
            if seq_no.is_some_and(|seq_no| seq_no < floor) {
                return fault("seq_no", format!("a later write has a number of at least {floor}"));
            }
            let before = doc.last().and_then(|last| last.term);
            if term.zip(before).is_some_and(|(term, before)| term < before) {
                return fault("term", "a later write has no lower term");
            }
            made.seq_no = *seq_no;
            made.term = *term;
        }
        Ok(made)
    }

    fn noop(&self, doc: &Doc) -> Result<Effect, Fault> {
        let (Outcome::Written { result, version, seq_no, term }, Doc::Live { last, .. }) =
            (&self.operation.outcome, doc)
        else {
            return Ok(Effect::Same);
        };
        if *result != WriteResult::Noop {
            return fault("result", "there was nothing to change");
        }
        if version.is_some_and(|version| version != last.version) {
            return fault("version", format!("the version is still {}", last.version));
        }
        match learn(last, *seq_no, *term) {
            Some(None) => Ok(Effect::Same),
            Some(Some(last)) => Ok(Effect::Learned(with_last(doc, last))),
            None => fault("seq_no", format!("the last write is still {}", shown(last))),
        }
    }
}

/// What an update makes of a document; nothing if there is nothing to change.
fn merged(
    doc: &Doc,
    change: &Fields,
    upsert: Option<&Upsert>,
    detect_noop: bool,
) -> Result<Option<Fields>, Fault> {
    let Doc::Live { fields, .. } = doc else {
        return match upsert {
            Some(Upsert::Change) => Ok(Some(change.clone())),
            Some(Upsert::Fields(fields)) => Ok(Some(fields.clone())),
            None => fault("result", "there is nothing to update"),
        };
    };
    let mut merged = Fields::clone(fields);
    merged.extend(change.iter().map(|(name, token)| (name.clone(), *token)));
    Ok((!detect_noop || merged != **fields).then_some(merged))
}

fn refused_seq_no(
    doc: &Doc,
    required: (u64, u64),
    found: Option<Current>,
) -> Result<Effect, Fault> {
    let Doc::Live { last, .. } = doc else {
        return match found {
            None | Some(Current::NotLive) => Ok(Effect::Same),
            Some(_) => fault("refusal", "there is no document"),
        };
    };
    match found {
        Some(Current::SeqNo { seq_no, term }) if (seq_no, term) == required => {
            fault("refusal", "what it found is what it required")
        }
        Some(Current::SeqNo { seq_no, term }) => match learn(last, Some(seq_no), Some(term)) {
            Some(None) => Ok(Effect::Same),
            Some(Some(last)) => Ok(Effect::Learned(with_last(doc, last))),
            None => fault("refusal", format!("the last write is {}", shown(last))),
        },
        None if (last.seq_no, last.term) == (Some(required.0), Some(required.1)) => {
            fault("refusal", "what it required was so")
        }
        None => Ok(Effect::Same),
        Some(_) => fault("refusal", "there is a document"),
    }
}

/// Whether what a write that happened required was so; and what is learned of the last write from it.
fn required(doc: &Doc, condition: Condition) -> Result<Option<Last>, Fault> {
    match condition {
        Condition::SeqNo { seq_no, term } => {
            let Doc::Live { last, .. } = doc else {
                return fault("condition", "it required a last write, and nothing is there");
            };
            learn(last, Some(seq_no), Some(term)).ok_or_else(|| {
                let words = format!("it required another last write than {}", shown(last));
                Fault { rule: "condition", words }
            })
        }
        Condition::Holds(token) => match doc {
            Doc::Live { fields, .. } if fields.values().any(|one| *one == token) => Ok(None),
            Doc::Absent { .. } | Doc::Live { .. } | Doc::Dead { .. } => {
                fault("condition", format!("it required that a field holds {token}"))
            }
        },
        Condition::None
        | Condition::Version(_)
        | Condition::External(_)
        | Condition::ExternalGte(_) => {
            match holds_version(condition, doc.last().map(|last| last.version)) {
                true => Ok(None),
                false => fault("condition", "it required another version"),
            }
        }
    }
}

fn holds_version(condition: Condition, version: Option<u64>) -> bool {
    match condition {
        Condition::None | Condition::SeqNo { .. } | Condition::Holds(_) => true,
        Condition::Version(required) => version == Some(required),
        Condition::External(given) => version.is_none_or(|version| version < given),
        Condition::ExternalGte(given) => version.is_none_or(|version| version <= given),
    }
}

/// Learns numbers of a last write: nothing if they cannot be its, nothing inside if nothing is new.
fn learn(last: &Last, seq_no: Option<u64>, term: Option<u64>) -> Option<Option<Last>> {
    let agree = |known: Option<u64>, said: Option<u64>| match (known, said) {
        (Some(known), Some(said)) => known == said,
        (_, _) => true,
    };
    if !agree(last.seq_no, seq_no) || !agree(last.term, term) {
        return None;
    }
    if seq_no.is_some_and(|seq_no| seq_no < last.floor) {
        return None;
    }
    let learned = Last { seq_no: last.seq_no.or(seq_no), term: last.term.or(term), ..last.clone() };
    Some((learned != *last).then_some(learned))
}

fn with_last(doc: &Doc, last: Last) -> Doc {
    let mut doc = doc.clone();
    match &mut doc {
        Doc::Absent { .. } => {}
        Doc::Live { last: known, .. } | Doc::Dead { last: known, .. } => *known = last,
    }
    doc
}

/// The numbers of a last write, for people.
pub(super) fn shown(last: &Last) -> String {
    let number = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
    format!("(seq_no {}, term {})", number(last.seq_no), number(last.term))
}
