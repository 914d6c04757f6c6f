//! The trailer: the last sector of a segment's file while the segment is written to.
//!
//! The file is as long as what was allocated for it, and longer than what was written. Only a sector
//! at its end that cannot be anything else tells that length from any other: one that lost its end, or
//! returns zeros for it, has no trailer.
//!
//! When more is allocated, the new trailer is durable before the one before is cleared, and that is
//! cleared before anything is written in its place. So there is always one, with nothing behind it
//! but zeros, and what a crash leaves of older ones can be told from what was written.

use bytes::Bytes;
use crc32c::crc32c;

use super::{SECTOR_BYTES, in_memory, segment::SegmentIdentity};

/// How long a trailer is: it is written whole or not at all.
pub(in crate::disk) const TRAILER_BYTES: u64 = SECTOR_BYTES;
/// What a trailer begins with.
const MAGIC: [u8; 8] = *b"OCCAMEND";

impl SegmentIdentity {
    /// The trailer that lies at `offset`, the beginning of a sector.
    pub(in crate::disk) fn trailer(self, offset: u64) -> Vec<u8> {
        let mut trailer = Vec::with_capacity(in_memory(TRAILER_BYTES));
        trailer.extend(MAGIC);
        trailer.extend(offset.to_le_bytes());
        trailer.extend(self.number.to_le_bytes());
        trailer.extend(self.generation.to_le_bytes());
        trailer.extend(crc32c(&trailer).to_le_bytes());
        trailer.resize(in_memory(TRAILER_BYTES), 0);
        trailer
    }
}

/// The contents of a segment's file without trailers: those that a crash left read as zeros, as what
/// was never written does, and the last and what lies behind it are cut.
pub(in crate::disk) struct Untrailed {
    /// Where groups may be.
    pub(in crate::disk) contents: Bytes,
    /// Whether the file has its end: a trailer, and nothing but zeros behind.
    pub(in crate::disk) is_complete: bool,
}

impl Untrailed {
    /// Of a file with these contents.
    pub(in crate::disk) fn of(segment: SegmentIdentity, contents: &Bytes) -> Self {
        let sectors = contents.chunks_exact(in_memory(SECTOR_BYTES)).enumerate();
        let is_trailer = |number: usize, sector: &[u8]| {
            sector.starts_with(&MAGIC)
                && sector == segment.trailer(number as u64 * SECTOR_BYTES).as_slice()
        };
        let found: Vec<_> = sectors
            .filter(|(number, sector)| is_trailer(*number, sector))
            .map(|(number, _)| number * in_memory(SECTOR_BYTES))
            .collect();
        let Some((&last, earlier)) = found.split_last() else {
            return Self { contents: contents.clone(), is_complete: false };
        };
        let behind = contents.get(last + in_memory(TRAILER_BYTES)..).unwrap_or_default();
        if behind.iter().any(|byte| *byte != 0) {
            return Self { contents: contents.clone(), is_complete: false };
        }
        let contents = contents.slice(..last);
        if earlier.is_empty() {
            return Self { contents, is_complete: true };
        }
        let mut cleared = contents.to_vec();
        for start in earlier {
            if let Some(trailer) = cleared.get_mut(*start..*start + in_memory(TRAILER_BYTES)) {
                trailer.fill(0);
            }
        }
        Self { contents: cleared.into(), is_complete: true }
    }
}
