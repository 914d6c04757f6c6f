//! Checkpoints: what is written is read, and nothing that was changed is.

use std::sync::Arc;

use proptest::{collection::vec, prelude::*};
use shard::log::{Entry, Outline, OutlineEffect, Position, StreamId, conformance::index};

use super::{
    super::{
        checkpoint,
        directory::Directory,
        format::{SEGMENT_HEADER_BYTES, SegmentIdentity, encode_entry, locations},
        manifest::{ListedSegment, SegmentEnd},
        segments::Segment,
    },
    format::{encode_group, entry},
};
use crate::file::simulated::SimulatedFileSystem;

type Groups = Vec<Vec<(StreamId, Entry)>>;

/// An outline that owns its id.
type Shown = (String, document::LastWrite, OutlineEffect, shard::store::Location);

/// One entry as a checkpoint shows it.
type ShownEntry = (StreamId, Position, document::PrimaryTerm, document::SeqNo, Vec<Shown>);

fn owned(outline: &Outline<'_>) -> Shown {
    (outline.id.to_owned(), outline.last, outline.effect, outline.location)
}

/// A closed segment of these groups, and what should be shown of it.
fn closed(directory: &Directory, groups: &Groups) -> (Segment, Vec<ShownEntry>) {
    let identity = SegmentIdentity::new(3, 9);
    let segment = Segment::create(directory, identity).unwrap();
    let mut expected = Vec::new();
    for entries in groups {
        let (group, bytes) = encode_group(segment.end(), entries);
        assert_eq!(group.segment, identity);
        segment.file.write(&bytes, group.extent.start).unwrap();
        segment.set_end(group.extent.end());
        let mut place = group.payload_place();
        for (stream, entry) in entries {
            let locations = locations(place.into(), entry);
            let shown = Outline::of_entry(entry, &locations).iter().map(owned).collect();
            let position = Position::from(place);
            expected.push((*stream, position, entry.term, entry.next_seq_no, shown));
            let frame = encode_entry(*stream, entry).unwrap();
            place.offset += frame.len() as u64;
        }
    }
    (segment, expected)
}

fn listed(segment: &Segment) -> ListedSegment {
    ListedSegment { identity: segment.identity, end: SegmentEnd::ClosedAt(segment.end()) }
}

fn read(directory: &Directory, listed: &ListedSegment) -> Result<Vec<ShownEntry>, String> {
    let checkpoint = checkpoint::read(directory, listed).map_err(|bad| bad.to_string())?;
    let checkpoint = checkpoint.ok_or("there is none")?;
    let mut shown = Vec::new();
    checkpoint
        .show(|stream, entry| {
            let operations = entry.operations.iter().map(owned).collect();
            shown.push((stream, entry.position, entry.term, entry.next_seq_no, operations));
        })
        .unwrap();
    Ok(shown)
}

fn directory() -> (SimulatedFileSystem, Directory) {
    let files = SimulatedFileSystem::default();
    (files.clone(), Directory::new(Arc::new(files)))
}

