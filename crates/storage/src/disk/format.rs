//! The bytes of a segment file. Everything is little-endian, nothing is aligned.
//!
//! ```text
//! segment   ┌──────────────┬─────────┬─────────┬┄┄┄┄┄┬─────────┬───────────┬┄┄┄┄┄┬─────────┐
//!           │ header       │ group   │ group   │ 0…0 │ group   │ end mark  │ 0…0 │ trailer │
//!           └──────────────┴─────────┴─────────┴┄┄┄┄┄┴─────────┴───────────┴┄┄┄┄┄┴─────────┘
//!           0             512                          written at a time   while it is written to
//!
//! group     header ┬ magic "OGRP"            u32        never straddles a sector: zeros fill
//!                  │ kind                    u32        the sector up to it where it would
//!                  │ its own offset          u64
//!                  │ payload bytes           u64
//!                  │ where the log ended durably when this was written:
//!                  │   offset                u64
//!                  │   segment               u32
//!                  │ crc of the checksums    u32
//!                  └ crc of the header       u32        with the segment's generation
//!           checksums  [u32]     one for each part of the payload that lies in one sector; as many
//!                                as there are sectors in its length, and one more (it may be zero)
//!           payload    frames
//!
//! frame     stream u64 · term u64 · next seq_no u64                             one entry
//!           bytes of records u64 · records u32 · crc of these u32
//!           records
//!
//! record    crc of what follows u32 · length of what follows v                  one operation
//!           kind u8 (index, delete, no-op, index with a routing)
//!           seq_no v · term v · time zigzag v · version v
//!           id length v · routing length v, if it has one
//!           id · routing · the source (of a no-op: its reason)
//! ```
//!
//! The kinds of groups are data (1), end mark (2), and data that was not synced before the next group
//! was written (3).
//!
//! A `v` takes as few bytes as its number needs (`varint`): of a usual record all but id and source
//! takes some 20. Records are most of what is stored, frames and groups are few and stay plain.
//!
//! A sector is what reaches the disk whole or not at all. One checksum for each lets a start tell a
//! sector that was never written, which reads as zeros, from one that was changed. The generation
//! keeps what an earlier file left on the same blocks from being taken for this one's. A frame's header
//! and each record have checksums of their own beside it: where a sector was changed, they tell which of
//! the small entries in it are what was written, and whose the others were.

mod fields;
mod frame;
mod group;
mod record;
mod remains;
mod segment;
mod trailer;
mod varint;

pub(super) use fields::{Fields, in_memory, slice};
pub(super) use frame::{Frame, encode_entry, frame_remains, frames, locations};
pub(super) use group::{
    GROUP_HEADER_BYTES, Group, GroupExtent, GroupHeader, GroupKind, MAGIC as GROUP_MAGIC, NewGroup,
    group_start,
};
pub(super) use record::{Malformed, TooLong, decode_record};
pub(super) use remains::{FrameLeft, remains};
pub(super) use segment::{SEGMENT_HEADER_BYTES, SegmentIdentity, segment_number};
pub(super) use trailer::{TRAILER_BYTES, Untrailed};
pub(super) use varint::{push_varint, take_varint, unzigzag, zigzag};

use shard::log::Position;

/// What reaches the disk whole or not at all.
pub(super) const SECTOR_BYTES: u64 = 512;

/// A place in the log, in the order it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The segment's number.
    pub(super) segment: u32,
    /// The first byte, below 2^32.
    pub(super) offset: u64,
}

impl From<Place> for Position {
    fn from(place: Place) -> Self {
        Self::new(u64::from(place.segment) << 32 | place.offset)
    }
}

impl From<Position> for Place {
    fn from(position: Position) -> Self {
        let offset = position.get() & u64::from(u32::MAX);
        Self { segment: u32::try_from(position.get() >> 32).unwrap_or(u32::MAX), offset }
    }
}
