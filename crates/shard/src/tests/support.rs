//! A shard whose log and store do what the test says, when it says so.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use document::{Operation, Outcome, Precondition, PrimaryTerm, SeqNo, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::{
    Alarm, Change, Clock, Document, Machine, Memory, Modified, Modify, Recovery, Service, Shard,
    ShardOptions, SystemThreads, Threads, Update, VersionTable, Write, WriteError, Written,
    log::{
        AppendError, BoxFuture, Cause, Damage, Durability, Entry, EntryOutline, Log, LogError,
        LogProvider, Logs, Position, Refused, Replay, Stream, StreamId, memory::MemoryLog,
    },
    store::{Hold, Location, Store, StoreError},
};

/// The stream that the tests' shard lives on.
pub(super) const STREAM: StreamId = StreamId::new(7);

/// A clock that stands still until it is told otherwise.
#[derive(Default)]
pub(super) struct TestClock(AtomicI64);

impl TestClock {
    pub(super) fn set(&self, millis: i64) {
        self.0.store(millis, SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(SeqCst))
    }
}

/// Threads that do nothing before the test says so.
#[derive(Default)]
pub(super) struct QueuedThreads(Mutex<VecDeque<Box<dyn FnOnce() + Send>>>);

impl QueuedThreads {
    /// How much work waits.
    pub(super) fn waiting(&self) -> usize {
        self.0.lock().len()
    }

    /// Does what has waited longest.
    pub(super) fn work(&self) {
        let work = self.0.lock().pop_front();
        work.expect("there is work")();
    }
}

impl Threads for QueuedThreads {
    fn start(&self, _name: &'static str, _service: BoxFuture<'static, ()>) -> io::Result<Service> {
        Err(io::Error::other("a shard needs no services"))
    }

    fn run(&self, work: Box<dyn FnOnce() + Send>) {
        self.0.lock().push_back(work);
    }
}

/// How the next append ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Appended,
    NoRoom,
    /// The next append finds no room, those after it do.
    NoRoomOnce,
    UnknownButStored,
    UnknownAndLost,
}

/// What the tests hold in their hands.
#[derive(Clone)]
pub(super) struct World {
    pub(super) clock: Arc<TestClock>,
    pub(super) threads: Arc<dyn Threads>,
    pub(super) alarm: Alarm,
    pub(super) disk: MemoryLog,
    /// One permit lets one append through.
    pub(super) appends: Arc<Semaphore>,
    /// One permit lets one slow read through.
    pub(super) reads: Arc<Semaphore>,
    /// Whether reads are slow.
    pub(super) cold: Arc<AtomicBool>,
    /// Whether what documents were earlier is stored no more.
    pub(super) gave_up: Arc<AtomicBool>,
    /// How many of the next slow reads find that what they read was moved.
    pub(super) moved: Arc<AtomicUsize>,
    /// Whether the log has room for documents.
    pub(super) has_room: Arc<AtomicBool>,
    pub(super) ending: Arc<Mutex<Ending>>,
    /// How many operations each append brought.
    pub(super) appended: Arc<Mutex<Vec<usize>>>,
}

impl World {
    /// Appends pass at once, reads are quick.
    pub(super) fn new() -> Self {
        let world = Self::gated();
        world.appends.add_permits(1_000_000);
        world
    }

    /// Appends wait for permits.
    pub(super) fn gated() -> Self {
        Self {
            clock: Arc::default(),
            threads: Arc::new(SystemThreads),
            alarm: Alarm::new(),
            disk: MemoryLog::default(),
            appends: Arc::new(Semaphore::new(0)),
            reads: Arc::new(Semaphore::new(0)),
            cold: Arc::default(),
            gave_up: Arc::default(),
            moved: Arc::default(),
            has_room: Arc::new(AtomicBool::new(true)),
            ending: Arc::new(Mutex::new(Ending::Appended)),
            appended: Arc::default(),
        }
    }

    pub(super) fn open(&self) -> Shard {
        self.open_with(ShardOptions::default())
    }

    pub(super) fn open_with(&self, options: ShardOptions) -> Shard {
        self.open_table(VersionTable::new(0), options, None)
    }

    /// Opens a shard of which something is damaged.
    pub(super) fn open_damaged(&self, damage: Damage) -> Shard {
        self.open_table(VersionTable::new(0), ShardOptions::default(), Some(damage))
    }

