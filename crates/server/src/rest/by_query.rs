//! Writes to what a query finds: update, delete, reindex (spec by-query).
//!
//! What is found is a snapshot of ids and writes; each document is then written under the condition
//! that it is still as it was found.

mod parameters;
mod view;
mod work;

use std::sync::Arc;

use hyper::StatusCode;
use node::{Expansion, Node};
use query::{Reindex, VersionRule, WriteByQuery};

use super::api::Call;
use super::error::Error;
use super::index::expression::find_indices;
use super::json;
use super::mapping::rules;
use super::response::Answer;
use super::search::{Asked, query_error, take_wildcards};

use parameters::Parameters;
use view::write;
use work::{Job, What, run};

/// Writes what a query finds again, as it is.
pub(crate) async fn update(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    by_query(node, call, What::Update).await
}

/// Deletes what a query finds.
pub(crate) async fn delete(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    by_query(node, call, What::Delete).await
}

/// An update or a delete.
async fn by_query(node: &Node, call: &mut Call<'_>, what: What) -> Result<Answer, Error> {
    let body = Asked::body(call)?;
    let mut request = WriteByQuery::default();
    if !body.trim().is_empty() {
        let read = WriteByQuery::read(&body, rules(call.dialect));
        request = read.map_err(|error| query_error(&error))?;
    }
    let parameters = Parameters::take(call, &mut request.search)?;
    let expansion = take_wildcards(call)?;
    call.finish_parameters()?;
    let search = &request.search;
    let mut rules = parameters.rules(search);
    if matches!(what, What::Delete) && search.query.is_none() {
        rules.push("query is missing".to_owned());
    }
    if !rules.is_empty() {
        return Err(Error::Validation(rules));
    }
    let indices = find_indices(node, call, call.index(), expansion)?;
    let batch = parameters.batch.or(request.search.size).unwrap_or(1_000);
    let max_docs = parameters.max_docs.or(request.max_docs).unwrap_or(u64::MAX);
    let conflicts = parameters.conflicts.or(request.conflicts).unwrap_or_default();
    let slices = parameters.slices(&indices);
    let job = Job {
        what,
        indices,
        search: request.search,
        conflicts,
        max_docs,
        batch,
        slices,
        parameters,
    };
    finish(node, call, job).await
}

/// Copies what a query finds into another index.
pub(crate) async fn reindex(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    if call.parameters.take("pipeline").is_some() {
        return Err(Error::illegal_argument(
            "_reindex doesn't support [pipeline] as a query parameter. Specify it in the [dest] \
             object instead.",
        ));
    }
    if call.request.body.is_empty() {
        return Err(Error::Validation(vec!["request body is required".to_owned()]));
    }
    let body = Asked::body(call)?;
    let read = Reindex::read(&body, rules(call.dialect));
    let mut request = read.map_err(|error| query_error(&error))?;
    let parameters = Parameters::take_of_reindex(call)?;
    call.finish_parameters()?;
    let mut rules = parameters.rules(&request.source.search);
    if request.source.indices.is_empty() {
        rules.push("use _all if you really want to copy from all existing indexes".to_owned());
    }
    if request.source.search.source.as_deref() == Some("false") {
        rules.push("_source:false is not supported in this context".to_owned());
    }
    let Some(target) = request.destination.index.clone().filter(|name| !name.is_empty()) else {
        rules.push("index must be specified".to_owned());
        return Err(Error::Validation(rules));
    };
    if request.destination.create && request.destination.version != VersionRule::Internal {
        rules.push(
            "create operations only support internal versioning. use index instead".to_owned(),
        );
    }
    if request.destination.version == VersionRule::Force {
        rules.push("version type [force] may no longer be used".to_owned());
    }
    if !rules.is_empty() {
        return Err(Error::Validation(rules));
    }
    let expression = request.source.indices.join(",");
    let indices = find_indices(node, call, &expression, Expansion::OPEN)?;
    let written = node.index_for_writes(&target);
    let written = written.as_ref().map_or(target.as_str(), |index| index.name());
    if indices.iter().any(|index| index.name() == written) {
        let rule = format!("reindex cannot write into an index its reading from [{target}]");
        return Err(Error::Validation(vec![rule]));
    }
    let batch = request.source.search.size.take().unwrap_or(1_000);
    let max_docs = parameters.max_docs.or(request.max_docs).unwrap_or(u64::MAX);
    let slices = parameters.slices(&indices);
    let job = Job {
        what: What::Copy(Box::new(request.destination)),
        indices,
        search: request.source.search,
        conflicts: request.conflicts.unwrap_or_default(),
        max_docs,
        batch,
        slices,
        parameters,
    };
    finish(node, call, job).await
}

/// Carries a job out to its end and renders what it did.
async fn finish(node: &Node, call: &Call<'_>, job: Job) -> Result<Answer, Error> {
    let mut rules = Vec::new();
    if job.batch == 0 {
        rules.push("[size] cannot be [0] in a scroll context".to_owned());
    }
    if job.max_docs == 0 {
        rules.push(
            "size should be greater than 0 if the request is limited to some number of documents or -1 \
             if it isn't but it was [0]"
                .to_owned(),
        );
    }
    if !rules.is_empty() {
        return Err(Error::Validation(rules));
    }
    let done = run(node, call, &job).await?;
    if job.parameters.refreshes() {
        job.written_to(node).iter().for_each(|index| index.refresh());
    }
    let status = done.status();
    let body = json::object(|o| write(o, call.dialect, &job, &done));
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Ok(Answer::json(status, body))
}

/// The type that errors about an index's documents name.
fn type_of(node: &Node, index: &str) -> Arc<str> {
    let index = node.index(index);
    let name = index
        .as_ref()
        .map_or(super::document_view::TYPELESS, |index| super::document_view::type_name(index));
    name.into()
}
