//! One small history for each rule that passes, and one that fails by exactly this rule.

use checker::{
    Action, Condition, Current, Document, Durability, Ending, Fields, History, IndexAction,
    IndexOperation, IndexOutcome, Life, Moment, Operation, Outcome, ReadBy, Shape, Upsert,
    WriteResult, check,
};

/// A history told line by line. Without further words an operation begins after the one before has
/// ended, at the same millisecond.
struct Tale {
    history: History,
    order: u64,
    clock: i64,
    life: u32,
    dialect: u8,
    request: u64,
}

fn tale() -> Tale {
    let mut tale =
        Tale { history: History::default(), order: 0, clock: 0, life: 0, dialect: 7, request: 0 };
    let started = tale.moment();
    tale.history.lives.push(Life { number: 0, started, stopped: None });
    let shape = Shape { gc_deletes_millis: Some(100), ..Shape::default() };
    tale.index(IndexAction::Create(shape), IndexOutcome::Done);
    tale
}

impl Tale {
    fn moment(&mut self) -> Moment {
        self.order += 10;
        Moment { order: self.order, wall_millis: self.clock }
    }

    fn index(&mut self, action: IndexAction, outcome: IndexOutcome) -> &mut Self {
        let (client, request, life) = (0, 0, self.life);
        let (began, ended, index) = (self.moment(), Some(self.moment()), "i".to_owned());
        let operation =
            IndexOperation { client, request, life, began, ended, index, action, outcome };
        self.history.index_operations.push(operation);
        self
    }

    fn told(&mut self, id: &str, action: Action, outcome: Outcome) -> &mut Self {
        self.request += 1;
        let operation = Operation {
            client: 0,
            request: self.request,
            item: 0,
            life: self.life,
            dialect: self.dialect,
            began: self.moment(),
            ended: Some(self.moment()),
            document: Document { index: "i".to_owned(), id: id.to_owned(), routing: None },
            action,
            outcome,
        };
        self.history.operations.push(operation);
        self
    }

    /// The last operation was under way together with the one before.
    fn meanwhile(&mut self) -> &mut Self {
        let count = self.history.operations.len();
        let began = self.history.operations[count - 2].began;
        self.history.operations[count - 1].began = Moment { order: began.order + 1, ..began };
        self
    }

    /// The last operation and the one before are items of one bulk.
    fn in_one_bulk(&mut self) -> &mut Self {
        let count = self.history.operations.len();
        let Operation { began, ended, request, .. } = self.history.operations[count - 2];
        let last = &mut self.history.operations[count - 1];
        (last.began, last.ended, last.request, last.item) = (began, ended, request, 1);
        self
    }

    /// Nobody was told what became of the last operation.
    fn unknown(&mut self) -> &mut Self {
        let last = self.history.operations.last_mut().unwrap();
        last.ended = None;
        last.outcome = Outcome::Unknown { reason: String::new() };
        self
    }

    fn after(&mut self, millis: i64) -> &mut Self {
        self.clock += millis;
        self
    }

    fn in_dialect(&mut self, dialect: u8) -> &mut Self {
        self.dialect = dialect;
        self
    }

    fn ends(&mut self, ending: Ending) -> &mut Self {
        let stopped = self.moment();
        self.history.lives.last_mut().unwrap().stopped = Some((stopped, ending));
        self.life += 1;
        let started = self.moment();
        self.history.lives.push(Life { number: self.life, started, stopped: None });
        self
    }

    fn passes(&self) {
        if let Err(violations) = check(&self.history) {
            panic!("{}", violations.iter().map(|v| format!("{v}\n")).collect::<String>());
        }
    }

    fn fails(&self, rule: &str) {
        let violations = check(&self.history).expect_err(rule);
        let rules: Vec<&str> = violations.iter().map(|violation| violation.rule).collect();
        assert_eq!(rules, [rule], "{}", violations[0]);
        assert!(violations[0].story.len() > 40, "{}", violations[0]);
    }
}

