//! The append side: turns waiting appends into one group, one write and one sync.
//!
//! Step functions on owned state. The thread that drives them is in `log`; a simulator may drive them
//! instead. They have no clock: `now` comes in, and [`Appender::due`] says when something is due that
//! nobody asks for. The steps of collection are in `collection`.

mod reserve;
mod room;
mod writing;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use document::{Effect, Operation, PrimaryTerm, SeqNo};
use shard::{
    Threads,
    log::{AppendError, Durability, Entry, Position, Refused, StreamId},
};
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{
    Options, allocation, checkpoint,
    damages::Damages,
    directory::{Directory, DiskError},
    format::{GroupKind, Place, TooLong, encode_entry},
    manifest::Manifest,
    segments::{Segment, Segments},
    statistics::Counters,
    streams::{StreamEnd, StreamState, Streams},
    throttle::Throttle,
};
use crate::file::DirectoryLock;
use reserve::Reserve;

pub(super) use reserve::{begin_segment_of_opening, recycle};
pub(super) use room::Share;
pub(super) use writing::GroupError;

/// An entry that waits to be appended.
pub(super) struct Append {
    /// Whose entry.
    stream: StreamId,
    /// The term of its writer.
    term: PrimaryTerm,
    /// The number that the stream's next operation takes.
    next_seq_no: SeqNo,
    /// The last position its writer has seen.
    expected: Position,
    /// When it must be durable once it is answered; at once if there is no time.
    sync_within: Duration,
    /// Whether it holds no new document, so that it may take room from the reserve.
    is_essential: bool,
    /// Whether it holds copies of old documents, which make room where nothing else does.
    is_relocation: bool,
    /// How many operations it has.
    operations: usize,
    /// The entry as it will be stored.
    frame: Vec<u8>,
    /// Who waits.
    answer: oneshot::Sender<Result<Position, AppendError>>,
}

impl Append {
    /// An entry for a stream that is in this state, and where its answer will come.
    pub(super) fn new(
        stream: StreamId,
        state: &StreamState,
        entry: &Entry,
        expected: Position,
    ) -> Result<(Self, oneshot::Receiver<Result<Position, AppendError>>), TooLong> {
        let (answer, answered) = oneshot::channel();
        let is_new = |operation: &Operation| match operation.effect {
            Effect::Index { .. } => operation.seq_no >= state.end.next_seq_no,
            Effect::Delete { .. } | Effect::Noop { .. } => false,
        };
        let is_document = |operation: &Operation| matches!(operation.effect, Effect::Index { .. });
        let append = Self {
            stream,
            term: entry.term,
            next_seq_no: entry.next_seq_no,
            expected,
            sync_within: match state.durability {
                Durability::Request => Duration::ZERO,
                Durability::Async { sync_interval } => sync_interval,
            },
            is_essential: !entry.operations.iter().any(is_new),
            is_relocation: entry.operations.iter().any(is_document),
            operations: entry.operations.len(),
            frame: encode_entry(stream, entry)?,
            answer,
        };
        Ok((append, answered))
    }

    /// How long it is.
    pub(super) fn bytes(&self) -> usize {
        self.frame.len()
    }

    /// How many operations it has.
    pub(super) fn operations(&self) -> u64 {
        self.operations as u64
    }

    /// Answers who waits; if nobody does any more, nobody is told.
    pub(super) fn answer(self, ended: Result<Position, AppendError>) {
        let _ = self.answer.send(ended);
    }
}

/// What the log's thread and its users share.
pub(super) struct Shared {
    /// The files; also the store of every stream.
    pub(super) segments: Arc<Segments>,
    /// Who may append where.
    pub(super) streams: Streams,
    /// What is wrong with which stream.
    pub(super) damages: Damages,
    /// Whether the disk is full: new documents are refused.
    pub(super) is_full: AtomicBool,
    /// A segment was closed: it wants a checkpoint, and there may be something to collect.
    pub(super) rolled: Notify,
    /// Makes those wait who add documents, while collection lags behind.
    pub(super) throttle: Throttle,
    /// What is counted for those who watch.
    pub(super) counters: Counters,
}

impl Shared {
    /// Of a log that holds nothing yet, and whose reads wait on these threads.
    pub(super) fn new(threads: Arc<dyn Threads>) -> Self {
        Self {
            segments: Arc::new(Segments::new(threads)),
            streams: Streams::default(),
            damages: Damages::default(),
            is_full: AtomicBool::default(),
            rolled: Notify::default(),
            throttle: Throttle::default(),
            counters: Counters::default(),
        }
    }

    /// Whether there is room for new documents.
    pub(super) fn has_room(&self) -> bool {
        !self.is_full.load(Ordering::Acquire)
    }
}

/// The segment that an opening began.
pub(super) struct OpenedSegment {
    /// Its file.
    pub(super) segment: Arc<Segment>,
    /// Where its trailer is.
    pub(super) trailer: u64,
    /// The manifest that lists it.
    pub(super) manifest: Manifest,
}

/// The one who writes to the log.
pub(super) struct Appender {
    /// Where it writes.
    pub(super) directory: Directory,
    /// How it divides what it writes.
    options: Options,
    /// How long the segment may grow.
    segment_bytes_max: u64,
    /// The manifest as it is stored, but for numbers used up since.
    pub(super) manifest: Manifest,
    /// What it keeps up to date for its users.
    pub(super) shared: Arc<Shared>,
    /// The segment that is written to. What counts of it ends where the log does.
    pub(super) segment: Arc<Segment>,
    /// Where its trailer is: groups end before it, or it is moved first.
    trailer: u64,
    /// Where in the segment what is durable ends. What lies behind was written without a sync.
    durable: u64,
    /// When the oldest entry of that must be synced.
    sync_due: Option<Instant>,
    /// Whether behind the segment's end there may be part of a group that found no room, or an old
    /// trailer. Nothing may be written there any more: a start would find damage between two good
    /// groups.
    spoiled: bool,
    /// Room that is kept free.
    reserve: Reserve,
    /// Whether a segment was begun since the reserve was looked after.
    has_rolled: bool,
    /// Whether there was no room for a new document, and none has been found since.
    is_full: bool,
    /// When a full log looks next whether it still is.
    probe_due: Option<Instant>,
    /// The group being written, kept for the next one.
    buffer: Vec<u8>,
    /// Keeps other processes out until the last write is over.
    _lock: DirectoryLock,
}

