use document::{DocumentState, Effect, GcDeletes, PrimaryTerm, SeqNo, Timestamp, Version};

use super::Batch;

/// Nobody can choose ids that do, but some day two of one batch will.
#[test]
fn documents_whose_hashes_collide_are_told_apart() {
    let mut batch = Batch::default();
    batch.begin(SeqNo::ZERO, PrimaryTerm::FIRST, Timestamp::from_millis(0));
    let delete = |id: &str| Effect::Delete { id: id.into(), version: Version::FIRST };
    let pushed = ["a", "b"].map(|id| batch.push(delete(id), 7));
    let state = |id: &str| batch.state(&id.into(), 7, GcDeletes::DEFAULT);
    let last = |id: &str| match state(id) {
        Some(DocumentState::Tombstone(last)) => Some(last),
        Some(DocumentState::Live(_) | DocumentState::Absent) | None => None,
    };
    assert_eq!([last("a"), last("b")], pushed.map(Some));
    assert!(state("c").is_none());
}
