//! Checkpoints: what a closed segment means to a version table, so that opening need not read it.
//!
//! ```text
//! checkpoint-00000001     beside segment-00000001.log, once that is closed
//!
//! header  magic "OCCAMCPT" · version u32 · segment u32 · generation u64 · the segment's end u64
//!         crc u32
//! block   kind u32 · payload bytes u32 · crc u32 · payload: outlines of frames
//! …
//! end     a block of its own kind: frames u64 · operations u64; the file ends behind it
//! ```
//!
//! One for each segment, written once: an incremental checkpoint of all version tables, which
//! collection drops with its segment. It is derived from the segment and can be lost without loss:
//! then the segment is read instead. Writing one is a step without a thread or a clock; whoever
//! drives the log decides when.

mod blocks;
mod outlines;

use std::{fmt, path::PathBuf};

use shard::log::{EntryOutline, LogError, Outline, StreamId};

use thiserror::Error;

use super::{
    directory::{Directory, DiskError, NamedFile},
    format::{Malformed, Place, SEGMENT_HEADER_BYTES, frames, in_memory, locations},
    manifest::{ListedSegment, SegmentEnd},
    reading::{group_headers, read_group},
    segments::{Segment, Segments},
};
use blocks::{BlockWriter, Blocks, Covered, FILE_HEADER_BYTES};
use outlines::{Outlines, encode_entry};

/// What the names of checkpoints begin with.
const PREFIX: &str = "checkpoint-";
/// What the name of one ends with that is being written.
const ASIDE: &str = ".new";

