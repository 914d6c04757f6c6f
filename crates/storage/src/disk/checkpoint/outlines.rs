//! Entries without their sources, as bytes.
//!
//! ```text
//! frame      offset, less that of the frame before · stream · term · next seq_no · operations
//! operation  flags u8: 1 deleted, 2 of another term than the frame
//!            seq_no, less the one expected · version · offset, less where the one before ended
//!            length · [term] · [time of the deletion] · id length · id
//! ```
//!
//! Numbers take as many bytes as they need, and what is expected is zero: some seven bytes for an
//! operation and nine for a frame, and the ids. The first frame of a block is told from offset 0, so
//! that each block can be read alone.

use document::{LastWrite, PrimaryTerm, SeqNo, Timestamp, Version};
use shard::{
    log::{EntryOutline, Outline, OutlineEffect, Position, StreamId},
    store::Location,
};

use super::super::format::{
    Malformed, Place, in_memory, push_varint, take_varint, unzigzag, zigzag,
};

/// The operation is a delete.
const DELETED: u8 = 1;
/// The operation was decided in another term than its frame's.
const OTHER_TERM: u8 = 2;

/// Appends the outline of an entry to a block in which the one before lies at `offset_before`.
/// Returns where it lies itself.
pub(super) fn encode_entry(
    offset_before: u64,
    stream: StreamId,
    entry: &EntryOutline<'_>,
    bytes: &mut Vec<u8>,
) -> u64 {
    let offset = Place::from(entry.position).offset;
    push_varint(offset.wrapping_sub(offset_before), bytes);
    push_varint(stream.get(), bytes);
    push_varint(entry.term.get(), bytes);
    push_varint(entry.next_seq_no.get(), bytes);
    push_varint(entry.operations.len() as u64, bytes);
    let mut expected = Expected::of_entry(entry.next_seq_no, entry.operations.len() as u64, offset);
    for operation in entry.operations {
        encode_operation(&mut expected, entry.term, operation, bytes);
    }
    offset
}

/// Appends the outline of an operation.
fn encode_operation(
    expected: &mut Expected,
    frame_term: PrimaryTerm,
    operation: &Outline<'_>,
    bytes: &mut Vec<u8>,
) {
    let Outline { id, last: LastWrite { seq_no, term, version }, effect, location } = *operation;
    let deleted = match effect {
        OutlineEffect::Indexed => None,
        OutlineEffect::Deleted(at) => Some(at),
    };
    let other_term = (term != frame_term).then_some(term);
    let flag = |is_set, flag| if is_set { flag } else { 0 };
    bytes.push(flag(deleted.is_some(), DELETED) | flag(other_term.is_some(), OTHER_TERM));
    push_varint(zigzag(seq_no.get().wrapping_sub(expected.seq_no).cast_signed()), bytes);
    push_varint(version.get().cast_unsigned(), bytes);
    push_varint(u64::from(location.offset).wrapping_sub(expected.offset), bytes);
    push_varint(u64::from(location.length), bytes);
    if let Some(term) = other_term {
        push_varint(term.get(), bytes);
    }
    if let Some(at) = deleted {
        push_varint(zigzag(at.as_millis()), bytes);
    }
    push_varint(id.len() as u64, bytes);
    bytes.extend_from_slice(id.as_bytes());
    *expected = Expected::after(seq_no, location);
}

/// What the next operation of an entry usually has.
#[derive(Clone, Copy)]
struct Expected {
    seq_no: u64,
    offset: u64,
}

impl Expected {
    /// Of the first of so many in an entry.
    fn of_entry(next_seq_no: SeqNo, operations: u64, offset: u64) -> Self {
        Self { seq_no: next_seq_no.get().wrapping_sub(operations), offset }
    }

    /// Of the one after another.
    fn after(seq_no: SeqNo, location: Location) -> Self {
        let offset = u64::from(location.offset) + u64::from(location.length);
        Self { seq_no: seq_no.get().wrapping_add(1), offset }
    }
}

/// The entries of a block, one after the other.
pub(super) struct Outlines<'a> {
    segment: u32,
    rest: &'a [u8],
    offset_before: u64,
    /// The operations of the entry that was last taken, kept for the next one.
    operations: Vec<Outline<'a>>,
}

impl<'a> Outlines<'a> {
    /// The entries of a block of this segment's checkpoint.
    pub(super) fn new(segment: u32, block: &'a [u8]) -> Self {
        Self { segment, rest: block, offset_before: 0, operations: Vec::new() }
    }

    /// The next entry; its ids are borrowed from the block.
    pub(super) fn next_entry(&mut self) -> Result<Option<(StreamId, EntryOutline<'_>)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let head = self.take_entry().ok_or(Malformed("an outline makes no sense"))?;
        let EntryHead { stream, position, term, next_seq_no } = head;
        let operations = self.operations.as_slice();
        Ok(Some((stream, EntryOutline { position, term, next_seq_no, operations })))
    }

    fn take_entry(&mut self) -> Option<EntryHead> {
        let rest = &mut self.rest;
        let offset = self.offset_before.wrapping_add(take_varint(rest)?);
        let stream = StreamId::new(take_varint(rest)?);
        let term = PrimaryTerm::new(take_varint(rest)?);
        let next_seq_no = SeqNo::new(take_varint(rest)?);
        let count = take_varint(rest)?;
        if offset > u64::from(u32::MAX) {
            return None;
        }
        self.offset_before = offset;
        self.operations.clear();
        let mut expected = Expected::of_entry(next_seq_no, count, offset);
        for _ in 0..count {
            let operation = take_operation(rest, self.segment, term, expected)?;
            expected = Expected::after(operation.last.seq_no, operation.location);
            self.operations.push(operation);
        }
        let position = Position::from(Place { segment: self.segment, offset });
        Some(EntryHead { stream, position, term, next_seq_no })
    }
}

/// An entry but for its operations.
struct EntryHead {
    stream: StreamId,
    position: Position,
    term: PrimaryTerm,
    next_seq_no: SeqNo,
}

/// Takes the outline of an operation off the front of some bytes.
#[inline]
fn take_operation<'a>(
    rest: &mut &'a [u8],
    segment: u32,
    frame_term: PrimaryTerm,
    expected: Expected,
) -> Option<Outline<'a>> {
    let (&flags, after) = rest.split_first()?;
    *rest = after;
    let seq_no = expected.seq_no.wrapping_add(unzigzag(take_varint(rest)?).cast_unsigned());
    let version = Version::new(take_varint(rest)?.cast_signed())?;
    let offset = expected.offset.wrapping_add(take_varint(rest)?);
    let offset = u32::try_from(offset).ok()?;
    let length = u32::try_from(take_varint(rest)?).ok()?;
    let term = match flags & OTHER_TERM {
        0 => frame_term,
        _ => PrimaryTerm::new(take_varint(rest)?),
    };
    let effect = match flags & DELETED {
        0 => OutlineEffect::Indexed,
        _ => OutlineEffect::Deleted(Timestamp::from_millis(unzigzag(take_varint(rest)?))),
    };
    let id_length = in_memory(take_varint(rest)?);
    let (id, after) = rest.split_at_checked(id_length)?;
    *rest = after;
    Some(Outline {
        id: std::str::from_utf8(id).ok()?,
        last: LastWrite { seq_no: SeqNo::new(seq_no), term, version },
        effect,
        location: Location { segment, offset, length },
    })
}
