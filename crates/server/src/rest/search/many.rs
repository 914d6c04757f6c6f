//! Many searches in one request.

use hyper::StatusCode;
use node::{Expansion, Node};
use serde_json::{Map, Value};

use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::index::expression::{expand, find_scopes};
use crate::rest::json::JsonWriter;
use crate::rest::multi_get::ANSWER_BYTES_MAX;
use crate::rest::response::Answer;

use super::contexts::Contexts;
use super::request::take_spread;
use super::{Asked, answer, took};
use crate::rest::deprecation::MULTI_SEARCH_TYPES;

/// How many searches one request may have.
const SEARCHES_MAX: usize = 1_000;

/// A search of many.
struct Item {
    asked: Asked,
    index: Option<String>,
    expansion: Expansion,
    names_type: bool,
}

/// Many searches, one after the other.
pub(crate) async fn multi_search(
    node: &Node,
    call: &mut Call<'_>,
    contexts: &Contexts,
) -> Result<Answer, Error> {
    let started = node.now();
    call.parameters.declare(&["index", "type"]);
    let as_int = call.parameters.take_flag("rest_total_hits_as_int")?.unwrap_or(false);
    if call.parameters.take_int("max_concurrent_searches")?.is_some_and(|most| most < 1) {
        return Err(Error::illegal_argument("maxConcurrentSearchRequests must be positive"));
    }
    take_spread(&mut call.parameters)?;
    for name in ["typed_keys", "search_type", "ccs_minimize_roundtrips"] {
        call.parameters.take(name);
    }
    call.finish_parameters()?;
    let items = read(call, as_int)?;
    if items.iter().any(|item| item.names_type) {
        call.warn(MULTI_SEARCH_TYPES);
    }
    if items.is_empty() {
        return Err(Error::Validation(vec!["no requests added".to_owned()]));
    }
    let mut answers: Vec<Result<Vec<u8>, Error>> = Vec::with_capacity(items.len());
    let (mut bytes, mut kept) = (0, Vec::new());
    for item in &items {
        let result = one(node, call, contexts, item).await;
        let result = result.map(|(body, held)| {
            kept.push(held);
            body
        });
        bytes += result.as_ref().map_or(0, Vec::len);
        if bytes > ANSWER_BYTES_MAX {
            return Err(Error::AnswerTooLarge { limit: ANSWER_BYTES_MAX });
        }
        answers.push(result);
        // A thousand that look at nothing take a while together.
        tokio::task::yield_now().await;
    }
    let mut body = JsonWriter::with_capacity(bytes + 64);
    body.object(|o| {
        o.number("took", took(node, started));
        o.array("responses", |responses| {
            for answer in &answers {
                match answer {
                    Ok(body) => responses.raw(&with_status(body)),
                    Err(error) => responses.raw(&error.body().to_json(false)),
                }
            }
        });
    });
    // What the pages take of the budget is theirs until here.
    drop(kept);
    Ok(Answer::json(StatusCode::OK, body.finish()))
}

/// An answer with its status as the last member.
fn with_status(body: &[u8]) -> Vec<u8> {
    let mut json = body.strip_suffix(b"}").unwrap_or(body).to_vec();
    json.extend_from_slice(b",\"status\":200}");
    json
}

/// Carries out one search.
async fn one(
    node: &Node,
    call: &Call<'_>,
    contexts: &Contexts,
    item: &Item,
) -> Result<(Vec<u8>, crate::rest::budget::Reservation), Error> {
    item.asked.check()?;
    let scopes = if item.asked.search.pit.is_some() {
        Vec::new()
    } else {
        let expression = item.index.as_deref().or(call.found.index).unwrap_or("_all");
        find_scopes(node, call, expression, item.expansion, item.asked.routing.as_deref())?
    };
    answer(node, call, contexts, &item.asked, &scopes).await
}

/// Reads the pairs of lines.
fn read(call: &Call<'_>, as_int: bool) -> Result<Vec<Item>, Error> {
    let text = std::str::from_utf8(&call.request.body)
        .map_err(|error| Error::MalformedJson(format!("[1:1] invalid UTF-8: {error}")))?;
    if !text.is_empty() && !text.ends_with('\n') {
        let text = "The msearch request must be terminated by a newline [\\n]";
        return Err(Error::illegal_argument(text));
    }
    let mut items = Vec::new();
    let mut lines = text.lines();
    while let Some(header) = lines.next() {
        let Some(body) = lines.next() else { break };
        if items.len() >= SEARCHES_MAX {
            return Err(Error::TooMany { what: "searches", limit: SEARCHES_MAX });
        }
        let mut item = header_of(header)?;
        item.asked =
            Asked { routing: item.asked.routing.take(), ..Asked::read(body, call.dialect)? };
        if as_int {
            item.asked.show_total_as_int()?;
        }
        item.asked = item.asked.finish()?;
        items.push(item);
    }
    Ok(items)
}

/// Reads a header.
fn header_of(line: &str) -> Result<Item, Error> {
    let mut item = Item {
        asked: Asked::default(),
        index: None,
        expansion: Expansion::OPEN,
        names_type: false,
    };
    let members: Map<String, Value> = if line.trim().is_empty() {
        Map::new()
    } else {
        serde_json::from_str(line).map_err(|error| Error::malformed(&error))?
    };
    for (name, value) in &members {
        let flag = |value: &Value| value.as_bool().unwrap_or(value.as_str() == Some("true"));
        match name.as_str() {
            "index" | "indices" => item.index = names(value),
            "routing" => item.asked.routing = value.as_str().map(|r| vec![r.to_owned()]),
            "ignore_unavailable" => item.expansion.ignores_unavailable = flag(value),
            "allow_no_indices" => item.expansion.allows_none = flag(value),
            "expand_wildcards" => {
                let states = names(value).unwrap_or_default();
                expand(&mut item.expansion, states.split(','))?;
            }
            "type" | "types" => item.names_type = true,
            "search_type"
            | "preference"
            | "request_cache"
            | "allow_partial_search_results"
            | "ignore_throttled"
            | "ccs_minimize_roundtrips" => {}
            other => {
                return Err(Error::illegal_argument(format!(
                    "key [{other}] is not supported in the metadata section"
                )));
            }
        }
    }
    Ok(item)
}

/// The names of indices.
fn names(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(names) => {
            Some(names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}
