//! One entry as bytes, and the places of its operations.

use std::ops::Range;

use bytes::Bytes;
use crc32c::crc32c;
use document::{PrimaryTerm, SeqNo};
use shard::{
    log::{Entry, Outline, Position, StreamId},
    store::Location,
};

use super::{
    Place,
    fields::Fields,
    record::{
        Malformed, RecordHead, TooLong, decode_record, encode_record, record_bytes, stated_bytes,
    },
};

/// The fixed part of a frame.
pub(super) const HEADER_BYTES: usize = STATED_BYTES + 4;
/// The same without its checksum.
const STATED_BYTES: usize = 36;

/// An entry longer than this is refused: with the group around it, its segment's offsets must stay
/// within 32 bits.
const FRAME_BYTES_MAX: usize = 1 << 30;

/// One entry of one stream, as it is stored.
pub(in crate::disk) struct Frame {
    /// Whose entry.
    pub(in crate::disk) stream: StreamId,
    /// Where it begins.
    pub(in crate::disk) place: Place,
    /// The entry; its sources are slices of the payload it was read from.
    pub(in crate::disk) entry: Entry,
}

/// The frame of an entry.
pub(in crate::disk) fn encode_entry(stream: StreamId, entry: &Entry) -> Result<Vec<u8>, TooLong> {
    let records_bytes: usize = entry.operations.iter().map(record_bytes).sum();
    let bytes = HEADER_BYTES + records_bytes;
    let too_long = TooLong { part: "an entry", bytes };
    let count = u32::try_from(entry.operations.len()).map_err(|_| too_long)?;
    if bytes > FRAME_BYTES_MAX {
        return Err(too_long);
    }
    let mut frame = Vec::with_capacity(bytes);
    frame.extend(stream.get().to_le_bytes());
    frame.extend(entry.term.get().to_le_bytes());
    frame.extend(entry.next_seq_no.get().to_le_bytes());
    frame.extend((records_bytes as u64).to_le_bytes());
    frame.extend(count.to_le_bytes());
    frame.extend(crc32c(&frame).to_le_bytes());
    for operation in &entry.operations {
        encode_record(operation, &mut frame)?;
    }
    Ok(frame)
}

/// Where the operations of the entry at `position` are: arithmetic on their lengths.
pub(in crate::disk) fn locations(position: Position, entry: &Entry) -> Vec<Location> {
    let frame = Place::from(position);
    let mut offset = frame.offset + HEADER_BYTES as u64;
    let next_location = |operation| {
        let length = record_bytes(operation) as u64;
        let location = location(frame.segment, offset, length);
        offset += length;
        location
    };
    entry.operations.iter().map(next_location).collect()
}

/// The location of a record.
pub(super) fn location(segment: u32, offset: u64, length: u64) -> Location {
    // Both fit: FRAME_BYTES_MAX saw to it when the entry was written.
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Location { segment, offset: narrow(offset), length: narrow(length) }
}

/// The frames of a payload that begins at `place`.
pub(in crate::disk) fn frames(
    payload: Bytes,
    place: Place,
) -> impl Iterator<Item = Result<Frame, Malformed>> {
    let mut rest = payload;
    let mut place = place;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let before = rest.len();
        let frame = take_frame(&mut rest, place);
        if frame.is_err() {
            rest.clear();
        }
        place.offset += (before - rest.len()) as u64;
        Some(frame)
    })
}

/// The fixed part of a frame.
pub(super) struct FrameHeader {
    pub(super) stream: StreamId,
    pub(super) term: PrimaryTerm,
    pub(super) next_seq_no: SeqNo,
    /// How long its records are together.
    pub(super) records_bytes: usize,
    /// How many there are.
    records: u32,
}

impl FrameHeader {
    /// The header of the frame at the front of these bytes, if it is what was written and the frame is
    /// not cut short.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let is_whole = |header: &Self| header.records_bytes <= bytes.len() - HEADER_BYTES;
        Self::decode_cut(bytes).filter(is_whole)
    }

    /// The same, also if the frame is cut short behind it.
    pub(super) fn decode_cut(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let stream = StreamId::new(fields.u64()?);
        let (term, next_seq_no) = (PrimaryTerm::new(fields.u64()?), SeqNo::new(fields.u64()?));
        let (records_bytes, records) = (usize::try_from(fields.u64()?).ok()?, fields.u32()?);
        let checksum = fields.u32()?;
        let (stated, _) = bytes.split_at_checked(STATED_BYTES)?;
        (crc32c(stated) == checksum).then_some(Self {
            stream,
            term,
            next_seq_no,
            records_bytes,
            records,
        })
    }
}

