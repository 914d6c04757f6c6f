//! The lines of a bulk: an action with its metadata, and for all but deletes a source (spec
//! document-api §7.1).

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memchr;
use serde_json::value::RawValue;

use super::api::Call;
use super::conditions::{Conditions, VersionType};
use super::deprecation::{BULK_KEYS, BULK_TYPES};
use super::dialect::Dialect;
use super::error::Error;
use super::fields::{Fields, scalar, token, token_of};
use super::source_filter::SourceFilter;
use super::update_body::parse_long;

/// How many items one bulk may have.
const ITEMS_MAX: usize = 1_000_000;

/// How many keys the metadata of an item may have.
const KEYS_MAX: usize = 64;

/// What says something of an action, but for case and underscores, in whatever version. A line may have other
/// keys beside the action, but none of these: a condition that stands in the wrong place is not passed over.
const MEANINGFUL: [&str; 18] = [
    "index",
    "create",
    "delete",
    "update",
    "type",
    "id",
    "routing",
    "parent",
    "optype",
    "version",
    "versiontype",
    "ifseqno",
    "ifprimaryterm",
    "retryonconflict",
    "pipeline",
    "source",
    "requirealias",
    "requiredatastream",
];

/// What an item does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Index,
    Create,
    Delete,
    Update,
}

/// One item.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) name: Name,
    /// What it is called in the answer.
    pub(crate) key: &'static str,
    pub(crate) index: Option<Arc<str>>,
    pub(crate) type_name: Option<Arc<str>>,
    pub(crate) id: Option<String>,
    pub(crate) routing: Option<String>,
    pub(crate) conditions: Conditions,
    pub(crate) retry_on_conflict: i32,
    pub(crate) pipeline: Option<String>,
    pub(crate) source: SourceFilter,
    pub(crate) require_alias: Option<bool>,
    pub(crate) require_data_stream: Option<bool>,
    /// The source line; empty for a delete.
    pub(crate) body: Bytes,
}

/// Reads all items. Those with a type may settle the dialect of the answer.
pub(crate) fn parse(body: &Bytes, call: &mut Call<'_>) -> Result<Vec<Item>, Error> {
    let mut lines = Lines { rest: body, number: 0 };
    let mut raw_items = Vec::new();
    while let Some((number, line)) = lines.next()? {
        if line.trim_ascii().is_empty() {
            continue;
        }
        // Action lines alone: a source that is no UTF-8 fails with its item.
        let line = std::str::from_utf8(line).map_err(|error| {
            Error::MalformedJson(format!("[{number}:1] invalid UTF-8: {error}"))
        })?;
        let raw = RawItem::parse(number, line)?;
        let source = if raw.name == Name::Delete {
            Bytes::new()
        } else {
            // An action at the very end, without its source, is as good as not there.
            let Some((_, source)) = lines.next()? else { break };
            body.slice_ref(source.strip_suffix(b"\r").unwrap_or(source))
        };
        if raw_items.len() >= ITEMS_MAX {
            return Err(Error::TooMany { what: "items", limit: ITEMS_MAX });
        }
        raw_items.push((raw, source));
    }
    let types = raw_items.iter().flat_map(|(raw, _)| raw.type_name());
    let types: Vec<_> = types.collect();
    let conditional = raw_items.iter().any(|(raw, _)| raw.carries_seq_no_condition());
    call.hear_types(types.iter().map(|asked| &**asked), conditional, BULK_TYPES);
    if call.dialect == Dialect::V8 && raw_items.iter().any(|(raw, _)| raw.has_others) {
        call.rendering.warn(BULK_KEYS, call.dialect);
    }
    let dialect = call.dialect;
    let mut names = Names::default();
    raw_items.into_iter().map(|(raw, source)| raw.read(source, dialect, &mut names)).collect()
}

/// The lines of a body, numbered from 1. Each must end with a newline.
struct Lines<'b> {
    rest: &'b [u8],
    number: usize,
}

impl<'b> Lines<'b> {
    fn next(&mut self) -> Result<Option<(usize, &'b [u8])>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let split = memchr(b'\n', self.rest)
            .and_then(|end| Some((self.rest.get(..end)?, self.rest.get(end + 1..)?)));
        let Some((line, rest)) = split else {
            let text = "The bulk request must be terminated by a newline [\\n]";
            return Err(Error::illegal_argument(text));
        };
        self.rest = rest;
        self.number += 1;
        Ok(Some((self.number, line)))
    }
}

