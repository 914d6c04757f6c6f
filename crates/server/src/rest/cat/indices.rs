//! Indices as a table, and their documents counted.

use node::{Expansion, FieldSizes, Index, Node, Scope, Sizes, Within, iso_8601, matches_glob};
use query::Search;

use super::{Bytes, clock, columns, finish};
use crate::rest::api::Call;
use crate::rest::cluster::health::Shards;
use crate::rest::error::Error;
use crate::rest::index::expression::{find_scopes, take_expansion};
use crate::rest::index::{primaries, take_indices, take_timeouts};
use crate::rest::response::Answer;
use crate::rest::search::{Asked, find};
use crate::rest::text_table::{Column, TextTable};

/// How many documents, of what the names in the path show.
pub(super) async fn count(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("epoch", &["t", "time"]),
        Column::words("timestamp", &["ts", "hms", "hhmmss"]),
        Column::words("count", &["dc", "docs.count", "docsCount"]),
    ];
    call.parameters.take("time");
    let mut table = TextTable::take(COLUMNS, call)?;
    take_timeouts(call)?;
    let expansion = take_expansion(call, Expansion::OPEN)?;
    call.finish_parameters()?;
    let names = call.found.index.unwrap_or_default();
    let scopes = find_scopes(node, call, names, expansion, None)?;
    let is_narrowed = |scope: &Scope| scope.filter.is_some() || scope.routing.is_some();
    let documents = if scopes.iter().any(is_narrowed) {
        let asked = Asked::of(Search::default(), call.dialect)?;
        find(node, call.dialect, &asked, Within::Now(&scopes), 0).await?.total
    } else {
        scopes.iter().map(|scope| scope.index.documents()).sum()
    };
    let (epoch, timestamp) = clock(node);
    table.row([epoch, timestamp, documents.to_string()]);
    Ok(table.answer(call))
}

/// Indices, by health if that is asked for.
pub(super) fn indices(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let bytes = Bytes::take(call)?;
    for accepted in ["pri", "include_unloaded_segments"] {
        call.parameters.take_flag(accepted)?;
    }
    let health = call.parameters.take("health");
    if let Some(other) = health.as_deref().filter(|h| !["green", "yellow", "red"].contains(h)) {
        let text = format!("unknown cluster health status [{other}]");
        return Err(Error::illegal_argument(text));
    }
    let mut table = TextTable::take(columns::INDICES, call)?;
    let indices = take_indices(node, call, Expansion::ALL)?;
    for index in indices {
        let status = Shards::of_index(&index).status();
        if health.as_deref().is_none_or(|wanted| wanted == status) {
            table.row(row(&index, status, bytes));
        }
    }
    Ok(table.answer(call))
}

fn row(index: &Index, status: &str, bytes: Bytes) -> Vec<String> {
    let metadata = index.metadata();
    let created = document::Timestamp::from_millis(metadata.created_millis);
    let shards = || index.shards().iter();
    // A closed index does not look at its documents.
    let open = |text: String| if metadata.closed { String::new() } else { text };
    let size = bytes.show(shards().map(|shard| shard.table().live_bytes()).sum());
    let deleted = shards().map(|shard| shard.table().tombstones()).sum::<u64>();
    let mut cells = vec![
        status.to_owned(),
        if metadata.closed { "close" } else { "open" }.to_owned(),
        index.name().to_owned(),
        metadata.uuid.clone(),
        primaries(index).to_string(),
        metadata.settings.number_of_replicas().to_string(),
        open(index.documents().to_string()),
        open(deleted.to_string()),
        metadata.created_millis.to_string(),
        iso_8601(created),
        open(size.clone()),
        open(size),
    ];
    let counters = index.counters();
    let sizes = |of: fn(&FieldSizes, u32) -> Sizes| {
        let shards = (0..).zip(index.shards().iter());
        bytes.show(shards.flat_map(|(n, _)| of(&counters.fields, n).into_values()).sum())
    };
    let reads = counters.found.get() + counters.missing.get();
    cells.extend(columns::INDICES.iter().skip(cells.len()).map(|column| match column.name() {
        "indexing.index_total" | "pri.indexing.index_total" => counters.indexed.get().to_string(),
        "indexing.index_failed" | "pri.indexing.index_failed" => counters.failed.get().to_string(),
        "indexing.delete_total" | "pri.indexing.delete_total" => counters.deleted.get().to_string(),
        "get.total" | "pri.get.total" => reads.to_string(),
        "get.exists_total" | "pri.get.exists_total" => counters.found.get().to_string(),
        "get.missing_total" | "pri.get.missing_total" => counters.missing.get().to_string(),
        "completion.size" | "pri.completion.size" => sizes(FieldSizes::completions),
        "fielddata.memory_size" | "pri.fielddata.memory_size" => sizes(FieldSizes::sorted),
        "search.throttled" => "false".to_owned(),
        other => columns::zero(other, bytes),
    }));
    cells
}

/// What searches held to sort by texts, by field.
pub(super) fn fielddata(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("id", &[]),
        Column::words("host", &["h"]),
        Column::words("ip", &[]),
        Column::words("node", &["n"]),
        Column::words("field", &["f"]),
        Column::numbers("size", &["s"]),
    ];
    let bytes = Bytes::take(call)?;
    let asked = call.parameters.take_list("fields");
    let asked =
        asked.or_else(|| call.found.name.map(|list| list.split(',').map(str::to_owned).collect()));
    let mut table = TextTable::take(COLUMNS, call)?;
    finish(call)?;
    let mut sizes = Sizes::new();
    for index in node.indices() {
        let shards = (0..).zip(index.shards().iter());
        for (path, bytes) in shards.flat_map(|(n, _)| index.counters().fields.sorted(n)) {
            *sizes.entry(path).or_default() += bytes;
        }
    }
    let is_asked = |path: &str| {
        asked.as_ref().is_none_or(|all| all.iter().any(|pattern| matches_glob(pattern, path)))
    };
    for (path, size) in sizes.into_iter().filter(|(path, _)| is_asked(path)) {
        let [id, name] = [node.id(), node.name()].map(str::to_owned);
        let address = || "127.0.0.1".to_owned();
        table.row([id, address(), address(), name, path, bytes.show(size)]);
    }
    Ok(table.answer(call))
}
