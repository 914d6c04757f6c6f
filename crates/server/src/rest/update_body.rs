//! The body of an update (spec document-api §5), alone or as the second line of a bulk item.

use std::sync::Arc;

use bytes::Bytes;
use node::{DocumentMerge, check_source};
use serde_json::value::RawValue;
use shard::Change;

use super::conditions::{Conditions, INTERNAL_VERSIONING, VersionType};
use super::dialect::Dialect;
use super::document_view::TYPELESS;
use super::error::Error;
use super::fields::{self, Fields};
use super::source_filter::SourceFilter;

/// Names longer than this are compared with no other: nobody meant one of ours.
pub(crate) const SUGGESTED_BYTES_MAX: usize = 100;

/// What an update's body says.
#[derive(Debug)]
pub(crate) struct UpdateBody {
    doc: Option<Bytes>,
    upsert: Option<Bytes>,
    /// Whether the document is inserted where there is none, if it says.
    doc_as_upsert: Option<bool>,
    detect_noop: bool,
    has_script: bool,
    /// What the answer shall show of the document.
    pub(crate) source: SourceFilter,
    if_seq_no: Option<i64>,
    if_primary_term: Option<i64>,
}

impl UpdateBody {
    /// Reads a body; an empty one says nothing.
    pub(crate) fn parse(body: &Bytes, dialect: Dialect) -> Result<Self, Error> {
        let mut update = Self {
            doc: None,
            upsert: None,
            doc_as_upsert: None,
            detect_noop: true,
            has_script: false,
            source: SourceFilter::Unasked,
            if_seq_no: None,
            if_primary_term: None,
        };
        if body.is_empty() {
            return Ok(update);
        }
        let text = std::str::from_utf8(body)
            .map_err(|error| Error::MalformedJson(format!("[1:1] invalid UTF-8: {error}")))?;
        let token = fields::token_of(text);
        if token != "START_OBJECT" && token != "null" {
            return Err(complaint(text, 0, &format!("Expected START_OBJECT but was: {token}")));
        }
        let Fields(members) = Fields::parse(text).map_err(|error| Error::malformed(&error))?;
        for (name, value) in members {
            update.set(body, text, &name, value, dialect)?;
        }
        Ok(update)
    }

    fn set(
        &mut self,
        body: &Bytes,
        text: &str,
        name: &str,
        value: &RawValue,
        dialect: Dialect,
    ) -> Result<(), Error> {
        match name {
            "doc" => self.doc = Some(object(body, text, name, value)?),
            "upsert" => self.upsert = Some(object(body, text, name, value)?),
            "script" => {
                let token = fields::token(value);
                if !["START_OBJECT", "VALUE_STRING"].contains(&token) {
                    return Err(unsupported(text, name, value));
                }
                self.has_script = true;
            }
            "doc_as_upsert" => self.doc_as_upsert = Some(flag(text, name, value)?),
            "detect_noop" => self.detect_noop = flag(text, name, value)?,
            // Without scripts there is nothing that it would change.
            "scripted_upsert" => drop(flag(text, name, value)?),
            "_source" => self.source = SourceFilter::parse(value)?,
            // Where the condition does not exist it is an unknown field: never ignored.
            "if_seq_no" if dialect.knows_seq_no_condition() => {
                self.if_seq_no = Some(long(text, name, value)?)
            }
            "if_primary_term" if dialect.knows_seq_no_condition() => {
                self.if_primary_term = Some(long(text, name, value)?)
            }
            _ => {
                let short = name.len() <= SUGGESTED_BYTES_MAX;
                let near = ["doc", "upsert", "script", "doc_as_upsert", "detect_noop", "_source"]
                    .into_iter()
                    .find(|known| short && strsim::levenshtein(known, name) <= 1);
                let hint = near.map_or_else(String::new, |near| format!(" did you mean [{near}]?"));
                let at = fields::name_offset(text, value);
                return Err(complaint(text, at, &format!("unknown field [{name}]{hint}")));
            }
        }
        Ok(())
    }

    /// Inserts the document where there is none, unless the body says something else.
    pub(crate) fn insert_doc(&mut self, wanted: bool) {
        self.doc_as_upsert.get_or_insert(wanted);
    }

    /// Whether the document is inserted where there is none.
    fn inserts_doc(&self) -> bool {
        self.doc_as_upsert == Some(true)
    }

