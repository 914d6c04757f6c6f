//! Shards, segments and recoveries as tables.

use node::{Expansion, Index, Node, iso_8601};
use shard::Shard;

use super::{Bytes, columns};
use crate::rest::api::Call;
use crate::rest::cluster::health::{damage_text, takes_writes};
use crate::rest::error::Error;
use crate::rest::index::stats::segments_of;
use crate::rest::index::{copies, take_indices};
use crate::rest::response::Answer;
use crate::rest::text_table::{Column, TextTable};

/// Shards: a row for each primary, and one for each replica, which one node cannot hold.
pub(super) fn shards(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let bytes = Bytes::take(call)?;
    let mut table = TextTable::take(columns::SHARDS, call)?;
    for index in take_indices(node, call, Expansion::ALL)? {
        for (number, shard) in (0..).zip(index.shards().iter()) {
            table.row(primary(node, &index, number, shard, bytes));
            for _ in 1..copies(&index) {
                table.row(replica(&index, number));
            }
        }
    }
    Ok(table.answer(call))
}

fn primary(node: &Node, index: &Index, number: u32, shard: &Shard, bytes: Bytes) -> Vec<String> {
    let damage = shard.damage().map(damage_text).unwrap_or_default();
    let is_active = takes_writes(shard);
    let max = shard.max_seq_no().map_or(-1, |max| i64::try_from(max.get()).unwrap_or(i64::MAX));
    let fields = &index.counters().fields;
    let cell = |column: &Column| match column.name() {
        "index" => index.name().to_owned(),
        "shard" => number.to_string(),
        "prirep" => "p".to_owned(),
        "state" => if is_active { "STARTED" } else { "UNASSIGNED" }.to_owned(),
        "docs" => shard.table().live().to_string(),
        "store" => bytes.show(shard.table().live_bytes()),
        "ip" => "127.0.0.1".to_owned(),
        "id" => node.id().to_owned(),
        "node" => node.name().to_owned(),
        "unassigned.reason" if !is_active => "ALLOCATION_FAILED".to_owned(),
        "unassigned.details" if !is_active => damage.clone(),
        "damage" => damage.clone(),
        "sync_id" if is_synced(index) => index.identity().uuid.to_string(),
        "completion.size" => bytes.show(fields.completions(number).into_values().sum()),
        "fielddata.memory_size" => bytes.show(fields.sorted(number).into_values().sum()),
        "segments.count" => segments_of(shard).to_string(),
        "seq_no.max" | "seq_no.local_checkpoint" | "seq_no.global_checkpoint" => max.to_string(),
        "sync_id"
        | "unassigned.reason"
        | "unassigned.at"
        | "unassigned.for"
        | "unassigned.details"
        | "recoverysource.type" => String::new(),
        other => columns::zero(other, bytes),
    };
    columns::SHARDS.iter().map(cell).collect()
}

/// Whether nothing was written since a synced flush marked the index.
fn is_synced(index: &Index) -> bool {
    index.counters().synced_flushes.get() > 0 && index.counters().unflushed.get() == 0
}

fn replica(index: &Index, number: u32) -> Vec<String> {
    let created = document::Timestamp::from_millis(index.metadata().created_millis);
    let cell = |column: &Column| match column.name() {
        "index" => index.name().to_owned(),
        "shard" => number.to_string(),
        "prirep" => "r".to_owned(),
        "state" => "UNASSIGNED".to_owned(),
        "unassigned.reason" => "INDEX_CREATED".to_owned(),
        "unassigned.at" => iso_8601(created),
        "recoverysource.type" => "peer".to_owned(),
        _ => String::new(),
    };
    columns::SHARDS.iter().map(cell).collect()
}

/// Segments: a shard's documents are shown as one.
pub(super) fn segments(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("index", &["i", "idx"]),
        Column::words("shard", &["s", "sh"]),
        Column::words("prirep", &["p", "pr", "primaryOrReplica"]),
        Column::words("ip", &[]),
        Column::words("id", &[]).on_request(),
        Column::words("segment", &["seg"]),
        Column::numbers("generation", &["g", "gen"]),
        Column::numbers("docs.count", &["dc", "docsCount"]),
        Column::numbers("docs.deleted", &["dd", "docsDeleted"]),
        Column::numbers("size", &["si"]),
        Column::numbers("size.memory", &["sm", "sizeMemory"]),
        Column::words("committed", &["ic", "isCommitted"]),
        Column::words("searchable", &["is", "isSearchable"]),
        Column::words("version", &["v"]),
        Column::words("compound", &["ico", "isCompound"]),
    ];
    let bytes = Bytes::take(call)?;
    let mut table = TextTable::take(COLUMNS, call)?;
    let version = call.dialect.lucene_version();
    for index in take_indices(node, call, Expansion::OPEN)? {
        for (number, shard) in index.shards().iter().enumerate() {
            if segments_of(shard) == 0 {
                continue;
            }
            let (documents, deleted) = (shard.table().live(), shard.table().tombstones());
            let size = bytes.show(shard.table().live_bytes());
            table.row(
                [
                    index.name(),
                    &number.to_string(),
                    "p",
                    "127.0.0.1",
                    node.id(),
                    "_0",
                    "0",
                    &documents.to_string(),
                    &deleted.to_string(),
                    &size,
                    "0",
                    "true",
                    "true",
                    version,
                    "false",
                ]
                .map(str::to_owned),
            );
        }
    }
    Ok(table.answer(call))
}

/// How shards came to be: each from its own log.
pub(super) fn recovery(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let bytes = Bytes::take(call)?;
    call.parameters.take_flag("active_only")?;
    call.parameters.take_flag("detailed")?;
    let mut table = TextTable::take(columns::RECOVERY, call)?;
    for index in take_indices(node, call, Expansion::ALL)? {
        let created = document::Timestamp::from_millis(index.metadata().created_millis);
        for number in 0..index.shards().len() {
            let cell = |column: &Column| match column.name() {
                "index" => index.name().to_owned(),
                "shard" => number.to_string(),
                "start_time" | "stop_time" => iso_8601(created),
                "start_time_millis" | "stop_time_millis" => created.as_millis().to_string(),
                "time" => "0ms".to_owned(),
                "type" => if index.metadata().closed { "existing_store" } else { "empty_store" }
                    .to_owned(),
                "stage" => "done".to_owned(),
                "source_host" | "source_node" | "repository" | "snapshot" => "n/a".to_owned(),
                "target_host" => "127.0.0.1".to_owned(),
                "target_node" => node.name().to_owned(),
                "translog_ops_percent" => "100.0%".to_owned(),
                name if name.ends_with("percent") => "0.0%".to_owned(),
                // Up to 7 these are plain numbers.
                name if name.starts_with("bytes") && !call.dialect.shows_type() => bytes.show(0),
                _ => "0".to_owned(),
            };
            table.row(columns::RECOVERY.iter().map(cell));
        }
    }
    Ok(table.answer(call))
}
