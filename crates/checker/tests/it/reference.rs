//! A small sequential server that keeps every promise, or breaks one on purpose.

use std::collections::BTreeMap;

use checker::{
    Action, Condition, Current, Document, Fields, IndexAction, IndexOutcome, Outcome, Shape,
    Upsert, WriteResult, shard_of,
};

/// A promise that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    /// An acknowledged write is gone after a restart.
    LosesWrites,
    /// A read may show what was there before.
    ReadsStale,
    /// A write that was refused by a condition happens all the same.
    IgnoresConditions,
    /// A refusal comes although the condition holds.
    RefusesTooMuch,
    /// `if_seq_no` is compared with a tombstone too.
    TombstoneMatches,
    /// The document's term is taken for the shard's present one.
    ComparesShardTerm,
    /// The term is the same after a restart.
    KeepsTerm,
    /// A noop takes a sequence number.
    CountsNoops,
    /// A refusal takes a sequence number.
    CountsRefusals,
    /// Deletes are forgotten at once.
    ForgetsDeletes,
    /// Deletes are forgotten by a restart.
    ForgetsDeletesAtRestart,
    /// Deletes are counted from the restart.
    CountsDeletesFromRestart,
    /// Deletes are remembered a millisecond too long.
    RemembersTooLong,
    /// `external_gte` is read as `external`.
    GteIsGreater,
    /// A merge starts from what was there before the last write.
    MergesStale,
    /// Items of a bulk happen in the wrong order.
    ReordersBulks,
    /// A re-created index shows its predecessor's documents.
    ShowsPredecessor,
    /// A re-created index goes on with its predecessor's numbers.
    ContinuesPredecessor,
    /// A sequence number is used again after a restart.
    ReusesSeqNo,
    /// The version of an external write is not taken.
    CountsExternal,
    /// A write of unknown outcome happens twice.
    AppliesTwice,
    /// A write that was answered as not applied happens.
    AppliesRefused,
}

/// A document, or what is left of it.
#[derive(Clone, Debug)]
pub(crate) struct Doc {
    version: u64,
    seq_no: u64,
    term: u64,
    fields: Option<Fields>,
    before: Fields,
    routing: Option<String>,
    deleted_at: i64,
}

#[derive(Clone, Debug, Default)]
struct Shard {
    next: u64,
    docs: BTreeMap<String, Doc>,
}

#[derive(Clone, Debug)]
struct Index {
    shape: Shape,
    gc_deletes: i64,
    term: u64,
    shards: BTreeMap<u32, Shard>,
}

/// The server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    indices: BTreeMap<String, Index>,
    bug: Bug,
    graveyard: BTreeMap<String, Index>,
    /// Decides when a bug shows.
    dice: u64,
}

impl Server {
    pub(crate) fn new(bug: Bug, seed: u64) -> Self {
        Self { indices: BTreeMap::new(), bug, graveyard: BTreeMap::new(), dice: seed }
    }

    /// Whether the bug shows this time.
    pub(crate) fn slips(&mut self, bug: Bug) -> bool {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.bug == bug && (self.dice >> 33).is_multiple_of(4)
    }

    /// A new life.
    pub(crate) fn restart(&mut self, now: i64) {
        let (loses, reuses) = (self.slips(Bug::LosesWrites), self.slips(Bug::ReusesSeqNo));
        for index in self.indices.values_mut() {
            if self.bug != Bug::KeepsTerm {
                index.term += 1;
            }
            for shard in index.shards.values_mut() {
                let last = shard.docs.iter().max_by_key(|(_, doc)| doc.seq_no);
                let last = last.map(|(id, _)| id.clone());
                if loses && let Some(last) = &last {
                    shard.docs.remove(last);
                }
                if reuses && shard.next > 0 {
                    shard.next -= 1;
                }
                shard.docs.retain(|_, doc| {
                    doc.fields.is_some() || self.bug != Bug::ForgetsDeletesAtRestart
                });
                if self.bug == Bug::CountsDeletesFromRestart {
                    shard.docs.values_mut().for_each(|doc| doc.deleted_at = now);
                }
            }
        }
    }

    pub(crate) fn on_index(&mut self, name: &str, action: &IndexAction) -> IndexOutcome {
        match action {
            IndexAction::Create(_) if self.indices.contains_key(name) => IndexOutcome::Exists,
            IndexAction::Create(shape) => {
                self.create(name, shape.clone());
                IndexOutcome::Done
            }
            IndexAction::Delete => match self.indices.remove(name) {
                None => IndexOutcome::Absent,
                Some(index) => {
                    self.graveyard.insert(name.to_owned(), index);
                    IndexOutcome::Done
                }
            },
            IndexAction::Change { gc_deletes_millis, .. } => match self.indices.get_mut(name) {
                None => IndexOutcome::Absent,
                Some(index) => {
                    index.gc_deletes = gc_deletes_millis.unwrap_or(index.gc_deletes);
                    IndexOutcome::Done
                }
            },
        }
    }