    /// The conditions of the update: those of the body and of the request. Where both say something it must
    /// be the same, for of two conditions neither may be passed over.
    pub(crate) fn conditions(&self, mut conditions: Conditions) -> Result<Conditions, Error> {
        let asked = conditions;
        if self.if_seq_no.is_some() {
            conditions.set_seq_no(self.if_seq_no)?;
        }
        if self.if_primary_term.is_some() {
            conditions.set_primary_term(self.if_primary_term)?;
        }
        if !conditions.extends(&asked) {
            return Err(Error::illegal_argument(
                "the body has another [if_seq_no] or [if_primary_term] than the request",
            ));
        }
        Ok(conditions)
    }

    /// The rules the update breaks, in the order they are listed (spec concurrency §7.3).
    pub(crate) fn check(
        &self,
        conditions: &Conditions,
        retry_on_conflict: i32,
        dialect: Dialect,
    ) -> Vec<String> {
        let mut rules = Vec::new();
        if dialect.allows_internal_version_condition() {
            rules.extend(self.check_versioned(conditions, retry_on_conflict));
        } else if conditions.has_version() {
            return vec![INTERNAL_VERSIONING.to_owned()];
        } else {
            rules.extend(conditions.check_seq_no());
            if conditions.has_seq_no() && retry_on_conflict > 0 {
                rules.push("compare and write operations can not be retried".to_owned());
            }
            if conditions.has_seq_no() && self.inserts_doc() {
                rules.push("compare and write operations can not be used with upsert".to_owned());
            }
            if conditions.has_seq_no() && self.upsert.is_some() {
                rules.push(
                    "upsert requests don't support `if_seq_no` and `if_primary_term`".to_owned(),
                );
            }
        }
        match (&self.doc, self.has_script) {
            (None, false) => rules.push("script or doc is missing".to_owned()),
            (Some(_), true) => rules.push("can't provide both script and doc".to_owned()),
            (Some(_), false) | (None, true) => {}
        }
        if self.inserts_doc() && self.doc.is_none() {
            rules.push("doc must be specified if doc_as_upsert is enabled".to_owned());
        }
        rules
    }

    /// The rules of the dialects in which an update may require a version.
    fn check_versioned(&self, conditions: &Conditions, retry_on_conflict: i32) -> Vec<String> {
        let mut rules = Vec::new();
        match conditions.version_type {
            VersionType::Internal | VersionType::Force => {
                if conditions.has_explicit_version() && retry_on_conflict > 0 {
                    rules.push(
                        "can't provide both retry_on_conflict and a specific version".to_owned(),
                    );
                }
                rules.extend(conditions.check_range());
            }
            VersionType::External => {
                rules.push("version type [EXTERNAL] is not supported by the update API".to_owned())
            }
            VersionType::ExternalGte => rules
                .push("version type [EXTERNAL_GTE] is not supported by the update API".to_owned()),
        }
        if (self.upsert.is_some() || self.inserts_doc()) && conditions.has_version() {
            rules.push("can't provide version in upsert request".to_owned());
        }
        rules
    }

    /// The update as a shard takes it; `shown` is what the answer will show of the document.
    pub(crate) fn into_change(
        self,
        shown: &SourceFilter,
        dialect: Dialect,
    ) -> Result<Change, Error> {
        if self.has_script {
            return Err(Error::ScriptUnsupported);
        }
        for source in [&self.doc, &self.upsert].into_iter().flatten() {
            let checked = check_source(source).map_err(node::Error::Source);
            checked.map_err(|error| Error::node(error, dialect, TYPELESS))?;
        }
        let upsert = if self.inserts_doc() { self.doc.clone() } else { self.upsert };
        let merge = DocumentMerge { doc: self.doc, upsert, detect_noop: self.detect_noop };
        let wants_document = match shown {
            SourceFilter::Unasked | SourceFilter::Nothing => false,
            SourceFilter::All | SourceFilter::Fields { .. } => true,
        };
        Ok(node::update(Arc::new(merge), wants_document))
    }
}

fn object(body: &Bytes, text: &str, name: &str, value: &RawValue) -> Result<Bytes, Error> {
    if fields::token(value) == "START_OBJECT" {
        Ok(fields::slice(body, value))
    } else {
        Err(unsupported(text, name, value))
    }
}

fn flag(text: &str, name: &str, value: &RawValue) -> Result<bool, Error> {
    match value.get().trim_matches('"') {
        "true" => Ok(true),
        "false" => Ok(false),
        other => {
            let (line, column) = fields::position(text, fields::offset(text, value));
            Err(Error::XContent {
                reason: format!("[{line}:{column}] [UpdateRequest] failed to parse field [{name}]"),
                cause: Some(format!(
                    "Failed to parse value [{other}] as only [true] or [false] are allowed."
                )),
            })
        }
    }
}