    /// Opens a shard whose table may take no more than it does with these documents.
    pub(super) async fn open_with_memory(&self, memory: Arc<Memory>, ids: &[&str]) -> Shard {
        let before = self.open();
        for id in ids {
            one(&before, index(id, "1")).await.unwrap();
        }
        before.close().await;
        self.open_table(VersionTable::with_memory(0, memory), ShardOptions::default(), None)
    }

    fn open_table(
        &self,
        table: VersionTable,
        options: ShardOptions,
        damage: Option<Damage>,
    ) -> Shard {
        let mut replay = OneStream(Recovery::new(table));
        let logs = Box::new(self.disk.clone()).open(&mut replay).unwrap();
        let stream = self.gate(logs.stream(STREAM).unwrap());
        let stream = Stream { damage, ..stream };
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let machine = Machine { clock, threads: Arc::clone(&self.threads) };
        Shard::start(stream, replay.0, machine, options, &self.alarm)
    }

    pub(super) fn logs(&self) -> Arc<dyn Logs> {
        Box::new(self.disk.clone())
            .open(&mut OneStream(Recovery::new(VersionTable::new(0))))
            .unwrap()
    }

    fn gate(&self, stream: Stream) -> Stream {
        let log = GatedLog { world: self.clone(), below: stream.log };
        let store = GatedStore { world: self.clone(), below: stream.store };
        Stream { log: Arc::new(log), store: Arc::new(store), ..stream }
    }
}

struct OneStream(Recovery);

impl Replay for OneStream {
    fn entry(&self, id: StreamId, entry: &EntryOutline<'_>, retired: &mut Vec<Location>) {
        assert_eq!(id, STREAM);
        self.0.entry(entry, retired);
    }

    fn live_streams(&mut self, _store: &dyn Store) -> Result<Vec<StreamId>, LogError> {
        Ok(vec![STREAM])
    }
}

struct GatedLog {
    world: World,
    below: Arc<dyn Log>,
}

impl Log for GatedLog {
    fn append<'a>(
        &'a self,
        entry: &'a Entry,
        expected: Position,
    ) -> BoxFuture<'a, Result<Position, AppendError>> {
        Box::pin(async move {
            self.world.appends.acquire().await.unwrap().forget();
            self.world.appended.lock().push(entry.operations.len());
            let ending = *self.world.ending.lock();
            let unknown = || AppendError::Unknown(Cause::from("the sync failed"));
            match ending {
                Ending::Appended => self.below.append(entry, expected).await,
                Ending::NoRoom | Ending::NoRoomOnce => {
                    if ending == Ending::NoRoomOnce {
                        *self.world.ending.lock() = Ending::Appended;
                    }
                    Err(AppendError::Refused(Refused::NoRoom(Cause::from("disk full"))))
                }
                Ending::UnknownButStored => {
                    self.below.append(entry, expected).await?;
                    Err(unknown())
                }
                Ending::UnknownAndLost => Err(unknown()),
            }
        })
    }

    fn read_from(&self, from: Position) -> BoxFuture<'_, Result<Vec<(Position, Entry)>, LogError>> {
        self.below.read_from(from)
    }

    fn barrier(&self) -> BoxFuture<'_, Result<(), LogError>> {
        self.below.barrier()
    }

    fn set_durability(&self, durability: Durability) {
        self.below.set_durability(durability);
    }

    fn has_room(&self) -> bool {
        self.world.has_room.load(SeqCst)
    }

    fn delay(&self, bytes: usize) -> std::time::Duration {
        self.below.delay(bytes)
    }

    fn release(&self, position: Position) {
        self.below.release(position);
    }
}

struct GatedStore {
    world: World,
    below: Arc<dyn Store>,
}

impl Store for GatedStore {
    fn apply(&self, position: Position, entry: &Entry) -> Result<Vec<Location>, StoreError> {
        self.below.apply(position, entry)
    }

    fn read_cached(&self, location: Location) -> Option<Result<Operation, StoreError>> {
        if self.world.cold.load(SeqCst) { None } else { self.below.read_cached(location) }
    }

    fn read(&self, location: Location) -> BoxFuture<'_, Result<Operation, StoreError>> {
        Box::pin(async move {
            self.world.reads.acquire().await.unwrap().forget();
            let left = |moved: usize| moved.checked_sub(1);
            if self.world.moved.fetch_update(SeqCst, SeqCst, left).is_ok() {
                return Err(StoreError::Moved(location));
            }
            self.below.read(location).await
        })
    }

    fn read_blocking(&self, location: Location) -> Result<Operation, StoreError> {
        self.below.read_blocking(location)
    }

    fn retire(&self, location: Location) {
        self.below.retire(location);
    }

    fn hold(&self) -> Hold {
        self.below.hold()
    }

    fn is_stored(&self, location: Location) -> bool {
        !self.world.gave_up.load(SeqCst) && self.below.is_stored(location)
    }
}

