//! The judgement of one index: its incarnations, the numbers of its shards, each of its documents.

use std::collections::{BTreeMap, BTreeSet};

use super::incarnations::{Incarnation, Span, divide, index_span};
use super::presence::{self, Statements, Told};
use super::search::{Effort, Failure, Furthest, Op, Part, Rules, Search, What};
use super::timeline::{Lives, Wall};
use super::{Report, Violation, routing, shards, story};
use crate::{
    Action, History, IndexAction, IndexOperation, IndexOutcome, Operation, Outcome, Shape,
    WriteResult,
};

/// How many deletions of unknown outcome are taken to have happened or not; all others did not.
const UNKNOWN_DELETIONS_MAX: usize = 12;
/// How many ways to tell incarnations apart are tried in full.
const FULL_MAX: usize = 10_000;

/// The rule of what no search has decided.
const UNDECIDED: &str = "undecided";

/// A kind of search: how many requests of unknown outcome, whose writes nobody saw, it takes to have happened
/// one after the other, and whether points that look alike are one to it.
type Kind = (u32, bool);
/// Few such requests happen one after the other: orders with few are tried first, and then all, by likeness and
/// at last one by one.
const SEARCHES: &[Kind] = &[
    (1, false),
    (2, false),
    (2, true),
    (4, true),
    (4, false),
    (u32::MAX, true),
    (u32::MAX, false),
];
/// Those that find an order where it takes long.
const LIKELY: &[Kind] = &[(1, false), (2, true)];
/// What is tried, in how many steps of one search, and of all that an index takes. Where there are many ways to
/// tell incarnations apart, the right one is soon found, and the others take long.
const EFFORTS: [(&[Kind], u64, u64); 3] = [
    (SEARCHES, 20_000, 1_000_000),
    (SEARCHES, 200_000, 3_000_000),
    (LIKELY, 1_500_000, 12_000_000),
];