/// Groups of ordinary entries: so many operations each, with ids of ten bytes.
fn ordinary(entries: u64, operations: u64) -> Groups {
    let entry = |number: u64| {
        let seq_nos = number * operations..(number + 1) * operations;
        let operations: Vec<_> = seq_nos.map(|seq_no| index(1_000_000 + seq_no, "{}")).collect();
        (StreamId::new(1), shard::log::conformance::entry(document::PrimaryTerm::FIRST, operations))
    };
    (0..entries).map(|number| vec![entry(number)]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_written_is_read(groups in vec(vec(entry(), 0..4), 0..5)) {
        let (_, directory) = directory();
        let (segment, expected) = closed(&directory, &groups);
        checkpoint::write(&directory, &segment).unwrap();
        prop_assert!(segment.has_checkpoint());
        prop_assert_eq!(read(&directory, &listed(&segment)).unwrap(), expected);
    }

    #[test]
    fn any_bytes_are_refused(bytes in vec(any::<u8>(), 0..300)) {
        let (_, directory) = directory();
        let (segment, _) = closed(&directory, &ordinary(1, 1));
        directory.create(&checkpoint::file_name(3)).unwrap().write(&bytes, 0).unwrap();
        prop_assert!(read(&directory, &listed(&segment)).is_err());
    }
}

#[test]
fn every_change_and_every_missing_end_is_noticed() {
    let (files, directory) = directory();
    let (segment, _) = closed(&directory, &ordinary(3, 2));
    let bytes = checkpoint::write(&directory, &segment).unwrap();
    let name = checkpoint::file_name(3);
    for at in 0..bytes {
        for bits in [0x01, 0x20, 0x80, 0xff] {
            files.corrupt(&name, at, bits).unwrap();
            let bad = read(&directory, &listed(&segment)).unwrap_err();
            assert!(bad.contains("checkpoint-00000003 is damaged at offset"), "{bad}");
            files.corrupt(&name, at, bits).unwrap();
        }
    }
    read(&directory, &listed(&segment)).unwrap();
    directory.open(&name).unwrap().unwrap().write(&[0], bytes).unwrap();
    assert!(read(&directory, &listed(&segment)).unwrap_err().contains("behind its end"));
    for length in (0..bytes).rev() {
        files.truncate_file(&name, length).unwrap();
        assert!(read(&directory, &listed(&segment)).is_err(), "{length} bytes pass");
    }
}

#[test]
fn a_checkpoint_of_another_segment_or_another_end_is_refused() {
    let (_, directory) = directory();
    let (segment, _) = closed(&directory, &ordinary(2, 2));
    checkpoint::write(&directory, &segment).unwrap();
    let listed = listed(&segment);
    let other_end = ListedSegment { end: SegmentEnd::ClosedAt(segment.end() - 1), ..listed };
    let identity = SegmentIdentity::new(3, 10);
    for wrong in [other_end, ListedSegment { identity, ..listed }] {
        assert!(read(&directory, &wrong).unwrap_err().contains("its header is not that of"));
    }
    let open = ListedSegment { end: SegmentEnd::OpenFrom(segment.end()), ..listed };
    assert!(checkpoint::read(&directory, &open).unwrap().is_none());
}

/// Several blocks, some of one long frame.
#[test]
fn a_large_segment_takes_few_bytes_for_each_operation() {
    for (entries, operations, most) in [(20_000, 1, 17 + 10), (2, 20_000, 8 + 10)] {
        let (_, directory) = directory();
        let (segment, expected) = closed(&directory, &ordinary(entries, operations));
        let bytes = checkpoint::write(&directory, &segment).unwrap();
        assert_eq!(read(&directory, &listed(&segment)).unwrap(), expected);
        let count = entries * operations;
        println!("{} bytes for {count} operations in {entries} entries", bytes);
        assert!(bytes <= count * most, "{bytes} bytes for {count} operations");
    }
}

#[test]
fn a_segment_that_cannot_be_verified_gets_no_checkpoint() {
    let (files, directory) = directory();
    let (segment, _) = closed(&directory, &ordinary(2, 1));
    let name = segment.identity.file_name();
    let refused = || match checkpoint::write(&directory, &segment) {
        Err(checkpoint::WriteError::Damaged(message)) => {
            assert!(message.contains(&name), "{message}");
            assert_eq!(files.image().files.keys().collect::<Vec<_>>(), [&name]);
        }
        found => panic!("{found:?}"),
    };
    // Where a sector's end is filled with zeros nothing is stored.
    let padding = |at: &u64| files.image().files[&name][in_range(*at)] == [0; 1];
    for at in (0..segment.end()).filter(|at| !padding(at)) {
        files.corrupt(&name, at, 0x80).unwrap();
        refused();
        files.corrupt(&name, at, 0x80).unwrap();
    }
    segment.set_end(segment.end() + 1);
    refused();
    segment.set_end(SEGMENT_HEADER_BYTES + 1);
    refused();
    assert!(!segment.has_checkpoint());
    segment.set_damaged();
    refused();
}

fn in_range(at: u64) -> std::ops::Range<usize> {
    let at = usize::try_from(at).unwrap();
    at..at + 1
}

/// Room that runs out anywhere leaves the checkpoint that was there, and comes back.
#[test]
fn a_checkpoint_without_room_is_not_written() {
    let (files, directory) = directory();
    let (segment, expected) = closed(&directory, &ordinary(2, 3));
    let bytes = checkpoint::write(&directory, &segment).unwrap();
    for room in 0..bytes {
        files.limit_room(Some(room));
        assert!(checkpoint::write(&directory, &segment).is_err());
        files.limit_room(Some(room));
        assert_eq!(files.image().files.len(), 2);
        assert_eq!(read(&directory, &listed(&segment)).unwrap(), expected);
    }
    files.limit_room(Some(bytes));
    checkpoint::write(&directory, &segment).unwrap();
}
