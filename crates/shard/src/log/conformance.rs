//! What every log promises, as functions that ask it of one.
//!
//! Each takes a [`Storage`], empty at first, which it may open again and again; dropping what was
//! opened stands for the end of the process. [`log_conformance!`](crate::log_conformance) runs them
//! all, so that no implementation can leave one out.

use std::{
    sync::Arc,
    task::{Context, Waker},
};

use bytes::Bytes;
use document::{
    DocumentId, Effect, LastWrite, Operation, PrimaryTerm, Routing, SeqNo, Timestamp, Version,
};
use parking_lot::Mutex;

use super::{
    AppendError, Durability, Entry, EntryOutline, LogError, LogProvider, Logs, Outline,
    OutlineEffect, Position, Refused, Replay, Stream, StreamId,
};
use crate::store::{Location, Store};

/// Gives what opens one and the same storage.
pub type Storage<'a> = &'a (dyn Fn() -> Box<dyn LogProvider> + Sync);

/// Makes a test of every promise of a log. The expression is an empty storage of its own for each:
/// `|| -> Box<dyn LogProvider>`.
#[macro_export]
macro_rules! log_conformance {
    ($storage:expr) => {
        $crate::log_conformance! { $storage =>
            an_appended_entry_is_read_back,
            operations_are_stored_whole,
            entries_are_read_in_order_from_a_position,
            a_stream_holds_only_its_own_entries,
            an_append_behind_another_position_is_refused,
            a_refused_append_leaves_no_trace,
            an_older_term_is_fenced,
            an_earlier_opening_is_fenced,
            reopening_shows_every_entry,
            every_opening_starts_a_higher_term,
            a_stream_never_seen_opens_in_the_first_term,
            a_created_stream_is_durable,
            an_entry_says_which_number_comes_next,
            an_opening_keeps_the_number_that_comes_next,
            copies_are_stored_as_they_are,
            what_is_answered_before_it_is_durable_is_there_after_a_clean_stop,
            a_log_with_room_says_so,
            what_a_view_has_seen_can_be_released,
            a_stream_that_is_not_wanted_is_not_opened,
            a_removed_stream_refuses_appends,
            an_append_runs_to_its_end_when_nobody_waits,
            concurrent_appends_to_many_streams_are_all_kept,
            a_closed_log_refuses_appends,
            a_closed_log_opens_with_everything,
            closing_twice_is_allowed,
            a_barrier_passes_for_the_only_writer,
            a_working_log_does_not_report_failure,
        }
    };
    ($storage:expr => $($promise:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $promise() {
                $crate::log::conformance::$promise(&$storage).await;
            }
        )*
    };
}

/// Takes down what a log shows when it is opened.
#[derive(Default)]
pub struct Shown {
    /// The streams that are wanted.
    pub live: Vec<StreamId>,
    /// Every entry, in the order of its stream, with its operations as they are stored; no-ops are
    /// not shown.
    pub entries: Vec<ShownEntry>,
    /// What was shown so far.
    coming: Mutex<Vec<ShownEntry>>,
}

/// One entry, as it was shown.
pub struct ShownEntry {
    /// Whose entry.
    pub stream: StreamId,
    /// Where it is.
    pub position: Position,
    /// The entry, but for no-ops.
    pub entry: Entry,
    /// Where its operations are.
    pub locations: Vec<Location>,
}

impl Shown {
    /// Nothing yet, wanting these streams.
    #[must_use]
    pub fn wanting(live: &[StreamId]) -> Self {
        Self { live: live.to_vec(), ..Self::default() }
    }

    /// Opens a storage, wanting these streams.
    pub fn open(storage: Storage<'_>, live: &[StreamId]) -> (Self, Arc<dyn Logs>) {
        let mut shown = Self::wanting(live);
        let logs = storage().open(&mut shown).expect("the log opens");
        (shown, logs)
    }

    /// The operations shown of a stream, in order.
    pub fn operations(&self, stream: StreamId) -> Vec<Operation> {
        let of_stream = self.entries.iter().filter(|shown| shown.stream == stream);
        of_stream.flat_map(|shown| shown.entry.operations.clone()).collect()
    }

    /// The number that follows all that was shown of a stream.
    pub fn next_seq_no(&self, stream: StreamId) -> SeqNo {
        let of_stream = self.entries.iter().filter(|shown| shown.stream == stream);
        of_stream.map(|shown| shown.entry.next_seq_no).max().unwrap_or(SeqNo::ZERO)
    }
}

