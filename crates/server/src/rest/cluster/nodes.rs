//! The nodes of the cluster: this one.

use hyper::StatusCode;
use node::Node;
use serde_json::{Map, Value, json};

use super::health::all_shards;
use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::index::stats::{ShownFields, node_stats};
use crate::rest::index::take_timeouts;
use crate::rest::response::Answer;

/// What node information has parts of.
const INFO_METRICS: [&str; 13] = [
    "_all",
    "_none",
    "aggregations",
    "http",
    "indices",
    "ingest",
    "jvm",
    "os",
    "plugins",
    "process",
    "settings",
    "thread_pool",
    "transport",
];

/// The role of a node that does everything.
pub(crate) const ROLES: [&str; 3] = ["data", "ingest", "master"];

/// Whether a list of nodes means this one: by id, name, address, role, or as the one that leads.
pub(crate) fn means_this(node: &Node, list: Option<&str>) -> bool {
    let Some(list) = list else { return true };
    let mut meant = false;
    for part in list.split(',') {
        let (excluded, part) = part.strip_prefix('!').map_or((false, part), |part| (true, part));
        let by_attribute = part.split_once(':').is_some_and(|(role, wanted)| match role {
            "data" | "ingest" | "master" => wanted == "true",
            "coordinating_only" | "ml" | "voting_only" => wanted == "false",
            "name" => node::matches_glob(wanted, node.name()),
            _ => false,
        });
        let is_this = by_attribute
            || ["_all", "_local", "_master", "127.0.0.1"].contains(&part)
            || node::matches_glob(part, node.name())
            || node::matches_glob(part, node.id());
        if is_this {
            meant = !excluded;
        }
    }
    meant
}

/// The answer for this node, if it is meant.
fn for_nodes(node: &Node, is_meant: bool, shown: Value) -> Answer {
    let nodes = if is_meant { json!({(node.id()): shown}) } else { json!({}) };
    let count = u8::from(is_meant);
    Answer::value(&json!({
        "_nodes": {"total": count, "successful": count, "failed": 0},
        "cluster_name": node.cluster_name(), "nodes": nodes,
    }))
}

