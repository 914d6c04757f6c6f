//! What watches a process: health by indicators, a sign of life, and numbers for Prometheus.

use std::sync::Arc;

use hyper::StatusCode;
use node::{Index, Node, SHARDS_MAX};
use serde_json::{Map, Value, json};

use super::health::{Shards, all_shards, damage_text};
use crate::rest::Disk;
use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::metrics::{Metrics, Watched};
use crate::rest::response::Answer;

/// How good it is, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Green,
    Yellow,
    Red,
}

impl Status {
    /// Its name.
    fn name(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
        }
    }

    /// Of something that may be used up: yellow from nine tenths on.
    fn of_use(used: u64, limit: u64) -> Self {
        if used >= limit {
            Self::Red
        } else if used >= limit / 10 * 9 {
            Self::Yellow
        } else {
            Self::Green
        }
    }
}

/// One thing that is judged.
struct Indicator {
    name: &'static str,
    status: Status,
    symptom: String,
    details: Value,
    /// What it leads to, unless it is green.
    impact: &'static str,
    /// What to do about it, unless it is green.
    action: &'static str,
}

impl Indicator {
    /// As Elasticsearch shows it.
    fn to_json(&self, verbose: bool) -> Value {
        let mut shown = Map::new();
        shown.insert("status".to_owned(), self.status.name().into());
        shown.insert("symptom".to_owned(), self.symptom.as_str().into());
        if verbose {
            shown.insert("details".to_owned(), self.details.clone());
        }
        if self.status != Status::Green {
            let severity = if self.status == Status::Red { 1 } else { 3 };
            let impact = json!([{
                "id": format!("occam:health:{}:impact", self.name),
                "severity": severity, "description": self.impact, "impact_areas": ["ingest"],
            }]);
            shown.insert("impacts".to_owned(), impact);
        }
        if verbose && self.status != Status::Green {
            let diagnosis = json!([{
                "id": format!("occam:health:{}:diagnosis", self.name),
                "cause": self.symptom, "action": self.action, "help_url": "docs/operations.md",
            }]);
            shown.insert("diagnosis".to_owned(), diagnosis);
        }
        Value::Object(shown)
    }
}

/// Health by indicators: of the catalogue, of shards, of what may run out.
pub(super) fn report(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["feature"]);
    let verbose = call.parameters.take_flag("verbose")?.unwrap_or(true);
    call.parameters.take_int("size")?;
    call.parameters.take_time("timeout")?;
    call.finish_parameters()?;
    let indices = node.indices();
    let shards = all_shards(&indices);
    let indicators = [
        catalog(node),
        availability(&indices, shards),
        disk(node, call.disk),
        memory(node),
        capacity(shards),
    ];
    let mut body = Map::new();
    if call.found.name.is_none() {
        let worst = indicators.iter().map(|indicator| indicator.status).max();
        let worst = worst.unwrap_or(Status::Green);
        body.insert("status".to_owned(), worst.name().into());
    }
    let shown: Map<String, Value> = indicators
        .iter()
        .filter(|indicator| call.found.name.is_none_or(|wanted| wanted == indicator.name))
        .map(|indicator| (indicator.name.to_owned(), indicator.to_json(verbose)))
        .collect();
    if let (Some(wanted), true) = (call.found.name, shown.is_empty()) {
        let reason = format!("Did not find indicator {wanted}");
        return Err(Error::Missing { kind: "resource_not_found_exception", reason });
    }
    body.insert("cluster_name".to_owned(), node.cluster_name().into());
    body.insert("indicators".to_owned(), Value::Object(shown));
    Ok(Answer::value(&Value::Object(body)))
}

/// Whether what is stored of indices is whole.
fn catalog(node: &Node) -> Indicator {
    let damage = node.catalog_damage();
    let symptom = match &damage {
        None => "The cluster has a stable master node".to_owned(),
        Some(damage) => format!("The catalogue of indices is damaged: {}", damage_text(damage)),
    };
    Indicator {
        name: "master_is_stable",
        status: if damage.is_some() { Status::Red } else { Status::Green },
        symptom,
        details: json!({"current_master": {"node_id": node.id(), "name": node.name()}}),
        impact: "Indices may not be as they were defined.",
        action: "Stop the server, keep a copy of the data directory, and run occam check on it.",
    }
}

