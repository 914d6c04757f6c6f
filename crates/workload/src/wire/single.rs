//! Requests for one document.

use checker::{Action, Fields, ReadBy, Upsert};
use serde_json::Value;

use super::text::{condition, encode, object, source, target};
use super::{Manner, Planned};
use crate::transport::Request;

/// An operation on one document.
pub(super) fn request(manner: &Manner, planned: &Planned) -> Request {
    let Planned { document, action } = planned;
    let (index, id) = (encode(&document.index), encode(&document.id));
    // `endpoint` is a suffix in typed paths and takes the place of the type in others.
    let path = |endpoint: &str| match manner.type_name {
        Some(type_name) if endpoint.is_empty() => format!("/{index}/{type_name}/{id}"),
        Some(type_name) => format!("/{index}/{type_name}/{id}/{endpoint}"),
        None if endpoint.is_empty() => format!("/{index}/_doc/{id}"),
        None => format!("/{index}/{endpoint}/{id}"),
    };
    let mut parameters = Vec::new();
    if let Some(routing) = &document.routing {
        parameters.push(("routing", Value::from(routing.as_str())));
    }
    let bytes = |value: Value| value.to_string().into_bytes();
    match action {
        Action::Index { condition: required, fields } => {
            parameters.extend(condition(*required));
            manner.request("PUT", target(path(""), &parameters), bytes(source(fields)))
        }
        Action::Create { condition: required, fields } => {
            parameters.extend(condition(*required));
            manner.request("PUT", target(path("_create"), &parameters), bytes(source(fields)))
        }
        Action::Delete { condition: required } => {
            parameters.extend(condition(*required));
            manner.request("DELETE", target(path(""), &parameters), Vec::new())
        }
        Action::Update { condition: required, change, upsert, detect_noop } => {
            parameters.extend(condition(*required));
            let body = update_body(change, upsert.as_ref(), *detect_noop);
            manner.request("POST", target(path("_update"), &parameters), bytes(body))
        }
        Action::Read { version, by } => {
            parameters.extend(version.map(|version| ("version", Value::from(version))));
            let endpoint = match by {
                ReadBy::Get | ReadBy::MultiGet | ReadBy::Search => "",
                ReadBy::Source => "_source",
            };
            manner.request("GET", target(path(endpoint), &parameters), Vec::new())
        }
    }
}

/// The body of an update.
pub(super) fn update_body(change: &Fields, upsert: Option<&Upsert>, detect_noop: bool) -> Value {
    let mut members = vec![("doc", source(change))];
    match upsert {
        Some(Upsert::Change) => members.push(("doc_as_upsert", Value::from(true))),
        Some(Upsert::Fields(fields)) => members.push(("upsert", source(fields))),
        None => {}
    }
    if !detect_noop {
        members.push(("detect_noop", Value::from(false)));
    }
    object(members)
}
