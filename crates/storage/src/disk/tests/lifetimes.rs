//! A log that is collected: what its documents must be after every crash of a long life.
//!
//! A table in the test's hands stands for the shards: it folds what an opening shows by sequence
//! number, says what counts, and has the copies appended, as the shards' writers would.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};
use tokio::time::Instant;

use bytes::Bytes;
use document::{DocumentId, Effect, LastWrite, Operation, PrimaryTerm, SeqNo, Timestamp, Version};
use parking_lot::Mutex;
use shard::{
    SystemThreads,
    log::{
        BoxFuture, Entry, EntryOutline, LogError, LogStatistics, OutlineEffect, Position, Relocate,
        RelocateError, Replay, StoredOperation, StreamId,
    },
    store::{Location, Store},
};

use super::super::{
    DiskLog, Options,
    appender::{Append, Appender},
    checkpoint,
    collection::{Evacuation, Leaving, Pace, remove_dropped},
    format::locations,
    recovery::recover,
    statistics::statistics,
};
use crate::file::simulated::{Image, SimulatedFileSystem};

const TINY: Options = Options {
    segment_bytes_max: 1_200,
    group_bytes_max: 4_096,
    group_entries_max: 16,
    collected_bytes_per_second: 0,
    opening_threads_max: 1,
    term_min: PrimaryTerm::FIRST,
};

/// What is held of a document: its last number, and where its source lies unless it was deleted.
type Held = (SeqNo, Option<Location>);

/// What the shards know.
#[derive(Default)]
struct Table {
    documents: BTreeMap<(StreamId, String), Held>,
    next: BTreeMap<StreamId, SeqNo>,
    terms: BTreeMap<StreamId, PrimaryTerm>,
    /// The streams that are wanted.
    live: Vec<StreamId>,
    /// Whether deletes are remembered.
    remembers: bool,
}

impl Table {
    /// Folds in an operation; returns the location that is of no use any more.
    fn fold(
        &mut self,
        stream: StreamId,
        id: &str,
        seq_no: SeqNo,
        place: Option<Location>,
    ) -> Option<Location> {
        let held = self.documents.get(&(stream, id.to_owned())).copied();
        match held {
            Some((newer, now)) if newer > seq_no => place.filter(|place| Some(*place) != now),
            _ => {
                self.documents.insert((stream, id.to_owned()), (seq_no, place));
                held.and_then(|(_, before)| before).filter(|before| Some(*before) != place)
            }
        }
    }
}

impl Table {
    fn fold_entry(
        &mut self,
        stream: StreamId,
        entry: &EntryOutline<'_>,
        retired: &mut Vec<Location>,
    ) {
        for operation in entry.operations {
            let place = match operation.effect {
                OutlineEffect::Indexed => Some(operation.location),
                OutlineEffect::Deleted(_) => None,
            };
            retired.extend(self.fold(stream, operation.id, operation.last.seq_no, place));
        }
        let next = self.next.entry(stream).or_insert(SeqNo::ZERO);
        *next = (*next).max(entry.next_seq_no);
        let term = self.terms.entry(stream).or_insert(entry.term);
        *term = (*term).max(entry.term);
    }
}

/// A table that is shown a log.
struct Shown(Mutex<Table>);

impl Replay for Shown {
    fn entry(&self, stream: StreamId, entry: &EntryOutline<'_>, retired: &mut Vec<Location>) {
        self.0.lock().fold_entry(stream, entry, retired);
    }

    fn live_streams(&mut self, store: &dyn Store) -> Result<Vec<StreamId>, LogError> {
        let table = self.0.get_mut();
        let live = table.live.clone();
        table.documents.retain(|(stream, _), (_, place)| {
            if let (false, Some(place)) = (live.contains(stream), place) {
                store.retire(*place);
            }
            live.contains(stream)
        });
        Ok(live)
    }
}

/// A table as collection asks it.
struct Asked(Mutex<Table>);

impl Relocate for Asked {
    fn counts(&self, stream: StreamId, found: &StoredOperation, older_elsewhere: bool) -> bool {
        let table = self.0.lock();
        let Some((id, last)) = found.operation.target() else { return false };
        let held = table.documents.get(&(stream, id.as_str().to_owned()));
        match (&found.operation.effect, held) {
            (Effect::Index { .. }, held) => {
                held.is_some_and(|(_, place)| *place == Some(found.location))
            }
            (_, Some((seq_no, None))) => {
                *seq_no == last.seq_no && (table.remembers || older_elsewhere)
            }
            (_, None) => older_elsewhere,
            (_, Some((_, Some(_)))) => false,
        }
    }

