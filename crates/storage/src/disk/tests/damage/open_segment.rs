//! The segment that a killed process was writing to: its end, and what shares a sector in it.

use std::sync::Arc;

use super::{
    super::{
        super::{
            Options,
            check::{FileReport, FileState, check},
        },
        world::{STREAMS, TINY, World},
    },
    Examination, check_refused, files, is_segment, killed, killed_after_the_start, open_segment,
    some_appends, with, without_checkpoints,
};
use crate::file::simulated::{Image, SimulatedFileSystem};

/// A process that was killed while it wrote to a segment with much room left in it.
fn killed_with_room() -> Image {
    let mut world = World::with_options(Options { segment_bytes_max: 20_000, ..TINY });
    world.open();
    for bytes in [600, 30, 450, 1, 700] {
        world.append(&[(STREAMS[0], &[bytes]), (STREAMS[1], &[bytes / 2, 5])]);
    }
    world.files.image()
}

/// A file that is written to is longer than what was written, and its last sector says so.
#[test]
fn after_a_kill_a_missing_end_is_noticed() {
    for image in [killed(), killed_with_room(), killed_after_the_start()] {
        let mut examination = Examination::of(without_checkpoints(image));
        examination.cut_everywhere(is_segment).check_all_refused();
    }
}

#[test]
fn after_a_kill_an_end_that_reads_as_zeros_is_noticed() {
    for image in [killed(), killed_with_room()] {
        let image = without_checkpoints(image);
        let (name, length, end) = open_segment(&image);
        assert!(end < length - 512);
        // The last bytes of the trailer are zeros themselves.
        for start in 0..length - 512 + 32 {
            let zeroed = with(&image, &name, |contents| contents[start..].fill(0));
            check_refused(&zeroed, &name, &format!("zeros from byte {start} on"));
        }
    }
}

/// Where nothing was written nothing is lost; but what is there is said.
#[test]
fn after_a_kill_a_change_of_what_was_never_written_loses_nothing() {
    let image = killed_with_room();
    let mut examination = Examination::of(image.clone());
    let (name, length, end) = open_segment(&image);
    assert!(length - 512 - end > 300, "{length} {end}");
    for at in end..length {
        let changed = with(&image, &name, |contents| contents[at] ^= 0x10);
        match examination.check(&changed, &name, &format!("a change of byte {at}")) {
            // Where a group may begin, or in the trailer.
            None => assert!(at < end.next_multiple_of(512) + 512 || at >= length - 512, "{at}"),
            Some(outcome) => {
                assert_eq!((outcome.unreadable, outcome.lost), (0, 0), "{at}");
                let report = check(Arc::new(SimulatedFileSystem::new(changed)), &mut |_| {});
                let report = report.unwrap();
                let file = report.files.iter().find(|file| file.name == name).unwrap();
                assert!(matches!(file.state, FileState::Torn { .. }), "{at}: {file:?}");
            }
        }
    }
}

/// What one kill after the other leaves is whole, and nothing is cut of it.
#[test]
fn after_a_kill_the_room_that_was_not_used_is_no_tear() {
    for image in [killed(), killed_with_room(), killed_after_the_start()] {
        let report = check(Arc::new(SimulatedFileSystem::new(image)), &mut |_| {}).unwrap();
        assert!(report.is_whole());
        let is_whole = |file: &FileReport| file.state == FileState::Whole;
        assert!(report.files.iter().all(is_whole), "{report:?}");
    }
}

/// Room that is not used is given back when a segment is closed.
#[test]
fn a_closed_segment_ends_where_it_says() {
    for (mut world, is_stopped) in [(some_appends(), true), (some_appends(), false)] {
        if is_stopped {
            world.close();
            world.open();
        }
        world.append(&[(STREAMS[1], &[1_000])]);
        world.open();
        let image = world.files.image();
        let (open, ..) = open_segment(&image);
        for (name, length) in files(&image).into_iter().filter(|(name, _)| is_segment(name)) {
            assert_eq!(world.end(&name) == Some(length), name != open, "{name}: {length}");
        }
    }
}

/// Where many small entries share a sector, a change costs the one it is in. The start is refused only
/// where it cannot be told whose that was: in what is written before the entries, or in an entry's
/// header.
#[test]
fn after_a_kill_a_change_among_small_entries_concerns_one_stream() {
    let [_, two, three] = STREAMS;
    let mut world = World::with_options(Options { segment_bytes_max: 20_000, ..TINY });
    world.open();
    for _ in 0..12 {
        world.append(&[(two, &[20, 9]), (three, &[15, 1])]);
    }
    // Behind it all of these are known to be durable.
    world.append(&[(two, &[600])]);
    let mut examination = Examination::of(world.files.image());
    let (name, ..) = open_segment(&examination.image);
    let contents = examination.image.files[&name].clone();
    let groups: Vec<_> =
        (512..contents.len()).filter(|at| contents[*at..].starts_with(b"OGRP")).collect();
    let (first, last) = (groups[1], groups[groups.len() - 2]);
    let (mut refused, mut touched) = (0, 0);
    for at in first..last {
        let changed = with(&examination.image, &name, |contents| contents[at] ^= 4);
        match examination.check(&changed, &name, &format!("a change of byte {at}")) {
            None => refused += 1,
            Some(outcome) => {
                assert_eq!(outcome.damaged_streams, 1, "byte {at}: {outcome:?}");
                touched += 1;
            }
        }
    }
    let headers = (groups.len() - 3) * (44 + 2 * 4 + 2 * 40);
    assert!(touched > 500 && refused <= headers + 5 * 44, "{refused} refused, {touched} not");
}
