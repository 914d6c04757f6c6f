//! Many writes in one request: reading the lines, and telling what became of each (spec
//! document-api §7).

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use document::Action;
use hyper::StatusCode;
use node::{DocumentWrite, MissingIndex, NamedBy, Node, WrittenDocument};
use shard::Change;

use super::api::Call;
use super::bulk_body::{Item, Name, parse};
use super::document_view::{TYPELESS, Written, WrittenView, type_name};
use super::error::{Error, ErrorBody};
use super::json::{Array, JsonWriter};
use super::multi_get::ANSWER_BYTES_MAX;
use super::response::Answer;
use super::source_filter::SourceFilter;
use super::update_body::UpdateBody;
use super::write_parameters::{WriteParameters, missing_pipeline, take_pipeline};

/// What the answer needs of an item, once its write is under way.
struct Asked {
    name: Name,
    /// What the item is called in the answer.
    key: &'static str,
    index: Arc<str>,
    type_name: Option<Arc<str>>,
    id: Option<String>,
    source: SourceFilter,
}

/// After so many items others may run.
const ITEMS_AT_A_TIME: usize = 1_024;

/// What every item falls back on.
struct Defaults {
    write: WriteParameters,
    index: Option<Arc<str>>,
    type_name: Option<Arc<str>>,
    source: SourceFilter,
}

/// Many writes.
pub(crate) async fn bulk(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let started = Instant::now();
    call.parameters.declare(&["index", "type"]);
    call.refuse_if_match()?;
    let source = SourceFilter::take(&mut call.parameters, call.dialect);
    let pipeline = take_pipeline(call)?;
    call.parameters.take_flag("list_executed_pipelines")?;
    if call.dialect.allows_old_metadata_names() {
        call.parameters.take("fields");
    }
    let defaults = Defaults {
        write: WriteParameters::take(call)?,
        index: call.found.index.map(Into::into),
        type_name: call.found.document_type.filter(|asked| *asked != TYPELESS).map(Into::into),
        source,
    };
    call.finish_parameters()?;
    if call.request.body.is_empty() {
        return Err(Error::Parse("request body is required".to_owned()));
    }
    let items = parse(&call.request.body, call)?;
    if items.is_empty() {
        return Err(Error::Validation(vec!["no requests added".to_owned()]));
    }
    let mut rules: Vec<String> = pipeline.into_iter().collect();
    let mut prepared = Vec::with_capacity(items.len());
    for item in items {
        if prepared.len() % ITEMS_AT_A_TIME == ITEMS_AT_A_TIME - 1 {
            tokio::task::yield_now().await;
        }
        prepared.push(prepare(node, call, item, &defaults, &mut rules)?);
    }
    if !rules.is_empty() {
        return Err(Error::Validation(rules));
    }
    let (asked, answers) = carry_out(node, prepared).await;
    if defaults.write.refreshes() {
        for document in answers.iter().flatten() {
            document.index.refresh_shard(document.shard);
        }
    }
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Answer::json(StatusCode::OK, render(node, call, &defaults, &asked, &answers, took)))
}

/// An item whose write is refused by itself, or ready.
type Prepared = (Asked, Result<DocumentWrite, Error>);
/// What became of an item: in the node's hands, or before.
type Answered = Result<WrittenDocument, Refused>;

enum Refused {
    Here(Error),
    ByNode(Box<node::Error>),
}

impl Refused {
    fn by_node(error: node::Error) -> Self {
        Self::ByNode(Box::new(error))
    }
}