fn identity(node: &Node) -> Map<String, Value> {
    let members = json!({
        "name": node.name(), "transport_address": "127.0.0.1:9300", "host": "127.0.0.1",
        "ip": "127.0.0.1",
    });
    match members {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

/// What the node is. Of two names the first is of nodes; a single one may be of either.
pub(super) fn info(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["node_id", "metric"]);
    call.parameters.take_flag("flat_settings")?;
    take_timeouts(call)?;
    call.finish_parameters()?;
    let are_metrics = |text: &str| text.split(',').all(|name| INFO_METRICS.contains(&name));
    let (nodes, metrics) = match (call.found.id, call.found.name) {
        (Some(nodes), metrics) => (Some(nodes), metrics),
        (None, Some(name)) if are_metrics(name) => (None, Some(name)),
        (None, nodes) => (nodes, None),
    };
    let shows = |metric: &str| {
        metrics.is_none_or(|list| list.split(',').any(|name| name == metric || name == "_all"))
    };
    let mut shown = identity(node);
    let mut add = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    add("version", json!(call.dialect.version_number()));
    add("build_flavor", json!("default"));
    add("build_type", json!("tar"));
    add("build_hash", json!("0000000000000000000000000000000000000000"));
    add("roles", json!(ROLES));
    add("attributes", json!(call.attributes));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let address = call.http_address();
    for (metric, value) in [
        (
            "settings",
            json!({
                "cluster": {"name": node.cluster_name()}, "node": {"name": node.name()},
                "client": {"type": "node"}, "http": {"type": {"default": "netty4"}},
            }),
        ),
        (
            "os",
            json!({
                "name": "Linux", "arch": std::env::consts::ARCH, "version": "",
                "available_processors": processors, "allocated_processors": processors,
            }),
        ),
        (
            "process",
            json!({
                "refresh_interval_in_millis": 1000, "id": std::process::id(), "mlockall": false,
            }),
        ),
        (
            "transport",
            json!({
                "bound_address": ["127.0.0.1:9300"], "publish_address": "127.0.0.1:9300", "profiles": {},
            }),
        ),
        (
            "http",
            json!({
                "bound_address": [address], "publish_address": address,
                "max_content_length_in_bytes": 104_857_600,
            }),
        ),
        ("plugins", json!([])),
        ("ingest", json!({"processors": []})),
    ] {
        if shows(metric) {
            add(metric, value);
        }
    }
    if shows("plugins") {
        add("modules", json!([]));
    }
    Ok(for_nodes(node, means_this(node, nodes), Value::Object(shown)))
}

/// What statistics of nodes have parts of.
const STATS_METRICS: [&str; 18] = [
    "_all",
    "_none",
    "adaptive_selection",
    "allocations",
    "breaker",
    "discovery",
    "fs",
    "http",
    "indexing_pressure",
    "indices",
    "ingest",
    "jvm",
    "os",
    "process",
    "repositories",
    "script",
    "thread_pool",
    "transport",
];

fn check_metrics(call: &Call<'_>, metrics: Option<&str>) -> Result<(), Error> {
    for name in metrics.into_iter().flat_map(|list| list.split(',')) {
        if STATS_METRICS.contains(&name) {
            continue;
        }
        let known = STATS_METRICS.into_iter().filter(|_| name.len() < 64);
        let scored = known.map(|known| (strsim::normalized_levenshtein(known, name), known));
        let best = scored.filter(|(score, _)| *score > 0.5).max_by(|a, b| a.0.total_cmp(&b.0));
        let hint =
            best.map_or_else(String::new, |(_, known)| format!(" -> did you mean [{known}]?"));
        return Err(Error::illegal_argument(format!(
            "request [{}] contains unrecognized metric: [{name}]{hint}",
            call.request.raw_path()
        )));
    }
    Ok(())
}

/// The statistics of all indices, and of each where that level is asked for.
fn shown_indices(
    node: &Node,
    names: &[String],
    level: Option<&str>,
    file_sizes: bool,
    fields: &ShownFields,
) -> Value {
    let indices = node.indices();
    let mut shown = node_stats(&indices, names, file_sizes, fields);
    if let (Some(level @ ("indices" | "shards")), Value::Object(all)) = (level, &mut shown) {
        let each = indices.iter().map(|index| {
            let own = node_stats(std::slice::from_ref(index), names, file_sizes, fields);
            (index.name().to_owned(), own)
        });
        all.insert(level.to_owned(), Value::Object(each.collect()));
    }
    shown
}

/// What the node does: what is counted of documents, the rest as zeros.
pub(super) fn stats(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["node_id", "metric", "index_metric"]);
    let level = call.parameters.take("level");
    let file_sizes = call.parameters.take_flag("include_segment_file_sizes")?.unwrap_or(false);
    let fields = ShownFields::take(call);
    for accepted in ["types", "groups", "include_unloaded_segments"] {
        call.parameters.take(accepted);
    }
    take_timeouts(call)?;
    call.finish_parameters()?;
    let metrics = call.found.name;
    let shows = |metric: &str| {
        metrics.is_none_or(|list| list.split(',').any(|name| name == metric || name == "_all"))
    };
    check_metrics(call, metrics)?;
    let of_indices = call.found.extra.into_iter().flat_map(|list| list.split(','));
    let of_indices: Vec<String> = of_indices.map(str::to_owned).collect();
    let mut shown = Map::from_iter([("timestamp".to_owned(), json!(node.now().as_millis()))]);
    shown.extend(identity(node));
    let mut add = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    add("roles", json!(ROLES));
    add("attributes", json!(call.attributes));
    if shows("indices") {
        add("indices", shown_indices(node, &of_indices, level.as_deref(), file_sizes, &fields));
    }
    for (metric, value) in of_machine(node, call).into_iter().chain(of_process(node)) {
        if shows(metric) {
            add(metric, value);
        }
    }
    Ok(for_nodes(node, means_this(node, call.found.id), Value::Object(shown)))
}

/// What is said of the machine.
fn of_machine(node: &Node, call: &Call<'_>) -> Vec<(&'static str, Value)> {
    let millis = node.now().as_millis();
    let (total, free) = call.disk.space().unwrap_or((0, 0));
    let os = json!({
        "timestamp": millis, "cpu": {"percent": 0, "load_average": {}},
        "mem": {
            "total_in_bytes": 0, "free_in_bytes": 0, "used_in_bytes": 0, "free_percent": 0,
            "used_percent": 0,
        },
        "swap": {"total_in_bytes": 0, "free_in_bytes": 0, "used_in_bytes": 0},
    });
    let fs = json!({
        "timestamp": millis,
        "total": {"total_in_bytes": total, "free_in_bytes": free, "available_in_bytes": free},
        "data": [{
            "path": call.disk.path(), "mount": "", "type": "disk", "total_in_bytes": total,
            "free_in_bytes": free, "available_in_bytes": free,
        }],
    });
    vec![("os", os), ("fs", fs)]
}