/// Why a checkpoint is of no use. Names file and offset.
#[derive(Debug)]
pub(super) struct Bad {
    message: String,
    /// The offset and what is wrong there, if it could be read.
    pub(super) wrong: Option<(u64, &'static str)>,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Why no checkpoint was written.
#[derive(Debug, Error)]
pub(super) enum WriteError {
    /// The segment is not what was written. Names file and offset.
    #[error("{0}")]
    Damaged(String),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl From<LogError> for WriteError {
    fn from(error: LogError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<WriteError> for LogError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Damaged(what) => Self::Damaged(what),
            WriteError::Disk(error) => error.into(),
        }
    }
}

/// A checkpoint that was read and is what was written.
pub(super) struct Checkpoint {
    path: PathBuf,
    covered: Covered,
    contents: Vec<u8>,
}

/// The name of the checkpoint of the segment with this number.
pub(super) fn file_name(number: u32) -> String {
    format!("{PREFIX}{number:08}")
}

/// The number of the segment whose checkpoint has this name.
pub(super) fn segment_number(name: &str) -> Option<u32> {
    let number = name.strip_prefix(PREFIX)?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

/// Whether a file of this name is a checkpoint or what a crash left of writing one.
pub(super) fn is_checkpoint(name: &str) -> bool {
    segment_number(name.strip_suffix(ASIDE).unwrap_or(name)).is_some()
}

/// Writes the checkpoint of a closed segment, in place of the one it has; durable on return.
/// Returns how many bytes it has.
///
/// Reads the segment group by group and verifies it. A step for the thread that appends or one
/// beside it; the segment must not be dropped meanwhile.
///
/// # Errors
/// When the segment cannot be verified or the disk fails; then it has the checkpoint it had before, or none.
pub(super) fn write(directory: &Directory, segment: &Segment) -> Result<u64, WriteError> {
    if segment.is_damaged() {
        let what = "a damaged segment gets no checkpoint";
        return Err(WriteError::Damaged(segment.file.damage(0, what)));
    }
    let name = file_name(segment.identity.number);
    let aside = format!("{name}{ASIDE}");
    directory.remove(&aside)?;
    let bytes = write_aside(directory, &aside, segment).inspect_err(|_| {
        // Its room may be what is missing.
        let _ = directory.remove(&aside);
    })?;
    directory.rename(&aside, &name)?;
    directory.sync()?;
    segment.set_has_checkpoint();
    Ok(bytes)
}

/// Writes the checkpoints that are missing at a clean stop, that of the last segment for one. Without
/// one the next start takes longer, which is no reason to fail.
pub(super) fn write_at_stop(directory: &Directory, segments: &Segments) {
    for segment in segments.without_checkpoint() {
        if let Err(error) = write(directory, &segment) {
            tracing::warn!(%error, "no checkpoint was written; the next start reads the segment");
        }
    }
}

/// Writes and syncs a checkpoint under another name.
fn write_aside(directory: &Directory, name: &str, segment: &Segment) -> Result<u64, WriteError> {
    let damaged = |offset, what| WriteError::Damaged(segment.file.damage(offset, what));
    let header = segment.file.read(0, in_memory(SEGMENT_HEADER_BYTES))?;
    if header != segment.identity.header() {
        return Err(damaged(0, "the segment's header is not what was written"));
    }
    let covered = Covered { segment: segment.identity, end: segment.end() };
    let file = directory.create(name)?;
    let mut blocks = BlockWriter::begin(&file, covered)?;
    let mut end = SEGMENT_HEADER_BYTES;
    for header in group_headers(segment) {
        let header = header?;
        end = header.extent.end();
        let place =
            Place { segment: covered.segment.number, offset: header.extent.payload().start };
        let payload = read_group(segment, &header)?.payload;
        for frame in frames(payload, place) {
            let frame = frame.map_err(|Malformed(what)| damaged(place.offset, what))?;
            let locations = locations(frame.place.into(), &frame.entry);
            let entry = EntryOutline {
                position: frame.place.into(),
                term: frame.entry.term,
                next_seq_no: frame.entry.next_seq_no,
                operations: &Outline::of_entry(&frame.entry, &locations),
            };
            blocks.push(entry.operations.len(), |offset_before, bytes| {
                encode_entry(offset_before, frame.stream, &entry, bytes)
            })?;
        }
    }
    if end != covered.end {
        return Err(damaged(end, "its groups do not end where it was closed"));
    }
    let bytes = blocks.finish()?;
    file.sync()?;
    Ok(bytes)
}

/// Reads the checkpoint of a listed segment; nothing if there is none, or none can be because the
/// segment is open. All of it is verified before any of it is shown.
///
/// # Errors
/// When it is not what was written for this segment as it was closed, or cannot be read.
pub(super) fn read(
    directory: &Directory,
    listed: &ListedSegment,
) -> Result<Option<Checkpoint>, Bad> {
    let SegmentEnd::ClosedAt(end) = listed.end else { return Ok(None) };
    let unreadable = |error: DiskError| Bad { message: error.to_string(), wrong: None };
    let opened = directory.open_read_only(&file_name(listed.identity.number));
    let Some(file) = opened.map_err(unreadable)? else { return Ok(None) };
    let contents = read_whole(&file).map_err(unreadable)?;
    let covered = Covered { segment: listed.identity, end };
    let checkpoint = Checkpoint { path: file.path().clone(), covered, contents };
    match checkpoint.verify() {
        Ok(()) => Ok(Some(checkpoint)),
        Err((offset, what)) => {
            Err(Bad { message: file.damage(offset, what), wrong: Some((offset, what)) })
        }
    }
}

/// What the checkpoint of the segment with this number says that it is of; nothing if there is none
/// or its header is not whole. For those who have no manifest to ask.
pub(super) fn covered(directory: &Directory, number: u32) -> Option<ListedSegment> {
    let file = directory.open_read_only(&file_name(number)).ok()??;
    let Covered { segment, end } = Covered::decode(&file.read(0, FILE_HEADER_BYTES).ok()?)?;
    let listed = ListedSegment { identity: segment, end: SegmentEnd::ClosedAt(end) };
    (segment.number == number).then_some(listed)
}

/// All of a file.
fn read_whole(file: &NamedFile) -> Result<Vec<u8>, DiskError> {
    file.read(0, in_memory(file.length()?))
}

impl Checkpoint {
    /// Where it lies, as messages show it.
    pub(super) fn path(&self) -> std::path::Display<'_> {
        self.path.display()
    }

    /// That every block is what was written. What they say is looked at once, when it is shown.
    fn verify(&self) -> Result<(), (u64, &'static str)> {
        let mut blocks = Blocks::new(self.covered, &self.contents)?;
        while blocks.next_block()?.is_some() {}
        blocks.verify_end()
    }

    /// Shows every frame of the segment, in order.
    ///
    /// # Errors
    /// When it makes no sense although its checksums hold, which is a mistake of whoever wrote it.
    pub(super) fn show(
        &self,
        mut visit: impl FnMut(StreamId, &EntryOutline<'_>),
    ) -> Result<(), Malformed> {
        let malformed = |(_, what)| Malformed(what);
        let mut blocks = Blocks::verified(self.covered, &self.contents);
        let (mut frames, mut operations) = (0, 0);
        while let Some(payload) = blocks.next_block().map_err(malformed)? {
            let mut outlines = Outlines::new(self.covered.segment.number, payload);
            while let Some((stream, entry)) = outlines.next_entry()? {
                frames += 1;
                operations += entry.operations.len() as u64;
                visit(stream, &entry);
            }
        }
        if blocks.stated() != Some((frames, operations)) {
            return Err(Malformed("it has more or fewer operations than it says"));
        }
        Ok(())
    }
}

/// Removes the checkpoints of segments for which `is_listed` says no, and what crashes left of
/// writing some.
pub(super) fn remove_strays(
    directory: &Directory,
    is_listed: impl Fn(u32) -> bool,
) -> Result<(), LogError> {
    for name in directory.list()? {
        if is_checkpoint(&name) && !segment_number(&name).is_some_and(&is_listed) {
            directory.remove(&name)?;
        }
    }
    Ok(())
}