/// Takes the frame that is at `place` off the front of a payload.
fn take_frame(rest: &mut Bytes, place: Place) -> Result<Frame, Malformed> {
    let header = FrameHeader::decode(rest).ok_or(Malformed("a frame is cut short"))?;
    let mut records = rest.split_to(HEADER_BYTES + header.records_bytes);
    let mut records = records.split_off(HEADER_BYTES);
    let mut operations = Vec::new();
    while !records.is_empty() {
        let length = stated_bytes(&records).filter(|length| (1..=records.len()).contains(length));
        let record = records.split_to(length.ok_or(Malformed("a record is cut short"))?);
        operations.push(decode_record(&record)?);
    }
    let FrameHeader { stream, term, next_seq_no, .. } = header;
    if u32::try_from(operations.len()) != Ok(header.records) {
        return Err(Malformed("a frame has more or fewer records than it says"));
    }
    Ok(Frame { stream, place, entry: Entry { term, next_seq_no, operations } })
}

/// What is left of a frame in a payload of which some bytes are not what was written.
pub(in crate::disk) struct FrameRemains<'a> {
    /// Whose entry.
    pub(in crate::disk) stream: StreamId,
    /// Where the frame lies in the segment.
    pub(in crate::disk) range: Range<u64>,
    /// The entry's term.
    pub(in crate::disk) term: PrimaryTerm,
    /// The number that follows all of its operations, also those that are lost.
    pub(in crate::disk) next_seq_no: SeqNo,
    /// The operations that are known exactly; their sources may not be what was written.
    pub(in crate::disk) operations: Vec<Outline<'a>>,
    /// Whether there were others behind them, which are lost.
    pub(in crate::disk) is_cut: bool,
    /// Whether all of it is what was written: what is not lies in a part of the sector that is
    /// another frame's.
    pub(in crate::disk) is_whole: bool,
}

/// What is left of the frames of a payload that lies at `place`. `holds` says of which offsets the
/// bytes are what was written; of others a header or a record may be by its own checksum.
///
/// Lengths lead from one frame to the next, and within a frame from one record to the next. A frame
/// whose own length is lost takes the rest of the payload with it, whoever's entries that were.
///
/// # Errors
/// The offset of the first frame whose header is lost.
pub(in crate::disk) fn frame_remains<'a>(
    payload: &'a [u8],
    place: Place,
    holds: &dyn Fn(Range<u64>) -> bool,
) -> Result<Vec<FrameRemains<'a>>, u64> {
    let mut remains = Vec::new();
    let (mut rest, mut offset) = (payload, place.offset);
    while !rest.is_empty() {
        let records_offset = offset + HEADER_BYTES as u64;
        let FrameHeader { stream, term, next_seq_no, records_bytes, records } =
            FrameHeader::decode(rest).ok_or(offset)?;
        let (_, behind) = rest.split_at_checked(HEADER_BYTES).ok_or(offset)?;
        let (frame, behind) = behind.split_at_checked(records_bytes).ok_or(offset)?;
        let at = Place { offset: records_offset, ..place };
        let (operations, found, is_whole) = record_remains(frame, at, holds);
        let end = records_offset + records_bytes as u64;
        let is_cut = u32::try_from(found) != Ok(records);
        let range = offset..end;
        let is_whole = is_whole && !is_cut;
        remains.push(FrameRemains {
            stream,
            range,
            term,
            next_seq_no,
            operations,
            is_cut,
            is_whole,
        });
        (rest, offset) = (behind, end);
    }
    Ok(remains)
}

/// The operations of the records that lie at `place`, up to the first whose head is lost; how many
/// records those were; and whether each is what was written.
fn record_remains<'a>(
    records: &'a [u8],
    place: Place,
    holds: &dyn Fn(Range<u64>) -> bool,
) -> (Vec<Outline<'a>>, usize, bool) {
    let mut operations = Vec::new();
    let (mut found, mut is_whole) = (0, true);
    let (mut rest, mut offset) = (records, place.offset);
    while let Some(head) = RecordHead::decode(rest)
        && let Some((record, behind)) = rest.split_at_checked(head.record_bytes)
    {
        // It has a checksum of its own, which speaks for it if that of its sector does not.
        let verifies = holds(offset..offset + head.record_bytes as u64)
            || decode_record(&Bytes::copy_from_slice(record)).is_ok();
        if !verifies && !holds(offset..offset + head.head_bytes as u64) {
            break;
        }
        is_whole &= verifies;
        let location = location(place.segment, offset, head.record_bytes as u64);
        let outline = |(id, last, effect)| Outline { id, last, effect, location };
        operations.extend(head.document.map(outline));
        found += 1;
        offset += head.record_bytes as u64;
        rest = behind;
    }
    (operations, found, is_whole)
}
