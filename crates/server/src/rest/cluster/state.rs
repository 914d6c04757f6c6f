//! The state of the cluster: what it knows of nodes, indices and where their shards are.

use std::sync::Arc;

use node::{Expansion, Index, Node, TemplateKind, iso_8601};
use serde_json::{Map, Value, json};

use super::health::takes_writes;
use crate::rest::api::Call;
use crate::rest::dialect::Dialect;
use crate::rest::document_view::type_name;
use crate::rest::error::Error;
use crate::rest::index::settings::{SettingsView, lay_out, shown_settings, take_settings_view};
use crate::rest::index::{copies, take_indices};
use crate::rest::mapping::rules;
use crate::rest::response::Answer;
use crate::rest::templates::shown_legacy;

/// The parts of the state.
const METRICS: [&str; 8] = [
    "version",
    "master_node",
    "blocks",
    "nodes",
    "metadata",
    "routing_table",
    "routing_nodes",
    "customs",
];

/// Show the state, or parts of it.
pub(super) fn state(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let view = take_settings_view(call)?;
    call.parameters.declare(&["metric"]);
    call.parameters.take_time("wait_for_timeout")?;
    call.parameters.take_long("wait_for_metadata_version")?;
    let indices = take_indices(node, call, Expansion { hidden: true, ..Expansion::ALL })?;
    let metrics = call.found.name.unwrap_or("_all");
    for name in metrics.split(',').filter(|name| !name.is_empty()) {
        if name != "_all" && !METRICS.contains(&name) && name != "none" {
            let text = format!(
                "request [{}] contains unrecognized metric: [{name}]",
                call.request.raw_path()
            );
            return Err(Error::illegal_argument(text));
        }
    }
    Ok(Answer::value(&parts(node, call, &indices, metrics, view)))
}

/// The parts of the state that a list names.
pub(super) fn parts(
    node: &Node,
    call: &Call<'_>,
    indices: &[Arc<Index>],
    metrics: &str,
    view: SettingsView,
) -> Value {
    let shows = |metric: &str| metrics.split(',').any(|name| name == metric || name == "_all");
    let mut state = Map::new();
    let mut add = |name: &str, value: Value| state.insert(name.to_owned(), value);
    add("cluster_name", json!(node.cluster_name()));
    add("cluster_uuid", json!(node.cluster_uuid()));
    if shows("version") {
        add("version", json!(node.indices().len() + 1));
        add("state_uuid", json!(node.cluster_uuid()));
    }
    if shows("master_node") {
        add("master_node", json!(node.id()));
    }
    if shows("blocks") {
        add("blocks", blocks(indices));
    }
    if shows("nodes") {
        add("nodes", nodes_of_state(node, call));
    }
    if shows("metadata") {
        add("metadata", metadata(node, call, indices, view));
    }
    if shows("routing_table") {
        let each = indices.iter().map(|index| (index.name().to_owned(), routing(node, index)));
        add("routing_table", json!({"indices": each.collect::<Map<_, _>>()}));
    }
    if shows("routing_nodes") {
        add("routing_nodes", routing_nodes(node, indices));
    }
    Value::Object(state)
}

fn blocks(indices: &[Arc<Index>]) -> Value {
    const BLOCKS: [(&str, &str, &str, &[&str]); 5] = [
        ("index.blocks.read_only", "5", "index read-only (api)", &["write", "metadata_write"]),
        ("index.blocks.read", "7", "index read (api)", &["read"]),
        ("index.blocks.write", "8", "index write (api)", &["write"]),
        (
            "index.blocks.metadata",
            "9",
            "index metadata (api)",
            &["metadata_read", "metadata_write"],
        ),
        (
            "index.blocks.read_only_allow_delete",
            "12",
            "index read-only / allow delete (api)",
            &["write", "metadata_write"],
        ),
    ];
    let mut by_index = Map::new();
    for index in indices {
        let mut blocks = Map::new();
        if index.metadata().closed {
            blocks.insert(
                "4".to_owned(),
                json!({
                    "description": "index closed", "retryable": false, "levels": ["read", "write"],
                }),
            );
        }
        for (setting, number, description, levels) in BLOCKS {
            if index.metadata().settings.get(setting) == Some("true") {
                blocks.insert(
                    number.to_owned(),
                    json!({
                        "description": description, "retryable": false, "levels": levels,
                    }),
                );
            }
        }
        if !blocks.is_empty() {
            by_index.insert(index.name().to_owned(), Value::Object(blocks));
        }
    }
    if by_index.is_empty() { json!({}) } else { json!({"indices": by_index}) }
}

