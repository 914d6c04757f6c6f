//! Indices: create, show, delete, mappings (spec index-and-cluster-api §4); further endpoints
//! are in the children.

pub(crate) mod aliases;
pub(crate) mod expression;
mod maintenance;
mod resize;
mod rollover;
mod segments;
pub(crate) mod settings;
pub(crate) mod stats;

use std::sync::Arc;

use hyper::StatusCode;
use node::{Aliases, Expansion, Index, NewIndex, Node, Settings, is_wild};
use serde_json::{Map, Value, json};

use super::api::Call;
use super::document_view::TYPELESS;
use super::error::Error;
use super::json::{self, Object};
use super::mapping;
use super::response::Answer;
use aliases::{read_aliases, shown_aliases};
pub(crate) use expression::{take_indices, take_timeouts};
use settings::{shown_settings, take_settings_view};

/// The endpoints of indices and their aliases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Indices {
    /// Create an index.
    Create,
    /// Show indices, or whether they exist.
    Get,
    /// Delete indices.
    Delete,
    /// Open closed indices.
    Open,
    /// Close indices.
    Close,
    /// Show settings.
    GetSettings,
    /// Change settings.
    PutSettings,
    /// Set a block.
    AddBlock,
    /// Lift a block.
    RemoveBlock,
    /// Show mappings.
    GetMapping,
    /// Change mappings.
    PutMapping,
    /// Show the mappings of single fields.
    GetFieldMapping,
    /// Make writes visible to searches.
    Refresh,
    /// Make writes durable elsewhere than in a log.
    Flush,
    /// The same, with a mark that copies can compare.
    SyncedFlush,
    /// Merge segments.
    ForceMerge,
    /// Write segments anew in a newer format.
    Upgrade,
    /// Empty caches.
    ClearCache,
    /// Read the files of analyzers again.
    ReloadAnalyzers,
    /// Statistics.
    Stats,
    /// Segments.
    Segments,
    /// How shards came to be.
    Recovery,
    /// Where shards are stored.
    ShardStores,
    /// What an expression names.
    Resolve,
    /// The same, by cluster.
    ResolveCluster,
    /// Lead an alias to a new index.
    Rollover,
    /// Make an index of another number of shards.
    Resize,
    /// Change aliases, many at once.
    ChangeAliases,
    /// Show aliases, or whether they exist.
    GetAliases,
    /// Add an alias.
    PutAlias,
    /// Remove aliases.
    DeleteAlias,
}

/// Answers.
pub(crate) async fn answer(
    endpoint: Indices,
    node: &Node,
    call: &mut Call<'_>,
) -> Result<Answer, Error> {
    match endpoint {
        Indices::Create => create(node, call).await,
        Indices::Get => get(node, call),
        Indices::Delete => delete(node, call).await,
        Indices::Open => maintenance::open(node, call).await,
        Indices::Close => maintenance::close(node, call).await,
        Indices::GetSettings => settings::get(node, call),
        Indices::PutSettings => settings::put(node, call).await,
        Indices::AddBlock => settings::block(node, call, true).await,
        Indices::RemoveBlock => settings::block(node, call, false).await,
        Indices::GetMapping => mapping::get(node, call),
        Indices::PutMapping => mapping::put(node, call).await,
        Indices::GetFieldMapping => mapping::get_fields(node, call),
        Indices::Refresh => maintenance::refresh(node, call),
        Indices::Flush => maintenance::flush(node, call),
        Indices::SyncedFlush => maintenance::synced_flush(node, call),
        Indices::ForceMerge => maintenance::force_merge(node, call),
        Indices::Upgrade => maintenance::upgrade(node, call),
        Indices::ClearCache => maintenance::clear_cache(node, call),
        Indices::ReloadAnalyzers => maintenance::reload_analyzers(node, call),
        Indices::Stats => stats::stats(node, call).await,
        Indices::Segments => segments::segments(node, call),
        Indices::Recovery => segments::recovery(node, call),
        Indices::ShardStores => segments::shard_stores(node, call),
        Indices::Resolve => expression::resolve_index(node, call),
        Indices::ResolveCluster => expression::resolve_cluster(node, call),
        Indices::Rollover => rollover::rollover(node, call).await,
        Indices::Resize => resize::resize(node, call).await,
        Indices::ChangeAliases => aliases::change(node, call).await,
        Indices::GetAliases => aliases::get(node, call),
        Indices::PutAlias => aliases::put(node, call).await,
        Indices::DeleteAlias => aliases::delete(node, call).await,
    }
}

/// Create an index.
async fn create(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let include_type_name = take_include_type_name(call)?;
    let waits = call.parameters.take("wait_for_active_shards");
    take_timeouts(call)?;
    call.finish_parameters()?;
    let body = call.json_body()?;
    let typed = include_type_name.unwrap_or(call.dialect.nests_mappings());
    let name: Arc<str> = node.resolve_name(call.index()).map_err(|e| call.node_error(e))?.into();
    let new = read_new_index(&name, body, typed, call)?;
    let index = node.create_index(new).await.map_err(|error| call.node_error(error))?;
    let replicas = index.metadata().settings.number_of_replicas();
    let body = json::object(|o| {
        o.boolean("acknowledged", true);
        if call.dialect.shows_result() {
            o.boolean("shards_acknowledged", has_enough(waits.as_deref(), replicas));
            o.string("index", &name);
        }
    });
    Ok(Answer::json(StatusCode::OK, body))
}

