//! One line per row of spec concurrency §8 that the decision alone settles. Rows about requests
//! (validation, missing indices, texts) are replayed over HTTP by the server's tests.

use super::{live, tombstone, version};
use crate::{
    Action, DocumentState, GcDeletes, LastWrite, Outcome, Plan, Precondition, PrimaryTerm, Refusal,
    Required, SeqNo, Timestamp, VersionConflict, Write, check_read, plan_write,
};

use Action::{Create, Delete, Index};
use DocumentState::Absent;
use Outcome::{Created, Deleted, NotFound, Updated};

const PLAIN: Precondition = Precondition::None;

fn seq_no(seq_no: u64, term: u64) -> Precondition {
    Precondition::SeqNo { seq_no: SeqNo::new(seq_no), term: PrimaryTerm::new(term) }
}

fn external(number: i64) -> Precondition {
    Precondition::ExternalGreater(version(number))
}

fn external_gte(number: i64) -> Precondition {
    Precondition::ExternalGreaterOrEqual(version(number))
}

fn internal(number: i64) -> Precondition {
    Precondition::Version(version(number))
}

#[track_caller]
fn accepts(
    state: DocumentState,
    action: Action,
    precondition: Precondition,
    number: i64,
    outcome: Outcome,
) {
    let plan = plan_write(state, Write { action, precondition });
    assert_eq!(plan, Ok(Plan { version: version(number), outcome }));
}

#[track_caller]
fn refuses(state: DocumentState, action: Action, precondition: Precondition, required: Required) {
    let plan = plan_write(state, Write { action, precondition });
    assert_eq!(plan, Err(Refusal::Conflict(VersionConflict { required, found: state })));
}

#[test]
fn p_plain_writes_and_creates() {
    accepts(Absent, Index, PLAIN, 1, Created); // p1, p4
    accepts(live(1, 0, 1), Index, PLAIN, 2, Updated); // p2
    accepts(tombstone(3, 2, 1), Index, PLAIN, 4, Created); // p3
    accepts(Absent, Create, PLAIN, 1, Created); // p5
    refuses(live(2, 1, 1), Create, PLAIN, Required::Absence); // p6, p8, p9, p10
    accepts(tombstone(3, 2, 1), Create, PLAIN, 4, Created); // p7
    accepts(live(1, 0, 1), Delete, PLAIN, 2, Deleted); // p11
    accepts(Absent, Delete, PLAIN, 1, NotFound); // p12
    accepts(tombstone(3, 2, 1), Delete, PLAIN, 4, NotFound); // p13
    accepts(Absent, Delete, external(3), 3, NotFound); // p15
    accepts(tombstone(1, 0, 1), Index, PLAIN, 2, Created); // p16
}

#[test]
fn s_conditions_on_sequence_number_and_term() {
    let required = |s, t| Required::SeqNo { seq_no: SeqNo::new(s), term: PrimaryTerm::new(t) };
    accepts(live(3, 6, 1), Index, seq_no(6, 1), 4, Updated); // s1
    refuses(live(4, 10, 1), Index, seq_no(6, 1), required(6, 1)); // s2
    refuses(live(1, 0, 1), Index, seq_no(0, 2), required(0, 2)); // s3
    refuses(Absent, Index, seq_no(0, 1), required(0, 1)); // s4
    refuses(tombstone(2, 1, 1), Index, seq_no(1, 1), required(1, 1)); // s5
    accepts(live(1, 0, 1), Delete, seq_no(0, 1), 2, Deleted); // s6
    refuses(live(1, 0, 1), Delete, seq_no(5, 1), required(5, 1)); // s7
    refuses(Absent, Delete, seq_no(0, 1), required(0, 1)); // s8
    // s12, s13: the shard's term has no say; the document's has.
    accepts(live(1, 0, 1), Index, seq_no(0, 1), 2, Updated);
    refuses(live(1, 0, 1), Index, seq_no(0, 2), required(0, 2));
}

