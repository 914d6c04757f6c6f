//! The reserve: a file that holds nothing but room, so that some is left on a full disk for what makes
//! room again.
//!
//! It is no part of the log: it may be missing or of any length, and what is in it is never read.

use super::super::{
    directory::{Directory, DiskError, NamedFile},
    format::{SegmentIdentity, in_memory},
    segments::Segment,
};

/// The reserve's file.
const NAME: &str = "RESERVE";
/// How long the reserve is until the log has filled a segment.
const SMALL_BYTES: u64 = 4 << 20;
/// Room is handed out in portions of at least so many bytes: a file system takes more for a write
/// than the write is long.
const PORTION_BYTES_MIN: u64 = 1 << 20;
/// An opening writes a header, markers and a manifest: so many bytes are plenty for that.
const OPENING_BYTES: u64 = 1 << 20;
/// How much is looked at at a time of what should be zeros.
const CLEARED_BYTES: u64 = 1 << 20;
/// Less is not worth a file.
const BYTES_MIN: u64 = 512;

/// The room that is kept free.
pub(super) struct Reserve {
    /// Its file; none if there is none, or if it cannot be used.
    file: Option<NamedFile>,
    /// How much room it keeps.
    bytes: u64,
    /// Whether it cannot be had for another reason than the want of room. Then nobody waits for it.
    is_unusable: bool,
    /// Whether it was said that there is less of it than there should be.
    is_want_known: bool,
}

/// How long the reserve should be at least, of a log with segments of up to so many bytes.
pub(super) fn reserve_bytes_min(segment_bytes_max: u64) -> u64 {
    SMALL_BYTES.min(segment_bytes_max)
}

impl Reserve {
    /// The reserve as an earlier process left it.
    pub(super) fn open(directory: &Directory) -> Self {
        let mut reserve = Self { file: None, bytes: 0, is_unusable: false, is_want_known: false };
        let found = directory.open(NAME).and_then(|file| match file {
            Some(file) => file.length().map(|bytes| Some((file, bytes))),
            None => Ok(None),
        });
        match found {
            Ok(Some((file, bytes))) => {
                reserve.file = Some(file);
                reserve.bytes = bytes;
            }
            Ok(None) => {}
            Err(error) => reserve.give_up(&error),
        }
        reserve
    }

    /// How much room it keeps.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How much room it lacks to have `target` bytes.
    pub(super) fn missing(&self, target: u64) -> u64 {
        if self.is_unusable { 0 } else { target.saturating_sub(self.bytes) }
    }

    /// Sees to it that it has `target` bytes at least. If there is no room for that it stays as it is,
    /// and this says `false`.
    pub(super) fn restore(&mut self, directory: &Directory, target: u64) -> bool {
        if self.missing(target) == 0 {
            return true;
        }
        match self.grow(directory, target) {
            Ok(()) => {
                self.is_want_known = false;
                true
            }
            Err(error) if error.is_out_of_room() => {
                if !self.is_want_known {
                    let kept_bytes = self.bytes;
                    tracing::warn!(%error, kept_bytes, "no room for a reserve of {target} bytes");
                    self.is_want_known = true;
                }
                // A part of it may have been taken.
                if let Some(file) = &self.file
                    && let Err(error) = file.truncate(self.bytes)
                {
                    self.give_up(&error);
                }
                false
            }
            Err(error) => {
                self.give_up(&error);
                true
            }
        }
    }

    /// Takes what room there is where there is not enough for `target` bytes.
    pub(super) fn restore_in_part(&mut self, directory: &Directory, target: u64) {
        let parts = std::iter::successors(Some(target / 2), |part| Some(part / 2));
        for part in parts.take_while(|part| *part >= BYTES_MIN) {
            if self.restore(directory, part) {
                break;
            }
        }
        self.is_want_known = true;
    }

    /// Gives back what it has beyond `most` bytes.
    pub(super) fn shorten(&mut self, most: u64) {
        let Some(file) = self.file.as_ref().filter(|_| self.bytes > most) else { return };
        match file.truncate(most) {
            Ok(()) => self.bytes = most,
            Err(error) => self.give_up(&error),
        }
    }

