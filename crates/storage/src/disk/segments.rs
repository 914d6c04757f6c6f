//! The segments: the log's files, and the store its documents are read from.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use document::Operation;
use parking_lot::RwLock;
use shard::{
    Threads,
    log::{BoxFuture, Entry, Outline, OutlineEffect, Position},
    store::{Hold, Location, Store, StoreError},
};

use super::{
    Options,
    directory::{Directory, DiskError, NamedFile},
    format::{SEGMENT_HEADER_BYTES, SegmentIdentity, decode_record, locations},
    held::Held,
};

/// No log is so small that its segments should be closed before they are this long.
const SMALL_SEGMENT_BYTES: u64 = 4 << 20;

/// One segment, open.
pub(super) struct Segment {
    /// Which.
    pub(super) identity: SegmentIdentity,
    /// Its file.
    pub(super) file: NamedFile,
    /// Where what counts of it ends. Of the segment that is written to, the appender knows how much of
    /// that is durable.
    end: AtomicU64,
    /// Whether nothing will be added to it.
    closed: AtomicBool,
    /// Whether a part of it is known not to be what was written.
    damaged: AtomicBool,
    /// Whether the next start need not read it.
    has_checkpoint: AtomicBool,
    usage: Usage,
}

/// How much of a segment is of use to somebody.
#[derive(Default)]
struct Usage {
    /// Bytes of operations with sources.
    indexed_bytes: AtomicU64,
    /// Of those, the bytes that no document needs any more.
    retired_bytes: AtomicU64,
    /// Bytes of deletes.
    delete_bytes: AtomicU64,
    /// How many deletes there are.
    deletes: AtomicU64,
}

impl Segment {
    /// A segment that is there already; nothing of it is counted yet.
    pub(super) fn new(identity: SegmentIdentity, file: NamedFile, end: u64) -> Self {
        let (closed, damaged, has_checkpoint) = Default::default();
        let (end, usage) = (AtomicU64::new(end), Usage::default());
        Self { identity, file, end, closed, damaged, has_checkpoint, usage }
    }

    /// A new segment with its header, neither of them durable yet.
    pub(super) fn create(
        directory: &Directory,
        identity: SegmentIdentity,
    ) -> Result<Self, DiskError> {
        Self::begin(identity, directory.create(&identity.file_name())?)
    }

    /// The same in a file that is there already and holds nothing but zeros.
    pub(super) fn begin(identity: SegmentIdentity, file: NamedFile) -> Result<Self, DiskError> {
        file.write(&identity.header(), 0)?;
        Ok(Self::new(identity, file, SEGMENT_HEADER_BYTES))
    }

    /// Where what counts of it ends.
    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Everything before `end` counts: it was written, and is durable if that was asked for.
    pub(super) fn set_end(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }

    /// Nothing will be added to it any more.
    pub(super) fn close(&self) {
        self.closed.store(true, Relaxed);
    }

    /// What collection must know of it.
    pub(super) fn facts(&self) -> SegmentFacts {
        let Usage { indexed_bytes, retired_bytes, delete_bytes, deletes } = &self.usage;
        SegmentFacts {
            number: self.identity.number,
            closed: self.closed.load(Relaxed),
            damaged: self.is_damaged(),
            bytes: self.end(),
            indexed_bytes: indexed_bytes.load(Relaxed),
            retired_bytes: retired_bytes.load(Relaxed),
            delete_bytes: delete_bytes.load(Relaxed),
            deletes: deletes.load(Relaxed),
        }
    }

    /// Counts an operation that is stored in it.
    fn count(&self, operation: &Outline<'_>) {
        let bytes = u64::from(operation.location.length);
        match operation.effect {
            OutlineEffect::Indexed => {
                self.usage.indexed_bytes.fetch_add(bytes, Relaxed);
            }
            OutlineEffect::Deleted(_) => {
                self.usage.delete_bytes.fetch_add(bytes, Relaxed);
                self.usage.deletes.fetch_add(1, Relaxed);
            }
        }
    }

