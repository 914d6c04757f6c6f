//! Collection: giving back the space of what no document needs any more.
//!
//! A closed segment that is mostly garbage is *evacuated*: the operations in it that still count are
//! appended to their streams again, by the streams' own writers, and when the copies are durable the
//! segment is dropped from the manifest and its file removed. Until then it stays as it is, so that a
//! crash at any point leaves either the segment or all of the copies, or both; replay does not mind.
//!
//! An operation counts if the version table points to it. A delete counts while it is remembered,
//! and after that for as long as an older segment has garbage: that could be the document, and a
//! replay without the delete would bring it back.
//!
//! Here are the policy, which is arithmetic, and the steps; the thread that takes them is in
//! `maintenance`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use document::Effect;
use shard::log::{LogError, Position, Relocate, StoredOperation, StreamId};

use super::{
    appender::{Appender, GroupError, Share},
    checkpoint,
    directory::{Directory, DiskError},
    format::{Place, SEGMENT_HEADER_BYTES, SegmentIdentity, frames, group_start, locations},
    reading::{read_group, read_header},
    segments::{Segment, SegmentFacts},
};

/// What the choice of the next segment rests on.
#[derive(Clone, Debug)]
pub(super) struct Situation {
    /// All segments, by number; the last is the one that is written to.
    pub(super) segments: Vec<SegmentFacts>,
    /// Segments that cannot be collected: their operations could not be moved.
    pub(super) pinned: BTreeSet<u32>,
    /// Segments from this one on are kept for a view that lags behind.
    pub(super) keep_from: u32,
    /// How many streams end in a segment, by its number.
    pub(super) ending: BTreeMap<u32, u64>,
    /// How many deletes are remembered.
    pub(super) tombstones: u64,
    /// Whether space is wanted at once: an index was deleted, or the disk is full.
    pub(super) urgent: bool,
    /// How long a segment should be at most.
    pub(super) segment_bytes_max: u64,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Nothing: there is little garbage.
    Rest,
    /// Close the segment that is written to: the garbage is there.
    Roll,
    /// Evacuate a segment.
    Evacuate(Evacuation),
}

/// Which segment to evacuate, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Evacuation {
    /// Its number.
    pub(super) number: u32,
    /// Whether older operations on the documents in it may lie in other segments.
    pub(super) older_elsewhere: bool,
    /// How much time it may take.
    pub(super) pace: Pace,
}

/// How collection goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pace {
    /// Within its budget, in parts so small that those who wait behind one hardly notice.
    Calm,
    /// At once: there is so much garbage, or space is wanted so badly. Writers that make garbage
    /// quicker than this wait behind its larger parts, and so make no more than it takes away.
    Hurried,
}

impl Pace {
    /// How many bytes are copied at a time.
    pub(super) fn copied_bytes_max(self) -> u64 {
        match self {
            Self::Calm => 256 << 10,
            Self::Hurried => 8 << 20,
        }
    }
}

/// How much is read at a time.
const READ_BYTES_MAX: u64 = 16 << 20;
/// What is waited for each byte that is written when the log has twice the size it needs.
const DELAY_NANOS_PER_BYTE: u64 = 50;
/// For views that lag behind, the log may grow to so many times of what is needed.
const KEPT_FACTOR_MAX: u64 = 4;
/// How long a group with nothing but a marker is at most, about.
const ENDING_BYTES: u64 = 192;
/// So many small segments are gathered into one.
const SMALL_SEGMENTS_MAX: usize = 8;

impl Situation {
    /// What to do next.
    ///
    /// Garbage may take a third as much space as what is needed, and a little: beyond that the segment
    /// with the largest share of garbage goes, for it gives most and costs least; beyond half as much
    /// it goes in a hurry. With checkpoints, the reserve and what is under way that keeps the
    /// directory below twice of what is needed.
    pub(super) fn choose(&self) -> Choice {
        let garbage = self.garbage();
        let (needed, total) = self.needed_and_total(&garbage);
        let (slack, pace) = (self.slack(), self.pace());
        if garbage.blocked_bytes > needed / 4 + slack
            && let Some(oldest) = self.oldest_with_garbage()
        {
            return self.evacuate(oldest.number, pace);
        }
        if self.urgent || total > needed + needed / 20 * 7 + slack {
            // So much is not kept for anybody: a view that lags so far behind is built anew.
            let keeps_for_views = total <= needed.saturating_mul(KEPT_FACTOR_MAX) + slack;
            let choice = self.largest_share(&garbage, pace, keeps_for_views);
            if choice != Choice::Rest {
                return choice;
            }
        }
        self.gather_small()
    }

