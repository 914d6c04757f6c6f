//! One entry as bytes, and the places of its operations.

use bytes::Bytes;
use document::{PrimaryTerm, SeqNo};
use shard::{
    log::{Entry, Position, StreamId},
    store::Location,
};

use super::{
    Place,
    fields::Fields,
    record::{Malformed, TooLong, decode_record, encode_record, record_bytes, stated_bytes},
};

/// The fixed part of a frame.
const HEADER_BYTES: usize = 36;

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
    for operation in &entry.operations {
        encode_record(operation, &mut frame)?;
    }
    Ok(frame)
}

/// Where the operations of the entry at `position` are: arithmetic on their lengths.
pub(in crate::disk) fn locations(position: Position, entry: &Entry) -> Vec<Location> {
    // Both fit: FRAME_BYTES_MAX saw to it when the entry was written.
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let frame = Place::from(position);
    let mut offset = frame.offset + HEADER_BYTES as u64;
    let location = |operation| {
        let length = record_bytes(operation) as u64;
        let location =
            Location { segment: frame.segment, offset: narrow(offset), length: narrow(length) };
        offset += length;
        location
    };
    entry.operations.iter().map(location).collect()
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

/// Takes the frame that is at `place` off the front of a payload.
fn take_frame(rest: &mut Bytes, place: Place) -> Result<Frame, Malformed> {
    let cut_short = Malformed("a frame is cut short");
    let mut fields = Fields(rest);
    let header = (|| {
        let (stream, term, next_seq_no) = (fields.u64()?, fields.u64()?, fields.u64()?);
        Some((stream, term, next_seq_no, fields.u64()?, fields.u32()?))
    })();
    let (stream, term, next_seq_no, bytes, count) = header.ok_or(cut_short)?;
    let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes <= fields.0.len());
    let mut records = rest.split_to(HEADER_BYTES + bytes.ok_or(cut_short)?);
    let mut records = records.split_off(HEADER_BYTES);
    let mut operations = Vec::new();
    while !records.is_empty() {
        let length = stated_bytes(&records).filter(|length| (1..=records.len()).contains(length));
        let record = records.split_to(length.ok_or(Malformed("a record is cut short"))?);
        operations.push(decode_record(&record)?);
    }
    if u32::try_from(operations.len()) != Ok(count) {
        return Err(Malformed("a frame has more or fewer records than it says"));
    }
    let (term, next_seq_no) = (PrimaryTerm::new(term), SeqNo::new(next_seq_no));
    let entry = Entry { term, next_seq_no, operations };
    Ok(Frame { stream: StreamId::new(stream), place, entry })
}
