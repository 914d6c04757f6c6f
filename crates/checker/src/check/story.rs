//! Operations in words.

use super::document::{Doc, shown};
use crate::{Action, Condition, Current, IndexOperation, Operation, Outcome, Upsert};

/// An operation, its moments and its answer, on one line.
pub(super) fn operation(operation: &Operation) -> String {
    let Operation { client, request, item, life, dialect, began, ended, document, .. } = operation;
    let until = ended.map_or("?".to_owned(), |moment| {
        format!("{} (clock {})", moment.order, moment.wall_millis)
    });
    format!(
        "{}..{until} clock {}: client {client} request {}.{item} life {life} dialect {dialect} \
         {document}: {} -> {}",
        began.order,
        began.wall_millis,
        request & u64::from(u32::MAX),
        action(&operation.action),
        outcome(&operation.outcome)
    )
}

/// An operation on an index, on one line.
pub(super) fn index_operation(operation: &IndexOperation) -> String {
    let until = operation.ended.map_or("?".to_owned(), |moment| moment.order.to_string());
    format!(
        "{}..{until}: client {} life {} index {}: {:?} -> {:?}",
        operation.began.order,
        operation.client,
        operation.life,
        operation.index,
        operation.action,
        operation.outcome
    )
}

/// A document, on one line.
pub(super) fn doc(doc: &Doc) -> String {
    match doc {
        Doc::Absent { .. } => "no document".to_owned(),
        Doc::Live { last, fields, .. } => {
            format!("version {} {} {fields:?}", last.version, shown(last))
        }
        Doc::Dead { last, .. } => format!("deleted, version {} {}", last.version, shown(last)),
    }
}

fn action(action: &Action) -> String {
    match action {
        Action::Index { condition, fields } => format!("index{} {fields:?}", required(*condition)),
        Action::Create { condition, fields } => {
            format!("create{} {fields:?}", required(*condition))
        }
        Action::Delete { condition } => format!("delete{}", required(*condition)),
        Action::Update { condition, change, upsert, detect_noop } => {
            let upsert = match upsert {
                None => String::new(),
                Some(Upsert::Change) => " or make it".to_owned(),
                Some(Upsert::Fields(fields)) => format!(" or make {fields:?}"),
            };
            let always = if *detect_noop { "" } else { " always" };
            format!("update{}{always} {change:?}{upsert}", required(*condition))
        }
        Action::Read { version, by } => match version {
            None => format!("read by {by:?}"),
            Some(version) => format!("read by {by:?} if version {version}"),
        },
    }
}

fn required(condition: Condition) -> String {
    match condition {
        Condition::None => String::new(),
        Condition::SeqNo { seq_no, term } => format!(" if ({seq_no}, {term})"),
        Condition::Version(version) => format!(" if version {version}"),
        Condition::External(version) => format!(" as external version {version}"),
        Condition::ExternalGte(version) => format!(" as external_gte version {version}"),
        Condition::Holds(token) => format!(" where a field holds {token}"),
    }
}

fn outcome(outcome: &Outcome) -> String {
    let number = |name: &str, number: &Option<u64>| {
        number.map_or(String::new(), |number| format!(" {name} {number}"))
    };
    match outcome {
        Outcome::Written { result, version, seq_no, term } => {
            let numbers = [("version", version), ("seq_no", seq_no), ("term", term)];
            let numbers: String = numbers.iter().map(|(name, value)| number(name, value)).collect();
            format!("{result:?}{numbers}")
        }
        Outcome::Conflict { found: None } => "conflict".to_owned(),
        Outcome::Conflict { found: Some(found) } => match found {
            Current::Version(version) => format!("conflict with version {version}"),
            Current::SeqNo { seq_no, term } => format!("conflict with ({seq_no}, {term})"),
            Current::Live => "conflict with a document".to_owned(),
            Current::NotLive => "conflict: no document".to_owned(),
            Current::Absent => "conflict: no version".to_owned(),
        },
        Outcome::Missing => "missing".to_owned(),
        Outcome::Found { version, seq_no, term, fields, .. } => {
            let numbers = [("version", version), ("seq_no", seq_no), ("term", term)];
            let numbers: String = numbers.iter().map(|(name, value)| number(name, value)).collect();
            format!("found{numbers} {fields:?}")
        }
        Outcome::AbsentIndex => "no such index".to_owned(),
        Outcome::NotApplied { reason } => format!("not applied: {reason}"),
        Outcome::Unknown { reason } => format!("unknown: {reason}"),
    }
}
