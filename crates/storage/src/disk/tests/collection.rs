//! Collection: what it may choose, that it bounds space, and that no crash during it loses anything
//! or brings anything back.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use proptest::{collection::vec, prelude::*, sample::Index};
use shard::log::StreamId;

use super::{
    super::{
        collection::{Choice, Evacuation, Pace, Situation},
        segments::SegmentFacts,
    },
    lifetimes::Lifetime,
};

const ONE: StreamId = StreamId::new(0);
const TWO: StreamId = StreamId::new(5);

fn segment(number: u32, bytes: u64, retired_bytes: u64) -> SegmentFacts {
    SegmentFacts {
        number,
        closed: true,
        damaged: false,
        bytes,
        indexed_bytes: bytes,
        retired_bytes,
        delete_bytes: 0,
        deletes: 0,
    }
}

fn deletes(number: u32, bytes: u64) -> SegmentFacts {
    let deletes = bytes / 10;
    SegmentFacts { indexed_bytes: 0, delete_bytes: bytes, deletes, ..segment(number, bytes, 0) }
}

fn open(number: u32, bytes: u64, retired_bytes: u64) -> SegmentFacts {
    SegmentFacts { closed: false, ..segment(number, bytes, retired_bytes) }
}

fn situation(segments: Vec<SegmentFacts>) -> Situation {
    Situation {
        segments,
        pinned: BTreeSet::new(),
        keep_from: u32::MAX,
        ending: BTreeMap::new(),
        tombstones: 0,
        urgent: false,
        segment_bytes_max: 1_000,
    }
}

fn evacuate(number: u32, older_elsewhere: bool, pace: Pace) -> Choice {
    Choice::Evacuate(Evacuation { number, older_elsewhere, pace })
}

#[test]
fn the_segment_with_the_largest_share_of_garbage_goes_first() {
    let little = vec![segment(1, 1_000, 300), segment(2, 1_000, 200), open(3, 500, 0)];
    assert_eq!(situation(little).choose(), Choice::Rest);
    let much = vec![segment(1, 1_000, 250), segment(2, 1_000, 450), open(3, 500, 0)];
    assert_eq!(situation(much).choose(), evacuate(2, true, Pace::Calm));
    let more = vec![segment(1, 1_000, 900), segment(2, 1_000, 700), open(3, 500, 0)];
    assert_eq!(situation(more).choose(), evacuate(1, false, Pace::Hurried));
}

#[test]
fn what_is_pinned_or_kept_for_a_view_stays() {
    let much = || vec![segment(1, 1_000, 900), segment(2, 1_000, 800), open(3, 500, 0)];
    let pinned = Situation { pinned: BTreeSet::from([1]), ..situation(much()) };
    assert_eq!(pinned.choose(), evacuate(2, true, Pace::Hurried));
    let kept = Situation { keep_from: 1, ..situation(much()) };
    assert_eq!(kept.choose(), Choice::Rest);
    // Within bounds.
    let late = vec![segment(1, 4_000, 3_900), segment(2, 1_000, 800), open(3, 500, 0)];
    let kept = Situation { keep_from: 1, ..situation(late) };
    assert_eq!(kept.choose(), evacuate(1, false, Pace::Hurried));
}

#[test]
fn garbage_in_the_segment_that_is_written_to_closes_it() {
    let garbage = vec![segment(1, 1_000, 100), open(2, 900, 890)];
    assert_eq!(situation(garbage).choose(), Choice::Roll);
    let small = vec![segment(1, 1_000, 0), open(2, 12, 12)];
    assert_eq!(Situation { urgent: true, ..situation(small) }.choose(), Choice::Rest);
}

#[test]
fn what_says_where_streams_are_is_not_collected_forever() {
    // A segment with nothing but markers, as an evacuation leaves it.
    let only_markers = SegmentFacts { closed: true, indexed_bytes: 0, ..open(2, 700, 0) };
    let urgent = |facts, streams| Situation {
        urgent: true,
        ending: BTreeMap::from([(2, streams)]),
        ..situation(vec![segment(1, 1_000, 0), facts, open(3, 10, 0)])
    };
    assert_eq!(urgent(only_markers, 10).choose(), Choice::Rest);
    assert_eq!(urgent(only_markers, 1).choose(), evacuate(2, false, Pace::Hurried));
}

#[test]
fn who_makes_garbage_faster_than_it_is_taken_away_has_to_wait() {
    let delay = |retired| {
        let segments = vec![segment(1, 10_000, retired), open(2, 500, 0)];
        situation(segments).delay_nanos_per_byte()
    };
    assert_eq!((delay(0), delay(3_000)), (0, 0));
    let [some, more, most] = [5_000, 6_000, 9_000].map(delay);
    assert!(0 < some && some < more && more < most && most <= 200, "{some} {more} {most}");
}

