//! The version table: what the last write of each document was, and where its source lies.
//!
//! It holds applied, durable state only. A few hundred small maps, each behind its own short lock,
//! so that neither a reader nor the growth of one map ever stalls the others.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use ahash::RandomState;
use document::{Application, DocumentId, DocumentState, GcDeletes, LastWrite, Timestamp, apply};
use hashbrown::{HashTable, hash_table::Entry};
use parking_lot::RwLock;

use crate::store::Location;

/// How many maps share a table: 10 M documents are 40,000 in each, whose growth takes milliseconds.
const MAPS: usize = 256;

/// What the table holds of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The document's last write.
    pub last: LastWrite,
    /// What it left behind.
    pub place: Place,
}

/// What a document's last write left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A source, stored here.
    Live(Location),
    /// A tombstone of this time. It may have expired.
    Deleted(Timestamp),
}

impl Held {
    /// The document as a write or a read finds it at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp, gc_deletes: GcDeletes) -> DocumentState {
        match self.place {
            Place::Live(_) => DocumentState::Live(self.last),
            Place::Deleted(at) => DocumentState::deleted(self.last, at, now, gc_deletes),
        }
    }
}

type Map = RwLock<HashTable<(DocumentId, Held)>>;

/// The last write of every document of one shard.
pub struct VersionTable {
    /// Made at the first write: an empty shard costs nothing.
    maps: OnceLock<Box<[Map]>>,
    hasher: RandomState,
    live: AtomicU64,
    tombstones: AtomicU64,
    /// Bytes stored for the documents that are there.
    live_bytes: AtomicU64,
    /// The map that the next sweep visits.
    sweep: AtomicUsize,
}

impl VersionTable {
    /// An empty table. `hash_seed` must be hard to guess for whoever chooses the ids.
    #[must_use]
    pub fn new(hash_seed: u64) -> Self {
        Self {
            maps: OnceLock::new(),
            hasher: RandomState::with_seeds(hash_seed, !hash_seed, hash_seed.rotate_left(32), 7),
            live: AtomicU64::new(0),
            tombstones: AtomicU64::new(0),
            live_bytes: AtomicU64::new(0),
            sweep: AtomicUsize::new(0),
        }
    }

    /// What is held of a document.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Held> {
        let hash = self.hash(id);
        let map = self.map(self.maps.get()?, hash)?.read();
        map.find(hash, |(other, _)| other.as_str() == id).map(|(_, held)| *held)
    }

    /// Applies an operation on `id` by the rule of [`document::apply`]: a newer one replaces what is
    /// held, the same one moves its place, an older one changes nothing.
    pub fn apply(&self, id: DocumentId, last: LastWrite, place: Place) {
        let hash = self.hash(id.as_str());
        let maps = self.maps.get_or_init(|| (0..MAPS).map(|_| Map::default()).collect());
        let Some(map) = self.map(maps, hash) else { return };
        let mut map = map.write();
        let rehash = |(id, _): &(DocumentId, Held)| self.hash(id.as_str());
        match map.entry(hash, |(other, _)| *other == id, rehash) {
            Entry::Vacant(vacant) => {
                vacant.insert((id, Held { last, place }));
            }
            Entry::Occupied(mut occupied) => {
                let held = &mut occupied.get_mut().1;
                match apply(Some(held.last), None, last.seq_no) {
                    Application::Stale => return,
                    Application::Newer | Application::Same => {}
                }
                self.counter(held.place).fetch_sub(1, Relaxed);
                self.live_bytes.fetch_sub(bytes(held.place), Relaxed);
                *held = Held { last, place };
            }
        }
        self.counter(place).fetch_add(1, Relaxed);
        self.live_bytes.fetch_add(bytes(place), Relaxed);
    }

    /// How many documents are there.
    #[must_use]
    pub fn live(&self) -> u64 {
        self.live.load(Relaxed)
    }

    /// How many bytes are stored for the documents that are there.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.live_bytes.load(Relaxed)
    }

    /// How many tombstones are held, expired ones included.
    #[must_use]
    pub fn tombstones(&self) -> u64 {
        self.tombstones.load(Relaxed)
    }

    /// Drops the expired tombstones of one map, the next in turn. The caller chooses the pace; a
    /// tombstone that was not swept yet has expired all the same ([`Held::state`]).
    pub fn sweep(&self, now: Timestamp, gc_deletes: GcDeletes) {
        let Some(maps) = self.maps.get() else { return };
        let turn = self.sweep.fetch_add(1, Relaxed) % MAPS;
        let Some(map) = maps.get(turn) else { return };
        let mut dropped = 0;
        map.write().retain(|(_, held)| match held.place {
            Place::Live(_) => true,
            Place::Deleted(at) => {
                let keep = gc_deletes.remembers(at, now);
                dropped += u64::from(!keep);
                keep
            }
        });
        self.tombstones.fetch_sub(dropped, Relaxed);
    }

    /// The hash that chooses a document's map and its place in it.
    pub(crate) fn hash(&self, id: &str) -> u64 {
        self.hasher.hash_one(id)
    }

    fn map<'a>(&self, maps: &'a [Map], hash: u64) -> Option<&'a Map> {
        // The table inside takes its buckets from the low bits and its tags from the highest seven.
        maps.get(usize::from(hash.to_be_bytes()[1]))
    }

    fn counter(&self, place: Place) -> &AtomicU64 {
        match place {
            Place::Live(_) => &self.live,
            Place::Deleted(_) => &self.tombstones,
        }
    }
}

fn bytes(place: Place) -> u64 {
    match place {
        Place::Live(location) => u64::from(location.length),
        Place::Deleted(_) => 0,
    }
}

impl fmt::Debug for VersionTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VersionTable")
            .field("live", &self.live())
            .field("tombstones", &self.tombstones())
            .finish_non_exhaustive()
    }
}
