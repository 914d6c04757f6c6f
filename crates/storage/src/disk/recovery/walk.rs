//! One segment from its first group to its last.
//!
//! A group that is known to be durable and is not what was written stays in the walk if its header
//! and its checksums are: then it is known which sectors of its payload hold.

use std::ops::Range;

use bytes::Bytes;

use super::{
    super::{
        format::{
            Group, GroupHeader, GroupKind, Place, SEGMENT_HEADER_BYTES, SegmentIdentity,
            TRAILER_BYTES, Untrailed, group_start, in_memory, slice,
        },
        manifest::{ListedSegment, SegmentEnd},
    },
    tear::{Judgement, is_known_durable, judge},
};

/// An offset and what is wrong there.
pub(in crate::disk) type Damage = (u64, &'static str);

/// A group, and which parts of its payload are not what was written.
pub(in crate::disk) struct WalkedGroup {
    /// The group.
    pub(in crate::disk) group: Group,
    /// The offsets of its bad parts in the segment; usually there are none.
    pub(in crate::disk) bad: Vec<Range<u64>>,
}

/// What a segment holds.
pub(in crate::disk) struct Walked {
    /// Its groups. Those that are not proven durable are whole.
    pub(in crate::disk) groups: Vec<WalkedGroup>,
    /// Where the last of them ends.
    pub(in crate::disk) end: u64,
    /// Up to here it is proven durable; a group behind it is the tail.
    pub(in crate::disk) durable: u64,
    /// How much of a torn group lies behind the last whole one.
    pub(in crate::disk) cut_bytes: u64,
    /// Where the trailer ends, if there is one; behind it are only zeros.
    pub(in crate::disk) trailed: Option<u64>,
}

/// How a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::disk) enum Ending {
    /// As it is listed: where it was closed, or with a trailer behind what was written.
    AsListed,
    /// As it is listed, and with an end mark: the log was stopped there, on purpose.
    EndMark,
    /// Nothing lists it: with a trailer or without.
    Unknown,
}

impl Walked {
    /// Walks a segment with these contents.
    ///
    /// # Errors
    /// The first damage of which it is not known what it touches. A torn last group of an open
    /// segment is none.
    pub(in crate::disk) fn new(
        listed: &ListedSegment,
        contents: &Bytes,
        ending: Ending,
    ) -> Result<Self, Damage> {
        let length = contents.len() as u64;
        let (SegmentEnd::ClosedAt(durable) | SegmentEnd::OpenFrom(durable)) = listed.end;
        if length < durable {
            return Err((length, "the file is shorter than the manifest says"));
        }
        if !contents.starts_with(&listed.identity.header()) {
            return Err((0, "the segment's header is not what was written"));
        }
        let (counted, trailed) = match listed.end {
            SegmentEnd::ClosedAt(end) => (contents.slice(..in_memory(end)), None),
            SegmentEnd::OpenFrom(_) => {
                let untrailed = Untrailed::of(listed.identity, contents);
                if !untrailed.is_complete && ending == Ending::AsListed {
                    return Err((
                        length,
                        "the end of the file is not what was written: its trailer is missing, \
                         and what was written before it may be",
                    ));
                }
                let end = untrailed.contents.len() as u64 + TRAILER_BYTES;
                (untrailed.contents, untrailed.is_complete.then_some(end))
            }
        };
        let walked = Self { trailed, ..Self::walk(listed.identity, &counted, durable)? };
        if ending == Ending::EndMark && !walked.ends_with_end_mark() {
            return Err((walked.end, "the end mark of the clean stop is missing"));
        }
        Ok(walked)
    }

    /// Walks to the end of `contents`, of which everything before `durable` must be whole.
    fn walk(identity: SegmentIdentity, contents: &Bytes, durable: u64) -> Result<Self, Damage> {
        let length = contents.len() as u64;
        let (groups, end) = (Vec::new(), SEGMENT_HEADER_BYTES);
        let mut walked = Self { groups, end, durable, cut_bytes: 0, trailed: None };
        while walked.end < length {
            let start = group_start(walked.end);
            let damage = match group_at(identity, contents, walked.end, start) {
                Ok(group) => {
                    walked.push(identity, WalkedGroup { group, bad: Vec::new() })?;
                    continue;
                }
                Err(damage) => damage,
            };
            let is_proven = walked.end < durable || is_known_durable(identity, contents, start);
            if is_proven && let Some(group) = remains_at(identity, contents, walked.end, start) {
                walked.push(identity, group)?;
                continue;
            }
            if walked.end < durable {
                return Err(damage);
            }
            if is_zero(contents, walked.end..length) {
                // What was allocated and never written to.
                return Ok(walked);
            }
            return match judge(identity, contents, start) {
                Judgement::Tear if is_zero(contents, walked.end..start) => {
                    let zeros = contents.iter().rev().take_while(|byte| **byte == 0).count();
                    walked.cut_bytes = length - zeros as u64 - walked.end;
                    Ok(walked)
                }
                Judgement::Tear => Err(damage),
                Judgement::Damage(damage) => Err(damage),
            };
        }
        if walked.end < durable {
            return Err((walked.end, "groups are missing"));
        }
        Ok(walked)
    }

    /// Adds the next group and what it says about those before it.
    fn push(&mut self, identity: SegmentIdentity, walked: WalkedGroup) -> Result<(), Damage> {
        let GroupHeader { extent, durable: named, .. } = walked.group.header;
        if named > (Place { segment: identity.number, offset: extent.start }) {
            return Err((extent.start, "a group names a durable end behind itself"));
        }
        if named.segment == identity.number {
            self.durable = self.durable.max(named.offset);
        }
        self.end = extent.end();
        self.groups.push(walked);
        Ok(())
    }

    /// Whether the log was stopped here, on purpose.
    fn ends_with_end_mark(&self) -> bool {
        self.groups.last().is_some_and(|last| last.group.header.kind == GroupKind::EndMark)
    }
}

/// The group behind one that ended at `end`, with nothing but zeros between.
fn group_at(
    identity: SegmentIdentity,
    contents: &Bytes,
    end: u64,
    start: u64,
) -> Result<Group, Damage> {
    if start > contents.len() as u64 {
        return Err((end, "a group is cut short"));
    }
    if !is_zero(contents, end..start) {
        return Err((end, "there is something between two groups"));
    }
    Group::verify(&contents.slice(in_memory(start)..), identity, start)
        .map_err(|offset| (offset, "a group is not what was written"))
}

/// The same, if only parts of its payload are not what was written.
fn remains_at(
    identity: SegmentIdentity,
    contents: &Bytes,
    end: u64,
    start: u64,
) -> Option<WalkedGroup> {
    if !is_zero(contents, end..start) {
        return None;
    }
    let bytes = contents.get(in_memory(start)..)?;
    let header = GroupHeader::decode(bytes, identity, start)?;
    let extent = header.extent;
    if !header.names_checksums(extent.checksums_of(bytes)?) {
        return None;
    }
    let payload = slice(contents, extent.payload())?;
    let bad = extent.portions(bytes).filter(|portion| !portion.holds());
    let bad = bad.map(|portion| portion.range()).collect();
    Some(WalkedGroup { group: Group { header, payload: contents.slice_ref(payload) }, bad })
}

/// Whether the bytes at these offsets, as far as there are any, are zeros.
pub(in crate::disk) fn is_zero(contents: &[u8], range: Range<u64>) -> bool {
    let end = range.end.min(contents.len() as u64);
    slice(contents, range.start..end).is_none_or(|bytes| bytes.iter().all(|byte| *byte == 0))
}
