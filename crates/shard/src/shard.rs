//! The handle of a shard: reads go to the version table and the store, writes to the writer.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;
use document::{
    DocumentState, Effect, GcDeletes, LastWrite, Operation, PrimaryTerm, Routing, SeqNo, Version,
    VersionConflict, check_read,
};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    Admission, Alarm, Change, Held, Machine, Place, Recovery, VersionTable, Write, WriteError,
    Written,
    log::{Damage, Durability, Log, StoredOperation, Stream},
    store::{Hold, Location, Store, StoreError},
    waiting::Waiting,
    writer::{INLINE_MERGE_BYTES_MAX, Relocation, Request, Writer, counts},
};

/// How many bytes of present sources one request brings along for its updates.
const FETCHED_BYTES_MAX: usize = 1 << 20;

/// A document with its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The write that made it so.
    pub last: LastWrite,
    /// The routing it was written with.
    pub routing: Option<Routing>,
    /// Its `_source`.
    pub source: Bytes,
}

/// Why a document cannot be shown.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It is there in another version than the reader required.
    #[error(transparent)]
    Conflict(VersionConflict),
    /// Its source cannot be read.
    #[error(transparent)]
    Store(StoreError),
}

/// What can be set of a shard.
#[derive(Clone, Debug)]
pub struct ShardOptions {
    /// How long deletes are remembered; [`Shard::set_gc_deletes`] changes it.
    pub gc_deletes: GcDeletes,
    /// How many requests may wait for the writer before it answers [`WriteError::Busy`].
    pub mailbox_requests_max: usize,
    /// The rules that documents must fit; without any, all do.
    pub admission: Option<Arc<dyn Admission>>,
}

impl Default for ShardOptions {
    fn default() -> Self {
        Self { gc_deletes: GcDeletes::DEFAULT, mailbox_requests_max: 1_024, admission: None }
    }
}

/// What the handle and the writer of a shard share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) table: VersionTable,
    /// The operations applied so far: the highest sequence number plus one.
    pub(crate) next_seq_no: AtomicU64,
    gc_deletes_millis: AtomicI64,
    /// What is wrong with what is stored: found by the opening, or else by the first read that did.
    damage: OnceLock<Damage>,
    /// The writes that wait for a refresh, where they do. Locked before any map of the table.
    pub(crate) waiting: Mutex<Option<Waiting>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.get_mut() {
            waiting.release(self.table.memory());
        }
    }
}

impl Shared {
    /// Takes note of damage that a read found. No operation is lost by it, only a source.
    fn note_damage(&self, what: &str) {
        self.damage.get_or_init(|| {
            tracing::error!("{what}; found by a read");
            Damage { what: what.into(), lost_below: None }
        });
    }

    /// Reads the source that `last` wrote; damage is remembered as the shard's.
    pub(crate) async fn read(
        &self,
        store: &dyn Store,
        id: &str,
        last: LastWrite,
        location: Location,
    ) -> Result<Document, StoreError> {
        let read = read_document(store, id, last, location).await;
        if let Err(StoreError::Damaged(what)) = &read {
            self.note_damage(what);
        }
        read
    }

    pub(crate) fn gc_deletes(&self) -> GcDeletes {
        GcDeletes::from_millis(self.gc_deletes_millis.load(Relaxed))
    }
}

