//! The reference log: a vector behind a mutex. Durable for as long as the [`MemoryLog`] lives, which
//! stands for the disk; opening it again stands for a restart.

use std::{collections::HashMap, sync::Arc};

use document::PrimaryTerm;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{
    AppendError, BoxFuture, Entry, Log, LogError, LogProvider, Logs, Position, Refused, Replay,
    Stream, StreamId,
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
    streams: HashMap<StreamId, StoredStream>,
}

struct StoredStream {
    term: PrimaryTerm,
    entries: Vec<Entry>,
    store: Arc<MemoryStore>,
}

impl StoredStream {
    fn new() -> Self {
        Self { term: PrimaryTerm::FIRST, entries: Vec::new(), store: Arc::default() }
    }

    fn end(&self) -> Position {
        Position::new(self.entries.len() as u64)
    }

    fn push(&mut self, entry: Entry) -> Position {
        self.entries.push(entry);
        self.end()
    }
}

impl LogProvider for MemoryLog {
    fn open(self: Box<Self>, replay: &mut dyn Replay) -> Result<Arc<dyn Logs>, LogError> {
        let mut stored = self.stored.lock();
        stored.openings += 1;
        let opening = stored.openings;
        for (&id, stream) in &stored.streams {
            for (number, entry) in (1..).zip(&stream.entries) {
                let locations = stream.store.locations(Position::new(number), entry);
                replay.entry(id, Position::new(number), entry.clone(), &locations);
            }
        }
        let live = replay.live_streams();
        stored.streams.retain(|id, _| live.contains(id));
        for id in live {
            let stream = stored.streams.entry(id).or_insert_with(StoredStream::new);
            if !stream.entries.is_empty() {
                stream.term = stream.term.next();
            }
            stream.push(Entry { term: stream.term, operations: Vec::new() });
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
    fn opened(&self, id: StreamId, stream: &StoredStream) -> Stream {
        let log = MemoryStream {
            stored: Arc::clone(&self.stored),
            opening: self.opening,
            closed: self.closed.subscribe(),
            id,
        };
        Stream {
            log: Arc::new(log),
            store: Arc::clone(&stream.store) as Arc<dyn crate::store::Store>,
            term: stream.term,
            position: stream.end(),
        }
    }
}

impl Logs for MemoryLogs {
    fn stream(&self, id: StreamId) -> Option<Stream> {
        let stored = self.stored.lock();
        stored.streams.get(&id).map(|stream| self.opened(id, stream))
    }

    fn create(&self, id: StreamId) -> BoxFuture<'_, Result<Stream, AppendError>> {
        Box::pin(async move {
            let mut stored = self.stored.lock();
            if *self.closed.borrow() || stored.openings != self.opening {
                return Err(AppendError::Refused(Refused::Closed));
            }
            let stream = stored.streams.entry(id).or_insert_with(StoredStream::new);
            stream.push(Entry { term: stream.term, operations: Vec::new() });
            Ok(self.opened(id, stream))
        })
    }

    fn remove(&self, id: StreamId) {
        self.stored.lock().streams.remove(&id);
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
        Ok(stream.push(entry.clone()))
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
            (1..)
                .map(Position::new)
                .zip(stream.entries.iter().cloned())
                .filter(|(position, _)| *position > from)
                .collect()
        });
        Box::pin(async move { Ok(entries) })
    }

    fn barrier(&self) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(async { Ok(()) })
    }

    fn release(&self, _position: Position) {}
}
