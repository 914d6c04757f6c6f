//! How much of a leaving segment is read and copied at a time.

use std::collections::BTreeMap;

use document::PrimaryTerm;
use shard::{
    log::{
        BoxFuture, Relocate, RelocateError, StoredOperation, StreamId,
        conformance::{entry, index},
    },
    store::Location,
};

use super::ONE;
use crate::disk::{
    Options,
    collection::{Chunk, Evacuation, Leaving, Pace},
    tests::world::{TINY, World},
};

/// Everything counts.
struct Everything;

impl Relocate for Everything {
    fn counts(&self, _: StreamId, _: &StoredOperation, _: bool) -> bool {
        true
    }

    fn tombstones(&self) -> u64 {
        0
    }

    fn sweep(&self) {}

    fn relocate(
        &self,
        _: StreamId,
        _: Vec<StoredOperation>,
        _: bool,
        _: bool,
    ) -> BoxFuture<'_, Result<(), RelocateError>> {
        unreachable!("nothing is copied here")
    }
}

/// Groups of one document of 100,000 bytes each.
fn segment_of(groups: u64) -> World {
    let mut world = World::with_options(Options { segment_bytes_max: 64 << 20, ..TINY });
    world.open();
    for seq_no in 1..=groups {
        world.write(ONE, index(seq_no, &"x".repeat(100_000))).unwrap();
    }
    world
}

fn leaving(world: &World, pace: Pace) -> Leaving {
    let segment = world.open_segment();
    let number = segment.identity.number;
    Leaving::new(segment, Evacuation { number, older_elsewhere: false, pace })
}

/// Of each chunk the number of operations, their bytes and the bytes that were read.
fn next(leaving: &mut Leaving) -> Option<(usize, u64, u64)> {
    let chunk = leaving.next_chunk(&Everything).unwrap()?;
    let operations = chunk.operations.values().flatten();
    let bytes = operations.clone().map(|found| u64::from(found.location.length)).sum();
    assert_eq!(chunk.bytes, bytes);
    Some((operations.count(), bytes, chunk.read_bytes))
}

#[test]
fn a_calm_chunk_ends_behind_256_kib_and_a_hurried_one_much_later() {
    let world = segment_of(40);
    let mut leaving = leaving(&world, Pace::Calm);
    let (calm, _, read) = next(&mut leaving).unwrap();
    assert_eq!(calm, 3);
    assert!((300_000..304_000).contains(&read), "{read} bytes read");
    leaving.set_pace(Pace::Hurried);
    let (hurried, _, rest) = next(&mut leaving).unwrap();
    assert_eq!(hurried, 37);
    assert_eq!(512 + read + rest, world.open_segment().end(), "the header and all groups");
    assert_eq!(next(&mut leaving), None);
}

#[test]
fn a_chunk_is_copied_in_parts_of_one_stream() {
    let location = |offset, length| Location { segment: 1, offset, length };
    let [one, two] = [1, 2].map(StreamId::new);
    let operations = |lengths: &[u32]| {
        let entry = entry(PrimaryTerm::FIRST, vec![index(1, "{}")]);
        let operation = entry.operations.into_iter().next().unwrap();
        let found = |length| StoredOperation {
            operation: operation.clone(),
            location: location(7, length),
        };
        lengths.iter().copied().map(found).collect::<Vec<_>>()
    };
    let lengths = [(one, operations(&[50, 50, 50, 99, 20, 1])), (two, operations(&[300, 1]))];
    let chunk = Chunk { operations: BTreeMap::from(lengths), ..Chunk::default() };
    let parts = chunk.into_parts(100).map(|(stream, part)| {
        (stream, part.iter().map(|found| found.location.length).collect::<Vec<_>>())
    });
    let expected = [
        (one, vec![50, 50]),
        (one, vec![50, 99]),
        (one, vec![20, 1]),
        (two, vec![300]),
        (two, vec![1]),
    ];
    assert_eq!(parts.collect::<Vec<_>>(), expected);
}
