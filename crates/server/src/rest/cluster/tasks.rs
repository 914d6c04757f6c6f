//! What runs and what waits: no request outlives its answer, so that nothing does.

use node::Node;
use serde_json::json;

use super::nodes::{ROLES, means_this};
use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::index::take_timeouts;
use crate::rest::response::Answer;

/// What waits to be decided.
pub(super) fn pending(call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.take_flag("local")?;
    take_timeouts(call)?;
    call.finish_parameters()?;
    Ok(Answer::value(&json!({"tasks": []})))
}

/// What runs: this very request.
pub(super) fn list(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let nodes = call.parameters.take("nodes");
    let actions = call.parameters.take("actions");
    let parent = call.parameters.take("parent_task_id");
    let group_by = call.parameters.take("group_by").unwrap_or_else(|| "nodes".to_owned());
    call.parameters.take_flag("detailed")?;
    call.parameters.take_flag("wait_for_completion")?;
    take_timeouts(call)?;
    call.finish_parameters()?;
    const ACTION: &str = "cluster:monitor/tasks/lists";
    let is_asked = actions
        .is_none_or(|actions| actions.split(',').any(|action| node::matches_glob(action, ACTION)));
    let headers = match &call.request.headers.opaque_id {
        Some(id) => json!({"X-Opaque-Id": id}),
        None => json!({}),
    };
    let id = format!("{}:1", node.id());
    let task = json!({
        "node": node.id(), "id": 1, "type": "transport", "action": ACTION,
        "start_time_in_millis": node.now().as_millis(), "running_time_in_nanos": 0,
        "cancellable": false, "headers": headers,
    });
    let is_shown = is_asked && parent.is_none() && means_this(node, nodes.as_deref());
    let body = match (group_by.as_str(), is_shown) {
        ("none", true) => json!({"tasks": [task]}),
        ("none", false) => json!({"tasks": []}),
        ("parents", true) => json!({"tasks": {id: task}}),
        ("parents", false) => json!({"tasks": {}}),
        (_, false) => json!({"nodes": {}}),
        (_, true) => json!({"nodes": {(node.id()): {
            "name": node.name(), "transport_address": "127.0.0.1:9300", "host": "127.0.0.1",
            "ip": "127.0.0.1:9300", "roles": ROLES, "tasks": {id: task},
        }}}),
    };
    Ok(Answer::value(&body))
}

/// One thing that runs.
pub(super) fn get(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["task_id"]);
    call.parameters.take_flag("wait_for_completion")?;
    take_timeouts(call)?;
    call.finish_parameters()?;
    let id = call.found.name.unwrap_or_default();
    check_id(id)?;
    let reason = match id.rsplit_once(':') {
        Some((other, _)) if other != node.id() => format!(
            "task [{id}] belongs to the node [{other}] which isn't part of the cluster and there \
             is no record of the task"
        ),
        Some(_) | None => format!("task [{id}] isn't running and hasn't stored its results"),
    };
    Err(Error::Missing { kind: "resource_not_found_exception", reason })
}

/// End what runs.
pub(super) fn cancel(call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["task_id"]);
    for accepted in ["nodes", "actions", "parent_task_id", "group_by"] {
        call.parameters.take(accepted);
    }
    call.parameters.take_flag("wait_for_completion")?;
    take_timeouts(call)?;
    call.finish_parameters()?;
    let Some(id) = call.found.name else { return Ok(Answer::value(&json!({"nodes": {}}))) };
    check_id(id)?;
    let reason = format!("task [{id}] is not found");
    Err(Error::Missing { kind: "resource_not_found_exception", reason })
}

fn check_id(id: &str) -> Result<(), Error> {
    let is_id = id.rsplit_once(':').is_some_and(|(_, number)| number.parse::<i64>().is_ok());
    if is_id { Ok(()) } else { Err(Error::illegal_argument(format!("malformed task id {id}"))) }
}

/// Other clusters: none.
pub(super) fn remote_info(call: &mut Call<'_>) -> Result<Answer, Error> {
    call.finish_parameters()?;
    Ok(Answer::value(&json!({})))
}