/// One that is not worth closing does not keep the others.
#[test]
fn garbage_in_a_tiny_open_segment_hides_no_other() {
    let garbage = vec![segment(1, 1_000, 900), open(2, 12, 12)];
    assert_eq!(situation(garbage).choose(), evacuate(1, false, Pace::Hurried));
}

/// A quarter of a segment of small documents is documents, the rest is what is around them.
#[test]
fn what_is_around_garbage_is_garbage() {
    let small = SegmentFacts { indexed_bytes: 250, ..segment(1, 1_000, 240) };
    assert_eq!(situation(vec![small, open(2, 100, 0)]).choose(), evacuate(1, false, Pace::Hurried));
    let markers = SegmentFacts { indexed_bytes: 0, ..segment(1, 1_000, 0) };
    assert_eq!(
        situation(vec![markers, open(2, 100, 0)]).choose(),
        evacuate(1, false, Pace::Hurried)
    );
}

#[test]
fn garbage_that_cannot_go_moves_no_other_segment_for_the_sake_of_deletes() {
    let stuck = SegmentFacts { damaged: true, ..segment(1, 1_000, 1) };
    let segments = vec![stuck, segment(2, 3_000, 1), deletes(3, 2_000), open(4, 10, 0)];
    assert_eq!(situation(segments).choose(), Choice::Rest);
}

#[test]
fn when_space_is_wanted_little_garbage_is_worth_it() {
    let little = vec![segment(1, 1_000, 150), segment(2, 1_000, 50), open(3, 500, 0)];
    let urgent = Situation { urgent: true, ..situation(little) };
    assert_eq!(urgent.choose(), evacuate(1, false, Pace::Hurried));
}

#[test]
fn forgotten_deletes_are_garbage_unless_older_garbage_needs_them() {
    let clean = vec![segment(1, 1_000, 0), deletes(2, 1_000), open(3, 10, 0)];
    assert_eq!(situation(clean.clone()).choose(), evacuate(2, false, Pace::Hurried));
    // All of them are remembered.
    assert_eq!(Situation { tombstones: 100, ..situation(clean) }.choose(), Choice::Rest);
    // What could be brought back goes first.
    let blocked = vec![segment(1, 2_000, 1), deletes(2, 1_000), open(3, 10, 0)];
    assert!(matches!(
        situation(blocked).choose(),
        Choice::Evacuate(Evacuation { number: 1, older_elsewhere: false, .. })
    ));
}

#[test]
fn many_small_segments_are_gathered() {
    let mut small: Vec<_> = (1..=9).map(|number| segment(number, 20, 0)).collect();
    small.push(open(10, 20, 0));
    assert_eq!(situation(small.clone()).choose(), evacuate(1, false, Pace::Calm));
    small.remove(0);
    assert_eq!(situation(small).choose(), Choice::Rest);
}

/// Documents that are overwritten, deleted and written again in two streams; one of them is removed;
/// collections of old, young and all segments, stops and kills between.
fn long_life() -> Lifetime {
    let mut life = Lifetime::new(&[ONE, TWO]);
    life.write(ONE, &[("a", Some(300)), ("b", Some(300))]);
    life.write(TWO, &[("a", Some(200)), ("c", Some(10))]);
    life.write(ONE, &[("a", Some(320)), ("d", None)]);
    life.write(ONE, &[("b", None)]);
    life.roll();
    life.checkpoint();
    life.collect(&[0]);
    life.write(TWO, &[("a", None), ("e", Some(400))]);
    life.write(ONE, &[("b", Some(30))]);
    life.start();
    life.write(ONE, &[("b", None), ("a", Some(20))]);
    life.roll();
    life.checkpoint();
    // The delete of `b` goes where older copies of it are left, and then where none is.
    life.collect(&[1]);
    life.collect_all();
    life.stop();
    life.start();
    life.remember_deletes(true);
    life.write(TWO, &[("e", None)]);
    life.roll();
    life.collect_all();
    life.remember_deletes(false);
    life.collect_all();
    // Its writer is slow; meanwhile the segment with the entry is closed and collected.
    life.write_late(ONE, &[("a", Some(33))]);
    life.roll();
    life.collect_all();
    life.write_late(ONE, &[("a", None)]);
    life.roll();
    life.collect_all();
    life.write(ONE, &[("a", Some(44))]);
    life.checkpoint();
    life.remove(TWO);
    life.roll();
    life.collect_all();
    life.write(ONE, &[("z", Some(1))]);
    life.start();
    life.collect_all();
    life
}