    /// How fast it should go about it.
    pub(super) fn pace(&self) -> Pace {
        let (needed, total) = self.needed_and_total(&self.garbage());
        if self.urgent || total > needed + needed / 2 + self.slack() {
            Pace::Hurried
        } else {
            Pace::Calm
        }
    }

    /// How long whoever adds documents is to wait for each byte, so that garbage is not made faster
    /// than it is taken away: nothing up to 1.6 times of what is needed, and at twice as much as long
    /// as leaves 20 MB in a second.
    pub(super) fn delay_nanos_per_byte(&self) -> u64 {
        let (needed, total) = self.needed_and_total(&self.garbage());
        let free = needed + needed / 10 * 6 + 4 * self.slack();
        let excess = total.saturating_sub(free);
        let tenths = excess.saturating_mul(10) / (needed / 10 * 4).max(self.slack()).max(1);
        DELAY_NANOS_PER_BYTE * tenths.min(30) / 10
    }

    /// How much space is needed, and how much is taken.
    fn needed_and_total(&self, garbage: &Garbage) -> (u64, u64) {
        let total: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        let wasted: u64 = garbage.bytes.iter().sum();
        (total - wasted, total)
    }

    /// So little is never worth anything.
    fn slack(&self) -> u64 {
        self.segment_bytes_max / 16
    }

    /// The segment with the largest share of garbage, if that is an eighth or more.
    fn largest_share(&self, garbage: &Garbage, pace: Pace, keeps_for_views: bool) -> Choice {
        let with_garbage = self.segments.iter().zip(&garbage.bytes);
        let may_go = |segment| self.may_go(segment) || !keeps_for_views && self.is_free(segment);
        let best = with_garbage
            .filter(|(segment, garbage)| {
                // The one that is written to is not worth a file while it is small; it cannot be closed
                // while it is empty.
                let is_large = segment.bytes * 64 >= self.segment_bytes_max;
                let is_worth_it =
                    segment.closed || is_large && segment.bytes > SEGMENT_HEADER_BYTES;
                let much = **garbage * 8 >= segment.bytes;
                much && is_worth_it && may_go(segment)
            })
            .max_by_key(|(segment, garbage)| **garbage * 1_000 / segment.bytes.max(1));
        match best {
            None => Choice::Rest,
            Some((segment, _)) if segment.closed => self.evacuate(segment.number, pace),
            Some(_) => Choice::Roll,
        }
    }

    /// The oldest of many small segments.
    fn gather_small(&self) -> Choice {
        let mut small = self.segments.iter().filter(|segment| {
            segment.closed && segment.bytes * 8 < self.segment_bytes_max && self.may_go(segment)
        });
        match small.next() {
            Some(oldest) if small.count() >= SMALL_SEGMENTS_MAX => {
                self.evacuate(oldest.number, Pace::Calm)
            }
            Some(_) | None => Choice::Rest,
        }
    }

    fn evacuate(&self, number: u32, pace: Pace) -> Choice {
        Choice::Evacuate(self.evacuation(number, pace))
    }

    /// How this segment is to be evacuated.
    pub(super) fn evacuation(&self, number: u32, pace: Pace) -> Evacuation {
        let mut older = self.segments.iter().take_while(|segment| segment.number < number);
        let older_elsewhere = older.any(|segment| segment.retired_bytes > 0);
        Evacuation { number, older_elsewhere, pace }
    }

    /// Whether a segment can be evacuated, and nobody reads on from there.
    fn may_go(&self, segment: &SegmentFacts) -> bool {
        segment.number < self.keep_from && self.is_free(segment)
    }

    /// Whether a segment can be evacuated.
    fn is_free(&self, segment: &SegmentFacts) -> bool {
        !segment.damaged && !self.pinned.contains(&segment.number)
    }