fn fields(token: u64) -> Fields {
    Fields::from([("a".to_owned(), token)])
}

fn index(token: u64) -> Action {
    index_if(Condition::None, token)
}

fn index_if(condition: Condition, token: u64) -> Action {
    Action::Index { condition, fields: fields(token) }
}

fn delete() -> Action {
    Action::Delete { condition: Condition::None }
}

fn update(name: &str, token: u64) -> Action {
    let change = Fields::from([(name.to_owned(), token)]);
    Action::Update { condition: Condition::None, change, upsert: None, detect_noop: true }
}

fn read() -> Action {
    Action::Read { version: None, by: ReadBy::Get }
}

fn last(seq_no: u64, term: u64) -> Condition {
    Condition::SeqNo { seq_no, term }
}

fn written(result: WriteResult, version: u64, seq_no: u64, term: u64) -> Outcome {
    let (version, seq_no, term) = (Some(version), Some(seq_no), Some(term));
    Outcome::Written { result, version, seq_no, term }
}

fn old(result: WriteResult, version: u64) -> Outcome {
    Outcome::Written { result, version: Some(version), seq_no: None, term: None }
}

fn created(version: u64, seq_no: u64) -> Outcome {
    written(WriteResult::Created, version, seq_no, 1)
}

fn updated(version: u64, seq_no: u64) -> Outcome {
    written(WriteResult::Updated, version, seq_no, 1)
}

fn deleted(version: u64, seq_no: u64) -> Outcome {
    written(WriteResult::Deleted, version, seq_no, 1)
}

fn found(version: u64, seq_no: u64, token: u64) -> Outcome {
    found_fields(version, seq_no, fields(token))
}

fn found_fields(version: u64, seq_no: u64, fields: Fields) -> Outcome {
    let (version, seq_no, term) = (Some(version), Some(seq_no), Some(1));
    Outcome::Found { version, seq_no, term, fields, routing: Some(None) }
}

fn conflict(found: Current) -> Outcome {
    Outcome::Conflict { found: Some(found) }
}

#[test]
fn versions_rise_by_one() {
    tale().told("d", index(1), created(1, 0)).told("d", index(2), updated(2, 1)).passes();
    tale().told("d", index(1), created(1, 0)).told("d", index(2), updated(3, 1)).fails("version");
}

#[test]
fn results_tell_what_was_there() {
    tale().told("d", delete(), written(WriteResult::NotFound, 1, 0, 1)).passes();
    tale().told("d", delete(), deleted(1, 0)).fails("result");
    tale().told("d", index(1), updated(1, 0)).fails("result");
}

#[test]
fn numbers_have_no_gaps_and_none_twice() {
    tale().told("d", index(1), created(1, 0)).told("e", index(2), created(1, 1)).passes();
    tale()
        .told("d", index(1), created(1, 0))
        .told("e", index(2), created(1, 2))
        .fails("seq_no gap");
    tale()
        .told("d", index(1), created(1, 0))
        .told("e", index(2), created(1, 0))
        .fails("seq_no twice");
    // Of what was answered first the number is lower.
    tale()
        .told("d", index(1), created(1, 1))
        .told("e", index(2), created(1, 0))
        .fails("seq_no order");
    let mut together = tale();
    together.told("d", index(1), created(1, 1)).told("e", index(2), created(1, 0)).meanwhile();
    together.passes();
    // The number that dialect 5 does not show is the one in between.
    let mut hidden = tale();
    hidden.told("d", index(1), created(1, 0)).in_dialect(5);
    hidden.told("e", index(2), old(WriteResult::Created, 1)).in_dialect(8);
    hidden.told("f", index(3), created(1, 2)).passes();
    let mut none_left = tale();
    none_left.told("d", index(1), created(1, 0)).in_dialect(5);
    none_left.told("e", index(2), old(WriteResult::Created, 1)).in_dialect(8);
    none_left.told("f", index(3), created(1, 1)).fails("seq_no missing");
}

