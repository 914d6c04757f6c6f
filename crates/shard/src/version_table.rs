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
use document::{
    Application, DocumentId, DocumentState, GcDeletes, LastWrite, PrimaryTerm, SeqNo, Timestamp,
    Version, apply,
};
use hashbrown::{HashTable, hash_table::Entry};
use parking_lot::RwLock;

use crate::store::Location;

/// How many maps share a table: 10 M documents are 40,000 in each, whose growth takes milliseconds.
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

type Map = RwLock<HashTable<Row>>;

/// A document in the table, in 48 bytes: there is one in memory for each.
struct Row {
    id: DocumentId,
    seq_no: SeqNo,
    version: Version,
    /// Primary terms rise at starts: four billion of them do not come about.
    term: u32,
    /// A location; or, with [`DELETED`] in the place of its length, the two halves of a time.
    place: [u32; 3],
}

/// No record is that long.
const DELETED: u32 = u32::MAX;

impl Row {
    fn new(id: DocumentId, held: Held) -> Self {
        let Held { last: LastWrite { seq_no, term, version }, place } = held;
        let term = u32::try_from(term.get()).unwrap_or(u32::MAX);
        let place = match place {
            Place::Live(Location { segment, offset, length }) => [segment, offset, length],
            Place::Deleted(at) => {
                let [a, b, c, d, e, f, g, h] = at.as_millis().to_le_bytes();
                [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]), DELETED]
            }
        };
        Self { id, seq_no, version, term, place }
    }

    fn held(&self) -> Held {
        let term = PrimaryTerm::new(u64::from(self.term));
        let last = LastWrite { seq_no: self.seq_no, term, version: self.version };
        let [segment, offset, length] = self.place;
        let place = if length == DELETED {
            let millis = u64::from(offset) << 32 | u64::from(segment);
            Place::Deleted(Timestamp::from_millis(millis.cast_signed()))
        } else {
            Place::Live(Location { segment, offset, length })
        };
        Held { last, place }
    }
}

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
        map.find(hash, |row| row.id.as_str() == id).map(Row::held)
    }

    /// Applies an operation on `id` by the rule of [`document::apply`]: a newer one replaces what is
    /// held, the same one moves its place, an older one changes nothing.
    pub fn apply_outline(&self, id: &str, last: LastWrite, place: Place) -> Option<Location> {
        self.apply(id.into(), last, place)
    }
    /// Visits the place of every document that is there.
    pub fn for_each_live(&self, f: &mut dyn FnMut(Location)) {
        for map in self.maps.get().into_iter().flat_map(|maps| maps.iter()) {
            for row in map.read().iter() {
                if let Place::Live(l) = row.held().place {
                    f(l)
                }
            }
        }
    }
    pub fn apply(&self, id: DocumentId, last: LastWrite, place: Place) -> Option<Location> {
        let hash = self.hash(id.as_str());
        let maps = self.maps.get_or_init(|| (0..MAPS).map(|_| Map::default()).collect());
        let map = self.map(maps, hash)?;
        let mut map = map.write();
        let mut retired = None;
        let rehash = |row: &Row| self.hash(row.id.as_str());
        match map.entry(hash, |row| row.id == id, rehash) {
            Entry::Vacant(vacant) => {
                vacant.insert(Row::new(id, Held { last, place }));
            }
            Entry::Occupied(mut occupied) => {
                let held = occupied.get().held();
                match apply(Some(held.last), None, last.seq_no) {
                    Application::Stale => {
                        return match place {
                            Place::Live(l) => Some(l),
                            _ => None,
                        };
                    }
                    Application::Newer | Application::Same => {}
                }
                if let Place::Live(l) = held.place
                    && held.place != place
                {
                    retired = Some(l);
                }
                self.counter(held.place).fetch_sub(1, Relaxed);
                self.live_bytes.fetch_sub(bytes(held.place), Relaxed);
                *occupied.get_mut() = Row::new(id, Held { last, place });
            }
        }
        self.counter(place).fetch_add(1, Relaxed);
        self.live_bytes.fetch_add(bytes(place), Relaxed);
        retired
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
        map.write().retain(|row| match row.held().place {
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
        let [_, high, low, ..] = hash.to_be_bytes();
        let cell = usize::from(u16::from_be_bytes([high, low]) >> 4);
        maps.get(usize::from(*MAP_OF_CELL.get(cell)?))
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

#[cfg(test)]
mod tests {
    use document::{DocumentId, LastWrite, PrimaryTerm, SeqNo, Timestamp, Version};

    use super::{Held, MAP_OF_CELL, MAPS, Place, Row, VersionTable};
    use crate::store::Location;

    fn last(seq_no: u64) -> LastWrite {
        let (seq_no, version) = (SeqNo::new(seq_no), Version::new(7).unwrap());
        LastWrite { seq_no, term: PrimaryTerm::new(3), version }
    }

    #[test]
    fn a_row_holds_what_it_was_given_in_48_bytes() {
        assert_eq!(size_of::<Row>(), 48);
        let location = Location { segment: 1, offset: u32::MAX, length: 1 << 30 };
        let places = [Place::Live(location)].into_iter().chain(
            [0, 1, -1, i64::MAX, i64::MIN, 1_700_000_000_000]
                .map(|millis| Place::Deleted(Timestamp::from_millis(millis))),
        );
        for place in places {
            let held = Held { last: last(u64::MAX), place };
            assert_eq!(Row::new(DocumentId::from("a"), held).held(), held);
        }
    }

    #[test]
    fn every_map_has_its_share_of_the_cells() {
        let cells = |map: usize| MAP_OF_CELL.iter().filter(|m| usize::from(**m) == map).count();
        let counts: Vec<usize> = (0..MAPS).map(cells).collect();
        assert!(counts.iter().all(|count| (10..=22).contains(count)), "{counts:?}");
        let (first, last): (usize, usize) = (counts[..16].iter().sum(), counts[240..].iter().sum());
        assert!(last * 10 > first * 18, "{first} {last}");
    }

    #[test]
    fn counts_follow_what_is_applied_and_stale_operations_change_nothing() {
        let table = VersionTable::new(1);
        let live = |length| Place::Live(Location { segment: 1, offset: 0, length });
        let deleted = Place::Deleted(Timestamp::from_millis(5));
        for number in 0..1_000 {
            table.apply(number.to_string().into(), last(number), live(10));
        }
        table.apply("0".into(), last(2_000), deleted);
        table.apply("0".into(), last(1_999), live(10));
        table.apply("1".into(), last(2_001), live(30));
        table.apply("1".into(), last(2_001), live(20));
        assert_eq!((table.live(), table.tombstones(), table.live_bytes()), (999, 1, 10_000));
        assert_eq!(table.get("0"), Some(Held { last: last(2_000), place: deleted }));
        assert_eq!(table.get("1"), Some(Held { last: last(2_001), place: live(20) }));
        assert_eq!(table.get("1000"), None);
    }
}