    fn oldest_with_garbage(&self) -> Option<&SegmentFacts> {
        let has_garbage = |segment: &&SegmentFacts| segment.closed && segment.retired_bytes > 0;
        // If it cannot go, it is of no use that another one does.
        self.segments.iter().find(has_garbage).filter(|segment| self.may_go(segment))
    }

    /// What has to be written again if a segment goes, although no document needs it: that the streams
    /// which end there go on.
    fn ending_bytes(&self, segment: &SegmentFacts) -> u64 {
        match self.ending.get(&segment.number) {
            Some(streams) => SEGMENT_HEADER_BYTES + streams * ENDING_BYTES,
            None => 0,
        }
    }

    /// How many deletes of each segment are forgotten. Which ones is not known: the oldest, most likely.
    fn forgotten(&self) -> impl Iterator<Item = u64> {
        let deletes: u64 = self.segments.iter().map(|segment| segment.deletes).sum();
        let mut forgotten = deletes.saturating_sub(self.tombstones);
        self.segments.iter().map(move |segment| {
            let forgotten_here = forgotten.min(segment.deletes);
            forgotten -= forgotten_here;
            forgotten_here
        })
    }

    /// Whether an evacuation shows that this guess was wrong: of the deletes that were taken for
    /// forgotten none was. So it is where a delete was copied twice, because the first evacuation came
    /// to no end. To guess so again would be to copy the same again, forever.
    pub(super) fn is_disproved(&self, evacuation: Evacuation, copied_deletes: u64) -> bool {
        let mut guesses = self.segments.iter().zip(self.forgotten());
        !evacuation.older_elsewhere
            && guesses.any(|(segment, forgotten)| {
                let is_it = segment.number == evacuation.number;
                is_it && forgotten > 0 && copied_deletes >= segment.deletes
            })
    }

    /// How much of each segment nobody needs. Forgotten deletes in segments behind the first with
    /// garbage must be kept for its sake.
    fn garbage(&self) -> Garbage {
        let mut free = true;
        let mut blocked_bytes = 0;
        let bytes = self.segments.iter().zip(self.forgotten()).map(|(segment, forgotten_here)| {
            let forgotten_bytes = segment.delete_bytes * forgotten_here / segment.deletes.max(1);
            let garbage = if free {
                segment.retired_bytes + forgotten_bytes
            } else {
                blocked_bytes += forgotten_bytes;
                segment.retired_bytes
            };
            free &= segment.retired_bytes == 0;
            // Without that it would be garbage as soon as it is written, and collected forever.
            segment.with_framing(garbage).saturating_sub(self.ending_bytes(segment))
        });
        let bytes = bytes.collect();
        Garbage { bytes, blocked_bytes }
    }
}

/// How much space nobody needs.
struct Garbage {
    /// Of each segment.
    bytes: Vec<u64>,
    /// Bytes of forgotten deletes that older garbage does not let go.
    blocked_bytes: u64,
}

/// A segment on its way out.
pub(super) struct Leaving {
    segment: Arc<Segment>,
    evacuation: Evacuation,
    /// Where the last group that was read ends.
    read: u64,
}

/// Operations of a leaving segment that still count.
#[derive(Default)]
pub(super) struct Chunk {
    /// By stream, in the order they lie there.
    pub(super) operations: BTreeMap<StreamId, Vec<StoredOperation>>,
    /// How many bytes they have.
    pub(super) bytes: u64,
    /// How many of them are deletes.
    pub(super) deletes: u64,
    /// How many bytes were read to find them.
    pub(super) read_bytes: u64,
}

impl Leaving {
    /// A segment of which nothing was read yet.
    pub(super) fn new(segment: Arc<Segment>, evacuation: Evacuation) -> Self {
        Self { segment, evacuation, read: SEGMENT_HEADER_BYTES }
    }

    /// How fast it goes.
    pub(super) fn pace(&self) -> Pace {
        self.evacuation.pace
    }

    /// Sets how it goes on.
    pub(super) fn set_pace(&mut self, pace: Pace) {
        self.evacuation.pace = pace;
    }

    /// Its file.
    pub(super) fn identity(&self) -> SegmentIdentity {
        self.segment.identity
    }