/// What is said of the process; there is no virtual machine in it, and most of what tools look for
/// is therefore zero.
fn of_process(node: &Node) -> Vec<(&'static str, Value)> {
    let millis = node.now().as_millis();
    let (used, limit) = (node.memory().used(), node.memory().limit());
    let process = json!({
        "timestamp": millis, "open_file_descriptors": 0, "max_file_descriptors": 0,
        "cpu": {"percent": 0, "total_in_millis": 0}, "mem": {"total_virtual_in_bytes": 0},
    });
    let jvm = json!({
        "timestamp": millis, "uptime_in_millis": 0,
        "mem": {
            "heap_used_in_bytes": used, "heap_used_percent": 0,
            "heap_committed_in_bytes": limit, "heap_max_in_bytes": limit,
            "non_heap_used_in_bytes": 0, "non_heap_committed_in_bytes": 0, "pools": {},
        },
        "threads": {"count": 0, "peak_count": 0}, "gc": {"collectors": {}},
        "buffer_pools": {"direct": {"count": 0, "used_in_bytes": 0, "total_capacity_in_bytes": 0}},
        "classes": {
            "current_loaded_count": 0, "total_loaded_count": 0, "total_unloaded_count": 0,
        },
    });
    let transport = json!({
        "server_open": 0, "rx_count": 0, "rx_size_in_bytes": 0, "tx_count": 0,
        "tx_size_in_bytes": 0,
    });
    let script = json!({"compilations": 0, "cache_evictions": 0, "compilation_limit_triggered": 0});
    let discovery = json!({
        "cluster_state_queue": {"total": 0, "pending": 0, "committed": 0},
        "published_cluster_states": {
            "full_states": 0, "incompatible_diffs": 0, "compatible_diffs": 0,
        },
    });
    let ingest = json!({
        "total": {"count": 0, "time_in_millis": 0, "current": 0, "failed": 0}, "pipelines": {},
    });
    vec![
        ("process", process),
        ("jvm", jvm),
        ("thread_pool", json!({})),
        ("transport", transport),
        ("http", json!({"current_open": 1, "total_opened": 1})),
        ("breakers", json!({})),
        ("script", script),
        ("discovery", discovery),
        ("ingest", ingest),
        ("adaptive_selection", json!({})),
    ]
}

/// What repositories cost: there are none.
pub(super) fn repositories_metering(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["node_id", "max_archive_version"]);
    call.finish_parameters()?;
    Ok(for_nodes(node, means_this(node, call.found.id), json!([])))
}

/// The statistics of the cluster.
pub(super) fn cluster_stats(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["node_id"]);
    call.parameters.take_flag("flat_settings")?;
    call.parameters.take_flag("include_remotes")?;
    take_timeouts(call)?;
    call.finish_parameters()?;
    let indices = node.indices();
    let shards = all_shards(&indices);
    let mut of_indices = json!({
        "count": indices.len(),
        "shards": {"total": shards.active, "primaries": shards.active, "replication": 0.0},
    });
    let names = ["docs", "store", "fielddata", "query_cache", "completion", "segments"];
    let stats = node_stats(&indices, &names.map(str::to_owned), false, &ShownFields::default());
    if let (Value::Object(all), Value::Object(stats)) = (&mut of_indices, stats) {
        all.extend(stats);
    }
    Ok(Answer::value(&json!({
        "_nodes": {"total": 1, "successful": 1, "failed": 0},
        "cluster_name": node.cluster_name(), "cluster_uuid": node.cluster_uuid(),
        "timestamp": node.now().as_millis(),
        "status": if node.catalog_damage().is_some() { "red" } else { shards.status() },
        "indices": of_indices,
        "nodes": {
            "count": {"total": 1, "data": 1, "coordinating_only": 0, "master": 1, "ingest": 1},
            "versions": [call.dialect.version_number()],
            "os": {"available_processors": 1, "names": [], "mem": {"total_in_bytes": 0}},
            "process": {"cpu": {"percent": 0}}, "jvm": {"max_uptime_in_millis": 0, "versions": []},
            "fs": {"total_in_bytes": 0, "free_in_bytes": 0, "available_in_bytes": 0},
            "plugins": [], "network_types": {},
        },
    })))
}

/// What keeps the node busy: its threads wait for work rather than hold it.
pub(super) fn hot_threads(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["node_id"]);
    for accepted in ["interval", "snapshots", "threads", "ignore_idle_threads", "type", "sort"] {
        call.parameters.take(accepted);
    }
    take_timeouts(call)?;
    call.finish_parameters()?;
    if !means_this(node, call.found.id) {
        return Ok(Answer::text(StatusCode::OK, ""));
    }
    let text = format!(
        "::: {{{}}}{{{}}}{{127.0.0.1}}{{127.0.0.1:9300}}\n   Hot threads at {}, interval=500ms, \
         busiestThreads=3, ignoreIdleThreads=true:\n   none: work runs as tasks, which no thread is \
         tied to\n\n",
        node.name(),
        node.id(),
        node::iso_8601(node.now())
    );
    Ok(Answer::text(StatusCode::OK, text))
}

/// How often endpoints are used: the metrics tell.
pub(super) fn usage(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["node_id", "metric"]);
    take_timeouts(call)?;
    call.finish_parameters()?;
    let millis = node.now().as_millis();
    let shown = json!({
        "timestamp": millis, "since": millis, "rest_actions": {}, "aggregations": {},
    });
    Ok(for_nodes(node, means_this(node, call.found.id), shown))
}

/// Read secrets again: there are none.
pub(super) fn reload_secure_settings(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["node_id"]);
    take_timeouts(call)?;
    call.finish_parameters()?;
    let shown = json!({"name": node.name()});
    Ok(for_nodes(node, means_this(node, call.found.id), shown))
}

/// Indices that are stored here and not known: the catalogue knows all that is stored.
pub(super) fn dangling(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.finish_parameters()?;
    Ok(Answer::value(&json!({
        "_nodes": {"total": 1, "successful": 1, "failed": 0},
        "cluster_name": node.cluster_name(), "dangling_indices": [],
    })))
}
