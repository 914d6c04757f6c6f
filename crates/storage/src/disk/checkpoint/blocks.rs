//! The checksummed blocks of a checkpoint, written and read.

use crc32c::{crc32c, crc32c_append};

use super::super::{
    directory::{DiskError, NamedFile},
    format::{Fields, SegmentIdentity, in_memory},
};

/// What a checkpoint begins with.
const MAGIC: [u8; 8] = *b"OCCAMCPT";
/// The version of everything in the file.
const FORMAT_VERSION: u32 = 1;
/// How long the file's header is.
pub(super) const FILE_HEADER_BYTES: usize = 36;
/// How long a block's header is.
const BLOCK_HEADER_BYTES: usize = 12;
/// A block takes no further frame when it has this many bytes.
const BLOCK_BYTES_MAX: usize = 64 << 10;
/// The kind of a block that holds outlines.
const OUTLINES: u32 = 1;
/// The kind of the last block.
const END: u32 = 2;

/// What a checkpoint is of: a segment as it was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Covered {
    /// Which segment.
    pub(super) segment: SegmentIdentity,
    /// Where it ends.
    pub(super) end: u64,
}

impl Covered {
    /// The first bytes of the checkpoint; whoever reads them compares them with these.
    fn header(self) -> Vec<u8> {
        let mut header = Vec::with_capacity(FILE_HEADER_BYTES);
        header.extend(MAGIC);
        header.extend(FORMAT_VERSION.to_le_bytes());
        header.extend(self.segment.number.to_le_bytes());
        header.extend(self.segment.generation.to_le_bytes());
        header.extend(self.end.to_le_bytes());
        header.extend(crc32c(&header).to_le_bytes());
        header
    }

    /// What a checkpoint with this header is of, if it is one.
    pub(super) fn decode(header: &[u8]) -> Option<Self> {
        let mut fields = Fields(header);
        fields.bytes(MAGIC.len())?;
        let (_version, number, generation) = (fields.u32()?, fields.u32()?, fields.u64()?);
        let segment = SegmentIdentity { number, generation };
        let covered = Self { segment, end: fields.u64()? };
        header.starts_with(&covered.header()).then_some(covered)
    }

    /// The checksum of the block at `offset`. It says where the block lies and whose it is, so that
    /// no other block passes for it.
    fn checksum(self, offset: u64, kind: u32, payload: &[u8]) -> u32 {
        let place = [self.segment.generation, self.end, offset, u64::from(kind)];
        let place = place.iter().fold(0, |crc, field| crc32c_append(crc, &field.to_le_bytes()));
        crc32c_append(crc32c_append(place, &(payload.len() as u64).to_le_bytes()), payload)
    }
}

/// Writes a checkpoint, a block at a time.
pub(super) struct BlockWriter<'a> {
    file: &'a NamedFile,
    covered: Covered,
    /// Where the block begins.
    offset: u64,
    /// The block so far: room for its header, then its payload.
    block: Vec<u8>,
    /// The last frame's place in its segment, or 0 at the beginning of a block.
    frame_offset: u64,
    frames: u64,
    operations: u64,
}

impl<'a> BlockWriter<'a> {
    /// Begins a checkpoint in an empty file.
    pub(super) fn begin(file: &'a NamedFile, covered: Covered) -> Result<Self, DiskError> {
        let header = covered.header();
        file.write(&header, 0)?;
        Ok(Self {
            file,
            covered,
            offset: header.len() as u64,
            block: vec![0; BLOCK_HEADER_BYTES],
            frame_offset: 0,
            frames: 0,
            operations: 0,
        })
    }

    /// Adds a frame with so many operations, which `encode` appends to the block. It is told where
    /// the frame before lies and returns where this one does.
    pub(super) fn push(
        &mut self,
        operations: usize,
        encode: impl FnOnce(u64, &mut Vec<u8>) -> u64,
    ) -> Result<(), DiskError> {
        self.frame_offset = encode(self.frame_offset, &mut self.block);
        self.frames += 1;
        self.operations += operations as u64;
        if self.block.len() >= BLOCK_BYTES_MAX { self.write_block(OUTLINES) } else { Ok(()) }
    }