/// One shard, running. Dropping it lets the writer finish what it was given; [`Shard::close`] waits.
pub struct Shard {
    pub(crate) shared: Arc<Shared>,
    log: Arc<dyn Log>,
    pub(crate) store: Arc<dyn Store>,
    term: PrimaryTerm,
    machine: Machine,
    mailbox: mpsc::Sender<Request>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Shard {
    /// Starts the shard's writer on `stream`, whose history `recovery` has folded. Needs a tokio
    /// runtime. Raises `alarm` if the writer panics: everybody waiting is told *unknown* then, and
    /// only a new start can tell what was written.
    #[must_use]
    pub fn start(
        stream: Stream,
        recovery: Recovery,
        machine: Machine,
        options: ShardOptions,
        alarm: &Alarm,
    ) -> Self {
        let (table, next_seq_no) = recovery.finish();
        let shared = Arc::new(Shared {
            table,
            next_seq_no: AtomicU64::new(next_seq_no.get()),
            gc_deletes_millis: AtomicI64::new(options.gc_deletes.as_millis()),
            damage: stream.damage.clone().map(OnceLock::from).unwrap_or_default(),
            waiting: Mutex::new(None),
        });
        let (mailbox, requests) = mpsc::channel(options.mailbox_requests_max);
        let (log, store) = (Arc::clone(&stream.log), Arc::clone(&stream.store));
        let term = stream.term;
        let admission = options.admission;
        let parts = (Arc::clone(&shared), machine.clone(), admission);
        let writer = Writer::new(stream, parts, next_seq_no, requests);
        let armed = alarm.clone().armed("a shard's writer panicked");
        let run = async move {
            writer.run().await;
            armed.disarm();
        };
        let writer = Mutex::new(Some(tokio::spawn(run)));
        Self { shared, log, store, term, machine, mailbox, writer }
    }

    /// Writes documents, in order, each on its own: one answer per write.
    ///
    /// Once they have reached the mailbox they run to their end, also when the future is dropped;
    /// before that, which is while the present sources of updates are read, nothing happens at all.
    pub async fn write(&self, mut writes: Vec<Write>) -> Vec<Result<Written, WriteError>> {
        let delay = self.log.delay(writes.iter().map(Write::source_bytes).sum());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let mut fetched_bytes = 0;
        for write in &mut writes {
            self.fetch_basis(write, &mut fetched_bytes).await;
        }
        let count = writes.len();
        let refuse = |error: WriteError| (0..count).map(|_| Err(error.clone())).collect();
        let (reply, answers) = oneshot::channel();
        match self.mailbox.try_send(Request::Write { writes, reply }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return refuse(WriteError::Busy),
            Err(mpsc::error::TrySendError::Closed(_)) => return refuse(WriteError::Closed),
        }
        let gone = || WriteError::Unknown("the shard's writer ended without an answer".into());
        answers.await.unwrap_or_else(|_| refuse(gone()))
    }

    /// Reads a document, or nothing where there is none. Sees every write that was answered.
    ///
    /// # Errors
    /// [`ReadError`] when the document is there in another version than `required`, or unreadable.
    pub async fn get(
        &self,
        id: &str,
        required: Option<Version>,
    ) -> Result<Option<Document>, ReadError> {
        loop {
            let found = self.find(id);
            self.check_certain(found).map_err(ReadError::Store)?;
            let Some((held, location)) = found else { return Ok(None) };
            check_read(DocumentState::Live(held.last), required).map_err(ReadError::Conflict)?;
            match self.shared.read(self.store.as_ref(), id, held.last, location).await {
                // Collection came between: look it up again.
                Err(StoreError::Moved(_)) if self.has_moved(id, location) => {}
                read => return read.map(Some).map_err(ReadError::Store),
            }
        }
    }

    /// Reads what a document was at a write that the table told of, wherever that lies now; nothing if
    /// it was written since and the older source is given up.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn read_at(
        &self,
        id: &str,
        last: LastWrite,
        location: Location,
    ) -> Result<Option<Document>, StoreError> {
        let mut location = location;
        loop {
            match self.shared.read(self.store.as_ref(), id, last, location).await {
                Err(StoreError::Moved(_)) => match self.find(id) {
                    Some((held, now)) if held.last == last && now != location => location = now,
                    Some(_) | None => return Ok(None),
                },
                read => return read.map(Some),
            }
        }
    }

    /// Keeps what the table tells of now readable ([`Store::hold`]).
    #[must_use]
    pub fn hold(&self) -> Hold {
        self.store.hold()
    }

    /// How many bytes are stored of a document; nothing where there is none.
    #[must_use]
    pub fn stored_bytes(&self, id: &str) -> u64 {
        self.find(id).map_or(0, |(_, location)| u64::from(location.length))
    }

    /// Whether an operation still counts, as far as can be told beside the writer
    /// ([`crate::log::Relocate`]).
    #[must_use]
    pub fn counts(&self, found: &StoredOperation, older_elsewhere: bool) -> bool {
        counts(&self.shared, self.machine.clock.now(), found, older_elsewhere)
    }

    /// Moves what still counts of these operations out of the place where they were found
    /// ([`crate::log::Relocate`]).
    ///
    /// # Errors
    /// [`WriteError`] when that is not certain to have happened.
    pub async fn relocate(
        &self,
        found: Vec<StoredOperation>,
        older_elsewhere: bool,
        with_marker: bool,
    ) -> Result<(), WriteError> {
        let (reply, answer) = oneshot::channel();
        let relocation = Relocation { found, older_elsewhere, with_marker, reply };
        let sent = self.mailbox.send(Request::Relocate(relocation)).await;
        sent.map_err(|_| WriteError::Closed)?;
        let gone = || WriteError::Unknown("the shard's writer ended without an answer".into());
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Has deletes forgotten that are remembered no longer, also if nobody writes. If the writer has
    /// something to do it does that anyway.
    pub fn sweep(&self) {
        if self.shared.table.tombstones() > 0 {
            let _ = self.mailbox.try_send(Request::Sweep);
        }
    }

    /// Whether the log has room for more than deletes.
    ///
    /// # Errors
    /// [`WriteError::NoRoom`].
    pub fn check_disk_room(&self) -> Result<(), WriteError> {
        if self.log.has_room() {
            Ok(())
        } else {
            Err(WriteError::NoRoom("the disk is full".into()))
        }
    }

    /// Whether the log has room for new documents, and memory for their ids is left.
    ///
    /// # Errors
    /// [`WriteError::NoRoom`], [`WriteError::NoMemory`].
    pub fn check_room(&self, id_bytes: usize) -> Result<(), WriteError> {
        self.check_disk_room()?;
        let (memory, cost) = (self.shared.table.memory(), VersionTable::row_cost(id_bytes));
        if memory.has_room_for(cost) {
            return Ok(());
        }
        let wanted = memory.used().saturating_add(cost);
        Err(WriteError::NoMemory { wanted, limit: memory.limit() })
    }

    /// Gives up everything that is stored for the shard: its index is deleted, its writer closed.
    pub fn retire(&self) {
        self.shared.table.for_each_live(&mut |location| self.store.retire(location));
    }

    /// What is wrong with what is stored, if anything is known to be: what the opening found, or
    /// else the first source that could not be verified since.
    #[must_use]
    pub fn damage(&self) -> Option<&Damage> {
        self.shared.damage.get()
    }

    /// Sets when writes are answered.
    pub fn set_durability(&self, durability: Durability) {
        self.log.set_durability(durability);
    }

    /// The term this shard orders operations in.
    #[must_use]
    pub fn term(&self) -> PrimaryTerm {
        self.term
    }

    /// The highest sequence number that was given and applied.
    #[must_use]
    pub fn max_seq_no(&self) -> Option<SeqNo> {
        self.shared.next_seq_no.load(Relaxed).checked_sub(1).map(SeqNo::new)
    }

    /// The table, for counting.
    #[must_use]
    pub fn table(&self) -> &VersionTable {
        &self.shared.table
    }

    /// How many requests wait for the writer now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.mailbox.max_capacity().saturating_sub(self.mailbox.capacity())
    }

