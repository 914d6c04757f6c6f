//! What was done to an index since the node started, for statistics.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use document::{Outcome, Refusal, Required};
use parking_lot::Mutex;
use shard::WriteError;

use crate::field_sizes::FieldSizes;

/// How many groups of searches are counted apart.
const GROUPS_MAX: usize = 100;
/// How many bytes the name of one may have.
const GROUP_BYTES_MAX: usize = 255;

/// The counters of one index. A change of its metadata keeps them.
#[derive(Debug, Default)]
pub struct Counters {
    /// Documents written, by index, create and update.
    pub indexed: Counter,
    /// Writes that were refused or failed, conflicts included.
    pub failed: Counter,
    /// Writes refused for a sequence number.
    pub seq_no_conflicts: Counter,
    /// Writes refused for a version.
    pub version_conflicts: Counter,
    /// Creates refused because there is a document.
    pub existence_conflicts: Counter,
    /// Deletes.
    pub deleted: Counter,
    /// Updates that changed nothing.
    pub noops: Counter,
    /// Reads that found their document.
    pub found: Counter,
    /// Reads that did not.
    pub missing: Counter,
    /// Refreshes asked for.
    pub refreshes: Counter,
    /// Flushes asked for.
    pub flushes: Counter,
    /// Synced flushes asked for.
    pub synced_flushes: Counter,
    /// Merges asked for.
    pub merges: Counter,
    /// Writes since the last flush was asked for.
    pub unflushed: Counter,
    /// Searches, by shard.
    pub searches: Counter,
    /// Searches of which hits were shown, by shard.
    pub fetches: Counter,
    /// What fields take.
    pub fields: FieldSizes,
    /// Searches and fetches of the groups that searches named.
    groups: Mutex<BTreeMap<String, (u64, u64)>>,
}

/// A number that only rises, unless it is set back.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn rise(&self) {
        self.rise_by(1);
    }

    /// Adds some.
    pub fn rise_by(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// Begins again.
    pub fn reset(&self) {
        self.0.store(0, Relaxed);
    }

    /// The number.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Counters {
    /// Notes a search of some shards, of which some had hits to show, for the groups it names.
    pub fn note_search(&self, shards: u64, fetched: u64, groups: &[String]) {
        self.searches.rise_by(shards);
        self.fetches.rise_by(fetched);
        if groups.is_empty() {
            return;
        }
        let mut counted = self.groups.lock();
        for group in groups.iter().filter(|group| group.len() <= GROUP_BYTES_MAX) {
            if !counted.contains_key(group) && counted.len() >= GROUPS_MAX {
                continue;
            }
            let (searches, fetches) = counted.entry(group.clone()).or_default();
            *searches = searches.saturating_add(shards);
            *fetches = fetches.saturating_add(fetched);
        }
    }

    /// Searches and fetches of each group that searches named.
    #[must_use]
    pub fn groups(&self) -> Vec<(String, u64, u64)> {
        let counted = self.groups.lock();
        counted
            .iter()
            .map(|(group, (searches, fetches))| (group.clone(), *searches, *fetches))
            .collect()
    }

    pub(crate) fn note_failure(&self, error: &WriteError) {
        self.failed.rise();
        if let WriteError::Refused(Refusal::Conflict(conflict)) = error {
            match conflict.required {
                Required::SeqNo { .. } => self.seq_no_conflicts.rise(),
                Required::Absence => self.existence_conflicts.rise(),
                Required::Version(_) | Required::Below(_) | Required::NotAbove(_) => {
                    self.version_conflicts.rise();
                }
            }
        }
    }

    pub(crate) fn note(&self, outcome: Outcome) {
        match outcome {
            Outcome::Created | Outcome::Updated => self.indexed.rise(),
            Outcome::Deleted | Outcome::NotFound => self.deleted.rise(),
            Outcome::Noop => self.noops.rise(),
        }
        if outcome != Outcome::Noop {
            self.unflushed.rise();
        }
    }
}