/// An action line whose metadata has not been understood yet.
struct RawItem<'b> {
    number: usize,
    name: Name,
    metadata: Fields<'b>,
    /// Whether there are keys beside the action, which Elasticsearch passes over up to 8.
    has_others: bool,
}

impl<'b> RawItem<'b> {
    fn parse(number: usize, line: &'b str) -> Result<Self, Error> {
        let malformed = |expected: &str, found: &str| {
            Err(Error::illegal_argument(format!(
                "Malformed action/metadata line [{number}], expected {expected} but found [{found}]"
            )))
        };
        let opening = token_of(line);
        if opening != "START_OBJECT" {
            return malformed("START_OBJECT", opening);
        }
        let Fields(members) = Fields::parse(line).map_err(|error| {
            Error::MalformedJson(format!("[{number}:{}] {error}", error.column()))
        })?;
        let mut members = members.into_iter();
        let Some((action, value)) = members.next() else {
            return malformed("FIELD_NAME", "END_OBJECT");
        };
        if token(value) != "START_OBJECT" {
            return malformed("START_OBJECT or END_OBJECT", token(value));
        }
        let name = match &*action {
            "index" => Name::Index,
            "create" => Name::Create,
            "delete" => Name::Delete,
            "update" => Name::Update,
            other => return malformed("field [create], [delete], [index] or [update]", other),
        };
        let others: Vec<_> = members.collect();
        if others.iter().any(|(name, _)| says_something(name)) {
            return malformed("END_OBJECT", "FIELD_NAME");
        }
        let metadata = Fields::parse(value.get()).map_err(|error| {
            Error::MalformedJson(format!("[{number}:{}] {error}", error.column()))
        })?;
        Ok(Self { number, name, metadata, has_others: !others.is_empty() })
    }

    fn type_name(&self) -> Option<Cow<'b, str>> {
        let Fields(members) = &self.metadata;
        members.iter().find(|(name, _)| name == "_type").and_then(|(_, value)| scalar(value))
    }

    fn carries_seq_no_condition(&self) -> bool {
        let Fields(members) = &self.metadata;
        members.iter().any(|(name, _)| name == "if_seq_no" || name == "if_primary_term")
    }

    /// Understands the metadata as the dialect spells it.
    fn read(self, body: Bytes, dialect: Dialect, names: &mut Names) -> Result<Item, Error> {
        let mut item = Item {
            name: self.name,
            key: match self.name {
                Name::Index => "index",
                Name::Create => "create",
                Name::Delete => "delete",
                Name::Update => "update",
            },
            index: None,
            type_name: None,
            id: None,
            routing: None,
            conditions: Conditions::default(),
            retry_on_conflict: 0,
            pipeline: None,
            source: SourceFilter::Unasked,
            require_alias: None,
            require_data_stream: None,
            body,
        };
        let Fields(members) = &self.metadata;
        if members.len() > KEYS_MAX {
            return Err(Error::illegal_argument(format!(
                "Action/metadata line [{}] has [{}] keys, more than [{KEYS_MAX}]",
                self.number,
                members.len()
            )));
        }
        for (place, (name, value)) in members.iter().enumerate() {
            let earlier = members.iter().take(place).map(|(name, _)| &**name);
            if let Some(earlier) = said_before(earlier, name, dialect) {
                return Err(Error::illegal_argument(format!(
                    "Action/metadata line [{}] says the same in [{earlier}] and in [{name}]",
                    self.number
                )));
            }
            item.set(self.number, name, value, dialect, names)?;
        }
        if item.name == Name::Update
            && item.conditions.has_version()
            && !dialect.allows_internal_version_condition()
        {
            return Err(Error::illegal_argument(
                "Update requests do not support versioning. Please use `if_seq_no` and \
                 `if_primary_term` instead",
            ));
        }
        Ok(item)
    }
}