    /// Changes how long deletes are remembered.
    pub fn set_gc_deletes(&self, gc_deletes: GcDeletes) {
        self.shared.gc_deletes_millis.store(gc_deletes.as_millis(), Relaxed);
    }

    /// Refuses further writes, answers those that wait and returns when the writer has ended.
    pub async fn close(&self) {
        // It fails only if the writer has ended already.
        let _ = self.mailbox.send(Request::Close).await;
        let writer = self.writer.lock().take();
        if let Some(writer) = writer
            && let Err(panic) = writer.await
        {
            tracing::error!(%panic, "a shard's writer panicked");
        }
    }

    /// Refuses to show what an operation that is lost may have changed.
    pub(crate) fn check_certain(&self, found: Option<(Held, Location)>) -> Result<(), StoreError> {
        let Some(Damage { what, lost_below: Some(lost_below) }) = self.damage() else {
            return Ok(());
        };
        match found {
            Some((held, _)) if held.last.seq_no >= *lost_below => Ok(()),
            Some(_) | None => {
                let what = format!("{what}; whether this document was changed there is unknown");
                Err(StoreError::Damaged(what))
            }
        }
    }

    fn has_moved(&self, id: &str, location: Location) -> bool {
        self.find(id).is_none_or(|(_, now)| now != location)
    }

    fn find(&self, id: &str) -> Option<(Held, Location)> {
        let held = self.shared.table.get(id)?;
        match held.place {
            Place::Live(location) => Some((held, location)),
            Place::Deleted(_) => None,
        }
    }

    /// Reads the present source for an update, so that the writer need not send for it. Not a large
    /// one, which is merged outside the writer anyway, nor too many of them.
    async fn fetch_basis(&self, write: &mut Write, fetched_bytes: &mut usize) {
        if let Change::Update(update) = &mut write.change
            && update.basis.is_none()
            && let Some((held, location)) = self.find(write.id.as_str())
            && let Ok(length) = usize::try_from(location.length)
            && length <= INLINE_MERGE_BYTES_MAX
            && *fetched_bytes + length <= FETCHED_BYTES_MAX
        {
            *fetched_bytes += length;
            // What cannot be read is not lost here: the writer sends for it again and answers.
            let read =
                self.shared.read(self.store.as_ref(), write.id.as_str(), held.last, location);
            update.basis = read.await.ok();
        }
    }
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { shared, term, machine: _, log: _, store: _, mailbox: _, writer: _ } = self;
        f.debug_struct("Shard").field("term", term).field("shared", shared).finish_non_exhaustive()
    }
}

/// Reads the source that `last` wrote and checks that it is that very operation.
async fn read_document(
    store: &dyn Store,
    id: &str,
    last: LastWrite,
    location: Location,
) -> Result<Document, StoreError> {
    let operation = match store.read_cached(location) {
        Some(read) => read?,
        None => store.read(location).await?,
    };
    let is_it = operation.target().is_some_and(|(found, write)| {
        found.as_str() == id && (write.seq_no, write.term) == (last.seq_no, last.term)
    });
    let misplaced = || {
        StoreError::Damaged(format!("{location:?} holds another operation than {id:?} {last:?}"))
    };
    let Operation { effect, .. } = operation;
    match effect {
        Effect::Index { routing, source, .. } if is_it => Ok(Document { last, routing, source }),
        Effect::Index { .. } | Effect::Delete { .. } | Effect::Noop { .. } => Err(misplaced()),
    }
}
