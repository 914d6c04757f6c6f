//! Statistics of indices: what is counted here in full, the rest as zeros.

use std::sync::Arc;

use node::{Counters, Expansion, Index, Node, Sizes, matches_glob};
use serde_json::{Map, Value, json};
use shard::Shard;

use super::count_shards;
use super::expression::take_indices;
use crate::rest::api::Call;
use crate::rest::document_view::{TYPELESS, type_name};
use crate::rest::error::Error;
use crate::rest::json::set;
use crate::rest::response::Answer;

/// The parts of statistics: what a request calls them, and what the answer does.
const METRICS: [(&str, &str); 16] = [
    ("docs", "docs"),
    ("store", "store"),
    ("indexing", "indexing"),
    ("get", "get"),
    ("search", "search"),
    ("merge", "merges"),
    ("refresh", "refresh"),
    ("flush", "flush"),
    ("warmer", "warmer"),
    ("query_cache", "query_cache"),
    ("fielddata", "fielddata"),
    ("completion", "completion"),
    ("segments", "segments"),
    ("translog", "translog"),
    ("request_cache", "request_cache"),
    ("recovery", "recovery"),
];

/// Metrics of later versions that nothing is shown of.
const EMPTY_METRICS: [&str; 5] =
    ["bulk", "shard_stats", "mappings", "dense_vector", "sparse_vector"];

/// What of the statistics is asked for.
struct Wanted {
    metrics: Vec<&'static str>,
    /// The types whose indexing is shown apart.
    types: Vec<String>,
    file_sizes: bool,
    unloaded: bool,
    /// The groups of searches that are shown apart.
    groups: Vec<String>,
    fields: ShownFields,
}

/// The fields whose sizes are shown apart: of texts that were sorted by, and of completions. None of a kind, if
/// nothing is shown apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShownFields {
    sorted: Option<Vec<String>>,
    completions: Option<Vec<String>>,
}

impl ShownFields {
    /// Takes the parameters that name them.
    pub(crate) fn take(call: &mut Call<'_>) -> Self {
        let all = call.parameters.take_list("fields");
        let mut of = |name: &'static str| call.parameters.take_list(name).or_else(|| all.clone());
        Self { sorted: of("fielddata_fields"), completions: of("completion_fields") }
    }
}

/// Show statistics.
pub(super) async fn stats(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let level = call.parameters.take("level").unwrap_or_else(|| "indices".to_owned());
    if !["cluster", "indices", "shards"].contains(&level.as_str()) {
        let text = format!(
            "level parameter must be one of [cluster] or [indices] or [shards] but was [{level}]"
        );
        return Err(Error::illegal_argument(text));
    }
    let wanted = take_wanted(call)?;
    let refuses_closed = call.parameters.take_flag("forbid_closed_indices")?.unwrap_or(true);
    let indices = take_indices(node, call, Expansion { refuses_closed, ..Expansion::OPEN })?;
    if wanted.metrics.contains(&"completion") {
        for index in &indices {
            index.measure_completions().await;
        }
    }
    let (shards, copies) = count_shards(&indices);
    let total = sum(indices.iter().map(|index| index_stats(index, &wanted)));
    let mut body = json!({
        "_shards": {"total": copies, "successful": shards, "failed": 0},
        "_all": {"primaries": total, "total": total},
    });
    if level != "cluster" {
        let each = indices.iter().map(|index| {
            let shown = shown_index(index, &wanted, node, level == "shards");
            (index.name().to_owned(), shown)
        });
        set(&mut body, "indices", Value::Object(each.collect()));
    }
    Ok(Answer::value(&body))
}

fn take_wanted(call: &mut Call<'_>) -> Result<Wanted, Error> {
    call.parameters.declare(&["metric"]);
    let types = call.parameters.take_list("types").unwrap_or_default();
    let groups = call.parameters.take_list("groups").unwrap_or_default();
    let file_sizes = call.parameters.take_flag("include_segment_file_sizes")?.unwrap_or(false);
    let unloaded = call.parameters.take_flag("include_unloaded_segments")?.unwrap_or(false);
    let fields = ShownFields::take(call);
    let names = call.found.name.unwrap_or("_all").split(',').filter(|name| !name.is_empty());
    let mut metrics = Vec::new();
    for name in names {
        if name == "_all" {
            metrics.extend(METRICS.map(|(_, shown)| shown));
            continue;
        }
        match METRICS.into_iter().find(|(asked, shown)| *asked == name || *shown == name) {
            Some((_, shown)) => metrics.push(shown),
            None if EMPTY_METRICS.contains(&name) || name == "suggest" => {}
            None => {
                let mut near: Vec<_> = METRICS
                    .into_iter()
                    .map(|(asked, _)| (strsim::normalized_levenshtein(asked, name), asked))
                    .filter(|(score, _)| *score > 0.5 && name.len() < 64)
                    .collect();
                near.sort_by(|a, b| b.0.total_cmp(&a.0));
                let hint = near
                    .first()
                    .map_or_else(String::new, |(_, near)| format!(" -> did you mean [{near}]?"));
                return Err(Error::illegal_argument(format!(
                    "request [{}] contains unrecognized metric: [{name}]{hint}",
                    call.request.raw_path()
                )));
            }
        }
    }
    Ok(Wanted { metrics, types, file_sizes, unloaded, groups, fields })
}

