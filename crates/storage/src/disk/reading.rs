//! Reading a stream's entries while the log is open.

use bytes::Bytes;
use shard::log::{Entry, LogError, Position, StreamId};

use super::{
    format::{
        GROUP_HEADER_BYTES, Group, GroupHeader, Place, SEGMENT_HEADER_BYTES, frames, group_start,
        in_memory,
    },
    segments::{Segment, Segments},
};

/// Reading stops at the first group that brings it to so many bytes.
const READ_BYTES_MAX: usize = 1 << 20;

/// The entries of a stream after `from`, up to `last`: at least one if there is one.
pub(super) fn read_entries(
    segments: &Segments,
    stream: StreamId,
    from: Position,
    last: Position,
) -> Result<Vec<(Position, Entry)>, LogError> {
    if from != Position::START && segments.are_missing_after(Place::from(from).segment) {
        return Err(LogError::Collected(from));
    }
    let mut found = Vec::new();
    let mut found_bytes = 0;
    for segment in segments.from(Place::from(from).segment) {
        let position = |offset| Position::from(Place { segment: segment.identity.number, offset });
        for header in group_headers(&segment) {
            let header = header?;
            if position(header.extent.start) > last {
                return Ok(found);
            }
            if position(header.extent.end()) <= from {
                continue;
            }
            let group = read_group(&segment, &header)?;
            let before = found.len();
            collect(&segment, &group, &mut found, |id, position| {
                id == stream && position > from && position <= last
            })?;
            found_bytes += if found.len() > before { group.payload.len() } else { 0 };
            if found_bytes >= READ_BYTES_MAX {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// Adds the wanted entries of a group.
fn collect(
    segment: &Segment,
    group: &Group,
    found: &mut Vec<(Position, Entry)>,
    wanted: impl Fn(StreamId, Position) -> bool,
) -> Result<(), LogError> {
    let offset = group.header.extent.payload().start;
    let place = Place { segment: segment.identity.number, offset };
    for frame in frames(group.payload.clone(), place) {
        let frame = frame.map_err(|what| LogError::Damaged(segment.file.damage(offset, what)))?;
        let position = Position::from(frame.place);
        if wanted(frame.stream, position) {
            found.push((position, frame.entry));
        }
    }
    Ok(())
}

/// The headers of a segment's groups, one after the other, up to where it ends.
pub(super) fn group_headers(
    segment: &Segment,
) -> impl Iterator<Item = Result<GroupHeader, LogError>> {
    let mut end = SEGMENT_HEADER_BYTES;
    std::iter::from_fn(move || {
        if end >= segment.end() {
            return None;
        }
        let header = read_header(segment, group_start(end));
        // Behind a bad one there is no telling where the next begins.
        end = header.as_ref().map_or(u64::MAX, |header| header.extent.end());
        Some(header)
    })
}

/// The header of the group that begins at `start`.
pub(super) fn read_header(segment: &Segment, start: u64) -> Result<GroupHeader, LogError> {
    let bytes = segment.file.read(start, in_memory(GROUP_HEADER_BYTES))?;
    GroupHeader::decode(&bytes, segment.identity, start).ok_or_else(|| {
        LogError::Damaged(segment.file.damage(start, "a group's header is not what was written"))
    })
}

/// The whole group.
pub(super) fn read_group(segment: &Segment, header: &GroupHeader) -> Result<Group, LogError> {
    let extent = header.extent;
    let bytes = segment.file.read(extent.start, in_memory(extent.end() - extent.start))?;
    Group::verify(&Bytes::from(bytes), segment.identity, extent.start).map_err(|offset| {
        LogError::Damaged(segment.file.damage(offset, "a group is not what was written"))
    })
}