#[test]
fn a_life_has_a_term_of_its_own() {
    let lives = |second| {
        let mut lives = tale();
        lives.told("d", index(1), created(1, 0)).ends(Ending::Killed);
        lives.told("d", index(2), written(WriteResult::Updated, 2, 1, second));
        lives
    };
    lives(2).passes();
    lives(1).fails("term");
}

#[test]
fn a_condition_names_the_last_write() {
    let tells = |required, outcome| {
        let mut tells = tale();
        tells.told("d", index(1), created(1, 0)).told("d", index(2), updated(2, 1));
        tells.told("d", index_if(required, 3), outcome);
        tells
    };
    tells(last(1, 1), updated(3, 2)).passes();
    tells(last(0, 1), updated(3, 2)).fails("condition");
    let current = Current::SeqNo { seq_no: 1, term: 1 };
    tells(last(0, 1), conflict(current)).passes();
    tells(last(1, 1), conflict(current)).fails("refusal");
    tells(last(5, 1), conflict(Current::SeqNo { seq_no: 0, term: 1 })).fails("refusal");
    tells(Condition::External(2), conflict(Current::Version(2))).passes();
    tells(Condition::ExternalGte(2), conflict(Current::Version(2))).fails("refusal");
    tells(Condition::ExternalGte(2), updated(2, 2)).passes();
}

#[test]
fn a_query_finds_what_is_there_and_unchanged() {
    let tells = |token| {
        let condition = Condition::Holds(token);
        let action = Action::Delete { condition };
        let mut tells = tale();
        tells.told("d", index(1), created(1, 0)).told("d", index(2), updated(2, 1));
        tells.told("d", action, old(WriteResult::Deleted, 3));
        tells
    };
    tells(2).passes();
    // That was so before; who finds it must not write what has changed since.
    tells(1).fails("condition");
    let mut gone = tale();
    gone.told("d", index(1), created(1, 0)).told("d", delete(), deleted(2, 1));
    let (condition, change) = (Condition::Holds(1), Fields::new());
    let update = Action::Update { condition, change, upsert: None, detect_noop: false };
    gone.told("d", update, old(WriteResult::Updated, 3)).fails("condition");
}

#[test]
fn a_tombstone_matches_no_sequence_number() {
    let mut accepted = tale();
    accepted.told("d", index(1), created(1, 0)).told("d", delete(), deleted(2, 1));
    accepted.told("d", index_if(last(1, 1), 2), created(3, 2)).fails("condition");
}

#[test]
fn a_refusal_rests_on_what_became_durable() {
    // The write that the refusal names was never there.
    let mut vanished = tale();
    vanished.told("d", index(1), created(1, 0)).told("d", index(2), updated(2, 1)).unknown();
    let current = Current::SeqNo { seq_no: 1, term: 1 };
    vanished.told("d", index_if(last(0, 1), 3), conflict(current)).meanwhile();
    vanished.passes();
    vanished.told("d", read(), found(1, 0, 1)).fails("read");
}

#[test]
fn what_was_unknown_happened_once_or_never() {
    let unknown = |outcome| {
        let mut unknown = tale();
        unknown.told("d", index(1), created(1, 0)).told("d", index(2), updated(2, 1)).unknown();
        unknown.told("d", read(), outcome);
        unknown
    };
    unknown(found(1, 0, 1)).passes();
    unknown(found(2, 1, 2)).passes();
    unknown(found(3, 2, 2)).fails("read");
    // Not after the end of the life it was sent in.
    let mut late = tale();
    late.told("d", index(1), created(1, 0)).told("d", index(2), updated(2, 1)).unknown();
    late.ends(Ending::Killed).told("d", read(), found(1, 0, 1));
    late.told("d", read(), found(2, 1, 2)).fails("read");
}

