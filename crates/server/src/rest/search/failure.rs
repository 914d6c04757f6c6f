//! What goes wrong with a search, in Elasticsearch's words.

use hyper::StatusCode;
use node::{FailureCause, Hit, IndexRef, Node, ShardFailure};
use query::QueryError;
use shard::store::StoreError;

use crate::rest::error::{Error, ErrorBody, Outcome};
use crate::rest::json;

/// An error about a request.
pub(crate) fn query_error(error: &QueryError) -> Error {
    let body = body_of(error, None);
    // Complaints about fields of a body are about what is within them.
    let mut root = error;
    while let ("x_content_parse_exception", Some(cause)) = (root.kind(), root.caused_by()) {
        if !["x_content_parse_exception", "parsing_exception"].contains(&cause.kind()) {
            break;
        }
        root = cause;
    }
    let root = ErrorBody { caused_by: None, ..body_of(root, None) };
    Error::Search(Box::new(body.with_root_cause(root)))
}

/// An error of a query as it is shown; `index` is where it was to be carried out.
fn body_of(error: &QueryError, index: Option<&IndexRef>) -> ErrorBody {
    let mut body = ErrorBody::new(StatusCode::BAD_REQUEST, error.kind(), error.reason());
    if let (Some(index), "query_shard_exception") = (index, error.kind()) {
        body = body.with_text("index_uuid", &*index.uuid).with_text("index", &*index.name);
    }
    if let Some(place) = error.place() {
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        body = body.with_number("line", number(place.line));
        body = body.with_number("col", number(place.column));
    }
    match error.caused_by() {
        Some(cause) => body.with_cause(body_of(cause, index)),
        None => body,
    }
}

/// A search that failed on the shards of an index before anything was looked at.
pub(crate) fn phase_failed(node: &Node, index: Option<&IndexRef>, error: &QueryError) -> Error {
    let index =
        index.cloned().unwrap_or_else(|| IndexRef { name: "_na_".into(), uuid: "_na_".into() });
    let failure = ShardFailure { index, shard: 0, cause: FailureCause::Query(error.clone()) };
    search_failed(node, &[failure], true)
}

/// A search that found a document whose source cannot be read.
pub(super) fn unreadable(node: &Node, hit: &Hit, error: &StoreError) -> Error {
    let (index, shard) = (hit.index.identity().clone(), hit.shard);
    let cause = FailureCause::Unreadable(error.to_string().into());
    search_failed(node, &[ShardFailure { index, shard, cause }], true)
}

/// The reason of a shard's failure.
pub(crate) fn failure_body(failure: &ShardFailure) -> ErrorBody {
    match &failure.cause {
        FailureCause::Query(error) => body_of(error, Some(&failure.index)),
        FailureCause::Unreadable(reason) => ErrorBody::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "corrupt_index_exception",
            reason.as_ref(),
        )
        .with_outcome(Outcome::NotApplied),
        FailureCause::Gone => ErrorBody::new(
            StatusCode::NOT_FOUND,
            "search_context_missing_exception",
            "a document of this point in time was written since, and its older source is given up",
        ),
    }
}

/// The failures as they are listed: equal ones of an index once.
pub(crate) fn failures_json(node_id: &str, failures: &[ShardFailure]) -> String {
    let mut seen: Vec<(&str, String)> = Vec::new();
    let mut array = json::JsonWriter::new();
    array.array(|array| {
        for failure in failures {
            let body = failure_body(failure);
            let key = (&*failure.index.name, body.reason.clone());
            if seen.contains(&key) {
                continue;
            }
            seen.push(key);
            array.object(|o| {
                o.number("shard", failure.shard);
                o.string("index", &failure.index.name);
                o.string("node", node_id);
                o.object("reason", |o| body.write_members(o, false));
            });
        }
    });
    String::from_utf8(array.finish()).unwrap_or_default()
}

/// A search that failed: on all shards, or on some where that is not allowed.
pub(crate) fn search_failed(node: &Node, failures: &[ShardFailure], all: bool) -> Error {
    let first = failures.first().map(failure_body);
    let Some(first) = first else {
        let reason = "all shards failed".to_owned();
        return Error::Internal { reason, outcome: Outcome::NotApplied };
    };
    let (reason, phase) = if all { ("all shards failed", "query") } else { ("Shard failures", "") };
    let worst = failures.iter().map(|failure| failure_body(failure).status).max();
    let status = worst.filter(|status| status.is_server_error()).unwrap_or(first.status);
    let mut body = ErrorBody::new(status, "search_phase_execution_exception", reason)
        .with_text("phase", phase)
        .with_json("grouped", "true".to_owned())
        .with_json("failed_shards", failures_json(node.id(), failures));
    if status.is_server_error() {
        body = body.with_outcome(Outcome::NotApplied);
    }
    // What is no exception of Elasticsearch's own is repeated as the cause, within itself.
    let foreign = ["illegal_argument_exception", "number_format_exception"];
    if foreign.contains(&&*first.kind) {
        let inner = first.clone();
        let outer = ErrorBody { caused_by: Some(Box::new(inner)), ..first.clone() };
        body = body.with_cause(outer);
    }
    let root = ErrorBody { caused_by: None, ..first };
    Error::Search(Box::new(body.with_root_cause(root)))
}

/// A search context that is not there.
pub(crate) fn context_missing(number: &str) -> Error {
    let reason = format!("No search context found for id [{number}]");
    let missing = ErrorBody::new(StatusCode::NOT_FOUND, "search_context_missing_exception", reason);
    let failed = json::object(|o| {
        o.number("shard", -1);
        o.null("index");
        o.object("reason", |o| missing.write_members(o, false));
    });
    let failed = format!("[{}]", String::from_utf8(failed).unwrap_or_default());
    let body = ErrorBody::new(
        StatusCode::NOT_FOUND,
        "search_phase_execution_exception",
        "all shards failed",
    )
    .with_text("phase", "query")
    .with_json("grouped", "true".to_owned())
    .with_json("failed_shards", failed)
    .with_cause(missing.clone())
    .with_root_cause(missing);
    Error::Search(Box::new(body))
}
