//! Writes to what a query finds: update, delete, reindex (spec by-query).
//!
//! What is found is a snapshot of ids and writes; each document is then written under the condition
//! that it is still as it was found.

mod parameters;
mod view;
mod work;

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use node::{Expansion, Node};
use query::{Query, Reindex, RoutingRule, Search, VersionRule, WriteByQuery};

use super::api::Call;
use super::deprecation::REINDEX_TYPES;
use super::error::Error;
use super::index::expression::find_scopes;
use super::json;
use super::mapping::rules;
use super::response::Answer;
use super::search::{Asked, check_window, query_error, take_wildcards};

use super::tasks::view::{Shape, write_task};
use super::tasks::{NewTask, Running, Tasks};
use super::write_parameters::missing_pipeline;
use parameters::{Parameters, one, per_second};
use view::write;
use work::{Done, Job, Scene, What, run};

/// Writes what a query finds again, as it is.
pub(crate) async fn update(
    node: &Arc<Node>,
    call: &mut Call<'_>,
    tasks: &Arc<Tasks>,
) -> Result<Answer, Error> {
    by_query(node, call, tasks, What::Update).await
}

/// Deletes what a query finds.
pub(crate) async fn delete(
    node: &Arc<Node>,
    call: &mut Call<'_>,
    tasks: &Arc<Tasks>,
) -> Result<Answer, Error> {
    by_query(node, call, tasks, What::Delete).await
}

/// An update or a delete.
async fn by_query(
    node: &Arc<Node>,
    call: &mut Call<'_>,
    tasks: &Arc<Tasks>,
    what: What,
) -> Result<Answer, Error> {
    let body = Asked::body(call)?;
    let mut request = WriteByQuery::default();
    if !body.trim().is_empty() {
        let read = WriteByQuery::read(&body, rules(call.dialect));
        request = read.map_err(|error| query_error(&error))?;
    }
    let is_update = matches!(what, What::Update);
    let parameters = Parameters::take(call, &mut request.search, is_update)?;
    let has_query = request.search.query.is_some();
    if let Some(name) = call.found.document_type.filter(|name| *name != "_all") {
        narrow(&mut request.search, Query::of_type(name));
    }
    let expansion = take_wildcards(call)?;
    call.finish_parameters()?;
    let search = &request.search;
    let mut rules = parameters.rules(search);
    if matches!(what, What::Delete) && !has_query {
        rules.push("query is missing".to_owned());
    }
    if !rules.is_empty() {
        return Err(Error::Validation(rules));
    }
    let routing = parameters.routing.as_deref();
    let scopes = find_scopes(node, call, call.index(), expansion, routing)?;
    let batch = parameters.batch.or(request.search.size).unwrap_or(1_000);
    let max_docs = one("max_docs", parameters.max_docs, request.max_docs)?.unwrap_or(u64::MAX);
    let conflicts = one("conflicts", parameters.conflicts, request.conflicts)?.unwrap_or_default();
    let slices = parameters.slices(&scopes);
    let (action, verb) = match what {
        What::Delete => ("indices:data/write/delete/byquery", "delete"),
        What::Update | What::Copy(_) => ("indices:data/write/update/byquery", "update"),
    };
    let description = format!("{verb}-by-query [{}]", call.index().replace(',', ", "));
    let job = Job { what, scopes, search: request.search, conflicts, max_docs, batch, parameters };
    carry_out(node, call, tasks, job, (action, description, slices)).await
}

/// Narrows a search to what a filter finds.
fn narrow(search: &mut Search, filter: Query) {
    let query = search.query.take().unwrap_or_else(Query::all);
    search.query = Some(query.filtered(filter));
}

/// The rules that copying breaks, and the index that is copied to.
fn rules_of_copies(request: &Reindex, parameters: &Parameters) -> (Vec<String>, Option<String>) {
    let mut rules = parameters.rules(&request.source.search);
    let mut broken = |rule: &str| rules.push(rule.to_owned());
    if request.source.indices.is_empty() {
        broken("use _all if you really want to copy from all existing indexes");
    }
    if request.source.search.source.as_deref() == Some("false") {
        broken("_source:false is not supported in this context");
    }
    let destination = &request.destination;
    let Some(target) = destination.index.clone().filter(|name| !name.is_empty()) else {
        broken("index must be specified");
        return (rules, None);
    };
    if destination.routing == RoutingRule::Unknown {
        broken("routing must be unset, [keep], [discard] or [=<some new value>]");
    }
    if destination.create && destination.version != VersionRule::Internal {
        broken("create operations only support internal versioning. use index instead");
    }
    if destination.version == VersionRule::Force {
        broken("version type [force] may no longer be used");
    }
    (rules, Some(target))
}

