//! What watches a process: health by indicators, a sign of life, and numbers for Prometheus.

use hyper::StatusCode;
use node::Node;
use serde_json::{Map, Value, json};

use super::health::all_shards;
use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::metrics::Metrics;
use crate::rest::response::Answer;

/// Health by indicators: of the catalogue, of shards, of memory.
pub(super) fn report(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["feature"]);
    call.parameters.take_flag("verbose")?;
    call.parameters.take_int("size")?;
    call.parameters.take_time("timeout")?;
    call.finish_parameters()?;
    let shards = all_shards(&node.indices());
    let memory = node.memory();
    let is_full = memory.used() >= memory.limit();
    let master = match node.catalog_damage() {
        None => json!({"status": "green", "symptom": "The cluster has a stable master node"}),
        Some(damage) => {
            json!({"status": "red", "symptom": format!("The catalogue of indices is damaged: {}", damage.what)})
        }
    };
    let availability = json!({
        "status": shards.status(),
        "symptom": match shards.status() {
            "green" => "This cluster has all shards available.".to_owned(),
            "yellow" => format!("This cluster has {} unavailable replica shards.", shards.unassigned()),
            _ => "This cluster has damaged primary shards, see /_cat/shards.".to_owned(),
        },
        "details": {
            "started_primaries": shards.active, "unassigned_primaries": shards.primaries - shards.active,
            "started_replicas": 0, "unassigned_replicas": shards.wished_for - shards.primaries,
        },
    });
    let capacity = json!({
        "status": if is_full { "red" } else { "green" },
        "symptom": if is_full { "Ids fill the memory they may take: new documents are refused." }
            else { "There is memory left for new documents." },
        "details": {"used_bytes": memory.used(), "limit_bytes": memory.limit()},
    });
    let indicators = [
        ("master_is_stable", master),
        ("shards_availability", availability),
        ("shards_capacity", capacity),
    ];
    let rank = |indicator: &Value| match indicator.get("status").and_then(Value::as_str) {
        Some("green") => 0,
        Some("yellow") => 1,
        Some(_) | None => 2,
    };
    let worst = indicators.iter().map(|(_, indicator)| rank(indicator)).max().unwrap_or(0);
    let status = ["green", "yellow", "red"].get(worst).copied().unwrap_or("red");
    let shown: Map<String, Value> = indicators
        .into_iter()
        .filter(|(name, _)| call.found.name.is_none_or(|wanted| wanted == *name))
        .map(|(name, indicator)| (name.to_owned(), indicator))
        .collect();
    if let (Some(wanted), true) = (call.found.name, shown.is_empty()) {
        let reason = format!("Did not find indicator {wanted}");
        return Err(Error::Missing { kind: "resource_not_found_exception", reason });
    }
    Ok(Answer::value(&json!({
        "status": status, "cluster_name": node.cluster_name(), "indicators": shown,
    })))
}

/// A sign of life: who gets it knows that requests are answered, and nothing else.
pub(super) fn liveness(call: &mut Call<'_>) -> Result<Answer, Error> {
    call.finish_parameters()?;
    Ok(Answer::text(StatusCode::OK, "alive\n"))
}

/// Numbers for Prometheus.
pub(super) fn metrics(
    node: &Node,
    call: &mut Call<'_>,
    metrics: &Metrics,
) -> Result<Answer, Error> {
    call.finish_parameters()?;
    Ok(Answer::text(StatusCode::OK, metrics.text(node)?))
}
