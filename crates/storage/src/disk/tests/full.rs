//! A disk that is full: what is refused, what is done all the same, and how it ends.

use std::time::Duration;

use document::{DocumentId, Effect, Operation, PrimaryTerm, SeqNo, Timestamp, Version};
use shard::{
    log::{StreamId, conformance::index},
    store::Store,
};

use super::{
    super::Options,
    world::{STREAMS, TINY, World, open},
};
use crate::file::{
    FileSystem,
    simulated::{Image, SimulatedFileSystem},
};

const ONE: StreamId = STREAMS[0];
const TWO: StreamId = STREAMS[1];

const PROBE_INTERVAL: Duration = Duration::from_millis(500);

/// Segments, and with them a reserve, of a few entries.
const SMALL: Options = Options { segment_bytes_max: 6_000, ..TINY };

/// With a manifest that is short beside a segment.
const LARGE: Options = Options { segment_bytes_max: 200_000, ..SMALL };

fn delete(seq_no: u64) -> Operation {
    let effect = Effect::Delete { id: DocumentId::from("gone"), version: Version::FIRST };
    let time = Timestamp::from_millis(7);
    Operation { seq_no: SeqNo::new(seq_no), term: PrimaryTerm::FIRST, time, effect }
}

/// A log that was in use, on a disk with room for so many bytes, filled with documents until one is
/// refused.
fn filled(options: Options, room: u64) -> World {
    let mut world = World::with_options(options);
    world.open();
    for bytes in [100, 300, 20] {
        world.write(ONE, index(world.next_seq_no(), &"x".repeat(bytes))).unwrap();
        world.write(TWO, index(world.next_seq_no(), &"y".repeat(bytes))).unwrap();
    }
    world.files.limit_room(Some(room));
    fill(&mut world);
    world
}

/// Writes documents until one is refused; returns how many were not.
fn fill(world: &mut World) -> usize {
    let mut written = 0;
    while world.write(ONE, index(world.next_seq_no(), &"z".repeat(400))).is_ok() {
        written += 1;
    }
    assert!(world.is_full());
    written
}

/// What makes room: a delete, a copy of an old document, a marker.
fn make_room(world: &mut World) {
    world.write(ONE, delete(world.next_seq_no())).unwrap();
    world.write(ONE, index(1, "a copy of what is old")).unwrap();
    world.write_entry(TWO, Vec::new()).unwrap();
}

#[test]
fn what_is_kept_for_readers_makes_no_full_disk() {
    // Segments of nothing but markers, which are given up while somebody holds on to them.
    let written = |keeps: bool| {
        let mut world = World::with_options(SMALL);
        world.open();
        let store = world.store();
        let hold = keeps.then(|| store.hold());
        for _ in 0..40 {
            world.write_entry(TWO, Vec::new()).unwrap();
            world.write_entry(ONE, Vec::new()).unwrap();
            world.close_segment();
        }
        world.checkpoint();
        world.files.limit_room(Some(20_000));
        assert!(world.take_away_empty() > 30);
        let written = fill(&mut world);
        drop(hold);
        world.close();
        written
    };
    let with_readers = written(true);
    assert!(with_readers > 30, "{with_readers}");
    assert_eq!(with_readers, written(false));
}

#[test]
fn a_full_disk_takes_what_makes_room_but_no_new_documents() {
    for room in (0..9_000).step_by(13) {
        let mut world = filled(SMALL, room);
        let untouched = world.files.changes();
        let refused = world.write(TWO, index(world.next_seq_no(), "")).unwrap_err();
        assert!(refused.contains("full"), "{refused}");
        assert_eq!(world.files.changes(), untouched);
        make_room(&mut world);
        assert!(world.is_full());
        // Nothing has changed.
        world.pass(PROBE_INTERVAL);
        assert!(world.is_full());
        make_room(&mut world);
        // Every opening reads everything and compares.
        world.close();
        world.open();
        world.write(TWO, delete(world.next_seq_no())).unwrap();
        world.close();
        // Room comes back.
        world.files.limit_room(None);
        world.open();
        assert!(!world.is_full());
        world.write(ONE, index(world.next_seq_no(), "new")).unwrap();
        world.close();
        world.open();
    }
}