impl Replay for Shown {
    fn entry(&self, stream: StreamId, entry: &EntryOutline<'_>, _retired: &mut Vec<Location>) {
        // Their sources can be read once all is shown: until then only the outlines are known.
        let operations = entry.operations.iter().map(outlined).collect();
        let locations = entry.operations.iter().map(|operation| operation.location).collect();
        let EntryOutline { position, term, next_seq_no, .. } = *entry;
        let entry = Entry { term, next_seq_no, operations };
        self.coming.lock().push(ShownEntry { stream, position, entry, locations });
    }

    fn live_streams(&mut self, store: &dyn Store) -> Result<Vec<StreamId>, LogError> {
        self.entries = std::mem::take(self.coming.get_mut());
        self.entries.sort_by_key(|shown| shown.position);
        for ShownEntry { entry, locations, .. } in &mut self.entries {
            for (operation, location) in entry.operations.iter_mut().zip(locations) {
                let stored = store.read_blocking(*location).expect("what is shown can be read");
                let shown = outlined(&Outline::new(&stored, *location).expect("a document's"));
                assert_eq!(*operation, shown, "the outline is the stored operation's");
                *operation = stored;
            }
        }
        Ok(self.live.clone())
    }
}

/// An operation of which only the outline is known.
fn outlined(outline: &Outline<'_>) -> Operation {
    let LastWrite { seq_no, term, version } = outline.last;
    let id = DocumentId::from(outline.id);
    let (time, effect) = match outline.effect {
        OutlineEffect::Indexed => {
            let source = Bytes::new();
            (Timestamp::from_millis(0), Effect::Index { id, routing: None, version, source })
        }
        OutlineEffect::Deleted(at) => (at, Effect::Delete { id, version }),
    };
    Operation { seq_no, term, time, effect }
}

/// An entry of these operations, the last that the stream has given.
#[must_use]
pub fn entry(term: PrimaryTerm, operations: Vec<Operation>) -> Entry {
    let last = operations.iter().map(|operation| operation.seq_no).max();
    Entry { term, next_seq_no: last.map_or(SeqNo::ZERO, SeqNo::next), operations }
}

/// These operations but for the no-ops, which an opening does not show.
#[must_use]
pub fn without_noops(operations: Vec<Operation>) -> Vec<Operation> {
    operations.into_iter().filter(|operation| operation.target().is_some()).collect()
}

const ONE: StreamId = StreamId::new(1);
const TWO: StreamId = StreamId::new(2);

/// An operation that indexes a small document.
pub fn index(seq_no: u64, source: &str) -> Operation {
    Operation {
        seq_no: SeqNo::new(seq_no),
        term: PrimaryTerm::FIRST,
        time: Timestamp::from_millis(1_700_000_000_000),
        effect: Effect::Index {
            id: DocumentId::from(format!("id-{seq_no}")),
            routing: None,
            version: Version::FIRST,
            source: Bytes::copy_from_slice(source.as_bytes()),
        },
    }
}

/// One operation of each kind, at the edges of what they can hold.
pub fn every_kind_of_operation() -> Vec<Operation> {
    let id = DocumentId::from("ünïcode\0id");
    let operation = |seq_no, effect| Operation {
        seq_no: SeqNo::new(seq_no),
        term: PrimaryTerm::new(u64::MAX),
        time: Timestamp::from_millis(i64::MIN),
        effect,
    };
    let index = |routing: Option<&str>, version, source: &[u8]| Effect::Index {
        id: id.clone(),
        routing: routing.map(Routing::from),
        version,
        source: Bytes::copy_from_slice(source),
    };
    let zero = Version::new(0).expect("zero is a version");
    vec![
        operation(0, index(None, Version::MAX, b"{}")),
        operation(1, index(Some(""), zero, b"")),
        operation(2, index(Some("r"), Version::FIRST, &[0; 2_000])),
        operation(3, Effect::Delete { id: id.clone(), version: Version::MAX }),
        operation(4, Effect::Noop { reason: "because".into() }),
        operation(5, Effect::Noop { reason: "".into() }),
        operation(
            u64::MAX,
            Effect::Delete { id: DocumentId::from("x".repeat(512)), version: zero },
        ),
    ]
}

/// A stream as its writer keeps it: where it ends and under which term it writes.
struct Writer {
    stream: Stream,
    last: Position,
}

