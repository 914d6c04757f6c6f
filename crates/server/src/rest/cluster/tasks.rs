//! What runs and what waits: this very request, and writes by query.

use std::time::Duration;

use hyper::StatusCode;
use node::{Node, matches_glob};
use serde_json::json;

use super::nodes::{ROLES, means_this};
use crate::rest::api::Call;
use crate::rest::by_query::take_pace;
use crate::rest::error::{Error, ErrorBody};
use crate::rest::index::take_timeouts;
use crate::rest::json::{self, Object};
use crate::rest::response::Answer;
use crate::rest::tasks::view::write_task;
use crate::rest::tasks::{Task, Tasks};

/// The action of a list of tasks, which is a task itself.
const LIST: &str = "cluster:monitor/tasks/lists";
/// How long an end is waited for where nothing is said, in milliseconds.
const WAIT: i64 = 30_000;

/// What waits to be decided.
pub(super) fn pending(call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.take_flag("local")?;
    take_timeouts(call)?;
    call.finish_parameters()?;
    Ok(Answer::value(&json!({"tasks": []})))
}

/// Which tasks are meant.
struct Chosen {
    nodes: Option<String>,
    actions: Option<String>,
    parent: Option<String>,
    group_by: String,
}

impl Chosen {
    /// Takes the parameters that say so.
    fn take(call: &mut Call<'_>) -> Self {
        let parameters = &mut call.parameters;
        Self {
            nodes: parameters.take("nodes"),
            actions: parameters.take("actions"),
            parent: parameters.take("parent_task_id"),
            group_by: parameters.take("group_by").unwrap_or_else(|| "nodes".to_owned()),
        }
    }

    /// Whether tasks of an action are meant. No task here has a parent.
    fn means(&self, node: &Node, action: &str) -> bool {
        let is_asked = |actions: &String| actions.split(',').any(|glob| matches_glob(glob, action));
        self.actions.as_ref().is_none_or(is_asked)
            && self.parent.is_none()
            && means_this(node, self.nodes.as_deref())
    }
}

/// A task as it is shown, with its id.
type Shown = (String, Vec<u8>);

/// A task as it is shown.
fn shown(node: &Node, task: &Task, detailed: bool) -> Shown {
    let json = json::object(|o| write_task(o, node, task, detailed));
    (format!("{}:{}", node.id(), task.number), json)
}

/// Writes tasks, grouped as was asked for.
fn write_tasks(o: &mut Object<'_>, node: &Node, group_by: &str, tasks: &[Shown]) {
    let by_id = |o: &mut Object<'_>| tasks.iter().for_each(|(id, task)| o.raw(id, task));
    match group_by {
        "none" => o.array("tasks", |array| tasks.iter().for_each(|(_, task)| array.raw(task))),
        "parents" => o.object("tasks", by_id),
        _ if tasks.is_empty() => o.object("nodes", |_| {}),
        _ => o.object("nodes", |nodes| {
            nodes.object(node.id(), |o| {
                o.string("name", node.name());
                o.string("transport_address", "127.0.0.1:9300");
                o.string("host", "127.0.0.1");
                o.string("ip", "127.0.0.1:9300");
                o.value("roles", &ROLES);
                o.object("tasks", by_id);
            });
        }),
    }
}

/// What runs: this very request among the others.
pub(super) async fn list(
    node: &Node,
    call: &mut Call<'_>,
    running: &Tasks,
) -> Result<Answer, Error> {
    let chosen = Chosen::take(call);
    let detailed = call.parameters.take_flag("detailed")?.unwrap_or(false);
    let waits = call.parameters.take_flag("wait_for_completion")?.unwrap_or(false);
    let timeout = call.parameters.take_time("timeout")?.unwrap_or(WAIT);
    take_timeouts(call)?;
    call.finish_parameters()?;
    let mut tasks = Vec::new();
    if chosen.means(node, LIST) {
        tasks.push(this_request(node, call, detailed));
    }
    let chosen_ones = running.running();
    let chosen_ones: Vec<_> =
        chosen_ones.into_iter().filter(|task| chosen.means(node, task.action)).collect();
    if waits {
        let all = async {
            for task in &chosen_ones {
                task.ended().await;
            }
        };
        within(timeout, all, "the tasks that are listed").await?;
    }
    tasks.extend(chosen_ones.iter().map(|task| shown(node, task, detailed)));
    let body = json::object(|o| write_tasks(o, node, &chosen.group_by, &tasks));
    Ok(Answer::json(StatusCode::OK, body))
}

