//! The reference log: a vector behind a mutex. Durable for as long as the [`MemoryLog`] lives, which
//! stands for the disk; opening it again stands for a restart.

use std::{collections::HashMap, sync::Arc, time::Duration};

use document::{PrimaryTerm, SeqNo};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{
    AppendError, BoxFuture, Durability, Entry, EntryOutline, Log, LogError, LogProvider,
    LogStatistics, Logs, Outline, Position, Refused, Relocate, Replay, Stream, StreamId,
};
use crate::store::memory::MemoryStore;

/// A node's log in memory. Clones share what is stored.
#[derive(Clone, Default)]
pub struct MemoryLog {
    stored: Arc<Mutex<Stored>>,
}

#[derive(Default)]
struct Stored {
    /// How often the log was opened; an older opening is fenced.
    openings: u64,
    /// How many entries were ever stored, of all streams.
    entries: u64,
    streams: HashMap<StreamId, StoredStream>,
    store: Arc<MemoryStore>,
}

struct StoredStream {
    term: PrimaryTerm,
    next_seq_no: SeqNo,
    entries: Vec<(Position, Entry)>,
}

impl Default for StoredStream {
    fn default() -> Self {
        Self { term: PrimaryTerm::FIRST, next_seq_no: SeqNo::ZERO, entries: Vec::new() }
    }
}

impl StoredStream {
    fn end(&self) -> Position {
        self.entries.last().map_or(Position::START, |(position, _)| *position)
    }
}

impl Stored {
    /// Shows every entry of a stream.
    fn show(&self, id: StreamId, stream: &StoredStream, replay: &mut dyn Replay) {
        let mut retired = Vec::new();
        for (position, entry) in &stream.entries {
            let locations = self.store.locations(*position, entry);
            let operations = Outline::of_entry(entry, &locations);
            let outline = EntryOutline {
                position: *position,
                term: entry.term,
                next_seq_no: entry.next_seq_no,
                operations: &operations,
            };
            replay.entry(id, &outline, &mut retired);
        }
    }

    /// Stores an entry at the end of a stream, if need be a new one.
    fn push(&mut self, id: StreamId, entry: Entry) -> Position {
        self.entries += 1;
        let position = Position::new(self.entries);
        let stream = self.streams.entry(id).or_default();
        stream.next_seq_no = entry.next_seq_no;
        stream.entries.push((position, entry));
        position
    }

    /// Starts a stream's next term, or the first of one that was never seen.
    fn begin_term(&mut self, id: StreamId) {
        let stream = self.streams.entry(id).or_default();
        if !stream.entries.is_empty() {
            stream.term = stream.term.next();
        }
        let marker = Entry::marker(stream.term, stream.next_seq_no);
        self.push(id, marker);
    }
}

impl LogProvider for MemoryLog {
    fn open(self: Box<Self>, replay: &mut dyn Replay) -> Result<Arc<dyn Logs>, LogError> {
        let mut stored = self.stored.lock();
        stored.openings += 1;
        let opening = stored.openings;
        for (&id, stream) in &stored.streams {
            stored.show(id, stream, replay);
        }
        let live = replay.live_streams(stored.store.as_ref())?;
        stored.streams.retain(|id, _| live.contains(id));
        for id in live {
            stored.begin_term(id);
        }
        drop(stored);
        let (closed, _) = watch::channel(false);
        Ok(Arc::new(MemoryLogs { stored: self.stored, opening, closed }))
    }
}

struct MemoryLogs {
    stored: Arc<Mutex<Stored>>,
    opening: u64,
    closed: watch::Sender<bool>,
}

impl MemoryLogs {
    fn opened(&self, id: StreamId, stored: &Stored) -> Option<Stream> {
        let stream = stored.streams.get(&id)?;
        let log = MemoryStream {
            stored: Arc::clone(&self.stored),
            opening: self.opening,
            closed: self.closed.subscribe(),
            id,
        };
        Some(Stream {
            log: Arc::new(log),
            store: Arc::clone(&stored.store) as Arc<dyn crate::store::Store>,
            term: stream.term,
            position: stream.end(),
            damage: None,
        })
    }
}

impl Logs for MemoryLogs {
    fn stream(&self, id: StreamId) -> Option<Stream> {
        self.opened(id, &self.stored.lock())
    }

    fn create(&self, id: StreamId) -> BoxFuture<'_, Result<Stream, AppendError>> {
        Box::pin(async move {
            let mut stored = self.stored.lock();
            if *self.closed.borrow() || stored.openings != self.opening {
                return Err(AppendError::Refused(Refused::Closed));
            }
            stored.begin_term(id);
            self.opened(id, &stored).ok_or(AppendError::Refused(Refused::Closed))
        })
    }

    fn remove(&self, id: StreamId) {
        self.stored.lock().streams.remove(&id);
    }

    /// Nothing is collected: memory is for tests.
    fn collect(&self, _relocate: Arc<dyn Relocate>) {}

    fn stop_collecting(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Nothing is counted either.
    fn statistics(&self) -> LogStatistics {
        LogStatistics::default()
    }

    fn failed(&self) -> BoxFuture<'static, String> {
        Box::pin(std::future::pending())
    }

    fn close(&self) -> BoxFuture<'_, Result<(), LogError>> {
        self.closed.send_replace(true);
        Box::pin(async { Ok(()) })
    }
}

struct MemoryStream {
    stored: Arc<Mutex<Stored>>,
    opening: u64,
    closed: watch::Receiver<bool>,
    id: StreamId,
}

impl MemoryStream {
    fn try_append(&self, entry: &Entry, expected: Position) -> Result<Position, Refused> {
        let mut stored = self.stored.lock();
        let fenced = stored.openings != self.opening;
        let stream = stored.streams.get_mut(&self.id).ok_or(Refused::Closed)?;
        if fenced || entry.term < stream.term {
            return Err(Refused::Fenced { offered: entry.term, current: stream.term });
        }
        if *self.closed.borrow() {
            return Err(Refused::Closed);
        }
        if expected != stream.end() {
            return Err(Refused::Ahead { found: stream.end() });
        }
        Ok(stored.push(self.id, entry.clone()))
    }
}

impl Log for MemoryStream {
    fn append<'a>(
        &'a self,
        entry: &'a Entry,
        expected: Position,
    ) -> BoxFuture<'a, Result<Position, AppendError>> {
        let appended = self.try_append(entry, expected).map_err(AppendError::Refused);
        Box::pin(async move { appended })
    }

    fn read_from(&self, from: Position) -> BoxFuture<'_, Result<Vec<(Position, Entry)>, LogError>> {
        let stored = self.stored.lock();
        let entries = stored.streams.get(&self.id).map_or_else(Vec::new, |stream| {
            let later = stream.entries.iter().filter(|(position, _)| *position > from);
            later.cloned().collect()
        });
        Box::pin(async move { Ok(entries) })
    }

    fn barrier(&self) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(async { Ok(()) })
    }

    fn set_durability(&self, _durability: Durability) {}

    fn has_room(&self) -> bool {
        true
    }

    fn delay(&self, _bytes: usize) -> Duration {
        Duration::ZERO
    }

    fn release(&self, _position: Position) {}
}