#[test]
fn a_log_is_full_until_there_is_room_for_the_reserve_and_more() {
    let mut world = filled(LARGE, 1_000);
    while world.files.image().files["RESERVE"].len() as u64 > LARGE.segment_bytes_max / 4 {
        make_room(&mut world);
    }
    // Less than the reserve lacks, and a megabyte.
    world.files.limit_room(Some(1 << 20));
    world.pass(PROBE_INTERVAL);
    assert!(world.is_full());
    world.files.limit_room(Some((1 << 20) + LARGE.segment_bytes_max));
    // Not looked at before its time.
    world.pass(PROBE_INTERVAL / 2);
    assert!(world.is_full());
    world.pass(PROBE_INTERVAL / 2);
    assert!(!world.is_full());
    assert_eq!(world.files.image().files["RESERVE"].len() as u64, LARGE.segment_bytes_max);
    world.write(ONE, index(world.next_seq_no(), "new")).unwrap();
    // Filled again: the same as the first time.
    assert!(fill(&mut world) > 1_000);
    make_room(&mut world);
    world.close();
    world.open();
}

#[test]
fn of_a_group_that_finds_no_room_what_is_essential_is_written() {
    let mut world = World::with_options(SMALL);
    world.open();
    world.files.limit_room(Some(100));
    let document = index(world.next_seq_no(), &"x".repeat(1_500));
    let group = vec![(ONE, vec![document]), (TWO, vec![delete(world.next_seq_no() + 1)])];
    let [refused, written] = world.append_operations(group).try_into().unwrap();
    assert!(refused.unwrap_err().contains("cannot allocate"));
    written.unwrap();
    world.open();
}

/// When the reserve is used up too, deletes are refused like all else, and the log goes on.
#[test]
fn without_a_reserve_everything_is_refused() {
    let mut world = filled(SMALL, 50);
    let mut deletes = 0;
    let refused = loop {
        match world.write(ONE, delete(world.next_seq_no())) {
            Ok(()) => deletes += 1,
            Err(refused) => break refused,
        }
    };
    assert!(deletes > 10, "{deletes} deletes in a reserve of {}", SMALL.segment_bytes_max);
    assert!(refused.contains("cannot"), "{refused}");
    world.write(TWO, delete(world.next_seq_no())).unwrap_err();
    world.files.limit_room(None);
    world.pass(PROBE_INTERVAL);
    make_room(&mut world);
    assert!(!world.is_full());
    world.write(ONE, index(world.next_seq_no(), "new")).unwrap();
    world.close();
    world.open();
}

/// Deletes leave the next starts, and a stop between them, the room that they need.
#[test]
fn a_log_opens_on_a_disk_that_deletes_have_filled() {
    for room in (0..6_000).step_by(331) {
        let mut world = filled(LARGE, room);
        while world.write(ONE, delete(world.next_seq_no())).is_ok() {}
        // Killed, then stopped.
        world.open();
        world.close();
        world.open();
        world.write(TWO, delete(world.next_seq_no())).unwrap();
    }
}

/// Copies of old documents are what makes room where nothing else does: they take what deletes leave.
#[test]
fn copies_take_the_room_that_deletes_leave() {
    let mut world = filled(LARGE, 1_000);
    while world.write(ONE, delete(world.next_seq_no())).is_ok() {}
    let reserve = |world: &World| world.files.image().files["RESERVE"].len() as u64;
    assert_eq!(reserve(&world), LARGE.segment_bytes_max / 4);
    let mut copies = 0;
    while world.write(ONE, index(1, &"c".repeat(400))).is_ok() {
        copies += 1;
    }
    assert!(copies > 10, "{copies} copies");
    assert_eq!(reserve(&world), 0);
}

/// Crashes at any change from before the disk is full until after it no longer is.
#[test]
fn a_crash_on_a_full_disk_loses_nothing() {
    let mut states = 0;
    for room in (0..7_000).step_by(397) {
        let mut world = World::with_options(SMALL);
        world.open();
        let before = world.files.changes();
        world.files.limit_room(Some(room));
        fill(&mut world);
        make_room(&mut world);
        world.files.limit_room(None);
        world.pass(PROBE_INTERVAL);
        world.write(ONE, index(world.next_seq_no(), "new")).unwrap();
        for changes in before..=world.files.changes() {
            for image in world.files.crash_images(changes) {
                world.open_image(&image, changes);
                states += 1;
            }
            let image = world.files.killed_after(changes).image();
            world.open_image(&image, changes);
        }
    }
    println!("{states} states after crashes on a full disk");
}