fn shown_index(index: &Arc<Index>, wanted: &Wanted, node: &Node, by_shard: bool) -> Value {
    let own = index_stats(index, wanted);
    let mut shown = json!({"uuid": &*index.identity().uuid, "primaries": own, "total": own});
    if by_shard {
        let shards = (0..).zip(index.shards().iter());
        let shards = shards.map(|(number, shard)| {
            let shown = shown_shard(index, (number, shard), wanted, node);
            (number.to_string(), Value::Array(vec![shown]))
        });
        set(&mut shown, "shards", Value::Object(shards.collect()));
    }
    shown
}

fn shown_shard(
    index: &Index,
    (number, shard): (u32, &Shard),
    wanted: &Wanted,
    node: &Node,
) -> Value {
    let mut shown = json!({"routing": {
        "state": "STARTED", "primary": true, "node": node.id(), "relocating_node": null,
    }});
    let one = one_shard(index, (number, shard), wanted, index.shards().len() == 1);
    if let (Value::Object(shown), Value::Object(one)) = (&mut shown, one) {
        shown.extend(one);
    }
    let max_seq_no = shard.max_seq_no();
    let max = max_seq_no.map_or(-1, |max| i64::try_from(max.get()).unwrap_or(i64::MAX));
    let counters = index.counters();
    let is_synced = counters.synced_flushes.get() > 0 && counters.unflushed.get() == 0;
    // One copy is the same as itself.
    let user_data = if is_synced { json!({"sync_id": &*index.identity().uuid}) } else { json!({}) };
    set(
        &mut shown,
        "commit",
        json!({
            "id": &*index.identity().uuid, "generation": 1, "user_data": user_data,
            "num_docs": shard.table().live(),
        }),
    );
    set(
        &mut shown,
        "seq_no",
        json!({
            "max_seq_no": max, "local_checkpoint": max, "global_checkpoint": max,
        }),
    );
    set(
        &mut shown,
        "retention_leases",
        json!({"primary_term": shard.term().get(), "version": 0, "leases": []}),
    );
    set(
        &mut shown,
        "shard_path",
        json!({
            "state_path": "", "data_path": "", "is_custom_data_path": false,
        }),
    );
    shown
}

/// The statistics of an index: its shards' together. What is counted by index is not told by shard,
/// unless there is one shard.
fn index_stats(index: &Index, wanted: &Wanted) -> Value {
    let shards = (0..).zip(index.shards().iter());
    let mut shards = sum(shards.map(|(n, shard)| one_shard(index, (n, shard), wanted, false)));
    if let Value::Object(all) = &mut shards {
        let counted = counted(index, wanted);
        for (name, value) in counted {
            if wanted.metrics.contains(&name) {
                all.insert(name.to_owned(), value);
            }
        }
    }
    shards
}

/// How many segments a shard would show: one that holds its documents, if it has any.
pub(crate) fn segments_of(shard: &Shard) -> u64 {
    u64::from(shard.table().live() > 0)
}

fn one_shard(
    index: &Index,
    (number, shard): (u32, &Shard),
    wanted: &Wanted,
    is_only: bool,
) -> Value {
    let table = shard.table();
    let counts_segments = !index.metadata().closed || wanted.unloaded;
    let segments = if counts_segments { segments_of(shard) } else { 0 };
    let mut all = fixed(segments, wanted);
    all.push(("docs", json!({"count": table.live(), "deleted": table.tombstones()})));
    all.push(("store", store(table.live_bytes())));
    let fields = &index.counters().fields;
    all.extend(sizes(&fields.sorted(number), &fields.completions(number), &wanted.fields));
    if is_only {
        all.extend(counted(index, wanted));
    }
    let shown = METRICS.into_iter().filter_map(|(_, name)| {
        // What was counted stands behind the zeros that it replaces.
        let found = all.iter().rev().find(|(shown, _)| *shown == name)?;
        wanted.metrics.contains(&name).then(|| (name.to_owned(), found.1.clone()))
    });
    Value::Object(shown.collect())
}