/// Everything that happened to one index.
pub(super) struct Index<'h> {
    name: &'h str,
    history: &'h History,
    wall: &'h Wall,
    lives: &'h Lives,
    /// Operations on documents by time, with their numbers.
    operations: Vec<(Span, &'h Operation, usize)>,
    index_operations: Vec<(Span, &'h IndexOperation, usize)>,
}

/// The places of the operations on each id.
type ById<'h> = BTreeMap<&'h str, Vec<usize>>;

/// One way to tell the incarnations apart.
struct Way {
    deletions: Vec<Span>,
    incarnations: Vec<Incarnation>,
    /// What each incarnation can have been created as, by its numbers.
    shapes: Vec<Vec<Shape>>,
    /// Which of them is tried.
    tried: Vec<usize>,
}

impl Way {
    /// The shape that is tried for an incarnation.
    fn shape(&self, incarnation: usize) -> Option<&Shape> {
        self.shapes.get(incarnation)?.get(*self.tried.get(incarnation)?)
    }

    /// Goes on to the next shapes, when those until `reached` do not explain everything.
    fn advance(&mut self, reached: usize) -> bool {
        for (place, (tried, shapes)) in self.tried.iter_mut().zip(&self.shapes).enumerate().rev() {
            if place <= reached && *tried + 1 < shapes.len() {
                *tried += 1;
                return true;
            }
            *tried = 0;
        }
        false
    }
}

impl<'h> Index<'h> {
    /// All indices of a history.
    pub(super) fn all(history: &'h History, wall: &'h Wall, lives: &'h Lives) -> Vec<Self> {
        let mut indices: BTreeMap<&'h str, Self> = BTreeMap::new();
        let new = |name| Self {
            name,
            history,
            wall,
            lives,
            operations: Vec::new(),
            index_operations: Vec::new(),
        };
        for (number, operation) in history.operations.iter().enumerate() {
            let name = operation.document.index.as_str();
            let span = Span { from: operation.began.order, to: lives.last_moment(operation) };
            let index = indices.entry(name).or_insert_with(|| new(name));
            index.operations.push((span, operation, number));
        }
        for (number, operation) in history.index_operations.iter().enumerate() {
            let name = operation.index.as_str();
            let index = indices.entry(name).or_insert_with(|| new(name));
            let span = index_span(operation, lives);
            index.index_operations.push((span, operation, number));
        }
        let mut indices: Vec<Self> = indices.into_values().collect();
        for index in &mut indices {
            index.operations.sort_by_key(|(span, operation, number)| {
                (span.from, operation.request, operation.item, *number)
            });
            index.index_operations.sort_by_key(|(span, _, number)| (span.from, *number));
        }
        indices
    }

    /// Judges it: some way to tell its incarnations apart must explain everything.
    pub(super) fn check(&self, report: &mut Report) -> Vec<Violation> {
        let by_id = self.by_id();
        report.ids += by_id.len();
        let steps_more = 50 * self.operations.len() as u64;
        let mut wrong = Vec::new();
        for (searches, steps_max, steps_in_all) in EFFORTS {
            let effort = Effort::new(steps_max + steps_more, steps_in_all + steps_more);
            let found = self.check_within(searches, &effort, &by_id);
            if found.is_empty() || !effort.was_too_little() {
                return found;
            }
            // What little effort was enough to refute, more can only fail to tell again.
            if wrong.is_empty() || found.iter().any(|violation| violation.rule != UNDECIDED) {
                wrong = found;
            }
        }
        wrong
    }

    /// The same, with so much effort.
    fn check_within(&self, searches: &[Kind], effort: &Effort, by_id: &ById<'h>) -> Vec<Violation> {
        // Of ways that all fail the one that explains most is told.
        let mut least: Option<Vec<Violation>> = None;
        let mut keep = |wrong: Vec<Violation>| {
            if least.as_ref().is_none_or(|least| least.len() > wrong.len()) {
                least = Some(wrong);
            }
        };
        let mut full = 0;
        for deletions in self.deletions() {
            let (mut way, wrong) = self.way(deletions);
            if !wrong.is_empty() {
                keep(wrong);
                continue;
            }
            loop {
                full += 1;
                let failed = self.failures(&way, by_id, (searches, effort)).next();
                let Some((_, reached)) = failed else { return Vec::new() };
                if full >= FULL_MAX || !way.advance(reached) {
                    let failures = self.failures(&way, by_id, (searches, effort));
                    keep(failures.map(|(violation, _)| violation).collect());
                    break;
                }
            }
        }
        least.unwrap_or_default()
    }

    /// Which deletions happened: those that were acknowledged, with any of those of unknown outcome.
    fn deletions(&self) -> Vec<Vec<Span>> {
        let mut certain = Vec::new();
        let mut unknown = Vec::new();
        for (span, operation, _) in &self.index_operations {
            match (&operation.action, &operation.outcome) {
                (IndexAction::Delete, IndexOutcome::Done) => certain.push(*span),
                (IndexAction::Delete, IndexOutcome::Unknown { .. }) => unknown.push(*span),
                (_, _) => {}
            }
        }
        let count = 1_usize << unknown.len().min(UNKNOWN_DELETIONS_MAX);
        let chosen = |set: usize| {
            let some = unknown.iter().enumerate().filter(move |(n, _)| set >> n & 1 == 1);
            certain.iter().copied().chain(some.map(|(_, span)| *span)).collect()
        };
        (0..count).map(chosen).collect()
    }

    /// Tells the incarnations apart, and finds the shapes that the numbers of each allow.
    fn way(&self, deletions: Vec<Span>) -> (Way, Vec<Violation>) {
        let operations: Vec<(Span, &Operation)> =
            self.operations.iter().map(|(span, operation, _)| (*span, *operation)).collect();
        let index_operations: Vec<(Span, &IndexOperation)> =
            self.index_operations.iter().map(|(span, operation, _)| (*span, *operation)).collect();
        let incarnations = divide(&deletions, &operations, &index_operations);
        let mut violations = self.check_presence(&deletions);
        let members = self.members(&incarnations);
        let mut shapes = Vec::with_capacity(incarnations.len());
        for ((place, incarnation), members) in incarnations.iter().enumerate().zip(&members) {
            let mut first = None;
            let mut fitting = incarnation.shapes.clone();
            fitting.retain(|shape| {
                let wrong = self.check_shards((place, incarnation), shape, members);
                let fits = wrong.is_empty();
                first.get_or_insert(wrong);
                fits
            });
            if fitting.is_empty() {
                violations.extend(first.into_iter().flatten());
            }
            shapes.push(fitting);
        }
        let tried = vec![0; shapes.len()];
        (Way { deletions, incarnations, shapes, tried }, violations)
    }

    /// The writes of each incarnation: the place of each, and whether it can be of no other.
    fn members(&self, incarnations: &[Incarnation]) -> Vec<Vec<(usize, bool)>> {
        let mut members = vec![Vec::new(); incarnations.len()];
        for (place, (span, operation, _)) in self.operations.iter().enumerate() {
            if !is_write(operation) {
                continue;
            }
            let first = incarnations.partition_point(|one| one.span.to < span.from);
            let meeting: Vec<usize> = (first..incarnations.len())
                .take_while(|one| {
                    // Those after are later still, but for deletions that overlap.
                    incarnations.get(*one).is_some_and(|one| one.span.from <= span.to)
                })
                .collect();
            for one in &meeting {
                if let Some(members) = members.get_mut(*one) {
                    members.push((place, meeting.len() == 1));
                }
            }
        }
        members
    }

    fn check_shards(
        &self,
        (number, incarnation): (usize, &Incarnation),
        shape: &Shape,
        members: &[(usize, bool)],
    ) -> Vec<Violation> {
        let mut by_shard: BTreeMap<u32, Vec<shards::Write>> = BTreeMap::new();
        for (place, is_only) in members {
            let Some((span, operation, op)) = self.operations.get(*place) else { continue };
            let (seq_no, term, happened) = match operation.outcome {
                Outcome::Written { seq_no, term, .. } => (seq_no, term, true),
                Outcome::Conflict { .. }
                | Outcome::Missing
                | Outcome::Found { .. }
                | Outcome::AbsentIndex
                | Outcome::NotApplied { .. }
                | Outcome::Unknown { .. } => (None, None, false),
            };
            let document = &operation.document;
            let shard = routing::shard(shape, document.routing.as_ref().unwrap_or(&document.id));
            // Its number may be another's in the next life.
            let may_be_lost = self.lives.cuts().iter().any(|(life, _)| *life == operation.life)
                && incarnation.may_be_async(shape, span.from, span.to);
            by_shard.entry(shard).or_default().push(shards::Write {
                op: *op,
                seq_no,
                term,
                life: operation.life,
                from: span.from,
                to: span.to,
                certain: happened && *is_only && !may_be_lost,
            });
        }
        let mut violations = Vec::new();
        for (shard, writes) in by_shard {
            for (rule, words, concerned) in shards::check(&writes) {
                let subject = format!("{} shard {shard} (incarnation {number})", self.name);
                let mut story = format!("  {words}\n");
                for op in concerned {
                    story.push_str(&self.line(op));
                }
                violations.push(Violation { rule, subject, story });
            }
        }
        violations
    }

    fn check_presence(&self, deletions: &[Span]) -> Vec<Violation> {
        let statements = Statements {
            operations: &self.operations,
            index_operations: &self.index_operations,
            deletions,
        };
        let wrong = presence::check(&statements).into_iter();
        wrong
            .map(|(told, words)| {
                let line = match told {
                    Told::Document(number) => self.line(number),
                    Told::Index(number) => {
                        let operation = self.history.index_operations.get(number);
                        operation.map_or(String::new(), story::index_operation)
                    }
                };
                let subject = self.name.to_owned();
                Violation { rule: "index presence", subject, story: format!("  {words}\n{line}") }
            })
            .collect()
    }

    fn line(&self, number: usize) -> String {
        let operation = self.history.operations.get(number);
        operation.map_or(String::new(), |known| format!("  {}\n", story::operation(known)))
    }

    fn by_id(&self) -> ById<'h> {
        let mut by_id: ById<'h> = BTreeMap::new();
        for (place, (_, operation, _)) in self.operations.iter().enumerate() {
            by_id.entry(operation.document.id.as_str()).or_default().push(place);
        }
        by_id
    }

    /// What is wrong with ids, and with which incarnation of the index.
    fn failures(
        &self,
        way: &Way,
        by_id: &ById<'h>,
        effort: (&[Kind], &Effort),
    ) -> impl Iterator<Item = (Violation, usize)> {
        by_id.iter().filter_map(move |(id, places)| self.check_id(way, id, places, effort))
    }

    /// The same, of one id.
    fn check_id(
        &self,
        way: &Way,
        id: &str,
        places: &[usize],
        effort: (&[Kind], &Effort),
    ) -> Option<(Violation, usize)> {
        let routings: BTreeSet<Option<&str>> = places
            .iter()
            .filter_map(|place| self.operations.get(*place))
            .map(|(_, operation, _)| operation.document.routing.as_deref())
            .collect();
        let routings: Vec<Option<&str>> = routings.into_iter().collect();
        let mut failed = self.apart(way, id, places, &routings).into_iter();
        failed.find_map(|places| self.check_together(way, id, &places, &routings, effort))
    }

    /// The operations on an id, those on different documents apart: what has nothing to do with each
    /// other has no order. Only in an index that was never deleted: a deletion has one for all.
    fn apart(
        &self,
        way: &Way,
        id: &str,
        places: &[usize],
        routings: &[Option<&str>],
    ) -> Vec<Vec<usize>> {
        let Some(shape) = way.shape(0).filter(|_| way.shapes.len() == 1) else {
            return vec![places.to_vec()];
        };
        let slots = slots(shape, id, routings);
        let mut apart: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for place in places {
            let Some((_, operation, _)) = self.operations.get(*place) else { continue };
            let routing = operation.document.routing.as_deref();
            let routing = routings.iter().position(|known| *known == routing).unwrap_or(0);
            apart.entry(slots.get(routing).copied().unwrap_or(0)).or_default().push(*place);
        }
        apart.into_values().collect()
    }

    /// The same, of documents that are looked at together.
    fn check_together(
        &self,
        way: &Way,
        id: &str,
        places: &[usize],
        routings: &[Option<&str>],
        (searches, effort): (&[Kind], &Effort),
    ) -> Option<(Violation, usize)> {
        let shapes = (0..way.shapes.len()).filter_map(|incarnation| way.shape(incarnation));
        let slots: Vec<Vec<usize>> = shapes.map(|shape| slots(shape, id, routings)).collect();
        let slot = |incarnation: usize, routing: usize| {
            let slots = slots.get(incarnation).or(slots.last());
            slots.and_then(|slots| slots.get(routing)).copied().unwrap_or(0)
        };
        let gc_deletes = |incarnation: usize, from: u64, to: u64| {
            let known = way.incarnations.get(incarnation).zip(way.shape(incarnation));
            known.map_or((i64::MIN, i64::MAX), |(one, shape)| one.gc_deletes(shape, from, to))
        };
        let may_be_async = |incarnation: usize, from: u64, to: u64| {
            let known = way.incarnations.get(incarnation).zip(way.shape(incarnation));
            known.is_none_or(|(one, shape)| one.may_be_async(shape, from, to))
        };
        let ops = self.ops(way, places, routings);
        let mut failures = Vec::new();
        for (unseen_max, by_likeness) in searches.iter().copied() {
            let rules = Rules {
                wall: self.wall,
                slot: &slot,
                gc_deletes: &gc_deletes,
                may_be_async: &may_be_async,
                routings: routings.len(),
                unseen_max,
                by_likeness,
                effort,
            };
            failures.push(Search::new(&ops, &rules).run().err()?);
        }
        let is_decided = matches!(failures.last(), Some(Failure::None(_)));
        let reached = match failures.last() {
            Some(Failure::None(furthest)) => Some(furthest.reached),
            Some(Failure::Undecided { .. }) | None => failures.iter().map(Failure::reached).max(),
        };
        let told = failures.into_iter().rev().find_map(|failure| match failure {
            Failure::None(furthest) => Some(furthest),
            Failure::Undecided { .. } => None,
        });
        let violation = self.violation(id, &ops, told, is_decided);
        Some((violation, reached.unwrap_or_default()))
    }

    /// What has a place in the order of an id.
    fn ops(&self, way: &Way, places: &[usize], routings: &[Option<&str>]) -> Vec<Op<'h>> {
        let seen = self.seen(places);
        let mut ops: Vec<Op<'h>> = Vec::with_capacity(places.len() + way.deletions.len());
        let mut last: BTreeMap<(u64, usize), usize> = BTreeMap::new();
        for (span, operation, number) in
            places.iter().filter_map(|place| self.operations.get(*place))
        {
            let seen = seen.get(number).copied();
            let Some(part) = part(operation, seen.is_some()) else { continue };
            let is_unknown = matches!(operation.outcome, Outcome::Unknown { .. });
            let versions = seen.filter(|_| is_unknown).unwrap_or((0, u64::MAX));
            let routing = operation.document.routing.as_deref();
            let routing = routings.iter().position(|known| *known == routing).unwrap_or(0);
            let after = if operation.action.is_read() {
                None
            } else {
                last.insert((operation.request, routing), ops.len())
            };
            let what = What::Operation(operation, *number);
            let (from, to) = (span.from, span.to);
            ops.push(Op { what, versions, from, to, part, routing, after });
        }
        for span in &way.deletions {
            ops.push(event(What::Deletion, *span));
        }
        for (life, moment) in self.lives.cuts() {
            ops.push(event(What::PowerCut(*life), Span { from: *moment, to: *moment }));
        }
        ops
    }

    /// What was seen of writes: those whose tokens were seen, and are of no other write, happened, and
    /// made a version that is not above the one they were seen in.
    fn seen(&self, places: &[usize]) -> BTreeMap<usize, (u64, u64)> {
        let operations = || places.iter().filter_map(|place| self.operations.get(*place));
        let mut writers: BTreeMap<u64, Option<(usize, &Action)>> = BTreeMap::new();
        for (_, operation, number) in operations() {
            for token in tokens(&operation.action) {
                let one = Some((*number, &operation.action));
                writers.entry(token).and_modify(|writer| *writer = None).or_insert(one);
            }
        }
        // An update that writes what is there makes another version of the same.
        let repeats =
            |action: &Action| matches!(action, Action::Update { change, .. } if change.is_empty());
        let may_repeat = operations().any(|(_, operation, _)| repeats(&operation.action));
        let mut seen: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
        for (_, operation, _) in operations() {
            let Outcome::Found { version, fields, .. } = &operation.outcome else { continue };
            for token in fields.values() {
                let Some(Some((writer, action))) = writers.get(token) else { continue };
                let range = seen.entry(*writer).or_insert((0, u64::MAX));
                let Some(version) = version else { continue };
                range.1 = range.1.min(*version);
                // Nothing was written since, for that would show.
                if let Action::Index { fields: all, .. } | Action::Create { fields: all, .. } =
                    action
                    && !may_repeat
                    && all == fields
                {
                    range.0 = *version;
                }
            }
        }
        seen
    }

    fn violation(
        &self,
        id: &str,
        ops: &[Op<'h>],
        furthest: Option<Furthest>,
        is_decided: bool,
    ) -> Violation {
        let subject = format!("{}/{id}", self.name);
        let line = |op: &usize| match ops.get(*op).map(|op| op.what) {
            Some(What::Operation(operation, _)) => format!("  {}\n", story::operation(operation)),
            Some(What::Deletion) => "  the index is deleted\n".to_owned(),
            Some(What::PowerCut(life)) => format!("  the power is cut at the end of life {life}\n"),
            None => String::new(),
        };
        let mut story = String::new();
        if !is_decided {
            story.push_str("  the search for an order took too long: nothing is known\n");
        }
        let mut rule = UNDECIDED;
        if let Some(Furthest { fault, blocked, order, docs, .. }) = furthest {
            if is_decided {
                rule = fault.rule;
            }
            story.push_str("  the order that explains most ends with\n");
            order.iter().for_each(|op| story.push_str(&line(op)));
            story.push_str("  and leaves\n");
            docs.iter().for_each(|doc| story.push_str(&format!("  {}\n", story::doc(doc))));
            story.push_str("  then this fits nowhere\n");
            story.push_str(&line(&blocked));
            story.push_str(&format!("  {}\n", fault.words));
        }
        Violation { rule, subject, story }
    }
}

