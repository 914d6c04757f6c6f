//! Counting what the log does, for those who watch it. The log's thread counts; nobody waits for it.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use shard::log::{GROUP_OPERATIONS, LogStatistics};

use super::appender::{Append, Shared};

/// What was counted since the log was opened.
#[derive(Default)]
pub(super) struct Counters {
    groups: [AtomicU64; GROUP_OPERATIONS.len() + 1],
    entries: AtomicU64,
    operations: AtomicU64,
    bytes: AtomicU64,
    syncs: AtomicU64,
    commit_nanos: AtomicU64,
    collected_segments: AtomicU64,
}

impl Counters {
    /// A group of these was written.
    pub(super) fn note_group(&self, appends: &[Append]) {
        let operations = appends.iter().map(Append::operations).sum::<u64>();
        let class = GROUP_OPERATIONS.partition_point(|most| *most < operations);
        if let Some(groups) = self.groups.get(class) {
            groups.fetch_add(1, Relaxed);
        }
        self.entries.fetch_add(appends.len() as u64, Relaxed);
        self.operations.fetch_add(operations, Relaxed);
        self.bytes.fetch_add(appends.iter().map(|append| append.bytes() as u64).sum(), Relaxed);
    }

    /// Groups were made durable.
    pub(super) fn note_sync(&self) {
        self.syncs.fetch_add(1, Relaxed);
    }

    /// Groups were written, and synced if need be, in that time.
    pub(super) fn note_commit(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.commit_nanos.fetch_add(nanos, Relaxed);
    }

    /// A segment was collected.
    pub(super) fn note_collected_segment(&self) {
        self.collected_segments.fetch_add(1, Relaxed);
    }
}

/// What was counted, and how the log is now, with so many appends waiting.
pub(super) fn statistics(shared: &Shared, waiting: u64) -> LogStatistics {
    let Counters { groups, entries, operations, bytes, syncs, commit_nanos, collected_segments } =
        &shared.counters;
    let segments = shared.segments.facts();
    let (kept_segments, kept_bytes) = shared.segments.kept();
    LogStatistics {
        groups: std::array::from_fn(|class| groups.get(class).map_or(0, |g| g.load(Relaxed))),
        entries: entries.load(Relaxed),
        operations: operations.load(Relaxed),
        bytes: bytes.load(Relaxed),
        syncs: syncs.load(Relaxed),
        commit_time: Duration::from_nanos(commit_nanos.load(Relaxed)),
        waiting,
        is_full: !shared.has_room(),
        segments: segments.len() as u64,
        stored_bytes: segments.iter().map(|segment| segment.bytes).sum(),
        retired_bytes: segments.iter().map(|segment| segment.retired_bytes).sum(),
        collected_segments: collected_segments.load(Relaxed),
        kept_segments,
        kept_bytes,
    }
}
