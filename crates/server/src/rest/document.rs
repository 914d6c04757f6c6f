//! One document: index, create, get, source, delete, update (spec document-api §2–§5).

use document::Action;
use hyper::StatusCode;
use hyper::header::LOCATION;
use node::{DocumentWrite, Freshness, Index, MissingIndex, Node, WrittenDocument};
use shard::{Change, Document};

use super::api::Call;
use super::conditions::{Conditions, check_id};
use super::dialect::Dialect;
use super::document_view::{self, Found, TYPELESS, Written, WrittenView, shown_type, type_name};
use super::error::Error;
use super::json;
use super::parameters::Parameters;
use super::response::Answer;
use super::source_filter::SourceFilter;
use super::stored_fields::StoredFields;
use super::update_body::UpdateBody;
use super::uri::form_encode;
use super::write_parameters::{WriteParameters, take_pipeline};

/// Index under an id, or without one; `action` is what the path says, and `op_type` may change.
pub(crate) async fn index(
    node: &Node,
    call: &mut Call<'_>,
    path_action: Option<Action>,
) -> Result<Answer, Error> {
    let id = call.found.id.map(str::to_owned);
    call.parameters.declare(&["index", "type", "id"]);
    let is_new = id.is_none() && call.parameters.value("op_type").is_none();
    let action = take_op_type(call, path_action, id.is_some())?;
    let if_match = call.if_match()?;
    let conditions = Conditions::take(&mut call.parameters, if_match, call.dialect)?;
    let write = WriteParameters::take(call)?;
    let pipeline = take_pipeline(call)?;
    call.finish_parameters()?;
    if call.request.body.is_empty() {
        return Err(Error::Parse("request body is required".to_owned()));
    }
    let mut rules = conditions.check_write(action, id.as_deref(), call.dialect);
    rules.extend(pipeline);
    if !rules.is_empty() {
        return Err(Error::Validation(rules));
    }
    let (action, precondition) = (conditions.action(action), conditions.precondition());
    let source = call.request.body.clone();
    let change = match action {
        Action::Create => Change::Create(source),
        // Under an id that the server makes there is nothing to replace: a data stream takes it.
        Action::Index if is_new && precondition == document::Precondition::None => {
            Change::Create(source)
        }
        Action::Index | Action::Delete => Change::Index(source),
    };
    let missing_index = call.dialect.missing_index();
    let write_document =
        DocumentWrite { id, precondition, missing_index, ..document_write(call, &write, change) };
    carry_out(node, call, &write, write_document, Written::Index, &SourceFilter::Unasked).await
}

/// Delete by id. Only an external version creates the index along the way: its tombstone counts.
pub(crate) async fn delete(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["index", "type", "id"]);
    let if_match = call.if_match()?;
    let conditions = Conditions::take(&mut call.parameters, if_match, call.dialect)?;
    let write = WriteParameters::take(call)?;
    call.finish_parameters()?;
    call.refuse_body()?;
    let rules = conditions.check_write(Action::Delete, call.found.id, call.dialect);
    if !rules.is_empty() {
        return Err(Error::Validation(rules));
    }
    let precondition = conditions.precondition();
    let missing_index = if precondition.external_version().is_some() {
        call.dialect.missing_index()
    } else {
        MissingIndex::Refuse
    };
    let change = Change::Delete;
    let write_document =
        DocumentWrite { precondition, missing_index, ..document_write(call, &write, change) };
    carry_out(node, call, &write, write_document, Written::Delete, &SourceFilter::Unasked).await
}

/// Update by a partial document.
pub(crate) async fn update(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["index", "type", "id"]);
    let if_match = call.if_match()?;
    let conditions = Conditions::take(&mut call.parameters, if_match, call.dialect)?;
    // Parsed and validated; an update never conflicts with another, so there is nothing to retry.
    let retry_on_conflict = call.parameters.take_int("retry_on_conflict")?.unwrap_or(0);
    let doc_as_upsert = call.parameters.take_flag("doc_as_upsert")?;
    let shown = SourceFilter::take(&mut call.parameters, call.dialect);
    if call.dialect.allows_old_metadata_names() {
        for accepted in ["fields", "lang", "scripted_upsert"] {
            call.parameters.take(accepted);
        }
        if ["script", "script_id"].into_iter().any(|name| call.parameters.take(name).is_some()) {
            return Err(Error::ScriptUnsupported);
        }
    }
    let write = WriteParameters::take(call)?;
    call.finish_parameters()?;
    let mut body = UpdateBody::parse(&call.request.body, call.dialect)?;
    if let Some(wanted) = doc_as_upsert {
        body.insert_doc(wanted);
    }
    let conditions = body.conditions(conditions)?;
    let mut rules = body.check(&conditions, retry_on_conflict, call.dialect);
    rules.extend(check_id(call.id(), call.dialect));
    if !rules.is_empty() {
        return Err(Error::Validation(rules));
    }
    let shown = shown.or(&body.source);
    let precondition = conditions.precondition();
    let change = body.into_change(&shown, call.dialect)?;
    let missing_index = call.dialect.missing_index();
    let write_document =
        DocumentWrite { precondition, missing_index, ..document_write(call, &write, change) };
    carry_out(node, call, &write, write_document, Written::Update, &shown).await
}