/// What is counted of an index since the node started.
fn counted(index: &Index, wanted: &Wanted) -> Vec<(&'static str, Value)> {
    let bytes = index.shards().iter().map(|shard| shard.table().live_bytes()).sum();
    let mut counted = counts(index.counters(), bytes);
    counted.push(("search", searches(index.counters(), wanted)));
    let own = type_name(index);
    let is_typed = own != TYPELESS || index.metadata().type_name.is_some();
    let is_wanted = wanted.types.iter().any(|asked| asked == "_all" || matches_glob(asked, own));
    if let Some((_, indexing)) = counted.first_mut().filter(|_| is_typed && is_wanted) {
        let types = json!({own: indexing});
        set(indexing, "types", types);
    }
    counted
}

/// Counters as they are shown, those of indexing first.
fn counts(counters: &Counters, bytes: u64) -> Vec<(&'static str, Value)> {
    let (found, missing) = (counters.found.get(), counters.missing.get());
    let operations = counters.indexed.get() + counters.deleted.get();
    let unflushed = counters.unflushed.get();
    let gets = json!({
        "total": found + missing, "time_in_millis": 0,
        "exists_total": found, "exists_time_in_millis": 0,
        "missing_total": missing, "missing_time_in_millis": 0, "current": 0,
    });
    let refreshes = json!({
        "total": counters.refreshes.get(), "total_time_in_millis": 0,
        "external_total": counters.refreshes.get(), "external_total_time_in_millis": 0,
        "listeners": 0,
    });
    let translog = json!({
        "operations": operations, "size_in_bytes": bytes, "uncommitted_operations": unflushed,
        "uncommitted_size_in_bytes": if unflushed == 0 { 0 } else { bytes },
        "earliest_last_modified_age": 0,
    });
    let flushes =
        json!({"total": counters.flushes.get(), "periodic": 0, "total_time_in_millis": 0});
    vec![
        ("indexing", indexing(counters)),
        ("get", gets),
        ("merges", merges(counters.merges.get())),
        ("refresh", refreshes),
        ("flush", flushes),
        ("translog", translog),
    ]
}

fn indexing(counters: &Counters) -> Value {
    json!({
        "index_total": counters.indexed.get(), "index_time_in_millis": 0, "index_current": 0,
        "index_failed": counters.failed.get(), "delete_total": counters.deleted.get(),
        "delete_time_in_millis": 0, "delete_current": 0,
        "noop_update_total": counters.noops.get(), "is_throttled": false,
        "throttle_time_in_millis": 0,
    })
}

fn merges(total: u64) -> Value {
    json!({
        "current": 0, "current_docs": 0, "current_size_in_bytes": 0, "total": total,
        "total_time_in_millis": 0, "total_docs": 0, "total_size_in_bytes": 0,
        "total_stopped_time_in_millis": 0, "total_throttled_time_in_millis": 0,
        "total_auto_throttle_in_bytes": 0,
    })
}

/// What is the same for every shard: nothing of it exists here.
fn fixed(segments: u64, wanted: &Wanted) -> Vec<(&'static str, Value)> {
    let cache = json!({
        "memory_size_in_bytes": 0, "total_count": 0, "hit_count": 0, "miss_count": 0,
        "cache_size": 0, "cache_count": 0, "evictions": 0,
    });
    let requests = json!({
        "memory_size_in_bytes": 0, "evictions": 0, "hit_count": 0, "miss_count": 0,
    });
    let recovery = json!({
        "current_as_source": 0, "current_as_target": 0, "throttle_time_in_millis": 0,
    });
    let mut all = vec![
        ("search", searches(&Counters::default(), wanted)),
        ("warmer", json!({"current": 0, "total": 0, "total_time_in_millis": 0})),
        ("query_cache", cache),
        ("segments", segment_stats(segments, wanted)),
        ("request_cache", requests),
        ("recovery", recovery),
    ];
    all.extend(sizes(&Sizes::new(), &Sizes::new(), &wanted.fields));
    all.extend(counts(&Counters::default(), 0));
    all
}

