//! The reference store: operations in a map by position.

use std::collections::HashMap;

use document::Operation;
use parking_lot::RwLock;

use super::{Hold, Location, Store, StoreError};
use crate::log::{BoxFuture, Entry, Position};

/// Documents in memory. A location's segment and offset are the entry's position and the
/// operation's place in it.
#[derive(Default)]
pub struct MemoryStore {
    operations: RwLock<HashMap<(u32, u32), Operation>>,
}

impl MemoryStore {
    /// The locations of an entry's operations, which are then readable.
    pub(crate) fn locations(&self, position: Position, entry: &Entry) -> Vec<Location> {
        let segment = u32::try_from(position.get()).unwrap_or(u32::MAX);
        let mut operations = self.operations.write();
        (0..)
            .zip(&entry.operations)
            .map(|(offset, operation)| {
                operations.insert((segment, offset), operation.clone());
                Location { segment, offset, length: 0 }
            })
            .collect()
    }
}

impl Store for MemoryStore {
    fn apply(&self, position: Position, entry: &Entry) -> Result<Vec<Location>, StoreError> {
        Ok(self.locations(position, entry))
    }

    fn read_cached(&self, location: Location) -> Option<Result<Operation, StoreError>> {
        Some(self.read_blocking(location))
    }

    fn read_blocking(&self, location: Location) -> Result<Operation, StoreError> {
        let operations = self.operations.read();
        let found = operations.get(&(location.segment, location.offset)).cloned();
        found.ok_or_else(|| StoreError::Damaged(format!("nothing is stored at {location:?}")))
    }

    /// Nothing is given up.
    fn retire(&self, _location: Location) {}

    fn hold(&self) -> Hold {
        Hold::on_everything()
    }

    fn is_stored(&self, _location: Location) -> bool {
        true
    }

    fn read(&self, location: Location) -> BoxFuture<'_, Result<Operation, StoreError>> {
        let found = self.read_blocking(location);
        Box::pin(async move { found })
    }
}
