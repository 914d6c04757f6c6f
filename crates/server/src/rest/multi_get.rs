//! Many documents by id in one request (spec document-api §6).

use std::borrow::Cow;
use std::sync::Arc;

use hyper::StatusCode;
use node::{Freshness, Index, Node};
use serde_json::value::RawValue;
use shard::Document;

use super::api::Call;
use super::bulk_body::{modern_name, said_before};
use super::conditions::{Conditions, VersionType};
use super::deprecation::MULTI_GET_TYPES;
use super::dialect::Dialect;
use super::document::take_freshness;
use super::document_view::{self, TYPELESS, type_name};
use super::error::Error;
use super::fields::{self, Fields, scalar};
use super::json::{Array, JsonWriter};
use super::response::Answer;
use super::source_filter::SourceFilter;
use super::stored_fields::StoredFields;
use super::update_body::parse_long;

/// How many documents one request may name.
const DOCUMENTS_MAX: usize = 10_000;
/// How many bytes of sources one answer may hold.
pub(crate) const ANSWER_BYTES_MAX: usize = 256 << 20;

/// One document that is asked for.
#[derive(Default)]
struct Item {
    index: Option<String>,
    type_name: Option<String>,
    id: Option<String>,
    routing: Option<String>,
    conditions: Conditions,
    source: SourceFilter,
    stored_fields: StoredFields,
}

/// Get many.
pub(crate) async fn multi_get(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["index", "type"]);
    call.refuse_if_match()?;
    call.parameters.take("preference");
    let freshness = take_freshness(&mut call.parameters)?;
    let refreshes = call.parameters.take_flag("refresh")?.unwrap_or(false);
    let routing = call.parameters.take("routing").filter(|routing| !routing.is_empty());
    let stored_fields = StoredFields::of(call.parameters.take_list("stored_fields"));
    let source = SourceFilter::take(&mut call.parameters, call.dialect);
    call.finish_parameters()?;
    if call.request.body.is_empty() {
        return Err(Error::Parse("request body or source parameter is required".to_owned()));
    }
    let mut items = parse(&call.request.body, call)?;
    let typed = items.iter().filter_map(|item| item.type_name.as_deref());
    call.hear_types(typed, false, MULTI_GET_TYPES);
    for item in &mut items {
        item.index = item.index.take().or_else(|| call.found.index.map(str::to_owned));
        item.type_name =
            item.type_name.take().or_else(|| call.found.document_type.map(str::to_owned));
        item.routing = item.routing.take().or_else(|| routing.clone());
        item.source = item.source.or(&source);
        item.stored_fields = std::mem::take(&mut item.stored_fields).or(&stored_fields);
    }
    let rules = check(&items);
    if !rules.is_empty() {
        return Err(Error::Validation(rules));
    }
    let mut held = call.request.budget.reserve_none("mget");
    held.grow(items.iter().map(|item| stored_bytes(node, item)).sum())?;
    let found = read(node, call, &items, (freshness, refreshes)).await?;
    let mut body = JsonWriter::with_capacity(256 * items.len());
    body.object(|o| {
        o.array("docs", |docs| {
            for (item, found) in items.iter().zip(&found) {
                write(docs, call, item, found);
            }
        });
    });
    let held = Some(Arc::new(held));
    Ok(Answer { held, ..Answer::json(StatusCode::OK, body.finish()) })
}

/// What reading a document will take, as things stand: the answer is refused before it is read.
fn stored_bytes(node: &Node, item: &Item) -> u64 {
    let name = item.index.as_deref().unwrap_or_default();
    let id = item.id.as_deref().unwrap_or_default();
    let target = node.read_target(name, item.routing.clone());
    target.map_or(0, |(index, routing)| index.stored_bytes(id, routing.as_deref()))
}

type Found = Result<(Arc<Index>, Option<Document>), Error>;

async fn read(
    node: &Node,
    call: &Call<'_>,
    items: &[Item],
    state: (Freshness, bool),
) -> Result<Vec<Found>, Error> {
    let mut found = Vec::with_capacity(items.len());
    let mut bytes = 0;
    for item in items {
        let document = read_one(node, call, item, state).await;
        if let Ok((_, Some(document))) = &document {
            bytes += document.source.len();
        }
        if bytes > ANSWER_BYTES_MAX {
            return Err(Error::AnswerTooLarge { limit: ANSWER_BYTES_MAX });
        }
        found.push(document);
    }
    Ok(found)
}