/// Get by id.
pub(crate) async fn get(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let read = Read::take(call)?;
    let target = node.read_target(call.index(), read.routing.clone());
    let (index, routing) = target.map_err(|error| call.node_error(error))?;
    let (shown, document) = read.find(call, &index, routing.as_deref()).await?;
    let status = if document.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let body = json::object(|o| {
        let found = document.as_ref().map(|found| {
            let source = read.source.show(&index, &found.source, read.stored_fields.shows_source());
            Found {
                document: found,
                source,
                fields: read.stored_fields.read(&index.mapping(), &found.source),
            }
        });
        document_view::write_get(o, call.dialect, &index, (Some(shown), call.id()), found);
    });
    Ok(Answer::json(status, body))
}

/// A document's source, alone.
pub(crate) async fn source(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let read = Read::take(call)?;
    if read.source == SourceFilter::Nothing {
        return Err(Error::Validation(vec!["fetching source can not be disabled".to_owned()]));
    }
    let target = node.read_target(call.index(), read.routing.clone());
    let (index, routing) = target.map_err(|error| call.node_error(error))?;
    let (shown, document) = read.find(call, &index, routing.as_deref()).await?;
    let source = document.and_then(|document| read.source.show(&index, &document.source, true));
    source.map(|source| Answer::json(StatusCode::OK, source)).ok_or_else(|| {
        let path = call.dialect.document_path(index.name(), shown, call.id());
        Error::DocumentNotFound { path }
    })
}

/// The parameters of a read.
struct Read {
    routing: Option<String>,
    conditions: Conditions,
    source: SourceFilter,
    stored_fields: StoredFields,
    freshness: Freshness,
    /// Whether searches, and with them a read that is not of the last write, must see every write.
    refreshes: bool,
}

/// Takes `realtime`: which state of a document is read.
pub(crate) fn take_freshness(parameters: &mut Parameters) -> Result<Freshness, Error> {
    let is_of_refresh = parameters.take_flag("realtime")? == Some(false);
    Ok(if is_of_refresh { Freshness::LastRefresh } else { Freshness::LastWrite })
}

impl Read {
    fn take(call: &mut Call<'_>) -> Result<Self, Error> {
        call.parameters.declare(&["index", "type", "id"]);
        let if_match = call.if_match()?;
        let parameters = &mut call.parameters;
        let mut routing = parameters.take("routing").filter(|routing| !routing.is_empty());
        if call.dialect.allows_old_metadata_names() {
            let parent = parameters.take("parent");
            routing = routing.or(parent);
            parameters.take("fields");
        } else if parameters.take("fields").is_some() {
            return Err(Error::illegal_argument(
                "the parameter [fields] is no longer supported, please use [stored_fields] to \
                 retrieve stored fields or [_source] to load the field from _source",
            ));
        }
        check_preference(parameters.take("preference").as_deref(), call.dialect)?;
        let freshness = take_freshness(parameters)?;
        let refreshes = parameters.take_flag("refresh")?.unwrap_or(false);
        let stored_fields = StoredFields::of(parameters.take_list("stored_fields"));
        let source = SourceFilter::take(parameters, call.dialect);
        let conditions = Conditions::take_version(parameters, if_match, call.dialect)?;
        call.finish_parameters()?;
        call.refuse_body()?;
        let rules = conditions.check_read(call.dialect);
        if !rules.is_empty() {
            return Err(Error::Validation(rules));
        }
        Ok(Self { routing, conditions, source, stored_fields, freshness, refreshes })
    }
}

