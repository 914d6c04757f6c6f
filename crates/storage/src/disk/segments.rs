//! The segments: the log's files, and the store its documents are read from.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use document::Operation;
use parking_lot::RwLock;
use shard::{
    log::{BoxFuture, Entry, Position},
    store::{Location, Store, StoreError},
};

use super::{
    directory::{Directory, DiskError, NamedFile},
    format::{SEGMENT_HEADER_BYTES, SegmentIdentity, decode_record, locations},
};

/// One segment, open.
pub(super) struct Segment {
    /// Which.
    pub(super) identity: SegmentIdentity,
    /// Its file.
    pub(super) file: NamedFile,
    /// Where what counts of it ends. Of the segment that is written to, the appender knows how much of
    /// that is durable.
    end: AtomicU64,
}

impl Segment {
    /// A segment that is there already.
    pub(super) fn new(identity: SegmentIdentity, file: NamedFile, end: u64) -> Self {
        Self { identity, file, end: AtomicU64::new(end) }
    }

    /// A new segment with its header, neither of them durable yet.
    pub(super) fn create(
        directory: &Directory,
        identity: SegmentIdentity,
    ) -> Result<Self, DiskError> {
        let file = directory.create(&identity.file_name())?;
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

/// All segments of the log by number, and thereby the store of all its streams.
#[derive(Default)]
pub(super) struct Segments {
    by_number: RwLock<BTreeMap<u32, Arc<Segment>>>,
}

impl Segments {
    /// Adds a segment, which can be read from then on.
    pub(super) fn add(&self, segment: Arc<Segment>) {
        self.by_number.write().insert(segment.identity.number, segment);
    }

    /// The segments from `number` on.
    pub(super) fn from(&self, number: u32) -> Vec<Arc<Segment>> {
        self.by_number.read().range(number..).map(|(_, segment)| Arc::clone(segment)).collect()
    }

    /// The segment of a location.
    fn find(&self, location: Location) -> Result<Arc<Segment>, StoreError> {
        let by_number = self.by_number.read();
        by_number
            .get(&location.segment)
            .map(Arc::clone)
            .ok_or_else(|| StoreError::Damaged(format!("there is no segment {}", location.segment)))
    }
}

impl Store for Segments {
    fn apply(&self, position: Position, entry: &Entry) -> Result<Vec<Location>, StoreError> {
        Ok(locations(position, entry))
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

    fn retire(&self, _location: Location) {}

    fn read(&self, location: Location) -> BoxFuture<'_, Result<Operation, StoreError>> {
        let segment = self.find(location);
        Box::pin(async move {
            let segment = segment?;
            let read = tokio::task::spawn_blocking(move || segment.read_operation(location)).await;
            read.unwrap_or_else(|cause| {
                let context = "a read did not end".to_owned();
                Err(StoreError::Failed { context, cause: cause.into() })
            })
        })
    }
}