    /// Makes it so long.
    fn grow(&mut self, directory: &Directory, target: u64) -> Result<(), DiskError> {
        let file = match self.file.take() {
            Some(file) => file,
            None => directory.create(NAME)?,
        };
        let file = self.file.insert(file);
        file.allocate(target)?;
        // So that it is there after a power cut too, when nobody could make it any more. Its name is
        // durable with the next change of the directory.
        file.sync()?;
        self.bytes = target;
        Ok(())
    }

    /// Gives some of its room to a write of so many bytes, but keeps `kept` bytes; `false` if it has no
    /// more than that.
    pub(super) fn give(&mut self, bytes: u64, kept: u64) -> bool {
        let Some(file) = self.file.as_ref().filter(|_| self.bytes > kept) else { return false };
        let portion = bytes.saturating_add(bytes / 16).saturating_add(PORTION_BYTES_MIN);
        let left = self.bytes.saturating_sub(portion).max(kept);
        // Not synced: file systems hand out what was cut off at once, or when they find no more.
        match file.truncate(left) {
            Ok(()) => {
                tracing::debug!(
                    left_bytes = left,
                    "took {} bytes from the reserve",
                    self.bytes - left
                );
                self.bytes = left;
                true
            }
            Err(error) => {
                self.give_up(&error);
                false
            }
        }
    }

    /// Goes on without.
    fn give_up(&mut self, error: &DiskError) {
        tracing::warn!(%error, "there is no reserve: nothing can be deleted on a full disk");
        self.file = None;
        self.bytes = 0;
        self.is_unusable = true;
    }
}

/// The segment of an opening that has to write a tail of so many bytes. If there is not enough room
/// for it otherwise, the reserve's file becomes the segment's: what is free for a moment another
/// process could take.
pub(in crate::disk) fn begin_segment_of_opening(
    directory: &Directory,
    identity: SegmentIdentity,
    tail_bytes: usize,
) -> Result<Segment, DiskError> {
    let needed = (tail_bytes as u64).saturating_mul(2).saturating_add(OPENING_BYTES);
    if directory.free_bytes()? >= needed {
        return Segment::create(directory, identity);
    }
    let Some(reserve) = directory.open(NAME)? else {
        return Segment::create(directory, identity);
    };
    tracing::warn!("the disk is full: opening the log takes the room that was kept in reserve");
    if !clear(&reserve)? {
        directory.remove(NAME)?;
        directory.sync()?;
        return Segment::create(directory, identity);
    }
    directory.rename(NAME, &identity.file_name())?;
    // It knows its new name from here on.
    match directory.open(&identity.file_name())? {
        Some(file) => Segment::begin(identity, file),
        None => Segment::create(directory, identity),
    }
}

/// Makes the file of a segment that never came into use the reserve, if there is none: on a full disk
/// that may be what it was. Says whether it did.
pub(in crate::disk) fn recycle(directory: &Directory, name: &str) -> Result<bool, DiskError> {
    if directory.open(NAME)?.is_some() {
        return Ok(false);
    }
    let Some(file) = directory.open(name)? else { return Ok(false) };
    if !clear(&file)? {
        return Ok(false);
    }
    directory.rename(name, NAME)?;
    Ok(true)
}

/// Sees to it that a file holds nothing but zeros, durably, and keeps its room; says whether it could.
fn clear(file: &NamedFile) -> Result<bool, DiskError> {
    let length = file.length()?;
    let (mut offset, mut is_changed) = (0, false);
    while offset < length {
        let bytes = in_memory((length - offset).min(CLEARED_BYTES));
        if file.read(offset, bytes)?.iter().any(|byte| *byte != 0) {
            match file.write(&vec![0; bytes], offset) {
                // Where writing over what is there takes room, there is nothing to be kept.
                Err(error) if error.is_out_of_room() => return Ok(false),
                ended => ended?,
            }
            is_changed = true;
        }
        offset += bytes as u64;
    }
    if is_changed {
        file.sync()?;
    }
    Ok(true)
}
