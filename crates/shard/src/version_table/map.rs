//! One map of a version table: dense rows in the order in which they came, and an index by hash.
//!
//! There is a row for each document of a node, so bytes count. Rows and ids lie in two arrays that
//! grow by an eighth; only the index, five bytes for each of its buckets, has the empty places that
//! hashing needs and doubles. An id costs its own bytes, no pointer and no allocation. In return a
//! row cannot be removed by itself: [`Map::retain`] moves together what stays and indexes it anew,
//! which for 50,000 rows takes about a millisecond.

use ahash::RandomState;
use document::{LastWrite, PrimaryTerm, SeqNo, Timestamp, Version};
use hashbrown::HashTable;

use super::{Held, Place};
use crate::{memory::heap_bytes, store::Location};

/// At least so many bytes are added to an array that is full.
const GROWTH_BYTES_MIN: usize = 64;

/// Documents by id.
#[derive(Default)]
pub(super) struct Map {
    /// The numbers of the rows, by the hash of their ids. Four billion rows, the 160 GB of one map,
    /// do not come about.
    index: HashTable<u32>,
    rows: Vec<Row>,
    /// The ids of the rows, one after the other in the same order.
    ids: Vec<u8>,
}

/// What a map can take without an allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spare {
    pub(crate) rows: usize,
    pub(crate) id_bytes: usize,
}

/// The hash of an id.
pub(super) fn hash(hasher: &RandomState, id: &[u8]) -> u64 {
    hasher.hash_one(id)
}

impl Map {
    /// A map with room for so many documents and bytes of ids.
    pub(super) fn with_room_for(rows: usize, id_bytes: usize) -> Self {
        Self {
            index: HashTable::with_capacity(rows),
            rows: Vec::with_capacity(rows),
            ids: Vec::with_capacity(id_bytes),
        }
    }

    /// How many documents there are, live or deleted.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many bytes the ids have.
    pub(super) fn id_bytes(&self) -> usize {
        self.ids.len()
    }

    /// What is held of a document.
    pub(super) fn get(&self, hash: u64, id: &[u8]) -> Option<Held> {
        let number = self.index.find(hash, |number| id_of(&self.rows, &self.ids, *number) == id)?;
        self.rows.get(position(*number)).map(Row::held)
    }

    /// A document's row, to be changed.
    pub(super) fn row_mut(&mut self, hash: u64, id: &[u8]) -> Option<&mut Row> {
        let number = self.index.find(hash, |number| id_of(&self.rows, &self.ids, *number) == id)?;
        self.rows.get_mut(position(*number))
    }

    /// Adds a document that is not there yet.
    pub(super) fn insert(&mut self, hasher: &RandomState, hash: u64, id: &[u8], held: Held) {
        make_room(&mut self.ids, id.len());
        self.ids.extend_from_slice(id);
        make_room(&mut self.rows, 1);
        self.rows.push(Row::new(self.ids.len(), held));
        if self.index.len() < self.index.capacity() {
            let number = u32::try_from(self.rows.len() - 1).unwrap_or(u32::MAX);
            let rehash = |number: &u32| self::hash(hasher, id_of(&self.rows, &self.ids, *number));
            self.index.insert_unique(hash, number, rehash);
        } else {
            self.index_anew(hasher);
        }
    }

    /// Every document's row.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Every document's id and row.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &Row)> {
        let mut start = 0;
        self.rows.iter().map(move |row| {
            let id = self.ids.get(start..row.id_end).unwrap_or_default();
            start = row.id_end;
            (id, row)
        })
    }

    /// What can be added without an allocation.
    pub(super) fn spare(&self) -> Spare {
        let rows = self.rows.capacity() - self.rows.len();
        Spare {
            rows: rows.min(self.index.capacity() - self.index.len()),
            id_bytes: self.ids.capacity() - self.ids.len(),
        }
    }

    /// Drops the documents that `keep` does not want, and gives back the memory of a map that is far
    /// too large for those that stay, or, if it `is_short`, all that growing would not have left.
    /// Returns how many were dropped.
    pub(super) fn retain(
        &mut self,
        hasher: &RandomState,
        is_short: bool,
        mut keep: impl FnMut(&Row) -> bool,
    ) -> usize {
        let Self { rows, ids, .. } = self;
        let (before, mut start, mut kept) = (rows.len(), 0, 0);
        rows.retain_mut(|row| {
            let id = start..row.id_end;
            start = row.id_end;
            let keeps = keep(row);
            if keeps {
                let length = id.len();
                ids.copy_within(id, kept);
                kept += length;
                row.id_end = kept;
            }
            keeps
        });
        ids.truncate(kept);
        let dropped = before - rows.len();
        if dropped > 0 {
            give_back(rows, is_short);
            give_back(ids, is_short);
            self.index_anew(hasher);
        }
        dropped
    }

    /// The bytes that are allocated.
    pub(super) fn allocated(&self) -> u64 {
        heap_bytes(self.index.allocation_size())
            + heap_bytes(self.rows.capacity() * size_of::<Row>())
            + heap_bytes(self.ids.capacity())
    }

    /// Makes the index again from the rows, in their order: that reads memory front to back, where
    /// the index growing by itself would go to and fro in it.
    fn index_anew(&mut self, hasher: &RandomState) {
        let Self { index, rows, ids } = self;
        let capacity = index.capacity();
        if rows.len() > capacity || rows.len() < capacity / 4 {
            // In two steps: the old one is given back before the new one is allocated.
            *index = HashTable::new();
            *index = HashTable::with_capacity(rows.len());
        } else {
            index.clear();
        }
        let rehash = |number: &u32| hash(hasher, id_of(rows, ids, *number));
        for (number, _) in (0..).zip(rows.iter()) {
            index.insert_unique(rehash(&number), number, rehash);
        }
    }
}