/// Whether as many copies of each shard are active as a request waits for: there is one.
pub(crate) fn has_enough(waits: Option<&str>, replicas: u32) -> bool {
    match waits {
        None | Some("0" | "1") => true,
        Some("all") => replicas == 0,
        Some(_) => false,
    }
}

/// The index that a body describes.
pub(crate) fn read_new_index(
    name: &Arc<str>,
    body: Value,
    typed: bool,
    call: &Call<'_>,
) -> Result<NewIndex, Error> {
    let Value::Object(mut members) = body else {
        return Err(Error::Parse("request body must be an object".to_owned()));
    };
    let known = ["settings", "mappings", "aliases"];
    if !members.is_empty()
        && call.dialect.allows_old_metadata_names()
        && known.iter().all(|name| !members.contains_key(*name))
    {
        // In old versions the body could be the settings themselves.
        members = Map::from_iter([("settings".to_owned(), Value::Object(members))]);
    }
    let mut take = |name: &str| members.shift_remove(name).unwrap_or(Value::Null);
    let (settings, mappings, aliases) = (take("settings"), take("mappings"), take("aliases"));
    if let Some(unknown) = members.keys().next() {
        return Err(Error::Parse(format!("unknown key [{unknown}] for create index")));
    }
    let settings = Settings::from_json(&settings)
        .map_err(|error| call.node_error(node::Error::Setting(error)))?;
    let (mappings, type_name) = mapping::read_new(&mappings, typed, call)?;
    let aliases: Aliases = read_aliases(&aliases)?;
    let dialect = mapping::rules(call.dialect);
    let (name, stream) = (Arc::clone(name), None);
    Ok(NewIndex { name, settings, mappings, type_name, aliases, stream, dialect })
}

/// Show indices, or whether they exist.
fn get(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let typed = take_include_type_name(call)?;
    let view = take_settings_view(call)?;
    let features = call.parameters.take_list("features");
    let indices = take_indices(node, call, Expansion { refuses_closed: false, ..Expansion::OPEN })?;
    let typed = typed.unwrap_or(call.dialect.nests_mappings());
    let shows = |feature: &str| {
        features.as_ref().is_none_or(|wanted| wanted.iter().any(|name| name == feature))
    };
    let mut body = Map::new();
    for index in &indices {
        let mut shown = Map::new();
        if shows("aliases") {
            shown.insert("aliases".to_owned(), shown_aliases(&index.metadata().aliases));
        }
        if shows("mappings") {
            shown.insert("mappings".to_owned(), shown_mappings(index, typed));
        }
        if shows("settings") {
            shown.insert("settings".to_owned(), shown_settings(index, call, view, &|_| true));
            if view.defaults {
                shown.insert(
                    "defaults".to_owned(),
                    settings::shown_defaults(index, view, &|_| true),
                );
            }
        }
        if let Some(membership) = &index.metadata().stream {
            shown.insert("data_stream".to_owned(), json!(membership.stream));
        }
        body.insert(index.name().to_owned(), Value::Object(shown));
    }
    Ok(Answer::value(&Value::Object(body)))
}

/// Delete indices.
async fn delete(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let by_name = node.cluster_settings().requires_names();
    let by_name = by_name.unwrap_or(!call.dialect.deletes_by_wildcard());
    if by_name && call.index().split(',').any(is_wild) {
        let text = "Wildcard expressions or all indices are not allowed";
        return Err(Error::illegal_argument(text));
    }
    let concrete = Expansion { refuses_aliases: true, refuses_streams: true, ..Expansion::ALL };
    let indices = take_indices(node, call, concrete)?;
    let names = indices.iter().map(|index| Arc::clone(&index.identity().name)).collect();
    node.delete_indices(names).await.map_err(|error| call.node_error(error))?;
    Ok(Answer::acknowledged())
}

/// Writes `_shards`.
pub(crate) fn write_shards(o: &mut Object<'_>, total: u64, successful: u64) {
    o.object("_shards", |o| {
        o.number("total", total);
        o.number("successful", successful);
        o.number("failed", 0);
    });
}

/// How many primary shards an index has.
pub(crate) fn primaries(index: &Index) -> u64 {
    u64::try_from(index.shards().len()).unwrap_or(u64::MAX)
}

/// How many copies of each shard are wished for, the primary included.
pub(crate) fn copies(index: &Index) -> u64 {
    u64::from(index.metadata().settings.number_of_replicas()) + 1
}

/// How many shards some indices have, and how many of all copies that are wished for.
pub(crate) fn count_shards(indices: &[Arc<Index>]) -> (u64, u64) {
    let shards = indices.iter().map(|index| primaries(index)).sum();
    let copies = indices.iter().map(|index| primaries(index) * copies(index)).sum();
    (shards, copies)
}

/// Takes `include_type_name`.
pub(crate) fn take_include_type_name(call: &mut Call<'_>) -> Result<Option<bool>, Error> {
    if call.dialect.shows_type() {
        call.parameters.take_flag("include_type_name")
    } else {
        Ok(None)
    }
}

/// The mapping of an index as it is shown, under its type's name if `typed`.
pub(crate) fn shown_mappings(index: &Index, typed: bool) -> Value {
    let metadata = index.metadata();
    let empty = metadata.mappings.as_object().is_none_or(Map::is_empty);
    match (&metadata.type_name, typed) {
        (None, true) if empty => json!({}),
        (type_name, true) => {
            let name = type_name.clone().unwrap_or_else(|| TYPELESS.to_owned());
            Value::Object(Map::from_iter([(name, metadata.mappings.clone())]))
        }
        (_, false) => metadata.mappings.clone(),
    }
}
