//! Which indices a request is about: the path's expression and the parameters that say how to read it.

use std::{collections::BTreeMap, sync::Arc};

use hyper::StatusCode;
use node::{Expansion, Index, Node, Scope, matches_glob};
use serde_json::{Map, Value, json};

use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::json::set;
use crate::rest::response::Answer;

/// Takes what all calls on several indices share, and finds the indices that the path names. Refuses
/// parameters that nobody took, so it comes after all others.
pub(crate) fn take_indices(
    node: &Node,
    call: &mut Call<'_>,
    usual: Expansion,
) -> Result<Vec<Arc<Index>>, Error> {
    take_timeouts(call)?;
    let expansion = take_expansion(call, usual)?;
    call.finish_parameters()?;
    let names = call.found.index.unwrap_or_default();
    node.resolve(names, expansion).map_err(|error| call.node_error(error))
}

/// What a search is about: indices, each narrowed to what the aliases show by which it is named.
pub(crate) fn find_scopes(
    node: &Node,
    call: &Call<'_>,
    names: &str,
    expansion: Expansion,
    routing: Option<&[String]>,
) -> Result<Vec<Scope>, Error> {
    node.scopes(names, expansion, routing).map_err(|error| call.node_error(error))
}

/// Takes the parameters that say how an expression is read.
pub(crate) fn take_expansion(call: &mut Call<'_>, usual: Expansion) -> Result<Expansion, Error> {
    call.parameters.declare(&["index"]);
    for accepted in ["local", "ignore_throttled"] {
        call.parameters.take(accepted);
    }
    let ignores = call.parameters.take_flag("ignore_unavailable")?;
    let allows_none = call.parameters.take_flag("allow_no_indices")?;
    let mut expansion = Expansion {
        ignores_unavailable: ignores.unwrap_or(usual.ignores_unavailable),
        allows_none: allows_none.unwrap_or(usual.allows_none),
        ..usual
    };
    let Some(states) = call.parameters.take_list("expand_wildcards") else { return Ok(expansion) };
    expand(&mut expansion, states.iter().map(String::as_str))?;
    Ok(expansion)
}

/// Says which indices wildcards stand for.
pub(crate) fn expand<'s>(
    expansion: &mut Expansion,
    states: impl Iterator<Item = &'s str>,
) -> Result<(), Error> {
    (expansion.open, expansion.closed, expansion.hidden) = (false, false, false);
    for state in states {
        match state {
            "open" => expansion.open = true,
            "closed" => expansion.closed = true,
            "hidden" => expansion.hidden = true,
            "none" => (expansion.open, expansion.closed, expansion.hidden) = (false, false, false),
            "all" => (expansion.open, expansion.closed, expansion.hidden) = (true, true, true),
            other => {
                let text = format!("No valid expand wildcard value [{other}]");
                return Err(Error::illegal_argument(text));
            }
        }
    }
    // Who asks for closed indices means them.
    if expansion.closed {
        expansion.refuses_closed = false;
    }
    Ok(())
}

/// Takes the time-outs, which have no effect: nothing here waits.
pub(crate) fn take_timeouts(call: &mut Call<'_>) -> Result<(), Error> {
    call.parameters.declare(&["index"]);
    call.parameters.take_time("timeout")?;
    call.parameters.take_time("master_timeout")?;
    Ok(())
}

/// What an expression names: indices and aliases, each by its own name.
pub(super) fn resolve_index(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let expansion = take_expansion(call, Expansion { refuses_closed: false, ..Expansion::OPEN })?;
    call.parameters.take("mode");
    call.parameters.declare(&["name"]);
    call.finish_parameters()?;
    let names = call.found.name.unwrap_or("*");
    let found = node.resolve(names, expansion).map_err(|error| call.node_error(error))?;
    let is_named =
        |name: &str| names.split(',').any(|part| part == "_all" || matches_glob(part, name));
    let mut indices: Vec<_> = found.iter().filter(|index| is_named(index.name())).collect();
    indices.sort_by(|one, other| one.name().cmp(other.name()));
    let indices: Vec<Value> = indices.into_iter().map(|index| shown_index(index)).collect();
    let aliases = node.aliases().into_iter().filter(|(name, _)| is_named(name));
    let plain: BTreeMap<String, Vec<String>> = aliases
        .map(|(name, indices)| {
            let indices = indices.iter().map(|(index, _)| index.name().to_owned());
            (name.to_string(), indices.collect())
        })
        .collect();
    let lenient = Expansion { ignores_unavailable: true, ..expansion };
    let streams = node.resolve_data_streams(names, lenient);
    let streams = streams.map_err(|error| call.node_error(error))?;
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for stream in node.data_streams() {
        for alias in stream.aliases.keys().filter(|name| is_named(name)) {
            all.entry(alias.clone()).or_default().push(stream.name.clone());
        }
    }
    let aliases = plain.into_iter().chain(all);
    let aliases: Vec<Value> =
        aliases.map(|(name, indices)| json!({"name": name, "indices": indices})).collect();
    let streams: Vec<Value> = streams
        .iter()
        .map(|stream| {
            let indices: Vec<&str> = stream.indices.iter().map(|index| &**index).collect();
            json!({
                "name": stream.name, "backing_indices": indices,
                "timestamp_field": node::mapping::TIMESTAMP,
            })
        })
        .collect();
    Ok(Answer::value(&json!({"indices": indices, "aliases": aliases, "data_streams": streams})))
}

fn shown_index(index: &Index) -> Value {
    let metadata = index.metadata();
    let mut shown = Map::new();
    shown.insert("name".to_owned(), json!(index.name()));
    if !metadata.aliases.is_empty() {
        shown.insert("aliases".to_owned(), metadata.aliases.keys().cloned().collect());
    }
    // In the order of the alphabet.
    let state = if metadata.closed { "closed" } else { "open" };
    let mut attributes = vec![state];
    if metadata.settings.get("index.hidden") == Some("true") {
        attributes.push("hidden");
    }
    attributes.sort_unstable();
    shown.insert("attributes".to_owned(), json!(attributes));
    if let Some(membership) = &metadata.stream {
        shown.insert("data_stream".to_owned(), json!(membership.stream));
    }
    Value::Object(shown)
}

/// Whether this cluster has what an expression names; it knows no other.
pub(super) fn resolve_cluster(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let usual = Expansion { hidden: true, ..Expansion::ALL };
    call.parameters.take_time("timeout")?;
    call.parameters.declare(&["name"]);
    let expansion = take_expansion(call, usual)?;
    call.finish_parameters()?;
    let Some(names) = call.found.name else { return Ok(Answer::value(&json!({}))) };
    let mut local = json!({"connected": true, "skip_unavailable": false});
    match node.resolve(names, expansion) {
        Ok(found) => {
            set(&mut local, "matching_indices", json!(!found.is_empty()));
            set(
                &mut local,
                "version",
                json!({
                    "number": call.dialect.version_number(),
                    "build_flavor": "default",
                    "minimum_wire_compatibility_version": "7.17.0",
                    "minimum_index_compatibility_version": "7.0.0",
                }),
            );
        }
        Err(error) => set(&mut local, "error", json!(error.to_string())),
    }
    let body = json!({"(local)": local});
    Ok(Answer::json(StatusCode::OK, body.to_string()))
}
