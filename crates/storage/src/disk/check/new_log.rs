//! A log that is written at once, into an empty directory: no more of it is durable than of a file
//! until [`NewLog::finish`], and until then it does not open.

use document::{Operation, PrimaryTerm, SeqNo};
use shard::log::{Entry, LogError, StreamId};

use super::super::{
    Options, checkpoint,
    directory::{Directory, DiskError},
    format::{
        GroupExtent, GroupKind, NewGroup, Place, SEGMENT_HEADER_BYTES, SegmentIdentity,
        encode_entry, group_start,
    },
    manifest::{ListedSegment, Manifest, SegmentEnd},
    segments::Segment,
};

/// An entry takes no further operation when it has so many.
const ENTRY_OPERATIONS_MAX: usize = 1_000;
/// An entry takes no further operation, and a group no further entry, when it has so many bytes.
const BYTES_MAX: usize = 1 << 20;

/// A log that is being written.
pub(super) struct NewLog<'a> {
    directory: &'a Directory,
    edition: u64,
    options: Options,
    /// The segments that are full and synced.
    full: Vec<Segment>,
    segment: Segment,
    /// The stream whose operations come.
    stream: StreamId,
    /// Their entry so far.
    entry: Entry,
    entry_bytes: usize,
    has_entry: bool,
    /// The next group's frames.
    frames: Vec<Vec<u8>>,
    frames_bytes: usize,
}

impl<'a> NewLog<'a> {
    /// Begins a log whose manifest will be of this edition.
    pub(super) fn begin(
        directory: &'a Directory,
        edition: u64,
        options: Options,
    ) -> Result<Self, LogError> {
        Ok(Self {
            directory,
            edition,
            options,
            full: Vec::new(),
            segment: Segment::create(directory, SegmentIdentity::new(1, edition))?,
            stream: StreamId::CATALOG,
            entry: Entry::marker(PrimaryTerm::FIRST, SeqNo::ZERO),
            entry_bytes: 0,
            has_entry: false,
            frames: Vec::new(),
            frames_bytes: 0,
        })
    }

    /// Begins a stream: in this term, and with this number to come.
    pub(super) fn begin_stream(&mut self, id: StreamId, term: PrimaryTerm, next_seq_no: SeqNo) {
        self.stream = id;
        self.entry = Entry::marker(term, next_seq_no);
        self.has_entry = false;
    }

    /// Adds the stream's next operation.
    pub(super) fn push(&mut self, operation: Operation) -> Result<(), LogError> {
        self.entry_bytes += match &operation.effect {
            document::Effect::Index { source, .. } => source.len(),
            document::Effect::Delete { .. } | document::Effect::Noop { .. } => 0,
        };
        self.entry.operations.push(operation);
        if self.entry.operations.len() >= ENTRY_OPERATIONS_MAX || self.entry_bytes >= BYTES_MAX {
            self.end_entry()?;
        }
        Ok(())
    }

    /// Ends the stream; one without operations gets a marker.
    pub(super) fn end_stream(&mut self) -> Result<(), LogError> {
        if !self.has_entry || !self.entry.operations.is_empty() {
            self.end_entry()?;
        }
        Ok(())
    }

    /// Ends the log as a clean stop does; all of it is durable on return. Says how many bytes the
    /// segments have.
    pub(super) fn finish(mut self) -> Result<u64, LogError> {
        self.write_group(GroupKind::Data)?;
        self.write_group(GroupKind::EndMark)?;
        self.segment.file.sync()?;
        self.full.push(self.segment);
        self.directory.sync()?;
        let listed = |segment: &Segment| ListedSegment {
            identity: segment.identity,
            end: SegmentEnd::ClosedAt(segment.end()),
        };
        let segments: Vec<_> = self.full.iter().map(listed).collect();
        let last = segments.last().map_or(0, |last| last.identity.number);
        let manifest = Manifest {
            edition: self.edition,
            next_segment: last.saturating_add(1),
            segments,
            dropped: Vec::new(),
            stopped: true,
        };
        manifest.store(self.directory)?;
        for segment in &self.full {
            checkpoint::write(self.directory, segment)?;
        }
        Ok(self.full.iter().map(Segment::end).sum())
    }

    fn end_entry(&mut self) -> Result<(), LogError> {
        let frame = encode_entry(self.stream, &self.entry).map_err(|cause| LogError::Failed {
            context: format!("cannot store an entry of stream {}", self.stream),
            cause: cause.into(),
        })?;
        self.frames_bytes += frame.len();
        self.frames.push(frame);
        self.entry.operations.clear();
        self.entry_bytes = 0;
        self.has_entry = true;
        if self.frames_bytes >= BYTES_MAX {
            self.write_group(GroupKind::Data)?;
        }
        Ok(())
    }

    /// Writes the frames so far as a group, into a new segment if they do not fit this one.
    fn write_group(&mut self, kind: GroupKind) -> Result<(), DiskError> {
        if kind == GroupKind::Data && self.frames.is_empty() {
            return Ok(());
        }
        let payload_bytes = self.frames_bytes as u64;
        let here =
            |segment: &Segment| GroupExtent { start: group_start(segment.end()), payload_bytes };
        let is_full = here(&self.segment).end() > self.options.segment_bytes_max;
        if is_full && self.segment.end() > SEGMENT_HEADER_BYTES {
            self.roll()?;
        }
        let (segment, extent) = (&self.segment, here(&self.segment));
        let durable = Place { segment: segment.identity.number, offset: segment.end() };
        let group = NewGroup { segment: segment.identity, kind, extent, durable };
        let mut bytes = Vec::new();
        group.encode(self.frames.iter().map(Vec::as_slice), &mut bytes);
        segment.file.write(&bytes, extent.start)?;
        segment.set_end(extent.end());
        self.frames.clear();
        self.frames_bytes = 0;
        Ok(())
    }

    fn roll(&mut self) -> Result<(), DiskError> {
        self.segment.file.sync()?;
        let number = self.segment.identity.number.saturating_add(1);
        let identity = SegmentIdentity::new(number, self.edition);
        let next = Segment::create(self.directory, identity)?;
        self.full.push(std::mem::replace(&mut self.segment, next));
        Ok(())
    }
}
