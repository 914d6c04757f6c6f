//! Where shards are: all here. Nothing can be moved, and replicas find no second node.

use std::sync::Arc;

use node::{Expansion, Index, Node, iso_8601};
use serde_json::{Value, json};

use super::state;
use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::index::settings::SettingsView;
use crate::rest::index::{copies, take_timeouts};
use crate::rest::response::Answer;

/// Move shards: without commands nothing happens, and no command can be carried out.
pub(super) fn reroute(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    for flag in ["dry_run", "explain", "retry_failed"] {
        call.parameters.take_flag(flag)?;
    }
    let metric = call.parameters.take("metric");
    take_timeouts(call)?;
    call.finish_parameters()?;
    let body = call.json_body()?;
    let commands = body.get("commands").and_then(Value::as_array);
    if commands.is_some_and(|commands| !commands.is_empty()) {
        return Err(Error::Unsupported(
            "[commands] are not supported: one node has no other to move shards to".to_owned(),
        ));
    }
    let indices = node.resolve("", Expansion { hidden: true, ..Expansion::ALL });
    let indices = indices.map_err(|error| call.node_error(error))?;
    // As in Elasticsearch everything but the metadata is shown unless something is asked for.
    let usual = "version,master_node,blocks,nodes,routing_table,routing_nodes";
    let metrics = metric.as_deref().unwrap_or(usual);
    let mut answer = json!({"acknowledged": true});
    if metrics != "none" && (metric.is_some() || call.dialect.shows_type()) {
        let state = state::parts(node, call, &indices, metrics, SettingsView::default());
        if let Value::Object(members) = &mut answer {
            members.insert("state".to_owned(), state);
        }
    }
    Ok(Answer::value(&answer))
}

/// Why a shard is where it is, or why a replica is nowhere.
pub(super) fn explain(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let disk_info = call.parameters.take_flag("include_disk_info")?.unwrap_or(false);
    call.parameters.take_flag("include_yes_decisions")?;
    take_timeouts(call)?;
    call.finish_parameters()?;
    let body = call.json_body()?;
    let (index, shard, is_primary) = match body.get("index").and_then(Value::as_str) {
        Some(name) => {
            let index = node.index(name).map_err(|error| call.node_error(error))?;
            let shard = body.get("shard").and_then(Value::as_u64).unwrap_or(0);
            let is_primary = body.get("primary").and_then(Value::as_bool).unwrap_or(false);
            (index, shard, is_primary)
        }
        None => {
            let unassigned = node.indices().into_iter().find(|index| copies(index) > 1);
            let index = unassigned.ok_or_else(|| {
                Error::illegal_argument(
                    "unable to find any unassigned shards to explain [ClusterAllocationExplainRequest]",
                )
            })?;
            (index, 0, false)
        }
    };
    let is_there = usize::try_from(shard).is_ok_and(|number| number < index.shards().len());
    if !is_there || (!is_primary && copies(&index) == 1) {
        return Err(Error::illegal_argument(format!(
            "No shard was specified in the explain API request, or [{}][{shard}] has no such copy",
            index.name()
        )));
    }
    let mut explained = explained(node, &index, shard, is_primary);
    if let (Value::Object(members), true) = (&mut explained, disk_info) {
        let nodes = json!({(node.id()): {"node_name": node.name()}});
        members.insert("cluster_info".to_owned(), json!({"nodes": nodes, "shard_sizes": {}}));
    }
    Ok(Answer::value(&explained))
}

fn explained(node: &Node, index: &Arc<Index>, shard: u64, is_primary: bool) -> Value {
    let here = json!({
        "id": node.id(), "name": node.name(), "transport_address": "127.0.0.1:9300",
    });
    if is_primary {
        return json!({
            "index": index.name(), "shard": shard, "primary": true, "current_state": "started",
            "current_node": here, "can_remain_on_current_node": "yes",
            "can_rebalance_cluster": "no", "can_rebalance_to_other_node": "no",
            "rebalance_explanation": "there is no other node that the shard could move to",
        });
    }
    let created = document::Timestamp::from_millis(index.metadata().created_millis);
    json!({
        "index": index.name(), "shard": shard, "primary": false, "current_state": "unassigned",
        "unassigned_info": {
            "reason": "INDEX_CREATED", "at": iso_8601(created), "last_allocation_status": "no_attempt",
        },
        "can_allocate": "no",
        "allocate_explanation": "cannot allocate because allocation is not permitted to any of the nodes",
        "node_allocation_decisions": [{
            "node_id": node.id(), "node_name": node.name(), "node_decision": "no",
            "deciders": [{
                "decider": "same_shard", "decision": "NO",
                "explanation": "a copy of this shard is already allocated to this node",
            }],
        }],
    })
}
