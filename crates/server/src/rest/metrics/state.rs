//! What the node, its log and its disk are like when asked.

use std::sync::Arc;

use node::{Index, Node};
use shard::log::{GROUP_OPERATIONS, LogStatistics};

use super::families::Families;
use crate::rest::Disk;
use crate::rest::budget::Budget;

/// What is looked at when somebody asks.
pub(crate) struct Watched<'w> {
    /// The node.
    pub(crate) node: &'w Node,
    /// The disk that the data are on.
    pub(crate) disk: &'w Disk,
    /// What the bodies in flight take.
    pub(crate) bodies: &'w Budget,
}

impl Watched<'_> {
    /// Adds what there is to tell.
    pub(super) fn tell(&self, families: &mut Families) {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        families.gauge("occam_build_info", "1, with the version").value(&version, 1);
        let indices = self.node.indices();
        tell_shards(families, &indices);
        tell_damage(families, self.node, &indices);
        tell_operations(families, &indices);
        tell_memory(families, self.node, self.bodies);
        let log = self.node.log_statistics();
        tell_groups(families, &log);
        tell_segments(families, &log);
        if let Some((total, free)) = self.disk.space() {
            let mut disk =
                families.gauge("occam_disk_bytes", "The file system that the data are on");
            disk.value(&[("kind", "total")], total);
            disk.value(&[("kind", "free")], free);
        }
    }
}

/// What each shard holds, and what waits for it.
fn tell_shards(families: &mut Families, indices: &[Arc<Index>]) {
    let mut of_shards = |name, help, value: &dyn Fn(&shard::Shard) -> u64| {
        let mut family = families.gauge(name, help);
        for index in indices {
            for (number, shard) in index.shards().iter().enumerate() {
                let number = number.to_string();
                family.value(&[("index", index.name()), ("shard", &number)], value(shard));
            }
        }
    };
    of_shards("occam_shard_documents", "Documents", &|shard| shard.table().live());
    of_shards("occam_shard_tombstones", "Deletes that are remembered", &|shard| {
        shard.table().tombstones()
    });
    of_shards("occam_shard_store_bytes", "Bytes stored of documents", &|shard| {
        shard.table().live_bytes()
    });
    of_shards("occam_shard_waiting_requests", "Requests that wait for the writer", &|shard| {
        shard.waiting() as u64
    });
    of_shards("occam_shard_primary_term", "The term that operations are ordered in", &|shard| {
        shard.term().get()
    });
    let mut seq_no =
        families.gauge("occam_shard_max_seq_no", "Highest sequence number; -1 for none");
    for index in indices {
        for (number, shard) in index.shards().iter().enumerate() {
            let number = number.to_string();
            let labels = [("index", index.name()), ("shard", number.as_str())];
            match shard.max_seq_no() {
                Some(max) => seq_no.value(&labels, max.get()),
                None => seq_no.float(&labels, -1.0),
            }
        }
    }
}

/// What is damaged.
fn tell_damage(families: &mut Families, node: &Node, indices: &[Arc<Index>]) {
    let catalog = u64::from(node.catalog_damage().is_some());
    families
        .gauge("occam_catalog_damaged", "1 if something stored of the catalogue is damaged")
        .value(&[], catalog);
    let mut family = families.gauge("occam_shard_damaged", "1 where something stored is damaged");
    for index in indices {
        for (number, shard) in index.shards().iter().enumerate() {
            let number = number.to_string();
            let labels = [("index", index.name()), ("shard", number.as_str())];
            family.value(&labels, u64::from(shard.damage().is_some()));
        }
    }
}

/// What was done to documents since the start.
fn tell_operations(families: &mut Families, indices: &[Arc<Index>]) {
    let mut conflicts =
        families.counter("occam_conflicts_total", "Writes refused for a condition, by its kind");
    for index in indices {
        let counters = index.counters();
        for (kind, counter) in [
            ("seq_no", &counters.seq_no_conflicts),
            ("version", &counters.version_conflicts),
            ("exists", &counters.existence_conflicts),
        ] {
            conflicts.value(&[("index", index.name()), ("kind", kind)], counter.get());
        }
    }
    let mut operations =
        families.counter("occam_operations_total", "Operations on documents, by kind");
    for index in indices {
        let counters = index.counters();
        for (kind, counter) in [
            ("index", &counters.indexed),
            ("delete", &counters.deleted),
            ("noop", &counters.noops),
            ("failed", &counters.failed),
            ("get_found", &counters.found),
            ("get_missing", &counters.missing),
        ] {
            operations.value(&[("index", index.name()), ("kind", kind)], counter.get());
        }
    }
}

/// What takes memory that is bounded.
fn tell_memory(families: &mut Families, node: &Node, bodies: &Budget) {
    let table = node.memory();
    for (name, help, used, limit) in [
        ("occam_table_memory_bytes", "Memory of ids", table.used(), table.limit()),
        (
            "occam_bodies_bytes",
            "Bodies and large answers in flight",
            bodies.taken(),
            bodies.limit(),
        ),
    ] {
        let mut family = families.gauge(name, help);
        family.value(&[("kind", "used")], used);
        family.value(&[("kind", "limit")], limit);
    }
}

/// What the log wrote since the start, and what waits for it.
fn tell_groups(families: &mut Families, log: &LogStatistics) {
    families.histogram(
        "occam_log_group_operations",
        "Operations written and synced together",
        &GROUP_OPERATIONS,
        &log.groups,
        log.operations,
    );
    families
        .counter("occam_log_entries_total", "Batches of one shard each, in those groups")
        .value(&[], log.entries);
    families.counter("occam_log_bytes_total", "Bytes of them").value(&[], log.bytes);
    families.counter("occam_log_syncs_total", "Syncs that made them durable").value(&[], log.syncs);
    families
        .counter("occam_log_commit_seconds_total", "Time spent writing and syncing them")
        .float(&[], log.commit_time.as_secs_f64());
    families
        .gauge("occam_log_waiting_appends", "Batches that wait for the log")
        .value(&[], log.waiting);
}

/// What the log takes of the disk.
fn tell_segments(families: &mut Families, log: &LogStatistics) {
    families
        .gauge("occam_log_full", "1 while the disk is full and new documents are refused")
        .value(&[], u64::from(log.is_full));
    families.gauge("occam_log_segments", "Segments").value(&[], log.segments);
    let mut bytes =
        families.gauge("occam_log_segments_bytes", "Bytes of segments, and of those the retired");
    bytes.value(&[("kind", "stored")], log.stored_bytes);
    bytes.value(&[("kind", "retired")], log.retired_bytes);
    families
        .counter("occam_log_collected_segments_total", "Segments that were collected")
        .value(&[], log.collected_segments);
    families
        .gauge("occam_log_kept_segments", "Of those the ones that readers still hold on to")
        .value(&[], log.kept_segments);
    families.gauge("occam_log_kept_bytes", "Bytes of them").value(&[], log.kept_bytes);
}
