//! Streams that are answered before they are synced: what that saves, what a power cut takes of them,
//! and that a kill takes nothing.

use std::{collections::HashSet, sync::Arc, time::Duration};

use shard::log::{
    Durability, LogProvider, StreamId,
    conformance::{Shown, entry, index},
};

use super::{
    super::{DiskLog, Options},
    world::{STREAMS, TINY, World, open},
};
use crate::file::simulated::SimulatedFileSystem;

const ONE: StreamId = STREAMS[0];
const TWO: StreamId = STREAMS[1];
const THREE: StreamId = STREAMS[2];

const INTERVAL: Duration = Duration::from_secs(5);
const LAZILY: Durability = Durability::Async { sync_interval: INTERVAL };

/// So small that a few appends fill a segment, and so large that several groups wait for a sync.
const SMALL: Options = Options { segment_bytes_max: 6_000, ..TINY };

/// A log in which two of the streams are answered before they are synced.
fn lazy() -> World {
    let mut world = World::with_options(SMALL);
    world.open();
    world.set_durability(ONE, LAZILY);
    world.set_durability(TWO, LAZILY);
    world
}

/// How many changes to the disk this takes.
fn cost(world: &mut World, act: impl FnOnce(&mut World)) -> usize {
    let before = world.files.changes();
    act(world);
    world.files.changes() - before
}

fn append(group: &'static [(StreamId, &'static [usize])]) -> impl FnOnce(&mut World) {
    move |world| assert!(world.append(group).into_iter().all(|appended| appended))
}

#[test]
fn a_group_of_those_who_can_wait_is_one_write_and_its_sync_comes_in_time() {
    let mut world = lazy();
    assert_eq!(cost(&mut world, append(&[(ONE, &[10]), (TWO, &[10])])), 1);
    assert_eq!(cost(&mut world, |world| world.pass(INTERVAL / 2)), 0);
    assert_eq!(cost(&mut world, append(&[(TWO, &[10])])), 1);
    // The older one's time has come; the younger one is synced along.
    assert_eq!(cost(&mut world, |world| world.pass(INTERVAL / 2)), 1);
    assert_eq!(cost(&mut world, |world| world.pass(INTERVAL)), 0);
}

#[test]
fn whoever_cannot_wait_has_everything_before_synced_along() {
    let mut world = lazy();
    append(&[(ONE, &[10])])(&mut world);
    assert_eq!(cost(&mut world, append(&[(TWO, &[10]), (THREE, &[10])])), 2);
    assert_eq!(cost(&mut world, |world| world.pass(INTERVAL)), 0);
    world.set_durability(ONE, Durability::Request);
    assert_eq!(cost(&mut world, append(&[(ONE, &[10])])), 2);
}

#[test]
fn groups_and_syncs_are_counted() {
    let mut world = lazy();
    append(&[(ONE, &[10]), (TWO, &[10; 4])])(&mut world);
    let lazily = world.statistics();
    assert_eq!((lazily.entries, lazily.operations, lazily.syncs), (2, 5, 0));
    assert_eq!(lazily.groups, [0, 0, 1, 0, 0, 0, 0, 0, 0], "at most 16");
    world.pass(INTERVAL);
    assert_eq!(world.statistics().syncs, 1);
    append(&[(THREE, &[10])])(&mut world);
    append(&[(THREE, &[10; 4])])(&mut world);
    let told = world.statistics();
    assert_eq!((told.entries, told.operations, told.syncs), (4, 10, 3));
    assert_eq!(told.groups, [1, 1, 1, 0, 0, 0, 0, 0, 0]);
    assert!(told.bytes > lazily.bytes && told.stored_bytes > told.bytes, "{told:?}");
    assert_eq!((told.segments, told.is_full, told.collected_segments), (1, false, 0));
}

#[test]
fn an_append_after_the_time_is_over_is_synced_itself() {
    let mut world = lazy();
    append(&[(ONE, &[10])])(&mut world);
    world.advance(INTERVAL);
    assert_eq!(cost(&mut world, append(&[(ONE, &[10])])), 2);
}

/// A quarter of a segment.
#[test]
fn not_more_than_a_bound_waits_for_a_sync() {
    let mut world = lazy();
    append(&[(ONE, &[1_000])])(&mut world);
    assert_eq!(cost(&mut world, append(&[(ONE, &[1_000])])), 2);
    assert_eq!(cost(&mut world, append(&[(ONE, &[1_000])])), 1);
}