impl Appender {
    /// Goes on behind what this log holds, all of it durable and listed in the manifest.
    pub(super) fn new(
        directory: Directory,
        options: Options,
        shared: Arc<Shared>,
        opened: OpenedSegment,
        lock: DirectoryLock,
    ) -> Self {
        let OpenedSegment { segment, trailer, manifest } = opened;
        let mut appender = Self {
            reserve: Reserve::open(&directory),
            directory,
            segment_bytes_max: shared.segments.segment_bytes_max(&options),
            options,
            manifest,
            shared,
            durable: segment.end(),
            segment,
            trailer,
            sync_due: None,
            spoiled: false,
            has_rolled: false,
            is_full: false,
            probe_due: None,
            buffer: Vec::new(),
            _lock: lock,
        };
        appender.begin_reserve();
        appender
    }

    /// How it divides what it writes.
    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Appends one group and answers everybody in it.
    ///
    /// # Errors
    /// When the log has failed for good. Everybody in the group was answered; nothing may follow.
    pub(super) fn commit(&mut self, batch: Vec<Append>, now: Instant) -> Result<(), DiskError> {
        let admitted = self.admit(batch);
        let admitted = self.refuse_if_full(admitted);
        if admitted.is_empty() {
            return Ok(());
        }
        let mut ended = self.append(&admitted, now);
        if matches!(ended, Err(GroupError::NoRoom(_))) && self.shared.segments.let_go() {
            ended = self.append(&admitted, now);
        }
        match ended {
            Err(GroupError::NoRoom(error)) => self.commit_without_room(admitted, error, now)?,
            ended => self.answer(admitted, ended)?,
        }
        self.keep_reserve();
        Ok(())
    }

    /// Makes durable whatever was answered before it was.
    ///
    /// # Errors
    /// When that is not certain: the log has failed for good.
    pub(super) fn sync(&mut self) -> Result<(), DiskError> {
        if self.durable < self.segment.end() {
            self.segment.file.sync()?;
            self.durable = self.segment.end();
            self.shared.counters.note_sync();
        }
        self.sync_due = None;
        Ok(())
    }

    /// Where the log is durable. It may be written further, and then it is shown further.
    pub(super) fn durable(&self) -> Place {
        Place { segment: self.segment.identity.number, offset: self.durable }
    }

    /// When [`Self::run_due`] has something to do, if nobody asks for anything before.
    pub(super) fn due(&self) -> Option<Instant> {
        [self.sync_due, self.probe_due].into_iter().flatten().min()
    }

    /// Does what is due.
    ///
    /// # Errors
    /// When the log has failed for good.
    pub(super) fn run_due(&mut self, now: Instant) -> Result<(), DiskError> {
        if self.sync_due.is_some_and(|due| due <= now) {
            self.sync()?;
        }
        self.probe_if_due(now);
        Ok(())
    }

    /// The clean stop: an end mark, then a manifest that says that nothing is missing.
    pub(super) fn close(mut self) -> Result<(), DiskError> {
        let end_mark =
            |appender: &mut Self| appender.append_group(GroupKind::EndMark, std::iter::empty);
        self.with_reserve(Share::All, 0, end_mark).map_err(GroupError::into_cause)?;
        let stopped = self.manifest.stopped(self.segment.end());
        self.store_with_reserve(&stopped).map_err(GroupError::into_cause)?;
        self.segment.close();
        allocation::give_back(&self.segment);
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

    /// Writes one group of these; syncs it unless all of them can wait for that.
    fn append(&mut self, admitted: &[Append], now: Instant) -> Result<Place, GroupError> {
        let bytes = admitted.iter().map(|append| append.bytes() as u64).sum::<u64>();
        let within = admitted.iter().map(|append| append.sync_within).min().unwrap_or_default();
        // What is too far off for the clock is not put off at all.
        let due = now.checked_add(within).unwrap_or(now);
        let due = self.sync_due.map_or(due, |earlier| earlier.min(due));
        let unsynced = (self.segment.end() - self.durable).saturating_add(bytes);
        let can_wait = due > now && unsynced <= self.options.unsynced_bytes_max();
        let kind = if can_wait { GroupKind::DataAsync } else { GroupKind::Data };
        let place =
            self.append_group(kind, || admitted.iter().map(|append| append.frame.as_slice()))?;
        self.shared.counters.note_group(admitted);
        if can_wait {
            self.sync_due = Some(due);
        } else {
            self.shared.counters.note_sync();
        }
        Ok(place)
    }

    /// Answers everybody in a group.
    fn answer(
        &self,
        admitted: Vec<Append>,
        ended: Result<Place, GroupError>,
    ) -> Result<(), DiskError> {
        match ended {
            Ok(place) => {
                self.answer_appended(admitted, place);
                Ok(())
            }
            Err(GroupError::NoRoom(error)) => {
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

    /// Answers everybody in a group that was appended, with its payload at `payload`.
    fn answer_appended(&self, admitted: Vec<Append>, payload: Place) {
        let mut place = payload;
        for append in admitted {
            let position = Position::from(place);
            place.offset += append.bytes() as u64;
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
}
