//! A log and a store that do what they are told, when they are told.

mod told;

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use document::{Effect, Operation, PrimaryTerm, SeqNo};
use parking_lot::Mutex;
use shard::{
    Recovery, VersionTable,
    log::{
        AppendError, Cause, Entry, EntryOutline, Outline, OutlineEffect, Position, Refused,
        StoredOperation, Stream,
    },
    store::{Location, Store, memory::MemoryStore},
};
use tokio::sync::oneshot;

pub(super) use told::ToldThreads;
use told::{ToldLog, ToldStore};

/// Something wrong, to see whether it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// An append is answered before its entry is durable.
    AnswersBeforeDurable,
    /// Reads see the entry that is still being appended.
    ShowsBeforeDurable,
    /// Conflicts with the entry that is still being appended are told at once.
    RefusesBeforeDurable,
    /// An append that may be stored is said to be refused, and the writer goes on.
    GoesOnAfterUnknown,
    /// A start shows an entry that it has not made durable.
    ShowsUnsyncedTail,
    /// A start does not begin a new term.
    KeepsTheTerm,
    /// A start gives the sequence numbers of the last entry again.
    NumbersAgain,
    /// A start forgets deletes.
    ForgetsDeletes,
    /// Collection gives up the place of an operation before its copy is durable.
    DropsBeforeMoved,
}

/// How an append ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Stored.
    Appended,
    /// Not stored, for there is no room; the log goes on.
    NoRoom,
    /// Stored, but that is not known.
    UnknownButStored,
    /// Not stored, but that is not known.
    UnknownAndLost,
}

/// An append that has not ended.
struct Flight {
    entry: Entry,
    /// Takes how it ended; gone if that was told too early.
    answer: Option<oneshot::Sender<Result<Position, AppendError>>>,
}

/// What takes its time and holds nobody else up.
enum Beside {
    /// A read of a source.
    Read(oneshot::Sender<()>),
    /// A long merge.
    Merge(Box<dyn FnOnce() + Send>),
}

impl Beside {
    /// Whether anybody still waits for it.
    fn is_wanted(&self) -> bool {
        match self {
            Self::Read(read) => !read.is_closed(),
            Self::Merge(_) => true,
        }
    }
}

/// What is stored, and what is under way.
#[derive(Default)]
pub(super) struct Disk {
    entries: Vec<Entry>,
    flight: Option<Flight>,
    /// What goes on beside, oldest first.
    beside: VecDeque<Beside>,
    slow_reads: bool,
    store: Arc<MemoryStore>,
    /// Operations that were moved: the place of the entry, and the place in it.
    moved: HashSet<(u32, u32)>,
    /// The life that may append.
    life: u32,
    term: u64,
    /// How many entries are there for good, if those behind them are not.
    unsynced_from: Option<usize>,
    bug: Option<Bug>,
    /// What the writer did that no writer may do.
    faults: Vec<String>,
}

/// A disk that several hands hold.
pub(super) type SharedDisk = Arc<Mutex<Disk>>;

impl Disk {
    pub(super) fn new(slow_reads: bool, bug: Option<Bug>) -> SharedDisk {
        Arc::new(Mutex::new(Self { slow_reads, bug, ..Self::default() }))
    }

    /// The entry that is being appended.
    pub(super) fn in_flight(&self) -> Option<&Entry> {
        self.flight.as_ref().map(|flight| &flight.entry)
    }

    /// Whether a read or a merge waits for its end.
    pub(super) fn is_busy_beside(&self) -> bool {
        self.beside.iter().any(Beside::is_wanted)
    }

    /// Whether a crash may still lose what is stored.
    pub(super) fn is_unsynced(&self) -> bool {
        self.unsynced_from.is_some()
    }

    /// What the writer did wrong.
    pub(super) fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Ends the append that is under way.
    pub(super) fn end_append(&mut self, ending: Ending) {
        let Some(Flight { entry, answer }) = self.flight.take() else { return };
        let is_stored = matches!(ending, Ending::Appended | Ending::UnknownButStored);
        if is_stored {
            self.entries.push(entry);
            self.unsynced_from = None;
        }
        let unknown = || Err(AppendError::Unknown(Cause::from("the sync failed")));
        let no_room = || Err(AppendError::Refused(Refused::NoRoom(Cause::from("disk full"))));
        let told = match ending {
            Ending::Appended => Ok(self.end()),
            Ending::NoRoom => no_room(),
            _ if self.bug == Some(Bug::GoesOnAfterUnknown) => no_room(),
            Ending::UnknownButStored | Ending::UnknownAndLost => unknown(),
        };
        if let Some(answer) = answer {
            // The writer waits for it.
            let _ = answer.send(told);
        }
    }

    /// Ends the oldest read or merge.
    pub(super) fn end_beside(&mut self) {
        self.beside.retain(Beside::is_wanted);
        match self.beside.pop_front() {
            Some(Beside::Read(read)) => {
                // Whoever reads waits for it.
                let _ = read.send(());
            }
            Some(Beside::Merge(merge)) => merge(),
            None => {}
        }
    }

