//! Indices: create, delete, change settings.

use checker::{Durability, IndexAction, IndexOutcome};
use serde_json::Value;

use super::Manner;
use super::answer::{Members, error_of, outcome_of, parse};
use super::text::{encode, object};
use crate::transport::{Answer, Request};

/// An operation on an index.
pub(super) fn request(manner: &Manner, index: &str, action: &IndexAction) -> Request {
    let path = format!("/{}", encode(index));
    match action {
        IndexAction::Create(shape) => {
            let mut settings = Vec::new();
            settings.extend(shape.shards.map(|n| ("index.number_of_shards", Value::from(n))));
            let routing = shape.routing_shards;
            settings.extend(routing.map(|n| ("index.number_of_routing_shards", Value::from(n))));
            if shape.waits_for_refresh {
                settings.push(("index.refresh_interval", Value::from("-1")));
            }
            settings.extend(changes(shape.gc_deletes_millis, shape.durability));
            let body = object(vec![("settings", object(settings))]);
            manner.request("PUT", path, body.to_string().into_bytes())
        }
        IndexAction::Delete => manner.request("DELETE", path, Vec::new()),
        IndexAction::Change { gc_deletes_millis, durability } => {
            let body = object(changes(*gc_deletes_millis, *durability));
            manner.request("PUT", format!("{path}/_settings"), body.to_string().into_bytes())
        }
    }
}

fn changes(
    gc_deletes_millis: Option<i64>,
    durability: Option<Durability>,
) -> Vec<(&'static str, Value)> {
    let mut settings = Vec::new();
    if let Some(millis) = gc_deletes_millis {
        let text = if millis < 0 { "-1".to_owned() } else { format!("{millis}ms") };
        settings.push(("index.gc_deletes", Value::from(text)));
    }
    if let Some(durability) = durability {
        let text = match durability {
            Durability::Request => "request",
            Durability::Async => "async",
        };
        settings.push(("index.translog.durability", Value::from(text)));
    }
    settings
}

/// What became of it.
pub(super) fn outcome(action: &IndexAction, answer: &Answer) -> Result<IndexOutcome, String> {
    let body = parse(answer)?;
    if answer.status == 200 {
        let acknowledged = Members::of(&body)?.get("acknowledged")?.as_bool();
        return match acknowledged {
            Some(true) => Ok(IndexOutcome::Done),
            Some(false) | None => Err("not acknowledged".to_owned()),
        };
    }
    let (kind, reason) = error_of(Members::of(&body)?.get("error")?)?;
    let why = format!("{} {kind}: {reason}", answer.status);
    let exists = ["resource_already_exists_exception", "index_already_exists_exception"];
    match (answer.status, action) {
        (400, IndexAction::Create(_)) if exists.contains(&kind) => Ok(IndexOutcome::Exists),
        (404, IndexAction::Delete | IndexAction::Change { .. })
            if kind == "index_not_found_exception" =>
        {
            Ok(IndexOutcome::Absent)
        }
        (400 | 403 | 429, _) => Ok(IndexOutcome::NotApplied { reason: why }),
        (500.., _) => match outcome_of(answer.outcome_header.as_deref())? {
            true => Ok(IndexOutcome::Unknown { reason: why }),
            false => Ok(IndexOutcome::NotApplied { reason: why }),
        },
        (_, _) => Err(format!("an operation on an index is not answered with {why}")),
    }
}
