//! What a damaged segment still holds, from its beginning to its end.
//!
//! The walk stops at damage of which it is not known what it touches. Here it is known that there is
//! some, and every group is found that still has its header, wherever it lies.

use std::ops::Range;

use bytes::Bytes;

use super::super::{
    format::{
        FrameLeft, GroupHeader, Place, SEGMENT_HEADER_BYTES, SegmentIdentity, group_start,
        in_memory, remains,
    },
    recovery::{tear::headers, walk::is_zero},
};

/// Something that is left, or is not.
pub(super) enum Left<'a> {
    /// A frame.
    Frame(&'a FrameLeft<'a>),
    /// Behind this offset something is lost, and nobody knows whose.
    Gap(u64),
}

/// Shows what is left of a segment with these contents that ends at `end` or behind it. Says how many
/// groups that is.
pub(super) fn scan(
    segment: SegmentIdentity,
    contents: &Bytes,
    end: u64,
    visit: &mut dyn FnMut(Left<'_>),
) -> u64 {
    let mut groups = 0;
    let mut reached = SEGMENT_HEADER_BYTES;
    for header in headers(segment, contents, SEGMENT_HEADER_BYTES) {
        let start = header.extent.start;
        if start < reached {
            continue;
        }
        if start != group_start(reached) || !is_zero(contents, reached..start) {
            visit(Left::Gap(reached));
        }
        scan_group(segment, contents, &header, visit);
        groups += 1;
        reached = header.extent.end();
    }
    if reached < end || !is_zero(contents, reached..contents.len() as u64) {
        visit(Left::Gap(reached));
    }
    groups
}

/// Shows what is left of a group that has its header.
fn scan_group(
    segment: SegmentIdentity,
    contents: &Bytes,
    header: &GroupHeader,
    visit: &mut dyn FnMut(Left<'_>),
) {
    let extent = header.extent;
    let start = in_memory(extent.start);
    let Some(group) = contents.get(start..) else { return };
    let payload = contents.slice_ref(extent.payload_of(group));
    // A checksum that was changed itself speaks against its sector, never for it.
    let bad: Vec<_> = extent
        .portions(group)
        .filter(|portion| !portion.holds())
        .map(|portion| portion.range())
        .collect();
    let missing = contents.len() as u64..extent.end();
    let overlap =
        |one: &Range<u64>, other: &Range<u64>| one.start < other.end && other.start < one.end;
    let holds = |range: Range<u64>| {
        !overlap(&range, &missing) && !bad.iter().any(|bad| overlap(&range, bad))
    };
    let place = Place { segment: segment.number, offset: extent.payload().start };
    let left = remains(&payload, place, &holds, &mut |frame| visit(Left::Frame(frame)));
    if let Err(offset) = left {
        visit(Left::Gap(offset));
    } else if (payload.len() as u64) < extent.payload_bytes {
        visit(Left::Gap(place.offset + payload.len() as u64));
    }
}
