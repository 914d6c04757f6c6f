//! What is encoded is decoded, wherever it lies; what is not whole is not decoded.

use bytes::Bytes;
use document::{DocumentId, Effect, Operation, PrimaryTerm, Routing, SeqNo, Timestamp, Version};
use proptest::{collection::vec, option, prelude::*};
use shard::log::{
    Entry, Position, StreamId,
    conformance::{every_kind_of_operation, index},
};

use super::super::format::{
    Group, GroupExtent, GroupKind, NewGroup, Place, SegmentIdentity, decode_record, encode_entry,
    frames, group_start, locations, segment_number, slice,
};

const TERM: PrimaryTerm = PrimaryTerm::FIRST;

fn operation() -> impl Strategy<Value = Operation> {
    let id = || "\\PC{0,20}".prop_map(DocumentId::from);
    let version = || (0..=i64::MAX).prop_map(|number| Version::new(number).unwrap());
    let routing = option::of("\\PC{0,20}".prop_map(Routing::from));
    let source = vec(any::<u8>(), 0..1_500).prop_map(Bytes::from);
    let index = (id(), routing, version(), source)
        .prop_map(|(id, routing, version, source)| Effect::Index { id, routing, version, source });
    let delete = (id(), version()).prop_map(|(id, version)| Effect::Delete { id, version });
    let noop = "\\PC{0,20}".prop_map(|reason| Effect::Noop { reason: reason.into() });
    let effect = prop_oneof![index, delete, noop];
    (any::<u64>(), any::<u64>(), any::<i64>(), effect).prop_map(|(seq_no, term, time, effect)| {
        Operation {
            seq_no: SeqNo::new(seq_no),
            term: PrimaryTerm::new(term),
            time: Timestamp::from_millis(time),
            effect,
        }
    })
}

pub(super) fn entry() -> impl Strategy<Value = (StreamId, Entry)> {
    (any::<u64>(), any::<u64>(), vec(operation(), 0..4)).prop_map(|(stream, term, operations)| {
        let next_seq_no = SeqNo::new(term.rotate_left(32));
        (StreamId::new(stream), Entry { term: PrimaryTerm::new(term), next_seq_no, operations })
    })
}

/// A group of these entries that begins where one that ended at `end` lets it.
pub(super) fn encode_group(end: u64, entries: &[(StreamId, Entry)]) -> (NewGroup, Vec<u8>) {
    let encoded: Vec<_> =
        entries.iter().map(|(stream, entry)| encode_entry(*stream, entry).unwrap()).collect();
    let payload_bytes = encoded.iter().map(|frame| frame.len() as u64).sum();
    let group = NewGroup {
        segment: SegmentIdentity::new(3, 9),
        kind: GroupKind::Data,
        extent: GroupExtent { start: group_start(end), payload_bytes },
        durable: Place { segment: 3, offset: end },
    };
    let mut bytes = Vec::new();
    group.encode(encoded.iter().map(Vec::as_slice), &mut bytes);
    (group, bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_group_is_read_as_it_was_written(end in 512_u64..5_000, entries in vec(entry(), 0..4)) {
        let (new, bytes) = encode_group(end, &entries);
        prop_assert_eq!(bytes.len() as u64, new.extent.end() - new.extent.start);
        let start = new.extent.start;
        let group = Group::verify(&Bytes::from(bytes.clone()), new.segment, start).unwrap();
        prop_assert_eq!(group.header.extent, new.extent);
        prop_assert_eq!(group.header.durable, new.durable);
        let mut read = Vec::new();
        for frame in frames(group.payload, new.payload_place()) {
            let frame = frame.unwrap();
            for (location, operation) in
                locations(frame.place.into(), &frame.entry).iter().zip(&frame.entry.operations)
            {
                let offset = u64::from(location.offset) - start;
                let record = slice(&bytes, offset..offset + u64::from(location.length)).unwrap();
                let record = Bytes::copy_from_slice(record);
                prop_assert_eq!(&decode_record(&record).unwrap(), operation);
            }
            read.push((frame.stream, frame.entry));
        }
        prop_assert_eq!(read, entries);
    }

    #[test]
    fn a_group_that_was_changed_or_moved_is_not_read(
        end in 512_u64..5_000,
        entries in vec(entry(), 1..3),
        at in any::<proptest::sample::Index>(),
        bits in 1_u8..,
    ) {
        let (new, mut bytes) = encode_group(end, &entries);
        let NewGroup { segment, extent: GroupExtent { start, .. }, .. } = new;
        let whole = Bytes::from(bytes.clone());
        prop_assert!(Group::verify(&whole, segment, start + 1).is_err());
        prop_assert!(Group::verify(&whole, SegmentIdentity::new(3, 10), start).is_err());
        let at = at.index(bytes.len());
        prop_assert!(Group::verify(&whole.slice(..at), segment, start).is_err());
        bytes[at] ^= bits;
        let bad = Group::verify(&Bytes::from(bytes), segment, start).err();
        prop_assert!(bad.is_some_and(|bad| bad <= start + at as u64));
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in vec(any::<u8>(), 0..300)) {
        let bytes = Bytes::from(bytes);
        let _ = decode_record(&bytes);
        let _ = Group::verify(&bytes, SegmentIdentity::new(1, 1), 512);
        for frame in frames(bytes, Place { segment: 1, offset: 600 }) {
            let _ = frame;
        }
    }
}

/// Every byte that a record can be changed in, with a checksum that holds all the same: what is read
/// is what would be written so.
#[test]
fn a_record_is_written_in_one_way() {
    for operation in every_kind_of_operation() {
        let record = |operation| {
            let entry = Entry { operations: vec![operation], ..Entry::marker(TERM, SeqNo::ZERO) };
            let frame = encode_entry(StreamId::new(1), &entry).unwrap();
            let start = locations(Position::START, &entry)[0].offset as usize;
            frame[start..].to_vec()
        };
        let bytes = record(operation);
        for at in 4..bytes.len().min(100) {
            for bits in 1..=u8::MAX {
                let mut changed = bytes.clone();
                changed[at] ^= bits;
                let checksum = crc32c::crc32c(&changed[4..]).to_le_bytes();
                changed[..4].copy_from_slice(&checksum);
                if let Ok(decoded) = decode_record(&Bytes::from(changed.clone())) {
                    assert_eq!(record(decoded), changed);
                }
            }
        }
    }
}

#[test]
fn a_usual_record_takes_some_twenty_bytes_beside_id_and_source() {
    let mut operation = index(300_000, &"x".repeat(1_000));
    operation.term = PrimaryTerm::new(7);
    let id = operation.target().unwrap().0.as_str().len();
    let entry = Entry { operations: vec![operation], ..Entry::marker(TERM, SeqNo::ZERO) };
    let length = locations(Position::START, &entry)[0].length as usize;
    assert_eq!(length - id - 1_000, 19);
}

#[test]
fn a_group_header_never_straddles_a_sector() {
    for end in 0..2_048 {
        let start = group_start(end);
        assert!(start >= end && start - end < 44);
        assert_eq!(start / 512, (start + 43) / 512);
    }
}

#[test]
fn only_our_own_names_are_segments() {
    let segment = SegmentIdentity::new(12, 1);
    assert_eq!(segment.file_name(), "segment-00000012.log");
    assert_eq!(segment_number("segment-00000012.log"), Some(12));
    assert_eq!(segment_number("segment-123456789.log"), Some(123_456_789));
    for name in ["segment-12.log", "segment-+0000012.log", "segment-00000012.log.old", "MANIFEST"] {
        assert_eq!(segment_number(name), None, "{name}");
    }
}