/// Reads one document; `state` says which state of it, and whether to refresh before.
async fn read_one(
    node: &Node,
    call: &Call<'_>,
    item: &Item,
    (freshness, refreshes): (Freshness, bool),
) -> Found {
    let (name, id) = (item.index.as_deref(), item.id.as_deref());
    let (index, routing) = node
        .read_target(name.unwrap_or_default(), item.routing.clone())
        .map_err(|error| call.error(error, item.type_name.as_deref().unwrap_or(TYPELESS)))?;
    let present = type_name(&index).to_owned();
    let asked = item.type_name.as_deref().filter(|asked| *asked != TYPELESS);
    if present != TYPELESS && asked.is_some_and(|asked| asked != present) {
        return Ok((index, None));
    }
    // A version that none can be matches none; it is not passed over.
    if let Some(rule) = item.conditions.check_read(call.dialect).pop() {
        return Err(Error::Validation(vec![rule]));
    }
    let required = item.conditions.required_version();
    item.stored_fields.check(&index.mapping())?;
    let (id, routing) = (id.unwrap_or_default(), routing.as_deref());
    if refreshes {
        index.refresh_shard(index.shard_number(id, routing));
    }
    let read = index.read(id, routing, required, freshness).await;
    let document = read.map_err(|error| call.error(error, asked.unwrap_or(&present)))?;
    Ok((index, document))
}

fn write(docs: &mut Array<'_>, call: &Call<'_>, item: &Item, found: &Found) {
    let id = item.id.as_deref().unwrap_or_default();
    docs.object(|o| match found {
        Ok((index, document)) => {
            let asked = item.type_name.as_deref().filter(|asked| *asked != TYPELESS);
            let is_unknown = call.dialect == Dialect::V7 && is_blank(index);
            let shown = asked.or_else(|| (!is_unknown).then(|| type_name(index)));
            let document = document.as_ref().map(|document| {
                let shows_source = item.stored_fields.shows_source();
                let source = item.source.show(index, &document.source, shows_source);
                let fields = item.stored_fields.read(&index.mapping(), &document.source);
                document_view::Found { document, source, fields }
            });
            document_view::write_get(o, call.dialect, index, (shown, id), document);
        }
        Err(error) => {
            o.string("_index", item.index.as_deref().unwrap_or_default());
            if call.dialect.shows_type() {
                match item.type_name.as_deref() {
                    Some(asked) => o.string("_type", asked),
                    None => o.null("_type"),
                }
            }
            o.string("_id", id);
            o.object("error", |e| error.body().write_with_root_cause(e));
        }
    });
}

/// Whether nothing gave an index a mapping yet: in 7 it has no type to name then.
fn is_blank(index: &Index) -> bool {
    let metadata = index.metadata();
    metadata.type_name.is_none()
        && metadata.mappings.as_object().is_none_or(serde_json::Map::is_empty)
        && index.shards().iter().all(|shard| shard.max_seq_no().is_none())
}

/// The rules the request breaks (spec concurrency §7.4).
fn check(items: &[Item]) -> Vec<String> {
    if items.is_empty() {
        return vec!["no documents to get".to_owned()];
    }
    let rules = items.iter().enumerate().flat_map(|(number, item)| {
        let index = item.index.is_none().then(|| format!("index is missing for doc {number}"));
        let id = item.id.is_none().then(|| format!("id is missing for doc {number}"));
        index.into_iter().chain(id)
    });
    rules.collect()
}