/// Turns an item into a write; adds the rules it breaks, which refuse the bulk as a whole.
fn prepare(
    node: &Node,
    call: &Call<'_>,
    item: Item,
    defaults: &Defaults,
    rules: &mut Vec<String>,
) -> Result<Prepared, Error> {
    let index = item.index.or_else(|| defaults.index.clone());
    if index.is_none() {
        rules.push("index is missing".to_owned());
    }
    let type_name = match item.type_name {
        Some(asked) => Some(asked).filter(|asked| &**asked != TYPELESS),
        None => defaults.type_name.clone(),
    };
    let mut asked = Asked {
        name: item.name,
        key: item.key,
        index: index.unwrap_or_else(|| "".into()),
        type_name,
        id: item.id,
        source: item.source,
    };
    let mut missing_index = call.dialect.missing_index();
    let conditions = item.conditions;
    let id = asked.id.as_deref();
    let (change, precondition) = match item.name {
        Name::Index | Name::Create => {
            let action = if item.name == Name::Create { Action::Create } else { Action::Index };
            rules.extend(conditions.check_write(action, id, call.dialect));
            let (action, precondition) = (conditions.action(action), conditions.precondition());
            let change = match action {
                Action::Create => Change::Create(item.body),
                Action::Index | Action::Delete => Change::Index(item.body),
            };
            (change, precondition)
        }
        Name::Delete => {
            rules.extend(id.is_none().then(|| "id is missing".to_owned()));
            rules.extend(conditions.check_write(Action::Delete, id, call.dialect));
            let precondition = conditions.precondition();
            if precondition.external_version().is_none() {
                missing_index = MissingIndex::Refuse;
            }
            (Change::Delete, precondition)
        }
        Name::Update => {
            rules.extend(id.is_none().then(|| "id is missing".to_owned()));
            let body = UpdateBody::parse(&item.body, call.dialect)?;
            let conditions = body.conditions(conditions)?;
            rules.extend(body.check(&conditions, item.retry_on_conflict, call.dialect));
            asked.source = asked.source.or(&body.source).or(&defaults.source);
            let precondition = conditions.precondition();
            match body.into_change(&asked.source, call.dialect) {
                Ok(change) => (change, precondition),
                Err(refused) => return Ok((asked, Err(refused))),
            }
        }
    };
    let write = DocumentWrite {
        index: Arc::clone(&asked.index),
        type_name: asked.type_name.clone(),
        id: asked.id.clone(),
        // An empty one says that there is none.
        routing: item.routing.or_else(|| defaults.write.routing.clone()).filter(|r| !r.is_empty()),
        precondition,
        change,
        missing_index,
        named_by: NamedBy {
            alias: item.require_alias.unwrap_or(defaults.write.named_by.alias),
            data_stream: item.require_data_stream.unwrap_or(defaults.write.named_by.data_stream),
        },
        found: None,
    };
    let refused = refusal(node, &asked, item.pipeline.as_deref(), defaults);
    Ok((asked, refused.map_or(Ok(write), Err)))
}

/// Why an item alone is refused before it reaches the node.
fn refusal(
    node: &Node,
    asked: &Asked,
    pipeline: Option<&str>,
    defaults: &Defaults,
) -> Option<Error> {
    if asked.id.as_deref() == Some("") {
        let text = "if _id is specified it must not be empty";
        return Some(Error::illegal_argument(text));
    }
    match pipeline {
        None | Some("_none") => defaults.write.check_copies(node, &asked.index).err(),
        Some(name) => Some(missing_pipeline(name)),
    }
}

/// Has the node write what was not refused, and puts the answers back in order.
async fn carry_out(node: &Node, prepared: Vec<Prepared>) -> (Vec<Asked>, Vec<Answered>) {
    let mut asked = Vec::with_capacity(prepared.len());
    let mut answers: Vec<Option<Answered>> = Vec::with_capacity(prepared.len());
    let mut writes = Vec::with_capacity(prepared.len());
    for (item, write) in prepared {
        asked.push(item);
        match write {
            Ok(write) => {
                writes.push(write);
                answers.push(None);
            }
            Err(error) => answers.push(Some(Err(Refused::Here(error)))),
        }
    }
    let mut written = node.bulk(writes).await.into_iter();
    for answer in answers.iter_mut().filter(|answer| answer.is_none()) {
        *answer = written.next().map(|answer| answer.map_err(Refused::by_node));
    }
    // The node answers every write.
    let lost = || Err(Refused::by_node(node::Error::Catalog(shard::WriteError::Closed)));
    let answers = answers.into_iter().map(|answer| answer.unwrap_or_else(lost)).collect();
    (asked, answers)
}

