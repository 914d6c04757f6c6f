//! Points in time: what was there at a moment, to search it again and again.

use hyper::StatusCode;
use node::{Node, Searcher};
use serde_json::Value;

use crate::rest::api::Call;
use crate::rest::document::check_preference;
use crate::rest::document_view::TYPELESS;
use crate::rest::error::Error;
use crate::rest::index::expression::find_scopes;
use crate::rest::json;
use crate::rest::response::Answer;

use super::contexts::{Contexts, bounded};
use super::request::{parse_keep_alive, take_wildcards};
use super::scroll::freed_answer;

/// Remembers what is there.
pub(crate) async fn open_point_in_time(
    node: &Node,
    call: &mut Call<'_>,
    contexts: &Contexts,
) -> Result<Answer, Error> {
    let keep_alive = call.parameters.take("keep_alive");
    check_preference(call.parameters.take("preference").as_deref(), call.dialect)?;
    let routing = call.parameters.take_list("routing").filter(|values| !values.is_empty());
    let expansion = take_wildcards(call)?;
    call.finish_parameters()?;
    let Some(text) = keep_alive else {
        return Err(Error::Validation(vec!["[keep_alive] is not specified".to_owned()]));
    };
    let keep_alive = bounded(Some(parse_keep_alive(&text)?), &text)?;
    let scopes = find_scopes(node, call, call.index(), expansion, routing.as_deref())?;
    let moment = node.searcher().moment(&scopes).await;
    let moment = moment.map_err(|error| call.error(error, TYPELESS))?;
    let mut held = call.request.budget.reserve_none("point in time");
    held.grow(moment.bytes())?;
    let id = contexts.keep_moment(moment, keep_alive, node.now(), held)?;
    Ok(Answer::json(StatusCode::OK, json::object(|o| o.string("id", &id))))
}

/// Forgets it.
pub(crate) fn close_point_in_time(
    node: &Node,
    call: &mut Call<'_>,
    contexts: &Contexts,
) -> Result<Answer, Error> {
    call.finish_parameters()?;
    let body = call.json_body()?;
    let Some(id) = body.get("id").and_then(Value::as_str) else {
        return Err(Error::illegal_argument("Required [id]"));
    };
    let freed = contexts.drop_moment(id, node.now())?;
    Ok(freed_answer(usize::from(freed), false))
}
