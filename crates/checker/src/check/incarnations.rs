//! The incarnations of one index: when each can have been there, how many shards it had, and which
//! `gc_deletes` were in force.

use super::timeline::{Lives, NEVER};
use crate::{
    Action, Condition, Durability, IndexAction, IndexOperation, IndexOutcome, Operation, Outcome,
    Shape,
};

/// The default of `gc_deletes`.
const GC_DELETES_MILLIS: i64 = 60_000;

/// From one moment to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The first moment.
    pub(super) from: u64,
    /// The last one.
    pub(super) to: u64,
}

impl Span {
    /// Whether the two have a moment in common.
    pub(super) fn meets(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

/// A change of a setting.
#[derive(Clone, Copy, Debug)]
struct Change<T> {
    span: Span,
    value: T,
    /// Whether it certainly happened.
    certain: bool,
}

/// One incarnation.
pub(super) struct Incarnation {
    /// When it can have been there.
    pub(super) span: Span,
    /// What it can have been created as, the likeliest first.
    pub(super) shapes: Vec<Shape>,
    gc_deletes: Vec<Change<i64>>,
    durability: Vec<Change<Durability>>,
}

impl Incarnation {
    /// The lowest and highest `gc_deletes` that can have been in force from one moment to another.
    pub(super) fn gc_deletes(&self, shape: &Shape, from: u64, to: u64) -> (i64, i64) {
        let created = shape.gc_deletes_millis.unwrap_or(GC_DELETES_MILLIS);
        let mut range = (i64::MAX, i64::MIN);
        in_force(created, &self.gc_deletes, from, to, |millis| {
            range = (range.0.min(millis), range.1.max(millis));
        });
        range
    }

    /// Whether writes can have been answered before they were durable, from one moment to another.
    pub(super) fn may_be_async(&self, shape: &Shape, from: u64, to: u64) -> bool {
        let created = shape.durability.unwrap_or(Durability::Request);
        let mut may_be = false;
        in_force(created, &self.durability, from, to, |durability| {
            may_be |= durability == Durability::Async;
        });
        may_be
    }
}

/// Tells every value that a setting can have had from one moment to another.
fn in_force<T: Copy>(
    created: T,
    changes: &[Change<T>],
    from: u64,
    to: u64,
    mut tell: impl FnMut(T),
) {
    let created = Change { span: Span { from: 0, to: 0 }, value: created, certain: true };
    for change in std::iter::once(&created).chain(changes) {
        let is_over = changes
            .iter()
            .any(|later| later.certain && later.span.from > change.span.to && later.span.to < from);
        if change.span.from <= to && !is_over {
            tell(change.value);
        }
    }
}

/// The span of an operation on an index.
pub(super) fn index_span(operation: &IndexOperation, lives: &Lives) -> Span {
    let to = match (&operation.outcome, operation.ended) {
        (IndexOutcome::Unknown { .. }, _) | (_, None) => lives.end(operation.life),
        (_, Some(ended)) => ended.order,
    };
    Span { from: operation.began.order, to }
}

/// Whether an operation on a document creates the index if it is not there.
pub(super) fn creates_index(operation: &Operation) -> bool {
    match &operation.action {
        Action::Index { .. } | Action::Create { .. } => true,
        Action::Update { condition, .. } => !matches!(condition, Condition::Holds(_)),
        Action::Delete { condition } => {
            matches!(condition, Condition::External(_) | Condition::ExternalGte(_))
        }
        Action::Read { .. } => false,
    }
}

/// Whether an outcome says that the index was there.
pub(super) fn shows_index(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Written { .. }
        | Outcome::Conflict { .. }
        | Outcome::Missing
        | Outcome::Found { .. } => true,
        Outcome::AbsentIndex | Outcome::NotApplied { .. } | Outcome::Unknown { .. } => false,
    }
}

/// The incarnations that deletions of these spans, which happened, divide an index's history into.
pub(super) fn divide(
    deletions: &[Span],
    operations: &[(Span, &Operation)],
    index_operations: &[(Span, &IndexOperation)],
) -> Vec<Incarnation> {
    // Which of several deletions at a time came first is open. The first is not before the first
    // beginning, and not after the first end.
    let sorted = |moment: fn(&Span) -> u64| {
        let mut moments: Vec<u64> = deletions.iter().map(moment).collect();
        moments.sort_unstable();
        moments
    };
    let starts = std::iter::once(0).chain(sorted(|span| span.from));
    let ends = sorted(|span| span.to).into_iter().chain([NEVER]);
    let spans: Vec<Span> = starts.zip(ends).map(|(from, to)| Span { from, to }).collect();
    let is_only = |span: Span| spans.iter().filter(|other| other.meets(span)).count() == 1;
    let mut incarnations = Vec::with_capacity(spans.len());
    for span in &spans {
        let near: Vec<(Span, &IndexOperation)> =
            index_operations.iter().filter(|(other, _)| other.meets(*span)).copied().collect();
        let changed = || {
            near.iter().filter_map(|(other, operation)| {
                let certain = happened(operation)? && is_only(*other);
                let IndexAction::Change { gc_deletes_millis, durability } = operation.action else {
                    return None;
                };
                Some((*other, certain, gc_deletes_millis, durability))
            })
        };
        let gc_deletes = changed()
            .filter_map(|(span, certain, value, _)| Some(Change { span, value: value?, certain }));
        let durability = changed()
            .filter_map(|(span, certain, _, value)| Some(Change { span, value: value?, certain }));
        let (gc_deletes, durability) = (gc_deletes.collect(), durability.collect());
        let shapes = shapes(*span, &near, operations, &is_only);
        incarnations.push(Incarnation { span: *span, shapes, gc_deletes, durability });
    }
    incarnations
}

/// Whether an operation certainly happened; nothing if it certainly did not.
fn happened(operation: &IndexOperation) -> Option<bool> {
    match operation.outcome {
        IndexOutcome::Done => Some(true),
        IndexOutcome::Unknown { .. } => Some(false),
        IndexOutcome::Exists | IndexOutcome::Absent | IndexOutcome::NotApplied { .. } => None,
    }
}

/// What an incarnation can have been created as: by a request to, or by the first writes.
fn shapes(
    span: Span,
    near: &[(Span, &IndexOperation)],
    operations: &[(Span, &Operation)],
    is_only: &dyn Fn(Span) -> bool,
) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for (other, operation) in near {
        let IndexAction::Create(shape) = &operation.action else { continue };
        match operation.outcome {
            IndexOutcome::Done if is_only(*other) => return vec![shape.clone()],
            IndexOutcome::Done | IndexOutcome::Unknown { .. } => shapes.push(shape.clone()),
            IndexOutcome::Exists | IndexOutcome::Absent | IndexOutcome::NotApplied { .. } => {}
        }
    }
    // Who began after the index was seen did not create it.
    let seen = operations
        .iter()
        .filter(|(other, operation)| {
            other.meets(span) && shows_index(&operation.outcome) && is_only(*other)
        })
        .map(|(other, _)| other.to)
        .min()
        .unwrap_or(NEVER);
    for (other, operation) in operations {
        if other.meets(span) && other.from <= seen && creates_index(operation) {
            shapes.push(by_dialect(operation.dialect));
        }
    }
    let mut distinct: Vec<Shape> = Vec::new();
    for shape in shapes {
        if !distinct.contains(&shape) {
            distinct.push(shape);
        }
    }
    // Fewer shards forbid more.
    distinct.sort_by_key(|shape| shape.shards.unwrap_or(1));
    if distinct.is_empty() { vec![Shape::default()] } else { distinct }
}

/// The index that a write creates along the way (spec dialects §5.5).
fn by_dialect(dialect: u8) -> Shape {
    match dialect {
        2 | 5 => Shape { shards: Some(5), routing_shards: Some(5), ..Shape::default() },
        _ => Shape::default(),
    }
}