    fn create(&mut self, name: &str, shape: Shape) {
        let gc_deletes = shape.gc_deletes_millis.unwrap_or(60_000);
        let mut index = Index { shape, gc_deletes, term: 1, shards: BTreeMap::new() };
        if let Some(dead) = self.graveyard.get(name) {
            let (continues, shows) =
                (self.bug == Bug::ContinuesPredecessor, self.bug == Bug::ShowsPredecessor);
            if continues || shows {
                index.shards = dead.shards.clone();
            }
            for shard in index.shards.values_mut() {
                if continues {
                    shard.docs.clear();
                } else {
                    shard.next = 0;
                }
            }
        }
        self.indices.insert(name.to_owned(), index);
    }

    /// One operation on one document.
    pub(crate) fn on_document(
        &mut self,
        document: &Document,
        action: &Action,
        dialect: u8,
        now: i64,
    ) -> Outcome {
        if !self.indices.contains_key(&document.index) {
            let creates = match action {
                Action::Delete { condition } => {
                    matches!(condition, Condition::External(_) | Condition::ExternalGte(_))
                }
                Action::Read { .. } => false,
                _ => true,
            };
            if !creates {
                return Outcome::AbsentIndex;
            }
            let old = Shape { shards: Some(5), routing_shards: Some(5), ..Shape::default() };
            self.create(&document.index, if dialect < 7 { old } else { Shape::default() });
        }
        let slip = |server: &mut Self, bug| server.slips(bug);
        let stale = slip(self, Bug::ReadsStale) || slip(self, Bug::MergesStale);
        let ignores = slip(self, Bug::IgnoresConditions);
        let refuses = slip(self, Bug::RefusesTooMuch);
        let bug = self.bug;
        let Some(index) = self.indices.get_mut(&document.index) else { unreachable!() };
        let shard = index.shards.entry(shard_of(document, &index.shape)).or_default();
        let held = shard.docs.get(&document.id).cloned();
        let (term, gc) = (index.term, index.gc_deletes);
        let state = held.filter(|doc| doc.fields.is_some() || remembers(bug, doc, now, gc));
        let call = Call { bug, document, action, dialect, now, term, stale, ignores, refuses };
        let (outcome, next) = call.decide(state.as_ref(), shard.next);
        let counts_refusal =
            bug == Bug::CountsRefusals && matches!(outcome, Outcome::Conflict { .. });
        let is_noop = matches!(outcome, Outcome::Written { result: WriteResult::Noop, .. });
        if next.is_some() || counts_refusal || (bug == Bug::CountsNoops && is_noop) {
            shard.next += 1;
        }
        if let Some(doc) = next {
            shard.docs.insert(document.id.clone(), doc);
        }
        outcome
    }
}

fn remembers(bug: Bug, doc: &Doc, now: i64, gc: i64) -> bool {
    match bug {
        Bug::ForgetsDeletes => false,
        Bug::RemembersTooLong => now - doc.deleted_at <= gc + 1,
        _ => now - doc.deleted_at <= gc,
    }
}

/// One operation and what it meets.
struct Call<'c> {
    bug: Bug,
    document: &'c Document,
    action: &'c Action,
    dialect: u8,
    now: i64,
    term: u64,
    stale: bool,
    ignores: bool,
    refuses: bool,
}