/// Whether all shards take reads and writes.
fn availability(indices: &[Arc<Index>], shards: Shards) -> Indicator {
    let damaged = indices.iter().flat_map(|index| {
        let shards = index.shards().iter().enumerate();
        shards.filter_map(|(number, shard)| {
            let what = damage_text(shard.damage()?);
            Some(json!({"index": index.name(), "shard": number, "reason": what}))
        })
    });
    // As many as anybody reads.
    let damaged: Vec<Value> = damaged.take(100).collect();
    let (status, symptom) = match shards.status() {
        "green" => (Status::Green, "This cluster has all shards available.".to_owned()),
        "yellow" => {
            let missing = shards.unassigned();
            (Status::Yellow, format!("This cluster has {missing} unavailable replica shards."))
        }
        _ => (Status::Red, "This cluster has damaged primary shards.".to_owned()),
    };
    let red = status == Status::Red;
    Indicator {
        name: "shards_availability",
        status,
        symptom,
        details: json!({
            "started_primaries": shards.active,
            "unassigned_primaries": shards.primaries - shards.active,
            "started_replicas": 0, "unassigned_replicas": shards.wished_for - shards.primaries,
            "damaged": damaged,
        }),
        impact: if red {
            "Some documents cannot be read, or some shards take no writes."
        } else {
            "What this machine's disk loses is lost: there is no second copy."
        },
        action: if red {
            "Stop the server, keep a copy of the data directory, and run occam check on it."
        } else {
            "Set index.number_of_replicas to 0: this one node keeps no replicas."
        },
    }
}

/// Whether there is room on the disk.
fn disk(node: &Node, disk: &Disk) -> Indicator {
    let log = node.log_statistics();
    let space = disk.space();
    let nearly = space.is_some_and(|(total, free)| free < total / 10);
    let (status, symptom) = if log.is_full {
        (Status::Red, "The disk is full: new documents are refused.")
    } else if nearly {
        (Status::Yellow, "Less than a tenth of the disk is free.")
    } else {
        (Status::Green, "The cluster has enough available disk space.")
    };
    Indicator {
        name: "disk",
        status,
        symptom: symptom.to_owned(),
        details: json!({
            "total_bytes": space.map(|(total, _)| total), "free_bytes": space.map(|(_, free)| free),
            "stored_bytes": log.stored_bytes, "retired_bytes": log.retired_bytes,
        }),
        impact: "On a full disk only deletes are accepted.",
        action: "Make room on the file system, or delete documents or indices.",
    }
}

/// Whether there is memory for more ids.
fn memory(node: &Node) -> Indicator {
    let (used, limit) = (node.memory().used(), node.memory().limit());
    let status = Status::of_use(used, limit);
    let symptom = match status {
        Status::Green => "There is memory left for new documents.",
        Status::Yellow => "Nine tenths of the memory for ids are used.",
        Status::Red => "Ids fill the memory they may take: new documents are refused.",
    };
    Indicator {
        name: "memory",
        status,
        symptom: symptom.to_owned(),
        details: json!({"used_bytes": used, "limit_bytes": limit}),
        impact: "Where no memory is left, only documents that are there can be changed.",
        action: "Start with a larger --memory, or delete documents or indices.",
    }
}

/// Whether there may be more shards.
fn capacity(shards: Shards) -> Indicator {
    let status = Status::of_use(shards.primaries, SHARDS_MAX);
    let symptom = match status {
        Status::Green => "The cluster has enough room to add new shards.",
        Status::Yellow => "Nine tenths of the shards that a node may have are there.",
        Status::Red => "There are as many shards as a node may have.",
    };
    Indicator {
        name: "shards_capacity",
        status,
        symptom: symptom.to_owned(),
        details: json!({"data": {
            "current_used_shards": shards.primaries, "max_shards_in_cluster": SHARDS_MAX,
        }}),
        impact: "No further index can be created.",
        action: "Delete indices that are not needed, or give new ones fewer shards.",
    }
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
    let watched = Watched { node, disk: call.disk, bodies: &call.request.budget };
    Ok(Answer::text(StatusCode::OK, metrics.text(&watched)?))
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn what_may_be_used_up_is_yellow_before_it_is_red() {
        for (used, expected) in
            [(0, Status::Green), (89, Status::Green), (90, Status::Yellow), (99, Status::Yellow)]
        {
            assert_eq!(Status::of_use(used, 100), expected, "{used}");
        }
        assert_eq!((Status::of_use(100, 100), Status::of_use(0, 0)), (Status::Red, Status::Red));
    }
}
