//! What is known in spite of damage, and what is not. Of an operation whose source is damaged all is, as
//! long as its head is in no damaged sector; of a segment with a checkpoint, who is in it. What nothing
//! can be told of keeps the log closed.

use bytes::Bytes;
use shard::log::StreamId;

use super::{
    super::{
        super::{
            Options,
            format::SegmentIdentity,
            manifest::{ListedSegment, SegmentEnd},
            recovery::walk::{Ending, Walked},
        },
        survey::{Outcome, Survey},
        world::{STREAMS, TINY, World},
    },
    Examination, check_refused, files, is_segment, open_segment, stopped, with,
};
use crate::file::simulated::Image;

const ROOMY: Options = Options { segment_bytes_max: 20_000, ..TINY };

/// What the sources of these tests repeat.
const UNIT: &[u8] = b"{\"field\":1}{\"field\":1}";

/// Two operations in one entry, the first with so many bytes of source, and a later group that knows
/// them to be durable. Where the head of the second begins and where it ends.
fn two_operations(first: usize) -> (Image, String, usize, usize) {
    let mut world = World::with_options(ROOMY);
    world.open();
    world.append(&[(STREAMS[1], &[first, 1_500])]);
    world.append(&[(STREAMS[2], &[600])]);
    let image = world.files.image();
    let (name, ..) = open_segment(&image);
    let contents = &image.files[&name];
    let source_from =
        |from: usize| (from..contents.len()).find(|at| contents[*at..].starts_with(UNIT)).unwrap();
    let head = source_from(0) + first;
    let head_end = source_from(head);
    (image, name, head, head_end)
}

/// What is left with these bytes changed.
fn damaged(image: &Image, name: &str, bytes: &[usize]) -> Outcome {
    let changed = with(image, name, |contents| bytes.iter().for_each(|at| contents[*at] ^= 4));
    let whole = Survey::of_image(image).unwrap();
    Survey::of_image(&changed).unwrap().check(&whole, name, "a change")
}

#[test]
fn a_head_beside_a_damaged_sector_is_known() {
    let (_, _, head, head_end) = two_operations(700);
    let to_sector = |offset: usize| 700 + offset.next_multiple_of(512) - offset;
    let mut beside = 0;
    for aligned in [to_sector(head), to_sector(head_end)] {
        for first in aligned - 1..=aligned + 1 {
            let (image, name, head, head_end) = two_operations(first);
            // The first byte of the source that is in another sector than the head.
            let source = head_end.next_multiple_of(512);
            let outcome = damaged(&image, &name, &[source]);
            assert_eq!((outcome.unreadable, outcome.lost), (1, 0), "{first}");
            beside += usize::from(source == head_end);
            // And the last byte of the source before, if that is in another sector.
            if head.is_multiple_of(512) {
                let outcome = damaged(&image, &name, &[head - 1, source]);
                assert_eq!((outcome.unreadable, outcome.lost), (2, 0), "{first}");
                beside += 1;
            }
        }
    }
    assert_eq!(beside, 2);
}

#[test]
fn a_log_whose_catalogue_may_miss_something_stays_closed() {
    let mut world = World::with_options(ROOMY);
    world.open();
    for bytes in [20, 700, 9] {
        world.append(&[(STREAMS[0], &[bytes, 30, 1, 40])]);
    }
    // Behind it all of these are known to be durable.
    world.append(&[(STREAMS[1], &[600])]);
    let mut examination = Examination::of(world.files.image());
    let (name, _, end) = open_segment(&examination.image);
    let (mut refused, mut unreadable) = (0, 0);
    for at in 512..end - 700 {
        let changed = with(&examination.image, &name, |contents| contents[at] ^= 4);
        match examination.check(&changed, &name, &format!("a change of byte {at}")) {
            None => refused += 1,
            Some(outcome) => {
                assert_eq!(outcome.lost, 0, "byte {at}: {outcome:?}");
                unreadable += outcome.unreadable;
            }
        }
    }
    assert!(refused > 100 && unreadable > 100, "{refused} {unreadable}");
}

/// The streams that say that something is wrong.
fn damaged_streams(survey: &Survey) -> Vec<StreamId> {
    let damaged = survey.streams.iter().filter(|(_, stream)| stream.damage.is_some());
    damaged.map(|(id, _)| *id).collect()
}