/// Something that happened to the whole index.
fn event(what: What<'_>, span: Span) -> Op<'_> {
    let (part, versions) = (Part::Must, (0, u64::MAX));
    Op { what, versions, from: span.from, to: span.to, part, routing: 0, after: None }
}

/// Which routings lead to the same document: for each the first that does.
fn slots(shape: &Shape, id: &str, routings: &[Option<&str>]) -> Vec<usize> {
    let shards: Vec<u32> =
        routings.iter().map(|routing| routing::shard(shape, routing.unwrap_or(id))).collect();
    let first = |shard: &u32| shards.iter().position(|other| other == shard).unwrap_or(0);
    shards.iter().map(first).collect()
}

/// Whether it took a sequence number, or may have.
fn is_write(operation: &Operation) -> bool {
    match &operation.outcome {
        Outcome::Written { result, .. } => *result != WriteResult::Noop,
        Outcome::Unknown { .. } => !operation.action.is_read(),
        Outcome::Conflict { .. }
        | Outcome::Missing
        | Outcome::Found { .. }
        | Outcome::AbsentIndex
        | Outcome::NotApplied { .. } => false,
    }
}

/// How an operation takes part in the order; nothing if it says nothing.
fn part(operation: &Operation, was_seen: bool) -> Option<Part> {
    match &operation.outcome {
        Outcome::Written { result: WriteResult::Noop, .. }
        | Outcome::Conflict { .. }
        | Outcome::Missing
        | Outcome::Found { .. } => Some(Part::Observes),
        Outcome::Written { .. } => Some(Part::Must),
        Outcome::Unknown { .. } if operation.action.is_read() => None,
        Outcome::Unknown { .. } => Some(if was_seen { Part::Must } else { Part::May }),
        Outcome::AbsentIndex | Outcome::NotApplied { .. } => None,
    }
}

/// The tokens that an action writes.
pub(super) fn tokens(action: &Action) -> impl Iterator<Item = u64> {
    let fields: Vec<&crate::Fields> = match action {
        Action::Index { fields, .. } | Action::Create { fields, .. } => vec![fields],
        Action::Update { change, upsert: Some(crate::Upsert::Fields(fields)), .. } => {
            vec![change, fields]
        }
        Action::Update { change, .. } => vec![change],
        Action::Delete { .. } | Action::Read { .. } => Vec::new(),
    };
    fields.into_iter().flat_map(|fields| fields.values().copied()).collect::<Vec<_>>().into_iter()
}
