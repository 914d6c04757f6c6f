//! Segments that were taken away and that readers hold on to.

use std::sync::Arc;

use shard::{
    SystemThreads,
    store::{Location, Store, StoreError},
};

use super::super::{
    directory::Directory,
    format::SegmentIdentity,
    segments::{Segment, Segments},
};
use crate::file::simulated::SimulatedFileSystem;

/// Segments 1 to 4, so long.
fn segments(bytes: u64) -> Segments {
    let directory = Directory::new(Arc::new(SimulatedFileSystem::default()));
    let segments = Segments::new(Arc::new(SystemThreads));
    for number in 1..=4 {
        let identity = SegmentIdentity { number, generation: 0 };
        let segment = Segment::create(&directory, identity).unwrap();
        segment.set_end(bytes);
        segments.add(Arc::new(segment));
    }
    segments
}

/// Which of the segments can be read from; what is read there is no operation.
fn readable(segments: &Segments) -> Vec<u32> {
    let is_there = |number: &u32| {
        let read = segments.read_blocking(Location { segment: *number, offset: 0, length: 8 });
        !matches!(read, Err(StoreError::Moved(_)))
    };
    (1..=4).filter(is_there).collect()
}

#[test]
fn what_nobody_holds_on_to_goes_at_once() {
    let segments = segments(1 << 20);
    segments.remove(1);
    assert_eq!(readable(&segments), [2, 3, 4]);
    // A hold does not bring it back.
    let _hold = segments.hold();
    assert_eq!(readable(&segments), [2, 3, 4]);
}

#[test]
fn a_segment_stays_for_those_who_held_on_before_it_was_taken_away() {
    let segments = segments(1 << 20);
    let early = segments.hold();
    segments.remove(1);
    let (late, copy) = (segments.hold(), early.clone());
    segments.remove(2);
    assert_eq!(readable(&segments), [1, 2, 3, 4]);
    drop(early);
    assert_eq!(readable(&segments), [1, 2, 3, 4], "a copy holds on as well");
    drop(copy);
    assert_eq!(readable(&segments), [2, 3, 4], "the later hold never needed the first");
    drop(late);
    assert_eq!(readable(&segments), [3, 4]);
}

#[test]
fn no_more_is_kept_than_the_log_is_long() {
    let segments = segments(200 << 20);
    let _hold = segments.hold();
    for number in 1..=3 {
        segments.remove(number);
    }
    // 600 MiB were taken away; when the last of them went, the log had 400 MiB.
    assert_eq!(readable(&segments), [2, 3, 4]);
}

#[test]
fn where_room_is_short_nothing_is_kept() {
    let segments = segments(1 << 20);
    let hold = segments.hold();
    segments.remove(1);
    segments.let_go();
    assert_eq!(readable(&segments), [2, 3, 4]);
    // Holds go on for what comes.
    segments.remove(2);
    assert_eq!(readable(&segments), [2, 3, 4]);
    drop(hold);
    assert_eq!(readable(&segments), [3, 4]);
}
