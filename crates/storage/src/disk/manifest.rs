//! The manifest: which segments there are and how far each is known to be durable.
//!
//! ```text
//! occam manifest 1
//! edition 7
//! next segment 9
//! segment 1 generation 910a2dec89025cc1 closed at 67108352
//! segment 8 generation beeb8da1658eec67 open from 512
//! dropped 5 generation 3c9a0d1be2f7486e
//! running
//! crc32c 1f6e2c07
//! ```
//!
//! Text, for people; read back strictly: it must be what this very edition would be written as. It
//! is replaced whole: written aside, synced, renamed. A segment file that it does not list is what a
//! crash left of creating one and is removed; a file it lists must be there, and as long as it says.
//! A segment that collection gave up is *dropped*: its files may still be there, because their
//! removal is not known to be durable, and are removed at the next start.

use std::fmt::Write;

use crc32c::crc32c;
use shard::log::LogError;

use super::{
    directory::{Directory, DiskError, NamedFile},
    format::{SECTOR_BYTES, SegmentIdentity, in_memory},
};

/// The manifest.
pub(super) const NAME: &str = "MANIFEST";
/// The next edition, until it takes the place of the one before.
pub(super) const NAME_ASIDE: &str = "MANIFEST.new";
/// A file that has room for an edition, for a start on a disk that has none. What is in it is never
/// read.
pub(super) const NAME_SPARE: &str = "MANIFEST.spare";
/// Its first line.
const TITLE: &str = "occam manifest 1";

/// The list of segments, in the order they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    /// How often it was written.
    pub(super) edition: u64,
    /// A number that no segment has had.
    pub(super) next_segment: u32,
    /// The segments. Only the last may be open.
    pub(super) segments: Vec<ListedSegment>,
    /// Segments that hold nothing of use any more, whose files may still be there.
    pub(super) dropped: Vec<SegmentIdentity>,
    /// Whether the log was stopped on purpose: nothing may be missing.
    pub(super) stopped: bool,
}

/// A segment the log has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListedSegment {
    /// Which.
    pub(super) identity: SegmentIdentity,
    /// How much of it counts.
    pub(super) end: SegmentEnd,
}

/// Where a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SegmentEnd {
    /// Here. Bytes behind it never counted.
    ClosedAt(u64),
    /// Here or later: this much was durable when it was listed.
    OpenFrom(u64),
}

impl Manifest {
    /// The manifest of a new log.
    fn first() -> Self {
        let (segments, dropped) = Default::default();
        Self { edition: 1, next_segment: 1, segments, dropped, stopped: false }
    }

    /// Reads the directory's manifest; makes one in a directory that has none and no segments or
    /// checkpoints.
    pub(super) fn open(directory: &Directory, is_in_use: bool) -> Result<Self, LogError> {
        let Some(file) = directory.open(NAME)? else {
            if is_in_use {
                let path = directory.path(NAME);
                let what = "is missing, but there are segments";
                return Err(LogError::Damaged(format!("{} {what}", path.display())));
            }
            // Before the first segment is made: from then on a missing manifest is damage.
            let first = Self::first();
            first.store(directory)?;
            return Ok(first);
        };
        Self::decode_file(&file)
    }

    /// Reads the directory's manifest and changes nothing; nothing if there is none.
    pub(super) fn read(directory: &Directory) -> Result<Option<Self>, LogError> {
        directory.open_read_only(NAME)?.map(|file| Self::decode_file(&file)).transpose()
    }

    /// The manifest in a file.
    fn decode_file(file: &NamedFile) -> Result<Self, LogError> {
        let bytes = file.read(0, in_memory(file.length()?))?;
        Self::decode(&bytes).ok_or_else(|| {
            let path = file.path();
            LogError::Damaged(format!("{} is not what was written there", path.display()))
        })
    }

    /// Puts it in the place of the one before; durable on return.
    pub(super) fn store(&self, directory: &Directory) -> Result<(), DiskError> {
        directory.remove(NAME_ASIDE)?;
        let aside = directory.create(NAME_ASIDE)?;
        aside.write(self.encode().as_bytes(), 0)?;
        aside.sync()?;
        directory.rename(NAME_ASIDE, NAME)?;
        directory.sync()
    }

    /// The same; on a full disk in the room of the spare, if there is one.
    pub(super) fn store_with_spare(&self, directory: &Directory) -> Result<(), DiskError> {
        let error = match self.store(directory) {
            Err(error) if error.is_out_of_room() => error,
            ended => return ended,
        };
        directory.remove(NAME_ASIDE)?;
        let text = self.encode();
        let length = text.len() as u64;
        let Some(spare) = directory.open(NAME_SPARE)? else { return Err(error) };
        if spare.length()? < length {
            return Err(error);
        }
        spare.write(text.as_bytes(), 0)?;
        spare.truncate(length)?;
        spare.sync()?;
        directory.rename(NAME_SPARE, NAME)?;
        directory.sync()
    }

    /// Sees to it that there is a spare with room for this manifest and some more, if there is room for
    /// that; says whether it had to make it. Its name is durable once the directory is synced.
    ///
    /// # Errors
    /// When that failed for another reason.
    pub(super) fn keep_spare(&self, directory: &Directory) -> Result<bool, DiskError> {
        match self.make_spare(directory) {
            Err(error) if error.is_out_of_room() => {
                tracing::debug!(%error, "no spare for the manifest of a start on a full disk");
                Ok(false)
            }
            ended => ended,
        }
    }

