//! Data streams: created, shown, changed, removed. What is written to them goes the way of all writes.

mod lifecycle;
mod settings;
mod statistics;

use std::collections::BTreeMap;
use std::sync::Arc;

use node::{DataStream, Expansion, Index, Node, StreamAction};
use serde_json::{Map, Value, json};

use super::api::Call;
use super::cluster::health::Shards;
use super::error::Error;
use super::index::expression::take_expansion;
use super::index::settings::{SettingsView, lay_out};
use super::index::take_timeouts;
use super::mapping;
use super::response::Answer;
pub(crate) use lifecycle::{read_lifecycle, shown_lifecycle};

/// How many actions one request may hold.
const ACTIONS_MAX: usize = 1_000;

/// The endpoints of data streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataStreams {
    /// Create one.
    Create,
    /// Show them.
    Get,
    /// Delete them with their indices.
    Delete,
    /// Make an alias one.
    Migrate,
    /// Take over one that follows another cluster's.
    Promote,
    /// Take indices in or out.
    Modify,
    /// Show their settings.
    GetSettings,
    /// Change their settings.
    PutSettings,
    /// Show their options.
    GetOptions,
    /// Put or remove their options.
    ChangeOptions,
    /// What they take.
    Statistics,
    /// Put or remove their lifecycle.
    ChangeLifecycle,
    /// Their lifecycle.
    GetLifecycle,
    /// What their lifecycles have done.
    LifecycleStatistics,
    /// What a lifecycle does with indices.
    ExplainLifecycle,
}

/// Answers.
pub(crate) async fn answer(
    endpoint: DataStreams,
    node: &Node,
    call: &mut Call<'_>,
) -> Result<Answer, Error> {
    call.parameters.declare(&["name"]);
    match endpoint {
        DataStreams::Create => create(node, call).await,
        DataStreams::Get => get(node, call),
        DataStreams::Delete => delete(node, call).await,
        DataStreams::Migrate => migrate(node, call).await,
        DataStreams::Promote => promote(node, call),
        DataStreams::Modify => modify(node, call).await,
        DataStreams::GetSettings => settings::get(node, call),
        DataStreams::PutSettings => settings::put(node, call).await,
        DataStreams::GetOptions => get_options(node, call),
        DataStreams::ChangeOptions => change_options(node, call),
        DataStreams::Statistics => statistics::statistics(node, call).await,
        DataStreams::ChangeLifecycle => lifecycle::change(node, call).await,
        DataStreams::GetLifecycle => lifecycle::get(node, call),
        DataStreams::LifecycleStatistics => lifecycle::statistics(node, call),
        DataStreams::ExplainLifecycle => lifecycle::explain(node, call),
    }
}

/// Takes what all calls on several data streams share, and finds those that the path names.
fn take_streams(node: &Node, call: &mut Call<'_>) -> Result<Vec<Arc<DataStream>>, Error> {
    take_timeouts(call)?;
    let expansion = take_expansion(call, Expansion::ALL)?;
    call.finish_parameters()?;
    let names = call.found.name.unwrap_or_default();
    node.resolve_data_streams(names, expansion).map_err(|error| call.node_error(error))
}

async fn create(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_timeouts(call)?;
    call.finish_parameters()?;
    let (name, dialect) = (call.found.name.unwrap_or_default(), mapping::rules(call.dialect));
    let created = node.create_data_stream(name, dialect).await;
    created.map_err(|error| call.node_error(error))?;
    Ok(Answer::acknowledged())
}

async fn delete(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    for stream in take_streams(node, call)? {
        match node.delete_data_stream(&stream.name).await {
            // Somebody else was quicker.
            Err(node::Error::IndexNotFound { .. }) | Ok(()) => {}
            Err(error) => return Err(call.node_error(error)),
        }
    }
    Ok(Answer::acknowledged())
}

async fn migrate(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_timeouts(call)?;
    call.finish_parameters()?;
    let (name, dialect) = (call.found.name.unwrap_or_default(), mapping::rules(call.dialect));
    let migrated = node.migrate_to_data_stream(name, dialect).await;
    migrated.map_err(|error| call.node_error(error))?;
    Ok(Answer::acknowledged())
}

/// No data stream here follows another cluster's.
fn promote(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_timeouts(call)?;
    call.finish_parameters()?;
    let name = call.found.name.unwrap_or_default();
    if node.data_stream(name).is_some() {
        return Err(Error::illegal_argument(format!("data stream [{name}] is not replicated")));
    }
    let reason = format!("data stream [{name}] not found");
    Err(Error::Missing { kind: "resource_not_found_exception", reason })
}

async fn modify(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_timeouts(call)?;
    call.finish_parameters()?;
    let body = call.json_body()?;
    let listed = body.get("actions").and_then(Value::as_array).filter(|listed| !listed.is_empty());
    let listed = listed.ok_or_else(|| {
        Error::Validation(vec!["must specify at least one data stream modification action".into()])
    })?;
    if listed.len() > ACTIONS_MAX {
        return Err(Error::TooMany { what: "data stream actions", limit: ACTIONS_MAX });
    }
    let actions: Vec<StreamAction> = listed.iter().map(read_action).collect::<Result<_, _>>()?;
    node.modify_data_streams(actions).await.map_err(|error| call.node_error(error))?;
    Ok(Answer::acknowledged())
}