/// Which of them happened does not matter, only how many: that is seen without trying all orders.
#[test]
fn many_writes_of_unknown_outcome_do_not_take_long() {
    let mut many = tale();
    many.told("d", index(1), created(1, 0));
    for token in 100..130 {
        many.told("d", index(token), updated(0, 0)).unknown();
    }
    many.told("d", index(2), updated(17, 16)).passes();
    many.told("d", index(3), updated(33, 32)).passes();
}

#[test]
fn what_was_not_applied_never_happened() {
    let refused = Outcome::NotApplied { reason: String::new() };
    let mut applied = tale();
    applied.told("d", index(1), created(1, 0)).told("d", index(2), refused);
    applied.told("d", read(), found(1, 0, 1)).passes();
    applied.told("d", read(), found(2, 1, 2)).fails("read");
}

#[test]
fn reads_are_of_a_moment_between_their_begin_and_end() {
    let mut stale = tale();
    stale.told("d", index(1), created(1, 0)).told("d", index(2), updated(2, 1));
    stale.told("d", read(), found(1, 0, 1)).fails("read");
    stale.meanwhile().passes();
    stale.told("d", read(), found(2, 1, 1)).fails("read");
}

#[test]
fn merges_start_from_the_last_write() {
    let both = Fields::from([("a".to_owned(), 2), ("b".to_owned(), 3)]);
    let merged = |shown| {
        let mut merged = tale();
        merged.told("d", index(1), created(1, 0)).told("d", index(2), updated(2, 1));
        merged.told("d", update("b", 3), updated(3, 2));
        merged.told("d", read(), found_fields(3, 2, shown));
        merged
    };
    merged(both.clone()).passes();
    let stale = Fields::from([("a".to_owned(), 1), ("b".to_owned(), 3)]);
    merged(stale).fails("read");
}

#[test]
fn a_noop_changes_nothing_and_takes_no_number() {
    let noop = |outcome| {
        let mut noop = tale();
        noop.told("d", index(1), created(1, 0)).told("d", update("a", 1), outcome);
        noop
    };
    noop(written(WriteResult::Noop, 1, 0, 1)).passes();
    noop(updated(2, 1)).fails("result");
    noop(written(WriteResult::Noop, 1, 0, 1))
        .told("e", index(2), created(1, 2))
        .fails("seq_no gap");
}

#[test]
fn upserts_make_what_is_missing() {
    let upsert = |outcome| {
        let mut tale = tale();
        let (change, upsert) = (fields(1), Some(Upsert::Fields(fields(2))));
        let condition = Condition::None;
        tale.told("d", Action::Update { condition, change, upsert, detect_noop: true }, outcome);
        tale
    };
    upsert(created(1, 0)).told("d", read(), found(1, 0, 2)).passes();
    upsert(created(1, 0)).told("d", read(), found(1, 0, 1)).fails("read");
    upsert(Outcome::Missing).fails("result");
}

#[test]
fn deletes_are_remembered_to_the_millisecond() {
    let again = |millis, version| {
        let mut again = tale();
        again.told("d", index(1), created(1, 0)).told("d", delete(), deleted(2, 1));
        again.after(millis).told("d", index(2), created(version, 2));
        again
    };
    again(100, 3).passes();
    again(100, 1).fails("version");
    again(101, 1).passes();
    again(101, 3).fails("version");
    // What was forgotten may be gone for good when the clock goes back.
    let mut back = tale();
    back.told("d", index(1), created(1, 0)).told("d", delete(), deleted(2, 1));
    back.after(101).told("e", index(3), created(1, 2)).after(-50);
    back.told("d", index(2), created(1, 3)).passes();
}

