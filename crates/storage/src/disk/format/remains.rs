//! What is left of a group's payload that is not what was written: for those who take whatever can be
//! verified. Opening a log asks for less (`frame_remains`): it takes nothing behind a lost length.

use std::ops::Range;

use bytes::Bytes;
use document::{PrimaryTerm, SeqNo};
use shard::log::{Outline, StreamId};

use super::{
    Place,
    frame::{FrameHeader, HEADER_BYTES, location},
    record::{RecordHead, decode_record},
};

/// What is left of one frame.
pub(in crate::disk) struct FrameLeft<'a> {
    /// Whose entry.
    pub(in crate::disk) stream: StreamId,
    /// Where it lies.
    pub(in crate::disk) place: Place,
    /// The entry's term.
    pub(in crate::disk) term: PrimaryTerm,
    /// The number that follows all of its operations, also those that are lost.
    pub(in crate::disk) next_seq_no: SeqNo,
    /// The operations that are known.
    pub(in crate::disk) known: Vec<KnownRecord<'a>>,
    /// The offsets at which operations begin that are not.
    pub(in crate::disk) lost: Vec<u64>,
}

/// An operation that is known exactly.
pub(in crate::disk) struct KnownRecord<'a> {
    /// The operation.
    pub(in crate::disk) outline: Outline<'a>,
    /// Whether its record is what was written, the source included.
    pub(in crate::disk) verifies: bool,
}

/// Shows each frame of a payload that lies at `place` and may be cut short, as far as its header is
/// what was written: of which offsets the bytes are, `holds` says. Lengths lead from one frame to the
/// next, so that behind one whose header is lost nothing is found.
///
/// # Errors
/// The offset of the first frame whose header is lost.
pub(in crate::disk) fn remains(
    payload: &Bytes,
    place: Place,
    holds: &dyn Fn(Range<u64>) -> bool,
    visit: &mut dyn FnMut(&FrameLeft<'_>),
) -> Result<(), u64> {
    let (mut rest, mut offset) = (payload.clone(), place.offset);
    while !rest.is_empty() {
        let records_offset = offset + HEADER_BYTES as u64;
        let header = FrameHeader::decode_cut(&rest);
        let FrameHeader { stream, term, next_seq_no, records_bytes, .. } = header.ok_or(offset)?;
        let mut records = rest.split_off(HEADER_BYTES);
        rest = records.split_off(records_bytes.min(records.len()));
        let at = Place { offset: records_offset, ..place };
        let is_cut = records.len() < records_bytes;
        let (known, mut lost) = records_left(&records, at, holds);
        if is_cut && lost.is_empty() {
            lost.push(records_offset + records.len() as u64);
        }
        let frame = Place { offset, ..place };
        visit(&FrameLeft { stream, place: frame, term, next_seq_no, known, lost });
        offset = records_offset.saturating_add(records_bytes as u64);
    }
    Ok(())
}

/// The operations of records that lie at `place`, and the offsets at which others are lost.
fn records_left<'a>(
    records: &'a Bytes,
    place: Place,
    holds: &dyn Fn(Range<u64>) -> bool,
) -> (Vec<KnownRecord<'a>>, Vec<u64>) {
    let (mut known, mut lost) = (Vec::new(), Vec::new());
    let mut start = 0;
    while let Some(rest) = records.get(start..).filter(|rest| !rest.is_empty()) {
        let offset = place.offset + start as u64;
        let head = RecordHead::decode(rest).and_then(|head| {
            let verifies = verifies(records, start, head.record_bytes);
            let is_known = verifies || holds(offset..offset + head.head_bytes as u64);
            is_known.then_some((head, verifies))
        });
        let Some((head, verifies)) = head else {
            lost.push(offset);
            start = next_record(records, start + 1);
            continue;
        };
        let location = location(place.segment, offset, head.record_bytes as u64);
        known.extend(head.document.map(|(id, last, effect)| {
            let outline = Outline { id, last, effect, location };
            KnownRecord { outline, verifies }
        }));
        start += head.record_bytes;
    }
    (known, lost)
}

/// Whether these bytes are a record that is what was written.
fn verifies(records: &Bytes, start: usize, bytes: usize) -> bool {
    start.checked_add(bytes).is_some_and(|end| {
        end <= records.len() && decode_record(&records.slice(start..end)).is_ok()
    })
}

/// Where the next record begins that is what was written, or the end. Nothing in a source passes for
/// one: a record has a byte of control, which JSON has not, and a checksum.
fn next_record(records: &Bytes, from: usize) -> usize {
    let begins_one = |start: &usize| {
        let head = records.get(*start..).and_then(RecordHead::decode);
        head.is_some_and(|head| verifies(records, *start, head.record_bytes))
    };
    (from..records.len()).find(begins_one).unwrap_or(records.len())
}
