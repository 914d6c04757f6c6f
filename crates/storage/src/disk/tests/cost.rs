//! What an append does to the disk.

use super::world::{STREAMS, World};

#[test]
fn a_lone_append_is_one_write_and_one_sync() {
    let mut world = World::new();
    world.open();
    let before = world.files.changes();
    world.append(&[(STREAMS[0], &[100])]);
    assert_eq!(world.files.changes() - before, 2);
}

#[test]
fn a_group_of_many_entries_is_one_write_and_one_sync() {
    let mut world = World::new();
    world.open();
    let before = world.files.changes();
    world.append(&[(STREAMS[0], &[100, 3]), (STREAMS[1], &[5]), (STREAMS[2], &[200])]);
    assert_eq!(world.files.changes() - before, 2);
}