fn metadata(node: &Node, call: &Call<'_>, indices: &[Arc<Index>], view: SettingsView) -> Value {
    let templates = node.templates(rules(call.dialect));
    let legacy = templates.of(TemplateKind::Legacy).iter();
    let typed = call.dialect != Dialect::V8;
    let legacy: Map<String, Value> =
        legacy.map(|(name, t)| (name.clone(), shown_legacy(t, view, typed))).collect();
    let indices =
        indices.iter().map(|index| (index.name().to_owned(), index_metadata(index, call, view)));
    let settings = node.cluster_settings();
    let persistent = settings.persistent.iter().map(|(name, value)| (name.clone(), value.clone()));
    let persistent = lay_out(persistent, view);
    json!({
        "cluster_uuid": node.cluster_uuid(), "cluster_uuid_committed": true,
        "cluster_coordination": {
            "term": 1, "last_committed_config": [node.id()], "last_accepted_config": [node.id()],
            "voting_config_exclusions": [],
        },
        "settings": persistent, "templates": legacy,
        "indices": indices.collect::<Map<_, _>>(), "index-graveyard": {"tombstones": []},
    })
}

fn index_metadata(index: &Index, call: &Call<'_>, view: SettingsView) -> Value {
    let metadata = index.metadata();
    let terms = index.shards().iter().enumerate();
    let terms = terms.map(|(number, shard)| (number.to_string(), json!(shard.term().get())));
    let copies =
        (0..index.shards().len()).map(|n| (n.to_string(), json!([&*index.identity().uuid])));
    let is_empty = metadata.mappings.as_object().is_none_or(Map::is_empty);
    let mappings =
        if is_empty { json!({}) } else { json!({(type_name(index)): metadata.mappings}) };
    json!({
        "state": if metadata.closed { "close" } else { "open" },
        "settings": shown_settings(index, call, view, &|_| true), "mappings": mappings,
        "aliases": metadata.aliases.keys().collect::<Vec<_>>(),
        "primary_terms": terms.collect::<Map<_, _>>(),
        "in_sync_allocations": copies.collect::<Map<_, _>>(),
    })
}

/// The nodes as the state shows them: this one.
pub(crate) fn nodes_of_state(node: &Node, call: &Call<'_>) -> Value {
    json!({(node.id()): {
        "name": node.name(), "ephemeral_id": node.id(),
        "transport_address": "127.0.0.1:9300", "attributes": call.attributes,
    }})
}

/// A shard that works, as the state shows it.
pub(crate) fn primary_of_state(node: &Node, index: &Index, number: u32) -> Value {
    json!({
        "state": "STARTED", "primary": true, "node": node.id(), "relocating_node": null,
        "shard": number, "index": index.name(),
        "allocation_id": {"id": &*index.identity().uuid},
    })
}

fn copies_of(node: &Node, index: &Index, number: usize) -> Vec<Value> {
    let is_active = index.shards().get(number).is_some_and(|shard| takes_writes(shard));
    let created = document::Timestamp::from_millis(index.metadata().created_millis);
    let unassigned = |is_primary: bool, reason: &str, source: &str| {
        json!({
            "state": "UNASSIGNED", "primary": is_primary, "node": null, "relocating_node": null,
            "shard": number, "index": index.name(), "recovery_source": {"type": source},
            "unassigned_info": {
                "reason": reason, "at": iso_8601(created), "delayed": false,
                "allocation_status": "no_attempt",
            },
        })
    };
    let primary = if is_active {
        primary_of_state(node, index, u32::try_from(number).unwrap_or(u32::MAX))
    } else {
        unassigned(true, "ALLOCATION_FAILED", "EXISTING_STORE")
    };
    let replicas = (1..copies(index)).map(|_| unassigned(false, "INDEX_CREATED", "PEER"));
    std::iter::once(primary).chain(replicas).collect()
}

fn routing(node: &Node, index: &Index) -> Value {
    let shards =
        (0..index.shards().len()).map(|n| (n.to_string(), json!(copies_of(node, index, n))));
    json!({"shards": shards.collect::<Map<_, _>>()})
}

fn routing_nodes(node: &Node, indices: &[Arc<Index>]) -> Value {
    let all = indices.iter().flat_map(|index| {
        (0..index.shards().len()).flat_map(|number| copies_of(node, index, number))
    });
    let (started, unassigned): (Vec<Value>, Vec<Value>) =
        all.partition(|copy| copy.get("state").and_then(Value::as_str) == Some("STARTED"));
    json!({"unassigned": unassigned, "nodes": {(node.id()): started}})
}
