//! Opening, closing, and what keeps an index in shape (spec index-and-cluster-api §4.4). Most of that
//! happens by itself here, so that a request for it has nothing left to do.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use node::{Expansion, Index, Node};
use serde_json::{Map, Value, json};

use super::expression::{take_expansion, take_indices, take_timeouts};
use super::{count_shards, has_enough, write_shards};
use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::json;
use crate::rest::response::Answer;

/// Open closed indices.
pub(super) async fn open(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let waits = call.parameters.take("wait_for_active_shards");
    let usual = Expansion { open: false, ..Expansion::ALL };
    let indices = take_named(node, call, usual)?;
    let replicas = replicas(&indices);
    node.set_closed(indices, false).await.map_err(|error| call.node_error(error))?;
    let enough = has_enough(waits.as_deref(), replicas);
    Ok(Answer::value(&json!({"acknowledged": true, "shards_acknowledged": enough})))
}

/// Close indices.
pub(super) async fn close(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let waits = call.parameters.take("wait_for_active_shards");
    let concrete = Expansion { refuses_streams: true, refuses_closed: false, ..Expansion::OPEN };
    let indices = take_named(node, call, concrete)?;
    let replicas = replicas(&indices);
    let closed: Map<String, Value> =
        indices.iter().map(|index| (index.name().to_owned(), json!({"closed": true}))).collect();
    node.set_closed(indices, true).await.map_err(|error| call.node_error(error))?;
    let enough = has_enough(waits.as_deref(), replicas);
    let body = json!({
        "acknowledged": true, "shards_acknowledged": enough, "indices": closed,
    });
    Ok(Answer::value(&body))
}

fn replicas(indices: &[Arc<Index>]) -> u32 {
    let replicas = indices.iter().map(|index| index.metadata().settings.number_of_replicas());
    replicas.max().unwrap_or(0)
}

/// The indices of a path that must name some.
fn take_named(
    node: &Node,
    call: &mut Call<'_>,
    usual: Expansion,
) -> Result<Vec<Arc<Index>>, Error> {
    take_timeouts(call)?;
    let expansion = take_expansion(call, usual)?;
    call.finish_parameters()?;
    match call.found.index {
        None => Err(Error::Validation(vec!["index is missing".to_owned()])),
        Some(names) => node.resolve(names, expansion).map_err(|error| call.node_error(error)),
    }
}

/// Make writes visible to searches, where they wait for it.
pub(super) fn refresh(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.take_flag("force")?;
    let indices = take_indices(node, call, Expansion::OPEN)?;
    indices.iter().for_each(|index| index.refresh());
    Ok(shards(&indices))
}

/// Make writes durable elsewhere than in a log: the log is the store.
pub(super) fn flush(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.take_flag("force")?;
    call.parameters.take_flag("wait_if_ongoing")?;
    let indices = take_indices(node, call, Expansion::OPEN)?;
    for index in &indices {
        index.counters().flushes.rise();
        index.counters().unflushed.reset();
    }
    Ok(shards(&indices))
}

/// As a flush; there are no copies that could compare marks.
pub(super) fn synced_flush(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let indices = take_indices(node, call, Expansion::OPEN)?;
    let counts = |indices: &[Arc<Index>]| {
        let (successful, total) = count_shards(indices);
        json!({"total": total, "successful": successful, "failed": 0})
    };
    let mut body = Map::from_iter([("_shards".to_owned(), counts(&indices))]);
    for index in &indices {
        index.counters().flushes.rise();
        index.counters().synced_flushes.rise();
        index.counters().unflushed.reset();
        body.insert(index.name().to_owned(), counts(std::slice::from_ref(index)));
    }
    Ok(Answer::value(&Value::Object(body)))
}

/// Merge segments: space is collected by itself.
pub(super) fn force_merge(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let segments = call.parameters.take_int("max_num_segments")?;
    let only_expunge = call.parameters.take_flag("only_expunge_deletes")?.unwrap_or(false);
    call.parameters.take_flag("flush")?;
    call.parameters.take_flag("wait_for_completion")?;
    let indices = take_indices(node, call, Expansion::OPEN)?;
    // Up to 7 that is only deprecated.
    if let (Some(segments), true) = (segments, only_expunge)
        && !call.dialect.shows_type()
    {
        return Err(Error::Validation(vec![format!(
            "cannot set only_expunge_deletes and max_num_segments at the same time, those two \
             parameters are mutually exclusive, max_num_segments is [{segments}]"
        )]));
    }
    indices.iter().for_each(|index| index.counters().merges.rise());
    Ok(shards(&indices))
}

/// Write segments anew in a newer format: there is one.
pub(super) fn upgrade(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.take_flag("only_ancient_segments")?;
    call.parameters.take_flag("wait_for_completion")?;
    let indices = take_indices(node, call, Expansion::OPEN)?;
    let (shards, copies) = count_shards(&indices);
    let version = call.dialect.lucene_version();
    let each = indices.iter().map(|index| {
        let bytes: u64 = index.shards().iter().map(|shard| shard.table().live_bytes()).sum();
        let shown = if call.request.method == Method::POST {
            json!({"upgrade_version": version, "oldest_lucene_segment_version": version})
        } else {
            json!({
                "size_in_bytes": bytes, "size_to_upgrade_in_bytes": 0,
                "size_to_upgrade_ancient_in_bytes": 0,
            })
        };
        (index.name().to_owned(), shown)
    });
    let each: Map<String, Value> = each.collect();
    let name = if call.request.method == Method::POST { "upgraded_indices" } else { "indices" };
    Ok(Answer::value(&json!({
        "_shards": {"total": copies, "successful": shards, "failed": 0}, name: each,
    })))
}

/// Empty caches: there are none. What searches held to sort by texts is forgotten.
pub(super) fn clear_cache(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let mut asked = Vec::new();
    for flag in ["query", "fielddata", "request", "query_cache", "request_cache", "field_data"] {
        if call.parameters.take_flag(flag)? == Some(true) {
            asked.push(flag);
        }
    }
    call.parameters.take("fields");
    let indices = take_indices(node, call, Expansion::OPEN)?;
    if asked.is_empty() || asked.contains(&"fielddata") || asked.contains(&"field_data") {
        indices.iter().for_each(|index| index.counters().fields.forget_sorted());
    }
    Ok(shards(&indices))
}

/// Read the files of analyzers again: no analyzer has any.
pub(super) fn reload_analyzers(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.take("resource");
    let indices = take_indices(node, call, Expansion::OPEN)?;
    let (shards, copies) = count_shards(&indices);
    let none: Vec<Value> = indices
        .iter()
        .map(|index| {
            json!({"index": index.name(), "reloaded_analyzers": [], "reloaded_node_ids": [node.id()]})
        })
        .collect();
    Ok(Answer::value(&json!({
        "_shards": {"total": copies, "successful": shards, "failed": 0}, "reload_details": none,
    })))
}

fn shards(indices: &[Arc<Index>]) -> Answer {
    let (shards, copies) = count_shards(indices);
    Answer::json(StatusCode::OK, json::object(|o| write_shards(o, copies, shards)))
}