impl Writer {
    fn new(logs: &Arc<dyn Logs>, id: StreamId) -> Self {
        let stream = logs.stream(id).expect("the stream is open");
        Self { last: stream.position, stream }
    }

    fn entry(&self, operations: Vec<Operation>) -> Entry {
        entry(self.stream.term, operations)
    }

    async fn append(&mut self, operations: Vec<Operation>) -> Position {
        let entry = self.entry(operations);
        self.last = self.stream.log.append(&entry, self.last).await.expect("the append succeeds");
        self.last
    }

    async fn append_one(&mut self, seq_no: u64) -> Position {
        self.append(vec![index(seq_no, "source")]).await
    }

    async fn refused(&self, term: PrimaryTerm, expected: Position) -> Refused {
        let entry = entry(term, vec![index(99, "refused")]);
        match self.stream.log.append(&entry, expected).await {
            Err(AppendError::Refused(refused)) => refused,
            other => panic!("the append was not refused: {other:?}"),
        }
    }

    async fn operations_after(&self, from: Position) -> Vec<Operation> {
        let entries = self.entries_after(from).await;
        entries.into_iter().flat_map(|(_, entry)| entry.operations).collect()
    }

    async fn entries_after(&self, from: Position) -> Vec<(Position, Entry)> {
        let mut all = Vec::new();
        let mut from = from;
        loop {
            let read = self.stream.log.read_from(from).await.expect("the log can be read");
            let Some((last, _)) = read.last() else { return all };
            assert!(*last > from, "reading moves on");
            from = *last;
            all.extend(read);
        }
    }
}

/// An append returns its position, behind the one before, and the entry can be read there.
pub async fn an_appended_entry_is_read_back(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let mut writer = Writer::new(&logs, ONE);
    let before = writer.last;
    let position = writer.append(vec![index(0, "a"), index(1, "b")]).await;
    assert!(position > before);
    let entry = writer.entry(vec![index(0, "a"), index(1, "b")]);
    assert_eq!(writer.entries_after(before).await, [(position, entry)]);
}

/// Every part of every kind of operation comes back, from a reading and from a reopening.
pub async fn operations_are_stored_whole(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let mut writer = Writer::new(&logs, ONE);
    writer.append(every_kind_of_operation()).await;
    assert_eq!(writer.operations_after(Position::START).await, every_kind_of_operation());
    drop((writer, logs));
    let (shown, _logs) = Shown::open(storage, &[ONE]);
    assert_eq!(shown.operations(ONE), without_noops(every_kind_of_operation()));
}

/// Reading begins behind the given position and ends with an empty answer.
pub async fn entries_are_read_in_order_from_a_position(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let mut writer = Writer::new(&logs, ONE);
    let mut positions = Vec::new();
    for seq_no in 0..20 {
        positions.push(writer.append_one(seq_no).await);
    }
    assert!(positions.is_sorted());
    for (seq_no, position) in (1..).zip(positions) {
        let wanted: Vec<_> = (seq_no..20).map(|seq_no| index(seq_no, "source")).collect();
        assert_eq!(writer.operations_after(position).await, wanted);
    }
}

/// What is appended to one stream is seen in no other.
pub async fn a_stream_holds_only_its_own_entries(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE, TWO]);
    let (mut one, mut two) = (Writer::new(&logs, ONE), Writer::new(&logs, TWO));
    one.append(vec![index(0, "one")]).await;
    two.append(vec![index(0, "two")]).await;
    one.append(vec![index(1, "one")]).await;
    assert_eq!(one.operations_after(Position::START).await, [index(0, "one"), index(1, "one")]);
    assert_eq!(two.operations_after(Position::START).await, [index(0, "two")]);
}

/// Who expects another last position than there is has missed something.
pub async fn an_append_behind_another_position_is_refused(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let mut writer = Writer::new(&logs, ONE);
    let before = writer.last;
    let position = writer.append(vec![index(0, "a")]).await;
    for wrong in [Position::START, before, Position::new(u64::MAX)] {
        let refused = writer.refused(writer.stream.term, wrong).await;
        assert!(matches!(refused, Refused::Ahead { found } if found == position), "{refused}");
    }
}