/// A file that is missing, short or not that segment's concerns those who have operations in it.
#[test]
fn with_checkpoints_it_is_known_whom_a_lost_file_concerns() {
    let image = stopped();
    let mut concerned = 0;
    for (name, _) in files(&image).into_iter().filter(|(name, _)| is_segment(name)) {
        let mut without = image.clone();
        without.files.remove(&name);
        let without = Survey::of_image(&without).unwrap();
        let is_unreadable = |id: &StreamId| {
            without.streams[id].operations.iter().any(|operation| operation.read.is_err())
        };
        let unreadable: Vec<_> = STREAMS.into_iter().filter(is_unreadable).collect();
        assert_eq!(damaged_streams(&without), unreadable, "{name}");
        concerned += unreadable.len();
        let short = with(&image, &name, |contents| contents.truncate(contents.len() - 1));
        let foreign = with(&image, &name, |contents| contents[0] ^= 1);
        for changed in [short, foreign] {
            let changed = Survey::of_image(&changed).unwrap();
            assert_eq!(damaged_streams(&changed), unreadable, "{name}");
        }
    }
    assert!(concerned > 2, "{concerned}");
}

/// Where the groups of an open segment begin.
fn groups(image: &Image, name: &str) -> Vec<usize> {
    let contents = &image.files[name];
    (512..contents.len()).filter(|at| contents[*at..].starts_with(b"OGRP")).collect()
}

/// What was written after it has to be written again, and with it what is not known.
#[test]
fn damage_that_only_a_torn_group_knows_of_keeps_the_log_closed() {
    let mut world = World::with_options(ROOMY);
    world.open();
    world.append(&[(STREAMS[1], &[1_500])]);
    world.append(&[(STREAMS[1], &[1_500])]);
    let image = world.files.image();
    let (name, _, end) = open_segment(&image);
    let groups = groups(&image, &name);
    let damaged = with(&image, &name, |contents| {
        contents[groups[groups.len() - 2] + 1_000] ^= 4;
        contents[end / 512 * 512..end].fill(0);
    });
    check_refused(&damaged, &name, "damage before a tear");
    // The tear alone is none.
    let torn = with(&image, &name, |contents| contents[end / 512 * 512..end].fill(0));
    Survey::of_image(&torn).unwrap();
}

/// Two groups of which the second begins in another sector, because its header would not fit in the one
/// where the first ends; where that ends, and where the second begins.
fn apart() -> (Image, String, usize, usize) {
    let life = |first| {
        let mut world = World::with_options(ROOMY);
        world.open();
        world.append(&[(STREAMS[1], &[first])]);
        world.append(&[(STREAMS[1], &[10])]);
        let image = world.files.image();
        let (name, ..) = open_segment(&image);
        let last = *groups(&image, &name).last().unwrap();
        let before = image.files[&name][..last].iter().rposition(|byte| *byte != 0).unwrap() + 1;
        (image, name, before, last)
    };
    let (_, _, end, _) = life(700);
    let (image, name, end, last) = life(700 + (490 + 512 - end % 512) % 512);
    assert!(end < last && last.is_multiple_of(512), "{end} {last}");
    (image, name, end, last)
}

/// It is no tear of the group behind it, which is whole.
#[test]
fn a_change_between_two_groups_is_noticed() {
    let (image, name, end, last) = apart();
    for at in end..last {
        let changed = with(&image, &name, |contents| contents[at] ^= 1);
        check_refused(&changed, &name, &format!("a change of byte {at}"));
    }
}

#[test]
fn a_file_that_ends_between_two_groups_ends_with_the_first() {
    let (image, name, end, last) = apart();
    let contents = Bytes::from(image.files[&name].clone());
    let identity = SegmentIdentity::decode(&contents).unwrap();
    let listed = ListedSegment { identity, end: SegmentEnd::OpenFrom(512) };
    for length in end..=last {
        let walked = Walked::new(&listed, &contents.slice(..length), Ending::Unknown).unwrap();
        assert_eq!((walked.end, walked.cut_bytes), (end as u64, 0), "{length}");
    }
}
