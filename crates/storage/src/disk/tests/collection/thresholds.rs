//! From which byte on collection does something: exactly where the policy says. A sixteenth of a segment,
//! 62 bytes here, is never worth anything.

use super::{Choice, Pace, Situation, deletes, evacuate, open, segment, situation};
use crate::disk::segments::SegmentFacts;

/// A thousand bytes that are needed, and so many that are not.
fn needed_and(garbage: u64) -> Vec<SegmentFacts> {
    vec![segment(1, 900 + garbage, garbage), open(2, 100, 0)]
}

#[test]
fn garbage_may_take_seven_twentieths_and_from_half_on_it_goes_in_a_hurry() {
    for (garbage, choice) in [
        (350 + 62, Choice::Rest),
        (350 + 62 + 1, evacuate(1, false, Pace::Calm)),
        (500 + 62, evacuate(1, false, Pace::Calm)),
        (500 + 62 + 1, evacuate(1, false, Pace::Hurried)),
    ] {
        assert_eq!(situation(needed_and(garbage)).choose(), choice, "{garbage} bytes");
    }
}

#[test]
fn up_to_four_times_of_what_is_needed_is_kept_for_a_view() {
    for (garbage, choice) in
        [(3_000 + 62, Choice::Rest), (3_000 + 62 + 1, evacuate(1, false, Pace::Hurried))]
    {
        let kept = Situation { keep_from: 1, ..situation(needed_and(garbage)) };
        assert_eq!(kept.choose(), choice, "{garbage} bytes");
    }
}

/// Four sixteenths are free, and a tenth of 400 bytes is 40.
#[test]
fn the_wait_grows_from_six_tenths_on_by_tenths_to_three_times_as_long() {
    let free = 600 + 4 * 62;
    for (garbage, nanos) in [
        (0, 0),
        (free + 39, 0),
        (free + 40, 5),
        (free + 399, 45),
        (free + 400, 50),
        (free + 1_200, 150),
        (free + 100_000, 150),
    ] {
        assert_eq!(situation(needed_and(garbage)).delay_nanos_per_byte(), nanos, "{garbage} bytes");
    }
}

/// What older garbage does not let go may be a quarter.
#[test]
fn blocked_deletes_move_the_oldest_garbage_from_a_quarter_on() {
    for (blocked, choice) in [(400, Choice::Rest), (410, evacuate(2, false, Pace::Calm))] {
        // 1,352 and 1,362 bytes are needed; the first segment has no garbage.
        let segments =
            vec![segment(1, 443, 0), segment(2, 500, 1), deletes(3, blocked), open(4, 10, 0)];
        assert_eq!(situation(segments).choose(), choice, "{blocked} bytes");
    }
}

#[test]
fn an_eighth_of_a_segment_is_worth_it_and_the_largest_share_goes() {
    let urgent = |segments| Situation { urgent: true, ..situation(segments) };
    for (garbage, choice) in [(124, Choice::Rest), (125, evacuate(1, false, Pace::Hurried))] {
        let segments = vec![segment(1, 1_000, garbage), open(2, 10, 0)];
        assert_eq!(urgent(segments).choose(), choice, "{garbage} bytes");
    }
    // More bytes are a smaller share.
    let segments = vec![segment(1, 2_000, 900), segment(2, 1_000, 600), open(3, 10, 0)];
    assert_eq!(urgent(segments).choose(), evacuate(2, true, Pace::Hurried));
}

#[test]
fn an_open_segment_is_closed_if_it_is_large_and_not_empty() {
    let urgent = |bytes, segment_bytes_max| {
        let segments = vec![segment(1, 1_000, 0), open(2, bytes, bytes)];
        Situation { urgent: true, segment_bytes_max, ..situation(segments) }.choose()
    };
    // Large, but nothing was written to it.
    assert_eq!(urgent(512, 1_000), Choice::Rest);
    assert_eq!(urgent(513, 1_000), Choice::Roll);
    // Not a 64th of what it may become.
    assert_eq!(urgent(999, 64_000), Choice::Rest);
    assert_eq!(urgent(1_000, 64_000), Choice::Roll);
}

#[test]
fn a_segment_is_small_below_an_eighth_of_what_it_may_be() {
    for (bytes, choice) in [(125, Choice::Rest), (124, evacuate(1, false, Pace::Calm))] {
        let mut small: Vec<_> = (1..=9).map(|number| segment(number, bytes, 0)).collect();
        small.push(open(10, 20, 0));
        assert_eq!(situation(small).choose(), choice, "{bytes} bytes each");
    }
}

/// The oldest deletes are taken to be the forgotten ones, and no more than are forgotten.
#[test]
fn as_many_deletes_are_garbage_as_are_forgotten() {
    // 10 of 100: 100 bytes.
    let few = Situation { tombstones: 90, ..situation(vec![deletes(1, 1_000), open(2, 10, 0)]) };
    assert_eq!(few.choose(), Choice::Rest);
    let segments = vec![deletes(1, 1_000), deletes(2, 1_000), open(3, 10, 0)];
    let half = Situation { tombstones: 100, ..situation(segments) };
    assert_eq!(half.choose(), evacuate(1, false, Pace::Hurried));
}
