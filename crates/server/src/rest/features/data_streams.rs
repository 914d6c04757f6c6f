//! What is asked of data streams, where there are none.

use node::{Expansion, Node};
use serde_json::{Map, json};

use super::Feature;
use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::index::expression::take_expansion;
use crate::rest::index::{take_indices, take_timeouts};
use crate::rest::response::Answer;

/// Answers what is about the lifecycles of data streams, or would make one.
pub(super) fn answer(
    endpoint: Feature,
    node: &Node,
    call: &mut Call<'_>,
) -> Option<Result<Answer, Error>> {
    if endpoint == Feature::DataLifecycleExplain {
        return Some(data_lifecycles(node, call));
    }
    if [Feature::ChangeDataLifecycle, Feature::GetDataLifecycle].contains(&endpoint) {
        return Some(data_lifecycle(endpoint, node, call));
    }
    if endpoint == Feature::DataLifecycleStats {
        let none = json!({"data_stream_count": 0, "data_streams": []});
        return Some(call.finish_parameters().map(|()| Answer::value(&none)));
    }
    let name = call.found.name.unwrap_or_default();
    let refusal = || Error::Unsupported(format!("data streams are not supported: [{name}]"));
    (endpoint == Feature::PutDataStream).then(|| Err(refusal()))
}

/// No index is of a data stream, so that no lifecycle of one manages it.
fn data_lifecycles(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.take_flag("include_defaults")?;
    let indices = take_indices(node, call, Expansion { refuses_closed: false, ..Expansion::OPEN })?;
    let each = indices.iter().map(|index| {
        let name = index.name();
        (name.to_owned(), json!({"index": name, "managed_by_lifecycle": false}))
    });
    Ok(Answer::value(&json!({"indices": each.collect::<Map<_, _>>()})))
}

/// The lifecycle of data streams. As in Elasticsearch the names may be those of indices, which are
/// passed over: there is nothing to change. A name of nothing is missing.
fn data_lifecycle(endpoint: Feature, node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_timeouts(call)?;
    call.parameters.take("include_defaults");
    let expansion = take_expansion(call, Expansion { refuses_closed: false, ..Expansion::OPEN })?;
    call.finish_parameters()?;
    let names = call.found.name.unwrap_or("_all");
    node.resolve(names, expansion).map_err(|error| call.node_error(error))?;
    if endpoint == Feature::GetDataLifecycle {
        return Ok(Answer::value(&json!({"data_streams": []})));
    }
    Ok(Answer::acknowledged())
}
