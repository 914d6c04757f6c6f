//! The node as tables.

use node::Node;

use super::{Bytes, clock, finish};
use crate::rest::api::Call;
use crate::rest::cluster::health::all_shards;
use crate::rest::cluster::means_this;
use crate::rest::error::Error;
use crate::rest::response::Answer;
use crate::rest::tasks::Tasks;
use crate::rest::text_table::{Column, TextTable};

/// Health.
pub(super) fn health(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
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
    finish(call)?;
    let shards = all_shards(&node.indices());
    let status = if node.catalog_damage().is_some() { "red" } else { shards.status() };
    let (epoch, timestamp) = clock(node);
    let time = [epoch, timestamp].into_iter().filter(|_| with_time);
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
    table.row(time.chain(cells));
    Ok(table.answer(call))
}

/// Shards and disk by node.
pub(super) fn allocation(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::numbers("shards", &["s"]),
        Column::numbers("disk.indices", &["di", "diskIndices"]),
        Column::numbers("disk.used", &["du", "diskUsed"]),
        Column::numbers("disk.avail", &["da", "diskAvail"]),
        Column::numbers("disk.total", &["dt", "diskTotal"]),
        Column::numbers("disk.percent", &["dp", "diskPercent"]),
        Column::words("host", &["h"]),
        Column::words("ip", &[]),
        Column::words("node", &["n"]),
    ];
    let bytes = Bytes::take(call)?;
    let mut table = TextTable::take(COLUMNS, call)?;
    finish(call)?;
    if !means_this(node, call.found.name) {
        return Ok(table.answer(call));
    }
    let indices = node.indices();
    let shards = all_shards(&indices);
    let stored = indices.iter().flat_map(|index| index.shards().iter());
    let stored: u64 = stored.map(|shard| shard.table().live_bytes()).sum();
    let disk = call.disk.space();
    let shown = |bytes_of: fn(&(u64, u64)) -> u64| {
        disk.as_ref().map_or_else(String::new, |space| bytes.show(bytes_of(space)))
    };
    let percent = disk.map(|(total, free)| {
        total.saturating_sub(free).saturating_mul(100).checked_div(total).unwrap_or(0)
    });
    table.row([
        shards.active.to_string(),
        bytes.show(stored),
        shown(|(total, free)| total.saturating_sub(*free)),
        shown(|(_, free)| *free),
        shown(|(total, _)| *total),
        percent.map_or_else(String::new, |percent| percent.to_string()),
        "127.0.0.1".to_owned(),
        "127.0.0.1".to_owned(),
        node.name().to_owned(),
    ]);
    if shards.unassigned() > 0 {
        let mut row = vec![String::new(); COLUMNS.len()];
        if let [first, .., last] = row.as_mut_slice() {
            *first = shards.unassigned().to_string();
            "UNASSIGNED".clone_into(last);
        }
        table.row(row);
    }
    Ok(table.answer(call))
}

/// What is said of the node.
pub(super) fn attributes(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("node", &["name"]),
        Column::words("id", &["id", "nodeId"]).on_request(),
        Column::words("pid", &["p"]).on_request(),
        Column::words("host", &["h"]),
        Column::words("ip", &["i"]),
        Column::words("port", &["po"]).on_request(),
        Column::words("attr", &["attr.name"]),
        Column::words("value", &["attr.value"]),
    ];
    let mut table = TextTable::take(COLUMNS, call)?;
    finish(call)?;
    let process = std::process::id().to_string();
    for (name, value) in call.attributes {
        let (host, port) = ("127.0.0.1", "9300");
        let row = [node.name(), node.id(), &process, host, host, port, name, value];
        table.row(row.map(str::to_owned));
    }
    Ok(table.answer(call))
}

/// The node that leads: this one.
pub(super) fn master(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("id", &[]),
        Column::words("host", &["h"]),
        Column::words("ip", &[]),
        Column::words("node", &["n"]),
    ];
    let mut table = TextTable::take(COLUMNS, call)?;
    finish(call)?;
    table.row([node.id(), "127.0.0.1", "127.0.0.1", node.name()].map(str::to_owned));
    Ok(table.answer(call))
}

