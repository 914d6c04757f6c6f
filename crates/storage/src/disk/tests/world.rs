//! A log on a simulated disk, driven step by step, and what was promised about it when.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use document::{DocumentId, Effect, Operation, PrimaryTerm, SeqNo, Timestamp, Version};
use shard::{
    SystemThreads,
    log::{
        AppendError, Durability, Entry, EntryOutline, LogError, LogStatistics, Refused, StreamId,
        conformance::{Shown, ShownEntry, index, without_noops},
    },
    store::Store,
};

use tokio::time::Instant;

use super::super::{
    DiskLog, Options,
    appender::{Append, Appender},
    checkpoint,
    collection::remove_dropped,
    format::{Place, in_memory},
    manifest::ListedSegment,
    recovery::recover,
    segments::{Segment, Segments},
    statistics::statistics,
};
use crate::file::simulated::{Image, SimulatedFileSystem};

/// So small that a few appends fill a segment.
pub(super) const TINY: Options = Options {
    segment_bytes_max: 1_500,
    group_bytes_max: 4_096,
    group_entries_max: 16,
    collected_bytes_per_second: 0,
    opening_threads_max: 1,
    term_min: PrimaryTerm::FIRST,
};

/// The streams of these tests.
pub(super) const STREAMS: [StreamId; 3] = [StreamId::new(0), StreamId::new(1), StreamId::new(7)];

/// An opened log and what it showed.
pub(super) struct Opened {
    pub(super) appender: Appender,
    /// Of each stream the entries that hold operations.
    pub(super) entries: BTreeMap<StreamId, Vec<Entry>>,
    pub(super) terms: BTreeMap<StreamId, PrimaryTerm>,
}

/// Opens the log in a directory and reads everything it shows.
pub(super) fn open(files: &SimulatedFileSystem) -> Result<Opened, LogError> {
    open_with(files, TINY)
}

fn open_with(files: &SimulatedFileSystem, options: Options) -> Result<Opened, LogError> {
    let mut shown = Shown::wanting(&STREAMS);
    let directory = DiskLog::with_file_system(Arc::new(files.clone()), options).directory;
    let appender = recover(directory, options, Arc::new(SystemThreads), &mut shown)?;
    let mut entries = BTreeMap::<_, Vec<_>>::new();
    let mut last = BTreeMap::new();
    for ShownEntry { stream, position, entry, locations } in shown.entries {
        let before = last.insert(stream, position).unwrap_or_default();
        assert!(position > before, "entries come in the order of their stream");
        for (location, operation) in locations.into_iter().zip(&entry.operations) {
            let read = appender.shared.segments.read_cached(location).unwrap().unwrap();
            assert_eq!(read, *operation);
        }
        if !entry.operations.is_empty() {
            entries.entry(stream).or_default().push(entry);
        }
    }
    let term = |id| appender.shared.streams.open(id).unwrap().end.term;
    let terms = STREAMS.into_iter().map(|id| (id, term(id))).collect();
    Ok(Opened { appender, entries, terms })
}

/// An entry that was appended, and how far the disk was then.
struct Attempt {
    stream: StreamId,
    entry: Entry,
    begun: usize,
    answered: usize,
    /// When it was answered and durable.
    acknowledged: Option<usize>,
}