    /// The power is cut; the entry in flight is kept or not.
    pub(super) fn crash(&mut self, kept: bool) {
        if !kept && let Some(durable) = self.unsynced_from.take() {
            self.entries.truncate(durable);
        }
        match self.flight.take() {
            Some(flight) if kept => {
                if self.bug == Some(Bug::ShowsUnsyncedTail) {
                    self.unsynced_from = Some(self.entries.len());
                }
                self.entries.push(flight.entry);
            }
            Some(_) | None => {}
        }
        self.beside.clear();
        // Whoever appends from now on is of a life that is over.
        self.life += 1;
    }

    /// Where the log ends.
    fn end(&self) -> Position {
        Position::new(u64::try_from(self.entries.len()).unwrap_or(u64::MAX))
    }

    /// The stored operations that were not moved, where they are.
    pub(super) fn stored(&self) -> impl DoubleEndedIterator<Item = StoredOperation> + use<> {
        let mut stored = Vec::new();
        for (segment, entry) in numbered(&self.entries) {
            for (offset, operation) in (0..).zip(&entry.operations) {
                let location = Location { segment, offset, length: 0 };
                if !self.is_moved(segment, offset) {
                    stored.push(StoredOperation { operation: operation.clone(), location });
                }
            }
        }
        stored.into_iter()
    }

    fn is_moved(&self, segment: u32, offset: u32) -> bool {
        self.moved.contains(&(segment, offset))
    }

    /// Gives up the place of an operation, whose copy is durable if it still counts.
    pub(super) fn give_up(&mut self, place: Location) {
        self.moved.insert((place.segment, place.offset));
    }

    /// What is wrong with the numbers of what is stored.
    pub(super) fn misnumbered(&self) -> Option<String> {
        let (mut next, mut term) = (SeqNo::ZERO, PrimaryTerm::new(0));
        for (position, entry) in numbered(&self.entries) {
            if entry.term < term {
                return Some(format!("entry {position} falls back to term {}", entry.term));
            }
            term = entry.term;
            for operation in &entry.operations {
                // An older one is a copy.
                if operation.seq_no > next {
                    return Some(format!("entry {position} leaves out the number {next}"));
                }
                next = next.max(operation.seq_no.next());
            }
            if entry.next_seq_no != next {
                return Some(format!("entry {position} goes on at {}", entry.next_seq_no));
            }
        }
        None
    }
}

/// Entries with their positions, from 1.
fn numbered(entries: &[Entry]) -> impl DoubleEndedIterator<Item = (u32, &Entry)> {
    entries.iter().enumerate().map(|(place, entry)| {
        (u32::try_from(place).map_or(u32::MAX, |place| place.saturating_add(1)), entry)
    })
}

/// Starts the next life of the shard: folds what is stored and begins a term.
pub(super) fn start(disk: &SharedDisk) -> (Stream, Recovery) {
    let recovery = Recovery::new(VersionTable::new(0));
    let mut stored = disk.lock();
    let forgets = stored.bug == Some(Bug::ForgetsDeletes);
    let (mut next_seq_no, mut before) = (SeqNo::ZERO, SeqNo::ZERO);
    for (position, entry) in numbered(&stored.entries) {
        let at = Position::new(u64::from(position));
        let locations = stored.store.apply(at, entry).unwrap_or_default();
        let mut operations = Outline::of_entry(entry, &locations);
        operations.retain(|outline| {
            let is_forgotten = forgets && matches!(outline.effect, OutlineEffect::Deleted(_));
            let is_gone = is_forgotten || stored.is_moved(position, outline.location.offset);
            !is_gone
        });
        if entry.next_seq_no != next_seq_no {
            (before, next_seq_no) = (next_seq_no, entry.next_seq_no);
        }
        let (term, shown) = (entry.term, SeqNo::ZERO);
        let outline =
            EntryOutline { position: at, term, next_seq_no: shown, operations: &operations };
        recovery.entry(&outline, &mut Vec::new());
    }
    if stored.bug == Some(Bug::NumbersAgain) {
        next_seq_no = before;
    }
    if stored.bug != Some(Bug::KeepsTheTerm) || stored.term == 0 {
        stored.term += 1;
    }
    let term = PrimaryTerm::new(stored.term);
    stored.entries.push(Entry::marker(term, next_seq_no));
    let marker = EntryOutline { position: stored.end(), term, next_seq_no, operations: &[] };
    recovery.entry(&marker, &mut Vec::new());
    let (life, store) = (stored.life, Arc::clone(&stored.store));
    let log = Arc::new(ToldLog { disk: Arc::clone(disk), life });
    let store = Arc::new(ToldStore { disk: Arc::clone(disk), below: store });
    let stream = Stream { log, store, term, position: stored.end(), damage: None };
    (stream, recovery)
}

/// The source that an operation gives its document, or nothing if it deletes it.
pub(super) fn source(operation: &Operation) -> Option<&[u8]> {
    match &operation.effect {
        Effect::Index { source, .. } => Some(source),
        Effect::Delete { .. } | Effect::Noop { .. } => None,
    }
}