    /// A part of it is not what was written. It is kept as it is from now on: neither dropped, nor
    /// given a checkpoint, which would hide the damage from the next start.
    pub(super) fn set_damaged(&self) {
        self.damaged.store(true, Ordering::Release);
    }

    /// Whether a part of it is known not to be what was written.
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    /// There is a checkpoint of it, durably.
    pub(super) fn set_has_checkpoint(&self) {
        self.has_checkpoint.store(true, Ordering::Release);
    }

    /// Whether there is a checkpoint of it. A closed segment without one gets one in time, unless it
    /// is damaged.
    pub(super) fn has_checkpoint(&self) -> bool {
        self.has_checkpoint.load(Ordering::Acquire)
    }

    /// The operation of a record that was read.
    fn decode(&self, location: Location, record: Vec<u8>) -> Result<Operation, StoreError> {
        decode_record(&Bytes::from(record))
            .map_err(|what| StoreError::Damaged(self.file.damage(u64::from(location.offset), what)))
    }

    /// Reads one operation.
    fn read_operation(&self, location: Location) -> Result<Operation, StoreError> {
        let record = self.file.read(u64::from(location.offset), location.length as usize)?;
        self.decode(location, record)
    }

    /// Reads one operation if that takes no waiting.
    fn read_operation_cached(&self, location: Location) -> Option<Result<Operation, StoreError>> {
        let offset = u64::from(location.offset);
        let record = self.file.read_cached(offset, location.length as usize)?;
        Some(self.decode(location, record))
    }
}

/// What collection must know of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentFacts {
    /// Which.
    pub(super) number: u32,
    /// Whether nothing will be added to it.
    pub(super) closed: bool,
    /// Whether it must stay as it is.
    pub(super) damaged: bool,
    /// How long it is.
    pub(super) bytes: u64,
    /// Bytes of operations with sources.
    pub(super) indexed_bytes: u64,
    /// Of those, the bytes that no document needs any more.
    pub(super) retired_bytes: u64,
    /// Bytes of deletes.
    pub(super) delete_bytes: u64,
    /// How many deletes there are.
    pub(super) deletes: u64,
}

impl SegmentFacts {
    /// How much of the segment goes with so many bytes of operations: frames and groups around small
    /// ones are longer than they.
    pub(super) fn with_framing(&self, operations_bytes: u64) -> u64 {
        let stored = u128::from(self.indexed_bytes + self.delete_bytes);
        let operations = u128::from(operations_bytes).min(stored);
        match (u128::from(self.bytes) * operations).checked_div(stored) {
            Some(share) => u64::try_from(share).unwrap_or(self.bytes),
            // There are only markers in it.
            None => self.bytes,
        }
    }
}

/// All segments of the log by number, and thereby the store of all its streams.
pub(super) struct Segments {
    by_number: RwLock<BTreeMap<u32, Arc<Segment>>>,
    /// Those that were taken away but are kept for readers.
    held: Arc<Held>,
    /// Where reads wait for the disk.
    threads: Arc<dyn Threads>,
}

impl Segments {
    /// No segments.
    pub(super) fn new(threads: Arc<dyn Threads>) -> Self {
        Self { by_number: RwLock::default(), held: Arc::default(), threads }
    }

    /// Adds a segment, which can be read from then on.
    pub(super) fn add(&self, segment: Arc<Segment>) {
        self.by_number.write().insert(segment.identity.number, segment);
    }

    /// Takes a segment away, once no document refers to it: whoever still reads from it, can, and so can
    /// those who hold on to what was stored, within bounds.
    pub(super) fn remove(&self, number: u32) {
        let Some(segment) = self.get(number) else { return };
        let log_bytes = self.by_number.read().values().map(|segment| segment.end()).sum();
        // Readers find it here or there.
        self.held.keep(segment, log_bytes);
        self.by_number.write().remove(&number);
    }

    /// Keeps nothing for readers that was taken away: its room is needed. Says whether there was anything.
    pub(super) fn let_go(&self) -> bool {
        self.held.let_go()
    }

    /// How many segments are kept for readers that were taken away, and how many bytes those are.
    pub(super) fn kept(&self) -> (u64, u64) {
        self.held.kept()
    }

