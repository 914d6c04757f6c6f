//! A log on a simulated disk, opened as it is in production, and all that it shows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use document::{LastWrite, Operation, PrimaryTerm, SeqNo};
use parking_lot::Mutex;
use shard::{
    log::{Damage, EntryOutline, LogError, LogProvider, Logs, OutlineEffect, Replay, StreamId},
    store::{Location, Store, StoreError},
};
use storage::{
    disk::{
        DiskLog, Options,
        check::{Report, check, salvage},
    },
    file::simulated::{Image, SimulatedFileSystem},
};

/// So small that a few appends fill a segment.
pub(crate) const TINY: Options = Options {
    segment_bytes_max: 1_500,
    group_bytes_max: 4_096,
    group_entries_max: 16,
    collected_bytes_per_second: 0,
    opening_threads_max: 1,
    term_min: PrimaryTerm::FIRST,
};

/// An operation that an opening shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shown {
    pub(crate) stream: u64,
    pub(crate) id: String,
    /// Its sequence number, term and version.
    pub(crate) last: (u64, u64, i64),
    /// When it was deleted, if it was.
    pub(crate) deleted: Option<i64>,
    /// The source and the routing, if the document is there and they can be read.
    pub(crate) source: Option<(Vec<u8>, Option<String>)>,
}

/// What an opening shows.
#[derive(Debug)]
pub(crate) struct OpenedLog {
    /// In the order of streams, ids and sequence numbers.
    pub(crate) operations: BTreeSet<Shown>,
    /// Which streams say that they are damaged.
    pub(crate) damages: BTreeMap<u64, Damage>,
    /// How many operations are known and cannot be read.
    pub(crate) unreadable: usize,
}

/// Whose operation, on which document, which write, what it made of it, and where it is.
type Outlined = (StreamId, String, LastWrite, OutlineEffect, Location);

/// Takes down what is shown.
#[derive(Default)]
struct Surveyor {
    shown: Mutex<Vec<Outlined>>,
    streams: Mutex<BTreeSet<StreamId>>,
}

impl Replay for Surveyor {
    fn entry(&self, stream: StreamId, entry: &EntryOutline<'_>, _retired: &mut Vec<Location>) {
        self.streams.lock().insert(stream);
        for operation in entry.operations {
            let id = operation.id.to_owned();
            let shown = (stream, id, operation.last, operation.effect, operation.location);
            self.shown.lock().push(shown);
        }
    }

    fn live_streams(&mut self, _store: &dyn Store) -> Result<Vec<StreamId>, LogError> {
        Ok(self.streams.get_mut().iter().copied().collect())
    }
}

/// Opens the log in a directory: all that it shows, and the log.
pub(crate) fn open(files: &SimulatedFileSystem) -> Result<(OpenedLog, Arc<dyn Logs>), LogError> {
    let mut surveyor = Surveyor::default();
    let log = Box::new(DiskLog::with_file_system(Arc::new(files.clone()), TINY));
    let logs = log.open(&mut surveyor)?;
    let mut opened =
        OpenedLog { operations: BTreeSet::new(), damages: BTreeMap::new(), unreadable: 0 };
    for stream in surveyor.streams.into_inner() {
        let damage = logs.stream(stream).unwrap().damage;
        opened.damages.extend(damage.map(|damage| (stream.get(), damage)));
    }
    for (stream, id, last, effect, location) in surveyor.shown.into_inner() {
        let store = logs.stream(stream).unwrap().store;
        // A read gives what was written there, or says that it cannot: a shard compares the two.
        let read = read(&store, location).ok().filter(|operation| {
            operation.target().is_some_and(|(found, write)| found.as_str() == id && write == last)
        });
        opened.unreadable += usize::from(read.is_none());
        let (deleted, source) = match effect {
            OutlineEffect::Deleted(at) => (Some(at.as_millis()), None),
            OutlineEffect::Indexed => (None, read.and_then(source)),
        };
        let last = (last.seq_no.get(), last.term.get(), last.version.get());
        opened.operations.insert(Shown { stream: stream.get(), id, last, deleted, source });
    }
    Ok((opened, logs))
}

/// Reads an operation, at once or in time.
fn read(store: &Arc<dyn Store>, location: Location) -> Result<Operation, StoreError> {
    store.read_cached(location).unwrap_or_else(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(store.read(location))
    })
}

/// The source and the routing of an operation.
pub(crate) fn source(operation: Operation) -> Option<(Vec<u8>, Option<String>)> {
    use document::Effect::{Delete, Index, Noop};
    match operation.effect {
        Index { routing, source, .. } => {
            Some((source.to_vec(), routing.map(|routing| routing.as_str().to_owned())))
        }
        Delete { .. } | Noop { .. } => None,
    }
}

/// What `check` says of a directory, if there is a log in it.
pub(crate) fn report(files: &SimulatedFileSystem) -> Option<Report> {
    check(Arc::new(files.clone()), &mut |_| {}).ok()
}

/// What can be salvaged of a directory: a log that is whole.
///
/// # Panics
/// When the salvaged log is not whole or does not open.
pub(crate) fn salvaged(files: &SimulatedFileSystem) -> Option<OpenedLog> {
    let to = SimulatedFileSystem::default();
    salvage(Arc::new(files.clone()), Arc::new(to.clone()), &mut |_| {}).ok()?;
    let report = report(&to).unwrap();
    assert!(report.is_whole(), "what was salvaged: {:?}", report.findings);
    let (opened, _) = open(&to).unwrap_or_else(|error| panic!("what was salvaged: {error}"));
    assert_eq!(opened.unreadable, 0, "what was salvaged");
    Some(opened)
}

impl OpenedLog {
    /// The newest operation on each document.
    pub(crate) fn newest(&self) -> BTreeMap<(u64, &str), &Shown> {
        let mut newest: BTreeMap<(u64, &str), &Shown> = BTreeMap::new();
        for shown in &self.operations {
            let found = newest.entry((shown.stream, &shown.id)).or_insert(shown);
            if shown.last.0 >= found.last.0 {
                *found = shown;
            }
        }
        newest
    }

    /// Whether a stream says that an operation of this number may be missing.
    pub(crate) fn may_miss(&self, stream: u64, seq_no: u64) -> bool {
        let lost_below = self.damages.get(&stream).and_then(|damage| damage.lost_below);
        lost_below.is_some_and(|bound| SeqNo::new(seq_no) < bound)
    }
}

/// A copy of a directory as it is now, for somebody who comes after a kill.
pub(crate) fn copy(files: &SimulatedFileSystem) -> SimulatedFileSystem {
    SimulatedFileSystem::new(files.image())
}

/// A directory with these files.
pub(crate) fn directory(image: &Image) -> SimulatedFileSystem {
    SimulatedFileSystem::new(image.clone())
}