/// This request as a task.
fn this_request(node: &Node, call: &Call<'_>, detailed: bool) -> Shown {
    let json = json::object(|o| {
        o.string("node", node.id());
        o.number("id", 1);
        o.string("type", "transport");
        o.string("action", LIST);
        if detailed {
            o.string("description", "");
        }
        o.number("start_time_in_millis", node.now().as_millis());
        o.number("running_time_in_nanos", 0);
        o.boolean("cancellable", false);
        o.object("headers", |o| {
            if let Some(id) = &call.request.headers.opaque_id {
                o.string("X-Opaque-Id", id);
            }
        });
    });
    (format!("{}:1", node.id()), json)
}

/// Waits for an end, but not longer than so many milliseconds.
async fn within(millis: i64, end: impl Future<Output = ()>, what: &str) -> Result<(), Error> {
    let timeout = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
    tokio::time::timeout(timeout, end).await.map_err(|_| {
        let reason = format!("Timed out waiting for completion of [{what}]");
        let status = StatusCode::REQUEST_TIMEOUT;
        Error::Search(Box::new(ErrorBody::new(status, "timeout_exception", reason)))
    })
}

/// One thing that runs, or has run.
pub(super) async fn get(
    node: &Node,
    call: &mut Call<'_>,
    running: &Tasks,
) -> Result<Answer, Error> {
    call.parameters.declare(&["task_id"]);
    let waits = call.parameters.take_flag("wait_for_completion")?.unwrap_or(false);
    let timeout = call.parameters.take_time("timeout")?.unwrap_or(WAIT);
    take_timeouts(call)?;
    call.finish_parameters()?;
    let id = call.found.name.unwrap_or_default();
    let (of_node, number) = parse_id(id)?;
    if let Some(task) = running.get(number).filter(|_| of_node == node.id()) {
        if waits {
            within(timeout, task.ended(), id).await?;
        } else {
            let (_, task) = shown(node, &task, true);
            let body = json::object(|o| {
                o.boolean("completed", false);
                o.raw("task", &task);
            });
            return Ok(Answer::json(StatusCode::OK, body));
        }
    }
    let kept = running.results.find(node, id).await.map_err(|error| call.node_error(error))?;
    if let Some(result) = kept {
        return Ok(Answer::json(StatusCode::OK, result));
    }
    let kind = "resource_not_found_exception";
    let reason = format!("task [{id}] isn't running and hasn't stored its results");
    let missing = ErrorBody::new(StatusCode::NOT_FOUND, kind, reason);
    if of_node == node.id() {
        return Err(Error::Search(Box::new(missing)));
    }
    let reason = format!(
        "task [{id}] belongs to the node [{of_node}] which isn't part of the cluster and there is no \
         record of the task"
    );
    let body = ErrorBody::new(StatusCode::NOT_FOUND, kind, reason);
    Err(Error::Search(Box::new(body.with_cause(missing.clone()).with_root_cause(missing))))
}