fn read_action(given: &Value) -> Result<StreamAction, Error> {
    let members = given.as_object().filter(|members| members.len() == 1);
    let (name, said) = members
        .and_then(|members| members.iter().next())
        .ok_or_else(|| Error::illegal_argument("Only one action per entry is allowed"))?;
    if said.get("failure_store").and_then(Value::as_bool) == Some(true) {
        return Err(Error::Unsupported("failure stores are not supported".to_owned()));
    }
    let text = |what: &str| {
        let given = said.get(what).and_then(Value::as_str).filter(|given| !given.is_empty());
        let missing = || Error::illegal_argument(format!("[{name}] requires [{what}]"));
        given.map(str::to_owned).ok_or_else(missing)
    };
    let (stream, index) = (text("data_stream")?, text("index")?);
    match name.as_str() {
        "add_backing_index" => Ok(StreamAction::Add { stream, index }),
        "remove_backing_index" => Ok(StreamAction::Remove { stream, index }),
        other => {
            Err(Error::illegal_argument(format!("[data_stream_action] unknown field [{other}]")))
        }
    }
}

/// A data stream has no options: those of Elasticsearch are about failure stores.
fn get_options(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let streams = take_streams(node, call)?;
    let shown = streams.iter().map(|stream| json!({"name": stream.name, "options": {}}));
    Ok(Answer::value(&json!({ "data_streams": shown.collect::<Vec<_>>() })))
}

/// Only what turns failure stores off is taken: there are none.
fn change_options(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_streams(node, call)?;
    if call.request.method == hyper::Method::PUT {
        check_options(&call.json_body()?)?;
    }
    Ok(Answer::acknowledged())
}

/// Refuses options of data streams that would have an effect elsewhere.
pub(crate) fn check_options(given: &Value) -> Result<(), Error> {
    let store = given.get("failure_store").filter(|store| !store.is_null());
    let is_on = store.is_some_and(|store| store.get("enabled") != Some(&Value::Bool(false)));
    if is_on {
        return Err(Error::Unsupported("failure stores are not supported".to_owned()));
    }
    Ok(())
}

fn get(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    for accepted in ["include_defaults", "verbose"] {
        call.parameters.take_flag(accepted)?;
    }
    let streams = take_streams(node, call)?;
    let indices: BTreeMap<_, _> =
        node.indices().into_iter().map(|index| (index.name().to_owned(), index)).collect();
    let shown: Vec<Value> =
        streams.iter().map(|stream| show(node, call, stream, &indices)).collect();
    Ok(Answer::value(&json!({ "data_streams": shown })))
}

/// A data stream as it is shown.
fn show(
    node: &Node,
    call: &Call<'_>,
    stream: &DataStream,
    all: &BTreeMap<String, Arc<Index>>,
) -> Value {
    let indices = || stream.indices.iter().filter_map(|name| all.get(&**name));
    let shards = indices().map(|index| Shards::of_index(index));
    let status = shards.fold(Shards::default(), Shards::and).status().to_uppercase();
    let templates = node.templates_of_stream(stream);
    let template = templates.winner(&stream.name);
    let settings = node.effective_settings(stream);
    let policy = settings.get("index.lifecycle.name").map(str::to_owned);
    let prefers_policy = settings.get("index.lifecycle.prefer_ilm") != Some("false");
    // As answers of 8.x tell it.
    let managed_by = (!call.dialect.shows_type()).then(|| {
        if node.lifecycle_of(stream).is_some() { "Data stream lifecycle" } else { "Unmanaged" }
    });
    let listed = indices().map(|index| {
        let mut shown = Map::new();
        shown.insert("index_name".to_owned(), json!(index.name()));
        shown.insert("index_uuid".to_owned(), json!(&*index.identity().uuid));
        if let Some(manager) = managed_by {
            shown.insert("managed_by".to_owned(), json!(manager));
        }
        Value::Object(shown)
    });
    let mut shown = Map::new();
    let mut add = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    add("name", json!(stream.name));
    add("timestamp_field", json!({ "name": node::mapping::TIMESTAMP }));
    add("indices", listed.collect());
    add("generation", json!(stream.generation));
    if let Some(meta) = template.and_then(|(_, template)| template.meta.as_ref()) {
        add("_meta", meta.clone());
    }
    add("status", json!(status));
    if let Some((name, _)) = template {
        add("template", json!(name));
    }
    if let Some(policy) = policy {
        add("ilm_policy", json!(policy));
    }
    if let Some(lifecycle) = &stream.lifecycle {
        add("lifecycle", shown_lifecycle(lifecycle, true));
    }
    if let Some(manager) = managed_by {
        add("next_generation_managed_by", json!(manager));
    }
    add("hidden", json!(stream.hidden));
    add("system", json!(false));
    add("allow_custom_routing", json!(stream.allows_routing));
    add("replicated", json!(false));
    if managed_by.is_some() {
        add("prefer_ilm", json!(prefers_policy));
        add("rollover_on_write", json!(stream.rolls_over_on_write));
        add("settings", shown_settings(stream.settings.iter()));
    }
    Value::Object(shown)
}

/// Settings as a tree.
fn shown_settings<'s>(settings: impl Iterator<Item = (&'s str, &'s Value)>) -> Value {
    let settings = settings.map(|(name, value)| (name.to_owned(), value.clone()));
    lay_out(settings, SettingsView::default())
}
