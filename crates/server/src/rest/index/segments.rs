//! Segments, recoveries and stores, as far as they mean something here: a shard's documents are shown
//! as one segment, and every shard as opened from its log.

use hyper::StatusCode;
use node::{Expansion, Index, Node, iso_8601};
use serde_json::{Map, Value, json};
use shard::Shard;

use super::count_shards;
use super::expression::take_indices;
use super::stats::segments_of;
use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::json::set;
use crate::rest::response::Answer;

/// Show segments.
pub(super) fn segments(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.take_flag("verbose")?;
    let indices = take_indices(node, call, Expansion::OPEN)?;
    let (shards, copies) = count_shards(&indices);
    let each = indices.iter().map(|index| {
        let shards = index.shards().iter().enumerate();
        let shards = shards
            .map(|(number, shard)| (number.to_string(), json!([of_shard(node, call, shard)])));
        (index.name().to_owned(), json!({"shards": shards.collect::<Map<_, _>>()}))
    });
    let body = json!({
        "_shards": {"total": copies, "successful": shards, "failed": 0},
        "indices": each.collect::<Map<_, _>>(),
    });
    Ok(Answer::value(&body))
}

fn of_shard(node: &Node, call: &Call<'_>, shard: &Shard) -> Value {
    let count = segments_of(shard);
    let mut segments = Map::new();
    if count > 0 {
        segments.insert("_0".to_owned(), json!({
            "generation": 0, "num_docs": shard.table().live(),
            "deleted_docs": shard.table().tombstones(), "size_in_bytes": shard.table().live_bytes(),
            "memory_in_bytes": 0, "committed": true, "search": true,
            "version": call.dialect.lucene_version(), "compound": false, "attributes": {},
        }));
    }
    json!({
        "routing": {"state": "STARTED", "primary": true, "node": node.id()},
        "num_committed_segments": count, "num_search_segments": count, "segments": segments,
    })
}

/// Show how shards came to be.
pub(super) fn recovery(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.take_flag("detailed")?;
    call.parameters.take_flag("active_only")?;
    let indices = take_indices(node, call, Expansion::ALL)?;
    let each = indices.iter().map(|index| {
        let shards = index.shards().iter().enumerate();
        let shards: Vec<Value> =
            shards.map(|(number, _)| recovery_of(node, index, number, call)).collect();
        (index.name().to_owned(), json!({"shards": shards}))
    });
    Ok(Answer::value(&Value::Object(each.collect())))
}

/// Whether a shard was there when the node started, or began empty.
pub(crate) fn recovery_type(index: &Index) -> &'static str {
    if index.metadata().closed { "EXISTING_STORE" } else { "EMPTY_STORE" }
}

fn recovery_of(node: &Node, index: &Index, number: usize, call: &Call<'_>) -> Value {
    let kind = recovery_type(index);
    let created = document::Timestamp::from_millis(index.metadata().created_millis);
    let target = json!({
        "id": node.id(), "host": "127.0.0.1", "transport_address": "127.0.0.1:9300",
        "ip": "127.0.0.1", "name": node.name(),
    });
    let source = if kind == "EMPTY_STORE" {
        json!({})
    } else {
        json!({"bootstrap_new_history_uuid": false})
    };
    let mut shown = json!({
        "id": number, "type": kind, "stage": "DONE", "primary": true,
        "start_time_in_millis": created.as_millis(), "stop_time_in_millis": created.as_millis(),
        "total_time_in_millis": 0, "source": source, "target": target,
        "index": {
            "size": {"total_in_bytes": 0, "reused_in_bytes": 0, "recovered_in_bytes": 0, "percent": "0.0%"},
            "files": {"total": 0, "reused": 0, "recovered": 0, "percent": "0.0%"},
            "total_time_in_millis": 0, "source_throttle_time_in_millis": 0,
            "target_throttle_time_in_millis": 0,
        },
        "translog": {
            "recovered": 0, "total": 0, "percent": "100.0%", "total_on_start": 0,
            "total_time_in_millis": 0,
        },
        "verify_index": {"check_index_time_in_millis": 0, "total_time_in_millis": 0},
    });
    if call.rendering.human {
        set(&mut shown, "start_time", json!(iso_8601(created)));
        set(&mut shown, "stop_time", json!(iso_8601(created)));
        set(&mut shown, "total_time", json!("0ms"));
    }
    shown
}

/// Show where shards are stored: each here, once.
pub(super) fn shard_stores(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let statuses = call
        .parameters
        .take_list("status")
        .unwrap_or_else(|| vec!["yellow".to_owned(), "red".to_owned()]);
    let indices = take_indices(node, call, Expansion { refuses_closed: false, ..Expansion::OPEN })?;
    let mut body = Map::new();
    for index in &indices {
        let is_green = index.metadata().settings.number_of_replicas() == 0;
        let is_wanted = |status: &String| {
            status == "all" || status == if is_green { "green" } else { "yellow" }
        };
        if !statuses.iter().any(is_wanted) {
            continue;
        }
        let store = json!({
            (node.id()): {
                "name": node.name(), "ephemeral_id": node.id(),
                "transport_address": "127.0.0.1:9300", "attributes": {},
            },
            "allocation_id": &*index.identity().uuid, "allocation": "primary",
        });
        let shards = (0..index.shards().len())
            .map(|number| (number.to_string(), json!({"stores": [store]})));
        body.insert(index.name().to_owned(), json!({"shards": shards.collect::<Map<_, _>>()}));
    }
    Ok(Answer::json(StatusCode::OK, json!({"indices": body}).to_string()))
}
