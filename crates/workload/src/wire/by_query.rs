//! Writes of what a query finds: `_delete_by_query`, `_update_by_query`, `_reindex`.
//!
//! The query is for a token, which one document alone can hold, so that the counts of the answer tell what
//! became of that document.

use checker::{Action, Outcome, WriteResult};
use serde_json::{Value, json};

use super::answer::{self, Members, parse};
use super::text::encode;
use super::{Dialect, Manner, Planned};
use crate::transport::{Answer, Request};

/// A write of the document whose field holds a token.
pub(super) fn request(
    manner: &Manner,
    index: &str,
    (field, token): (&str, u64),
    planned: &Planned,
) -> Request {
    let query = json!({ "term": { field: token } });
    let encoded = encode(index);
    let (path, body) = match &planned.action {
        Action::Index { .. } | Action::Create { .. } => {
            let is_create = matches!(planned.action, Action::Create { .. });
            let to = &planned.document;
            let routing =
                to.routing.as_ref().map_or("discard".to_owned(), |name| format!("={name}"));
            let op_type = if is_create { "create" } else { "index" };
            let body = json!({
                "conflicts": "proceed",
                "source": { "index": index, "query": query, "_source": [field] },
                "dest": { "index": to.index, "op_type": op_type, "routing": routing },
            });
            ("/_reindex".to_owned(), body)
        }
        Action::Delete { .. } => {
            let path = format!("/{encoded}/_delete_by_query?conflicts=proceed");
            (path, json!({ "query": query }))
        }
        Action::Update { .. } | Action::Read { .. } => {
            let path = format!("/{encoded}/_update_by_query?conflicts=proceed");
            (path, json!({ "query": query }))
        }
    };
    manner.request("POST", path, body.to_string().into_bytes())
}

/// What became of the document.
pub(super) fn outcome(
    dialect: Dialect,
    planned: &Planned,
    answer: &Answer,
) -> Result<Outcome, String> {
    let body = parse(answer)?;
    let members = Members::of(&body)?;
    if members.find("error").is_some() {
        let outcome = answer::failure(dialect, None, answer.status, &body, answer)?;
        // Of which of two indices is not told.
        let reason = || "there is no such index".to_owned();
        let is_absent = outcome == Outcome::AbsentIndex;
        return Ok(if is_absent { Outcome::NotApplied { reason: reason() } } else { outcome });
    }
    let failures = members.get("failures")?.as_array().ok_or("[failures] is no array")?;
    if let Some(failure) = failures.first() {
        // It may be the search's or the write's, and tells no outcome.
        return Ok(Outcome::Unknown { reason: failure.to_string() });
    }
    if answer.status != 200 {
        return Err(format!("a write by query does not succeed with {}", answer.status));
    }
    let count = |name| {
        members.find(name).map_or(Ok(0), |count: &Value| {
            count.as_u64().ok_or_else(|| format!("[{name}] is no number"))
        })
    };
    let (total, conflicts) = (count("total")?, count("version_conflicts")?);
    let written = (count("created")?, count("updated")?, count("deleted")?);
    let result = match (total, conflicts, written) {
        (0, 0, (0, 0, 0)) => return Ok(Outcome::NotApplied { reason: "nothing found".to_owned() }),
        (1, 1, (0, 0, 0)) => return Ok(Outcome::NotApplied { reason: "a conflict".to_owned() }),
        (1, 0, (1, 0, 0)) => WriteResult::Created,
        (1, 0, (0, 1, 0)) => WriteResult::Updated,
        (1, 0, (0, 0, 1)) => WriteResult::Deleted,
        _ => return Err("these counts are not those of one document".to_owned()),
    };
    let fits = match planned.action {
        Action::Index { .. } => result != WriteResult::Deleted,
        Action::Create { .. } => result == WriteResult::Created,
        Action::Delete { .. } => result == WriteResult::Deleted,
        Action::Update { .. } | Action::Read { .. } => result == WriteResult::Updated,
    };
    if !fits {
        return Err(format!("{result:?} is not what was to be done"));
    }
    Ok(Outcome::Written { result, version: None, seq_no: None, term: None })
}
