//! What the message of a version conflict says was found.

use checker::{Action, Condition, Current};

use super::{Dialect, Planned};

/// Understands the refusal of an operation: the text must be the one for its condition.
pub(super) fn understand(
    dialect: Dialect,
    planned: &Planned,
    kind: &str,
    reason: &str,
) -> Result<Current, String> {
    let id = &planned.document.id;
    let text = match dialect {
        Dialect::V7 | Dialect::V8 => reason.strip_prefix(&format!("[{id}]: ")),
        Dialect::V2 | Dialect::V5 => ["_doc", super::super::plan::TYPE_NAME]
            .iter()
            .find_map(|name| reason.strip_prefix(&format!("[{name}][{id}]: "))),
    };
    let text = text.ok_or_else(|| format!("a conflict of another document: {reason}"))?;
    let (condition, creates) = match &planned.action {
        Action::Index { condition, .. }
        | Action::Delete { condition }
        | Action::Update { condition, .. } => (*condition, false),
        Action::Create { condition, .. } => (*condition, true),
        Action::Read { version, .. } => {
            (version.map_or(Condition::None, Condition::Version), false)
        }
    };
    if kind == "document_already_exists_exception" {
        return match (dialect, creates, text) {
            (Dialect::V2, true, "document already exists") => Ok(Current::Live),
            (_, _, _) => Err(format!("not a conflict of this operation: {reason}")),
        };
    }
    if kind != "version_conflict_engine_exception" {
        return Err(format!("no conflict is a {kind}"));
    }
    let found = by_condition(dialect, condition, text);
    let found = found.or_else(|| {
        let version =
            number_in(text, "version conflict, document already exists (current version [", "])")?;
        (creates && dialect != Dialect::V2).then_some(Current::Version(version))
    });
    found.ok_or_else(|| format!("not a conflict of this operation: {reason}"))
}

fn by_condition(dialect: Dialect, condition: Condition, text: &str) -> Option<Current> {
    let (provided, words) = match condition {
        // Writes by query count their conflicts and do not tell them.
        Condition::None | Condition::Holds(_) => return None,
        Condition::SeqNo { seq_no, term } => return by_seq_no(seq_no, term, text),
        Condition::Version(version) => (version, "is different than"),
        Condition::External(version) => (version, "is higher or equal to"),
        Condition::ExternalGte(version) => (version, "is higher than"),
    };
    if matches!(dialect, Dialect::V7 | Dialect::V8)
        && text
            == format!("version conflict, document does not exist (expected version [{provided}])")
    {
        return Some(Current::Absent);
    }
    let (before, after) = match dialect {
        Dialect::V2 => ("version conflict, current [", format!("], provided [{provided}]")),
        Dialect::V5 | Dialect::V7 | Dialect::V8 => (
            "version conflict, current version [",
            format!("] {words} the one provided [{provided}]"),
        ),
    };
    let current = text.strip_prefix(before)?.strip_suffix(after.as_str())?;
    if current == "-1" && matches!(condition, Condition::Version(_)) {
        return Some(Current::Absent);
    }
    current.parse().ok().map(Current::Version)
}

fn by_seq_no(seq_no: u64, term: u64, text: &str) -> Option<Current> {
    let rest = text.strip_prefix(&format!(
        "version conflict, required seqNo [{seq_no}], primary term [{term}]. "
    ))?;
    if rest == "but no document was found" {
        return Some(Current::NotLive);
    }
    let rest = rest.strip_prefix("current document has seqNo [")?.strip_suffix(']')?;
    let (found, under) = rest.split_once("] and primary term [")?;
    Some(Current::SeqNo { seq_no: found.parse().ok()?, term: under.parse().ok()? })
}

fn number_in(text: &str, before: &str, after: &str) -> Option<u64> {
    text.strip_prefix(before)?.strip_suffix(after)?.parse().ok()
}