/// Appends its letter to the source; creates it where there is none, if `upsert`.
#[derive(Debug)]
pub(super) struct AppendLetter {
    pub(super) letter: char,
    pub(super) upsert: bool,
    pub(super) weight: usize,
}

impl Modify for AppendLetter {
    fn modify(&self, present: Option<&Bytes>) -> Result<Modified, WriteError> {
        match present {
            Some(_) if self.letter == '*' => panic!("an update that panics"),
            Some(_) if self.letter == '!' => Err(WriteError::Unmodifiable("not like this".into())),
            Some(_) if self.letter == '=' => Ok(Modified::Noop),
            Some(_) if self.letter == '-' => Ok(Modified::Delete),
            Some(source) => {
                let mut source = source.to_vec();
                source.push(u8::try_from(self.letter).unwrap());
                Ok(Modified::Source(source.into()))
            }
            None if self.upsert => Ok(Modified::Source(self.letter.to_string().into())),
            None => Ok(Modified::Missing),
        }
    }

    fn weight(&self) -> usize {
        self.weight
    }
}

pub(super) fn write(id: &str, precondition: Precondition, change: Change) -> Write {
    Write { id: id.into(), routing: None, precondition, change, fits: None }
}

pub(super) fn index(id: &str, source: &'static str) -> Write {
    write(id, Precondition::None, Change::Index(Bytes::from_static(source.as_bytes())))
}

pub(super) fn create(id: &str, source: &'static str) -> Write {
    write(id, Precondition::None, Change::Create(Bytes::from_static(source.as_bytes())))
}

pub(super) fn delete(id: &str) -> Write {
    write(id, Precondition::None, Change::Delete)
}

pub(super) fn update(id: &str, letter: char) -> Write {
    let modify = Arc::new(AppendLetter { letter, upsert: false, weight: 0 });
    write(
        id,
        Precondition::None,
        Change::Update(Update { modify, wants_document: true, basis: None }),
    )
}

/// An update whose merge is too long for the writer.
pub(super) fn heavy(id: &str, letter: char) -> Write {
    let modify = Arc::new(AppendLetter { letter, upsert: false, weight: 1 << 20 });
    write(
        id,
        Precondition::None,
        Change::Update(Update { modify, wants_document: true, basis: None }),
    )
}

/// An update that brings along what its caller believes the document to be.
pub(super) fn based(id: &str, letter: char, basis: &Option<Document>) -> Write {
    let modify = Arc::new(AppendLetter { letter, upsert: false, weight: 0 });
    let update = Update { modify, wants_document: true, basis: basis.clone() };
    write(id, Precondition::None, Change::Update(update))
}

pub(super) fn if_seq_no(mut write: Write, seq_no: u64, term: u64) -> Write {
    let (seq_no, term) = (SeqNo::new(seq_no), PrimaryTerm::new(term));
    write.precondition = Precondition::SeqNo { seq_no, term };
    write
}

/// One write, as `outcome vVERSION sSEQ_NO tTERM` or its error.
pub(super) fn told(answer: &Result<Written, WriteError>) -> String {
    match answer {
        Ok(Written { outcome, last, .. }) => {
            format!("{outcome:?} v{} s{} t{}", last.version, last.seq_no, last.term)
        }
        Err(error) => error.to_string(),
    }
}

/// Whether a future is still waiting after everything else that can run has run.
pub(super) async fn still_waits<F: Future + Unpin>(future: &mut F) -> bool {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(future.as_mut().poll(context).is_pending())
    })
    .await
}

pub(super) async fn one(shard: &Shard, write: Write) -> Result<Written, WriteError> {
    shard.write(vec![write]).await.remove(0)
}

pub(super) async fn all(shard: &Shard, writes: Vec<Write>) -> Vec<String> {
    shard.write(writes).await.iter().map(told).collect()
}

/// The document's source, or nothing where there is none.
pub(super) async fn source(shard: &Shard, id: &str) -> Option<String> {
    let document = shard.get(id, None).await.unwrap()?;
    Some(String::from_utf8(document.source.to_vec()).unwrap())
}

pub(super) fn is(outcome: Outcome, answer: &Result<Written, WriteError>) -> bool {
    answer.as_ref().is_ok_and(|written| written.outcome == outcome)
}
