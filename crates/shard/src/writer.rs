//! The single writer of a shard: decide, log, apply, answer.
//!
//! It takes what waits in its mailbox as one batch, plans each write against the state that the
//! earlier ones of the batch produce, appends the batch as one entry and, when that is durable,
//! applies it and answers everybody, refusals included: a refusal may rest on a write of the same
//! batch. While a batch syncs the next one gathers in the mailbox; there is no timer. If the append
//! does not end *appended*, every answer of the batch becomes that failure (design §2).
//!
//! The writer owns the shard's state by value and never reads a file: an update whose present source
//! is not in memory is *parked* while a task prepares it, and later writes on its id wait behind it.
//! A document that needs a change of the rules ([`Admission`]) is waited for by everybody.

mod admission;
mod batch;
mod preparation;
mod relocation;
mod replies;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use document::{
    DocumentId, DocumentState, Effect, LastWrite, Outcome, Precondition, Refusal, SeqNo, Timestamp,
    plan_write,
};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    task::{JoinError, JoinSet},
};

use crate::{
    Admission, Candidate, Change, Document, Machine, Modified, Place, Update, VersionTable, Write,
    WriteError, Written,
    log::{AppendError, Damage, Entry, Outline, OutlineEffect, Position, Refused, Stream},
    shard::Shared,
    store::{Location, StoreError},
    version_table::Spare,
};
use admission::Proposal;
use batch::Batch;
use preparation::{Basis, Prepared, Surroundings, Unprepared};
pub(crate) use relocation::{Relocation, counts};
use replies::{Answer, Replies, Slot};

/// How many writes one entry of the log holds at most.
const BATCH_WRITES_MAX: usize = 4_096;
/// How many bytes of sources are gathered into one entry; the last one may go beyond.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// So many copies, and bytes of them, may writes share an entry with: a request of no more than the rest
/// is one entry where no other writes are under way, as the catalogue's changes are.
const COPIES_BESIDE_WRITES_MAX: usize = BATCH_WRITES_MAX / 8;
/// See [`COPIES_BESIDE_WRITES_MAX`].
const COPIED_BYTES_BESIDE_WRITES_MAX: usize = BATCH_BYTES_MAX / 8;
/// How many updates may be prepared outside the writer at a time; the others wait for their turn.
const PARKED_MAX: usize = 1_024;
/// How many writes may wait behind them before further ones are answered with [`WriteError::Busy`].
const PARKED_BEHIND_MAX: usize = 1_000_000;
/// How many bytes of present sources may be in preparation at a time, about; one always may.
const PREPARED_BYTES_MAX: u32 = 64 << 20;
/// Larger merges run on a worker, so that they do not hold up the shard.
pub(crate) const INLINE_MERGE_BYTES_MAX: usize = 64 << 10;
/// How many bytes of merged sources are kept for the next updates of the same documents.
const RECENT_BYTES_MAX: usize = 128 << 10;
/// With so much memory left, the ids of a batch need not be counted: no batch takes as much.
const PLENTY_BYTES: u64 = 256 << 20;
/// Sweeps visit the version table's maps no faster than this.
const SWEEP_INTERVAL_MILLIS_MIN: i64 = 10;
/// How many maps are visited when somebody asks for a sweep.
const SWEEPS_MAX: u32 = 16;

/// What reaches the writer through its mailbox.
pub(crate) enum Request {
    /// Writes, in order, each on its own.
    Write {
        /// What to write.
        writes: Vec<Write>,
        /// Takes one answer per write.
        reply: oneshot::Sender<Vec<Answer>>,
    },
    /// Copies of stored operations, where they still count.
    Relocate(Relocation),
    /// Forget deletes that are remembered no longer.
    Sweep,
    /// Accept nothing more; answer what waits and end.
    Close,
}

/// A write on its way through the writer.
struct Pending {
    write: Write,
    slot: Slot,
}