    fn tombstones(&self) -> u64 {
        0
    }

    fn sweep(&self) {}

    fn relocate(
        &self,
        _: StreamId,
        _: Vec<StoredOperation>,
        _: bool,
        _: bool,
    ) -> BoxFuture<'_, Result<(), RelocateError>> {
        unreachable!("the test appends the copies")
    }
}

/// What a reader finds: of each stream the number that comes next, and each document's last number
/// and source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    documents: BTreeMap<(StreamId, String), (SeqNo, Bytes)>,
    next: BTreeMap<StreamId, SeqNo>,
}

impl Contents {
    fn read(table: &Table, appender: &Appender) -> Self {
        let mut contents = Self::default();
        for ((stream, id), (seq_no, place)) in &table.documents {
            let Some(place) = place else { continue };
            let stored = appender.shared.segments.read_blocking(*place).unwrap();
            let Effect::Index { id: stored_id, source, .. } = stored.effect else { panic!() };
            assert_eq!((stored_id.as_str(), stored.seq_no), (id.as_str(), *seq_no));
            contents.documents.insert((*stream, id.clone()), (*seq_no, source));
        }
        let live = table.live.iter();
        contents.next = live
            .map(|stream| (*stream, table.next.get(stream).copied().unwrap_or(SeqNo::ZERO)))
            .collect();
        contents
    }
}

/// A log that was opened, with what is known of it.
pub(super) struct Opened {
    appender: Appender,
    asked: Asked,
    /// Entries that are durable, and their writers have not noticed yet.
    late: Vec<(StreamId, Position, Entry)>,
}

pub(super) fn open(files: &SimulatedFileSystem, live: &[StreamId]) -> Opened {
    let mut shown = Shown(Mutex::new(Table { live: live.to_vec(), ..Table::default() }));
    let directory = DiskLog::with_file_system(Arc::new(files.clone()), TINY).directory;
    let appender = recover(directory, TINY, Arc::new(SystemThreads), &mut shown)
        .unwrap_or_else(|error| panic!("{error}"));
    Opened { appender, asked: Asked(shown.0), late: Vec::new() }
}

impl Opened {
    pub(super) fn contents(&self) -> Contents {
        Contents::read(&self.asked.0.lock(), &self.appender)
    }

    /// The terms in which the streams can be written to.
    pub(super) fn terms(&self) -> BTreeMap<StreamId, PrimaryTerm> {
        let live = self.asked.0.lock().live.clone();
        let term = |id| self.appender.shared.streams.open(id).unwrap().end.term;
        live.into_iter().map(|id| (id, term(id))).collect()
    }

    /// Appends an entry of these operations, and folds it in. A stream's writer does so with the entry
    /// before, before it appends the next.
    fn append(&mut self, stream: StreamId, operations: Vec<Operation>, next_seq_no: SeqNo) {
        let late = std::mem::take(&mut self.late);
        for (of, position, entry) in late {
            if of == stream {
                self.fold(of, position, entry);
            } else {
                self.late.push((of, position, entry));
            }
        }
        self.append_late(stream, operations, next_seq_no);
        if let Some((stream, position, entry)) = self.late.pop() {
            self.fold(stream, position, entry);
        }
    }

    /// Appends an entry of these operations, which its writer does not notice.
    fn append_late(&mut self, stream: StreamId, operations: Vec<Operation>, next_seq_no: SeqNo) {
        let state = self.appender.shared.streams.open(stream).unwrap();
        let entry = Entry { term: state.end.term, next_seq_no, operations };
        let (append, mut answered) = Append::new(stream, &state, &entry, state.end.last).unwrap();
        self.appender.commit(vec![append], Instant::now()).unwrap();
        let position = answered.try_recv().unwrap().unwrap();
        self.late.push((stream, position, entry));
    }

    fn fold(&self, stream: StreamId, position: Position, entry: Entry) {
        let segments = &self.appender.shared.segments;
        let places = segments.apply(position, &entry).unwrap();
        assert_eq!(places, locations(position, &entry));
        let mut table = self.asked.0.lock();
        for (operation, place) in entry.operations.iter().zip(places) {
            let id = operation.target().unwrap().0.as_str();
            let place = Some(place).filter(|_| matches!(operation.effect, Effect::Index { .. }));
            if let Some(retired) = table.fold(stream, id, operation.seq_no, place) {
                segments.retire(retired);
            }
        }
        table.next.insert(stream, entry.next_seq_no);
    }