/// A refused entry is not there, not now and not after reopening, and the next one succeeds.
pub async fn a_refused_append_leaves_no_trace(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let mut writer = Writer::new(&logs, ONE);
    writer.append(vec![index(0, "a")]).await;
    writer.refused(writer.stream.term, Position::START).await;
    writer.append(vec![index(1, "b")]).await;
    let wanted = [index(0, "a"), index(1, "b")];
    assert_eq!(writer.operations_after(Position::START).await, wanted);
    drop((writer, logs));
    let (shown, _logs) = Shown::open(storage, &[ONE]);
    assert_eq!(shown.operations(ONE), wanted);
}

/// A writer of a term below the stream's is told so.
pub async fn an_older_term_is_fenced(storage: Storage<'_>) {
    drop(Shown::open(storage, &[ONE]));
    let (_, logs) = Shown::open(storage, &[ONE]);
    let writer = Writer::new(&logs, ONE);
    let refused = writer.refused(PrimaryTerm::FIRST, writer.last).await;
    let current = writer.stream.term;
    assert!(
        matches!(refused, Refused::Fenced { offered: PrimaryTerm::FIRST, current: found } if found == current),
        "{refused}"
    );
}

/// Once the log was opened again, a writer of the opening before cannot append.
pub async fn an_earlier_opening_is_fenced(storage: Storage<'_>) {
    let (_, earlier) = Shown::open(storage, &[ONE]);
    let late = Writer::new(&earlier, ONE);
    drop(earlier);
    let (_, logs) = Shown::open(storage, &[ONE]);
    let refused = late.refused(late.stream.term, late.last).await;
    assert!(matches!(refused, Refused::Fenced { .. } | Refused::Closed), "{refused}");
    let mut writer = Writer::new(&logs, ONE);
    writer.append(vec![index(0, "a")]).await;
    assert_eq!(writer.operations_after(Position::START).await, [index(0, "a")]);
}

/// An opening shows each entry once, with its position and a location per operation.
pub async fn reopening_shows_every_entry(storage: Storage<'_>) {
    for opening in 0..4 {
        let (shown, logs) = Shown::open(storage, &[ONE, TWO]);
        let wanted: Vec<_> = (0..opening * 3).map(|seq_no| index(seq_no, "source")).collect();
        for stream in [ONE, TWO] {
            assert_eq!(shown.operations(stream), wanted);
        }
        for ShownEntry { entry, locations, .. } in &shown.entries {
            assert_eq!(locations.len(), entry.operations.len());
        }
        for seq_no in opening * 3..opening * 3 + 3 {
            Writer::new(&logs, ONE).append_one(seq_no).await;
            Writer::new(&logs, TWO).append_one(seq_no).await;
        }
    }
}

/// The term is above every earlier one, whether or not anything was written, and shown as a marker.
pub async fn every_opening_starts_a_higher_term(storage: Storage<'_>) {
    let mut term = PrimaryTerm::new(0);
    for opening in 0..5 {
        let (shown, logs) = Shown::open(storage, &[ONE]);
        for ShownEntry { entry, .. } in &shown.entries {
            assert!(entry.term <= term, "no entry is of a term that was never opened");
        }
        let mut writer = Writer::new(&logs, ONE);
        assert!(writer.stream.term > term);
        term = writer.stream.term;
        if opening % 2 == 0 {
            writer.append(vec![index(opening, "source")]).await;
        }
    }
}

/// A stream that is wanted but has no entry starts in the first term.
pub async fn a_stream_never_seen_opens_in_the_first_term(storage: Storage<'_>) {
    drop(Shown::open(storage, &[ONE]));
    let (_, logs) = Shown::open(storage, &[ONE, TWO]);
    assert_eq!(Writer::new(&logs, TWO).stream.term, PrimaryTerm::FIRST);
    assert!(Writer::new(&logs, ONE).stream.term > PrimaryTerm::FIRST);
}

/// A created stream is in the first term, can be written at once, and is there after reopening.
pub async fn a_created_stream_is_durable(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[]);
    assert!(logs.stream(ONE).is_none());
    let stream = logs.create(ONE).await.expect("the stream is created");
    assert_eq!(stream.term, PrimaryTerm::FIRST);
    let mut writer = Writer { last: stream.position, stream };
    writer.append(vec![index(0, "a")]).await;
    logs.create(TWO).await.expect("the stream is created");
    drop((writer, logs));
    let (shown, logs) = Shown::open(storage, &[ONE, TWO]);
    assert_eq!(shown.operations(ONE), [index(0, "a")]);
    assert!(shown.entries.iter().any(|shown| shown.stream == TWO), "its marker is there");
    assert!(Writer::new(&logs, TWO).stream.term > PrimaryTerm::FIRST);
}

