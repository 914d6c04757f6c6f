//! What a power cut may leave.
//!
//! Directory changes that were not synced survive up to any one of them, or all but any one: nothing
//! promises their order. Writes that were not synced survive not at all, all of them, or up to one that is torn:
//! its sectors are kept up to any of them, with the file ending there or going on in zeros, or all
//! are kept but one. Of several that were not synced, also any sector of any of them alone is as it
//! was before, or after some of them; or alone is as it should be. Allocations and cuts that were not synced survive in order with the writes, by
//! half, or alone do not: a length may be older than the bytes. What an outside hand did always
//! survives.

use std::{collections::HashSet, ops::Range};

use super::{Change, Image, Names, SECTOR_BYTES, image::overwrite, in_memory};

/// Every image that a power cut after `journal` may leave of a directory that started as `start`.
pub(super) fn images(start: &Image, journal: &[Change]) -> Vec<Image> {
    let (names, contents) = start.numbered();
    let mut disk = Disk::new(names, contents);
    for change in journal {
        disk.record(change);
    }
    let mut seen = HashSet::new();
    let mut images = Vec::new();
    for contents in disk.possible_contents() {
        for names in disk.possible_names() {
            let image = Image::new(&names, &contents);
            if seen.insert(image.clone()) {
                images.push(image);
            }
        }
    }
    images
}

/// What is durable, and what was done since.
struct Disk<'a> {
    names: Names,
    unsynced_names: Vec<&'a Change>,
    files: Vec<DurableFile<'a>>,
}

/// A file's durable contents and what was done to them since.
#[derive(Clone, Default)]
struct DurableFile<'a> {
    contents: Vec<u8>,
    unsynced: Vec<&'a Change>,
}

/// A write that was not synced.
#[derive(Clone, Copy)]
struct Write<'a> {
    offset: u64,
    bytes: &'a [u8],
}

impl<'a> Disk<'a> {
    /// A disk on which everything is durable.
    fn new(names: Names, contents: Vec<Vec<u8>>) -> Self {
        let file = |contents| DurableFile { contents, unsynced: Vec::new() };
        Self { names, unsynced_names: Vec::new(), files: contents.into_iter().map(file).collect() }
    }

    /// Takes note of a change.
    fn record(&mut self, change: &'a Change) {
        match change {
            Change::Create { .. } => {
                self.files.push(DurableFile::default());
                self.unsynced_names.push(change);
            }
            Change::Rename { .. } | Change::Remove { .. } | Change::Loss { .. } => {
                self.unsynced_names.push(change);
            }
            Change::Write { file, .. }
            | Change::Allocate { file, .. }
            | Change::Truncate { file, .. }
            | Change::Damage { file, .. } => {
                if let Some(file) = self.files.get_mut(*file) {
                    file.unsynced.push(change);
                }
            }
            Change::Sync { file } => {
                if let Some(file) = self.files.get_mut(*file) {
                    file.contents = file.live();
                    file.unsynced.clear();
                }
            }
            Change::SyncDirectory => {
                for change in self.unsynced_names.drain(..) {
                    change.apply_to_names(&mut self.names);
                }
            }
        }
    }

    /// The names that may survive.
    fn possible_names(&self) -> Vec<Names> {
        let count = self.unsynced_names.len();
        let first = (0..=count).map(|end| self.names_with(|number| number < end));
        let all_but_one = (0..count).map(|lost| self.names_with(|number| number != lost));
        first.chain(all_but_one).collect()
    }

    /// The names if those unsynced changes survive whose number is kept.
    fn names_with(&self, is_kept: impl Fn(usize) -> bool) -> Names {
        let mut names = self.names.clone();
        for (number, change) in self.unsynced_names.iter().enumerate() {
            if is_kept(number) || change.is_from_outside() {
                change.apply_to_names(&mut names);
            }
        }
        names
    }

    /// The contents of all files: one of them torn, those before and after it whole or durable.
    fn possible_contents(&self) -> Vec<Vec<Vec<u8>>> {
        let durable: Vec<_> = self.files.iter().map(DurableFile::durable).collect();
        let live: Vec<_> = self.files.iter().map(DurableFile::live).collect();
        let mut possible = vec![durable, live.clone()];
        for (number, file) in self.files.iter().enumerate() {
            let reordered = file.reordered().into_iter().chain(file.mixed());
            for found in file.torn().into_iter().chain(reordered) {
                let mut contents = live.clone();
                if let Some(whole) = contents.get_mut(number) {
                    *whole = found;
                }
                possible.push(contents);
            }
        }
        possible
    }
}