/// Ends what runs.
pub(super) async fn cancel(
    node: &Node,
    call: &mut Call<'_>,
    running: &Tasks,
) -> Result<Answer, Error> {
    call.parameters.declare(&["task_id"]);
    let chosen = Chosen::take(call);
    let waits = call.parameters.take_flag("wait_for_completion")?.unwrap_or(false);
    take_timeouts(call)?;
    call.finish_parameters()?;
    let tasks = match call.found.name {
        Some(id) => match find(node, running, id)? {
            Ok(task) => vec![task],
            Err(failure) => return Ok(failed(&failure)),
        },
        None => {
            let all = running.running().into_iter();
            all.filter(|task| chosen.means(node, task.action)).collect()
        }
    };
    tasks.iter().for_each(|task| task.cancel("by user request"));
    if waits {
        for task in &tasks {
            task.ended().await;
        }
    }
    let tasks: Vec<Shown> = tasks.iter().map(|task| shown(node, task, false)).collect();
    let body = json::object(|o| write_tasks(o, node, &chosen.group_by, &tasks));
    Ok(Answer::json(StatusCode::OK, body))
}

/// Lets a write by query go faster or slower.
pub(super) fn rethrottle(
    node: &Node,
    call: &mut Call<'_>,
    running: &Tasks,
) -> Result<Answer, Error> {
    call.parameters.declare(&["task_id"]);
    let group_by = call.parameters.take("group_by").unwrap_or_else(|| "nodes".to_owned());
    let id = call.found.name.unwrap_or_default();
    parse_id(id)?;
    let per_second = take_pace(call)?;
    call.finish_parameters()?;
    let task = match find(node, running, id)? {
        Ok(task) => task,
        Err(failure) => return Ok(failed(&failure)),
    };
    task.rethrottle(per_second);
    let tasks = [shown(node, &task, true)];
    let body = json::object(|o| write_tasks(o, node, &group_by, &tasks));
    Ok(Answer::json(StatusCode::OK, body))
}

/// The task of an id, or why there is none.
fn find(
    node: &Node,
    running: &Tasks,
    id: &str,
) -> Result<Result<std::sync::Arc<Task>, ErrorBody>, Error> {
    let (of_node, number) = parse_id(id)?;
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let failure = |cause: ErrorBody| {
        let reason = format!("Failed node [{of_node}]");
        let body = ErrorBody::new(status, "failed_node_exception", reason);
        Ok(Err(body.with_text("node_id", of_node).with_cause(cause)))
    };
    if of_node != node.id() {
        let reason = format!("No such node [{of_node}]");
        let cause = ErrorBody::new(status, "no_such_node_exception", reason);
        return failure(cause.with_text("node_id", of_node));
    }
    match running.get(number) {
        Some(task) => Ok(Ok(task)),
        None => {
            let reason = format!("task [{id}] is missing");
            failure(ErrorBody::new(status, "resource_not_found_exception", reason))
        }
    }
}

/// The answer where a node has not the task that it is asked for.
fn failed(failure: &ErrorBody) -> Answer {
    let body = json::object(|o| {
        o.array("node_failures", |failures| {
            failures.object(|o| failure.write_item(o));
        });
        o.object("nodes", |_| {});
    });
    Answer::json(StatusCode::OK, body)
}

/// The node and the number that an id names.
fn parse_id(id: &str) -> Result<(&str, u64), Error> {
    let malformed = format!("malformed task id {id}");
    let Some((of_node, number)) = id.rsplit_once(':') else {
        return Err(Error::illegal_argument(malformed));
    };
    let Ok(value) = number.parse::<i64>() else {
        let kind = "number_format_exception";
        let reason = format!("For input string: \"{number}\"");
        let cause = ErrorBody::new(StatusCode::BAD_REQUEST, kind, reason);
        let body = ErrorBody::new(StatusCode::BAD_REQUEST, "illegal_argument_exception", malformed);
        return Err(Error::Search(Box::new(body.with_cause(cause))));
    };
    Ok((of_node, u64::try_from(value).unwrap_or(0)))
}

/// Other clusters: none.
pub(super) fn remote_info(call: &mut Call<'_>) -> Result<Answer, Error> {
    call.finish_parameters()?;
    Ok(Answer::value(&json!({})))
}