fn parse(body: &[u8], call: &Call<'_>) -> Result<Vec<Item>, Error> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Error::MalformedJson(format!("[1:1] invalid UTF-8: {error}")))?;
    let token = fields::token_of(text);
    if token != "START_OBJECT" {
        return Err(unexpected(text, 0, &format!("[{token}], expected [START_OBJECT]")));
    }
    let Fields(members) = Fields::parse(text).map_err(|error| Error::malformed(&error))?;
    let mut items = Vec::new();
    for (name, value) in members {
        let at = fields::offset(text, value);
        match (&*name, fields::token(value)) {
            ("docs", "START_ARRAY") => {
                for doc in array(value)? {
                    add(&mut items, parse_doc(doc, call.dialect)?)?;
                }
            }
            ("ids", "START_ARRAY") => {
                for id in array(value)? {
                    let id = scalar(id).map(Cow::into_owned).ok_or_else(|| {
                        Error::illegal_argument("ids array element should only contain ids")
                    })?;
                    add(&mut items, Item { id: Some(id), ..Item::default() })?;
                }
            }
            (_, "START_ARRAY") => {
                let (line, column) = position(text, at);
                let reason =
                    format!("unknown key [{name}] for a START_ARRAY, expected [docs] or [ids]");
                return Err(Error::Parsing { reason, line, column });
            }
            (_, token) => {
                let what = format!("[{token}], expected [FIELD_NAME] or [START_ARRAY]");
                return Err(unexpected(text, at, &what));
            }
        }
    }
    Ok(items)
}

fn add(items: &mut Vec<Item>, item: Item) -> Result<(), Error> {
    if items.len() >= DOCUMENTS_MAX {
        return Err(Error::TooMany { what: "documents", limit: DOCUMENTS_MAX });
    }
    items.push(item);
    Ok(())
}

fn parse_doc(doc: &RawValue, dialect: Dialect) -> Result<Item, Error> {
    if fields::token(doc) != "START_OBJECT" {
        return Err(Error::illegal_argument("docs array element should include an object"));
    }
    let Fields(members) = Fields::parse(doc.get()).map_err(|error| Error::malformed(&error))?;
    let mut item = Item::default();
    for (place, (name, value)) in members.iter().enumerate() {
        let earlier = members.iter().take(place).map(|(name, _)| &**name);
        if let Some(earlier) = said_before(earlier, name, dialect) {
            return Err(Error::Parse(format!(
                "failed to parse multi get request. [{earlier}] and [{name}] say the same"
            )));
        }
        let old = dialect.allows_old_metadata_names();
        match modern_name(name, dialect) {
            "_index" => item.index = text(value),
            "_type" if dialect.allows_type_in_items() => item.type_name = text(value),
            "_id" => item.id = text(value),
            // A routing goes before a parent; an empty one is none.
            "routing" if item.routing.is_some() && name.ends_with("parent") => {}
            "routing" => {
                let routing = text(value).filter(|routing| !routing.is_empty());
                item.routing = routing.or(item.routing);
            }
            "version" => item.conditions.set_version(long(value)?),
            "version_type" => {
                let given = text(value).unwrap_or_default();
                item.conditions.version_type = VersionType::parse(&given, dialect)?;
            }
            "_source" => item.source = SourceFilter::parse(value)?,
            "stored_fields" => item.stored_fields = StoredFields::of(Some(names(value)?)),
            "fields" if old => item.stored_fields = StoredFields::of(Some(names(value)?)),
            _ => {
                return Err(Error::Parse(format!(
                    "failed to parse multi get request. unknown field [{name}]"
                )));
            }
        }
    }
    Ok(item)
}

fn array(value: &RawValue) -> Result<Vec<&RawValue>, Error> {
    serde_json::from_str(value.get()).map_err(|error| Error::malformed(&error))
}

/// One name, or a list of names.
fn names(value: &RawValue) -> Result<Vec<String>, Error> {
    if fields::token(value) == "START_ARRAY" {
        return Ok(array(value)?.into_iter().filter_map(text).collect());
    }
    Ok(text(value).into_iter().collect())
}

fn text(value: &RawValue) -> Option<String> {
    scalar(value).map(Cow::into_owned)
}

fn long(value: &RawValue) -> Result<Option<i64>, Error> {
    let Some(text) = scalar(value) else { return Ok(None) };
    let illegal = || Error::illegal_argument(format!("For input string: \"{text}\""));
    parse_long(&text).map(Some).ok_or_else(illegal)
}

fn unexpected(text: &str, offset: usize, what: &str) -> Error {
    let (line, column) = position(text, offset);
    Error::Parsing { reason: format!("unexpected token {what}"), line, column }
}

fn position(text: &str, offset: usize) -> (i64, i64) {
    let (line, column) = fields::position(text, offset);
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    (count(line), count(column))
}