/// What fields take: the texts that were sorted by, and the completions.
fn sizes(sorted: &Sizes, completions: &Sizes, fields: &ShownFields) -> [(&'static str, Value); 2] {
    let shown = |mut shown: Value, sizes: &Sizes, unit: &str, patterns: Option<&[String]>| {
        set(&mut shown, unit, json!(sizes.values().sum::<u64>()));
        if let Some(patterns) = patterns {
            let is_asked = |path: &str| patterns.iter().any(|pattern| matches_glob(pattern, path));
            let each = sizes.iter().filter(|(path, _)| is_asked(path));
            let each = each.map(|(path, bytes)| (path.clone(), json!({unit: bytes})));
            set(&mut shown, "fields", Value::Object(each.collect()));
        }
        shown
    };
    let empty = json!({"memory_size_in_bytes": 0, "evictions": 0});
    let fielddata = shown(empty, sorted, "memory_size_in_bytes", fields.sorted.as_deref());
    let completion = shown(json!({}), completions, "size_in_bytes", fields.completions.as_deref());
    [("fielddata", fielddata), ("completion", completion)]
}

fn searches(counters: &Counters, wanted: &Wanted) -> Value {
    let counted = |queries: u64, fetches: u64| {
        json!({
            "query_total": queries, "query_time_in_millis": 0, "query_current": 0,
            "fetch_total": fetches,
            "fetch_time_in_millis": 0, "fetch_current": 0, "scroll_total": 0,
            "scroll_time_in_millis": 0, "scroll_current": 0, "suggest_total": 0,
            "suggest_time_in_millis": 0, "suggest_current": 0,
        })
    };
    let mut searches = counted(counters.searches.get(), counters.fetches.get());
    set(&mut searches, "open_contexts", json!(0));
    let is_wanted =
        |name: &str| wanted.groups.iter().any(|group| group == "_all" || matches_glob(group, name));
    let groups = counters.groups().into_iter().filter(|(name, ..)| is_wanted(name));
    let groups: Map<String, Value> =
        groups.map(|(name, queries, fetches)| (name, counted(queries, fetches))).collect();
    if !groups.is_empty() {
        set(&mut searches, "groups", Value::Object(groups));
    }
    searches
}

fn segment_stats(count: u64, wanted: &Wanted) -> Value {
    let file_sizes = if wanted.file_sizes {
        json!({"log": {"size_in_bytes": 0, "description": "Log segments"}})
    } else {
        json!({})
    };
    json!({
        "count": count, "memory_in_bytes": 0, "terms_memory_in_bytes": 0,
        "stored_fields_memory_in_bytes": 0, "term_vectors_memory_in_bytes": 0,
        "norms_memory_in_bytes": 0, "points_memory_in_bytes": 0, "doc_values_memory_in_bytes": 0,
        "index_writer_memory_in_bytes": 0, "version_map_memory_in_bytes": 0,
        "fixed_bit_set_memory_in_bytes": 0, "max_unsafe_auto_id_timestamp": -1,
        "file_sizes": file_sizes,
    })
}

/// Adds up trees of numbers; what is no number is the first's.
pub(crate) fn sum(trees: impl Iterator<Item = Value>) -> Value {
    trees
        .reduce(|mut sum, tree| {
            add(&mut sum, tree);
            sum
        })
        .unwrap_or_else(|| json!({}))
}

fn add(sum: &mut Value, tree: Value) {
    match (sum, tree) {
        (Value::Object(sum), Value::Object(tree)) => {
            for (name, value) in tree {
                match sum.get_mut(&name) {
                    Some(present) => add(present, value),
                    None => {
                        sum.insert(name, value);
                    }
                }
            }
        }
        (sum @ Value::Number(_), Value::Number(more)) => {
            let added = sum.as_i64().unwrap_or(0).saturating_add(more.as_i64().unwrap_or(0));
            // −1 stands for a moment that there is none of.
            if added != -2 {
                *sum = json!(added);
            }
        }
        (_, _) => {}
    }
}

/// The statistics of all indices together, as a node shows them.
pub(crate) fn node_stats(
    indices: &[Arc<Index>],
    names: &[String],
    file_sizes: bool,
    fields: &ShownFields,
) -> Value {
    let known = METRICS.into_iter().filter(|(asked, shown)| {
        names.is_empty()
            || names.iter().any(|name| name == asked || name == shown || name == "_all")
    });
    let wanted = Wanted {
        metrics: known.map(|(_, shown)| shown).collect(),
        types: Vec::new(),
        file_sizes,
        unloaded: false,
        groups: Vec::new(),
        fields: fields.clone(),
    };
    let none = fixed(0, &wanted);
    let stats = sum(indices.iter().map(|index| index_stats(index, &wanted)));
    if stats.as_object().is_some_and(|stats| !stats.is_empty()) {
        return stats;
    }
    let docs = [("docs", json!({"count": 0, "deleted": 0})), ("store", store(0))];
    let all = docs.into_iter().chain(none).filter(|(name, _)| wanted.metrics.contains(name));
    Value::Object(all.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// What the documents take. Nothing is promised to other nodes.
fn store(bytes: u64) -> Value {
    json!({
        "size_in_bytes": bytes, "total_data_set_size_in_bytes": bytes, "reserved_in_bytes": 0,
    })
}
