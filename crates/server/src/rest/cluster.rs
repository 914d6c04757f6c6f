//! The one node as a cluster: its root, its health, and its indices as text (spec
//! index-and-cluster-api §1–§3).

use hyper::StatusCode;
use node::{Index, Node};

use super::api::Call;
use super::dialect::Dialect;
use super::error::Error;
use super::index::{copies, primaries, take_indices};
use super::json::{self, Object};
use super::response::Answer;
use super::text_table::{Align, Column, TextTable};

/// `GET /`: the version is that of the dialect in force, which is what clients check.
pub(crate) fn root(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.finish_parameters()?;
    let body = json::object(|root| {
        root.string("name", node.name());
        root.string("cluster_name", node.cluster_name());
        root.string("cluster_uuid", node.cluster_uuid());
        root.object("version", |version| write_version(version, call.dialect));
        root.string("tagline", "You Know, for Search");
    });
    let mut answer = Answer::json(StatusCode::OK, body);
    answer.pretty_by_default = true;
    Ok(answer)
}

fn write_version(version: &mut Object<'_>, dialect: Dialect) {
    const HASH: &str = "0000000000000000000000000000000000000000";
    const DATE: &str = "2025-01-01T00:00:00.000000000Z";
    version.string("number", dialect.version_number());
    match dialect {
        Dialect::V2 => {
            version.string("build_hash", HASH);
            version.string("build_timestamp", DATE);
        }
        Dialect::V5 => {
            version.string("build_hash", HASH);
            version.string("build_date", DATE);
        }
        Dialect::V7 | Dialect::V8 => {
            version.string("build_flavor", "default");
            version.string("build_type", "tar");
            version.string("build_hash", HASH);
            version.string("build_date", DATE);
        }
    }
    version.boolean("build_snapshot", false);
    version.string("lucene_version", dialect.lucene_version());
    match dialect {
        Dialect::V2 | Dialect::V5 => {}
        Dialect::V7 => {
            version.string("minimum_wire_compatibility_version", "6.8.0");
            version.string("minimum_index_compatibility_version", "6.0.0-beta1");
        }
        Dialect::V8 => {
            version.string("minimum_wire_compatibility_version", "7.17.0");
            version.string("minimum_index_compatibility_version", "7.0.0");
        }
    }
}

/// One index is green when it wishes for no replicas, which one node cannot hold; else yellow.
fn health_of(index: &Index) -> &'static str {
    if copies(index) == 1 { "green" } else { "yellow" }
}

/// Health. One node's state does not change by waiting, so a wait that is not met ends at once.
pub(crate) fn health(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let by_index = matches!(call.parameters.take("level").as_deref(), Some("indices" | "shards"));
    let wished = call.parameters.take("wait_for_status");
    for accepted in [
        "wait_for_active_shards",
        "wait_for_nodes",
        "wait_for_no_relocating_shards",
        "wait_for_no_initializing_shards",
        "wait_for_events",
    ] {
        call.parameters.take(accepted);
    }
    let (indices, missing) = match take_indices(node, call) {
        Ok(indices) => (indices, false),
        Err(Error::Node(error)) if matches!(error.error, node::Error::IndexNotFound { .. }) => {
            (Vec::new(), true)
        }
        Err(error) => return Err(error),
    };
    let active: u64 = indices.iter().map(|index| primaries(index)).sum();
    let wished_for: u64 = indices.iter().map(|index| primaries(index) * copies(index)).sum();
    let status = match (missing, active == wished_for) {
        (true, _) => "red",
        (false, true) => "green",
        (false, false) => "yellow",
    };
    let rank = |status: &str| ["red", "yellow", "green"].iter().position(|s| *s == status);
    let timed_out = missing || wished.is_some_and(|wished| rank(&wished) > rank(status));
    let body = json::object(|o| {
        o.string("cluster_name", node.cluster_name());
        o.string("status", status);
        o.boolean("timed_out", timed_out);
        write_counts(o, active, wished_for);
        if by_index {
            o.object("indices", |o| {
                for index in &indices {
                    o.object(index.name(), |o| write_index_health(o, index));
                }
            });
        }
    });
    let code = if timed_out { StatusCode::REQUEST_TIMEOUT } else { StatusCode::OK };
    Ok(Answer::json(code, body))
}

fn write_counts(o: &mut Object<'_>, active: u64, wished_for: u64) {
    o.number("number_of_nodes", 1);
    o.number("number_of_data_nodes", 1);
    o.number("active_primary_shards", active);
    o.number("active_shards", active);
    o.number("relocating_shards", 0);
    o.number("initializing_shards", 0);
    o.number("unassigned_shards", wished_for - active);
    o.number("delayed_unassigned_shards", 0);
    o.number("number_of_pending_tasks", 0);
    o.number("number_of_in_flight_fetch", 0);
    o.number("task_max_waiting_in_queue_millis", 0);
    let part = |count: u64| u32::try_from(count).map_or(f64::from(u32::MAX), f64::from);
    let percent = if wished_for == 0 { 100.0 } else { part(active) / part(wished_for) * 100.0 };
    o.float("active_shards_percent_as_number", percent);
}

fn write_index_health(o: &mut Object<'_>, index: &Index) {
    let primaries = primaries(index);
    o.string("status", health_of(index));
    o.number("number_of_shards", primaries);
    o.number("number_of_replicas", copies(index) - 1);
    o.number("active_primary_shards", primaries);
    o.number("active_shards", primaries);
    o.number("relocating_shards", 0);
    o.number("initializing_shards", 0);
    o.number("unassigned_shards", primaries * (copies(index) - 1));
}

/// What `_cat` offers.
pub(crate) fn cat(call: &mut Call<'_>) -> Result<Answer, Error> {
    call.finish_parameters()?;
    Ok(Answer::text(StatusCode::OK, "=^.^=\n/_cat/indices\n/_cat/indices/{index}\n"))
}

/// Indices as text.
pub(crate) fn cat_indices(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column { name: "health", aliases: &["h"], align: Align::Left },
        Column { name: "status", aliases: &["s"], align: Align::Left },
        Column { name: "index", aliases: &["i", "idx"], align: Align::Left },
        Column { name: "uuid", aliases: &["id"], align: Align::Left },
        Column { name: "pri", aliases: &["p"], align: Align::Right },
        Column { name: "rep", aliases: &["r"], align: Align::Right },
        Column { name: "docs.count", aliases: &["dc"], align: Align::Right },
        Column { name: "docs.deleted", aliases: &["dd"], align: Align::Right },
        Column { name: "store.size", aliases: &["ss"], align: Align::Right },
        Column { name: "pri.store.size", aliases: &[], align: Align::Right },
    ];
    for accepted in ["bytes", "time", "pri", "health", "include_unloaded_segments"] {
        call.parameters.take(accepted);
    }
    let mut table = TextTable::take(COLUMNS, call)?;
    for index in take_indices(node, call)? {
        let size = index.shards().iter().map(|shard| shard.table().live_bytes()).sum::<u64>();
        let deleted = index.shards().iter().map(|shard| shard.table().tombstones()).sum::<u64>();
        table.row([
            health_of(&index).to_owned(),
            "open".to_owned(),
            index.name().to_owned(),
            index.identity().uuid.to_string(),
            primaries(&index).to_string(),
            (copies(&index) - 1).to_string(),
            index.documents().to_string(),
            deleted.to_string(),
            super::error::human_bytes(size),
            super::error::human_bytes(size),
        ]);
    }
    Ok(table.answer(call))
}
