//! The version table: what the last write of each document was, and where its source lies.
//!
//! It holds applied, durable state only. One map while it is small; then a few hundred, each behind
//! its own short lock, so that neither a reader nor the growth of one map ever stalls the others.

mod map;

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use ahash::RandomState;
use document::{Application, DocumentState, GcDeletes, LastWrite, SeqNo, Timestamp, apply};
use parking_lot::RwLock;

pub(crate) use self::map::Spare;
use self::map::{Map, Row};
use crate::{
    log::{Outline, OutlineEffect},
    memory::{Memory, heap_bytes},
    store::Location,
};

/// How many documents a table holds in one map. More are split among [`MAPS`], within a millisecond.
const SMALL_ROWS: usize = 4_096;
/// How many maps share a large table: 10 M documents are 40,000 in each, whose growth takes a
/// millisecond.
const MAPS: usize = 256;
/// Into how many cells hashes fall; each map has some of them.
const CELLS: usize = 4_096;

/// The map of each cell. The last map has twice the cells of the first, and those between them grow
/// evenly: so the maps double one after the other instead of all at once, and the table's memory
/// follows its content instead of jumping to twice of it.
static MAP_OF_CELL: [u8; CELLS] = map_of_cell();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
#[allow(clippy::cast_possible_truncation, reason = "there are 256 maps")]
const fn map_of_cell() -> [u8; CELLS] {
    // Map m has MAPS + m shares of the cells.
    let shares = MAPS * MAPS + MAPS * (MAPS - 1) / 2;
    let mut maps = [0; CELLS];
    let (mut cell, mut map, mut end) = (0, 0, MAPS);
    while cell < CELLS {
        while map + 1 < MAPS && cell * shares / CELLS >= end {
            map += 1;
            end += MAPS + map;
        }
        maps[cell] = map as u8;
        cell += 1;
    }
    maps
}

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

impl Outline<'_> {
    /// What the operation leaves behind.
    fn place(&self) -> Place {
        match self.effect {
            OutlineEffect::Indexed => Place::Live(self.location),
            OutlineEffect::Deleted(at) => Place::Deleted(at),
        }
    }
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

impl Place {
    /// Where the source lies, if there is one.
    #[must_use]
    pub const fn location(self) -> Option<Location> {
        match self {
            Self::Live(location) => Some(location),
            Self::Deleted(_) => None,
        }
    }
}

/// The last write of every document of one shard.
///
/// It begins with one small map and splits it once, for good, when it holds many documents. Whoever
/// looks for a document and finds no large maps locks the small one and *looks again*: `large` is set
/// only under that map's write lock, so if it is still unset, it stays so while the lock is held, and
/// the small map has everything. If it is set by then, the split is complete, since the large maps
/// are filled before they are shown. So nobody finds a document missing, or adds one to a map that
/// was given up.
pub struct VersionTable {
    /// Every document, until `large` is set; nothing from then on.
    small: RwLock<Map>,
    large: OnceLock<Box<[RwLock<Map>]>>,
    hasher: RandomState,
    /// What the maps have allocated is charged to it.
    memory: Arc<Memory>,
    live: AtomicU64,
    tombstones: AtomicU64,
    /// Bytes stored for the documents that are there.
    live_bytes: AtomicU64,
    /// The map that the next sweep visits.
    sweep: AtomicUsize,
}

impl VersionTable {
    /// What a new document adds to a table beside the bytes of its id, on the average over a table's
    /// growth and rounded up.
    pub const NEW_ROW_BYTES: u64 = 64;

    /// An empty table with a memory budget of its own, without a limit. `hash_seed` must be hard to
    /// guess for whoever chooses the ids.
    #[must_use]
    pub fn new(hash_seed: u64) -> Self {
        Self::with_memory(hash_seed, Arc::new(Memory::unlimited()))
    }

    /// An empty table that charges to `memory` what it allocates (not itself), and gives it back when
    /// it shrinks or is dropped. See [`VersionTable::new`] for the seed.
    #[must_use]
    pub fn with_memory(hash_seed: u64, memory: Arc<Memory>) -> Self {
        Self {
            small: RwLock::default(),
            large: OnceLock::new(),
            hasher: RandomState::with_seeds(hash_seed, !hash_seed, hash_seed.rotate_left(32), 7),
            memory,
            live: AtomicU64::new(0),
            tombstones: AtomicU64::new(0),
            live_bytes: AtomicU64::new(0),
            sweep: AtomicUsize::new(0),
        }
    }