/// A log in use.
pub(super) struct World {
    pub(super) files: SimulatedFileSystem,
    options: Options,
    now: Instant,
    appender: Option<Appender>,
    attempts: Vec<Attempt>,
    /// The terms each opening started, and how far the disk was when it was open.
    terms: Vec<(usize, BTreeMap<StreamId, PrimaryTerm>)>,
    next_seq_no: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_options(TINY)
    }

    pub(super) fn with_options(options: Options) -> Self {
        Self {
            files: SimulatedFileSystem::default(),
            options,
            now: Instant::now(),
            appender: None,
            attempts: Vec::new(),
            terms: Vec::new(),
            next_seq_no: 1,
        }
    }

    /// Opens the log; whoever had it open was killed.
    pub(super) fn open(&mut self) {
        self.appender = None;
        let opened = open_with(&self.files, self.options).unwrap();
        self.check(&opened, self.files.changes());
        self.terms.push((self.files.changes(), opened.terms));
        self.appender = Some(opened.appender);
    }

    pub(super) fn close(&mut self) {
        self.appender.take().unwrap().close().unwrap();
        self.acknowledge();
    }

    /// Sets when further appends to a stream are answered, until the next opening.
    pub(super) fn set_durability(&mut self, stream: StreamId, durability: Durability) {
        self.appender.as_mut().unwrap().shared.streams.set_durability(stream, durability);
    }

    /// Lets time pass, unnoticed.
    pub(super) fn advance(&mut self, time: Duration) {
        self.now += time;
    }

    /// Lets time pass and the appender do what is due.
    pub(super) fn pass(&mut self, time: Duration) {
        self.advance(time);
        self.appender.as_mut().unwrap().run_due(self.now).unwrap();
        self.acknowledge();
    }

    /// Takes note of what became durable.
    fn acknowledge(&mut self) {
        let is_durable = |appender: &Appender| appender.durable().offset == appender.segment.end();
        if self.appender.as_ref().is_none_or(is_durable) {
            let now = self.files.changes();
            for attempt in &mut self.attempts {
                attempt.acknowledged.get_or_insert(now);
            }
        }
    }

    /// Appends one group: for each stream an entry with sources of these lengths. Says which of the
    /// entries were acknowledged.
    pub(super) fn append(&mut self, group: &[(StreamId, &[usize])]) -> Vec<bool> {
        let mut next = self.next_seq_no;
        let mut operations = |sources: &[usize]| {
            let next = |bytes: &usize| {
                next += 1;
                operation(next - 1, *bytes)
            };
            sources.iter().map(next).collect()
        };
        let group = group.iter().map(|(stream, sources)| (*stream, operations(sources))).collect();
        self.append_operations(group).into_iter().map(|ended| ended.is_ok()).collect()
    }

    /// What the log tells those who watch it.
    pub(super) fn statistics(&self) -> LogStatistics {
        statistics(&self.appender.as_ref().unwrap().shared, 0)
    }

    /// A number that no operation has had.
    pub(super) fn next_seq_no(&self) -> u64 {
        self.next_seq_no
    }

    /// Whether new documents are refused.
    pub(super) fn is_full(&self) -> bool {
        self.appender.as_ref().unwrap().shared.is_full.load(Ordering::Acquire)
    }

    /// Appends one entry with this operation; says why if it was refused.
    pub(super) fn write(&mut self, stream: StreamId, operation: Operation) -> Result<(), String> {
        self.write_entry(stream, vec![operation])
    }

    /// Appends one entry; says why if it was refused.
    pub(super) fn write_entry(
        &mut self,
        stream: StreamId,
        operations: Vec<Operation>,
    ) -> Result<(), String> {
        self.append_operations(vec![(stream, operations)]).pop().unwrap()
    }

    /// Appends one group: for each stream an entry. Says of each why if it was refused.
    pub(super) fn append_operations(
        &mut self,
        group: Vec<(StreamId, Vec<Operation>)>,
    ) -> Vec<Result<(), String>> {
        let appender = self.appender.as_mut().unwrap();
        let begun = self.files.changes();
        let mut batch = Vec::new();
        let mut waiting = Vec::new();
        for (stream, operations) in &group {
            let operations = operations.clone();
            let state = appender.shared.streams.open(*stream).unwrap();
            let used = operations.iter().map(|operation| operation.seq_no.get() + 1).max();
            self.next_seq_no = self.next_seq_no.max(used.unwrap_or(0));
            let next_seq_no = SeqNo::new(self.next_seq_no);
            let entry = Entry { term: state.end.term, next_seq_no, operations };
            let (append, answered) = Append::new(*stream, &state, &entry, state.end.last).unwrap();
            batch.push(append);
            let operations = without_noops(entry.operations);
            waiting.push((*stream, Entry { operations, ..entry }, answered));
        }
        appender.commit(batch, self.now).unwrap();
        appender.run_due(self.now).unwrap();
        let mut acknowledged = Vec::new();
        for (stream, entry, mut answered) in waiting {
            let answer = answered.try_recv().unwrap();
            // An opening shows no no-ops.
            acknowledged.push(match &answer {
                Ok(_) => Ok(()),
                Err(AppendError::Refused(Refused::NoRoom(cause))) => Err(cause.to_string()),
                Err(error) => panic!("{error}"),
            });
            if answer.is_ok() && !entry.operations.is_empty() {
                let answered = self.files.changes();
                self.attempts.push(Attempt { stream, entry, begun, answered, acknowledged: None });
            }
        }
        self.acknowledge();
        acknowledged
    }

    /// Writes the checkpoints that are missing; says how many.
    pub(super) fn checkpoint(&self) -> usize {
        let appender = self.appender.as_ref().unwrap();
        let segments = appender.shared.segments.from(0);
        let is_due = |segment: &&Arc<Segment>| {
            segment.identity != appender.segment.identity && !segment.has_checkpoint()
        };
        let due: Vec<_> = segments.iter().filter(is_due).collect();
        for segment in &due {
            checkpoint::write(&appender.directory, segment).unwrap();
        }
        due.len()
    }

    /// Gives up the closed segments that hold nothing but markers and have later entries of their
    /// streams behind them, as collection does; says how many.
    pub(super) fn drop_empty(&mut self) -> usize {
        let appender = self.appender.as_mut().unwrap();
        let directory = &appender.directory;
        let is_empty = |listed: &&ListedSegment| {
            let Some(checkpoint) = checkpoint::read(directory, listed).unwrap() else {
                return false;
            };
            let mut is_empty = true;
            let visit = |stream, entry: &EntryOutline<'_>| {
                let last = Place::from(appender.shared.streams.last(stream));
                is_empty &= entry.operations.is_empty();
                is_empty &= last.segment > listed.identity.number;
            };
            checkpoint.show(visit).unwrap();
            is_empty
        };
        let empty: Vec<_> = appender
            .manifest
            .segments
            .iter()
            .filter(is_empty)
            .map(|listed| listed.identity)
            .collect();
        let numbers: Vec<_> = empty.iter().map(|identity| identity.number).collect();
        appender.manifest = appender.manifest.without(&numbers);
        appender.manifest.store(directory).unwrap();
        for identity in empty {
            directory.remove(&identity.file_name()).unwrap();
            directory.remove(&checkpoint::file_name(identity.number)).unwrap();
        }
        directory.sync().unwrap();
        appender.manifest.forget_dropped();
        numbers.len()
    }

    /// The store.
    pub(super) fn store(&self) -> Arc<Segments> {
        Arc::clone(&self.appender.as_ref().unwrap().shared.segments)
    }

    /// Closes the segment that is written to.
    pub(super) fn close_segment(&mut self) {
        self.appender.as_mut().unwrap().close_segment().unwrap();
    }

    /// As [`Self::drop_empty`], by way of the appender and the store.
    pub(super) fn take_away_empty(&mut self) -> usize {
        let appender = self.appender.as_mut().unwrap();
        let open = appender.segment.identity.number;
        let identities = appender.manifest.segments.iter().map(|listed| listed.identity);
        let closed: Vec<_> = identities.filter(|identity| identity.number < open - 2).collect();
        for identity in &closed {
            appender.drop_segment(identity.number).unwrap();
            remove_dropped(&appender.directory, *identity).unwrap();
        }
        appender.forget_dropped();
        closed.len()
    }

    /// That an opening after a crash shows what it must and nothing else. The crash came when so
    /// many changes had been made.
    pub(super) fn check(&self, opened: &Opened, changes: usize) {
        for stream in STREAMS {
            let shown = opened.entries.get(&stream).map_or(&[][..], Vec::as_slice);
            let of_stream = || self.attempts.iter().filter(|attempt| attempt.stream == stream);
            let required =
                of_stream().filter(|attempt| attempt.acknowledged.is_some_and(|at| at <= changes));
            let possible = of_stream().filter(|attempt| attempt.begun < changes);
            let (required, possible) = (required.count(), possible.count());
            assert!(
                (required..=possible).contains(&shown.len()),
                "stream {stream}: {} entries shown, {required} acknowledged, {possible} begun",
                shown.len()
            );
            for (shown, attempt) in shown.iter().zip(of_stream()) {
                assert_eq!(*shown, attempt.entry);
            }
            for (_, terms) in self.terms.iter().filter(|(opened, _)| *opened <= changes) {
                assert!(opened.terms[&stream] > terms[&stream], "terms rise");
            }
        }
    }

    /// That an opening after a kill shows all that was answered, durable or not.
    pub(super) fn check_killed(&self, opened: &Opened, changes: usize) {
        self.check(opened, changes);
        for stream in STREAMS {
            let shown = opened.entries.get(&stream).map_or(0, Vec::len);
            let of_stream = self.attempts.iter().filter(|attempt| attempt.stream == stream);
            let answered = of_stream.filter(|attempt| attempt.answered <= changes).count();
            assert!(shown >= answered, "stream {stream}: {shown} of {answered} entries shown");
        }
    }

    /// The segment that is written to.
    pub(super) fn open_segment(&self) -> Arc<Segment> {
        Arc::clone(&self.appender.as_ref().unwrap().segment)
    }

    /// Where what counts of a segment ends.
    pub(super) fn end(&self, file_name: &str) -> Option<usize> {
        let segments = self.appender.as_ref().unwrap().shared.segments.from(0);
        let mut named = segments.iter().filter(|segment| segment.identity.file_name() == file_name);
        named.next().map(|segment| in_memory(segment.end()))
    }

    /// What the disk would hold if the clean stop forgot its end mark.
    pub(super) fn stopped_without_end_mark(mut self) -> Image {
        let appender = self.appender.take().unwrap();
        appender.manifest.stopped(appender.segment.end()).store(&appender.directory).unwrap();
        self.files.image()
    }

    /// Opens what a crash after so many changes left, and checks it.
    pub(super) fn open_image(
        &self,
        image: &Image,
        changes: usize,
    ) -> (SimulatedFileSystem, Opened) {
        let files = SimulatedFileSystem::new(image.clone());
        let opened = open(&files).unwrap_or_else(|error| {
            panic!("after {changes} changes: {error}");
        });
        self.check(&opened, changes);
        (files, opened)
    }
}

