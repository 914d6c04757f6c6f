//! Replay and copies: rows k1–k7, and the property that arrival does not matter.

use std::collections::HashMap;

use proptest::prelude::*;

use super::last;
use crate::{Application, LastWrite, PrimaryTerm, Processed, SeqNo, adopt_term, apply};

fn at(seq_no: u64) -> SeqNo {
    SeqNo::new(seq_no)
}

#[test]
fn k_rows_of_the_specification() {
    let checkpoint = Some(at(3));
    assert_eq!(apply(Some(last(1, 5, 1)), checkpoint, at(4)), Application::Stale); // k1, k3
    assert_eq!(apply(Some(last(1, 5, 1)), checkpoint, at(6)), Application::Newer); // k2
    assert_eq!(apply(None, Some(at(10)), at(9)), Application::Stale); // k4
    assert_eq!(apply(Some(last(1, 5, 1)), checkpoint, at(5)), Application::Same); // k5
    // k6: the delete overtakes the index; its tombstone shows the higher number.
    let mut processed = Processed::default();
    assert_eq!(apply(None, processed.checkpoint(), at(1)), Application::Newer);
    processed.mark(at(1));
    assert_eq!((processed.checkpoint(), processed.max()), (None, Some(at(1))));
    assert_eq!(apply(Some(last(2, 1, 1)), processed.checkpoint(), at(0)), Application::Stale);
    processed.mark(at(0));
    assert_eq!(processed.checkpoint(), Some(at(1)));
    // k7
    let (old, new) = (PrimaryTerm::new(1), PrimaryTerm::new(2));
    let refused = adopt_term(new, old).unwrap_err();
    assert_eq!(refused.to_string(), "operation primary term [1] is too old (current [2])");
    assert_eq!(adopt_term(old, new), Ok(new));
}

#[test]
fn a_checkpoint_moves_only_over_closed_gaps() {
    let mut processed = Processed::up_to(Some(at(3)));
    for seq_no in [5, 7, 5, 2] {
        processed.mark(at(seq_no));
    }
    assert_eq!((processed.checkpoint(), processed.max()), (Some(at(3)), Some(at(7))));
    processed.mark(at(4));
    assert_eq!(processed.checkpoint(), Some(at(5)));
    processed.mark(at(6));
    assert_eq!((processed.checkpoint(), processed.max()), (Some(at(7)), Some(at(7))));
    assert_eq!(Processed::default().checkpoint(), None);
}

/// A copy: what it holds of each document. `true` stands for a tombstone.
#[derive(Default, Debug, PartialEq)]
struct Copy {
    documents: HashMap<u8, (LastWrite, bool)>,
    processed: Processed,
}

impl Copy {
    fn deliver(&mut self, &(document, write, deleted): &(u8, LastWrite, bool)) {
        let held = self.documents.get(&document).map(|(last, _)| *last);
        if apply(held, self.processed.checkpoint(), write.seq_no) == Application::Newer {
            self.documents.insert(document, (write, deleted));
        }
        self.processed.mark(write.seq_no);
    }

    /// Drops tombstones the local checkpoint has passed, as it may (spec concurrency §1.1).
    fn forget_tombstones(&mut self) {
        let checkpoint = self.processed.checkpoint();
        self.documents.retain(|_, (last, deleted)| !*deleted || Some(last.seq_no) > checkpoint);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_order_and_repetition_ends_in_the_state_of_orderly_delivery(
        writes in prop::collection::vec((0..4_u8, any::<bool>()), 1..24),
        repeated in prop::collection::vec(any::<prop::sample::Index>(), 0..24),
        shuffle in prop::collection::vec(any::<u32>(), 48),
        forget_after in prop::collection::vec(any::<bool>(), 48),
    ) {
        let history: Vec<(u8, LastWrite, bool)> = (0..)
            .zip(writes)
            .map(|(seq_no, (document, deleted))| (document, last(1, seq_no, 1), deleted))
            .collect();
        let mut orderly = Copy::default();
        history.iter().for_each(|write| orderly.deliver(write));

        let mut deliveries: Vec<_> = history.clone();
        deliveries.extend(repeated.iter().map(|index| *index.get(&history)));
        let mut keyed: Vec<_> = shuffle.iter().zip(deliveries).collect();
        keyed.sort_by_key(|(key, _)| **key);
        let mut late = Copy::default();
        for ((_, write), forget) in keyed.iter().zip(forget_after) {
            late.deliver(write);
            if forget {
                late.forget_tombstones();
            }
        }
        orderly.forget_tombstones();
        late.forget_tombstones();
        prop_assert_eq!(orderly, late);
    }
}
