//! Health: green, yellow or red, of the cluster, of indices and of shards.

use std::sync::Arc;

use hyper::StatusCode;
use node::{Expansion, Index, Node};
use shard::{Shard, log::Damage};

use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::index::{copies, take_indices};
use crate::rest::json::{self, Object};
use crate::rest::response::Answer;

/// The shards of some indices, counted and judged as Elasticsearch does: red where a primary is
/// missing or damaged, yellow where a replica is missing, which is every one that is wished for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shards {
    pub(crate) primaries: u64,
    /// The primaries that take writes.
    pub(crate) active: u64,
    /// How many copies are wished for, the primaries included.
    pub(crate) wished_for: u64,
    /// The primaries of which something stored is damaged; they may be active all the same.
    damaged: u64,
}

impl Shards {
    pub(crate) fn of_index(index: &Index) -> Self {
        let shards = index.shards().iter();
        shards.fold(Self::default(), |sum, shard| sum.and(Self::of_shard(index, shard)))
    }

    pub(crate) fn of_shard(index: &Index, shard: &Shard) -> Self {
        let damaged = u64::from(shard.damage().is_some());
        let active = u64::from(takes_writes(shard));
        Self { primaries: 1, active, wished_for: copies(index), damaged }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            primaries: self.primaries + other.primaries,
            active: self.active + other.active,
            wished_for: self.wished_for + other.wished_for,
            damaged: self.damaged + other.damaged,
        }
    }

    pub(crate) fn status(self) -> &'static str {
        match (self.damaged, self.wished_for - self.primaries) {
            (0, 0) => "green",
            (0, _) => "yellow",
            (_, _) => "red",
        }
    }

    pub(crate) fn unassigned(self) -> u64 {
        self.wished_for - self.active
    }

    pub(crate) fn active_percent(self) -> f64 {
        let part = |count: u64| u32::try_from(count).map_or(f64::from(u32::MAX), f64::from);
        if self.wished_for == 0 { 100.0 } else { part(self.active) / part(self.wished_for) * 100.0 }
    }
}

/// Whether writes to a shard can be decided: not where operations may be lost.
pub(crate) fn takes_writes(shard: &Shard) -> bool {
    shard.damage().is_none_or(|damage| damage.lost_below.is_none())
}

/// What is wrong with a shard, in words.
pub(crate) fn damage_text(damage: &Damage) -> String {
    match damage.lost_below {
        None => format!("{}; all operations are known, only sources cannot be read", damage.what),
        Some(bound) => {
            let what = &damage.what;
            format!(
                "{what}; operations with a seq_no below {bound} may be lost, writes are refused"
            )
        }
    }
}

/// How much health shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Cluster,
    Indices,
    Shards,
}

/// What a request waits for.
struct Wish {
    status: Option<String>,
    active_shards: Option<String>,
    nodes: Option<String>,
}

impl Wish {
    fn take(call: &mut Call<'_>) -> Result<Self, Error> {
        let status = call.parameters.take("wait_for_status");
        for flag in ["wait_for_no_relocating_shards", "wait_for_no_initializing_shards"] {
            call.parameters.take_flag(flag)?;
        }
        call.parameters.take("wait_for_events");
        let active_shards = call.parameters.take("wait_for_active_shards");
        let known = ["green", "yellow", "red"];
        if let Some(other) = status.as_deref().filter(|status| !known.contains(status)) {
            let text = format!("unknown cluster health status [{other}]");
            return Err(Error::illegal_argument(text));
        }
        let is_number = |text: &str| text == "all" || text.parse::<u32>().is_ok();
        if let Some(other) = active_shards.as_deref().filter(|text| !is_number(text)) {
            let text = format!("cannot parse ActiveShardCount[{other}]");
            return Err(Error::illegal_argument(text));
        }
        Ok(Self { status, active_shards, nodes: call.parameters.take("wait_for_nodes") })
    }

    fn is_met(&self, status: &str, shards: Shards) -> bool {
        let rank = |status: &str| ["red", "yellow", "green"].iter().position(|s| *s == status);
        let status_met = self.status.as_ref().is_none_or(|wished| rank(wished) <= rank(status));
        let active_met = match self.active_shards.as_deref() {
            None => true,
            Some("all") => shards.unassigned() == 0,
            Some(number) => number.parse().is_ok_and(|wanted: u64| shards.active >= wanted),
        };
        status_met && active_met && self.nodes.as_deref().is_none_or(has_nodes)
    }
}