/// An operation of each kind in turn, with a source of so many bytes if it has one.
fn operation(seq_no: u64, bytes: usize) -> Operation {
    let operation = |effect| Operation {
        seq_no: SeqNo::new(seq_no),
        term: PrimaryTerm::FIRST,
        time: Timestamp::from_millis(7),
        effect,
    };
    match seq_no % 5 {
        3 => operation(Effect::Delete { id: DocumentId::from("gone"), version: Version::FIRST }),
        4 => operation(Effect::Noop { reason: "nothing".into() }),
        _ => index(seq_no, &"{\"field\":1}".repeat(bytes / 11 + 1)[..bytes]),
    }
}

/// A life with everything in it: streams that share groups, entries larger than a segment, segments
/// that fill up, checkpoints, segments that are given up, clean stops and kills.
pub(super) fn eventful_life() -> World {
    let [one, two, three] = STREAMS;
    let mut world = World::new();
    world.open();
    world.append(&[(one, &[20])]);
    world.append(&[(one, &[300, 10]), (two, &[0])]);
    world.append(&[(two, &[5, 5, 5, 5])]);
    world.append(&[(one, &[700])]);
    world.append(&[(three, &[2_500]), (one, &[1])]);
    assert!(world.checkpoint() > 1);
    world.append(&[(two, &[30])]);
    world.close();
    world.open();
    world.append(&[(two, &[400]), (one, &[100]), (three, &[3])]);
    // Killed: the last group is a tail.
    world.open();
    world.append(&[(three, &[512])]);
    world.append(&[(three, &[13])]);
    world.open();
    world.open();
    assert!(world.checkpoint() > 1);
    assert!(world.drop_empty() > 0);
    world.append(&[(one, &[40]), (two, &[40])]);
    world.close();
    world.open();
    world
}