    /// Writes what is left and the end; returns how many bytes that makes. Not synced yet.
    pub(super) fn finish(mut self) -> Result<u64, DiskError> {
        if self.block.len() > BLOCK_HEADER_BYTES {
            self.write_block(OUTLINES)?;
        }
        self.block.extend(self.frames.to_le_bytes());
        self.block.extend(self.operations.to_le_bytes());
        self.write_block(END)?;
        Ok(self.offset)
    }

    /// Writes the block and begins the next one.
    fn write_block(&mut self, kind: u32) -> Result<(), DiskError> {
        if let Some((header, payload)) = self.block.split_at_mut_checked(BLOCK_HEADER_BYTES) {
            // A block holds outlines of one group more than its bound, and a group is below 4 GiB.
            let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            let checksum = self.covered.checksum(self.offset, kind, payload);
            let fields = [kind, length, checksum];
            for (slot, field) in header.chunks_exact_mut(size_of::<u32>()).zip(fields) {
                slot.copy_from_slice(&field.to_le_bytes());
            }
        }
        self.file.write(&self.block, self.offset)?;
        self.offset += self.block.len() as u64;
        self.block.truncate(BLOCK_HEADER_BYTES);
        self.frame_offset = 0;
        Ok(())
    }
}

/// The blocks of a checkpoint that was read, one after the other.
pub(super) struct Blocks<'a> {
    covered: Covered,
    contents: &'a [u8],
    offset: usize,
    /// Whether the checksums were compared before.
    is_verified: bool,
    /// What the end says: how many frames and operations there are.
    stated: Option<(u64, u64)>,
}

/// An offset and what is wrong there.
type Wrong = (u64, &'static str);

impl<'a> Blocks<'a> {
    /// The blocks of the checkpoint with these contents.
    ///
    /// # Errors
    /// When its header is of another segment, of another end, or changed.
    pub(super) fn new(covered: Covered, contents: &'a [u8]) -> Result<Self, Wrong> {
        if !contents.starts_with(&covered.header()) {
            return Err((0, "its header is not that of the segment's checkpoint"));
        }
        Ok(Self { is_verified: false, ..Self::verified(covered, contents) })
    }

    /// The same, of contents that were verified.
    pub(super) fn verified(covered: Covered, contents: &'a [u8]) -> Self {
        Self { covered, contents, offset: FILE_HEADER_BYTES, is_verified: true, stated: None }
    }

    /// The next block's payload; nothing at the end.
    pub(super) fn next_block(&mut self) -> Result<Option<&'a [u8]>, Wrong> {
        let offset = self.offset as u64;
        let rest = self.contents.get(self.offset..).unwrap_or_default();
        let block = Block::take(rest).ok_or((offset, "a block is cut short"))?;
        if !self.is_verified
            && block.checksum != self.covered.checksum(offset, block.kind, block.payload)
        {
            return Err((offset, "a block does not match its checksum"));
        }
        self.offset += BLOCK_HEADER_BYTES + block.payload.len();
        match block.kind {
            OUTLINES => Ok(Some(block.payload)),
            END => {
                let mut fields = Fields(block.payload);
                self.stated = fields.u64().zip(fields.u64());
                Ok(None)
            }
            _ => Err((offset, "a block is of no known kind")),
        }
    }

    /// That the last block was the end.
    pub(super) fn verify_end(&self) -> Result<(), Wrong> {
        if self.stated.is_none() || self.offset != self.contents.len() {
            return Err((self.offset as u64, "there is something behind its end"));
        }
        Ok(())
    }

    /// How many frames and operations there are, as the end says.
    pub(super) fn stated(&self) -> Option<(u64, u64)> {
        self.stated
    }
}

/// One block as it was read.
struct Block<'a> {
    kind: u32,
    checksum: u32,
    payload: &'a [u8],
}

impl<'a> Block<'a> {
    /// The block at the front of these bytes, if it is whole.
    fn take(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let (kind, length, checksum) = (fields.u32()?, fields.u32()?, fields.u32()?);
        Some(Self { kind, checksum, payload: fields.bytes(in_memory(u64::from(length)))? })
    }
}
