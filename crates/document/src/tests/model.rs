//! Random histories of one document against a model written the way Elasticsearch's engine thinks:
//! bare numbers, −1 for "not found", a flag for "deleted".

use proptest::prelude::*;

use super::version;
use crate::{
    Action, DocumentState, GcDeletes, LastWrite, Outcome, Precondition, PrimaryTerm, Refusal,
    SeqNo, Timestamp, Write, plan_write,
};

/// The model: the numbers an engine keeps, and the decision as nested conditions on them.
#[derive(Clone, Copy, Debug)]
struct Model {
    version: i64,
    seq_no: i64,
    term: i64,
    deleted: bool,
    deleted_at: i64,
}

const NOT_FOUND: Model = Model { version: -1, seq_no: -2, term: 0, deleted: true, deleted_at: 0 };

impl Model {
    /// Returns the new version, or nothing when the engine would refuse.
    fn decide(&self, action: Action, precondition: Precondition) -> Option<i64> {
        let absent = self.version == -1;
        let given = match precondition {
            Precondition::SeqNo { seq_no, term } => {
                let same = self.seq_no == i64::try_from(seq_no.get()).unwrap()
                    && self.term == i64::try_from(term.get()).unwrap();
                if self.deleted || !same {
                    return None;
                }
                None
            }
            Precondition::None => None,
            Precondition::Version(v) => {
                if self.version != v.get() {
                    return None;
                }
                None
            }
            Precondition::ExternalGreater(v) => {
                if !absent && self.version >= v.get() {
                    return None;
                }
                Some(v.get())
            }
            Precondition::ExternalGreaterOrEqual(v) => {
                if !absent && self.version > v.get() {
                    return None;
                }
                Some(v.get())
            }
            Precondition::Force(v) => Some(v.get()),
        };
        if action == Action::Create && !self.deleted {
            return None;
        }
        given.or(if absent { Some(1) } else { self.version.checked_add(1) })
    }
}

fn preconditions() -> impl Strategy<Value = Precondition> {
    let number = prop_oneof![0..6_i64, Just(i64::MAX), Just(i64::MAX - 1)];
    prop_oneof![
        3 => Just(Precondition::None),
        2 => number.clone().prop_map(|n| Precondition::Version(version(n))),
        2 => number.clone().prop_map(|n| Precondition::ExternalGreater(version(n))),
        2 => number.clone().prop_map(|n| Precondition::ExternalGreaterOrEqual(version(n))),
        1 => number.prop_map(|n| Precondition::Force(version(n))),
        3 => (0..12_u64, 1..3_u64).prop_map(|(seq_no, term)| Precondition::SeqNo {
            seq_no: SeqNo::new(seq_no),
            term: PrimaryTerm::new(term),
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_histories_agree_with_a_naive_model(
        gc_deletes in -1..5_i64,
        writes in prop::collection::vec(
            (prop_oneof![Just(Action::Index), Just(Action::Create), Just(Action::Delete)],
             preconditions(), any::<bool>(), 0..3_i64), 1..30),
    ) {
        let mut model = NOT_FOUND;
        let mut held: Option<(LastWrite, Option<i64>)> = None;
        let (mut now, mut next_seq_no, mut term) = (0, 0_i64, 1_i64);
        for (action, precondition, new_term, elapsed) in writes {
            now += elapsed;
            term += i64::from(new_term);
            if model.deleted && now - model.deleted_at > gc_deletes {
                model = NOT_FOUND;
            }
            let state = match held {
                None => DocumentState::Absent,
                Some((last, None)) => DocumentState::Live(last),
                Some((last, Some(deleted_at))) => DocumentState::deleted(
                    last,
                    Timestamp::from_millis(deleted_at),
                    Timestamp::from_millis(now),
                    GcDeletes::from_millis(gc_deletes),
                ),
            };
            let decided = plan_write(state, Write { action, precondition });
            let expected = model.decide(action, precondition);
            prop_assert_eq!(decided.ok().map(|plan| plan.version.get()), expected);
            let Ok(plan) = decided else {
                let exhausted = decided == Err(Refusal::VersionExhausted);
                prop_assert!(!exhausted || model.version == i64::MAX);
                continue;
            };
            let was_there = !model.deleted;
            prop_assert_eq!(plan.outcome, match (action, was_there) {
                (Action::Delete, true) => Outcome::Deleted,
                (Action::Delete, false) => Outcome::NotFound,
                (_, true) => Outcome::Updated,
                (_, false) => Outcome::Created,
            });
            let deleted = action == Action::Delete;
            model = Model {
                version: plan.version.get(),
                seq_no: next_seq_no,
                term,
                deleted,
                deleted_at: now,
            };
            let last = LastWrite {
                seq_no: SeqNo::new(u64::try_from(next_seq_no).unwrap()),
                term: PrimaryTerm::new(u64::try_from(term).unwrap()),
                version: plan.version,
            };
            held = Some((last, deleted.then_some(now)));
            next_seq_no += 1;
        }
    }
}
