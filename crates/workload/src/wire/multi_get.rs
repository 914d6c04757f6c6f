//! Many reads in one request.

use checker::{Action, Outcome};
use serde_json::Value;

use super::answer::{self, Members, parse};
use super::text::object;
use super::{Dialect, Manner, Planned};
use crate::transport::{Answer, Request};

/// An mget.
pub(super) fn request(manner: &Manner, items: &[Planned]) -> Request {
    let docs = items.iter().map(|Planned { document, action }| {
        let mut members = vec![("_index", Value::from(document.index.as_str()))];
        members.extend(manner.type_name.map(|name| ("_type", Value::from(name))));
        members.push(("_id", Value::from(document.id.as_str())));
        if let Some(routing) = &document.routing {
            members.push(("routing", Value::from(routing.as_str())));
        }
        if let Action::Read { version: Some(version), .. } = action {
            members.push(("version", Value::from(*version)));
        }
        object(members)
    });
    let body = object(vec![("docs", Value::Array(docs.collect()))]);
    manner.request("POST", "/_mget".to_owned(), body.to_string().into_bytes())
}

/// What was found of each.
pub(super) fn outcomes(
    dialect: Dialect,
    items: &[Planned],
    answer: &Answer,
) -> Result<Vec<Outcome>, String> {
    let body = parse(answer)?;
    if answer.status != 200 {
        let whole = answer::failure(dialect, None, answer.status, &body, answer)?;
        return Ok(items.iter().map(|_| whole.clone()).collect());
    }
    let docs = Members::of(&body)?.get("docs")?.as_array().ok_or("[docs] is no array")?;
    if docs.len() != items.len() {
        return Err(format!("{} documents are answered with {}", items.len(), docs.len()));
    }
    items
        .iter()
        .zip(docs)
        .map(|(planned, doc)| {
            let members = Members::of(doc)?;
            answer::check_identity(dialect, planned, members)?;
            match members.find("error") {
                Some(error) => answer::read_failure(dialect, planned, error),
                None => answer::found(dialect, members),
            }
        })
        .collect()
}
