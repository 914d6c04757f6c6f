//! A search page by page.

use std::sync::Arc;

use document::Timestamp;
use hyper::StatusCode;
use node::{Hit, Node, Scope, Within};
use query::QueryError;
use serde_json::Value;

use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::json;
use crate::rest::response::Answer;

use super::contexts::{Contexts, Scroll, bounded};
use super::failure::{context_missing, phase_failed};
use super::request::{check_window, parse_keep_alive};
use super::view::{Page, write_page};
use super::{Asked, Reading, find_hits, is_lost, read, took};

/// How many parts a search may be cut into (`index.max_slices_per_scroll`).
const SLICES_MAX: u32 = 1_024;

/// The first page.
pub(crate) async fn begin(
    node: &Node,
    call: &Call<'_>,
    contexts: &Contexts,
    asked: Asked,
    scopes: &[Scope],
) -> Result<Answer, Error> {
    let started = node.now();
    let shown = call.parameters.value("scroll").unwrap_or_default();
    let on = scopes.first().map(|scope| scope.index.identity());
    let on_shards = |error: Error| {
        if let Error::IllegalArgument(text) = error {
            return phase_failed(node, on, &QueryError::argument(text));
        }
        error
    };
    let keep_alive = bounded(asked.scroll, shown).map_err(on_shards)?;
    check_window(node, &asked, scopes)?;
    let setting = |scope: &Scope| {
        scope.index.metadata().settings.get("index.max_slices_per_scroll")?.parse::<u32>().ok()
    };
    let slices_max = scopes.iter().filter_map(setting).min().unwrap_or(SLICES_MAX);
    if let Some(slice) = asked.search.slice.as_ref().filter(|slice| slice.max > slices_max) {
        let text = format!(
            "The number of slices [{}] is too large. It must be less than [{slices_max}]. This limit \
             can be set by changing the [index.max_slices_per_scroll] index level setting.",
            slice.max
        );
        return Err(phase_failed(node, on, &QueryError::argument(text)));
    }
    let held = call.request.budget.reserve_none("scroll");
    let within = Within::Now(scopes);
    let (found, held) = find_hits(node, call.dialect, &asked, within, None, held).await?;
    let indices = scopes.iter().map(|scope| Arc::clone(&scope.index)).collect();
    let scroll = Scroll { asked, found, indices, shown: parking_lot::Mutex::new(0) };
    let id = contexts.keep_scroll(scroll, keep_alive, node.now(), held)?;
    let scroll = contexts.scroll(node, &id, None)?;
    page(node, call, &scroll, &id, started).await
}

/// The next page.
async fn page(
    node: &Node,
    call: &Call<'_>,
    scroll: &Scroll,
    id: &str,
    started: Timestamp,
) -> Result<Answer, Error> {
    let size = usize::try_from(scroll.asked.size()).unwrap_or(usize::MAX);
    let hits: Vec<&Hit> = {
        let mut shown = scroll.shown.lock();
        let hits: Vec<&Hit> = scroll.found.hits.iter().skip(*shown).take(size).collect();
        *shown += hits.len();
        hits
    };
    let mut held = call.request.budget.reserve_none("scroll");
    let documents = read(node, &hits, Reading::AsFound, &mut held).await?;
    if is_lost(&hits, &documents, Reading::AsFound) {
        return Err(context_missing("0"));
    }
    let page = Page {
        asked: &scroll.asked,
        found: &scroll.found,
        hits: &hits,
        documents: &documents,
        scroll_id: Some(id),
        node_id: node.id(),
        took: took(node, started),
    };
    let body = write_page(call.dialect, &page);
    Ok(Answer { held: Some(Arc::new(held)), ..Answer::json(StatusCode::OK, body) })
}

/// What a request on a scroll says: ids, and for how long.
#[derive(Default)]
struct Named {
    ids: Vec<String>,
    keep_alive: Option<String>,
}

/// Takes what URL and body say of a scroll.
fn take_named(call: &mut Call<'_>) -> Result<Named, Error> {
    call.parameters.declare(&["scroll_id"]);
    let mut named = Named::default();
    let listed = call.parameters.take_list("scroll_id");
    named.ids = call
        .found
        .id
        .map(|ids| ids.split(',').map(str::to_owned).collect())
        .or(listed)
        .unwrap_or_default();
    named.keep_alive = call.parameters.take("scroll");
    if call.request.body.is_empty() {
        return Ok(named);
    }
    let body = call.json_body()?;
    let Value::Object(members) = body else {
        return Err(Error::illegal_argument("Malformed content, must start with an object"));
    };
    for (name, value) in &members {
        match (name.as_str(), value) {
            ("scroll_id", Value::String(id)) => named.ids = vec![id.clone()],
            ("scroll_id", Value::Array(ids)) => {
                named.ids = ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
            }
            ("scroll", Value::String(text)) => named.keep_alive = Some(text.clone()),
            (name, value) => {
                let token = match value {
                    Value::Null => "VALUE_NULL",
                    Value::Bool(_) => "VALUE_BOOLEAN",
                    Value::Number(_) => "VALUE_NUMBER",
                    Value::String(_) => "VALUE_STRING",
                    Value::Array(_) => "START_ARRAY",
                    Value::Object(_) => "START_OBJECT",
                };
                return Err(Error::illegal_argument(format!(
                    "Unknown parameter [{name}] in request body or parameter is of the wrong \
                     type[{token}] "
                )));
            }
        }
    }
    Ok(named)
}

/// The next page of a scroll.
pub(crate) async fn scroll(
    node: &Node,
    call: &mut Call<'_>,
    contexts: &Contexts,
) -> Result<Answer, Error> {
    let started = node.now();
    let named = take_named(call)?;
    call.parameters.take_flag("rest_total_hits_as_int")?;
    call.finish_parameters()?;
    let Some(id) = named.ids.first() else {
        return Err(Error::Validation(vec!["scrollId is missing".to_owned()]));
    };
    let keep_alive = match &named.keep_alive {
        Some(text) => Some(bounded(Some(parse_keep_alive(text)?), text)?),
        None => None,
    };
    let scroll = contexts.scroll(node, id, keep_alive)?;
    page(node, call, &scroll, id, started).await
}

/// Gives up scrolls.
pub(crate) fn clear_scroll(
    node: &Node,
    call: &mut Call<'_>,
    contexts: &Contexts,
) -> Result<Answer, Error> {
    let named = take_named(call)?;
    call.finish_parameters()?;
    if named.ids.is_empty() {
        return Err(Error::Validation(vec!["no scroll ids specified".to_owned()]));
    }
    let mut freed = 0;
    let all = named.ids.iter().any(|id| id == "_all");
    if all {
        freed = contexts.drop_scrolls(node.now());
    }
    for id in named.ids.iter().filter(|id| *id != "_all") {
        freed += usize::from(contexts.drop_scroll(id, node.now())?);
    }
    Ok(freed_answer(freed, all))
}

/// How many contexts were given up; none is not found, unless all were meant.
pub(super) fn freed_answer(freed: usize, all: bool) -> Answer {
    let status = if freed == 0 && !all { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let body = json::object(|o| {
        o.boolean("succeeded", true);
        o.number("num_freed", freed);
    });
    Answer::json(status, body)
}