impl DurableFile<'_> {
    /// The file if every change survives.
    fn live(&self) -> Vec<u8> {
        self.with(|_| true)
    }

    /// The file if no change survives.
    fn durable(&self) -> Vec<u8> {
        self.with(|_| false)
    }

    /// The file if those unsynced changes survive whose number is kept.
    fn with(&self, is_kept: impl Fn(usize) -> bool) -> Vec<u8> {
        let mut contents = self.contents.clone();
        for (number, change) in self.unsynced.iter().enumerate() {
            if is_kept(number) || change.is_from_outside() {
                change.apply_to_contents(&mut contents);
            }
        }
        contents
    }

    /// The file with each unsynced change torn in every way, those before it kept, later ones lost.
    fn torn(&self) -> Vec<Vec<u8>> {
        let mut before = self.contents.clone();
        let mut possible = Vec::new();
        for (number, change) in self.unsynced.iter().enumerate() {
            let later = || self.unsynced.iter().skip(number + 1);
            for mut contents in torn(change, &before) {
                for change in later().filter(|change| change.is_from_outside()) {
                    change.apply_to_contents(&mut contents);
                }
                possible.push(contents);
            }
            change.apply_to_contents(&mut before);
        }
        possible
    }

    /// The file with one sector as it was after some of several writes and the rest as it is, or the
    /// rest as it was and one sector as it is.
    fn mixed(&self) -> Vec<Vec<u8>> {
        let is_write = |change: &&&Change| matches!(change, Change::Write { .. });
        if self.unsynced.iter().filter(is_write).count() < 2 {
            // A single one tears.
            return Vec::new();
        }
        let live = self.live();
        let mut possible = Vec::new();
        for kept in 0..self.unsynced.len() {
            let mut earlier = self.with(|number| number < kept);
            earlier.resize(live.len(), 0);
            for sector in different_sectors(&earlier, &live) {
                possible.push(with_sector_of(&live, &earlier, sector.clone()));
                if kept == 0 {
                    possible.push(with_sector_of(&earlier, &live, sector));
                }
            }
        }
        possible
    }

    /// The file with every change but one to its length: it is written apart from the bytes.
    fn reordered(&self) -> Vec<Vec<u8>> {
        let is_length =
            |change: &Change| matches!(change, Change::Allocate { .. } | Change::Truncate { .. });
        let lost = self.unsynced.iter().enumerate().filter(|(_, change)| is_length(change));
        lost.map(|(lost, _)| self.with(|number| number != lost)).collect()
    }
}

/// The sectors in which two contents of the same length differ.
fn different_sectors(one: &[u8], other: &[u8]) -> Vec<Range<usize>> {
    let length = in_memory(SECTOR_BYTES);
    let pairs = one.chunks(length).zip(other.chunks(length)).enumerate();
    pairs
        .filter(|(_, (one, other))| one != other)
        .map(|(number, (one, _))| number * length..number * length + one.len())
        .collect()
}

/// The contents with one sector of others.
fn with_sector_of(contents: &[u8], others: &[u8], sector: Range<usize>) -> Vec<u8> {
    let mut mixed = contents.to_vec();
    if let Some(bytes) = others.get(sector.clone()) {
        overwrite(&mut mixed, sector.start as u64, bytes);
    }
    mixed
}

/// The file in every way this change can tear, after what was there before.
fn torn(change: &Change, before: &[u8]) -> Vec<Vec<u8>> {
    match change {
        Change::Write { offset, bytes, .. } => Write { offset: *offset, bytes }.torn(before),
        Change::Allocate { bytes, .. } => {
            // Where zeros have to be written for it, some of them may be there.
            let mut half = before.to_vec();
            half.resize(before.len().midpoint(in_memory(*bytes)).max(before.len()), 0);
            vec![before.to_vec(), half]
        }
        Change::Truncate { bytes, .. } => {
            // What follows in the sector of the cut is cleared, which may be there before the cut.
            let mut cleared = before.to_vec();
            let end = in_memory(bytes.next_multiple_of(SECTOR_BYTES)).min(before.len());
            if let Some(rest) = cleared.get_mut(in_memory(*bytes)..end) {
                rest.fill(0);
            }
            vec![before.to_vec(), cleared]
        }
        Change::Create { .. }
        | Change::Sync { .. }
        | Change::Rename { .. }
        | Change::Remove { .. }
        | Change::SyncDirectory
        | Change::Damage { .. }
        | Change::Loss { .. } => Vec::new(),
    }
}

impl Write<'_> {
    /// The file in every way this write can tear, after what was there before.
    fn torn(&self, before: &[u8]) -> Vec<Vec<u8>> {
        let mut zeros = before.to_vec();
        let end = in_memory(self.offset) + self.bytes.len();
        zeros.resize(end.max(before.len()), 0);
        let sectors = self.sectors();
        let mut torn = vec![before.to_vec(), zeros.clone()];
        for count in 0..sectors.len() {
            let kept = || sectors.iter().take(count);
            let others = || sectors.iter().enumerate().filter(|(number, _)| *number != count);
            torn.push(self.with_sectors(before, kept()));
            torn.push(self.with_sectors(&zeros, kept()));
            torn.push(self.with_sectors(&zeros, others().map(|(_, sector)| sector)));
        }
        torn
    }

    /// The file if these sectors of the write survive.
    fn with_sectors<'r>(
        &self,
        before: &[u8],
        sectors: impl Iterator<Item = &'r Range<usize>>,
    ) -> Vec<u8> {
        let mut contents = before.to_vec();
        for sector in sectors {
            if let Some(bytes) = self.bytes.get(sector.clone()) {
                overwrite(&mut contents, self.offset + sector.start as u64, bytes);
            }
        }
        contents
    }

    /// The parts of its bytes that lie in one sector each.
    fn sectors(&self) -> Vec<Range<usize>> {
        let mut sectors = Vec::new();
        let mut start = 0;
        while start < self.bytes.len() {
            let rest = SECTOR_BYTES - (self.offset + start as u64) % SECTOR_BYTES;
            let end = usize::try_from(rest).map_or(usize::MAX, |rest| start.saturating_add(rest));
            sectors.push(start..end.min(self.bytes.len()));
            start = end;
        }
        sectors
    }
}