/// Starts after crashes on a disk that stays full, also when they crash themselves.
#[test]
fn a_log_opens_on_a_full_disk() {
    for room in (0..6_000).step_by(61) {
        let mut world = filled(SMALL, room);
        // Killed, twice.
        world.open();
        world.open();
        make_room(&mut world);
        world.open();
    }
}

/// Each start keeps what the next one needs, for the disk may be as full then.
#[test]
fn a_log_opens_on_a_full_disk_again_and_again() {
    for options in [SMALL, LARGE] {
        for room in (0..6_000).step_by(331) {
            let mut world = filled(options, room);
            for _ in 0..6 {
                world.open();
            }
            make_room(&mut world);
        }
    }
}

/// Wherever such a start crashes, the next one finds the room that it needs: what was given back, also
/// if a power cut took that back, and what is left of the reserve.
#[test]
fn a_start_that_crashes_on_a_full_disk_can_be_made_again() {
    let used = |image: &Image| image.files.values().map(|file| file.len() as u64).sum::<u64>();
    let mut states = 0;
    for room in (0..6_000).step_by(397) {
        let mut world = filled(SMALL, room);
        world.open();
        let before = world.files.changes();
        let room =
            used(&world.files.killed_after(before).image()) + world.files.free_bytes().unwrap();
        world.open();
        for changes in before..=world.files.changes() {
            for image in world.files.crash_images(changes) {
                let files = SimulatedFileSystem::new(image.clone());
                files.limit_room(Some(room.saturating_sub(used(&image))));
                let opened = open(&files).unwrap_or_else(|error| panic!("{changes}: {error}"));
                world.check(&opened, changes);
                states += 1;
            }
        }
    }
    assert!(states > 1_000, "{states} states");
}

/// Somebody else takes every byte that is given back: what the opening needs it never lets go.
#[test]
fn a_log_opens_on_a_disk_that_somebody_else_fills() {
    let mut room_taken = 0;
    for tail in [0, 1, 40, 700] {
        let mut world = World::with_options(SMALL);
        world.open();
        world.write(ONE, index(world.next_seq_no(), &"x".repeat(100))).unwrap();
        if tail > 0 {
            world.write(TWO, index(world.next_seq_no(), &"y".repeat(tail))).unwrap();
        } else {
            world.close();
        }
        world.files.take_all_room();
        world.open();
        assert!(world.is_full());
        // Half of the reserve is in the segment: there is room to delete.
        let mut deletes = 0;
        while world.write(ONE, delete(world.next_seq_no())).is_ok() {
            deletes += 1;
        }
        assert!(deletes > 5, "{deletes} deletes");
        room_taken += deletes;
        world.files.limit_room(None);
        world.pass(PROBE_INTERVAL);
        assert!(!world.is_full());
        world.write(ONE, index(world.next_seq_no(), "new")).unwrap();
        world.close();
        world.open();
    }
    assert!(room_taken > 0);
}

#[test]
fn a_start_on_a_full_disk_keeps_half_of_the_reserve_for_its_segment() {
    let mut world = World::with_options(LARGE);
    world.open();
    world.write(ONE, index(world.next_seq_no(), "x")).unwrap();
    world.files.take_all_room();
    world.open();
    let name = world.open_segment().identity.file_name();
    let bytes = world.files.image().files[&name].len() as u64;
    assert!(bytes >= LARGE.segment_bytes_max / 2, "{bytes} bytes");
}

/// A start on a full disk that crashes: the next one finds the room that this one had, until it was over.
#[test]
fn a_start_that_crashes_on_a_disk_that_somebody_else_fills_can_be_made_again() {
    let mut world = World::with_options(SMALL);
    world.open();
    // The name of the reserve is durable with the next start.
    world.open();
    world.append(&[(ONE, &[100]), (TWO, &[30])]);
    world.append(&[(TWO, &[300])]);
    let before = world.files.changes();
    world.files.take_all_room();
    world.open();
    let over = world.files.changes();
    let listed = |image: &Image| {
        String::from_utf8_lossy(&image.files["MANIFEST"]).matches("segment ").count()
    };
    let first = listed(&world.files.killed_after(before).image());
    let mut states = 0;
    for changes in before..=over {
        for image in world.files.crash_images(changes) {
            let files = SimulatedFileSystem::new(image.clone());
            files.take_all_room();
            states += 1;
            match open(&files) {
                Ok(opened) => world.check(&opened, changes),
                // It was over: its room was used.
                Err(error) => assert!(listed(&image) > first, "after {changes}: {error}"),
            }
        }
    }
    assert!(states > 50, "{states} states");
    println!("{states} states after crashes of a start on a disk that somebody else fills");
}

