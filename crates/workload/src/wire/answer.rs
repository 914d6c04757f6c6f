//! Answers about one document, alone or in a bulk or an mget, strictly.

use checker::{Action, Fields, Outcome, ReadBy, WriteResult};
use serde_json::{Map, Value};

use super::{Dialect, Planned, conflict};
use crate::transport::Answer;

/// The members of an object.
#[derive(Clone, Copy)]
pub(super) struct Members<'a>(&'a Map<String, Value>);

impl<'a> Members<'a> {
    pub(super) fn of(value: &'a Value) -> Result<Self, String> {
        value.as_object().map(Self).ok_or_else(|| format!("{value} is no object"))
    }

    pub(super) fn find(self, name: &str) -> Option<&'a Value> {
        self.0.get(name)
    }

    pub(super) fn get(self, name: &str) -> Result<&'a Value, String> {
        self.0.get(name).ok_or_else(|| format!("[{name}] is missing"))
    }

    pub(super) fn number(self, name: &str) -> Result<u64, String> {
        self.get(name)?.as_u64().ok_or_else(|| format!("[{name}] is no number"))
    }

    pub(super) fn text(self, name: &str) -> Result<&'a str, String> {
        self.get(name)?.as_str().ok_or_else(|| format!("[{name}] is no text"))
    }

    pub(super) fn flag(self, name: &str) -> Result<bool, String> {
        self.get(name)?.as_bool().ok_or_else(|| format!("[{name}] is no boolean"))
    }

    fn absent(self, name: &str) -> Result<(), String> {
        match self.0.get(name) {
            Some(value) => Err(format!("[{name}] should not be there, but is {value}")),
            None => Ok(()),
        }
    }
}

/// The body as JSON.
pub(super) fn parse(answer: &Answer) -> Result<Value, String> {
    serde_json::from_slice(&answer.body).map_err(|error| format!("the body is no JSON: {error}"))
}

/// Type and reason of an error.
pub(super) fn error_of(error: &Value) -> Result<(&str, &str), String> {
    let error = Members::of(error)?;
    Ok((error.text("type")?, error.text("reason")?))
}

/// Whether a failure's outcome is unknown.
pub(super) fn outcome_of(said: Option<&str>) -> Result<bool, String> {
    match said {
        Some("unknown") => Ok(true),
        Some("not-applied") => Ok(false),
        Some(other) => Err(format!("no outcome is called [{other}]")),
        None => Err("a failure does not tell its outcome".to_owned()),
    }
}

/// What became of an operation on one document.
pub(super) fn single(
    dialect: Dialect,
    planned: &Planned,
    answer: &Answer,
) -> Result<Outcome, String> {
    let body = parse(answer)?;
    let by_source = matches!(planned.action, Action::Read { by: ReadBy::Source, .. });
    if by_source && answer.status == 200 {
        let fields = fields(&body)?;
        let (version, seq_no, term, routing) = (None, None, None, None);
        return Ok(Outcome::Found { version, seq_no, term, fields, routing });
    }
    let members = Members::of(&body)?;
    if members.find("error").is_some() {
        return failure(dialect, Some(planned), answer.status, &body, answer);
    }
    check_identity(dialect, planned, members)?;
    if planned.action.is_read() {
        let outcome = found(dialect, members)?;
        let expected = if outcome == Outcome::Missing { 404 } else { 200 };
        if by_source || answer.status != expected {
            return Err(format!("the status of this is not {}", answer.status));
        }
        return Ok(outcome);
    }
    written(dialect, planned, answer.status, members, false)
}

/// Whether the answer is about the document that was asked for.
pub(super) fn check_identity(
    dialect: Dialect,
    planned: &Planned,
    members: Members<'_>,
) -> Result<(), String> {
    let (index, id) = (members.text("_index")?, members.text("_id")?);
    if (index, id) != (planned.document.index.as_str(), planned.document.id.as_str()) {
        return Err(format!("an answer about [{index}][{id}]"));
    }
    match dialect {
        Dialect::V8 => members.absent("_type"),
        // mget's failures have no type in any dialect that shows one elsewhere.
        Dialect::V2 | Dialect::V5 | Dialect::V7 if planned.action.is_read() => Ok(()),
        Dialect::V2 | Dialect::V5 | Dialect::V7 => members.text("_type").map(drop),
    }
}

/// The numbers of the last write, where the dialect shows them.
fn last_write(dialect: Dialect, members: Members<'_>) -> Result<Option<(u64, u64)>, String> {
    if dialect.is_old() {
        members.absent("_seq_no")?;
        members.absent("_primary_term")?;
        return Ok(None);
    }
    Ok(Some((members.number("_seq_no")?, members.number("_primary_term")?)))
}

