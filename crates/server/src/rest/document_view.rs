//! How documents and what was done to them look on the wire, in each dialect (spec dialects §2).

use bytes::Bytes;
use document::Outcome;
use hyper::StatusCode;
use node::{Index, Mapping, WrittenDocument};
use serde_json::Value;
use shard::Document;

use super::dialect::Dialect;
use super::json::Object;

/// The type that typeless requests and answers name.
pub(crate) const TYPELESS: &str = "_doc";

/// The `_type` of an index's documents.
pub(crate) fn type_name(index: &Index) -> &str {
    index.metadata().type_name.as_deref().unwrap_or(TYPELESS)
}

/// The `_type` that an answer about a document names: in 7 what the request did.
pub(crate) fn shown_type(dialect: Dialect, index: &Index, is_typeless: bool) -> &str {
    match dialect {
        Dialect::V7 if is_typeless => TYPELESS,
        Dialect::V2 | Dialect::V5 | Dialect::V7 | Dialect::V8 => type_name(index),
    }
}

/// Which request a written document answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Index or create.
    Index,
    /// Delete.
    Delete,
    /// Update.
    Update,
}

/// How a written document is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WrittenView {
    /// The dialect.
    pub(crate) dialect: Dialect,
    /// What was asked.
    pub(crate) written: Written,
    /// Whether the request asked for a refresh and got it.
    pub(crate) forced_refresh: bool,
    /// Whether it is an item of a bulk, which ends with its status.
    pub(crate) in_bulk: bool,
    /// Whether the request named no type.
    pub(crate) is_typeless: bool,
}

impl WrittenView {
    /// Writes the members; `source` is what an update was asked to show.
    pub(crate) fn write(
        self,
        o: &mut Object<'_>,
        document: &WrittenDocument,
        source: Option<&Bytes>,
    ) {
        let Self { dialect, written, forced_refresh, in_bulk, is_typeless } = self;
        let type_name = shown_type(dialect, &document.index, is_typeless);
        let outcome = document.written.outcome;
        let tells_found = dialect.shows_created_and_found() && written == Written::Delete;
        // In bulk items 2.x puts `found` last and leaves `created` out.
        let found_last = tells_found && in_bulk && !dialect.shows_result();
        if tells_found && !found_last {
            o.boolean("found", outcome == Outcome::Deleted);
        }
        write_identity(o, dialect, &document.index, type_name, &document.id);
        o.number("_version", document.written.last.version.get());
        if dialect.shows_result() {
            o.string("result", result(outcome));
            if forced_refresh && outcome != Outcome::Noop {
                o.boolean("forced_refresh", true);
            }
        }
        write_shards(o, document);
        if dialect.shows_seq_no() {
            o.number("_seq_no", document.written.last.seq_no.get());
            o.number("_primary_term", document.written.last.term.get());
        } else if written == Written::Index && (dialect.shows_result() || !in_bulk) {
            o.boolean("created", outcome == Outcome::Created);
        }
        if let (Some(source), Some(shown)) = (source, &document.written.document) {
            o.object("get", |get| {
                if dialect.shows_seq_no() {
                    get.number("_seq_no", shown.last.seq_no.get());
                    get.number("_primary_term", shown.last.term.get());
                }
                if let Some(routing) = &shown.routing {
                    get.string("_routing", routing.as_str());
                }
                get.boolean("found", true);
                get.raw("_source", source);
            });
        }
        if in_bulk {
            o.number("status", status(outcome).as_u16());
        }
        if found_last {
            o.boolean("found", outcome == Outcome::Deleted);
        }
    }
}

/// The HTTP status of a write that happened.
pub(crate) fn status(outcome: Outcome) -> StatusCode {
    match outcome {
        Outcome::Created => StatusCode::CREATED,
        Outcome::Updated | Outcome::Deleted | Outcome::Noop => StatusCode::OK,
        Outcome::NotFound => StatusCode::NOT_FOUND,
    }
}

fn result(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Created => "created",
        Outcome::Updated => "updated",
        Outcome::Deleted => "deleted",
        Outcome::NotFound => "not_found",
        Outcome::Noop => "noop",
    }
}

/// `_shards`: one node has one copy of each shard, however many are wished for.
fn write_shards(o: &mut Object<'_>, document: &WrittenDocument) {
    let wrote = document.written.outcome != Outcome::Noop;
    let copies = u64::from(document.index.metadata().settings.number_of_replicas()) + 1;
    o.object("_shards", |shards| {
        shards.number("total", if wrote { copies } else { 0 });
        shards.number("successful", u8::from(wrote));
        shards.number("failed", 0);
    });
}

fn write_identity(o: &mut Object<'_>, dialect: Dialect, index: &Index, type_name: &str, id: &str) {
    write_name(o, dialect, index, Some(type_name), id);
}

fn write_name(
    o: &mut Object<'_>,
    dialect: Dialect,
    index: &Index,
    type_name: Option<&str>,
    id: &str,
) {
    o.string("_index", index.name());
    match type_name {
        Some(name) if dialect.shows_type() => o.string("_type", name),
        None if dialect.shows_type() => o.null("_type"),
        Some(_) | None => {}
    }
    o.string("_id", id);
}

/// A document that was asked for and is there.
pub(crate) struct Found<'d> {
    /// The document.
    pub(crate) document: &'d Document,
    /// The part of its source that is wanted.
    pub(crate) source: Option<Bytes>,
    /// The stored fields that are wanted.
    pub(crate) fields: Option<Value>,
}

/// Writes the members of a document that was asked for, found or not.
pub(crate) fn write_get(
    o: &mut Object<'_>,
    dialect: Dialect,
    index: &Index,
    asked: (Option<&str>, &str),
    found: Option<Found<'_>>,
) {
    let (type_name, id) = asked;
    write_name(o, dialect, index, type_name, id);
    let Some(Found { document, source, fields }) = found else {
        return o.boolean("found", false);
    };
    o.number("_version", document.last.version.get());
    if dialect.shows_seq_no() {
        o.number("_seq_no", document.last.seq_no.get());
        o.number("_primary_term", document.last.term.get());
    }
    if let Some(routing) = &document.routing {
        o.string("_routing", routing.as_str());
    }
    if dialect.shows_seq_no() {
        write_ignored(o, &index.mapping(), &document.source);
    }
    o.boolean("found", true);
    if let Some(source) = source {
        o.raw("_source", &source);
    }
    if let Some(fields) = fields {
        o.value("fields", &fields);
    }
}

/// Writes which fields have values that are left out, if any.
pub(crate) fn write_ignored(o: &mut Object<'_>, mapping: &Mapping, source: &[u8]) {
    let ignored = mapping.ignored(source);
    if !ignored.is_empty() {
        o.array("_ignored", |paths| ignored.iter().for_each(|path| paths.string(path)));
    }
}