/// The number is stored with the entry, whatever its operations are, and comes back from a reading
/// and from a reopening.
pub async fn an_entry_says_which_number_comes_next(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let mut writer = Writer::new(&logs, ONE);
    let marker = Entry::marker(writer.stream.term, SeqNo::new(7));
    let before = writer.last;
    writer.last = writer.stream.log.append(&marker, writer.last).await.expect("it is appended");
    let entry = Entry { next_seq_no: SeqNo::new(9), ..writer.entry(vec![index(7, "a")]) };
    writer.last = writer.stream.log.append(&entry, writer.last).await.expect("it is appended");
    let read = writer.entries_after(before).await;
    let read: Vec<_> = read.into_iter().map(|(_, entry)| entry).collect();
    assert_eq!(read, [marker, entry]);
    drop((writer, logs));
    let (shown, _logs) = Shown::open(storage, &[ONE]);
    assert_eq!(shown.next_seq_no(ONE), SeqNo::new(9));
}

/// The markers that openings append repeat the number: it is known from the last entry alone.
pub async fn an_opening_keeps_the_number_that_comes_next(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    Writer::new(&logs, ONE).append(vec![index(0, "a"), index(1, "b")]).await;
    drop(logs);
    for _ in 0..3 {
        let (shown, logs) = Shown::open(storage, &[ONE, TWO]);
        assert_eq!(shown.next_seq_no(ONE), SeqNo::new(2));
        let writer = Writer::new(&logs, ONE);
        let entries = writer.entries_after(Position::START).await;
        assert_eq!(entries.last().map(|(_, entry)| entry.next_seq_no), Some(SeqNo::new(2)));
        assert_eq!(shown.next_seq_no(TWO), SeqNo::ZERO);
    }
}

/// A copy of an older operation keeps its own number, term, version and time, next to new ones, and
/// is shown beside the original for as long as that is there.
pub async fn copies_are_stored_as_they_are(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let mut writer = Writer::new(&logs, ONE);
    writer.append(without_noops(every_kind_of_operation())).await;
    let originals = without_noops(every_kind_of_operation());
    let copies = [originals.clone(), vec![index(9, "new")]].concat();
    let before = writer.last;
    writer.append(copies.clone()).await;
    assert_eq!(writer.operations_after(before).await, copies);
    drop((writer, logs));
    let (shown, _logs) = Shown::open(storage, &[ONE]);
    assert_eq!(shown.operations(ONE), [originals, copies].concat());
}

/// Appends that need not wait for a sync are as good as others unless the power fails.
pub async fn what_is_answered_before_it_is_durable_is_there_after_a_clean_stop(
    storage: Storage<'_>,
) {
    let (_, logs) = Shown::open(storage, &[ONE, TWO]);
    let (mut one, mut two) = (Writer::new(&logs, ONE), Writer::new(&logs, TWO));
    let sync_interval = std::time::Duration::from_secs(60);
    one.stream.log.set_durability(Durability::Async { sync_interval });
    for seq_no in 0..5 {
        one.append_one(seq_no).await;
        two.append_one(seq_no).await;
        one.append_one(seq_no + 5).await;
    }
    one.stream.log.set_durability(Durability::Request);
    one.append_one(100).await;
    one.stream.log.set_durability(Durability::Async { sync_interval });
    one.append_one(101).await;
    assert_eq!(one.operations_after(Position::START).await.len(), 12);
    logs.close().await.expect("the log closes");
    drop((one, two, logs));
    let (shown, _logs) = Shown::open(storage, &[ONE, TWO]);
    assert_eq!((shown.operations(ONE).len(), shown.operations(TWO).len()), (12, 5));
}

/// As long as appends find room nobody is told that there is none.
pub async fn a_log_with_room_says_so(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let mut writer = Writer::new(&logs, ONE);
    assert!(writer.stream.log.has_room());
    writer.append_one(0).await;
    assert!(writer.stream.log.has_room());
}

/// Releasing forgets nothing by itself: what follows can be read, from there and from the start.
pub async fn what_a_view_has_seen_can_be_released(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let mut writer = Writer::new(&logs, ONE);
    let first = writer.append_one(0).await;
    writer.stream.log.release(first);
    writer.append_one(1).await;
    assert_eq!(writer.operations_after(first).await, [index(1, "source")]);
    writer.stream.log.release(Position::END);
    assert_eq!(writer.operations_after(Position::START).await.len(), 2);
}

