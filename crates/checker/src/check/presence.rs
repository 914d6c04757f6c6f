//! Whether the index was there when it was said to be, and not when it was said not to be.

use super::incarnations::{Span, creates_index, shows_index};
use crate::{IndexAction, IndexOperation, IndexOutcome, Operation, Outcome};

/// What something says about an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// It is there.
    Present,
    /// It is not.
    Absent,
    /// It was not, and now is.
    Created,
}

/// Something that says something.
struct Statement {
    span: Span,
    says: Says,
    told: Told,
}

/// Who says it: an operation on a document, or on the index, by its number in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// On a document.
    Document(usize),
    /// On the index.
    Index(usize),
}

/// The operations on one index, with their spans and numbers.
pub(super) struct Statements<'h> {
    /// On its documents.
    pub(super) operations: &'h [(Span, &'h Operation, usize)],
    /// On itself.
    pub(super) index_operations: &'h [(Span, &'h IndexOperation, usize)],
    /// When it was deleted.
    pub(super) deletions: &'h [Span],
}

/// Every statement that cannot be so, with why.
pub(super) fn check(told: &Statements<'_>) -> Vec<(Told, &'static str)> {
    let statements = statements(told);
    // By end, the latest beginning of what showed the index until then.
    let mut shown: Vec<(u64, u64)> = statements
        .iter()
        .filter(|statement| statement.says != Says::Absent)
        .map(|statement| (statement.span.to, statement.span.from))
        .collect();
    shown.sort_unstable();
    let mut latest = 0;
    for (_, from) in &mut shown {
        latest = latest.max(*from);
        *from = latest;
    }
    // By beginning, the latest end of what may have created the index.
    let mut creators: Vec<(u64, u64)> = creators(told);
    creators.sort_unstable();
    let mut last = 0;
    for (_, to) in &mut creators {
        last = last.max(*to);
        *to = last;
    }
    let mut wrong = Vec::new();
    for Statement { span, says, told: who } in &statements {
        if *says != Says::Present {
            // It was there before: was it deleted since?
            let before = shown.partition_point(|(to, _)| *to < span.from);
            let seen =
                before.checked_sub(1).and_then(|last| shown.get(last)).map(|(_, from)| *from);
            let vanished = |seen: u64| {
                !told.deletions.iter().any(|deleted| deleted.to >= seen && deleted.from <= span.to)
            };
            if seen.is_some_and(vanished) {
                wrong.push((*who, "the index was there before, and nobody deleted it"));
            }
        }
        if *says == Says::Present {
            let until = creators.partition_point(|(from, _)| *from <= span.to);
            let created = until.checked_sub(1).and_then(|last| creators.get(last));
            let deleted = |(_, to): &(u64, u64)| {
                told.deletions.iter().any(|deleted| deleted.from > *to && deleted.to < span.from)
            };
            if created.is_none_or(deleted) {
                wrong.push((*who, "nobody had created the index"));
            }
        }
    }
    wrong
}

fn statements(told: &Statements<'_>) -> Vec<Statement> {
    let mut statements = Vec::new();
    for (span, operation, number) in told.operations {
        let says = if operation.outcome == Outcome::AbsentIndex {
            Says::Absent
        } else if shows_index(&operation.outcome) {
            Says::Present
        } else {
            continue;
        };
        statements.push(Statement { span: *span, says, told: Told::Document(*number) });
    }
    for (span, operation, number) in told.index_operations {
        let says = match (&operation.outcome, &operation.action) {
            (IndexOutcome::Done, IndexAction::Create(_)) => Says::Created,
            (IndexOutcome::Done | IndexOutcome::Exists, _) => Says::Present,
            (IndexOutcome::Absent, _) => Says::Absent,
            (IndexOutcome::NotApplied { .. } | IndexOutcome::Unknown { .. }, _) => continue,
        };
        statements.push(Statement { span: *span, says, told: Told::Index(*number) });
    }
    statements
}

/// Whatever may have created the index.
fn creators(told: &Statements<'_>) -> Vec<(u64, u64)> {
    let writes = told.operations.iter().filter(|(_, operation, _)| creates_index(operation));
    // What was not applied may have got as far as to create the index, and no further.
    let writes = writes.map(|(span, ..)| (span.from, span.to));
    let creations = told.index_operations.iter().filter(|(_, operation, _)| {
        matches!(operation.action, IndexAction::Create(_))
            && matches!(operation.outcome, IndexOutcome::Done | IndexOutcome::Unknown { .. })
    });
    let creations = creations.map(|(span, ..)| (span.from, span.to));
    writes.chain(creations).collect()
}
