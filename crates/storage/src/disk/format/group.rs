//! A group: what is written at a time.

use std::ops::Range;

use bytes::Bytes;
use crc32c::{crc32c, crc32c_append};

use super::{Place, SECTOR_BYTES, fields::Fields, in_memory, segment::SegmentIdentity, slice};

/// How long a group's header is.
pub(in crate::disk) const GROUP_HEADER_BYTES: u64 = HEADER_BYTES as u64;

/// What a group's header begins with.
pub(in crate::disk) const MAGIC: [u8; 4] = *b"OGRP";

/// The same, in memory.
const HEADER_BYTES: usize = 44;
/// How long a checksum is.
const CHECKSUM_BYTES: usize = 4;
/// The number of [`GroupKind::Data`].
const DATA: u32 = 1;
/// The number of [`GroupKind::EndMark`].
const END_MARK: u32 = 2;
/// The number of [`GroupKind::DataAsync`].
const DATA_ASYNC: u32 = 3;

/// What a group is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::disk) enum GroupKind {
    /// It holds frames, and was synced before anything else was written.
    Data,
    /// It holds frames, and others may have been written before anything was synced.
    DataAsync,
    /// It holds nothing: the log was stopped here, on purpose.
    EndMark,
}

/// The fixed part of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::disk) struct GroupHeader {
    /// What it is for.
    pub(in crate::disk) kind: GroupKind,
    /// Where it lies.
    pub(in crate::disk) extent: GroupExtent,
    /// Where the log ended durably when this group was written: what lies before is proven.
    pub(in crate::disk) durable: Place,
    checksums_checksum: u32,
}

impl GroupHeader {
    /// The header as it is stored in this segment.
    fn encode(&self, segment: SegmentIdentity) -> Vec<u8> {
        let kind = match self.kind {
            GroupKind::Data => DATA,
            GroupKind::DataAsync => DATA_ASYNC,
            GroupKind::EndMark => END_MARK,
        };
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend(MAGIC);
        header.extend(kind.to_le_bytes());
        header.extend(self.extent.start.to_le_bytes());
        header.extend(self.extent.payload_bytes.to_le_bytes());
        header.extend(self.durable.offset.to_le_bytes());
        header.extend(self.durable.segment.to_le_bytes());
        header.extend(self.checksums_checksum.to_le_bytes());
        header.extend(header_checksum(segment, &header).to_le_bytes());
        header
    }

    /// The header of the group that begins at offset `start` of the segment with these bytes, if
    /// that is what they are.
    pub(in crate::disk) fn decode(
        bytes: &[u8],
        segment: SegmentIdentity,
        start: u64,
    ) -> Option<Self> {
        let (stated, _) = bytes.split_at_checked(HEADER_BYTES - CHECKSUM_BYTES)?;
        let mut fields = Fields(bytes);
        if fields.bytes(MAGIC.len())? != MAGIC {
            return None;
        }
        let kind = match fields.u32()? {
            DATA => GroupKind::Data,
            DATA_ASYNC => GroupKind::DataAsync,
            END_MARK => GroupKind::EndMark,
            _ => return None,
        };
        let extent = GroupExtent { start: fields.u64()?, payload_bytes: fields.u64()? };
        let durable = Place { offset: fields.u64()?, segment: fields.u32()? };
        let checksums_checksum = fields.u32()?;
        let whole = fields.u32()? == header_checksum(segment, stated) && extent.start == start;
        // Offsets of a segment are below 2^32; later arithmetic need not fear an overflow.
        (whole && extent.payload_bytes <= u64::from(u32::MAX)).then_some(Self {
            kind,
            extent,
            durable,
            checksums_checksum,
        })
    }

    /// Whether these are the checksums it was written with.
    pub(in crate::disk) fn names_checksums(&self, checksums: &[u8]) -> bool {
        crc32c(checksums) == self.checksums_checksum
    }
}

/// The checksum of a header without its last field.
fn header_checksum(segment: SegmentIdentity, header: &[u8]) -> u32 {
    crc32c_append(crc32c(&segment.generation.to_le_bytes()), header)
}

/// Where a group lies in its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::disk) struct GroupExtent {
    /// Its first byte.
    pub(in crate::disk) start: u64,
    /// How much it holds.
    pub(in crate::disk) payload_bytes: u64,
}

impl GroupExtent {
    /// The offsets of its checksums.
    pub(in crate::disk) fn checksums(self) -> Range<u64> {
        let start = self.start + GROUP_HEADER_BYTES;
        // A payload touches one sector more than its length says when it begins late in one.
        // Counting that one always keeps the count free of where the payload begins.
        let sectors = self.payload_bytes.div_ceil(SECTOR_BYTES);
        start..start + CHECKSUM_BYTES as u64 * (sectors + u64::from(sectors > 0))
    }

    /// The offsets of its payload.
    pub(in crate::disk) fn payload(self) -> Range<u64> {
        let start = self.checksums().end;
        start..start + self.payload_bytes
    }

    /// The offset behind it.
    pub(in crate::disk) fn end(self) -> u64 {
        self.payload().end
    }

    /// Offsets in the segment as offsets in the group.
    fn within(self, range: Range<u64>) -> Range<u64> {
        range.start - self.start..range.end - self.start
    }

    /// The bytes of its checksums, of those that begin with the group.
    pub(in crate::disk) fn checksums_of(self, group: &[u8]) -> Option<&[u8]> {
        slice(group, self.within(self.checksums()))
    }

    /// What there is of its payload, of the bytes that begin with the group.
    pub(in crate::disk) fn payload_of(self, group: &[u8]) -> &[u8] {
        let range = self.within(self.payload());
        let end = range.end.min(group.len() as u64);
        slice(group, range.start..end).unwrap_or_default()
    }

