//! How many documents match.

use hyper::StatusCode;
use node::{Node, Within};
use query::Search;

use crate::rest::api::Call;
use crate::rest::document::check_preference;
use crate::rest::error::Error;
use crate::rest::index::expression::find_scopes;
use crate::rest::json;
use crate::rest::mapping::rules;
use crate::rest::response::Answer;

use super::failure::query_error;
use super::request::{take_query, take_wildcards};
use super::view::write_shards;
use super::{Asked, find, narrow_to_type};

/// Counts documents.
pub(crate) async fn count(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let body = Asked::body(call)?;
    let mut search = Search::default();
    if !body.trim().is_empty() {
        let read = Search::read_count(&body, rules(call.dialect));
        search.query = read.map_err(|error| query_error(&error))?;
    }
    search.query = take_query(call)?.or(search.query);
    check_preference(call.parameters.take("preference").as_deref(), call.dialect)?;
    if let Some(least) = call.parameters.take("min_score") {
        let no_number = || Error::illegal_argument(format!("For input string: \"{least}\""));
        search.min_score = Some(least.parse().map_err(|_| no_number())?);
    }
    if let Some(after) = call.parameters.take_int("terminate_after")? {
        let negative = || Error::illegal_argument("terminateAfter must be > 0");
        let after = u64::try_from(after).map_err(|_| negative())?;
        search.terminate_after = Some(after).filter(|after| *after > 0);
    }
    let mut asked = Asked::of(search, call.dialect)?;
    asked.routing = call.parameters.take_list("routing").filter(|values| !values.is_empty());
    let expansion = take_wildcards(call)?;
    call.finish_parameters()?;
    let expression = call.found.index.unwrap_or("_all");
    let routing = asked.routing.as_deref();
    let scopes = find_scopes(node, call, expression, expansion, routing)?;
    narrow_to_type(call, &mut asked, &scopes);
    let found = find(node, call.dialect, &asked, Within::Now(&scopes), 0).await?;
    let body = json::object(|o| {
        if asked.search.terminate_after.is_some() {
            o.boolean("terminated_early", found.terminated_early);
        }
        o.number("count", found.total);
        write_shards(o, call.dialect, &found, node.id());
    });
    Ok(Answer::json(StatusCode::OK, body))
}