    /// Collects a closed segment in the steps that maintenance takes.
    fn collect(&mut self, number: u32) {
        for stream in self.appender.shared.streams.ending_in(number) {
            let next = self.appender.shared.streams.open(stream).unwrap().end.next_seq_no;
            self.append(stream, Vec::new(), next);
        }
        let segments = Arc::clone(&self.appender.shared.segments);
        let facts = segments.facts();
        let older = facts.iter().take_while(|facts| facts.number < number);
        let older_elsewhere = older.into_iter().any(|facts| facts.retired_bytes > 0);
        let evacuation = Evacuation { number, older_elsewhere, pace: Pace::Calm };
        let mut leaving = Leaving::new(segments.get(number).unwrap(), evacuation);
        let live = self.asked.0.lock().live.clone();
        while let Some(chunk) = leaving.next_chunk(&self.asked).unwrap() {
            // Small parts, so that crashes come between them.
            for (stream, part) in chunk.into_parts(200) {
                if live.contains(&stream) {
                    let operations = part.into_iter().map(|found| found.operation).collect();
                    let next = self.appender.shared.streams.open(stream).unwrap().end.next_seq_no;
                    self.append(stream, operations, next);
                }
            }
        }
        self.appender.drop_segment(number).unwrap();
        remove_dropped(&self.appender.directory, leaving.identity()).unwrap();
        self.appender.forget_dropped();
        assert!(self.appender.manifest.dropped.is_empty(), "or each manifest would be longer");
    }
}

/// What was true from some point of the disk's history on.
struct Moment {
    changes: usize,
    contents: Contents,
    live: Vec<StreamId>,
    terms: BTreeMap<StreamId, PrimaryTerm>,
}

/// A log in use, and everything it has promised.
pub(super) struct Lifetime {
    pub(super) files: SimulatedFileSystem,
    opened: Option<Opened>,
    live: Vec<StreamId>,
    remembers: bool,
    moments: Vec<Moment>,
    written: RefCell<u64>,
}

impl Lifetime {
    pub(super) fn new(live: &[StreamId]) -> Self {
        let files = SimulatedFileSystem::default();
        let mut lifetime = Self {
            files,
            opened: None,
            live: live.to_vec(),
            remembers: false,
            moments: Vec::new(),
            written: RefCell::new(0),
        };
        let next = live.iter().map(|stream| (*stream, SeqNo::ZERO)).collect();
        lifetime.moments.push(Moment {
            changes: 0,
            contents: Contents { next, ..Contents::default() },
            live: live.to_vec(),
            terms: BTreeMap::new(),
        });
        lifetime.start();
        lifetime
    }

    /// Opens the log; whoever had it open was killed or has stopped.
    pub(super) fn start(&mut self) {
        self.opened = None;
        let opened = open(&self.files, &self.live);
        opened.asked.0.lock().remembers = self.remembers;
        assert_eq!(opened.contents(), self.moments.last().unwrap().contents);
        self.opened = Some(opened);
        self.note();
    }

    pub(super) fn stop(&mut self) {
        self.opened.take().unwrap().appender.close().unwrap();
    }

    /// Whether deletes are remembered from now on.
    pub(super) fn remember_deletes(&mut self, remembers: bool) {
        self.remembers = remembers;
        self.opened().asked.0.lock().remembers = remembers;
    }

    /// Writes documents of a stream: with a source of so many bytes, or deletes them.
    pub(super) fn write(&mut self, stream: StreamId, writes: &[(&str, Option<usize>)]) {
        let (operations, next) = self.operations(stream, writes);
        self.opened.as_mut().unwrap().append(stream, operations, next);
        self.note();
    }

    /// The same, but the stream's writer has not noticed yet that they are durable.
    pub(super) fn write_late(&mut self, stream: StreamId, writes: &[(&str, Option<usize>)]) {
        let (operations, next) = self.operations(stream, writes);
        self.opened.as_mut().unwrap().append_late(stream, operations, next);
    }

    fn operations(
        &mut self,
        stream: StreamId,
        writes: &[(&str, Option<usize>)],
    ) -> (Vec<Operation>, SeqNo) {
        let written = &self.written;
        let opened = self.opened.as_mut().unwrap();
        let mut next = opened.appender.shared.streams.open(stream).unwrap().end.next_seq_no;
        let term = opened.appender.shared.streams.open(stream).unwrap().end.term;
        let mut operations = Vec::new();
        for (id, bytes) in writes {
            *written.borrow_mut() += 1;
            let (id, version) = (DocumentId::from(*id), Version::FIRST);
            let last = LastWrite { seq_no: next, term, version };
            let effect = match bytes {
                Some(bytes) => {
                    let text = format!("{{\"n\":{},\"f\":\"", written.borrow());
                    let source = Bytes::from(text.clone() + &"x".repeat(*bytes) + "\"}");
                    Effect::Index { id, routing: None, version, source }
                }
                None => Effect::Delete { id, version },
            };
            let time = Timestamp::from_millis(7);
            operations.push(Operation { seq_no: last.seq_no, term, time, effect });
            next = next.next();
        }
        (operations, next)
    }

