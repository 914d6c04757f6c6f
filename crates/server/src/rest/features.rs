//! What clients ask a cluster for before they work with it, where this server has nothing of the
//! kind: licences, pipelines, lifecycles, repositories. Reading finds nothing; writing is refused.

use hyper::StatusCode;
use node::{Expansion, Node};
use serde_json::{Map, Value, json};

use super::api::Call;
use super::error::Error;
use super::index::{take_indices, take_timeouts};
use super::response::Answer;

/// The endpoints of what is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feature {
    /// The licence.
    License,
    /// Which parts there are.
    Xpack,
    /// How they are used.
    XpackUsage,
    /// All of a kind of which there are none.
    NoneAtAll,
    /// A policy of lifecycles.
    LifecyclePolicy,
    /// Whether lifecycles run.
    LifecycleStatus,
    /// What a lifecycle does with indices.
    LifecycleExplain,
    /// A pipeline.
    GetPipeline,
    /// Put a pipeline.
    PutPipeline,
    /// Remove a pipeline.
    DeletePipeline,
    /// A repository of snapshots.
    GetRepository,
    /// Put a repository, or a snapshot into it.
    PutSnapshot,
    /// What was done to make snapshots in time.
    SnapshotLifecycleStats,
}

/// The parts that clients ask about.
const PARTS: [&str; 10] = [
    "ccr",
    "enrich",
    "graph",
    "ilm",
    "logstash",
    "ml",
    "monitoring",
    "rollup",
    "security",
    "watcher",
];

/// Answers.
pub(crate) fn answer(endpoint: Feature, node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    for accepted in [
        "local",
        "accept_enterprise",
        "categories",
        "ignore_unavailable",
        "expand_wildcards",
        "include_defaults",
        "summary",
    ] {
        if endpoint != Feature::LifecycleExplain {
            call.parameters.take(accepted);
        }
    }
    call.parameters.declare(&["name"]);
    if endpoint == Feature::LifecycleExplain {
        return lifecycles(node, call);
    }
    take_timeouts(call)?;
    call.finish_parameters()?;
    let name = call.found.name.unwrap_or_default();
    let is_wild = name.contains('*') || name == "_all";
    let missing =
        |reason: String| Err(Error::Missing { kind: "resource_not_found_exception", reason });
    match endpoint {
        Feature::License => Ok(license(node)),
        Feature::Xpack => Ok(xpack(node)),
        Feature::XpackUsage => Ok(Answer::value(&Value::Object(parts()))),
        Feature::LifecycleStatus => Ok(Answer::value(&json!({"operation_mode": "STOPPED"}))),
        Feature::SnapshotLifecycleStats => Ok(snapshot_lifecycle_stats()),
        Feature::PutPipeline => {
            Err(Error::Unsupported(format!("pipelines are not supported: [{name}] cannot be put")))
        }
        Feature::PutSnapshot => Err(Error::Unsupported(
            "snapshots are not supported: copy the data directory of a stopped server instead"
                .to_owned(),
        )),
        Feature::DeletePipeline if is_wild => Ok(Answer::acknowledged()),
        Feature::DeletePipeline => missing(format!("pipeline [{name}] is missing")),
        Feature::GetPipeline if !is_wild => Ok(Answer::json(StatusCode::NOT_FOUND, "{}")),
        Feature::LifecyclePolicy if !is_wild => {
            missing(format!("Lifecycle policy not found: {name}"))
        }
        Feature::GetRepository if !is_wild => Err(Error::Missing {
            kind: "repository_missing_exception",
            reason: format!("[{name}] missing"),
        }),
        Feature::NoneAtAll
        | Feature::GetPipeline
        | Feature::LifecyclePolicy
        | Feature::GetRepository
        | Feature::LifecycleExplain => Ok(Answer::value(&json!({}))),
    }
}

fn license(node: &Node) -> Answer {
    Answer::value(&json!({"license": {
        "status": "active", "uid": node.cluster_uuid(), "type": "basic",
        "issue_date": "1970-01-01T00:00:00.000Z", "issue_date_in_millis": 0, "max_nodes": 1000,
        "issued_to": node.cluster_name(), "issuer": "elasticsearch", "start_date_in_millis": -1,
    }}))
}

fn xpack(node: &Node) -> Answer {
    Answer::value(&json!({
        "build": {"hash": "0000000000000000000000000000000000000000", "date": "2025-01-01T00:00:00.000000Z"},
        "license": {"uid": node.cluster_uuid(), "type": "basic", "mode": "basic", "status": "active"},
        "features": parts(), "tagline": "You know, for X",
    }))
}

fn parts() -> Map<String, Value> {
    let none = json!({"available": false, "enabled": false});
    PARTS.into_iter().map(|part| (part.to_owned(), none.clone())).collect()
}

/// No snapshot was ever made.
fn snapshot_lifecycle_stats() -> Answer {
    Answer::value(&json!({
        "retention_runs": 0, "retention_failed": 0, "retention_timed_out": 0,
        "retention_deletion_time": "0s", "retention_deletion_time_millis": 0,
        "total_snapshots_taken": 0, "total_snapshots_failed": 0, "total_snapshots_deleted": 0,
        "total_snapshot_deletion_failures": 0, "policy_stats": [],
    }))
}

/// No index is managed by a lifecycle.
fn lifecycles(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.take_flag("only_managed")?;
    call.parameters.take_flag("only_errors")?;
    let indices = take_indices(node, call, Expansion { refuses_closed: false, ..Expansion::OPEN })?;
    let each = indices
        .iter()
        .map(|index| (index.name().to_owned(), json!({"index": index.name(), "managed": false})));
    Ok(Answer::value(&json!({"indices": each.collect::<Map<_, _>>()})))
}