/// The writer's state. `&mut self` is the shard's lock.
pub(crate) struct Writer {
    stream: Stream,
    shared: Arc<Shared>,
    machine: Machine,
    next_seq_no: SeqNo,
    mailbox: mpsc::Receiver<Request>,
    replies: Replies,
    /// Accepted and not planned yet, in order.
    backlog: VecDeque<Pending>,
    /// The same of relocations.
    relocations: VecDeque<Relocation>,
    /// Updates being prepared, by id, with the writes on that id that wait behind each.
    parked: HashMap<DocumentId, VecDeque<Pending>>,
    /// How many writes wait behind parked updates.
    parked_behind: usize,
    preparations: JoinSet<Prepared>,
    /// The bytes that preparations may still take.
    preparation_room: Arc<Semaphore>,
    /// Whether the backlog waits for a preparation to end.
    stalled: bool,
    /// The rules that documents must fit.
    admission: Option<Arc<dyn Admission>>,
    /// A document that would be accepted, if only what it needs were durable: the next batch begins
    /// with it.
    proposed: Option<Proposal>,
    /// Updates that were prepared and are to be planned after it.
    held: Vec<Prepared>,
    batch: Batch,
    /// Whether the log had room for new documents when the batch was begun.
    has_room: bool,
    /// What recent updates made, by the sequence number that made it.
    recent: HashMap<SeqNo, Document>,
    recent_bytes: usize,
    last_sweep: Option<Timestamp>,
    /// How many maps the next sweep visits.
    sweeps: u32,
    /// Whether memory may not do for every new id that a batch can bring.
    is_memory_short: bool,
    /// What new ids of the batch will take, noted in advance so that all who ask at once are not told
    /// yes.
    reserved_bytes: u64,
    /// What new ids of the batch take of the room that maps have already, by map.
    spare_taken: HashMap<usize, Spare>,
}

impl Writer {
    pub(crate) fn new(
        stream: Stream,
        (shared, machine, admission): (Arc<Shared>, Machine, Option<Arc<dyn Admission>>),
        next_seq_no: SeqNo,
        mailbox: mpsc::Receiver<Request>,
    ) -> Self {
        Self {
            stream,
            shared,
            machine,
            next_seq_no,
            mailbox,
            replies: Replies::default(),
            backlog: VecDeque::new(),
            relocations: VecDeque::new(),
            parked: HashMap::new(),
            parked_behind: 0,
            preparations: JoinSet::new(),
            preparation_room: Arc::new(Semaphore::new(PREPARED_BYTES_MAX as usize)),
            stalled: false,
            admission,
            proposed: None,
            held: Vec::new(),
            batch: Batch::default(),
            has_room: true,
            recent: HashMap::new(),
            recent_bytes: 0,
            last_sweep: None,
            sweeps: 1,
            is_memory_short: false,
            reserved_bytes: 0,
            spare_taken: HashMap::new(),
        }
    }

    /// Runs until the mailbox is closed and drained, or the log has failed.
    pub(crate) async fn run(mut self) {
        let end = loop {
            let prepared = match self.gather().await {
                Ok(Some(prepared)) => prepared,
                Ok(None) => break WriteError::Closed,
                Err(failure) => break failure,
            };
            self.plan(prepared).await;
            let committed = self.commit().await;
            self.shared.table.memory().shrink(std::mem::take(&mut self.reserved_bytes));
            if let Err(failure) = committed {
                break failure;
            }
            self.sweep();
        };
        self.refuse_the_rest(end).await;
    }

    /// Waits until there is something to plan and takes as much of it as one batch holds. Returns
    /// the preparations that have ended, or nothing when all is done.
    async fn gather(&mut self) -> Result<Option<Vec<Prepared>>, WriteError> {
        let mut prepared = std::mem::take(&mut self.held);
        let has_work = self.proposed.is_some() || !prepared.is_empty();
        if has_work {
            // Planned at once, with whatever else is there.
        } else if self.stalled {
            let ended = self.preparations.join_next().await;
            prepared.extend(ended.transpose().map_err(lost)?);
        } else if self.backlog.is_empty() && self.relocations.is_empty() {
            tokio::select! {
                biased;
                Some(ended) = self.preparations.join_next() => prepared.push(ended.map_err(lost)?),
                request = self.mailbox.recv() => match request {
                    Some(request) => self.accept(request),
                    None if self.preparations.is_empty() => return Ok(None),
                    None => {
                        let ended = self.preparations.join_next().await;
                        prepared.extend(ended.transpose().map_err(lost)?);
                    }
                },
            }
        }
        while let Some(ended) = self.preparations.try_join_next() {
            prepared.push(ended.map_err(lost)?);
        }
        while self.backlog.len() < BATCH_WRITES_MAX {
            let Ok(request) = self.mailbox.try_recv() else { break };
            self.accept(request);
        }
        Ok(Some(prepared))
    }

