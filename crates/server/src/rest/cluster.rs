//! The one node as a cluster: its root, its health, and its indices as text (spec
//! index-and-cluster-api §1–§3).

use std::sync::Arc;

use hyper::StatusCode;
use node::{Index, Node};
use shard::{Shard, log::Damage};

use super::api::Call;
use super::dialect::Dialect;
use super::error::Error;
use super::index::{copies, primaries, take_indices, take_timeouts};
use super::json::{self, Object};
use super::response::Answer;
use super::text_table::{Column, TextTable};

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

/// The shards of some indices, counted and judged as Elasticsearch does: red where a primary is
/// missing or damaged, yellow where a replica is missing, which is every one that is wished for.
#[derive(Clone, Copy, Debug, Default)]
struct Shards {
    primaries: u64,
    /// The primaries that take writes.
    active: u64,
    /// How many copies are wished for, the primaries included.
    wished_for: u64,
    /// The primaries of which something stored is damaged; they may be active all the same.
    damaged: u64,
}

impl Shards {
    fn of_index(index: &Index) -> Self {
        let shards = index.shards().iter();
        shards.fold(Self::default(), |sum, shard| sum.and(Self::of_shard(index, shard)))
    }

    fn of_shard(index: &Index, shard: &Shard) -> Self {
        let damaged = u64::from(shard.damage().is_some());
        let active = u64::from(takes_writes(shard));
        Self { primaries: 1, active, wished_for: copies(index), damaged }
    }

    fn and(self, other: Self) -> Self {
        Self {
            primaries: self.primaries + other.primaries,
            active: self.active + other.active,
            wished_for: self.wished_for + other.wished_for,
            damaged: self.damaged + other.damaged,
        }
    }

    fn status(self) -> &'static str {
        match (self.damaged, self.wished_for - self.primaries) {
            (0, 0) => "green",
            (0, _) => "yellow",
            (_, _) => "red",
        }
    }

    fn unassigned(self) -> u64 {
        self.wished_for - self.active
    }

    fn active_percent(self) -> f64 {
        let part = |count: u64| u32::try_from(count).map_or(f64::from(u32::MAX), f64::from);
        if self.wished_for == 0 { 100.0 } else { part(self.active) / part(self.wished_for) * 100.0 }
    }
}

/// Whether writes to a shard can be decided: not where operations may be lost.
fn takes_writes(shard: &Shard) -> bool {
    shard.damage().is_none_or(|damage| damage.lost_below.is_none())
}

