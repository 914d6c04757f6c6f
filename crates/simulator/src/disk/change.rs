//! Changes of a file that were not synced, and what a power cut leaves of them.

use std::{collections::BTreeMap, sync::Arc};

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
}

/// Which changes reached the disk.
struct Survival<'c> {
    chance: &'c Randomness,
    /// How often a sector is as it was last, in a million.
    kept_in_a_million: u32,
    /// How many changes there are.
    changes: u64,
    /// How many of them, the first, reached which sector: a system writes a whole one back, as it is at
    /// that moment.
    reached: BTreeMap<usize, u64>,
}

impl Survival<'_> {
    /// Whether the change of this number reached a sector.
    fn reaches(&mut self, number: u64, sector: usize) -> bool {
        let (chance, changes) = (self.chance, self.changes);
        let is_kept = || chance.happens(self.kept_in_a_million);
        let choose = || if is_kept() { changes } else { chance.below(changes) };
        number < *self.reached.entry(sector).or_insert_with(choose)
    }

    /// Makes what is left of a change.
    fn apply(&mut self, number: u64, change: &Change, contents: &mut Vec<u8>) {
        match change {
            Change::Write { offset, bytes } => {
                for (start, part) in sectors(*offset, bytes) {
                    if self.reaches(number, start / SECTOR_BYTES) {
                        overwrite(contents, start, part);
                    }
                }
                // The file may have become as long, and read as zeros there.
                if self.chance.happens(500_000) {
                    contents.resize(contents.len().max(offset + bytes.len()), 0);
                }
            }
            Change::Allocate { .. } | Change::Truncate { .. } => {
                if self.chance.happens(self.kept_in_a_million) {
                    change.apply_to(contents);
                }
            }
        }
    }
}

/// What a power cut leaves of a file that had `durable` and these changes since.
pub(super) fn survivors(durable: &[u8], changes: &[(u64, Change)], chance: &Randomness) -> Vec<u8> {
    let kept_in_a_million = chance.one_of(&[0, 1_000_000, 100_000, 500_000, 900_000, 990_000]);
    let count = changes.len() as u64;
    let mut survival =
        Survival { chance, kept_in_a_million, changes: count, reached: BTreeMap::new() };
    let mut contents = durable.to_vec();
    for (number, (_, change)) in (0..).zip(changes) {
        survival.apply(number, change, &mut contents);
    }
    contents
}

/// What is left to be made durable of these changes when a sync of them failed: of some sectors nothing,
/// for a system writes a whole one or none of it.
pub(super) fn without_lost_sectors(
    changes: &[(u64, Change)],
    chance: &Randomness,
) -> Vec<(u64, Change)> {
    let mut lost: BTreeMap<usize, bool> = BTreeMap::new();
    let mut left = Vec::with_capacity(changes.len());
    for (number, change) in changes {
        let Change::Write { offset, bytes } = change else {
            if chance.happens(500_000) {
                left.push((*number, change.clone()));
            }
            continue;
        };
        for (start, part) in sectors(*offset, bytes) {
            let sector = start / SECTOR_BYTES;
            if !*lost.entry(sector).or_insert_with(|| chance.happens(500_000)) {
                left.push((*number, Change::Write { offset: start, bytes: part.into() }));
            }
        }
    }
    left
}

/// The parts of what is written at `offset`, a sector's each, and where they begin.
fn sectors(offset: usize, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let within = offset % SECTOR_BYTES;
    let (first, others) = bytes.split_at(bytes.len().min(SECTOR_BYTES - within));
    let others = others.chunks(SECTOR_BYTES);
    let starts = (offset - within..).step_by(SECTOR_BYTES).skip(1);
    std::iter::once((offset, first)).chain(starts.zip(others))
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