fn long(text: &str, name: &str, value: &RawValue) -> Result<i64, Error> {
    let number = fields::scalar(value).and_then(|text| parse_long(&text));
    number.ok_or_else(|| {
        let (line, column) = fields::position(text, fields::offset(text, value));
        Error::XContent {
            reason: format!("[{line}:{column}] [UpdateRequest] failed to parse field [{name}]"),
            cause: Some(format!("For input string: {}", value.get())),
        }
    })
}

/// A whole number, or the whole part of one with a fraction, as Elasticsearch coerces them.
pub(crate) fn parse_long(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let (whole, fraction) = text.split_once('.')?;
    fraction.bytes().all(|digit| digit.is_ascii_digit()).then(|| whole.parse().ok())?
}

fn unsupported(text: &str, name: &str, value: &RawValue) -> Error {
    let token = fields::token(value);
    let complaint_text = format!("{name} doesn't support values of type: {token}");
    complaint(text, fields::offset(text, value), &complaint_text)
}

fn complaint(text: &str, offset: usize, what: &str) -> Error {
    let (line, column) = fields::position(text, offset);
    Error::XContent { reason: format!("[{line}:{column}] [UpdateRequest] {what}"), cause: None }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::UpdateBody;
    use crate::rest::conditions::Conditions;
    use crate::rest::dialect::Dialect;

    #[track_caller]
    fn refuses(body: &'static str, reason: &str) {
        let parsed = UpdateBody::parse(&Bytes::from_static(body.as_bytes()), Dialect::V7);
        let error = parsed.unwrap_err();
        assert_eq!(error.body().reason, reason, "{body}");
    }

    #[test]
    fn bodies_are_judged_with_position() {
        refuses(r#"{"dac":{}}"#, "[1:2] [UpdateRequest] unknown field [dac] did you mean [doc]?");
        refuses(r#"{"bogus": 1}"#, "[1:2] [UpdateRequest] unknown field [bogus]");
        refuses(
            r#"{"doc": {"a": 1}, "version": 1}"#,
            "[1:19] [UpdateRequest] unknown field [version]",
        );
        refuses(
            r#"{"doc": "x"}"#,
            "[1:9] [UpdateRequest] doc doesn't support values of type: VALUE_STRING",
        );
        refuses(
            r#"{"doc": null}"#,
            "[1:9] [UpdateRequest] doc doesn't support values of type: VALUE_NULL",
        );
        refuses(r#""x""#, "[1:1] [UpdateRequest] Expected START_OBJECT but was: VALUE_STRING");
        refuses("[]", "[1:1] [UpdateRequest] Expected START_OBJECT but was: START_ARRAY");
        refuses(
            r#"{"doc": {"a": 1}, "detect_noop": "yes"}"#,
            "[1:34] [UpdateRequest] failed to parse field [detect_noop]",
        );
    }

    #[test]
    fn a_condition_the_dialect_does_not_know_is_refused_in_the_body_too() {
        for body in [r#"{"doc":{},"if_seq_no":1}"#, r#"{"doc":{},"if_primary_term":1}"#] {
            let body = Bytes::from_static(body.as_bytes());
            for dialect in [Dialect::V2, Dialect::V5] {
                let refused = UpdateBody::parse(&body, dialect).unwrap_err().body().reason;
                assert!(refused.contains("unknown field [if_"), "{refused}");
            }
            assert!(UpdateBody::parse(&body, Dialect::V7).is_ok());
        }
    }

    #[test]
    fn rules_are_listed_in_order() {
        let rules = |body: &'static str| {
            let body = Bytes::from_static(body.as_bytes());
            let body = UpdateBody::parse(&body, Dialect::V8).unwrap();
            body.check(&Conditions::default(), 0, Dialect::V8)
        };
        assert_eq!(rules(""), ["script or doc is missing"]);
        assert_eq!(rules("{}"), ["script or doc is missing"]);
        assert_eq!(rules(r#"{"doc": {}, "script": "x"}"#), ["can't provide both script and doc"]);
        assert_eq!(
            rules(r#"{"doc_as_upsert": true}"#),
            ["script or doc is missing", "doc must be specified if doc_as_upsert is enabled"]
        );
    }
}