    /// What the table charges its allocations to.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// About how much memory a new document takes whose id has `id_bytes`: what to ask
    /// [`Memory::has_room_for`] before one is added. What is held already takes no more when it is
    /// written again.
    #[must_use]
    pub fn row_cost(id_bytes: usize) -> u64 {
        let id_bytes = u64::try_from(id_bytes).unwrap_or(u64::MAX);
        id_bytes.saturating_add(id_bytes / 8).saturating_add(Self::NEW_ROW_BYTES)
    }

    /// What is held of a document.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Held> {
        let (hash, id) = (self.hash(id), id.as_bytes());
        if self.large.get().is_none() {
            let small = self.small.read();
            // Again, now that nobody can set it: see VersionTable.
            if self.large.get().is_none() {
                return small.get(hash, id);
            }
        }
        self.large(hash)?.read().get(hash, id)
    }

    /// Applies an operation on `id` by the rule of [`document::apply`]: a newer one replaces what is
    /// held, the same one moves its place, an older one changes nothing.
    ///
    /// Returns the location that is of no use any more: that of the source which was replaced, or
    /// that of the operation itself if it is stale. A location that the document keeps is never
    /// returned.
    pub fn apply(&self, id: &str, last: LastWrite, place: Place) -> Option<Location> {
        let (hash, new) = (self.hash(id), Held { last, place });
        self.change(hash, |map| self.apply_to(map, hash, id.as_bytes(), new))
    }

    /// Applies many operations, each as [`VersionTable::apply`] does, and adds to `retired`
    /// the locations that are of no use any more.
    ///
    /// Those of one map come together, in their order: it is locked once, and the processor fetches
    /// what several of them need at a time. (A lock taken between two of them would forbid it that.)
    pub fn apply_all(&self, operations: &[Outline<'_>], retired: &mut Vec<Location>) {
        let Some(maps) = self.large.get().filter(|_| operations.len() >= MAPS) else {
            let apply = |operation: &Outline<'_>| {
                self.apply(operation.id, operation.last, operation.place())
            };
            return retired.extend(operations.iter().filter_map(apply));
        };
        let mut by_map: Vec<_> = operations
            .iter()
            .map(|operation| self.hash(operation.id))
            .zip(operations)
            .map(|(hash, operation)| (map_of_hash(hash), hash, operation))
            .collect();
        by_map.sort_by_key(|(map, ..)| *map);
        for together in by_map.chunk_by(|(one, ..), (other, ..)| one == other) {
            let Some(map) = together.first().and_then(|(map, ..)| maps.get(*map)) else { continue };
            self.charged(&mut map.write(), |map| {
                // Only reads, which need not wait for each other. The changes find all in the cache.
                let known = together.iter().filter(|(_, hash, operation)| {
                    map.get(*hash, operation.id.as_bytes()).is_some()
                });
                std::hint::black_box(known.count());
                for (_, hash, operation) in together {
                    let new = Held { last: operation.last, place: operation.place() };
                    retired.extend(self.apply_to(map, *hash, operation.id.as_bytes(), new));
                }
            });
        }
    }

    /// Applies one operation to the map that has, or is to have, its document.
    fn apply_to(&self, map: &mut Map, hash: u64, id: &[u8], new: Held) -> Option<Location> {
        let Some(row) = map.row_mut(hash, id) else {
            map.insert(&self.hasher, hash, id, new);
            self.count(new.place);
            return None;
        };
        let held = row.held();
        let (kept, retired) = match apply(Some(held.last), None, new.last.seq_no) {
            Application::Stale => (held.place, new.place),
            // Of two copies the later stays: the other is about to be given up.
            Application::Same if is_earlier(new.place, held.place) => (held.place, new.place),
            Application::Newer | Application::Same => {
                row.hold(new);
                self.discount(held.place);
                self.count(new.place);
                (new.place, held.place)
            }
        };
        retired.location().filter(|location| kept.location() != Some(*location))
    }

    /// Calls `f` with the location of every document that is there. A document that is written
    /// meanwhile may be shown as it was before or after. One map is locked at a time: `f` must be
    /// short, and must not come back to this table.
    pub fn for_each_live(&self, f: &mut dyn FnMut(Location)) {
        let mut visit = |map: &Map| {
            map.rows().iter().filter_map(|row| row.held().place.location()).for_each(&mut *f);
        };
        if self.large.get().is_none() {
            let small = self.small.read();
            // Again, now that nobody can set it: see VersionTable.
            if self.large.get().is_none() {
                return visit(&small);
            }
        }
        for map in self.large.get().into_iter().flatten() {
            visit(&map.read());
        }
    }

    /// Calls `f` with the id, the last write and the place of every document in one part of the table,
    /// from part 0 on, and says whether there is another part. A document stays in its part. One map is
    /// locked at a time: `f` must be short, and must not come back to this table.
    pub fn for_each_live_in_part(
        &self,
        part: usize,
        f: &mut dyn FnMut(&str, LastWrite, Location),
    ) -> bool {
        self.for_each_in_part(part, &mut |id, held| {
            if let Some(location) = held.place.location() {
                f(id, held.last, location);
            }
        })
    }

    /// As [`VersionTable::for_each_live_in_part`], with what was deleted and is remembered too.
    pub(crate) fn for_each_in_part(&self, part: usize, f: &mut dyn FnMut(&str, Held)) -> bool {
        let mut visit = |map: &Map| {
            for (id, row) in map.iter() {
                if let Ok(id) = std::str::from_utf8(id) {
                    f(id, row.held());
                }
            }
        };
        if self.large.get().is_none() {
            let small = self.small.read();
            // Again, now that nobody can set it: see VersionTable. What is there is the one part.
            if self.large.get().is_none() && part == 0 {
                visit(&small);
                return false;
            }
        }
        let Some(map) = self.large.get().and_then(|maps| maps.get(part)) else { return false };
        visit(&map.read());
        part + 1 < MAPS
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

    /// Drops the expired tombstones of one map, the next in turn, and gives back memory if it has
    /// become far too large. The caller chooses the pace; a tombstone that was not swept yet has
    /// expired all the same ([`Held::state`]). Those of operations from `kept_from` on stay.
    pub fn sweep(&self, now: Timestamp, gc_deletes: GcDeletes, kept_from: Option<SeqNo>) {
        let expired = |row: &Row| match row.held() {
            Held { place: Place::Live(_), .. } => false,
            Held { last, .. } if kept_from.is_some_and(|from| last.seq_no >= from) => false,
            Held { place: Place::Deleted(at), .. } => !gc_deletes.remembers(at, now),
        };
        let turn = self.sweep.fetch_add(1, Relaxed) % MAPS;
        // If the small map is split right after this look, it is empty, and nothing swept this time.
        let map = self.large.get().map_or(Some(&self.small), |maps| maps.get(turn));
        let Some(map) = map else { return };
        // Most visits find nothing; they need not stop the readers.
        if !map.read().rows().iter().any(expired) {
            return;
        }
        let is_short = !self.memory.has_room_for(self.memory.limit() / 8);
        let retain = |map: &mut Map| map.retain(&self.hasher, is_short, |row| !expired(row));
        let dropped = self.charged(&mut map.write(), retain);
        self.tombstones.fetch_sub(u64::try_from(dropped).unwrap_or(u64::MAX), Relaxed);
    }

    /// Which map a document of this hash would be added to, and what that has room for already: such
    /// a document takes no more memory, however short it is.
    pub(crate) fn spare(&self, hash: u64) -> (usize, Spare) {
        match self.large.get() {
            None => (0, self.small.read().spare()),
            Some(maps) => {
                let number = map_of_hash(hash);
                (number, maps.get(number).map_or_else(Spare::default, |map| map.read().spare()))
            }
        }
    }

    /// The hash that chooses a document's map and its place in it.
    pub(crate) fn hash(&self, id: &str) -> u64 {
        map::hash(&self.hasher, id.as_bytes())
    }

    /// Calls `f` with the map that has, or is to have, the documents of this hash.
    fn change(&self, hash: u64, f: impl FnOnce(&mut Map) -> Option<Location>) -> Option<Location> {
        if self.large.get().is_none() {
            let mut small = self.small.write();
            // Again, now that nobody else can set it: see VersionTable.
            if self.large.get().is_none() {
                let retired = self.charged(&mut small, f);
                if small.len() > SMALL_ROWS {
                    self.split(&mut small);
                }
                return retired;
            }
        }
        self.charged(&mut self.large(hash)?.write(), f)
    }

    /// Calls `f` and charges what it makes the map allocate, or gives back what it frees.
    fn charged<T>(&self, map: &mut Map, f: impl FnOnce(&mut Map) -> T) -> T {
        let before = map.allocated();
        let result = f(map);
        self.charge(before, map.allocated());
        result
    }

    fn charge(&self, before: u64, after: u64) {
        // Seldom: an array that has room allocates nothing.
        if after > before {
            self.memory.grow(after - before);
        } else if after < before {
            self.memory.shrink(before - after);
        }
    }

    /// Moves every document from the small map to the large ones. That the caller has the small map
    /// by `&mut` is the write lock that makes this one step for everybody else.
    fn split(&self, small: &mut Map) {
        let (rows, id_bytes) = (small.len() / MAPS, small.id_bytes() / MAPS);
        let new = |_| Map::with_room_for(rows, id_bytes);
        let mut maps: Vec<Map> = (0..MAPS).map(new).collect();
        for (id, row) in small.iter() {
            let hash = map::hash(&self.hasher, id);
            if let Some(map) = maps.get_mut(map_of_hash(hash)) {
                map.insert(&self.hasher, hash, id, row.held());
            }
        }
        let maps: Box<[RwLock<Map>]> = maps.into_iter().map(RwLock::new).collect();
        let before = small.allocated();
        self.charge(before, allocated(&maps));
        // It is unset: it was, under the lock that is held since.
        let _ = self.large.set(maps);
        *small = Map::default();
    }

    fn large(&self, hash: u64) -> Option<&RwLock<Map>> {
        self.large.get()?.get(map_of_hash(hash))
    }

    fn count(&self, place: Place) {
        self.counter(place).fetch_add(1, Relaxed);
        self.live_bytes.fetch_add(bytes(place), Relaxed);
    }

    fn discount(&self, place: Place) {
        self.counter(place).fetch_sub(1, Relaxed);
        self.live_bytes.fetch_sub(bytes(place), Relaxed);
    }

    fn counter(&self, place: Place) -> &AtomicU64 {
        match place {
            Place::Live(_) => &self.live,
            Place::Deleted(_) => &self.tombstones,
        }
    }
}