#[test]
fn items_of_a_bulk_happen_in_their_order() {
    let mut bulk = tale();
    bulk.told("d", index(1), created(1, 0)).told("d", index(2), updated(2, 1)).in_one_bulk();
    bulk.passes();
    let mut reversed = tale();
    reversed.told("d", index(1), updated(2, 1)).told("d", index(2), created(1, 0)).in_one_bulk();
    reversed.fails("result");
}

#[test]
fn dialects_agree() {
    let mut agree = tale();
    agree.told("d", index(1), created(1, 0)).in_dialect(2);
    let second = old(WriteResult::Updated, 2);
    agree.told("d", index_if(Condition::Version(1), 2), second).in_dialect(8);
    agree.told("d", index_if(last(1, 1), 3), updated(3, 2)).passes();
    let third = old(WriteResult::Updated, 4);
    agree.told("d", index_if(Condition::Version(2), 4), third).fails("condition");
}

#[test]
fn a_new_index_knows_nothing_of_its_predecessor() {
    let deleted = || {
        let mut deleted = tale();
        deleted.told("d", index(1), created(1, 0)).told("d", index(2), updated(2, 1));
        deleted.index(IndexAction::Delete, IndexOutcome::Done);
        deleted
    };
    deleted().told("d", index(3), created(1, 0)).passes();
    deleted().told("d", index(3), updated(3, 0)).fails("result");
    deleted().told("e", index(3), created(1, 2)).fails("seq_no gap");
    deleted().told("d", read(), Outcome::AbsentIndex).passes();
    deleted().told("d", read(), Outcome::Missing).fails("index presence");
    deleted().told("d", index(3), created(1, 0)).told("d", read(), found(2, 1, 2)).fails("read");
    let mut present = tale();
    present.told("d", index(1), created(1, 0));
    present.told("d", read(), Outcome::AbsentIndex).fails("index presence");
}

#[test]
fn what_overlaps_a_deletion_is_of_either_index() {
    let overlapping = |seq_no| {
        let mut tale = tale();
        tale.told("d", index(1), created(1, 0));
        tale.told("e", index(2), created(1, seq_no));
        let began = tale.history.operations[1].began;
        tale.index(IndexAction::Delete, IndexOutcome::Done);
        let deletion = tale.history.index_operations.last_mut().unwrap();
        deletion.began = Moment { order: began.order + 1, ..began };
        tale
    };
    overlapping(1).passes();
    overlapping(0).passes();
    overlapping(1).told("d", index(3), created(1, 0)).passes();
    overlapping(0).told("d", index(3), created(1, 1)).passes();
}

#[test]
fn what_was_acknowledged_outlives_every_end() {
    for ending in [Ending::Clean, Ending::Killed, Ending::PowerCut] {
        let mut lost = tale();
        lost.told("d", index(1), created(1, 0)).ends(ending);
        lost.told("d", read(), Outcome::Missing).fails("read");
    }
}

#[test]
fn a_power_cut_takes_the_last_writes_that_were_answered_early() {
    let early = |ending| {
        let mut early = tale();
        early.told("d", index(1), created(1, 0));
        let durability = Some(Durability::Async);
        let change = IndexAction::Change { gc_deletes_millis: None, durability };
        early.index(change, IndexOutcome::Done);
        early.told("d", index(2), updated(2, 1)).told("d", index(3), updated(3, 2));
        early.told("d", read(), found(3, 2, 3)).ends(ending);
        early
    };
    early(Ending::PowerCut).told("d", read(), found(3, 2, 3)).passes();
    early(Ending::PowerCut).told("d", read(), found(2, 1, 2)).passes();
    early(Ending::PowerCut).told("d", read(), found(1, 0, 1)).passes();
    early(Ending::PowerCut).told("d", read(), Outcome::Missing).fails("read");
    early(Ending::Killed).told("d", read(), found(2, 1, 2)).fails("read");
    // The numbers of what is lost are given again.
    let again = written(WriteResult::Updated, 2, 1, 2);
    early(Ending::PowerCut).told("d", index(4), again).passes();
}
