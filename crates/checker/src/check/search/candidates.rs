//! What can be chosen next.

use super::{Doc, Edge, Effect, Part, Search, What};

/// A choice.
pub(super) struct Candidate {
    /// What comes next.
    pub(super) op: usize,
    /// What can never come, once this did.
    pub(super) drops: Vec<usize>,
    /// What it makes of the documents.
    pub(super) leads_to: LeadsTo,
    /// Which is tried first: the lowest.
    rank: (u8, u64),
}

/// What a choice makes of the documents.
pub(super) enum LeadsTo {
    /// None is left: the index is deleted.
    Nothing,
    /// The document in a slot.
    Doc(usize, Doc),
    /// All of them: the power was cut.
    Docs(Vec<Doc>),
}

/// How many ways are tried in which a power cut may leave the documents of an id.
const LEFT_MAX: usize = 10_000;

impl Search<'_, '_> {
    /// Everything that can come next, the best choice last. Notes where the search is stuck.
    pub(super) fn candidates(&mut self) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        // What may have happened, and can no more if something later comes next.
        let mut over = Vec::new();
        let mut blocked = None;
        for edge in self.window.iter() {
            match edge {
                Edge::Begin(op) => self.add(op, &over, &mut candidates),
                Edge::End(op) => {
                    if self.ops.get(op).is_some_and(|op| op.part == Part::May) {
                        over.push(op);
                    } else {
                        blocked = Some(op);
                        break;
                    }
                }
            }
        }
        if candidates.is_empty() {
            let must = (0..).zip(&self.done).find(|(op, done)| {
                !**done && self.ops.get(*op).is_some_and(|op| op.part != Part::May)
            });
            if let Some(op) = blocked.or(must.map(|(op, _)| op)) {
                self.note(op);
            }
        }
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.rank));
        candidates
    }

    fn add(&self, op: usize, over: &[usize], candidates: &mut Vec<Candidate>) {
        let Some(known) = self.ops.get(op) else { return };
        if !self.may_follow(op) {
            return;
        }
        let mut drops: Vec<usize> = over.to_vec();
        drops.extend(known.after);
        let operation = match known.what {
            What::Operation(operation, _) => operation,
            What::Deletion => {
                let (leads_to, rank) = (LeadsTo::Nothing, (2, known.from));
                candidates.push(Candidate { op, drops, leads_to, rank });
                return;
            }
            What::PowerCut(life) => {
                for (rank, docs) in (0..).zip(self.left_by_a_cut(life)) {
                    let (leads_to, rank) = (LeadsTo::Docs(docs), (2, rank));
                    candidates.push(Candidate { op, drops: drops.clone(), leads_to, rank });
                }
                return;
            }
        };
        let continues = self.continues(op);
        if known.part == Part::May && !continues && self.state.unseen >= self.rules.unseen_max {
            return;
        }
        let Ok(effects) = self.try_op(op) else { return };
        let slot = self.slot(op);
        for effect in effects {
            let (doc, kind) = match (effect, known.part) {
                (Effect::Next(doc), Part::Must) => (doc, 0),
                (Effect::Next(doc), Part::May) if continues => (doc, 3),
                (Effect::Next(doc), Part::May) => (doc, 4),
                (Effect::Learned(doc), Part::Observes) => (doc, 1),
                // It fits, but not before something that may have happened is over.
                (Effect::Same, Part::Observes) => {
                    let Some(doc) = self.state.docs.get(slot) else { continue };
                    (doc.clone(), 5)
                }
                (_, _) => continue,
            };
            let moment = operation.ended.map_or(u64::MAX, |ended| ended.order);
            let leads_to = LeadsTo::Doc(slot, doc);
            candidates.push(Candidate { op, drops: drops.clone(), leads_to, rank: (kind, moment) });
        }
    }

    /// The documents as a power cut can leave them: of each the last writes may be lost.
    fn left_by_a_cut(&self, life: u32) -> Vec<Vec<Doc>> {
        let mut left = vec![Vec::new()];
        for (doc, past) in self.state.docs.iter().zip(&self.state.pasts) {
            let kept = std::iter::once(doc).chain(past.of_life(life));
            let longer = kept.flat_map(|doc| {
                left.iter().map(move |docs: &Vec<Doc>| {
                    let mut docs = docs.clone();
                    docs.push(doc.clone());
                    docs
                })
            });
            left = longer.take(LEFT_MAX).collect();
        }
        left
    }
}