/// Nodes.
pub(super) fn nodes(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("id", &["nodeId"]).on_request(),
        Column::words("pid", &["p"]).on_request(),
        Column::words("ip", &["i"]),
        Column::words("port", &["po"]).on_request(),
        Column::words("http_address", &["http"]).on_request(),
        Column::words("version", &["v"]).on_request(),
        Column::numbers("heap.current", &["hc"]).on_request(),
        Column::numbers("heap.percent", &["hp"]),
        Column::numbers("heap.max", &["hm"]).on_request(),
        Column::numbers("ram.percent", &["rp"]),
        Column::numbers("cpu", &[]),
        Column::numbers("load_1m", &["l"]),
        Column::numbers("load_5m", &["l5"]),
        Column::numbers("load_15m", &["l15"]),
        Column::words("node.role", &["r", "role"]),
        Column::words("master", &["m"]),
        Column::words("name", &["n"]),
        Column::numbers("disk.total", &["dt", "diskTotal"]).on_request(),
        Column::numbers("disk.used", &["du", "diskUsed"]).on_request(),
        Column::numbers("disk.avail", &["d", "da", "disk", "diskAvail"]).on_request(),
        Column::numbers("disk.used_percent", &["dup", "diskUsedPercent"]).on_request(),
        Column::numbers("file_desc.current", &["fdc", "fileDescriptorCurrent"]).on_request(),
        Column::numbers("file_desc.percent", &["fdp", "fileDescriptorPercent"]).on_request(),
        Column::numbers("file_desc.max", &["fdm", "fileDescriptorMax"]).on_request(),
    ];
    let bytes = Bytes::take(call)?;
    let full_id = call.parameters.take_flag("full_id")?.unwrap_or(false);
    call.parameters.take_flag("include_unloaded_segments")?;
    let mut table = TextTable::take(COLUMNS, call)?;
    finish(call)?;
    let id = if full_id { node.id() } else { node.id().get(..4).unwrap_or(node.id()) };
    let (used, limit) = (node.memory().used(), node.memory().limit());
    let percent = used.saturating_mul(100).checked_div(limit).unwrap_or(0).to_string();
    let space = call.disk.space();
    let cells = [
        id.to_owned(),
        std::process::id().to_string(),
        "127.0.0.1".to_owned(),
        "9300".to_owned(),
        call.http_address(),
        call.dialect.version_number().to_owned(),
        bytes.show(used),
        percent.clone(),
        bytes.show(limit),
        percent,
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        "dim".to_owned(),
        "*".to_owned(),
        node.name().to_owned(),
        space.map_or_else(String::new, |(total, _)| bytes.show(total)),
        space.map_or_else(String::new, |(total, free)| bytes.show(total.saturating_sub(free))),
        space.map_or_else(String::new, |(_, free)| bytes.show(free)),
        space.map_or_else(String::new, used_percent),
        "-1".to_owned(),
        "0".to_owned(),
        "-1".to_owned(),
    ];
    table.row(cells);
    Ok(table.answer(call))
}

/// How much of a disk is used, in hundredths of a percent.
fn used_percent((total, free): (u64, u64)) -> String {
    let used = total.saturating_sub(free).saturating_mul(10_000);
    let percent = used.checked_div(total).unwrap_or(0);
    format!("{}.{:02}", percent / 100, percent % 100)
}