/// Copies what a query finds into another index.
pub(crate) async fn reindex(
    node: &Arc<Node>,
    call: &mut Call<'_>,
    tasks: &Arc<Tasks>,
) -> Result<Answer, Error> {
    if call.parameters.take("pipeline").is_some() {
        return Err(Error::illegal_argument(
            "_reindex doesn't support [pipeline] as a query parameter. Specify it in the [dest] \
             object instead.",
        ));
    }
    if call.request.body.is_empty() {
        return Err(Error::Parse("request body is required".to_owned()));
    }
    let body = Asked::body(call)?;
    let read = Reindex::read(&body, rules(call.dialect));
    let mut request = read.map_err(|error| query_error(&error))?;
    let parameters = Parameters::take_of_reindex(call)?;
    call.finish_parameters()?;
    let (rules, target) = rules_of_copies(&request, &parameters);
    let Some(target) = target.filter(|_| rules.is_empty()) else {
        return Err(Error::Validation(rules));
    };
    if let Some(name) = request.destination.pipeline.as_deref().filter(|name| *name != "_none") {
        return Err(missing_pipeline(name));
    }
    let types = std::mem::take(&mut request.source.types);
    if !types.is_empty() || request.destination.names_type {
        call.warn(REINDEX_TYPES);
    }
    if !types.is_empty() {
        let types = types.iter().map(|name| Query::of_type(name)).collect();
        narrow(&mut request.source.search, Query::any(types));
    }
    let expression = request.source.indices.join(",");
    let routing = parameters.routing.as_deref();
    let scopes = find_scopes(node, call, &expression, Expansion::OPEN, routing)?;
    let written = node.index_for_writes(&target);
    let written = written.as_ref().map_or(target.as_str(), |index| index.name());
    if scopes.iter().any(|scope| scope.index.name() == written) {
        let rule = format!("reindex cannot write into an index its reading from [{written}]");
        return Err(Error::Validation(vec![rule]));
    }
    let batch = request.source.search.size.take().unwrap_or(1_000);
    let max_docs = one("max_docs", parameters.max_docs, request.max_docs)?.unwrap_or(u64::MAX);
    let slices = parameters.slices(&scopes);
    let action = "indices:data/write/reindex";
    let type_name = if call.dialect.shows_type() { "[_doc]" } else { "" };
    let description =
        format!("reindex from [{}] to [{target}]{type_name}", request.source.indices.join(", "));
    let job = Job {
        what: What::Copy(Box::new(request.destination)),
        scopes,
        search: request.source.search,
        conflicts: request.conflicts.unwrap_or_default(),
        max_docs,
        batch,
        parameters,
    };
    carry_out(node, call, tasks, job, (action, description, slices)).await
}

/// The rules about numbers that a job breaks.
fn rules_of(job: &Job, parts: u32) -> Vec<String> {
    let mut rules = Vec::new();
    if job.batch == 0 {
        rules.push("[size] cannot be [0] in a scroll context".to_owned());
    }
    // Each part has its share of them.
    if job.max_docs < u64::from(parts) {
        rules.push(
            "size should be greater than 0 if the request is limited to some number of documents or -1 \
             if it isn't but it was [0]"
                .to_owned(),
        );
    }
    rules
}

/// Carries a job out, and answers with what it did; or with its task, if nobody waits.
async fn carry_out(
    node: &Arc<Node>,
    call: &Call<'_>,
    tasks: &Arc<Tasks>,
    job: Job,
    (action, description, parts): (&'static str, String, u32),
) -> Result<Answer, Error> {
    let rules = rules_of(&job, parts);
    if !rules.is_empty() {
        return Err(Error::Validation(rules));
    }
    let mut batch = Asked { scroll: Some(0), ..Asked::default() };
    batch.search.size = Some(job.batch);
    check_window(node, &batch, &job.scopes)?;
    let opaque_id = call.request.headers.opaque_id.clone();
    let per_second = job.parameters.per_second;
    let new = NewTask { action, description, opaque_id, per_second, parts };
    let running = tasks.begin(new, node.now())?;
    let scene = Scene {
        node: Arc::clone(node),
        dialect: call.dialect,
        budget: call.request.budget.clone(),
        task: Arc::clone(&running.task),
    };
    if job.parameters.is_detached {
        let id = format!("{}:{}", node.id(), running.task.number);
        tokio::spawn(leave_result(scene, job, Arc::clone(tasks), running));
        return Ok(Answer::json(StatusCode::OK, json::object(|o| o.string("task", &id))));
    }
    let done = run(&scene, &job).await?;
    let shape = Shape {
        updates: !matches!(job.what, What::Delete),
        creates: matches!(job.what, What::Copy(_)),
        human: call.rendering.human,
    };
    let body = json::object(|o| write(o, &scene, shape, &job, &done));
    let status = StatusCode::from_u16(done.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Ok(Answer::json(status, body))
}

/// Carries a job out that nobody waits for, and keeps its result. It runs until that is kept.
async fn leave_result(scene: Scene, job: Job, tasks: Arc<Tasks>, running: Running) {
    let outcome = run(&scene, &job).await;
    let id = format!("{}:{}", scene.node.id(), scene.task.number);
    let result = result(&scene, &job, &outcome);
    tasks.results.keep(&scene.node, id, result).await;
    drop(running);
}

/// The result of a job, as it is kept.
fn result(scene: &Scene, job: &Job, outcome: &Result<Done, Error>) -> Bytes {
    let json = json::object(|o| {
        o.boolean("completed", true);
        o.object("task", |o| write_task(o, &scene.node, &scene.task, true));
        match outcome {
            Ok(done) => o.object("response", |o| {
                write(o, scene, Shape::KEPT, job, done);
            }),
            Err(error) => o.object("error", |o| error.body().write_item(o)),
        }
    });
    json.into()
}

/// How many writes a second a task is let make from here on.
pub(crate) fn take_pace(call: &mut Call<'_>) -> Result<Option<f32>, Error> {
    let Some(text) = call.parameters.take("requests_per_second") else {
        return Err(Error::illegal_argument("requests_per_second is a required parameter"));
    };
    per_second(&text)
}

/// The type that errors about an index's documents name.
fn type_of(node: &Node, index: &str) -> Arc<str> {
    let index = node.index(index);
    let name = index
        .as_ref()
        .map_or(super::document_view::TYPELESS, |index| super::document_view::type_name(index));
    name.into()
}
