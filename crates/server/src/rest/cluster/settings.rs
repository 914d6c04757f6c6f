//! Settings of the node as a whole.

use node::{FlatSettings, Node};
use serde_json::{Map, Value, json};

use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::index::settings::{SettingsView, lay_out, take_settings_view};
use crate::rest::index::take_timeouts;
use crate::rest::response::Answer;

/// What counts where nothing is set.
const DEFAULTS: [(&str, &str); 9] = [
    ("action.auto_create_index", "true"),
    ("cluster.max_shards_per_node", "50000"),
    ("cluster.routing.allocation.enable", "all"),
    ("cluster.routing.rebalance.enable", "all"),
    ("indices.recovery.max_bytes_per_sec", "40mb"),
    ("script.max_compilations_rate", "75/5m"),
    ("search.default_search_timeout", "-1"),
    ("search.max_buckets", "65535"),
    ("search.max_open_scroll_context", "500"),
];

fn shown(settings: &FlatSettings, view: SettingsView) -> Value {
    lay_out(settings.iter().map(|(name, value)| (name.clone(), value.clone())), view)
}

/// Show settings.
pub(super) fn get(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let view = take_settings_view(call)?;
    call.parameters.take_flag("local")?;
    take_timeouts(call)?;
    call.finish_parameters()?;
    let settings = node.cluster_settings();
    let mut body = Map::new();
    body.insert("persistent".to_owned(), shown(&settings.persistent, view));
    body.insert("transient".to_owned(), shown(&settings.transient, view));
    if view.defaults {
        let by_name = if call.dialect.deletes_by_wildcard() { "false" } else { "true" };
        let unset = DEFAULTS.into_iter().chain([
            ("action.destructive_requires_name", by_name),
            ("cluster.name", node.cluster_name()),
            ("node.name", node.name()),
        ]);
        let unset = unset.filter(|(name, _)| settings.get(name).is_none());
        let unset = unset.map(|(name, value)| (name.to_owned(), Value::from(value)));
        let attributes = call.attributes.iter();
        let attributes = attributes
            .map(|(name, value)| (format!("node.attr.{name}"), Value::from(value.as_str())));
        let unset = unset.chain(attributes);
        body.insert("defaults".to_owned(), lay_out(unset, view));
    }
    Ok(Answer::value(&Value::Object(body)))
}

/// Change settings.
pub(super) async fn put(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let view = take_settings_view(call)?;
    take_timeouts(call)?;
    call.finish_parameters()?;
    let Value::Object(mut members) = call.json_body()? else {
        return Err(Error::Parse("request body must be an object".to_owned()));
    };
    let mut take = |name: &str| members.shift_remove(name).unwrap_or_else(|| json!({}));
    let (persistent, transient) = (take("persistent"), take("transient"));
    if let Some(other) = members.keys().next() {
        return Err(Error::Parse(format!("unknown key [{other}] in cluster settings")));
    }
    let is_empty = |given: &Value| given.as_object().is_some_and(Map::is_empty);
    if is_empty(&persistent) && is_empty(&transient) {
        return Err(Error::Validation(vec!["no settings to update".to_owned()]));
    }
    let accepted = node.change_cluster_settings(persistent, transient).await;
    let accepted = accepted.map_err(|error| call.node_error(error))?;
    Ok(Answer::value(&json!({
        "acknowledged": true, "persistent": shown(&accepted.persistent, view),
        "transient": shown(&accepted.transient, view),
    })))
}