/// Every n-th different image is started from with a crash at each change of the start.
const SECOND_CRASH_EVERY: usize = 3;

#[test]
fn no_crash_of_a_collected_log_loses_or_revives_anything() {
    let life = long_life();
    let (mut states, mut different) = (0, 0_usize);
    for changes in 0..=life.files.changes() {
        let mut seen = HashSet::new();
        let mut images = life.files.crash_images(changes);
        images.push(life.files.killed_after(changes).image());
        for image in images {
            states += 1;
            if !seen.insert(image.clone()) {
                continue;
            }
            let (files, first) = life.check(&image, changes);
            different += 1;
            if !different.is_multiple_of(SECOND_CRASH_EVERY) {
                continue;
            }
            // The start after it crashes as well.
            for over in 0..=files.changes() {
                for image in files.crash_images(over) {
                    states += 1;
                    if seen.insert(image.clone()) {
                        let (_, second) = life.check(&image, changes);
                        assert_eq!(second.contents(), first.contents());
                    }
                }
            }
        }
    }
    println!("{states} states after crashes of a log that is collected");
}

#[test]
fn a_kill_shows_what_a_power_cut_after_the_next_start_keeps() {
    let life = long_life();
    let mut states = 0;
    for changes in 0..=life.files.changes() {
        let files = life.files.killed_after(changes);
        let first = life.check_files(&files, changes);
        for image in files.crash_images(files.changes()) {
            states += 1;
            let (_, second) = life.check(&image, changes);
            assert_eq!(second.contents(), first.contents());
        }
    }
    println!("{states} states after kills of a log that is collected");
}

#[test]
fn collection_bounds_space_under_any_load() {
    let mut life = Lifetime::new(&[ONE]);
    for round in 0..60 {
        let id = format!("{}", round % 4);
        life.write(ONE, &[(&id, Some(150)), ("gone", Some(100)), ("gone", None)]);
        life.collect_all();
    }
    let (documents, bytes) = life.size();
    assert_eq!(documents, 4);
    assert!(bytes < 4_000, "{bytes} bytes for {documents} documents of 200 bytes");
}

#[test]
fn collected_segments_and_garbage_are_counted() {
    let mut life = Lifetime::new(&[ONE]);
    for bytes in [100, 200] {
        life.write(ONE, &[("a", Some(bytes))]);
        life.roll();
    }
    let told = life.statistics();
    assert_eq!((told.segments, told.collected_segments), (3, 0));
    assert!((100..200).contains(&told.retired_bytes), "the first one: {told:?}");
    life.collect(&[0]);
    let told = life.statistics();
    assert_eq!((told.segments, told.collected_segments, told.retired_bytes), (2, 1, 0));
}

/// What happens to a log.
#[derive(Clone, Debug)]
enum Event {
    Write(bool, u8, Option<usize>),
    Roll,
    Checkpoint,
    Collect(Vec<usize>),
    Remember(bool),
    Stop,
    Kill,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (any::<bool>(), 0_u8..4, proptest::option::of(0_usize..500))
            .prop_map(|(stream, id, bytes)| Event::Write(stream, id, bytes)),
        2 => Just(Event::Roll),
        1 => Just(Event::Checkpoint),
        3 => vec(0_usize..4, 1..3).prop_map(Event::Collect),
        1 => any::<bool>().prop_map(Event::Remember),
        1 => Just(Event::Stop),
        1 => Just(Event::Kill),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn nothing_is_lost_or_revived_in_any_life(
        events in vec(event(), 1..30),
        crashes in vec(any::<Index>(), 4),
    ) {
        let mut life = Lifetime::new(&[ONE, TWO]);
        for event in &events {
            match event {
                Event::Write(stream, id, bytes) => {
                    let stream = if *stream { ONE } else { TWO };
                    life.write(stream, &[(&id.to_string(), *bytes)]);
                }
                Event::Roll => life.roll(),
                Event::Checkpoint => life.checkpoint(),
                Event::Collect(places) => life.collect(places),
                Event::Remember(remembers) => life.remember_deletes(*remembers),
                Event::Stop => {
                    life.stop();
                    life.start();
                }
                Event::Kill => life.start(),
            }
        }
        for crash in crashes {
            let changes = crash.index(life.files.changes() + 1);
            for image in life.files.crash_images(changes) {
                life.check(&image, changes);
            }
            life.check_files(&life.files.killed_after(changes), changes);
        }
    }
}
