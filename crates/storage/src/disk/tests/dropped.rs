//! Segments that collection gave up, and what the directory is cleared of.

use shard::log::LogError;

use super::{
    survey::Survey,
    world::{STREAMS, World},
};
use crate::file::simulated::{Image, SimulatedFileSystem};

/// A life at whose end a segment is dropped: before and after its files are removed.
fn dropped() -> (Image, Image) {
    let mut world = World::new();
    world.open();
    world.append(&[(STREAMS[1], &[30])]);
    world.open();
    world.open();
    assert!(world.checkpoint() > 1);
    let before = world.files.image();
    assert_eq!(world.drop_empty(), 1);
    let after = world.files.image();
    (before, after)
}

fn names(image: &Image) -> Vec<&str> {
    image.files.keys().map(String::as_str).collect()
}

fn manifest(files: &SimulatedFileSystem) -> String {
    String::from_utf8(files.image().files["MANIFEST"].clone()).unwrap()
}

#[test]
fn what_is_left_of_a_dropped_segment_is_removed_and_forgotten() {
    let (before, after) = dropped();
    let mut gone = names(&before);
    gone.retain(|name| !after.files.contains_key(*name));
    assert_eq!(gone, ["checkpoint-00000001", "segment-00000001.log"]);
    let mut undone = before.clone();
    undone.files.insert("MANIFEST".to_owned(), after.files["MANIFEST"].clone());
    let files = SimulatedFileSystem::new(undone.clone());
    assert!(manifest(&files).contains("\ndropped 1 generation "), "{}", manifest(&files));
    Survey::of(&files).unwrap();
    assert!(!names(&files.image()).contains(&"segment-00000001.log"));
    assert!(!names(&files.image()).contains(&"checkpoint-00000001"));
    assert!(!manifest(&files).contains("dropped"), "{}", manifest(&files));
}

#[test]
fn every_changed_byte_of_a_manifest_with_a_dropped_segment_is_refused() {
    let (_, image) = dropped();
    let length = image.files["MANIFEST"].len();
    for at in 0..length {
        for bits in [0x01, 0x20, 0x80, 0xff] {
            let mut changed = image.clone();
            changed.files.get_mut("MANIFEST").unwrap()[at] ^= bits;
            match Survey::of_image(&changed) {
                Err(LogError::Damaged(message)) => assert!(message.contains("MANIFEST")),
                found => panic!("{found:?}"),
            }
        }
    }
}

#[test]
fn a_manifest_from_before_a_segment_was_dropped_is_refused() {
    let (before, after) = dropped();
    let mut older = after;
    older.files.insert("MANIFEST".to_owned(), before.files["MANIFEST"].clone());
    match Survey::of_image(&older) {
        Err(LogError::Damaged(message)) => assert!(message.contains("segment-00000001.log")),
        found => panic!("{found:?}"),
    }
}

#[test]
fn checkpoints_of_unknown_segments_and_unfinished_ones_are_removed() {
    let (_, image) = dropped();
    let mut with_strays = image.clone();
    for name in ["checkpoint-00000001", "checkpoint-00000099", "checkpoint-00000002.new"] {
        with_strays.files.insert(name.to_owned(), b"anything".to_vec());
    }
    let others = ["checkpoint-1", "checkpoint-00000002.old"];
    for name in others {
        with_strays.files.insert(name.to_owned(), b"somebody else's".to_vec());
    }
    let files = SimulatedFileSystem::new(with_strays);
    let survey = Survey::of(&files).unwrap();
    assert_eq!(survey, Survey::of_image(&image).unwrap());
    let left = files.image();
    let checkpoints: Vec<_> =
        names(&left).into_iter().filter(|name| name.starts_with("checkpoint")).collect();
    assert_eq!(checkpoints, ["checkpoint-00000002", "checkpoint-00000002.old", "checkpoint-1"]);
}

/// It becomes the reserve only if there is none.
#[test]
fn a_segment_that_a_crash_left_before_it_held_anything_is_removed() {
    let (_, image) = dropped();
    for has_reserve in [true, false] {
        let mut with_leftover = image.clone();
        assert!(with_leftover.files.contains_key("RESERVE"));
        if !has_reserve {
            with_leftover.files.remove("RESERVE");
        }
        with_leftover.files.insert("segment-00000077.log".to_owned(), vec![0; 1_000]);
        let files = SimulatedFileSystem::new(with_leftover);
        assert_eq!(Survey::of(&files).unwrap(), Survey::of_image(&image).unwrap());
        let left = files.image();
        assert!(!names(&left).contains(&"segment-00000077.log"), "{:?}", names(&left));
        assert!(names(&left).contains(&"RESERVE"));
    }
}

#[test]
fn checkpoints_without_a_manifest_are_not_a_new_log() {
    let (_, mut image) = dropped();
    image.files.retain(|name, _| name.starts_with("checkpoint"));
    match Survey::of_image(&image) {
        Err(LogError::Damaged(message)) => assert!(message.contains("MANIFEST"), "{message}"),
        found => panic!("{found:?}"),
    }
}
