//! What the simulated disk does with room, power cuts and damage.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// A directory that durably holds one file `a`.
fn holding(contents: &[u8]) -> (SimulatedFileSystem, Arc<dyn File>) {
    let image = Image { files: BTreeMap::from([("a".to_owned(), contents.to_vec())]) };
    let files = SimulatedFileSystem::new(image);
    let file = files.open("a").unwrap();
    (files, file)
}

/// What a power cut now may leave of the file `a`.
fn after_power_cut(files: &SimulatedFileSystem) -> BTreeSet<Vec<u8>> {
    let images = files.crash_images(files.changes());
    images.into_iter().filter_map(|mut image| image.files.remove("a")).collect()
}

fn set(contents: &[&[u8]]) -> BTreeSet<Vec<u8>> {
    contents.iter().map(|contents| contents.to_vec()).collect()
}

#[test]
fn a_file_takes_room_as_it_grows_and_gives_it_back() {
    let (files, file) = holding(b"abc");
    assert_eq!(files.free_bytes().unwrap(), u64::MAX);
    files.limit_room(Some(10));
    assert_eq!(files.free_bytes().unwrap(), 10);
    file.write_at(b"xyz", 0).unwrap();
    assert_eq!(files.free_bytes().unwrap(), 10);
    file.write_at(b"xyz", 1).unwrap();
    assert_eq!(files.free_bytes().unwrap(), 9);
    // What is skipped counts as well.
    file.write_at(b"z", 6).unwrap();
    assert_eq!(files.free_bytes().unwrap(), 6);
    file.allocate(13).unwrap();
    assert_eq!(files.free_bytes().unwrap(), 0);
    assert_eq!(files.create("b").map(drop).unwrap_err().kind(), io::ErrorKind::StorageFull);
    file.write_at(b"within", 7).unwrap();
    file.truncate(8).unwrap();
    assert_eq!(files.free_bytes().unwrap(), 5);
    files.create("b").unwrap().write_at(b"12", 0).unwrap();
    assert_eq!(files.free_bytes().unwrap(), 3);
    files.rename("b", "a").unwrap();
    assert_eq!(files.free_bytes().unwrap(), 3, "what has no name any more is still open");
    drop(file);
    assert_eq!(files.free_bytes().unwrap(), 11);
    files.remove("a").unwrap();
    assert_eq!(files.free_bytes().unwrap(), 13);
    files.limit_room(Some(1));
    assert_eq!(files.free_bytes().unwrap(), 1);
    files.limit_room(None);
    assert_eq!(files.free_bytes().unwrap(), u64::MAX);
}

#[test]
fn what_finds_no_room_is_done_in_part() {
    let (files, file) = holding(b"abc");
    files.limit_room(Some(2));
    let full = file.write_at(b"12345", 2).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert_eq!(files.image().files["a"], b"ab123");
    file.truncate(3).unwrap();
    file.write_at(b"x", 6).unwrap_err();
    assert_eq!(files.image().files["a"], b"ab1");
    file.allocate(6).unwrap_err();
    assert_eq!(files.image().files["a"], b"ab1\0\0");
    file.allocate(5).unwrap();
}

#[test]
fn room_that_somebody_else_takes_does_not_come_back() {
    let (files, file) = holding(b"abc");
    files.take_all_room();
    file.truncate(1).unwrap();
    assert_eq!(files.free_bytes().unwrap(), 0);
    file.write_at(b"xyz", 0).unwrap_err();
    assert_eq!(files.create("b").map(drop).unwrap_err().kind(), io::ErrorKind::StorageFull);
    files.rename("a", "c").unwrap();
    file.write_at(b"x", 0).unwrap();
    files.limit_room(Some(2));
    file.write_at(b"yz", 1).unwrap();
}

#[test]
fn an_allocation_may_be_lost_until_it_is_synced() {
    let (files, file) = holding(b"ab");
    file.allocate(6).unwrap();
    assert_eq!(after_power_cut(&files), set(&[b"ab", b"ab\0\0", b"ab\0\0\0\0"]));
    file.sync().unwrap();
    assert_eq!(after_power_cut(&files), set(&[b"ab\0\0\0\0"]));
}

#[test]
fn a_cut_may_be_lost_until_it_is_synced() {
    let (files, file) = holding(b"abcd");
    file.truncate(2).unwrap();
    assert_eq!(after_power_cut(&files), set(&[b"abcd", b"ab", b"ab\0\0"]));
    file.sync().unwrap();
    assert_eq!(after_power_cut(&files), set(&[b"ab"]));
}

#[test]
fn a_cut_may_be_lost_although_a_later_write_is_not() {
    let (files, file) = holding(b"abcd");
    file.truncate(1).unwrap();
    file.write_at(b"x", 1).unwrap();
    let possible = after_power_cut(&files);
    for contents in [&b"abcd"[..], b"a", b"ax", b"axcd"] {
        assert!(possible.contains(contents), "{possible:?}");
    }
}

#[test]
fn a_kill_keeps_allocations_and_cuts() {
    let (files, file) = holding(b"abcd");
    file.truncate(1).unwrap();
    file.allocate(3).unwrap();
    let found = |changes| files.killed_after(changes).image().files["a"].clone();
    assert_eq!([found(0), found(1), found(2)], [&b"abcd"[..], b"a", b"a\0\0"]);
    // Nothing to do is no change.
    file.truncate(3).unwrap();
    file.allocate(2).unwrap();
    assert_eq!(files.changes(), 2);
}

#[test]
fn a_changed_byte_is_changed_whatever_survives() {
    let (files, file) = holding(b"ab");
    file.write_at(b"B", 1).unwrap();
    files.corrupt("a", 1, 0x01).unwrap();
    assert_eq!(files.image().files["a"], b"aC");
    assert_eq!(after_power_cut(&files), set(&[b"ac", b"aC"]));
    // Writing the byte again heals it, once that is durable.
    file.write_at(b"X", 1).unwrap();
    assert_eq!(after_power_cut(&files), set(&[b"ac", b"aC", b"aX"]));
    file.sync().unwrap();
    assert_eq!(after_power_cut(&files), set(&[b"aX"]));
    let past_the_end = files.corrupt("a", 2, 1).unwrap_err();
    assert_eq!(past_the_end.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn a_missing_end_is_missing_whatever_survives() {
    let (files, file) = holding(b"abcd");
    files.limit_room(Some(4));
    file.write_at(b"ef", 4).unwrap();
    files.truncate_file("a", 3).unwrap();
    assert_eq!(files.free_bytes().unwrap(), 5);
    assert_eq!(after_power_cut(&files), set(&[b"abc"]));
    assert_eq!(files.truncate_file("a", 4).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(files.truncate_file("b", 0).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_lost_file_is_lost_whatever_survives() {
    let (files, file) = holding(b"old");
    files.create("aside").unwrap().write_at(b"new", 0).unwrap();
    files.rename("aside", "a").unwrap();
    let changes = files.changes();
    files.remove_file("a").unwrap();
    assert_eq!(after_power_cut(&files), set(&[]));
    assert!(files.killed_after(changes).image().files.contains_key("a"), "not before its time");
    assert_eq!(file.length().unwrap(), 3);
    assert_eq!(files.remove_file("a").unwrap_err().kind(), io::ErrorKind::NotFound);
    // A new one of its name is another file.
    files.create("a").unwrap();
    files.sync_directory().unwrap();
    assert_eq!(after_power_cut(&files), set(&[b""]));
}
