//! Copies of an index with other shards: shrink, split, clone.

use std::sync::Arc;

use node::{Node, Resize, ResizeKind};
use serde_json::{Value, json};

use super::expression::take_timeouts;
use super::{has_enough, read_new_index};
use crate::rest::api::Call;
use crate::rest::deprecation::COPY_SETTINGS;
use crate::rest::error::Error;
use crate::rest::response::Answer;

/// Copy an index that takes no writes into a new one. The answer comes when it has all documents.
pub(super) async fn resize(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let waits = call.parameters.take("wait_for_active_shards");
    take_timeouts(call)?;
    call.parameters.declare(&["target"]);
    let copies_settings = call.parameters.take_flag("copy_settings")?;
    if copies_settings.is_some() {
        call.warn(COPY_SETTINGS);
    }
    if copies_settings == Some(false) {
        let text = "parameter [copy_settings] can not be explicitly set to [false]";
        return Err(Error::illegal_argument(text));
    }
    call.finish_parameters()?;
    let kind = match call.request.segments.get(1).map(String::as_str) {
        Some("_split") => ResizeKind::Split,
        Some("_clone") => ResizeKind::Clone,
        Some(_) | None => ResizeKind::Shrink,
    };
    let body = call.json_body()?;
    for name in body.as_object().into_iter().flatten().map(|(name, _)| name) {
        if !["settings", "aliases"].contains(&name.as_str()) {
            return Err(Error::illegal_argument(format!(
                "[resize_request] unknown field [{name}], parser not found"
            )));
        }
    }
    let given = body.get("settings").cloned().unwrap_or(Value::Null);
    let source = node.index(call.index()).map_err(|error| call.node_error(error))?;
    let name = node.resolve_name(call.found.name.unwrap_or_default());
    let name: Arc<str> = name.map_err(|error| call.node_error(error))?.into();
    let new = read_new_index(&name, body, false, call)?;
    let resized = node.resize(&source, Resize { kind, new, given }).await;
    let index = resized.map_err(|error| call.node_error(error))?;
    let replicas = index.metadata().settings.number_of_replicas();
    Ok(Answer::value(&json!({
        "acknowledged": true,
        "shards_acknowledged": has_enough(waits.as_deref(), replicas),
        "index": &*name,
    })))
}
