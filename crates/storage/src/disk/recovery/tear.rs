//! Tear or damage: what a group that is not whole says about the disk.
//!
//! A *tear* is what a crash leaves of writes that were not synced: some of their sectors were never
//! written and read as zeros or lie beyond the end of the file. Nobody was told that they are durable,
//! so they are cut. Everything else is *damage*. The first group that is not whole is a tear if all
//! of this holds:
//!
//! - No header further on names a durable end behind where it begins.
//! - Each of its sectors that is not what was written reads as never written. If that is the one with
//!   its header, nothing more can be said of it; if one with its checksums, nothing of the sectors
//!   that those check.
//! - Nothing lies behind it, unless its header says that others may have been written before it was
//!   synced ([`GroupKind::DataAsync`]). Then anything may: any of their sectors, in any order, whole
//!   groups among them, and also a last group that waited for its sync, which did not return.
//!
//! From there on all is cut: in each stream what is left is what came first.
//!
//! What is judged here is what lies before the file's trailer; a file without one has lost its end, and
//! that is damage whatever else is in it.
//!
//! Some cases cannot be told. A disk that loses a whole sector of groups that were synced, and returns
//! zeros for it, looks like one that never wrote it, if the headers that know better are lost along
//! or were never written: so it is with the last group, with those that began in the same sector as
//! the header of the last, and with all that one sync made durable if it was the last. After a clean
//! stop even that is damage, for the manifest knows.

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::{
    super::format::{
        GROUP_HEADER_BYTES, GROUP_MAGIC, GroupExtent, GroupHeader, GroupKind, Place, SECTOR_BYTES,
        SEGMENT_HEADER_BYTES, SegmentIdentity, in_memory, slice,
    },
    walk::is_zero,
};

/// What a group that is not whole is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// A write that was never finished: to be cut.
    Tear,
    /// Not what was written, at this offset.
    Damage((u64, &'static str)),
}

/// Judges the bytes at `start`, where a group should begin and no whole one does.
pub(super) fn judge(segment: SegmentIdentity, contents: &[u8], start: u64) -> Judgement {
    if is_known_durable(segment, contents, start) {
        let what = "a group that a later one knows to be durable is not what was written";
        return Judgement::Damage((start, what));
    }
    let rest = contents.get(in_memory(start)..).unwrap_or_default();
    match GroupHeader::decode(rest, segment, start) {
        Some(header) => judge_group(&header, contents),
        None => judge_header(contents, start),
    }
}

/// Whether there is a header further on that names a durable end behind `start`.
pub(super) fn is_known_durable(segment: SegmentIdentity, contents: &[u8], start: u64) -> bool {
    let here = Place { segment: segment.number, offset: start };
    headers(segment, contents, start).any(|header| header.durable > here)
}

/// Whether a segment that the manifest does not list was written to all the same. What crashes leave
/// was not: there the groups, if there are any, name the end of the log before it.
pub(in crate::disk) fn was_in_use(segment: SegmentIdentity, contents: &[u8]) -> bool {
    let mut groups = headers(segment, contents, SEGMENT_HEADER_BYTES);
    groups.any(|header| header.durable.segment == segment.number)
}

/// The headers of groups from `start` on, whatever is between them.
pub(in crate::disk) fn headers(
    segment: SegmentIdentity,
    contents: &[u8],
    start: u64,
) -> impl Iterator<Item = GroupHeader> {
    let rest = contents.get(in_memory(start)..).unwrap_or_default();
    // Groups begin at any byte, so every one is tried; the first four rule out nearly all.
    rest.windows(GROUP_MAGIC.len())
        .zip(start..)
        .filter(|(bytes, _)| *bytes == GROUP_MAGIC)
        .filter_map(move |(_, at)| GroupHeader::decode(contents.get(in_memory(at)..)?, segment, at))
}

/// Judges a group without a whole header.
fn judge_header(contents: &[u8], start: u64) -> Judgement {
    let ends_within = (contents.len() as u64) < start + GROUP_HEADER_BYTES;
    if ends_within || is_zero(contents, start..sector_after(start)) {
        Judgement::Tear
    } else {
        Judgement::Damage((start, "a group's header is not what was written"))
    }
}

/// Judges a group whose header is whole.
fn judge_group(header: &GroupHeader, contents: &[u8]) -> Judgement {
    let extent = header.extent;
    let length = contents.len() as u64;
    // As the disk would show it if it had all of it: what is missing reads as zeros.
    let mut group =
        slice(contents, extent.start..extent.end().min(length)).unwrap_or_default().to_vec();
    group.resize(in_memory(extent.end() - extent.start), 0);

    let checksums_hold =
        extent.checksums_of(&group).is_some_and(|checksums| header.names_checksums(checksums));
    let is_unwritten = |range: Range<u64>| {
        sectors(range).any(|sector| is_unwritten_sector(extent, contents, sector))
    };
    if !checksums_hold && !is_unwritten(extent.checksums()) {
        return Judgement::Damage((extent.checksums().start, "checksums are not what was written"));
    }
    let bad = extent
        .portions(&group)
        // A checksum that was never written says nothing about its part of the payload.
        .filter(|portion| checksums_hold || !is_unwritten(portion.checksum()))
        .find(|portion| !portion.holds() && !is_unwritten(portion.offset..portion.offset + 1));
    if let Some(portion) = bad {
        return Judgement::Damage((portion.offset, "a group is not what was written"));
    }
    let is_last = header.kind != GroupKind::DataAsync;
    if is_last && !is_zero(contents, extent.end()..length) {
        return Judgement::Damage((extent.end(), "there is something behind a torn group"));
    }
    Judgement::Tear
}

/// Whether the group's part of a sector was never written: it reads as zeros, or the file ends
/// before it does.
fn is_unwritten_sector(extent: GroupExtent, contents: &[u8], sector: u64) -> bool {
    let start = (sector * SECTOR_BYTES).max(extent.start);
    let end = sector_after(sector * SECTOR_BYTES).min(extent.end());
    (contents.len() as u64) < end || is_zero(contents, start..end)
}

/// The numbers of the sectors these offsets lie in.
fn sectors(range: Range<u64>) -> impl Iterator<Item = u64> {
    range.start / SECTOR_BYTES..range.end.div_ceil(SECTOR_BYTES)
}

/// Where the sector after the one with this offset begins.
fn sector_after(offset: u64) -> u64 {
    (offset / SECTOR_BYTES + 1) * SECTOR_BYTES
}