/// What runs: this very request.
pub(super) fn tasks(node: &Node, call: &mut Call<'_>, running: &Tasks) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("id", &[]).on_request(),
        Column::words("action", &["ac"]),
        Column::words("task_id", &["ti"]),
        Column::words("parent_task_id", &["pti"]),
        Column::words("type", &["ty"]),
        Column::words("start_time", &["start"]),
        Column::words("timestamp", &["ts", "hms", "hhmmss"]),
        Column::words("running_time", &["time"]),
        Column::words("ip", &["i"]),
        Column::words("node", &["n"]),
    ];
    let accepted = [
        "time",
        "nodes",
        "node_id",
        "detailed",
        "parent_task_id",
        "parent_task",
        "wait_for_completion",
    ];
    for name in accepted {
        call.parameters.take(name);
    }
    let actions = call.parameters.take_list("actions");
    let mut table = TextTable::take(COLUMNS, call)?;
    finish(call)?;
    let (_, timestamp) = clock(node);
    let now = node.now().as_millis();
    let is_asked = |action: &str| {
        let globs = actions.as_ref();
        globs.is_none_or(|globs| globs.iter().any(|glob| node::matches_glob(glob, action)))
    };
    let mut row = |number: u64, action: &str, started: i64| {
        if is_asked(action) {
            table.row([
                number.to_string(),
                action.to_owned(),
                format!("{}:{number}", node.id()),
                "-".to_owned(),
                "transport".to_owned(),
                started.to_string(),
                timestamp.clone(),
                format!("{}ms", now.saturating_sub(started)),
                "127.0.0.1".to_owned(),
                node.name().to_owned(),
            ]);
        }
    };
    row(1, "cluster:monitor/tasks/lists", now);
    for task in running.running() {
        row(task.number, task.action, task.started.as_millis());
    }
    Ok(table.answer(call))
}

/// The thread pools that tools look for, and their types.
const POOLS: [(&str, &str); 13] = [
    ("analyze", "fixed"),
    ("fetch_shard_started", "scaling"),
    ("fetch_shard_store", "scaling"),
    ("flush", "scaling"),
    ("force_merge", "fixed"),
    ("generic", "scaling"),
    ("get", "fixed"),
    ("management", "scaling"),
    ("refresh", "scaling"),
    ("search", "fixed_auto_queue_size"),
    ("snapshot", "scaling"),
    ("warmer", "scaling"),
    ("write", "fixed"),
];

/// Thread pools. Work runs as tasks here; the names are those that tools look for.
pub(super) fn thread_pool(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("node_name", &["nn"]),
        Column::words("node_id", &["id"]).on_request(),
        Column::words("ephemeral_node_id", &["eid"]).on_request(),
        Column::words("pid", &["p"]).on_request(),
        Column::words("host", &["h"]).on_request(),
        Column::words("ip", &["i"]).on_request(),
        Column::words("port", &["po"]).on_request(),
        Column::words("name", &["n"]),
        Column::words("type", &["t"]).on_request(),
        Column::numbers("active", &["a"]),
        Column::numbers("pool_size", &["psz"]).on_request(),
        Column::numbers("queue", &["q"]),
        Column::numbers("queue_size", &["qs"]).on_request(),
        Column::numbers("rejected", &["r"]),
        Column::numbers("largest", &["l"]).on_request(),
        Column::numbers("completed", &["c"]).on_request(),
        Column::numbers("core", &["cr"]).on_request(),
        Column::numbers("max", &["mx"]).on_request(),
        Column::numbers("size", &["sz"]).on_request(),
        Column::words("keep_alive", &["ka"]).on_request(),
    ];
    for accepted in ["size", "time"] {
        call.parameters.take(accepted);
    }
    let mut table = TextTable::take(COLUMNS, call)?;
    finish(call)?;
    let pattern = call.found.name.unwrap_or("*");
    let means = |pool: &str| pattern.split(',').any(|part| node::matches_glob(part, pool));
    for (pool, kind) in POOLS.into_iter().filter(|(pool, _)| means(pool)) {
        let process = std::process::id().to_string();
        table.row(
            [
                node.name(),
                node.id(),
                node.id(),
                &process,
                "127.0.0.1",
                "127.0.0.1",
                "9300",
                pool,
                kind,
                "0",
                "0",
                "0",
                "1024",
                "0",
                "0",
                "0",
                "",
                "",
                "1",
                "",
            ]
            .map(str::to_owned),
        );
    }
    Ok(table.answer(call))
}