    fn make_spare(&self, directory: &Directory) -> Result<bool, DiskError> {
        let length = self.encode().len() as u64;
        let spare = directory.open(NAME_SPARE)?;
        if let Some(spare) = &spare
            && spare.length()? >= length + length / 4
        {
            return Ok(false);
        }
        let spare = spare.map_or_else(|| directory.create(NAME_SPARE), Ok)?;
        spare.allocate((length * 2).next_multiple_of(SECTOR_BYTES))?;
        spare.sync()?;
        Ok(true)
    }

    /// The next edition: the last segment, if it is open, closed at `end`, and another one.
    pub(super) fn rolled(&self, end: u64, next: ListedSegment) -> Self {
        let mut rolled = self.next_edition(end);
        rolled.segments.push(next);
        rolled
    }

    /// The next edition: the last segment closed at `end`, and nothing after it.
    pub(super) fn stopped(&self, end: u64) -> Self {
        Self { stopped: true, ..self.next_edition(end) }
    }

    /// The next edition: without these segments, which were closed and are given up. Their files are
    /// removed once it is stored, not before.
    pub(super) fn without(&self, numbers: &[u32]) -> Self {
        let is_given_up = |listed: &ListedSegment| {
            matches!(listed.end, SegmentEnd::ClosedAt(_))
                && numbers.contains(&listed.identity.number)
        };
        let (given_up, segments): (Vec<_>, _) =
            self.segments.iter().copied().partition(is_given_up);
        let dropped = self.dropped.iter().copied();
        let dropped = dropped.chain(given_up.iter().map(|listed| listed.identity)).collect();
        Self { edition: self.edition + 1, segments, dropped, ..self.clone() }
    }

    /// The same edition without the dropped segments, for their files are gone for good. It is stored
    /// as part of the next one: until then they are looked for in vain.
    pub(super) fn forget_dropped(&mut self) {
        self.dropped.clear();
    }

    /// Whether a segment of this number is listed.
    pub(super) fn lists(&self, number: u32) -> bool {
        self.segments.iter().any(|listed| listed.identity.number == number)
    }

    /// This edition with the last segment closed at `end`.
    fn next_edition(&self, end: u64) -> Self {
        let mut next = Self { edition: self.edition + 1, stopped: false, ..self.clone() };
        if let Some(open @ SegmentEnd::OpenFrom(_)) =
            next.segments.last_mut().map(|last| &mut last.end)
        {
            *open = SegmentEnd::ClosedAt(end);
        }
        next
    }

    /// The text of its file.
    fn encode(&self) -> String {
        let mut text = format!("{TITLE}\nedition {}\n", self.edition);
        let mut line = |line: std::fmt::Arguments<'_>| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{line}");
        };
        line(format_args!("next segment {}", self.next_segment));
        for ListedSegment { identity: SegmentIdentity { number, generation }, end } in
            &self.segments
        {
            let (word, end) = match end {
                SegmentEnd::ClosedAt(end) => ("closed at", end),
                SegmentEnd::OpenFrom(durable) => ("open from", durable),
            };
            line(format_args!("segment {number} generation {generation:016x} {word} {end}"));
        }
        for SegmentIdentity { number, generation } in &self.dropped {
            line(format_args!("dropped {number} generation {generation:016x}"));
        }
        line(format_args!("{}", if self.stopped { "stopped" } else { "running" }));
        let checksum = crc32c(text.as_bytes());
        text + &format!("crc32c {checksum:08x}\n")
    }

    /// The manifest with this text, if nothing of it was changed.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let manifest = Self::parse(text)?;
        // The checksum included: nothing but what would be written now passes.
        (manifest.encode() == text && manifest.is_sound()).then_some(manifest)
    }

    /// What the text says, right or wrong.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().skip(1);
        let edition = lines.next()?.strip_prefix("edition ")?.parse().ok()?;
        let next_segment = lines.next()?.strip_prefix("next segment ")?.parse().ok()?;
        let (mut segments, mut dropped) = (Vec::new(), Vec::new());
        let last = loop {
            let line = lines.next()?;
            if let Some(segment) = line.strip_prefix("segment ") {
                segments.push(ListedSegment::parse(segment)?);
            } else if let Some(segment) = line.strip_prefix("dropped ") {
                let (number, generation) = segment.split_once(" generation ")?;
                dropped.push(parse_identity(number, generation)?);
            } else {
                break line;
            }
        };
        Some(Self { edition, next_segment, segments, dropped, stopped: last == "stopped" })
    }

    /// Whether only the last segment is open, and none if the log was stopped; and none is dropped
    /// that is listed.
    fn is_sound(&self) -> bool {
        if self.dropped.iter().any(|dropped| self.lists(dropped.number)) {
            return false;
        }
        let may_be_open = usize::from(!self.stopped);
        let is_open = |listed: &ListedSegment| matches!(listed.end, SegmentEnd::OpenFrom(_));
        self.segments.iter().rev().skip(may_be_open).all(|listed| !is_open(listed))
    }
}

impl ListedSegment {
    /// A segment's line, without its first word.
    fn parse(line: &str) -> Option<Self> {
        let (number, rest) = line.split_once(" generation ")?;
        let (generation, rest) = rest.split_once(' ')?;
        let end = match rest.strip_prefix("closed at ") {
            Some(end) => SegmentEnd::ClosedAt(end.parse().ok()?),
            None => SegmentEnd::OpenFrom(rest.strip_prefix("open from ")?.parse().ok()?),
        };
        Some(Self { identity: parse_identity(number, generation)?, end })
    }
}

/// A segment's number and generation as they are written.
fn parse_identity(number: &str, generation: &str) -> Option<SegmentIdentity> {
    let number = number.parse().ok()?;
    Some(SegmentIdentity { number, generation: u64::from_str_radix(generation, 16).ok()? })
}
