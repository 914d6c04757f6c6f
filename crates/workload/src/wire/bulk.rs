//! Many writes in one request.

use checker::{Action, Outcome};
use serde_json::Value;

use super::answer::{self, Members, parse};
use super::single::update_body;
use super::text::{condition, object, source};
use super::{Dialect, Manner, Planned};
use crate::transport::{Answer, Request};

/// A bulk.
pub(super) fn request(manner: &Manner, items: &[Planned]) -> Request {
    let mut body = String::new();
    for Planned { document, action } in items {
        let (name, required, line) = match action {
            Action::Index { condition, fields } => ("index", *condition, Some(source(fields))),
            Action::Create { condition, fields } => ("create", *condition, Some(source(fields))),
            Action::Delete { condition } => ("delete", *condition, None),
            Action::Update { condition, change, upsert, detect_noop } => {
                let body = update_body(change, upsert.as_ref(), *detect_noop);
                ("update", *condition, Some(body))
            }
            // A bulk has no reads.
            Action::Read { .. } => continue,
        };
        let mut members = vec![("_index", Value::from(document.index.as_str()))];
        members.extend(manner.type_name.map(|name| ("_type", Value::from(name))));
        members.push(("_id", Value::from(document.id.as_str())));
        if let Some(routing) = &document.routing {
            members.push(("routing", Value::from(routing.as_str())));
        }
        members.extend(condition(required));
        let line_one = object(vec![(name, object(members))]);
        body.push_str(&format!("{line_one}\n"));
        if let Some(line) = line {
            body.push_str(&format!("{line}\n"));
        }
    }
    manner.request("POST", "/_bulk".to_owned(), body.into_bytes())
}

/// What became of each item.
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
    let body = Members::of(&body)?;
    let answered = body.get("items")?.as_array().ok_or("[items] is no array")?;
    if answered.len() != items.len() {
        return Err(format!("{} items are answered with {}", items.len(), answered.len()));
    }
    let mut outcomes = Vec::with_capacity(items.len());
    let mut errors = false;
    for (planned, answered) in items.iter().zip(answered) {
        let (outcome, failed) = item(dialect, planned, answered)?;
        errors |= failed;
        outcomes.push(outcome);
    }
    if body.get("errors")?.as_bool() != Some(errors) {
        return Err(format!("[errors] should be {errors}"));
    }
    Ok(outcomes)
}

/// What became of one item, and whether it is an error.
fn item(dialect: Dialect, planned: &Planned, answered: &Value) -> Result<(Outcome, bool), String> {
    let key = match planned.action {
        Action::Index { .. } => "index",
        Action::Create { .. } => "create",
        Action::Delete { .. } => "delete",
        Action::Update { .. } => "update",
        Action::Read { .. } => return Err("a bulk with a read".to_owned()),
    };
    let members = Members::of(answered)?;
    let inner = Members::of(members.get(key)?)?;
    let status = inner.number("status")?;
    let status = u16::try_from(status).map_err(|_| format!("status {status}"))?;
    answer::check_identity(dialect, planned, inner)?;
    match inner.find("error") {
        None => {
            let outcome = answer::written(dialect, planned, status, inner, true)?;
            Ok((outcome, false))
        }
        Some(error) => {
            let outcome = answer::item_failure(dialect, planned, status, error)?;
            Ok((outcome, true))
        }
    }
}
