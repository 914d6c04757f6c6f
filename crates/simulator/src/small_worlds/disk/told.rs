//! The log, the store and the threads that a shard is given: they ask the disk, which is told.

use std::{io, sync::Arc, time::Duration};

use document::Operation;
use shard::{
    Service, Threads,
    log::{AppendError, BoxFuture, Durability, Entry, Log, LogError, Position},
    store::{Hold, Location, Store, StoreError, memory::MemoryStore},
};
use tokio::sync::oneshot;

use super::{Beside, Bug, Ending, Flight, SharedDisk};

/// The log of one life.
pub(super) struct ToldLog {
    pub(super) disk: SharedDisk,
    pub(super) life: u32,
}

impl ToldLog {
    /// Takes an entry, and says who will say how it ended; nothing if this life is over.
    fn begin(
        &self,
        entry: &Entry,
        expected: Position,
    ) -> Option<oneshot::Receiver<Result<Position, AppendError>>> {
        let mut disk = self.disk.lock();
        if disk.life != self.life {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        let mut answer = Some(sender);
        if disk.bug == Some(Bug::AnswersBeforeDurable) {
            disk.end_append(Ending::Appended);
            let place = Position::new(disk.end().get() + 1);
            if let Some(answer) = answer.take() {
                // The writer is just about to wait for it.
                let _ = answer.send(Ok(place));
            }
        } else if disk.flight.is_some() {
            disk.faults.push("the writer began a second append beside another".into());
        }
        if disk.bug.is_none() && disk.end() != expected {
            disk.faults.push(format!("the writer appends behind {expected:?}"));
        }
        disk.flight = Some(Flight { entry: entry.clone(), answer });
        Some(receiver)
    }
}

impl Log for ToldLog {
    fn append<'a>(
        &'a self,
        entry: &'a Entry,
        expected: Position,
    ) -> BoxFuture<'a, Result<Position, AppendError>> {
        let answer = self.begin(entry, expected);
        Box::pin(async move {
            match answer {
                Some(answer) => match answer.await {
                    Ok(answer) => answer,
                    Err(_) => std::future::pending().await,
                },
                None => std::future::pending().await,
            }
        })
    }

    /// Nobody asks here.
    fn read_from(&self, _: Position) -> BoxFuture<'_, Result<Vec<(Position, Entry)>, LogError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn barrier(&self) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(async { Ok(()) })
    }

    fn set_durability(&self, _: Durability) {}

    fn has_room(&self) -> bool {
        true
    }

    fn delay(&self, _: usize) -> Duration {
        Duration::ZERO
    }

    fn release(&self, _: Position) {}
}

/// Threads that work when it is said.
pub(in crate::small_worlds) struct ToldThreads(pub(in crate::small_worlds) SharedDisk);

impl Threads for ToldThreads {
    /// Nobody asks here.
    fn start(&self, _: &'static str, _: BoxFuture<'static, ()>) -> io::Result<Service> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn run(&self, work: Box<dyn FnOnce() + Send>) {
        self.0.lock().beside.push_back(Beside::Merge(work));
    }
}

/// The store: sources in memory, shown at once or when it is said.
pub(super) struct ToldStore {
    pub(super) disk: SharedDisk,
    pub(super) below: Arc<MemoryStore>,
}

impl Store for ToldStore {
    fn apply(&self, position: Position, entry: &Entry) -> Result<Vec<Location>, StoreError> {
        self.below.apply(position, entry)
    }

    fn read_cached(&self, location: Location) -> Option<Result<Operation, StoreError>> {
        let is_slow = self.disk.lock().slow_reads;
        if is_slow { None } else { Some(self.read_blocking(location)) }
    }

    fn read(&self, location: Location) -> BoxFuture<'_, Result<Operation, StoreError>> {
        let (sender, ended) = oneshot::channel();
        self.disk.lock().beside.push_back(Beside::Read(sender));
        Box::pin(async move {
            match ended.await {
                Ok(()) => self.read_blocking(location),
                Err(_) => std::future::pending().await,
            }
        })
    }

    fn read_blocking(&self, location: Location) -> Result<Operation, StoreError> {
        if self.disk.lock().is_moved(location.segment, location.offset) {
            return Err(StoreError::Moved(location));
        }
        self.below.read_blocking(location)
    }

    fn retire(&self, _: Location) {}

    fn hold(&self) -> Hold {
        self.below.hold()
    }

    fn is_stored(&self, location: Location) -> bool {
        !self.disk.lock().is_moved(location.segment, location.offset)
    }
}