#[test]
fn the_reserve_grows_with_the_log() {
    let large = Options { segment_bytes_max: 5 << 20, ..SMALL };
    let mut world = World::with_options(large);
    world.open();
    let reserve = |world: &World| world.files.image().files["RESERVE"].len();
    assert_eq!(reserve(&world), 4 << 20);
    // Once an eighth of the log is more than the least.
    for _ in 0..48 {
        world.write(ONE, index(world.next_seq_no(), &"x".repeat(1 << 20))).unwrap();
    }
    assert_eq!(reserve(&world), 5 << 20);
}

/// It is no part of the log: whatever becomes of it, the log is there.
#[test]
fn the_reserve_may_be_anything() {
    let mut world = World::with_options(SMALL);
    world.open();
    world.write(ONE, index(world.next_seq_no(), "a")).unwrap();
    world.close();
    let image = world.files.image();
    for found in [None, Some(Vec::new()), Some(vec![7; 100]), Some(vec![7; 100_000])] {
        let mut changed = image.clone();
        match found {
            None => changed.files.remove("RESERVE"),
            Some(contents) => changed.files.insert("RESERVE".to_owned(), contents),
        };
        let (files, _) = world.open_image(&changed, world.files.changes());
        assert!(files.image().files["RESERVE"].len() >= 1_500);
        // Not zeros, and no room for a start but this.
        let files = SimulatedFileSystem::new(changed);
        files.limit_room(Some(600));
        let ended = open(&files);
        let has_room = files.image().files.get("RESERVE").is_some_and(|file| file.len() > 2_000);
        assert!(ended.is_ok() || !has_room);
    }
}

/// Room that runs out at any point, then comes back: what was refused is never there, what was
/// acknowledged always is, wherever a crash comes.
#[test]
fn a_full_disk_refuses_definitely_and_recovers_by_itself() {
    let mut states = 0;
    for room in (0..4_000).step_by(97) {
        let mut world = World::new();
        world.open();
        world.append(&[(ONE, &[100])]);
        world.files.limit_room(Some(room));
        let mut refused = 0;
        for bytes in [600, 30, 900, 20, 700] {
            let acknowledged = world.append(&[(ONE, &[bytes]), (TWO, &[bytes / 2])]);
            refused += acknowledged.iter().filter(|acknowledged| !**acknowledged).count();
        }
        assert!(refused > 0, "{room} bytes are not enough");
        let full = world.files.changes();
        world.files.limit_room(None);
        world.pass(PROBE_INTERVAL);
        let acknowledged = world.append(&[(ONE, &[10]), (TWO, &[10])]);
        assert_eq!(acknowledged, [true, true]);
        for changes in [full, world.files.changes()] {
            for image in world.files.crash_images(changes) {
                world.open_image(&image, changes);
                states += 1;
            }
        }
        world.close();
        world.open();
    }
    println!("{states} states after a full disk");
}

/// A short write may end anywhere. What it leaves is a tear, wherever the crash after it comes.
#[test]
fn a_write_that_ends_anywhere_is_never_taken_for_damage() {
    for room in 0..900 {
        let mut world = World::new();
        world.open();
        world.append(&[(ONE, &[100])]);
        world.files.limit_room(Some(room));
        let before = world.files.changes();
        assert_eq!(world.append(&[(TWO, &[800])]), [false]);
        for changes in before..=world.files.changes() {
            for image in world.files.crash_images(changes) {
                world.open_image(&image, changes);
            }
            // Killed here: the next start finds the part that was written.
            let image = world.files.killed_after(changes).image();
            world.open_image(&image, changes);
        }
        // Stopped here.
        world.files.limit_room(None);
        world.close();
        world.open();
    }
}