/// What is wrong with a shard, in words.
fn damage_text(damage: &Damage) -> String {
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

/// Health. One node's state does not change by waiting, so a wait that is not met ends at once.
pub(crate) fn health(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let level = match call.parameters.take("level").as_deref() {
        Some("shards") => Level::Shards,
        Some("indices") => Level::Indices,
        Some(_) | None => Level::Cluster,
    };
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
    let shards = all_shards(&indices);
    let catalog = node.catalog_damage();
    let status = if missing || catalog.is_some() { "red" } else { shards.status() };
    let rank = |status: &str| ["red", "yellow", "green"].iter().position(|s| *s == status);
    let timed_out = missing || wished.is_some_and(|wished| rank(&wished) > rank(status));
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

fn all_shards(indices: &[Arc<Index>]) -> Shards {
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

/// What `_cat` offers.
pub(crate) fn cat(call: &mut Call<'_>) -> Result<Answer, Error> {
    call.finish_parameters()?;
    let paths =
        "/_cat/health\n/_cat/indices\n/_cat/indices/{index}\n/_cat/shards\n/_cat/shards/{index}\n";
    Ok(Answer::text(StatusCode::OK, format!("=^.^=\n{paths}")))
}

/// Health as text.
pub(crate) fn cat_health(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("epoch", &["t", "time"]),
        Column::words("timestamp", &["ts", "hms", "hhmmss"]),
        Column::words("cluster", &["cl"]),
        Column::words("status", &["st"]),
        Column::numbers("node.total", &["nt", "nodeTotal"]),
        Column::numbers("node.data", &["nd", "nodeData"]),
        Column::numbers("shards", &["sh", "shards.total", "shardsTotal"]),
        Column::numbers("pri", &["p", "shards.primary", "shardsPrimary"]),
        Column::numbers("relo", &["r", "shards.relocating", "shardsRelocating"]),
        Column::numbers("init", &["i", "shards.initializing", "shardsInitializing"]),
        Column::numbers("unassign", &["u", "shards.unassigned", "shardsUnassigned"]),
        Column::numbers("pending_tasks", &["pt", "pendingTasks"]),
        Column::numbers("max_task_wait_time", &["mtwt", "maxTaskWaitTime"]),
        Column::numbers("active_shards_percent", &["asp", "activeShardsPercent"]),
    ];
    call.parameters.take("time");
    let with_time = call.parameters.take_flag("ts")?.unwrap_or(true);
    let columns = if with_time { COLUMNS } else { COLUMNS.get(2..).unwrap_or_default() };
    let mut table = TextTable::take(columns, call)?;
    take_timeouts(call)?;
    call.finish_parameters()?;
    let shards = all_shards(&node.indices());
    let status = if node.catalog_damage().is_some() { "red" } else { shards.status() };
    let seconds = node.now().as_millis().div_euclid(1_000);
    let of_day = seconds.rem_euclid(24 * 60 * 60);
    let (hours, minutes) = (of_day / 3_600, of_day / 60 % 60);
    let time =
        [seconds.to_string(), format!("{hours:02}:{minutes:02}:{:02}", of_day % 60)].into_iter();
    let cells = [
        node.cluster_name().to_owned(),
        status.to_owned(),
        "1".to_owned(),
        "1".to_owned(),
        shards.active.to_string(),
        shards.active.to_string(),
        "0".to_owned(),
        "0".to_owned(),
        shards.unassigned().to_string(),
        "0".to_owned(),
        "-".to_owned(),
        format!("{:.1}%", shards.active_percent()),
    ];
    table.row(time.filter(|_| with_time).chain(cells));
    Ok(table.answer(call))
}

/// Shards as text: a row for each primary, and one for each replica, which one node cannot hold.
pub(crate) fn cat_shards(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("index", &["i", "idx"]),
        Column::words("shard", &["s", "sh"]),
        Column::words("prirep", &["p", "pr", "primaryOrReplica"]),
        Column::words("state", &["st"]),
        Column::numbers("docs", &["d", "dc"]),
        Column::numbers("store", &["sto"]),
        Column::words("ip", &[]),
        Column::words("node", &["n"]),
        Column::words("unassigned.reason", &["ur"]).on_request(),
        Column::words("unassigned.details", &["ud"]).on_request(),
        Column::words("damage", &[]).on_request(),
    ];
    for accepted in ["bytes", "time"] {
        call.parameters.take(accepted);
    }
    let mut table = TextTable::take(COLUMNS, call)?;
    for index in take_indices(node, call)? {
        for (number, shard) in index.shards().iter().enumerate() {
            table.row(primary_row(node, &index, number, shard));
            for _ in 1..copies(&index) {
                table.row(replica_row(&index, number));
            }
        }
    }
    Ok(table.answer(call))
}

fn primary_row(node: &Node, index: &Index, number: usize, shard: &Shard) -> [String; 11] {
    let damage = shard.damage().map(damage_text).unwrap_or_default();
    let (state, reason, details) = if takes_writes(shard) {
        ("STARTED", "", String::new())
    } else {
        ("UNASSIGNED", "ALLOCATION_FAILED", damage.clone())
    };
    [
        index.name().to_owned(),
        number.to_string(),
        "p".to_owned(),
        state.to_owned(),
        shard.table().live().to_string(),
        super::error::human_bytes(shard.table().live_bytes()),
        "127.0.0.1".to_owned(),
        node.name().to_owned(),
        reason.to_owned(),
        details,
        damage,
    ]
}

fn replica_row(index: &Index, number: usize) -> [String; 11] {
    let mut row: [String; 11] = Default::default();
    let known = [index.name(), &number.to_string(), "r", "UNASSIGNED"].map(str::to_owned);
    row.iter_mut().zip(known).for_each(|(cell, text)| *cell = text);
    if let Some(reason) = row.get_mut(8) {
        "INDEX_CREATED".clone_into(reason);
    }
    row
}

/// Indices as text.
pub(crate) fn cat_indices(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("health", &["h"]),
        Column::words("status", &["s"]),
        Column::words("index", &["i", "idx"]),
        Column::words("uuid", &["id"]),
        Column::numbers("pri", &["p"]),
        Column::numbers("rep", &["r"]),
        Column::numbers("docs.count", &["dc"]),
        Column::numbers("docs.deleted", &["dd"]),
        Column::numbers("store.size", &["ss"]),
        Column::numbers("pri.store.size", &[]),
    ];
    for accepted in ["bytes", "time", "pri", "health", "include_unloaded_segments"] {
        call.parameters.take(accepted);
    }
    let mut table = TextTable::take(COLUMNS, call)?;
    for index in take_indices(node, call)? {
        let size = index.shards().iter().map(|shard| shard.table().live_bytes()).sum::<u64>();
        let deleted = index.shards().iter().map(|shard| shard.table().tombstones()).sum::<u64>();
        table.row([
            Shards::of_index(&index).status().to_owned(),
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