/// A write that succeeded.
pub(super) fn written(
    dialect: Dialect,
    planned: &Planned,
    status: u16,
    members: Members<'_>,
    in_bulk: bool,
) -> Result<Outcome, String> {
    let version = members.number("_version")?;
    let last = last_write(dialect, members)?;
    let shards = Members::of(members.get("_shards")?)?;
    let wrote = shards.number("successful")? == 1;
    let is_delete = matches!(planned.action, Action::Delete { .. });
    let by_status = match (status, is_delete, wrote) {
        (201, false, true) => WriteResult::Created,
        (200, false, true) => WriteResult::Updated,
        (200, false, false) => WriteResult::Noop,
        (200, true, true) => WriteResult::Deleted,
        (404, true, true) => WriteResult::NotFound,
        (_, _, _) => return Err(format!("no write succeeds with {status}")),
    };
    if dialect == Dialect::V2 {
        members.absent("result")?;
    } else {
        let named = match members.text("result")? {
            "created" => WriteResult::Created,
            "updated" => WriteResult::Updated,
            "deleted" => WriteResult::Deleted,
            "not_found" => WriteResult::NotFound,
            "noop" => WriteResult::Noop,
            other => return Err(format!("no result is called [{other}]")),
        };
        if named != by_status {
            return Err(format!("{by_status:?} by status and {named:?} by name"));
        }
    }
    let is_index = matches!(planned.action, Action::Index { .. } | Action::Create { .. });
    if dialect.is_old()
        && is_delete
        && members.flag("found")? != (by_status == WriteResult::Deleted)
    {
        return Err("[found] is wrong".to_owned());
    }
    if dialect.is_old() && is_index && (dialect == Dialect::V5 || !in_bulk) {
        let created = by_status == WriteResult::Created;
        if members.flag("created")? != created {
            return Err("[created] is wrong".to_owned());
        }
    }
    let (seq_no, term) = last.unzip();
    Ok(Outcome::Written { result: by_status, version: Some(version), seq_no, term })
}

/// A document that was found, or was not.
pub(super) fn found(dialect: Dialect, members: Members<'_>) -> Result<Outcome, String> {
    if !members.flag("found")? {
        for name in ["_version", "_seq_no", "_primary_term", "_source", "_routing"] {
            members.absent(name)?;
        }
        return Ok(Outcome::Missing);
    }
    shown(dialect, members)
}

/// A document that is shown, with all that an answer shows of it.
pub(super) fn shown(dialect: Dialect, members: Members<'_>) -> Result<Outcome, String> {
    let version = Some(members.number("_version")?);
    let (seq_no, term) = last_write(dialect, members)?.unzip();
    let fields = fields(members.get("_source")?)?;
    let routing = match members.find("_routing") {
        None => None,
        Some(_) => Some(members.text("_routing")?.to_owned()),
    };
    Ok(Outcome::Found { version, seq_no, term, fields, routing: Some(routing) })
}

fn fields(source: &Value) -> Result<Fields, String> {
    let token = |(name, value): (&String, &Value)| match value.as_u64() {
        Some(token) => Ok((name.clone(), token)),
        None => Err(format!("[{name}] is {value}, which nobody wrote")),
    };
    Members::of(source)?.0.iter().map(token).collect()
}

/// A request that failed as a whole; `planned` is the document it is about, if it is about one.
pub(super) fn failure(
    dialect: Dialect,
    planned: Option<&Planned>,
    status: u16,
    body: &Value,
    answer: &Answer,
) -> Result<Outcome, String> {
    let members = Members::of(body)?;
    if members.number("status")? != u64::from(status) {
        return Err("the status in the body is another".to_owned());
    }
    let (kind, reason) = error_of(members.get("error")?)?;
    let header = answer.outcome_header.as_deref();
    judge(dialect, planned, status, (kind, reason), header)
}

/// An item of a bulk that failed.
pub(super) fn item_failure(
    dialect: Dialect,
    planned: &Planned,
    status: u16,
    error: &Value,
) -> Result<Outcome, String> {
    let said = Members::of(error)?.find("outcome").and_then(Value::as_str);
    judge(dialect, Some(planned), status, error_of(error)?, said)
}

/// An item of an mget that failed, which shows no status.
pub(super) fn read_failure(
    dialect: Dialect,
    planned: &Planned,
    error: &Value,
) -> Result<Outcome, String> {
    let (kind, reason) = error_of(error)?;
    let status = match kind {
        "version_conflict_engine_exception" => 409,
        "index_not_found_exception" => 404,
        _ => 500,
    };
    judge(dialect, Some(planned), status, (kind, reason), Some("not-applied"))
}

fn judge(
    dialect: Dialect,
    planned: Option<&Planned>,
    status: u16,
    (kind, reason): (&str, &str),
    said: Option<&str>,
) -> Result<Outcome, String> {
    let why = format!("{status} {kind}: {reason}");
    let is_read = planned.is_some_and(|planned| planned.action.is_read());
    match (status, planned) {
        (409, Some(planned)) => {
            let found = conflict::understand(dialect, planned, kind, reason)?;
            Ok(Outcome::Conflict { found: Some(found) })
        }
        (404, _) if kind == "index_not_found_exception" => Ok(Outcome::AbsentIndex),
        (404, Some(Planned { action: Action::Update { .. }, .. }))
            if kind == "document_missing_exception" =>
        {
            Ok(Outcome::Missing)
        }
        (404, Some(Planned { action: Action::Read { by: ReadBy::Source, .. }, .. }))
            if kind == "resource_not_found_exception" =>
        {
            Ok(Outcome::Missing)
        }
        (400 | 403 | 413 | 429, _) => Ok(Outcome::NotApplied { reason: why }),
        (500.., _) if is_read => Ok(Outcome::NotApplied { reason: why }),
        (500.., _) => match outcome_of(said)? {
            true => Ok(Outcome::Unknown { reason: why }),
            false => Ok(Outcome::NotApplied { reason: why }),
        },
        (_, _) => Err(format!("this is not answered with {why}")),
    }
}