/// An opening opens the streams it was asked for and no other.
pub async fn a_stream_that_is_not_wanted_is_not_opened(storage: Storage<'_>) {
    drop(Shown::open(storage, &[ONE, TWO]));
    let (_, logs) = Shown::open(storage, &[TWO]);
    assert!(logs.stream(ONE).is_none());
    assert!(logs.stream(TWO).is_some());
}

/// Nobody writes to a removed stream; the others go on.
pub async fn a_removed_stream_refuses_appends(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE, TWO]);
    let writer = Writer::new(&logs, ONE);
    logs.remove(ONE);
    assert!(logs.stream(ONE).is_none());
    let refused = writer.refused(writer.stream.term, writer.last).await;
    assert!(matches!(refused, Refused::Closed), "{refused}");
    Writer::new(&logs, TWO).append(vec![index(0, "a")]).await;
}

/// A caller that goes away does not take its entry along.
pub async fn an_append_runs_to_its_end_when_nobody_waits(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE, TWO]);
    let writer = Writer::new(&logs, ONE);
    drop(writer.stream.log.append(&writer.entry(vec![index(0, "a")]), writer.last));
    logs.close().await.expect("the log closes");
    drop((writer, logs));
    let (shown, _logs) = Shown::open(storage, &[ONE, TWO]);
    assert_eq!(shown.operations(ONE), [index(0, "a")]);
}

/// Writers of different streams do not disturb each other.
pub async fn concurrent_appends_to_many_streams_are_all_kept(storage: Storage<'_>) {
    let ids: Vec<_> = (0..20).map(StreamId::new).collect();
    let (_, logs) = Shown::open(storage, &ids);
    let writers: Vec<_> = ids
        .iter()
        .map(|id| {
            let mut writer = Writer::new(&logs, *id);
            tokio::spawn(async move {
                for seq_no in 0..20 {
                    writer.append_one(seq_no).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("the writer ends");
    }
    drop(logs);
    let (shown, _logs) = Shown::open(storage, &ids);
    let wanted: Vec<_> = (0..20).map(|seq_no| index(seq_no, "source")).collect();
    for id in ids {
        assert_eq!(shown.operations(id), wanted);
    }
}

/// After the clean stop nothing can be appended or created.
pub async fn a_closed_log_refuses_appends(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let writer = Writer::new(&logs, ONE);
    logs.close().await.expect("the log closes");
    let refused = writer.refused(writer.stream.term, writer.last).await;
    assert!(matches!(refused, Refused::Closed), "{refused}");
    let created = logs.create(TWO).await;
    assert!(matches!(created, Err(AppendError::Refused(Refused::Closed))), "{created:?}");
}

/// A clean stop keeps everything.
pub async fn a_closed_log_opens_with_everything(storage: Storage<'_>) {
    for opening in 0..3 {
        let (shown, logs) = Shown::open(storage, &[ONE]);
        let wanted: Vec<_> = (0..opening).map(|seq_no| index(seq_no, "source")).collect();
        assert_eq!(shown.operations(ONE), wanted);
        Writer::new(&logs, ONE).append_one(opening).await;
        logs.close().await.expect("the log closes");
    }
}

/// The second clean stop has nothing to do.
pub async fn closing_twice_is_allowed(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    logs.close().await.expect("the log closes");
    logs.close().await.expect("the log is closed");
}

/// Nobody else can have written, and the log knows.
pub async fn a_barrier_passes_for_the_only_writer(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    Writer::new(&logs, ONE).stream.log.barrier().await.expect("the writer is current");
}

/// A log that works, or was stopped on purpose, has not failed.
pub async fn a_working_log_does_not_report_failure(storage: Storage<'_>) {
    let (_, logs) = Shown::open(storage, &[ONE]);
    let mut failed = logs.failed();
    Writer::new(&logs, ONE).append_one(0).await;
    logs.close().await.expect("the log closes");
    let mut context = Context::from_waker(Waker::noop());
    assert!(failed.as_mut().poll(&mut context).is_pending(), "the log has not failed");
}

#[cfg(test)]
mod memory {
    use crate::log::{LogProvider, memory::MemoryLog};

    crate::log_conformance!({
        let stored = MemoryLog::default();
        move || -> Box<dyn LogProvider> { Box::new(stored.clone()) }
    });
}