    /// Closes what was kept for readers and is needed by none; on a thread that may wait.
    pub(super) fn close_unneeded(&self) {
        self.held.close();
    }

    /// The segment of a number, if there is one.
    pub(super) fn get(&self, number: u32) -> Option<Arc<Segment>> {
        self.by_number.read().get(&number).map(Arc::clone)
    }

    /// What collection must know of each segment, by number.
    pub(super) fn facts(&self) -> Vec<SegmentFacts> {
        self.by_number.read().values().map(|segment| segment.facts()).collect()
    }

    /// How long a segment of this log should be at most: an eighth of it, so that what collection
    /// must leave for the time being is a small part, within bounds.
    pub(super) fn segment_bytes_max(&self, options: &Options) -> u64 {
        let log_bytes: u64 = self.by_number.read().values().map(|segment| segment.end()).sum();
        let most = options.segment_bytes_max;
        (log_bytes / 8).clamp(SMALL_SEGMENT_BYTES.min(most), most)
    }

    /// Whether a segment after that of `number` was collected, so that reading from there on would
    /// not show all that was appended. A number is given once.
    pub(super) fn are_missing_after(&self, number: u32) -> bool {
        let by_number = self.by_number.read();
        let Some(last) = by_number.keys().next_back() else { return false };
        let there = by_number.range(number..).count();
        u32::try_from(there).unwrap_or(u32::MAX) < last.saturating_sub(number).saturating_add(1)
    }

    /// The closed segments that have no checkpoint and can have one.
    pub(super) fn without_checkpoint(&self) -> Vec<Arc<Segment>> {
        let by_number = self.by_number.read();
        let wants_one = |segment: &&Arc<Segment>| {
            segment.closed.load(Relaxed) && !segment.has_checkpoint() && !segment.is_damaged()
        };
        by_number.values().filter(wants_one).cloned().collect()
    }

    /// Counts operations that were stored, all in one segment.
    pub(super) fn stored(&self, operations: &[Outline<'_>]) {
        let Some(first) = operations.first() else { return };
        let Some(segment) = self.get(first.location.segment) else { return };
        for operation in operations {
            segment.count(operation);
        }
    }

    /// The segments from `number` on.
    pub(super) fn from(&self, number: u32) -> Vec<Arc<Segment>> {
        self.by_number.read().range(number..).map(|(_, segment)| Arc::clone(segment)).collect()
    }

    /// The segment of a location.
    fn find(&self, location: Location) -> Result<Arc<Segment>, StoreError> {
        let present = self.get(location.segment);
        present.or_else(|| self.held.get(location.segment)).ok_or(StoreError::Moved(location))
    }
}

impl Store for Segments {
    fn apply(&self, position: Position, entry: &Entry) -> Result<Vec<Location>, StoreError> {
        let locations = locations(position, entry);
        self.stored(&Outline::of_entry(entry, &locations));
        Ok(locations)
    }

    fn read_cached(&self, location: Location) -> Option<Result<Operation, StoreError>> {
        match self.find(location) {
            Ok(segment) => segment.read_operation_cached(location),
            Err(error) => Some(Err(error)),
        }
    }

    fn read_blocking(&self, location: Location) -> Result<Operation, StoreError> {
        self.find(location)?.read_operation(location)
    }

    fn retire(&self, location: Location) {
        if let Some(segment) = self.get(location.segment) {
            segment.usage.retired_bytes.fetch_add(u64::from(location.length), Relaxed);
        }
    }

    fn hold(&self) -> Hold {
        Held::hold(&self.held)
    }

    fn is_stored(&self, location: Location) -> bool {
        self.by_number.read().contains_key(&location.segment)
    }

    fn read(&self, location: Location) -> BoxFuture<'_, Result<Operation, StoreError>> {
        let segment = self.find(location);
        Box::pin(async move {
            let segment = segment?;
            let read = self.threads.compute(move || segment.read_operation(location)).await;
            read.unwrap_or_else(|| {
                let context = "a read did not end".to_owned();
                Err(StoreError::Failed { context, cause: "it panicked".into() })
            })
        })
    }
}