impl Read {
    /// The document that is asked for, and the type that the answer names. Asked for by another type
    /// than the index's, it is not there.
    async fn find<'n>(
        &self,
        call: &Call<'n>,
        index: &'n Index,
        routing: Option<&str>,
    ) -> Result<(&'n str, Option<Document>), Error> {
        let present = type_name(index);
        let asked = call.found.document_type.filter(|asked| !["_all", TYPELESS].contains(asked));
        if let Some(asked) = asked.filter(|asked| *asked != present && present != TYPELESS) {
            return Ok((asked, None));
        }
        let is_typeless = call.found.document_type.is_none_or(|asked| asked == TYPELESS);
        let shown = asked.unwrap_or_else(|| shown_type(call.dialect, index, is_typeless));
        self.stored_fields.check(&index.mapping())?;
        if self.refreshes {
            index.refresh_shard(index.shard_number(call.id(), routing));
        }
        let required = self.conditions.required_version();
        let found = index.read(call.id(), routing, required, self.freshness).await;
        let document = found.map_err(|error| call.error(error, shown))?;
        Ok((shown, document))
    }
}

/// One node has one copy to prefer; what is no preference is refused all the same.
pub(crate) fn check_preference(preference: Option<&str>, dialect: Dialect) -> Result<(), Error> {
    const KNOWN: [&str; 6] =
        ["_local", "_only_local", "_only_nodes", "_only_node", "_prefer_nodes", "_shards"];
    match preference {
        Some(text) if text.starts_with('_') => {
            let name = text.split([':', '|']).next().unwrap_or(text);
            if KNOWN.contains(&name) || dialect.former_preferences().contains(&name) {
                Ok(())
            } else {
                Err(Error::illegal_argument(format!("no Preference for [{text}]")))
            }
        }
        Some(_) | None => Ok(()),
    }
}

/// The write that path and common parameters describe, without its conditions.
fn document_write(call: &Call<'_>, write: &WriteParameters, change: Change) -> DocumentWrite {
    DocumentWrite {
        index: call.index().into(),
        type_name: call.found.document_type.filter(|asked| *asked != TYPELESS).map(Into::into),
        id: call.found.id.map(str::to_owned),
        routing: write.routing.clone(),
        precondition: document::Precondition::None,
        change,
        missing_index: MissingIndex::Refuse,
        named_by: write.named_by,
        found: None,
    }
}

async fn carry_out(
    node: &Node,
    call: &Call<'_>,
    parameters: &WriteParameters,
    write: DocumentWrite,
    written: Written,
    shown: &SourceFilter,
) -> Result<Answer, Error> {
    parameters.check_copies(node, call.index())?;
    let asked = write.type_name.clone();
    let result = node.write(write).await;
    let document = result.map_err(|error| {
        let present = node.index_for_writes(call.index());
        let present = present.as_ref().map_or(TYPELESS, |index| type_name(index));
        call.error(error, asked.as_deref().unwrap_or(present))
    })?;
    if parameters.refreshes() {
        document.index.refresh_shard(document.shard);
    }
    let forced_refresh = parameters.forced_refresh;
    let is_typeless = asked.is_none();
    let view =
        WrittenView { dialect: call.dialect, written, forced_refresh, in_bulk: false, is_typeless };
    let made = document.written.document.as_ref();
    let source = made.and_then(|made| shown.show(&document.index, &made.source, false));
    let body = json::object(|o| view.write(o, &document, source.as_ref()));
    let status = document_view::status(document.written.outcome);
    let answer = Answer::json(status, body);
    if status == StatusCode::CREATED && call.dialect.shows_location() {
        let location = location(call, &document, parameters.routing.as_deref(), is_typeless);
        return Ok(answer.with_header(LOCATION, &location));
    }
    Ok(answer)
}

fn location(
    call: &Call<'_>,
    document: &WrittenDocument,
    routing: Option<&str>,
    is_typeless: bool,
) -> String {
    let (index, id) = (form_encode(document.index.name()), form_encode(&document.id));
    let type_name = if call.dialect.shows_type() {
        form_encode(shown_type(call.dialect, &document.index, is_typeless))
    } else {
        TYPELESS.to_owned()
    };
    let routing = routing.map_or_else(String::new, |r| format!("?routing={}", form_encode(r)));
    format!("/{index}/{type_name}/{id}{routing}")
}

fn take_op_type(
    call: &mut Call<'_>,
    path_action: Option<Action>,
    has_id: bool,
) -> Result<Action, Error> {
    let creates = path_action == Some(Action::Create);
    let asked = call.parameters.take("op_type").map(|text| text.to_lowercase());
    let illegal = |text: String| Err(Error::illegal_argument(text));
    match asked.as_deref() {
        Some("create") => Ok(Action::Create),
        Some(other) if creates => illegal(format!("opType must be 'create', found: [{other}]")),
        Some("index") => Ok(Action::Index),
        Some(other) => illegal(format!("opType must be 'create' or 'index', found: [{other}]")),
        None if creates || (!has_id && call.dialect.creates_without_id()) => Ok(Action::Create),
        None => Ok(Action::Index),
    }
}