    /// Collects the closed segments at these places in the list.
    pub(super) fn collect(&mut self, places: &[usize]) {
        let segments = self.opened().appender.shared.segments.facts();
        let closed: Vec<_> = segments.iter().filter(|facts| facts.closed).collect();
        let numbers: Vec<_> = places
            .iter()
            .filter_map(|place| closed.get(*place))
            .map(|facts| facts.number)
            .collect();
        let segments = Arc::clone(&self.opened().appender.shared.segments);
        for number in numbers.into_iter().filter(|number| segments.get(*number).is_some()) {
            self.opened.as_mut().unwrap().collect(number);
            self.note();
        }
    }

    /// Collects every closed segment.
    pub(super) fn collect_all(&mut self) {
        let count = self.opened().appender.shared.segments.facts().len();
        self.collect(&(0..count).collect::<Vec<_>>());
    }

    /// Ends the segment that is written to.
    pub(super) fn roll(&mut self) {
        self.opened.as_mut().unwrap().appender.close_segment().unwrap();
    }

    /// Writes the checkpoints that are missing.
    pub(super) fn checkpoint(&mut self) {
        let appender = &self.opened().appender;
        for segment in appender.shared.segments.without_checkpoint() {
            checkpoint::write(&appender.directory, &segment).unwrap();
        }
    }

    /// A stream's index is deleted, durably, elsewhere.
    pub(super) fn remove(&mut self, stream: StreamId) {
        self.live.retain(|live| *live != stream);
        let opened = self.opened.as_mut().unwrap();
        opened.appender.shared.streams.remove(stream);
        let segments = Arc::clone(&opened.appender.shared.segments);
        let mut table = opened.asked.0.lock();
        table.live = self.live.clone();
        table.documents.retain(|(of, _), (_, place)| {
            if let (true, Some(place)) = (*of == stream, place) {
                segments.retire(*place);
            }
            *of != stream
        });
        drop(table);
        self.note();
    }

    /// The number of documents and the bytes of all segments.
    pub(super) fn size(&self) -> (usize, u64) {
        let opened = self.opened();
        let facts = opened.appender.shared.segments.facts();
        (opened.contents().documents.len(), facts.iter().map(|facts| facts.bytes).sum())
    }

    /// What the log tells those who watch it.
    pub(super) fn statistics(&self) -> LogStatistics {
        statistics(&self.opened().appender.shared, 0)
    }

    fn opened(&self) -> &Opened {
        self.opened.as_ref().unwrap()
    }

    /// Notes what is promised from now on.
    fn note(&mut self) {
        let opened = self.opened();
        let (contents, terms) = (opened.contents(), opened.terms());
        let (changes, live) = (self.files.changes(), self.live.clone());
        self.moments.push(Moment { changes, contents, live, terms });
    }

    /// Opens what a crash after so many changes left, and checks that it is what was promised by
    /// then, or what was about to be.
    pub(super) fn check(&self, image: &Image, changes: usize) -> (SimulatedFileSystem, Opened) {
        let files = SimulatedFileSystem::new(image.clone());
        let opened = self.check_files(&files, changes);
        (files, opened)
    }

    pub(super) fn check_files(&self, files: &SimulatedFileSystem, changes: usize) -> Opened {
        let promised = self.moments.iter().rposition(|moment| moment.changes <= changes).unwrap();
        let moment = &self.moments[promised];
        let opened = open(files, &moment.live);
        let contents = opened.contents();
        let about = self.moments.get(promised + 1);
        let about = about.filter(|about| about.live == moment.live);
        assert!(
            contents == moment.contents || about.is_some_and(|about| contents == about.contents),
            "after {changes} changes: {contents:#?}\npromised: {:#?}\nabout: {:#?}",
            moment.contents,
            about.map(|about| &about.contents)
        );
        for (stream, term) in opened.terms() {
            let before = moment.terms.get(&stream);
            assert!(before.is_none_or(|before| term > *before), "terms rise");
        }
        opened
    }
}