#[test]
fn e_external_versions() {
    let below = |number| Required::Below(version(number));
    accepts(Absent, Index, external(5), 5, Created); // e1
    accepts(Absent, Index, external(0), 0, Created); // e2
    accepts(live(5, 0, 1), Index, external(10), 10, Updated); // e3
    refuses(live(10, 0, 1), Index, external(10), below(10)); // e4
    refuses(live(10, 0, 1), Index, external(9), below(9)); // e5
    accepts(live(1, 0, 1), Index, external(2), 2, Updated); // e6
    accepts(live(2, 0, 1), Index, PLAIN, 3, Updated); // e7
    refuses(live(5, 0, 1), Delete, external(4), below(4)); // e8
    accepts(live(5, 0, 1), Delete, external(6), 6, Deleted); // e9
    refuses(tombstone(6, 1, 1), Index, external(6), below(6)); // e10
    accepts(tombstone(6, 1, 1), Index, external(7), 7, Created); // e11
    accepts(Absent, Index, external(1), 1, Created); // e12
    accepts(live(5, 0, 1), Index, external_gte(5), 5, Updated); // e13
    refuses(live(5, 0, 1), Index, external_gte(4), Required::NotAbove(version(4))); // e14
    accepts(live(5, 0, 1), Index, external(6), 6, Updated); // e15
}

#[test]
fn i_internal_versions_of_the_old_dialects() {
    let exactly = |number| Required::Version(version(number));
    accepts(live(1, 0, 1), Index, internal(1), 2, Updated); // i1
    refuses(live(2, 1, 1), Index, internal(1), exactly(1)); // i2, i3
    refuses(Absent, Index, internal(1), exactly(1)); // i4, i5
    accepts(tombstone(4, 3, 1), Index, internal(4), 5, Created); // i6
    accepts(live(3, 2, 1), Delete, internal(3), 4, Deleted); // i7
    refuses(live(3, 2, 1), Delete, internal(2), exactly(2)); // i8, i10
    accepts(tombstone(4, 3, 1), Delete, internal(4), 5, NotFound);
    // In 2.x a create with a version is checked like an index first.
    refuses(live(2, 1, 1), Create, internal(1), exactly(1));
    refuses(live(2, 1, 1), Create, internal(2), Required::Absence);
}

#[test]
fn r_reads_compare_for_equality_and_miss_without_conflict() {
    let found = |state: DocumentState, number| check_read(state, Some(version(number)));
    let there = live(2, 1, 1);
    assert_eq!(found(there, 2), Ok(there.live())); // r1
    for number in [1, 10] {
        let required = Required::Version(version(number));
        assert_eq!(found(there, number), Err(VersionConflict { required, found: there })); // r2–r4
    }
    assert_eq!(found(Absent, 1), Ok(None)); // r5
    assert_eq!(found(tombstone(2, 1, 1), 2), Ok(None)); // r5d
    assert_eq!(check_read(there, None), Ok(there.live()));
}

#[test]
fn an_internal_write_never_wraps_the_version() {
    let top = live(i64::MAX, 3, 1);
    for action in [Index, Delete] {
        for precondition in [PLAIN, seq_no(3, 1), Precondition::Version(crate::Version::MAX)] {
            let plan = plan_write(top, Write { action, precondition });
            assert_eq!(plan, Err(Refusal::VersionExhausted));
        }
    }
    accepts(top, Index, external_gte(i64::MAX), i64::MAX, Updated);
}

#[test]
fn a_tombstone_counts_for_the_window_and_not_a_millisecond_longer() {
    let last = LastWrite { seq_no: SeqNo::ZERO, term: PrimaryTerm::FIRST, version: version(1) };
    let seen = |deleted_at, now, gc_deletes| {
        DocumentState::deleted(
            last,
            Timestamp::from_millis(deleted_at),
            Timestamp::from_millis(now),
            GcDeletes::from_millis(gc_deletes),
        )
    };
    let remembered = DocumentState::Tombstone(last);
    assert_eq!(seen(1_000, 61_000, 60_000), remembered);
    assert_eq!(seen(1_000, 61_001, 60_000), Absent);
    assert_eq!(seen(1_000, 1_000, 0), remembered);
    assert_eq!(seen(1_000, 1_001, 0), Absent);
    assert_eq!(seen(1_000, 1_000, -1), Absent);
    // A clock that steps back lengthens the window; it never loses a delete.
    assert_eq!(seen(1_000, 10, 60_000), remembered);
}
