//! The append side: turns waiting appends into one group, one write and one sync.
//!
//! A step function on owned state. The thread that drives it is in `log`; a simulator may drive it
//! instead. Checkpoints and collection will be steps beside [`Appender::commit`].

use std::sync::Arc;

use document::{PrimaryTerm, SeqNo};
use shard::log::{AppendError, Position, Refused, StreamId};
use tokio::sync::oneshot;

use super::{
    Options, checkpoint,
    damages::Damages,
    directory::{Directory, DiskError},
    format::{
        GroupExtent, GroupKind, NewGroup, Place, SEGMENT_HEADER_BYTES, SegmentIdentity, group_start,
    },
    manifest::{ListedSegment, Manifest, SegmentEnd},
    segments::{Segment, Segments},
    streams::{StreamEnd, Streams},
};
use crate::file::DirectoryLock;

/// An entry that waits to be appended.
pub(super) struct Append {
    /// Whose entry.
    pub(super) stream: StreamId,
    /// The term of its writer.
    pub(super) term: PrimaryTerm,
    /// The number that the stream's next operation takes.
    pub(super) next_seq_no: SeqNo,
    /// The last position its writer has seen.
    pub(super) expected: Position,
    /// The entry as it will be stored.
    pub(super) frame: Vec<u8>,
    /// Who waits.
    pub(super) answer: oneshot::Sender<Result<Position, AppendError>>,
}

impl Append {
    /// Answers who waits; if nobody does any more, nobody is told.
    pub(super) fn answer(self, ended: Result<Position, AppendError>) {
        let _ = self.answer.send(ended);
    }
}

/// What the log's thread and its users share.
#[derive(Default)]
pub(super) struct Shared {
    /// The files; also the store of every stream.
    pub(super) segments: Arc<Segments>,
    /// Who may append where.
    pub(super) streams: Streams,
    /// What the opening found damaged.
    pub(super) damages: Damages,
}

impl Shared {
    /// Whether there is room for new documents.
    pub(super) fn has_room(&self) -> bool {
        true
    }
}

/// The one who writes to the log.
pub(super) struct Appender {
    /// Where it writes.
    pub(super) directory: Directory,
    /// How it divides what it writes.
    pub(super) options: Options,
    /// The manifest as it is stored, but for numbers used up since.
    pub(super) manifest: Manifest,
    /// What it keeps up to date for its users.
    pub(super) shared: Arc<Shared>,
    /// The segment that is written to.
    pub(super) segment: Arc<Segment>,
    /// Whether behind the segment's end there may be part of a group that found no room. Nothing
    /// may be written there any more: a start would find damage between two good groups.
    pub(super) spoiled: bool,
    /// The group being written, kept for the next one.
    pub(super) buffer: Vec<u8>,
    /// Keeps other processes out until the last write is over.
    pub(super) _lock: DirectoryLock,
}

/// Why a group was not appended, and what that means for its entries.
enum GroupError {
    /// Not stored; there may be room later.
    NoRoom(DiskError),
    /// Not stored, and the log cannot go on.
    NotStored(DiskError),
    /// Stored or not, and the log cannot go on.
    Unknown(DiskError),
}

impl Appender {
    /// Appends one group and answers everybody in it.
    ///
    /// # Errors
    /// When the log has failed for good. Everybody in the group was answered; nothing may follow.
    pub(super) fn commit(&mut self, batch: Vec<Append>) -> Result<(), DiskError> {
        let admitted = self.admit(batch);
        if admitted.is_empty() {
            return Ok(());
        }
        let frames = || admitted.iter().map(|append| append.frame.as_slice());
        match self.append_group(GroupKind::Data, frames) {
            Ok(place) => {
                self.answer_appended(admitted, place);
                Ok(())
            }
            Err(GroupError::NoRoom(error)) => {
                tracing::warn!(%error, "no room for a group of {} entries", admitted.len());
                self.answer_all(admitted, || {
                    AppendError::Refused(Refused::NoRoom(error.to_string().into()))
                });
                Ok(())
            }
            Err(GroupError::NotStored(error)) => {
                self.answer_all(admitted, || AppendError::Refused(Refused::Closed));
                Err(error)
            }
            Err(GroupError::Unknown(error)) => {
                self.answer_all(admitted, || AppendError::Unknown(error.to_string().into()));
                Err(error)
            }
        }
    }

    /// The clean stop: an end mark, then a manifest that says that nothing is missing.
    pub(super) fn close(mut self) -> Result<(), DiskError> {
        self.append_group(GroupKind::EndMark, std::iter::empty).map_err(|error| match error {
            GroupError::NoRoom(cause)
            | GroupError::NotStored(cause)
            | GroupError::Unknown(cause) => cause,
        })?;
        self.manifest.stopped(self.segment.end()).store(&self.directory)?;
        self.segment.close();
        checkpoint::write_at_stop(&self.directory, &self.shared.segments);
        Ok(())
    }