    /// Each part of the payload that lies in one sector: its offset, its bytes, and its place among
    /// the checksums, of the bytes that begin with the group. Of a payload that is cut short the last
    /// part is too.
    pub(in crate::disk) fn portions(self, group: &[u8]) -> impl Iterator<Item = Portion<'_>> {
        let payload = self.payload_of(group);
        let checksums = self.checksums_of(group).unwrap_or_default();
        let mut offset = self.payload().start;
        let mut checksum_offset = self.checksums().start;
        sector_portions(payload, offset).zip(checksums.chunks_exact(CHECKSUM_BYTES)).map(
            move |(bytes, checksum)| {
                let portion = Portion { offset, bytes, checksum, checksum_offset };
                offset += bytes.len() as u64;
                checksum_offset += CHECKSUM_BYTES as u64;
                portion
            },
        )
    }
}

/// The part of a payload that lies in one sector.
pub(in crate::disk) struct Portion<'a> {
    /// Its offset in the segment.
    pub(in crate::disk) offset: u64,
    bytes: &'a [u8],
    checksum: &'a [u8],
    checksum_offset: u64,
}

impl Portion<'_> {
    /// Whether it is what was written, if its checksum is.
    pub(in crate::disk) fn holds(&self) -> bool {
        crc32c(self.bytes).to_le_bytes() == *self.checksum
    }

    /// Its offsets in the segment.
    pub(in crate::disk) fn range(&self) -> Range<u64> {
        self.offset..self.offset + self.bytes.len() as u64
    }

    /// The offsets of its checksum in the segment.
    pub(in crate::disk) fn checksum(&self) -> Range<u64> {
        self.checksum_offset..self.checksum_offset + CHECKSUM_BYTES as u64
    }
}

/// The parts of some bytes at `offset` that lie in one sector each.
fn sector_portions(bytes: &[u8], offset: u64) -> impl Iterator<Item = &[u8]> {
    let rest_of_sector = in_memory(SECTOR_BYTES - offset % SECTOR_BYTES);
    let (first, rest) = bytes.split_at_checked(rest_of_sector).unwrap_or((bytes, &[]));
    Some(first)
        .filter(|first| !first.is_empty())
        .into_iter()
        .chain(rest.chunks(in_memory(SECTOR_BYTES)))
}

/// Where the group after one that ends at `end` begins: there, or in the next sector if its header
/// would straddle two.
pub(in crate::disk) fn group_start(end: u64) -> u64 {
    let rest_of_sector = SECTOR_BYTES - end % SECTOR_BYTES;
    if rest_of_sector < GROUP_HEADER_BYTES { end + rest_of_sector } else { end }
}

/// A group that is about to be written.
#[derive(Clone, Copy)]
pub(in crate::disk) struct NewGroup {
    /// Where.
    pub(in crate::disk) segment: SegmentIdentity,
    /// What for.
    pub(in crate::disk) kind: GroupKind,
    /// Where in the segment.
    pub(in crate::disk) extent: GroupExtent,
    /// Where the log ends durably.
    pub(in crate::disk) durable: Place,
}

impl NewGroup {
    /// Where its payload will begin.
    pub(in crate::disk) fn payload_place(&self) -> Place {
        Place { segment: self.segment.number, offset: self.extent.payload().start }
    }

    /// Replaces what is in `buffer` by the group. The frames are as long as its extent says.
    pub(in crate::disk) fn encode<'a>(
        &self,
        frames: impl Iterator<Item = &'a [u8]>,
        buffer: &mut Vec<u8>,
    ) {
        let payload = self.extent.payload();
        let checksums_end = in_memory(payload.start - self.extent.start);
        buffer.clear();
        buffer.reserve(in_memory(self.extent.end() - self.extent.start));
        buffer.resize(checksums_end, 0);
        for frame in frames {
            buffer.extend_from_slice(frame);
        }
        let Some((head, content)) = buffer.split_at_mut_checked(checksums_end) else { return };
        let Some((header, checksums)) = head.split_at_mut_checked(HEADER_BYTES) else {
            return;
        };
        let slots = checksums.chunks_exact_mut(CHECKSUM_BYTES);
        for (slot, portion) in slots.zip(sector_portions(content, payload.start)) {
            slot.copy_from_slice(&crc32c(portion).to_le_bytes());
        }
        let stated = GroupHeader {
            kind: self.kind,
            extent: self.extent,
            durable: self.durable,
            checksums_checksum: crc32c(checksums),
        };
        header.copy_from_slice(&stated.encode(self.segment));
    }
}

/// A group that was read and is what was written.
pub(in crate::disk) struct Group {
    /// Its header.
    pub(in crate::disk) header: GroupHeader,
    /// Its frames.
    pub(in crate::disk) payload: Bytes,
}

impl Group {
    /// The group that begins at offset `start` of the segment with these bytes, if it is whole. More
    /// bytes may follow.
    ///
    /// # Errors
    /// The offset of the first part that is not what was written.
    pub(in crate::disk) fn verify(
        bytes: &Bytes,
        segment: SegmentIdentity,
        start: u64,
    ) -> Result<Self, u64> {
        let header = GroupHeader::decode(bytes, segment, start).ok_or(start)?;
        let extent = header.extent;
        let checksums = extent.checksums_of(bytes).ok_or(extent.checksums().start)?;
        if !header.names_checksums(checksums) {
            return Err(extent.checksums().start);
        }
        let payload =
            slice(bytes, extent.within(extent.payload())).ok_or(extent.payload().start)?;
        match extent.portions(bytes).find(|portion| !portion.holds()) {
            Some(bad) => Err(bad.offset),
            None => Ok(Self { header, payload: bytes.slice_ref(payload) }),
        }
    }
}
