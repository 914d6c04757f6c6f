//! The settings of indices: shown, changed, and blocks as a shorthand.

use hyper::StatusCode;
use node::{Expansion, Index, Node, SettingsChange, iso_8601, matches_glob};
use serde_json::{Map, Value, json};

use super::expression::take_indices;
use super::has_enough;
use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::json::set;
use crate::rest::response::Answer;

/// How settings are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SettingsView {
    /// By their full names instead of as a tree.
    pub(crate) flat: bool,
    /// With what counts where nothing is set.
    pub(crate) defaults: bool,
}

/// Takes how settings are shown.
pub(crate) fn take_settings_view(call: &mut Call<'_>) -> Result<SettingsView, Error> {
    Ok(SettingsView {
        flat: call.parameters.take_flag("flat_settings")?.unwrap_or(false),
        defaults: call.parameters.take_flag("include_defaults")?.unwrap_or(false),
    })
}

/// Show settings, all or by name.
pub(super) fn get(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let view = take_settings_view(call)?;
    call.parameters.declare(&["name"]);
    let indices = take_indices(node, call, Expansion::ALL)?;
    let names = call.found.name.filter(|names| *names != "_all");
    let is_named = |setting: &str| {
        names.is_none_or(|names| names.split(',').any(|name| matches_glob(name, setting)))
    };
    let mut body = Map::new();
    for index in &indices {
        index.check_metadata_readable().map_err(|error| call.node_error(error))?;
        let settings = shown_settings(index, call, view, &is_named);
        if names.is_some() && settings.as_object().is_none_or(Map::is_empty) && !view.defaults {
            continue;
        }
        let mut shown = Map::from_iter([("settings".to_owned(), settings)]);
        if view.defaults {
            shown.insert("defaults".to_owned(), shown_defaults(index, view, &is_named));
        }
        body.insert(index.name().to_owned(), Value::Object(shown));
    }
    Ok(Answer::value(&Value::Object(body)))
}

/// Change settings that can change.
pub(super) async fn put(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let preserves = call.parameters.take_flag("preserve_existing")?.unwrap_or(false);
    call.parameters.take_flag("reopen")?;
    call.parameters.take_flag("flat_settings")?;
    let indices = take_indices(node, call, Expansion::ALL)?;
    let body = call.json_body()?;
    let given = body.get("settings").filter(|inner| inner.is_object()).unwrap_or(&body).clone();
    if given.as_object().is_none_or(Map::is_empty) {
        return Err(Error::Validation(vec!["no settings to update".to_owned()]));
    }
    let change = SettingsChange { given, preserves };
    node.change_settings(indices, change).await.map_err(|error| call.node_error(error))?;
    Ok(Answer::acknowledged())
}

/// Sets or lifts one block of indices.
pub(super) async fn block(node: &Node, call: &mut Call<'_>, is_set: bool) -> Result<Answer, Error> {
    call.parameters.declare(&["block"]);
    let waits = call.parameters.take("wait_for_active_shards");
    call.parameters.take("verified");
    let indices = take_indices(node, call, Expansion::OPEN)?;
    let name = call.found.name.unwrap_or_default();
    if !["metadata", "read", "read_only", "write"].contains(&name) {
        return Err(Error::illegal_argument(format!("No block found with name {name}")));
    }
    let value = if is_set { Value::Bool(true) } else { Value::Null };
    let given = Value::Object(Map::from_iter([(format!("index.blocks.{name}"), value)]));
    let word = if is_set { "blocked" } else { "unblocked" };
    let told: Vec<Value> =
        indices.iter().map(|index| json!({"name": index.name(), word: true})).collect();
    let change = SettingsChange { given, preserves: false };
    node.change_settings(indices, change).await.map_err(|error| call.node_error(error))?;
    let mut body = json!({"acknowledged": true});
    if is_set {
        set(&mut body, "shards_acknowledged", json!(has_enough(waits.as_deref(), 0)));
    }
    set(&mut body, "indices", Value::Array(told));
    Ok(Answer::json(StatusCode::OK, body.to_string()))
}

/// The settings of an index with what the server adds to them.
pub(crate) fn shown_settings(
    index: &Index,
    call: &Call<'_>,
    view: SettingsView,
    is_named: &dyn Fn(&str) -> bool,
) -> Value {
    let metadata = index.metadata();
    let settings = &metadata.settings;
    let mut flat: Vec<(String, Value)> =
        settings.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
    let added = [
        ("index.number_of_shards", settings.number_of_shards().to_string()),
        ("index.number_of_replicas", settings.number_of_replicas().to_string()),
        ("index.creation_date", metadata.created_millis.to_string()),
        ("index.provided_name", metadata.name.clone()),
        ("index.uuid", metadata.uuid.clone()),
        ("index.version.created", call.dialect.index_version().to_owned()),
    ];
    for (name, value) in added {
        flat.retain(|(present, _)| present != name);
        flat.push((name.to_owned(), Value::from(value)));
    }
    if call.rendering.human {
        let created = document::Timestamp::from_millis(metadata.created_millis);
        let version = call.dialect.version_number();
        flat.push(("index.creation_date_string".to_owned(), Value::from(iso_8601(created))));
        flat.push(("index.version.created_string".to_owned(), Value::from(version)));
    }
    lay_out(flat.into_iter().filter(|(name, _)| is_named(name)), view)
}

/// What counts of the settings that are not set.
pub(crate) fn shown_defaults(
    index: &Index,
    view: SettingsView,
    is_named: &dyn Fn(&str) -> bool,
) -> Value {
    let defaults = index.metadata().settings.defaults();
    let defaults = defaults.filter(|(name, _)| is_named(name));
    lay_out(defaults.map(|(name, value)| (name.to_owned(), Value::from(value))), view)
}

/// Settings by their full names, or as a tree.
pub(crate) fn lay_out(
    settings: impl Iterator<Item = (String, Value)>,
    view: SettingsView,
) -> Value {
    let mut tree = Map::new();
    for (name, value) in settings {
        if view.flat {
            tree.insert(name, value);
        } else {
            insert(&mut tree, &name, value);
        }
    }
    Value::Object(tree)
}

fn insert(tree: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((head, rest)) = path.split_once('.') else {
        tree.insert(path.to_owned(), value);
        return;
    };
    let child = tree.entry(head).or_insert_with(|| Value::Object(Map::new()));
    match child.as_object_mut() {
        Some(child) => insert(child, rest, value),
        // A setting that has both a value and settings below it keeps its full name.
        None => {
            tree.insert(path.to_owned(), value);
        }
    }
}