    fn accept(&mut self, request: Request) {
        match request {
            Request::Write { writes, reply } => {
                let slots = self.replies.open(writes.len(), reply);
                let pending = writes.into_iter().zip(slots);
                self.backlog.extend(pending.map(|(write, slot)| Pending { write, slot }));
            }
            Request::Relocate(relocation) => self.relocations.push_back(relocation),
            Request::Sweep => self.sweeps = SWEEPS_MAX,
            Request::Close => self.mailbox.close(),
        }
    }

    /// Plans one batch: first copies, which nothing of the batch may precede, then what was prepared,
    /// for others wait behind it, then the backlog. A document that needs something first ends it.
    async fn plan(&mut self, prepared: Vec<Prepared>) {
        self.batch.begin(self.next_seq_no, self.stream.term, self.machine.clock.now());
        self.has_room = self.stream.log.has_room();
        self.is_memory_short = !self.shared.table.memory().has_room_for(PLENTY_BYTES);
        self.spare_taken.clear();
        self.stalled = false;
        if let Some(relocation) = self.relocations.pop_front() {
            self.plan_relocation(relocation);
        }
        let takes_backlog = self.batch.operations() <= COPIES_BESIDE_WRITES_MAX
            && self.batch.bytes() <= COPIED_BYTES_BESIDE_WRITES_MAX;
        self.plan_proposed().await;
        for prepared in prepared {
            if self.proposed.is_some() {
                self.held.push(prepared);
            } else {
                self.plan_prepared(prepared);
            }
        }
        while takes_backlog
            && self.proposed.is_none()
            && !self.stalled
            && self.batch.operations() < BATCH_WRITES_MAX
            && self.batch.bytes() < BATCH_BYTES_MAX
        {
            let Some(pending) = self.backlog.pop_front() else { break };
            self.plan_pending(pending);
        }
    }

    fn plan_pending(&mut self, pending: Pending) {
        let Pending { write, slot } = pending;
        if let Some(refusal) = self.refusal(&write) {
            return self.batch.answer(slot, Err(refusal));
        }
        if let Some(behind) = self.parked.get_mut(&write.id) {
            if self.parked_behind >= PARKED_BEHIND_MAX {
                return self.batch.answer(slot, Err(WriteError::Busy));
            }
            self.parked_behind += 1;
            return behind.push_back(Pending { write, slot });
        }
        let Write { id, routing, precondition, change, fits } = write;
        let (action, source) = match change {
            Change::Index(source) => (document::Action::Index, source),
            Change::Create(source) => (document::Action::Create, source),
            Change::Delete => {
                let answer = self.plan_delete(id, precondition);
                return self.batch.answer(slot, answer);
            }
            Change::Update(update) => {
                let write = Write { id, routing, precondition, change: Change::Delete, fits };
                return self.plan_update(write, update, slot);
            }
        };
        let candidate = Candidate { id, routing, source };
        self.propose(Proposal { candidate, action, precondition, fits, updated: None, slot });
    }

    /// Plans a delete.
    fn plan_delete(&mut self, id: DocumentId, precondition: Precondition) -> Answer {
        let write = document::Write { action: document::Action::Delete, precondition };
        let plan = plan_write(self.state(&id), write).map_err(WriteError::Refused)?;
        let last = self.push(Effect::Delete { id, version: plan.version });
        Ok(Written { outcome: plan.outcome, last, document: None })
    }

    /// Why a write cannot be planned at all, if it cannot.
    fn refusal(&mut self, write: &Write) -> Option<WriteError> {
        if let Some(Damage { what, lost_below: Some(_) }) = &self.stream.damage {
            return Some(WriteError::Damaged(Arc::clone(what)));
        }
        let adds = match write.change {
            // Of what is not there it makes no room, and takes some for a tombstone.
            Change::Delete => !self.has_room && self.state(&write.id).live().is_none(),
            Change::Index(_) | Change::Create(_) | Change::Update(_) => true,
        };
        if adds && !self.has_room {
            return Some(WriteError::NoRoom("the disk is full".into()));
        }
        self.memory_refusal(&write.id)
    }