    /// The appends that may be part of the group. The others are answered.
    fn admit(&self, batch: Vec<Append>) -> Vec<Append> {
        let mut admitted = Vec::with_capacity(batch.len());
        for append in batch {
            match self.shared.streams.admit(append.stream, append.term, append.expected) {
                Ok(()) => admitted.push(append),
                Err(refused) => append.answer(Err(AppendError::Refused(refused))),
            }
        }
        admitted
    }

    /// Answers everybody in a group whose payload is durable at `payload`.
    fn answer_appended(&self, admitted: Vec<Append>, payload: Place) {
        let mut place = payload;
        for append in admitted {
            let position = Position::from(place);
            place.offset += append.frame.len() as u64;
            let end =
                StreamEnd { term: append.term, next_seq_no: append.next_seq_no, last: position };
            self.shared.streams.appended(append.stream, end);
            append.answer(Ok(position));
        }
    }

    /// Answers everybody in a group that was not appended.
    fn answer_all(&self, admitted: Vec<Append>, ended: impl Fn() -> AppendError) {
        for append in admitted {
            self.shared.streams.dropped(append.stream);
            append.answer(Err(ended()));
        }
    }

    /// Writes and syncs one group; returns where its payload begins.
    fn append_group<'a, Frames: Iterator<Item = &'a [u8]>>(
        &mut self,
        kind: GroupKind,
        frames: impl Fn() -> Frames,
    ) -> Result<Place, GroupError> {
        let payload_bytes = frames().map(|frame| frame.len() as u64).sum();
        let extent = self.place_group(payload_bytes).map_err(|error| {
            if error.is_out_of_room() {
                GroupError::NoRoom(error)
            } else {
                GroupError::NotStored(error)
            }
        })?;
        let segment = &self.segment;
        let durable = Place { segment: segment.identity.number, offset: segment.end() };
        let group = NewGroup { segment: segment.identity, kind, extent, durable };
        group.encode(frames(), &mut self.buffer);
        if let Err(error) = segment.file.write(&self.buffer, extent.start) {
            if !error.is_out_of_room() {
                return Err(GroupError::Unknown(error));
            }
            // At least one byte is missing, so no start will take it for a group.
            self.spoiled = true;
            return Err(GroupError::NoRoom(error));
        }
        segment.file.sync().map_err(GroupError::Unknown)?;
        segment.set_end(extent.end());
        self.buffer.shrink_to(self.options.group_bytes_max.saturating_mul(2));
        Ok(group.payload_place())
    }

    /// Where a group with so much payload goes; begins a new segment if it does not fit this one.
    fn place_group(&mut self, payload_bytes: u64) -> Result<GroupExtent, DiskError> {
        let here =
            |segment: &Segment| GroupExtent { start: group_start(segment.end()), payload_bytes };
        let is_full = here(&self.segment).end() > self.options.segment_bytes_max
            && self.segment.end() > SEGMENT_HEADER_BYTES;
        if self.spoiled || is_full {
            self.roll()?;
        }
        Ok(here(&self.segment))
    }

    /// Closes the segment at its durable end and begins another.
    pub(super) fn roll(&mut self) -> Result<(), DiskError> {
        let identity = SegmentIdentity::new(self.manifest.next_segment, self.manifest.edition);
        // Counted even if it comes to nothing: a number is never used for a second file.
        self.manifest.next_segment = self.manifest.next_segment.saturating_add(1);
        let (segment, manifest) = self.begin_segment(identity).inspect_err(|error| {
            // Not listed yet, for nothing that can be short of room comes after the renaming.
            if error.is_out_of_room() {
                let _ = self.directory.remove(&identity.file_name());
            }
        })?;
        self.segment.close();
        self.segment = Arc::new(segment);
        self.shared.segments.add(Arc::clone(&self.segment));
        self.manifest = manifest;
        self.spoiled = false;
        Ok(())
    }

    /// A new segment and the manifest that lists it, both durable.
    fn begin_segment(&self, identity: SegmentIdentity) -> Result<(Segment, Manifest), DiskError> {
        let segment = Segment::create(&self.directory, identity)?;
        segment.file.sync()?;
        self.directory.sync()?;
        let listed = ListedSegment { identity, end: SegmentEnd::OpenFrom(segment.end()) };
        let manifest = self.manifest.rolled(self.segment.end(), listed);
        manifest.store(&self.directory)?;
        Ok((segment, manifest))
    }
}