impl Drop for VersionTable {
    fn drop(&mut self) {
        let large = self.large.get().map_or(0, |maps| allocated(maps));
        self.memory.shrink(self.small.get_mut().allocated() + large);
    }
}

/// Which of the large maps has the documents of a hash.
fn map_of_hash(hash: u64) -> usize {
    // The index inside takes its buckets from the low bits and its tags from the highest seven.
    let [_, high, low, ..] = hash.to_be_bytes();
    let cell = usize::from(u16::from_be_bytes([high, low]) >> 4);
    MAP_OF_CELL.get(cell).map_or(0, |map| usize::from(*map))
}

/// What the large maps have allocated, themselves included.
fn allocated(maps: &[RwLock<Map>]) -> u64 {
    heap_bytes(size_of_val(maps)) + maps.iter().map(|map| map.read().allocated()).sum::<u64>()
}

/// Whether a source lies before the other.
fn is_earlier(one: Place, other: Place) -> bool {
    let order = |place: Place| place.location().map(|at| (at.segment, at.offset));
    order(one).zip(order(other)).is_some_and(|(one, other)| one < other)
}

fn bytes(place: Place) -> u64 {
    place.location().map_or(0, |location| u64::from(location.length))
}

impl fmt::Debug for VersionTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VersionTable")
            .field("live", &self.live())
            .field("tombstones", &self.tombstones())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
