//! Changes of a file that were not synced, and what a power cut leaves of them.

use std::sync::Arc;

use crate::randomness::Randomness;

/// How much of a file reaches the disk together.
pub(super) const SECTOR_BYTES: usize = 512;

/// One change of a file's contents.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Bytes were written.
    Write {
        /// Where.
        offset: usize,
        /// What.
        bytes: Arc<[u8]>,
    },
    /// The file was made so long at least.
    Allocate {
        /// How long.
        bytes: usize,
    },
    /// The file was cut.
    Truncate {
        /// To what length.
        bytes: usize,
    },
}

impl Change {
    /// Makes it.
    pub(super) fn apply_to(&self, contents: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => overwrite(contents, *offset, bytes),
            Self::Allocate { bytes } => contents.resize(contents.len().max(*bytes), 0),
            Self::Truncate { bytes } => contents.truncate(*bytes),
        }
    }

    /// Makes what a power cut leaves of it: each sector with the chance `kept_in_a_million`. A write
    /// that made the file longer may have done that and nothing else, so that it reads as zeros.
    fn survive_in(&self, contents: &mut Vec<u8>, kept_in_a_million: u32, chance: &Randomness) {
        match self {
            Self::Write { offset, bytes } => {
                let mut start = 0;
                while start < bytes.len() {
                    let length = SECTOR_BYTES - (offset + start) % SECTOR_BYTES;
                    let end = bytes.len().min(start + length);
                    if chance.happens(kept_in_a_million) {
                        let sector = bytes.get(start..end).unwrap_or_default();
                        overwrite(contents, offset + start, sector);
                    }
                    start = end;
                }
                if chance.happens(500_000) {
                    contents.resize(contents.len().max(offset + bytes.len()), 0);
                }
            }
            Self::Allocate { .. } | Self::Truncate { .. } => {
                if chance.happens(kept_in_a_million) {
                    self.apply_to(contents);
                }
            }
        }
    }
}

/// What a power cut leaves of a file that had `durable` and these changes since.
pub(super) fn survivors<'c>(
    durable: &[u8],
    changes: impl Iterator<Item = &'c Change>,
    chance: &Randomness,
) -> Vec<u8> {
    let kept_in_a_million = chance.one_of(&[0, 1_000_000, 100_000, 500_000, 900_000, 990_000]);
    let mut contents = durable.to_vec();
    for change in changes {
        change.survive_in(&mut contents, kept_in_a_million, chance);
    }
    contents
}

/// Writes `bytes` at `offset`; what is skipped reads as zeros.
fn overwrite(contents: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset.saturating_add(bytes.len());
    if contents.len() < end {
        contents.resize(end, 0);
    }
    if let Some(target) = contents.get_mut(offset..end) {
        target.copy_from_slice(bytes);
    }
}