    /// Refuses an id that is not in the table, and would take memory there that is short. A delete
    /// of it too, for that leaves a tombstone.
    fn memory_refusal(&mut self, id: &DocumentId) -> Option<WriteError> {
        let table = &self.shared.table;
        if !self.is_memory_short || table.get(id.as_str()).is_some() {
            return None;
        }
        let (hash, gc_deletes) = (table.hash(id.as_str()), self.shared.gc_deletes());
        if self.batch.state(id, hash, gc_deletes).is_some() {
            return None;
        }
        let cost = VersionTable::row_cost(id.as_str().len());
        if table.memory().has_room_for(cost) {
            table.memory().grow(cost);
            self.reserved_bytes += cost;
            return None;
        }
        let (map, spare) = table.spare(hash);
        let taken = self.spare_taken.entry(map).or_default();
        if taken.rows < spare.rows && taken.id_bytes + id.as_str().len() <= spare.id_bytes {
            taken.rows += 1;
            taken.id_bytes += id.as_str().len();
            return None;
        }
        let (used, limit) = (table.memory().used(), table.memory().limit());
        Some(WriteError::NoMemory { wanted: used.saturating_add(cost), limit })
    }

    /// Plans an update; `write` carries all but its change.
    fn plan_update(&mut self, write: Write, update: Update, slot: Slot) {
        let state = self.state(&write.id);
        let Some(last) = state.live() else {
            // The get half finds nothing first: missing, not in conflict (spec concurrency §4.8).
            let modified = update.modify.modify(None);
            return self.plan_modified(write, None, modified, update.wants_document, slot);
        };
        let check =
            document::Write { action: document::Action::Index, precondition: write.precondition };
        if let Err(refusal @ Refusal::Conflict(_)) = plan_write(state, check) {
            return self.batch.answer(slot, Err(WriteError::Refused(refusal)));
        }
        match self.source_in_memory(&write.id, last, &update) {
            Some(present)
                if present.source.len() + update.modify.weight() <= INLINE_MERGE_BYTES_MAX =>
            {
                let modified = update.modify.modify(Some(&present.source));
                self.plan_modified(write, Some(present), modified, update.wants_document, slot);
            }
            Some(present) => self.park(write, update, Basis::Read(present), slot),
            None => match self.place(&write.id) {
                Some(location) => {
                    self.park(write, update, Basis::Stored { last, location }, slot);
                }
                // A live document is in this batch, whose sources are in memory, or in the table.
                None => self.batch.answer(slot, Err(WriteError::Missing)),
            },
        }
    }

    /// Turns what a modification came to into an operation and an answer. `write` may say that it was
    /// found to fit the rules.
    fn plan_modified(
        &mut self,
        write: Write,
        present: Option<Document>,
        modified: Result<Modified, WriteError>,
        wants_document: bool,
        slot: Slot,
    ) {
        let (action, source) = match (modified, &present) {
            (Err(error), _) => return self.batch.answer(slot, Err(error)),
            (Ok(Modified::Missing), _) | (Ok(Modified::Delete | Modified::Noop), None) => {
                return self.batch.answer(slot, Err(WriteError::Missing));
            }
            (Ok(Modified::Noop), Some(document)) => {
                let last = document.last;
                self.batch.remember(document);
                let document = present.filter(|_| wants_document);
                let written = Written { outcome: Outcome::Noop, last, document };
                return self.batch.answer(slot, Ok(written));
            }
            (Ok(Modified::Delete), Some(_)) => {
                let answer = self.plan_delete(write.id, write.precondition);
                return self.batch.answer(slot, answer);
            }
            (Ok(Modified::Source(source)), Some(_)) => (document::Action::Index, source),
            (Ok(Modified::Source(source)), None) => (document::Action::Create, source),
        };
        let Write { id, routing, precondition, fits, .. } = write;
        let routing = present.map_or(routing, |document| document.routing);
        let candidate = Candidate { id, routing, source };
        let updated = Some(wants_document);
        self.propose(Proposal { candidate, action, precondition, fits, updated, slot });
    }

    /// Gives an effect its sequence number and a place in the batch.
    fn push(&mut self, effect: Effect) -> LastWrite {
        let hash = effect_id(&effect).map_or(0, |id| self.shared.table.hash(id.as_str()));
        self.batch.push(effect, hash)
    }

    /// The document as the next write of this batch finds it.
    fn state(&self, id: &DocumentId) -> DocumentState {
        let (now, gc_deletes) = (self.batch.now(), self.shared.gc_deletes());
        let hash = self.shared.table.hash(id.as_str());
        match self.batch.state(id, hash, gc_deletes) {
            Some(state) => state,
            None => self
                .shared
                .table
                .get(id.as_str())
                .map_or(DocumentState::Absent, |held| held.state(now, gc_deletes)),
        }
    }