/// Groups that wait in a segment that is closed, in one that is stopped, and in one that is killed.
fn lazy_life() -> World {
    let mut world = lazy();
    append(&[(ONE, &[20])])(&mut world);
    append(&[(ONE, &[700]), (TWO, &[1])])(&mut world);
    append(&[(TWO, &[30])])(&mut world);
    world.pass(INTERVAL);
    append(&[(ONE, &[3])])(&mut world);
    append(&[(TWO, &[400])])(&mut world);
    append(&[(THREE, &[350]), (ONE, &[9])])(&mut world);
    append(&[(ONE, &[1_100])])(&mut world);
    append(&[(TWO, &[100])])(&mut world);
    append(&[(ONE, &[1_300])])(&mut world);
    append(&[(ONE, &[900])])(&mut world);
    // Does not fit the segment any more.
    append(&[(TWO, &[1_200])])(&mut world);
    append(&[(ONE, &[50]), (TWO, &[60])])(&mut world);
    world.close();
    world.open();
    world.set_durability(ONE, LAZILY);
    world.set_durability(TWO, LAZILY);
    append(&[(TWO, &[500])])(&mut world);
    append(&[(ONE, &[450])])(&mut world);
    append(&[(TWO, &[13])])(&mut world);
    world.open();
    append(&[(ONE, &[5])])(&mut world);
    world
}

#[test]
fn what_was_synced_survives_power_cuts_and_of_the_rest_what_came_first() {
    let world = lazy_life();
    let mut states = 0;
    let mut seen = HashSet::new();
    for changes in 0..=world.files.changes() {
        for image in world.files.crash_images(changes) {
            let (files, first) = world.open_image(&image, changes);
            states += 1;
            if seen.insert(image) {
                // What was shown once is durable.
                for image in files.crash_images(files.changes()) {
                    let (_, second) = world.open_image(&image, changes);
                    assert_eq!(second.entries, first.entries);
                }
            }
        }
    }
    println!("{states} states after power cuts, {} different images", seen.len());
}

#[test]
fn a_kill_takes_nothing_that_was_answered() {
    let world = lazy_life();
    for changes in 0..=world.files.changes() {
        let files = world.files.killed_after(changes);
        let opened = open(&files).unwrap();
        world.check_killed(&opened, changes);
        for image in files.crash_images(files.changes()) {
            let (_, second) = world.open_image(&image, changes);
            assert_eq!(second.entries, opened.entries);
        }
    }
}

/// Wakes up by itself, and says so when the sync that is due fails.
#[tokio::test]
async fn the_logs_thread_syncs_what_nobody_asks_for() {
    let files = SimulatedFileSystem::default();
    let log = DiskLog::with_file_system(Arc::new(files.clone()), Options::default());
    let logs = Box::new(log).open(&mut Shown::default()).unwrap();
    let stream = logs.create(ONE).await.unwrap();
    let sync_interval = Duration::from_millis(1);
    stream.log.set_durability(Durability::Async { sync_interval });
    let appended = entry(stream.term, vec![index(0, "a")]);
    let before = files.changes();
    let position = stream.log.append(&appended, stream.position).await.unwrap();
    // A later entry can come when nothing waits any more, or earlier.
    files.limit_syncs(Some(0));
    let later = entry(stream.term, vec![index(1, "b")]);
    let _ = stream.log.append(&later, position).await;
    let reason = logs.failed().await;
    assert!(reason.contains("cannot sync"), "{reason}");
    assert!(files.changes() > before);
    logs.close().await.expect_err("there is no clean stop");
}

#[tokio::test]
async fn what_the_logs_thread_does_is_told_to_those_who_watch() {
    let files = SimulatedFileSystem::default();
    let log = DiskLog::with_file_system(Arc::new(files), Options::default());
    let logs = Box::new(log).open(&mut Shown::default()).unwrap();
    assert_eq!(logs.statistics().entries, 0);
    let stream = logs.create(ONE).await.unwrap();
    let told = logs.statistics();
    assert_eq!((told.entries, told.syncs, told.waiting), (1, 1, 0), "the stream's marker");
    // Its time is taken when it was answered: the next append is behind that.
    let appended = entry(stream.term, vec![index(0, "a")]);
    stream.log.append(&appended, stream.position).await.unwrap();
    assert!(logs.statistics().commit_time > Duration::ZERO);
    logs.close().await.unwrap();
    assert_eq!(logs.statistics().waiting, 0, "also when there is no thread any more");
}

#[tokio::test]
async fn a_log_that_is_dropped_syncs_what_was_answered() {
    let files = SimulatedFileSystem::default();
    let provider = || -> Box<dyn LogProvider> {
        Box::new(DiskLog::with_file_system(Arc::new(files.clone()), Options::default()))
    };
    let (_, logs) = Shown::open(&provider, &[ONE]);
    let stream = logs.stream(ONE).unwrap();
    stream.log.set_durability(LAZILY);
    let appended = entry(stream.term, vec![index(0, "a")]);
    stream.log.append(&appended, stream.position).await.unwrap();
    drop(logs);
    for image in files.crash_images(files.changes()) {
        let files = SimulatedFileSystem::new(image);
        assert_eq!(open(&files).unwrap().entries[&ONE], std::slice::from_ref(&appended));
    }
}