/// Whether one node is what `>=2`, `ge(2)`, `<5` or `1` asks for.
fn has_nodes(wished: &str) -> bool {
    let wished = wished.trim();
    let forms = [(">=", "ge("), ("<=", "le("), (">", "gt("), ("<", "lt(")];
    for (sign, word) in forms {
        let number = wished.strip_prefix(sign);
        let number = number.or_else(|| wished.strip_prefix(word)?.strip_suffix(')'));
        let Some(number) = number.and_then(|text| text.trim().parse::<u64>().ok()) else {
            continue;
        };
        return match sign {
            ">=" => 1 >= number,
            "<=" => 1 <= number,
            ">" => 1 > number,
            _ => 1 < number,
        };
    }
    wished.parse() == Ok(1)
}

/// Health. One node's state does not change by waiting, so a wait that is not met ends at once.
pub(super) fn health(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let level = match call.parameters.take("level").as_deref() {
        Some("shards") => Level::Shards,
        Some("indices") => Level::Indices,
        Some(_) | None => Level::Cluster,
    };
    let wish = Wish::take(call)?;
    call.parameters.take_flag("return_200_for_cluster_health_timeout")?;
    let (indices, missing) = match take_indices(node, call, Expansion::ALL) {
        Ok(indices) => (indices, false),
        Err(Error::Node(error)) if matches!(error.error, node::Error::IndexNotFound { .. }) => {
            (Vec::new(), true)
        }
        Err(error) => return Err(error),
    };
    let shards = all_shards(&indices);
    let catalog = node.catalog_damage();
    let status = if missing || catalog.is_some() { "red" } else { shards.status() };
    let timed_out = missing || !wish.is_met(status, shards);
    let body = json::object(|o| {
        o.string("cluster_name", node.cluster_name());
        o.string("status", status);
        if let Some(damage) = &catalog {
            o.string("reason", &format!("the catalogue of indices: {}", damage_text(damage)));
        }
        o.boolean("timed_out", timed_out);
        write_counts(o, shards);
        if level >= Level::Indices {
            o.object("indices", |o| {
                for index in &indices {
                    o.object(index.name(), |o| write_index_health(o, index, level));
                }
            });
        }
    });
    let code = if timed_out { StatusCode::REQUEST_TIMEOUT } else { StatusCode::OK };
    Ok(Answer::json(code, body))
}

/// The shards of some indices together.
pub(crate) fn all_shards(indices: &[Arc<Index>]) -> Shards {
    indices.iter().fold(Shards::default(), |sum, index| sum.and(Shards::of_index(index)))
}

fn write_counts(o: &mut Object<'_>, shards: Shards) {
    o.number("number_of_nodes", 1);
    o.number("number_of_data_nodes", 1);
    o.number("active_primary_shards", shards.active);
    o.number("active_shards", shards.active);
    o.number("relocating_shards", 0);
    o.number("initializing_shards", 0);
    o.number("unassigned_shards", shards.unassigned());
    o.number("delayed_unassigned_shards", 0);
    o.number("number_of_pending_tasks", 0);
    o.number("number_of_in_flight_fetch", 0);
    o.number("task_max_waiting_in_queue_millis", 0);
    o.float("active_shards_percent_as_number", shards.active_percent());
}

fn write_index_health(o: &mut Object<'_>, index: &Index, level: Level) {
    let shards = Shards::of_index(index);
    o.string("status", shards.status());
    o.number("number_of_shards", shards.primaries);
    o.number("number_of_replicas", copies(index) - 1);
    o.number("active_primary_shards", shards.active);
    o.number("active_shards", shards.active);
    o.number("relocating_shards", 0);
    o.number("initializing_shards", 0);
    o.number("unassigned_shards", shards.unassigned());
    if level == Level::Shards {
        o.object("shards", |o| {
            for (number, shard) in index.shards().iter().enumerate() {
                o.object(&number.to_string(), |o| write_shard_health(o, index, shard));
            }
        });
    }
}

fn write_shard_health(o: &mut Object<'_>, index: &Index, shard: &Shard) {
    let counts = Shards::of_shard(index, shard);
    o.string("status", counts.status());
    o.boolean("primary_active", counts.active == 1);
    o.number("active_shards", counts.active);
    o.number("relocating_shards", 0);
    o.number("initializing_shards", 0);
    o.number("unassigned_shards", counts.unassigned());
    if let Some(damage) = shard.damage() {
        o.string("reason", &damage_text(damage));
    }
}

#[cfg(test)]
mod tests {
    use super::has_nodes;

    #[test]
    fn one_node_is_what_some_wait_for() {
        for (wished, met) in [
            ("1", true),
            ("2", false),
            (">=1", true),
            ("ge(2)", false),
            ("<2", true),
            ("lt(1)", false),
            ("x", false),
        ] {
            assert_eq!(has_nodes(wished), met, "{wished}");
        }
    }
}
