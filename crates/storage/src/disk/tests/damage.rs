//! Every byte changed, every file cut short at every length, every file removed: what is stored is
//! shown as it was written, or the log refuses to open and says where.

use std::collections::BTreeMap;

use shard::log::{Entry, LogError, StreamId};

use super::world::{STREAMS, World, open};
use crate::file::simulated::{Image, SimulatedFileSystem};

type Entries = BTreeMap<StreamId, Vec<Entry>>;

/// Two segments that a clean stop closed.
fn stopped() -> Image {
    let mut world = some_appends();
    world.close();
    world.files.image()
}

/// Two segments, the last of them open, and a process that was killed.
fn killed() -> Image {
    some_appends().files.image()
}

/// A start after a kill, which wrote the tail again and the new terms, and another kill.
fn killed_after_the_start() -> Image {
    let mut world = some_appends();
    world.open();
    // Behind its end the segment before still has the tail, which counts no more.
    let mut image = world.files.image();
    for (name, contents) in &mut image.files {
        if let Some(end) = world.end(name) {
            contents.truncate(end);
        }
    }
    image
}

fn some_appends() -> World {
    let [one, two, _] = STREAMS;
    let mut world = World::new();
    world.open();
    world.append(&[(one, &[600]), (two, &[3])]);
    world.append(&[(two, &[500])]);
    world.append(&[(one, &[4]), (two, &[300])]);
    // So long that the last group does not begin in the sector where this one ends: a disk that loses
    // that one takes the proof along.
    world.append(&[(one, &[250])]);
    world.append(&[(two, &[10])]);
    world
}

fn entries(image: &Image) -> Result<Entries, LogError> {
    open(&SimulatedFileSystem::new(image.clone())).map(|opened| opened.entries)
}

/// That the image does not open, for damage to this file.
#[track_caller]
fn check_refused(image: &Image, name: &str, what: &str) {
    match entries(image) {
        Err(LogError::Damaged(message)) => {
            assert!(message.contains(name), "{what}: {message} does not name {name}");
        }
        Err(error) => panic!("{what} of {name}: {error}"),
        Ok(_) => panic!("{what} of {name} went unnoticed"),
    }
}

fn with(image: &Image, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Image {
    let mut changed = image.clone();
    change(changed.files.get_mut(name).unwrap());
    changed
}

/// The names of an image's files and how long they are. In the reserve nothing is stored.
fn files(image: &Image) -> Vec<(String, usize)> {
    let stored = image.files.iter().filter(|(name, _)| *name != "RESERVE");
    stored.map(|(name, contents)| (name.clone(), contents.len())).collect()
}

fn check_every_change_of_a_byte(image: &Image) {
    for (name, length) in files(image) {
        for at in 0..length {
            for bits in [0x01, 0x20, 0x80, 0xff] {
                let changed = with(image, &name, |contents| contents[at] ^= bits);
                check_refused(&changed, &name, &format!("a change of byte {at}"));
            }
        }
    }
}

fn check_every_missing_end(image: &Image) {
    for (name, length) in files(image) {
        for shorter in 0..length {
            let cut = with(image, &name, |contents| contents.truncate(shorter));
            check_refused(&cut, &name, &format!("the end behind byte {shorter}"));
        }
    }
}

fn check_every_removal(image: &Image) {
    for (name, _) in files(image) {
        let mut without = image.clone();
        without.files.remove(&name);
        check_refused(&without, &name, "the removal");
    }
}

#[test]
fn after_a_clean_stop_every_changed_byte_is_noticed() {
    check_every_change_of_a_byte(&stopped());
}

#[test]
fn after_a_kill_every_changed_byte_is_noticed() {
    check_every_change_of_a_byte(&killed());
}

#[test]
fn what_a_start_wrote_is_known_to_be_durable() {
    let image = killed_after_the_start();
    check_every_change_of_a_byte(&image);
    check_every_missing_end(&image);
    let (last, _) = files(&image).pop().unwrap();
    let zeroed = with(&image, &last, |contents| contents[512..].fill(0));
    check_refused(&zeroed, &last, "the loss of every sector");
}

/// A manifest that tells of a clean stop does not stand alone.
#[test]
fn a_clean_stop_without_an_end_mark_is_noticed() {
    let world = some_appends();
    let image = world.stopped_without_end_mark();
    check_refused(&image, "segment-", "the absence of the end mark");
}

#[test]
fn every_removed_file_is_noticed() {
    check_every_removal(&stopped());
    check_every_removal(&killed());
}

#[test]
fn after_a_clean_stop_every_missing_end_is_noticed() {
    check_every_missing_end(&stopped());
}

/// An open segment that ends earlier looks like one that was never written further. No entry is
/// shown changed or in part, none is skipped, and none that lies before the cut is missing.
#[test]
fn after_a_kill_a_missing_end_is_a_tear_of_the_open_segment_only() {
    let image = killed();
    let all = entries(&image).unwrap();
    let files = files(&image);
    let (open_segment, length) = files.last().unwrap();
    for (name, length) in &files[..files.len() - 1] {
        for shorter in 0..*length {
            let cut = with(&image, name, |contents| contents.truncate(shorter));
            check_refused(&cut, name, &format!("the end behind byte {shorter}"));
        }
    }
    let mut before = 0;
    for shorter in 0..*length {
        let cut = with(&image, open_segment, |contents| contents.truncate(shorter));
        if shorter < 512 {
            check_refused(&cut, open_segment, "the end of the header");
            continue;
        }
        let left = entries(&cut).unwrap();
        for (stream, entries) in &left {
            assert!(all[stream].starts_with(entries));
        }
        let count = left.values().map(Vec::len).sum();
        assert!(count >= before, "a longer file shows no less");
        before = count;
    }
}

/// A sector that reads as zeros is a tear in the last group only.
#[test]
fn after_a_kill_a_lost_sector_before_the_last_group_is_noticed() {
    let image = killed();
    let all = entries(&image).unwrap();
    for (name, length) in files(&image) {
        for start in (0..length).step_by(512) {
            let changed = with(&image, &name, |contents| {
                let end = length.min(start + 512);
                contents[start..end].fill(0);
            });
            match entries(&changed) {
                Err(LogError::Damaged(message)) => assert!(message.contains(&name), "{message}"),
                Err(error) => panic!("{error}"),
                Ok(left) => {
                    let lost = |stream| all[stream].len() - left[stream].len();
                    assert_eq!(all.keys().map(lost).sum::<usize>(), 1, "the last entry");
                }
            }
        }
    }
}

#[test]
fn a_manifest_older_than_the_segments_beside_it_is_refused() {
    let [one, ..] = STREAMS;
    let mut world = World::new();
    world.open();
    world.append(&[(one, &[10])]);
    let older = world.files.image().files["MANIFEST"].clone();
    let segments = |world: &World| {
        let names = world.files.image().files.into_keys();
        names.filter(|name| name.starts_with("segment")).collect::<Vec<_>>()
    };
    let before = segments(&world);
    // One group in a new segment is enough.
    while segments(&world).len() == before.len() {
        world.append(&[(one, &[600])]);
    }
    let newest = segments(&world).pop().unwrap();
    let image = with(&world.files.image(), "MANIFEST", |manifest| *manifest = older.clone());
    check_refused(&image, &newest, "an older manifest");
}