    /// The document that `last` wrote, if its source is at hand: produced by this batch, brought
    /// along by the caller, or produced by a recent update.
    fn source_in_memory(
        &self,
        id: &DocumentId,
        last: LastWrite,
        update: &Update,
    ) -> Option<Document> {
        let hash = self.shared.table.hash(id.as_str());
        let known = self.batch.document(id, hash);
        let brought = || update.basis.as_ref().filter(|basis| basis.last == last).cloned();
        let recent = || self.recent.get(&last.seq_no).filter(|recent| recent.last == last).cloned();
        known.or_else(brought).or_else(recent)
    }

    fn place(&self, id: &DocumentId) -> Option<Location> {
        match self.shared.table.get(id.as_str())?.place {
            Place::Live(location) => Some(location),
            Place::Deleted(_) => None,
        }
    }

    /// Has an update prepared by a task; later writes on its id wait behind it.
    fn park(&mut self, write: Write, update: Update, basis: Basis, slot: Slot) {
        if self.parked.len() >= PARKED_MAX {
            // Back to where it came from, until a preparation has ended.
            self.stalled = true;
            let write = Write { change: Change::Update(update), ..write };
            return self.backlog.push_front(Pending { write, slot });
        }
        self.parked.insert(write.id.clone(), VecDeque::new());
        let surroundings = Surroundings {
            shared: Arc::clone(&self.shared),
            store: Arc::clone(&self.stream.store),
            room: Arc::clone(&self.preparation_room),
            threads: Arc::clone(&self.machine.threads),
            admission: self.admission.clone(),
        };
        self.preparations.spawn(preparation::prepare(surroundings, write, update, basis, slot));
    }

    /// Plans an update that was prepared; what waited behind it comes next.
    fn plan_prepared(&mut self, prepared: Prepared) {
        let Prepared { mut write, update, slot, last, result, fits, room: _room } = prepared;
        let behind = self.parked.remove(&write.id).unwrap_or_default();
        self.parked_behind -= behind.len();
        behind.into_iter().rev().for_each(|pending| self.backlog.push_front(pending));
        let still_holds = self.state(&write.id).live() == Some(last);
        match result {
            Ok((present, modified)) if still_holds => {
                let wanted = update.wants_document;
                write.fits = fits;
                self.plan_modified(write, Some(present), modified, wanted, slot);
            }
            Err(Unprepared::Failed(error)) if still_holds => self.batch.answer(slot, Err(error)),
            Err(Unprepared::Moved(location)) if self.place(&write.id) == Some(location) => {
                let lost = StoreError::Moved(location).to_string();
                self.batch.answer(slot, Err(WriteError::Unreadable(lost.into())));
            }
            // What it was prepared on was refused by the log after all, or has moved: start again.
            Ok(_) | Err(Unprepared::Failed(_) | Unprepared::Moved(_)) => {
                let change = Change::Update(update);
                self.plan_pending(Pending { write: Write { change, ..write }, slot });
            }
        }
    }

    /// Makes the batch durable, applies it and answers it.
    ///
    /// # Errors
    /// What everybody else must be told when the shard may not go on.
    async fn commit(&mut self) -> Result<(), WriteError> {
        let operations = self.batch.take_operations();
        if operations.is_empty() && !self.batch.wants_marker() {
            // Its answers rest on durable state alone.
            self.batch.send_answers(&mut self.replies);
            return Ok(());
        }
        let next_seq_no = self.batch.next_seq_no();
        let entry = Entry { term: self.stream.term, next_seq_no, operations };
        let appended = self.stream.log.append(&entry, self.stream.position).await;
        let applied = match appended {
            Ok(position) => self.apply(position, entry),
            Err(error) => Err(Failure::of_append(error)),
        };
        match applied {
            Ok(()) => self.batch.send_answers(&mut self.replies),
            Err(failure) => {
                self.batch.fail_answers(&failure.batch, &mut self.replies);
                if let Some(end) = failure.end {
                    return Err(end);
                }
                // It was decided on what the log has just refused.
                if let Some(proposal) = self.proposed.take() {
                    self.replies.answer(proposal.slot, Err(failure.batch));
                }
            }
        }
        Ok(())
    }

    /// Makes a durable entry visible.
    fn apply(&mut self, position: Position, entry: Entry) -> Result<(), Failure> {
        let locations = self.stream.store.apply(position, &entry).map_err(Failure::of_store)?;
        self.stream.position = position;
        for document in self.batch.take_remembered() {
            if self.recent_bytes > RECENT_BYTES_MAX {
                self.recent.clear();
                self.recent_bytes = 0;
            }
            self.recent_bytes += document.source.len();
            self.recent.insert(document.last.seq_no, document);
        }
        let mut retired = Vec::new();
        let outlines = self.without_forgotten(Outline::of_entry(&entry, &locations));
        self.next_seq_no = entry.next_seq_no;
        self.shared.apply(&outlines, self.next_seq_no, &mut retired);
        retired.into_iter().for_each(|location| self.stream.store.retire(location));
        Ok(())
    }