fn render(
    node: &Node,
    call: &Call<'_>,
    defaults: &Defaults,
    asked: &[Asked],
    answers: &[Answered],
    took: u64,
) -> Vec<u8> {
    let mut body = JsonWriter::with_capacity(64 + 192 * asked.len());
    let mut shown_bytes = 0;
    body.object(|o| {
        o.number("took", took);
        o.boolean("errors", answers.iter().any(Result::is_err));
        o.array("items", |items| {
            for (asked, answer) in asked.iter().zip(answers) {
                let forced_refresh = defaults.write.forced_refresh;
                match answer {
                    Ok(written) => {
                        let source = shown_source(asked, written, &mut shown_bytes);
                        write_success(items, call, asked, written, source, forced_refresh);
                    }
                    Err(refused) => {
                        let error = error_body(node, call, asked, refused);
                        if items.bytes() <= ANSWER_BYTES_MAX {
                            write_failure(items, call, asked, &error);
                        } else {
                            write_short_failure(items, asked, &error);
                        }
                    }
                }
            }
        });
    });
    body.finish()
}

/// The source that an update's item asks to be shown. The writes have happened, so an answer that
/// grows too large is not refused: further items come without.
fn shown_source(
    asked: &Asked,
    document: &WrittenDocument,
    shown_bytes: &mut usize,
) -> Option<Bytes> {
    let made = document.written.document.as_ref()?;
    let source = asked.source.show(&document.index, &made.source, false)?;
    *shown_bytes = shown_bytes.saturating_add(source.len());
    (*shown_bytes <= ANSWER_BYTES_MAX).then_some(source)
}

fn write_success(
    items: &mut Array<'_>,
    call: &Call<'_>,
    asked: &Asked,
    document: &WrittenDocument,
    source: Option<Bytes>,
    forced_refresh: bool,
) {
    let written = match asked.name {
        Name::Index | Name::Create => Written::Index,
        Name::Delete => Written::Delete,
        Name::Update => Written::Update,
    };
    let (dialect, is_typeless) = (call.dialect, asked.type_name.is_none());
    let view = WrittenView { dialect, written, forced_refresh, in_bulk: true, is_typeless };
    items.object(|item| {
        item.object(asked.key, |o| view.write(o, document, source.as_ref()));
    });
}

fn error_body(node: &Node, call: &Call<'_>, asked: &Asked, refused: &Refused) -> ErrorBody {
    match refused {
        Refused::Here(error) => error.body(),
        Refused::ByNode(error) => {
            let index = node.index_for_writes(&asked.index);
            let present = index.as_ref().map_or(TYPELESS, |index| type_name(index));
            let type_name = asked.type_name.as_deref().unwrap_or(present);
            call.error(node::Error::clone(error), type_name).body()
        }
    }
}

fn write_failure(items: &mut Array<'_>, call: &Call<'_>, asked: &Asked, error: &ErrorBody) {
    items.object(|item| {
        item.object(asked.key, |o| {
            o.string("_index", &asked.index);
            if call.dialect.shows_type() {
                o.string("_type", asked.type_name.as_deref().unwrap_or(TYPELESS));
            }
            match &asked.id {
                Some(id) => o.string("_id", id),
                None => o.null("_id"),
            }
            o.number("status", error.status.as_u16());
            o.object("error", |o| error.write_item(o));
        });
    });
}

/// A failure in an answer that has grown too large: what is needed to count it.
fn write_short_failure(items: &mut Array<'_>, asked: &Asked, error: &ErrorBody) {
    items.object(|item| {
        item.object(asked.key, |o| {
            o.number("status", error.status.as_u16());
            o.object("error", |o| o.string("type", &error.kind));
        });
    });
}