    /// Reads on until there is as much to copy as its pace allows, or enough was read, but whole
    /// groups; nothing when all was read.
    ///
    /// # Errors
    /// When the segment cannot be read, or is not what was written.
    pub(super) fn next_chunk(
        &mut self,
        relocate: &dyn Relocate,
    ) -> Result<Option<Chunk>, LogError> {
        let mut chunk = Chunk::default();
        while self.read < self.segment.end()
            && chunk.bytes < self.evacuation.pace.copied_bytes_max()
            && chunk.read_bytes < READ_BYTES_MAX
        {
            let start = group_start(self.read);
            let header = read_header(&self.segment, start)?;
            let group = read_group(&self.segment, &header).inspect_err(|error| {
                if let LogError::Damaged(_) = error {
                    // It stays as it is, and so do the deletes that it may need.
                    self.segment.set_damaged();
                }
            })?;
            let end = header.extent.end();
            chunk.read_bytes += end - self.read;
            self.read = end;
            let offset = header.extent.payload().start;
            let place = Place { segment: self.segment.identity.number, offset };
            for frame in frames(group.payload, place) {
                let damage = |what| LogError::Damaged(self.segment.file.damage(offset, what));
                let frame = frame.map_err(damage)?;
                let locations = locations(Position::from(frame.place), &frame.entry);
                for (operation, location) in frame.entry.operations.into_iter().zip(locations) {
                    let found = StoredOperation { operation, location };
                    if relocate.counts(frame.stream, &found, self.evacuation.older_elsewhere) {
                        chunk.bytes += u64::from(location.length);
                        let is_delete = matches!(found.operation.effect, Effect::Delete { .. });
                        chunk.deletes += u64::from(is_delete);
                        chunk.operations.entry(frame.stream).or_default().push(found);
                    }
                }
            }
        }
        Ok((chunk.read_bytes > 0).then_some(chunk))
    }
}

impl Chunk {
    /// The operations in parts of about so many bytes, each of one stream.
    pub(super) fn into_parts(
        self,
        bytes_max: u64,
    ) -> impl Iterator<Item = (StreamId, Vec<StoredOperation>)> {
        self.operations.into_iter().flat_map(move |(stream, operations)| {
            let mut rest = operations.into_iter().peekable();
            std::iter::from_fn(move || {
                let (mut part, mut bytes) = (Vec::new(), 0);
                while let Some(next) = rest.next_if(|_| part.is_empty() || bytes < bytes_max) {
                    bytes += u64::from(next.location.length);
                    part.push(next);
                }
                (!part.is_empty()).then_some((stream, part))
            })
        })
    }
}

impl Appender {
    /// Closes the segment that is written to, so that it can be collected.
    ///
    /// # Errors
    /// When that failed; the log goes on if it was for lack of room.
    pub(super) fn close_segment(&mut self) -> Result<(), DiskError> {
        if self.segment.end() <= SEGMENT_HEADER_BYTES {
            return Ok(());
        }
        let rolled = |appender: &mut Self| {
            appender.roll(SEGMENT_HEADER_BYTES).map_err(GroupError::before_writing)
        };
        self.with_reserve(Share::All, 0, rolled).map_err(GroupError::into_cause)
    }

    /// Takes an evacuated segment out of the log, durably: from here on only the copies count. Its
    /// file can be removed then.
    ///
    /// # Errors
    /// When that is not certain. For lack of room it did not happen.
    pub(super) fn drop_segment(&mut self, number: u32) -> Result<(), DiskError> {
        self.sync()?;
        self.store_manifest(self.manifest.without(&[number]))?;
        self.shared.segments.remove(number);
        if !self.shared.has_room() {
            self.shared.segments.let_go();
        }
        self.shared.counters.note_collected_segment();
        self.note_size_changed();
        self.keep_reserve();
        Ok(())
    }

    /// The files of all dropped segments are durably gone: later manifests need not mention them.
    pub(super) fn forget_dropped(&mut self) {
        self.manifest.forget_dropped();
    }
}

/// Removes the file of a dropped segment, durably.
///
/// # Errors
/// When it is not certain to be gone; the next start removes it.
pub(super) fn remove_dropped(
    directory: &Directory,
    identity: SegmentIdentity,
) -> Result<(), DiskError> {
    directory.remove(&identity.file_name())?;
    directory.remove(&checkpoint::file_name(identity.number))?;
    directory.sync()
}