impl Item {
    fn set(
        &mut self,
        line: usize,
        name: &str,
        value: &RawValue,
        dialect: Dialect,
        names: &mut Names,
    ) -> Result<(), Error> {
        let found = token(value);
        if name == "_source" {
            if found != "VALUE_NULL" {
                self.source = SourceFilter::parse(value)?;
            }
            return Ok(());
        }
        if found == "START_OBJECT" || found == "START_ARRAY" {
            return Err(Error::illegal_argument(format!(
                "Malformed action/metadata line [{line}], expected a simple value for field \
                 [{name}] but found [{found}]"
            )));
        }
        // `null` is as good as not given.
        let Some(text) = scalar(value) else { return Ok(()) };
        match modern_name(name, dialect) {
            "_index" => self.index = Some(names.shared(&text)),
            "_type" if dialect.allows_type_in_items() => self.type_name = Some(names.shared(&text)),
            "_id" => self.id = Some(text.into_owned()),
            // A routing goes before a parent, unless it is empty.
            "routing"
                if name.ends_with("parent")
                    && self.routing.as_ref().is_some_and(|r| !r.is_empty()) => {}
            "routing" if text.is_empty() && self.routing.is_some() => {}
            "routing" => self.routing = Some(text.into_owned()),
            "op_type" => {
                // It says something of an index action alone; with others it is passed over.
                if self.name == Name::Index && text.eq_ignore_ascii_case("create") {
                    (self.name, self.key) = (Name::Create, "create");
                }
            }
            "version" => self.conditions.set_version(Some(long(&text)?)),
            "version_type" => self.conditions.version_type = VersionType::parse(&text, dialect)?,
            "if_seq_no" if dialect.knows_seq_no_condition() => {
                self.conditions.set_seq_no(Some(long(&text)?))?;
            }
            "if_primary_term" if dialect.knows_seq_no_condition() => {
                self.conditions.set_primary_term(Some(long(&text)?))?;
            }
            "retry_on_conflict" => {
                self.retry_on_conflict = i32::try_from(long(&text)?).unwrap_or(i32::MAX);
            }
            "pipeline" => self.pipeline = Some(text.into_owned()),
            "require_alias" => self.require_alias = Some(flag(&text)?),
            "require_data_stream" => self.require_data_stream = Some(flag(&text)?),
            "list_executed_pipelines" | "dynamic_templates" => {}
            "timestamp" | "ttl" | "fields" if dialect.allows_old_metadata_names() => {}
            _ => {
                return Err(Error::illegal_argument(format!(
                    "Action/metadata line [{line}] contains an unknown parameter [{name}]"
                )));
            }
        }
        Ok(())
    }
}

/// Whether a key beside the action would say something of it.
fn says_something(name: &str) -> bool {
    let plain: String = name.chars().filter(|letter| *letter != '_').collect();
    MEANINGFUL.iter().any(|known| known.eq_ignore_ascii_case(&plain))
}

/// The present name of a metadata key that older dialects spell in several ways.
pub(crate) fn modern_name(name: &str, dialect: Dialect) -> &str {
    if !dialect.allows_old_metadata_names() {
        return name;
    }
    match name {
        "_routing" | "parent" | "_parent" => "routing",
        "opType" | "_op_type" => "op_type",
        "_version" => "version",
        "_version_type" | "_versionType" | "versionType" => "version_type",
        "_retry_on_conflict" | "_retryOnConflict" | "retryOnConflict" => "retry_on_conflict",
        "_timestamp" => "timestamp",
        "_ttl" => "ttl",
        other => other,
    }
}

/// Which of the earlier keys says the same by another name: of two conditions neither may be passed over. A
/// parent and a routing are two things, of which the routing counts.
pub(crate) fn said_before<'n>(
    mut earlier: impl Iterator<Item = &'n str>,
    name: &str,
    dialect: Dialect,
) -> Option<&'n str> {
    let is_parent = |name: &str| name.ends_with("parent");
    let is_same = |earlier: &&str| {
        modern_name(earlier, dialect) == modern_name(name, dialect)
            && is_parent(earlier) == is_parent(name)
    };
    earlier.find(is_same)
}

fn flag(text: &str) -> Result<bool, Error> {
    text.parse().map_err(|_| {
        Error::illegal_argument(format!(
            "Failed to parse value [{text}] as only [true] or [false] are allowed."
        ))
    })
}

fn long(text: &str) -> Result<i64, Error> {
    let illegal = || Error::illegal_argument(format!("For input string: \"{text}\""));
    parse_long(text).ok_or_else(illegal)
}

/// Names of indices and types, each kept once per bulk.
#[derive(Default)]
struct Names {
    known: Vec<Arc<str>>,
}

impl Names {
    fn shared(&mut self, name: &str) -> Arc<str> {
        // The latest first: most bulks write to one index, the others to a few.
        if let Some(known) = self.known.iter().rev().take(16).find(|known| &***known == name) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = name.into();
        self.known.push(Arc::clone(&shared));
        shared
    }
}
