//! Which points of a search look alike.
//!
//! Of many writes of unknown outcome, each with tokens that nobody ever saw, it hardly matters which
//! happened: what counts is how many, of which kind. A search that takes such points for one tries far
//! fewer orders. They may differ after all, so that it can miss an order; but one that it finds is one.

use std::{
    collections::{HashSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

use super::{Op, Part, State, What, spread};
use crate::{
    Action,
    check::{document::Doc, index::tokens},
};

/// What makes points look alike.
pub(super) struct Alike {
    /// The tokens that only writes of unknown outcome have, which nobody saw.
    unseen: HashSet<u64>,
    /// For each operation what tells it from others: its kind, if it is one of those.
    marks: Vec<u128>,
}

impl Alike {
    /// What looks alike among these.
    pub(super) fn among(ops: &[Op<'_>]) -> Self {
        let actions = |may: bool| {
            let ops = ops.iter().filter(move |op| (op.part == Part::May) == may);
            ops.filter_map(|op| action(op)).flat_map(tokens)
        };
        let seen: HashSet<u64> = actions(false).collect();
        let unseen = actions(true).filter(|token| !seen.contains(token)).collect();
        let marks = (0..).zip(ops).map(|(place, op)| match (op.part, action(op)) {
            (Part::May, Some(action)) => kind(op, action),
            (_, _) => spread(place),
        });
        let marks = marks.collect();
        Self { unseen, marks }
    }

    /// What tells an operation from others.
    pub(super) fn mark(&self, op: usize) -> u128 {
        self.marks.get(op).copied().unwrap_or_default()
    }

    /// Hashes what counts of a state.
    pub(super) fn hash(&self, state: &State, hasher: &mut DefaultHasher) {
        (state.incarnation, state.unseen).hash(hasher);
        state.pasts.hash(hasher);
        state.docs.iter().for_each(|doc| self.hash_doc(doc, hasher));
    }

    /// Hashes what counts of a document.
    pub(super) fn hash_doc(&self, doc: &Doc, hasher: &mut DefaultHasher) {
        match doc {
            Doc::Absent { floor } => (0, floor).hash(hasher),
            Doc::Dead { last, .. } => (1, last.version, last.seq_no, last.floor).hash(hasher),
            Doc::Live { last, fields, routing } => {
                (2, last.version, last.seq_no, last.floor, routing).hash(hasher);
                for (name, token) in fields.iter() {
                    let token = Some(token).filter(|token| !self.unseen.contains(*token));
                    (name, token).hash(hasher);
                }
            }
        }
    }
}

/// The action of an operation on a document.
fn action<'h>(op: &Op<'h>) -> Option<&'h Action> {
    match op.what {
        What::Operation(operation, _) => Some(&operation.action),
        What::Deletion | What::PowerCut(_) => None,
    }
}

/// A number for what a write does, whatever its tokens are.
fn kind(op: &Op<'_>, action: &Action) -> u128 {
    let mut hasher = DefaultHasher::new();
    let names = |fields: &crate::Fields| fields.keys().cloned().collect::<Vec<_>>();
    match action {
        Action::Index { condition, fields } => {
            (0, format!("{condition:?}"), names(fields)).hash(&mut hasher);
        }
        Action::Create { condition, fields } => {
            (1, format!("{condition:?}"), names(fields)).hash(&mut hasher);
        }
        Action::Delete { condition } => (2, format!("{condition:?}")).hash(&mut hasher),
        Action::Update { condition, change, upsert, detect_noop } => {
            let upsert = upsert.as_ref().map(|upsert| match upsert {
                crate::Upsert::Change => Vec::new(),
                crate::Upsert::Fields(fields) => names(fields),
            });
            let of = (3, format!("{condition:?}"), names(change), upsert, detect_noop);
            of.hash(&mut hasher);
        }
        Action::Read { .. } => {}
    }
    op.routing.hash(&mut hasher);
    let kind = usize::try_from(hasher.finish()).unwrap_or_default();
    spread(kind)
}
