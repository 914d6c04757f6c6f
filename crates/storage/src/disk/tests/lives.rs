//! Random lives: groups, full disks, checkpoints, clean stops and kills in any order, and a crash anywhere.

use std::{collections::BTreeMap, time::Duration};

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::Index,
};

use super::world::{STREAMS, World, open};

/// What happens to a log.
#[derive(Clone, Debug)]
enum Event {
    /// A group: by stream, the lengths of an entry's sources.
    Append(BTreeMap<usize, Vec<usize>>),
    /// The same, with room for so many bytes.
    AppendToFullDisk(BTreeMap<usize, Vec<usize>>, u64),
    /// The checkpoints that are missing are written.
    Checkpoint,
    /// Segments without operations are given up.
    Drop,
    /// A clean stop and a start.
    Stop,
    /// A kill and a start.
    Kill,
}

fn event() -> impl Strategy<Value = Event> {
    let group = || btree_map(0..STREAMS.len(), vec(0_usize..900, 1..4), 1..3);
    prop_oneof![
        6 => group().prop_map(Event::Append),
        2 => (group(), 0_u64..2_000).prop_map(|(group, room)| Event::AppendToFullDisk(group, room)),
        2 => Just(Event::Checkpoint),
        1 => Just(Event::Drop),
        1 => Just(Event::Stop),
        1 => Just(Event::Kill),
    ]
}

fn append(world: &mut World, group: &BTreeMap<usize, Vec<usize>>) {
    let group: Vec<_> =
        group.iter().map(|(stream, sources)| (STREAMS[*stream], sources.as_slice())).collect();
    world.append(&group);
}

fn live(events: &[Event]) -> World {
    let mut world = World::new();
    world.open();
    for event in events {
        match event {
            Event::Append(group) => append(&mut world, group),
            Event::AppendToFullDisk(group, room) => {
                world.files.limit_room(Some(*room));
                append(&mut world, group);
                world.files.limit_room(None);
                world.pass(Duration::from_secs(1));
            }
            Event::Stop => {
                world.close();
                world.open();
            }
            Event::Kill => world.open(),
            Event::Checkpoint => {
                world.checkpoint();
            }
            Event::Drop => {
                world.drop_empty();
            }
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn nothing_is_lost_in_any_life(events in vec(event(), 1..12), crashes in vec(any::<Index>(), 4)) {
        let world = live(&events);
        for crash in crashes {
            let changes = crash.index(world.files.changes() + 1);
            for image in world.files.crash_images(changes) {
                world.open_image(&image, changes);
            }
            let files = world.files.killed_after(changes);
            let first = open(&files).unwrap();
            world.check(&first, changes);
            for image in files.crash_images(files.changes()) {
                let (_, second) = world.open_image(&image, changes);
                prop_assert_eq!(&second.entries, &first.entries);
            }
        }
    }
}
