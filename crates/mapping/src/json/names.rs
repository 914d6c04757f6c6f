//! The names seen in the objects that are open, by which a name used twice is found.

use hashbrown::HashTable;

/// So many names of one object are compared one by one; more are found by a table.
const FEW: usize = 64;

/// The hash of a field's name. Two names of one document with the same hash count as one name used
/// twice: chance does not bring that about in 64 bits, and who contrives it only harms himself.
pub(crate) fn hash_name(name: &str) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = (name.len() as u64).wrapping_mul(FACTOR);
    let mut chunks = name.as_bytes().chunks_exact(8);
    for chunk in &mut chunks {
        let word = chunk.try_into().map_or(0, u64::from_le_bytes);
        hash = (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    }
    let rest = chunks.remainder().iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
    hash = (hash.rotate_left(5) ^ rest).wrapping_mul(FACTOR);
    hash ^ hash >> 32
}

/// The hashes of the names in the open objects, the innermost object's last.
#[derive(Debug)]
pub(super) struct Names {
    hashes: Vec<u64>,
    /// Tables of the open objects that have many names, with where each one's names begin.
    tables: Vec<(usize, HashTable<u64>)>,
}

impl Default for Names {
    fn default() -> Self {
        Self { hashes: Vec::with_capacity(32), tables: Vec::new() }
    }
}

impl Names {
    /// How many names the open objects have so far.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Adds a name to the object whose names begin at `from`; says whether it is new.
    pub(super) fn add(&mut self, from: usize, hash: u64) -> bool {
        let own = self.hashes.get(from..).unwrap_or_default();
        let new = if own.len() < FEW {
            !own.contains(&hash)
        } else {
            if !matches!(self.tables.last(), Some((begin, _)) if *begin == from) {
                let mut table = HashTable::with_capacity(4 * FEW);
                for name in own {
                    table.insert_unique(*name, *name, |name| *name);
                }
                self.tables.push((from, table));
            }
            self.tables.last_mut().is_none_or(|(_, table)| {
                let new = table.find(hash, |name| *name == hash).is_none();
                if new {
                    table.insert_unique(hash, hash, |name| *name);
                }
                new
            })
        };
        self.hashes.push(hash);
        new
    }

    /// Forgets the names of the object whose names begin at `from`, because it is closed.
    pub(super) fn forget(&mut self, from: usize) {
        if matches!(self.tables.last(), Some((begin, _)) if *begin == from) {
            self.tables.pop();
        }
        self.hashes.truncate(from);
    }
}