    /// Leaves out copies of deletes that nobody remembers. They are kept for a replay; to remember them
    /// again could be to remember an older one than was forgotten, should the clock step back.
    fn without_forgotten<'o>(&self, mut outlines: Vec<Outline<'o>>) -> Vec<Outline<'o>> {
        let mut copies = self.batch.copies();
        outlines.retain(|outline| {
            let is_copy = copies > 0;
            copies = copies.saturating_sub(1);
            let is_delete = matches!(outline.effect, OutlineEffect::Deleted(_));
            !(is_copy && is_delete) || self.shared.table.get(outline.id).is_some()
        });
        outlines
    }

    /// Drops expired tombstones, a map at a time, so that each is visited about once a window.
    fn sweep(&mut self) {
        let (now, gc_deletes) = (self.machine.clock.now(), self.shared.gc_deletes());
        let interval = (gc_deletes.as_millis() / 256).max(SWEEP_INTERVAL_MILLIS_MIN);
        // Who writes nothing is asked now and then, and has that much to make up for.
        let sweeps = std::mem::replace(&mut self.sweeps, 1);
        let is_due = self.last_sweep.is_none_or(|last| {
            now < last || now.as_millis().saturating_sub(last.as_millis()) >= interval
        });
        if self.shared.table.tombstones() == 0 || !is_due {
            return;
        }
        let kept_from = self.shared.waits_from();
        for _ in 0..sweeps {
            self.shared.table.sweep(now, gc_deletes, kept_from);
        }
        self.last_sweep = Some(now);
    }

    /// Answers everything that waits or still comes with `end`.
    async fn refuse_the_rest(mut self, end: WriteError) {
        self.mailbox.close();
        self.preparations.shutdown().await;
        self.replies.fail_all(&end);
        while let Some(request) = self.mailbox.recv().await {
            match request {
                // Its slots are not needed: all its answers are `end`.
                Request::Write { writes, reply } => drop(self.replies.open(writes.len(), reply)),
                Request::Relocate(relocation) => self.relocations.push_back(relocation),
                Request::Sweep | Request::Close => {}
            }
        }
        self.replies.fail_all(&end);
        for relocation in self.relocations.drain(..) {
            relocation.answer(Err(end.clone()));
        }
    }
}

/// What becomes of a batch that was not applied, and of the shard.
struct Failure {
    /// What everybody in the batch is told.
    batch: WriteError,
    /// What everybody else is told, if the shard may not go on.
    end: Option<WriteError>,
}

impl Failure {
    fn of_append(error: AppendError) -> Self {
        match error {
            // Whatever waits behind an append of unknown end was not appended itself.
            AppendError::Unknown(cause) => {
                let batch = WriteError::Unknown(cause.to_string().into());
                Self { batch, end: Some(WriteError::Closed) }
            }
            AppendError::Refused(Refused::NoRoom(cause)) => {
                Self { batch: WriteError::NoRoom(cause.to_string().into()), end: None }
            }
            AppendError::Refused(Refused::Closed) => Self::ending(WriteError::Closed),
            AppendError::Refused(Refused::Fenced { .. } | Refused::Ahead { .. }) => {
                Self::ending(WriteError::Fenced)
            }
        }
    }

    /// The entry is durable but cannot be shown: its writers are not told that it happened.
    fn of_store(error: StoreError) -> Self {
        let batch = WriteError::Unknown(error.to_string().into());
        Self { batch, end: Some(WriteError::Closed) }
    }

    fn ending(error: WriteError) -> Self {
        Self { batch: error.clone(), end: Some(error) }
    }
}

fn effect_id(effect: &Effect) -> Option<&DocumentId> {
    match effect {
        Effect::Index { id, .. } | Effect::Delete { id, .. } => Some(id),
        Effect::Noop { .. } => None,
    }
}

/// A preparation panicked: which update it was is lost with it, so the writer panics too.
fn lost(error: JoinError) -> WriteError {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        // Nobody aborts preparations while the writer runs.
        Err(_) => WriteError::Closed,
    }
}