impl Call<'_> {
    /// The answer, and the document that it leaves if it writes one.
    fn decide(&self, state: Option<&Doc>, seq_no: u64) -> (Outcome, Option<Doc>) {
        let live = state.filter(|doc| doc.fields.is_some());
        if let Action::Read { version, .. } = self.action {
            return (self.read(live, *version), None);
        }
        let (condition, creates) = match self.action {
            Action::Index { condition, .. } | Action::Delete { condition } => (*condition, false),
            Action::Update { condition, .. } => (*condition, false),
            Action::Create { condition, .. } => (*condition, true),
            Action::Read { .. } => unreachable!(),
        };
        if let (Action::Update { upsert: None, .. }, None) = (self.action, live) {
            return (Outcome::Missing, None);
        }
        if let Some(found) = self.refusal(state, condition, creates) {
            return (Outcome::Conflict { found: Some(found) }, None);
        }
        let fields = match (self.action, live.and_then(|doc| doc.fields.as_ref())) {
            (Action::Index { fields, .. } | Action::Create { fields, .. }, _) => {
                Some(fields.clone())
            }
            (Action::Update { change, upsert, .. }, None) => match upsert {
                Some(Upsert::Fields(fields)) => Some(fields.clone()),
                _ => Some(change.clone()),
            },
            (Action::Update { change, detect_noop, .. }, Some(present)) => {
                let is_stale = self.stale && self.bug == Bug::MergesStale;
                let before = live.map(|doc| doc.before.clone()).unwrap_or_default();
                let mut fields = if is_stale { before } else { present.clone() };
                fields.extend(change.iter().map(|(name, token)| (name.clone(), *token)));
                if let (true, true, Some(doc)) = (*detect_noop, fields == *present, live) {
                    let outcome =
                        self.written(WriteResult::Noop, doc.version, doc.seq_no, doc.term);
                    return (outcome, None);
                }
                Some(fields)
            }
            _ => None,
        };
        let version = match condition {
            Condition::External(version) | Condition::ExternalGte(version)
                if self.bug != Bug::CountsExternal =>
            {
                version
            }
            _ => state.map_or(1, |doc| doc.version + 1),
        };
        let result = match (fields.is_some(), live.is_some()) {
            (true, false) => WriteResult::Created,
            (true, true) => WriteResult::Updated,
            (false, true) => WriteResult::Deleted,
            (false, false) => WriteResult::NotFound,
        };
        let routing = match (self.action, live) {
            (Action::Update { .. }, Some(doc)) => doc.routing.clone(),
            _ => self.document.routing.clone(),
        };
        let before = live.and_then(|doc| doc.fields.clone()).unwrap_or_default();
        let (term, deleted_at) = (self.term, self.now);
        let doc = Doc { version, seq_no, term, fields, before, routing, deleted_at };
        (self.written(result, version, seq_no, term), Some(doc))
    }

    fn written(&self, result: WriteResult, version: u64, seq_no: u64, term: u64) -> Outcome {
        let shown = (self.dialect >= 7).then_some((seq_no, term));
        let (seq_no, term) = shown.unzip();
        Outcome::Written { result, version: Some(version), seq_no, term }
    }

    fn read(&self, live: Option<&Doc>, required: Option<u64>) -> Outcome {
        let Some(doc) = live else { return Outcome::Missing };
        if required.is_some_and(|required| required != doc.version) {
            return Outcome::Conflict { found: Some(Current::Version(doc.version)) };
        }
        let is_stale = self.stale && self.bug == Bug::ReadsStale && !doc.before.is_empty();
        let fields = if is_stale { Some(doc.before.clone()) } else { doc.fields.clone() };
        let (seq_no, term) = (self.dialect >= 7).then_some((doc.seq_no, doc.term)).unzip();
        Outcome::Found {
            version: Some(doc.version),
            seq_no,
            term,
            fields: fields.unwrap_or_default(),
            routing: Some(doc.routing.clone()),
        }
    }

    fn refusal(&self, state: Option<&Doc>, condition: Condition, creates: bool) -> Option<Current> {
        if self.ignores {
            return None;
        }
        let live = state.filter(|doc| doc.fields.is_some());
        let version = state.map(|doc| doc.version);
        let said = version.map_or(Current::Absent, Current::Version);
        let holds = match condition {
            Condition::None => true,
            Condition::SeqNo { seq_no, term } => {
                let matched = if self.bug == Bug::TombstoneMatches { state } else { live };
                let Some(doc) = matched else { return Some(Current::NotLive) };
                let shard_term = self.bug == Bug::ComparesShardTerm;
                let under = if shard_term { self.term } else { doc.term };
                if (doc.seq_no, under) == (seq_no, term) && !self.refuses {
                    return None;
                }
                return Some(Current::SeqNo { seq_no: doc.seq_no, term: under });
            }
            Condition::Version(required) => version == Some(required),
            Condition::External(given) => version.is_none_or(|version| version < given),
            Condition::ExternalGte(given) if self.bug == Bug::GteIsGreater => {
                version.is_none_or(|version| version < given)
            }
            Condition::ExternalGte(given) => version.is_none_or(|version| version <= given),
            Condition::Holds(token) => live
                .and_then(|doc| doc.fields.as_ref())
                .is_some_and(|fields| fields.values().any(|one| *one == token)),
        };
        if !holds || (self.refuses && condition != Condition::None) {
            return Some(said);
        }
        match (creates, live) {
            (true, Some(_)) if self.dialect == 2 => Some(Current::Live),
            (true, Some(doc)) => Some(Current::Version(doc.version)),
            _ => None,
        }
    }
}