/// The id of a row.
fn id_of<'a>(rows: &[Row], ids: &'a [u8], number: u32) -> &'a [u8] {
    let end_of = |number: usize| rows.get(number).map_or(0, |row| row.id_end);
    let number = position(number);
    let start = number.checked_sub(1).map_or(0, end_of);
    ids.get(start..end_of(number)).unwrap_or_default()
}

fn position(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Makes room for `more` items. An array that is full grows by an eighth, not to twice its size.
fn make_room<T>(items: &mut Vec<T>, more: usize) {
    if items.capacity() - items.len() < more {
        let least = GROWTH_BYTES_MIN / size_of::<T>();
        items.reserve_exact(more.max(items.len() / 8).max(least));
    }
}

/// Shrinks an array of which not even a quarter is in use to what it would have grown to.
fn give_back<T>(items: &mut Vec<T>, is_short: bool) {
    if is_short || items.len() < items.capacity() / 4 {
        items.shrink_to(items.len() + items.len() / 8);
    }
}

/// A document in the table, in 40 bytes: there is one in memory for each.
pub(super) struct Row {
    /// Where the id ends. It begins where that of the row before ends.
    id_end: usize,
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
    fn new(id_end: usize, held: Held) -> Self {
        let Held { last: LastWrite { seq_no, term, version }, place } = held;
        let term = u32::try_from(term.get()).unwrap_or(u32::MAX);
        let place = match place {
            Place::Live(Location { segment, offset, length }) => [segment, offset, length],
            Place::Deleted(at) => {
                let [a, b, c, d, e, f, g, h] = at.as_millis().to_le_bytes();
                [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]), DELETED]
            }
        };
        Self { id_end, seq_no, version, term, place }
    }

    /// What is held of the document.
    pub(super) fn held(&self) -> Held {
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

    /// Replaces what is held of the document.
    pub(super) fn hold(&mut self, held: Held) {
        *self = Self::new(self.id_end, held);
    }
}

#[cfg(test)]
mod tests {
    use ahash::RandomState;
    use document::{LastWrite, PrimaryTerm, SeqNo, Timestamp, Version};

    use super::{Map, Row, hash};
    use crate::{
        store::Location,
        version_table::{Held, Place},
    };

    fn held(seq_no: u64, place: Place) -> Held {
        let (seq_no, version) = (SeqNo::new(seq_no), Version::new(7).unwrap());
        Held { last: LastWrite { seq_no, term: PrimaryTerm::new(3), version }, place }
    }

    #[test]
    fn a_row_holds_what_it_was_given_in_40_bytes() {
        assert_eq!(size_of::<Row>(), 40);
        let location = Location { segment: 1, offset: u32::MAX, length: 1 << 30 };
        let places = [Place::Live(location)].into_iter().chain(
            [0, 1, -1, i64::MAX, i64::MIN, 1_700_000_000_000]
                .map(|millis| Place::Deleted(Timestamp::from_millis(millis))),
        );
        for place in places {
            let held = held(u64::MAX, place);
            assert_eq!(Row::new(5, held).held(), held);
        }
    }

    #[test]
    fn ids_of_any_length_are_told_apart_while_rows_come_and_go() {
        let hasher = RandomState::with_seeds(1, 2, 3, 4);
        let id = |number: usize| "x".repeat(number % 40) + &number.to_string();
        let place = |number: u32| Place::Live(Location { segment: number, offset: 0, length: 1 });
        let (mut map, mut present) = (Map::default(), Vec::new());
        for round in 0..6_u32 {
            for number in (0..500).chain([1_000 + round]) {
                let (name, held) = (id(number as usize), held(u64::from(round), place(number)));
                let hash = hash(&hasher, name.as_bytes());
                match map.row_mut(hash, name.as_bytes()) {
                    Some(row) => row.hold(held),
                    None => map.insert(&hasher, hash, name.as_bytes(), held),
                }
            }
            present.push(1_000 + round);
            let keeps = |number: u32| number >= 1_000 || number % 7 == round;
            let dropped = map.retain(&hasher, round % 2 == 0, |row| match row.held().place {
                Place::Live(location) => keeps(location.segment),
                Place::Deleted(_) => false,
            });
            let expected = (0..500).filter(|number| keeps(*number)).count() + present.len();
            assert_eq!((map.len(), dropped), (expected, 500 + present.len() - expected));
            for number in (0..500).chain(1_000..1_010) {
                let name = id(number as usize);
                let found = map.get(hash(&hasher, name.as_bytes()), name.as_bytes());
                let is_there = present.contains(&number) || number < 500 && keeps(number);
                assert_eq!(found.map(|held| held.place), is_there.then(|| place(number)));
            }
        }
    }

    #[test]
    fn an_empty_id_and_a_long_one_are_ids() {
        let hasher = RandomState::with_seeds(1, 2, 3, 4);
        let mut map = Map::default();
        let long = "é".repeat(100_000);
        let ids = ["", "a", &long, "b"];
        for (number, id) in (0..).zip(ids) {
            let held = held(number, Place::Deleted(Timestamp::from_millis(0)));
            map.insert(&hasher, hash(&hasher, id.as_bytes()), id.as_bytes(), held);
        }
        assert!(map.iter().map(|(id, _)| id).eq(ids.map(str::as_bytes)));
        for (number, id) in (0..).zip(ids) {
            let found = map.get(hash(&hasher, id.as_bytes()), id.as_bytes()).unwrap();
            assert_eq!(found.last.seq_no.get(), number);
        }
    }
}
