//! The lifecycles of data streams: put, shown, and what they have done.

use node::{Age, DataStream, Expansion, Lifecycle, Node, ended_millis, parse_time_value};
use serde_json::{Map, Value, json};

use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::index::expression::take_expansion;
use crate::rest::index::{take_indices, take_timeouts};
use crate::rest::response::Answer;

/// A lifecycle as a body or a template gives it.
pub(crate) fn read_lifecycle(given: &Value) -> Result<Lifecycle, Error> {
    let Some(members) = given.as_object() else {
        return Err(Error::Parse("[lifecycle] must be an object".to_owned()));
    };
    let mut lifecycle = Lifecycle { enabled: true, data_retention: None };
    for (name, value) in members {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("enabled", Value::Bool(enabled)) => lifecycle.enabled = *enabled,
            ("data_retention", Value::String(text)) => {
                let millis = parse_time_value(text).map_err(|why| {
                    let text = format!(
                        "failed to parse setting [data_retention] with value [{text}]: {why}"
                    );
                    Error::illegal_argument(text)
                })?;
                if millis < 0 {
                    let text = format!("[data_retention] must not be negative, got [{text}]");
                    return Err(Error::illegal_argument(text));
                }
                lifecycle.data_retention = Some(text.clone());
            }
            ("downsampling" | "downsampling_method", _) => {
                return Err(Error::Unsupported("downsampling is not supported".to_owned()));
            }
            ("enabled" | "data_retention", _) => {
                return Err(Error::illegal_argument(format!("[{name}] cannot be [{value}]")));
            }
            (other, _) => {
                let reason = format!("[data_stream_lifecycle] unknown field [{other}]");
                return Err(Error::XContent { reason, cause: None });
            }
        }
    }
    Ok(lifecycle)
}

/// A lifecycle as it is shown: with what counts, where that is shown too.
pub(crate) fn shown_lifecycle(lifecycle: &Lifecycle, is_effective: bool) -> Value {
    let mut shown = Map::new();
    shown.insert("enabled".to_owned(), json!(lifecycle.enabled));
    if let Some(retention) = &lifecycle.data_retention {
        shown.insert("data_retention".to_owned(), json!(retention));
        if is_effective {
            shown.insert("effective_retention".to_owned(), json!(retention));
            let by = json!("data_stream_configuration");
            shown.insert("retention_determined_by".to_owned(), by);
        }
    }
    Value::Object(shown)
}

/// Put or remove the lifecycles of data streams. As in Elasticsearch the names may be those of indices,
/// which are passed over; a name of nothing is missing.
pub(super) async fn change(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_timeouts(call)?;
    let expansion = take_expansion(call, Expansion { refuses_closed: false, ..Expansion::OPEN })?;
    call.finish_parameters()?;
    let lifecycle = match call.request.method {
        hyper::Method::DELETE => None,
        _ => {
            let body = call.json_body()?;
            let body = if body.is_null() { json!({}) } else { body };
            Some(read_lifecycle(&body)?)
        }
    };
    for stream in named(node, call, expansion)? {
        let changed = node.change_lifecycle(&stream.name, lifecycle.clone()).await;
        changed.map_err(|error| call.node_error(error))?;
    }
    Ok(Answer::acknowledged())
}

/// The data streams among what the path names.
fn named(
    node: &Node,
    call: &Call<'_>,
    expansion: Expansion,
) -> Result<Vec<std::sync::Arc<DataStream>>, Error> {
    let names = call.found.name.unwrap_or("_all");
    node.resolve(names, expansion).map_err(|error| call.node_error(error))?;
    let streams = Expansion { ignores_unavailable: true, ..expansion };
    node.resolve_data_streams(names, streams).map_err(|error| call.node_error(error))
}

/// Show the lifecycles of data streams.
pub(super) fn get(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_timeouts(call)?;
    call.parameters.take_flag("include_defaults")?;
    let expansion = take_expansion(call, Expansion { refuses_closed: false, ..Expansion::OPEN })?;
    call.finish_parameters()?;
    let streams = named(node, call, expansion)?;
    let shown = streams.iter().map(|stream| {
        let mut shown = Map::new();
        shown.insert("name".to_owned(), json!(stream.name));
        if let Some(lifecycle) = &stream.lifecycle {
            shown.insert("lifecycle".to_owned(), shown_lifecycle(lifecycle, true));
        }
        Value::Object(shown)
    });
    Ok(Answer::value(&json!({ "data_streams": shown.collect::<Vec<_>>() })))
}

/// What the last run of the lifecycles did.
pub(super) fn statistics(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.finish_parameters()?;
    let mut shown = Map::new();
    let mut add = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    if let Some(last) = node.last_lifecycle_run() {
        add("last_run_duration_in_millis", json!(last.took_millis));
        if call.rendering.human {
            add("last_run_duration", json!(format!("{}ms", last.took_millis)));
        }
        if last.since_last_millis > 0 {
            add("time_between_starts_in_millis", json!(last.since_last_millis));
        }
    }
    let streams = node.data_streams();
    let managed = streams.iter().filter(|stream| node.lifecycle_of(stream).is_some());
    let managed: Vec<Value> = managed
        .map(|stream| {
            json!({
                "name": stream.name, "backing_indices_in_total": stream.indices.len(),
                "backing_indices_in_error": 0,
            })
        })
        .collect();
    add("data_stream_count", json!(managed.len()));
    add("data_streams", json!(managed));
    Ok(Answer::value(&Value::Object(shown)))
}

/// Show what the lifecycles of their data streams do with indices.
pub(super) fn explain(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.take_flag("include_defaults")?;
    let indices = take_indices(node, call, Expansion { refuses_closed: false, ..Expansion::OPEN })?;
    let mut each = Map::new();
    for index in &indices {
        let stream = index.metadata().stream.as_ref();
        let stream = stream.and_then(|membership| node.data_stream(&membership.stream));
        let explained = stream.and_then(|stream| {
            let lifecycle = node.lifecycle_of(&stream)?;
            let all = node.ages(&stream);
            let place = all.iter().position(|(own, _)| own.identity() == index.identity())?;
            let ages: Vec<Age> = all.into_iter().map(|(_, age)| age).collect();
            explanation(node, lifecycle, &ages, place)
        });
        let mut shown = Map::new();
        shown.insert("index".to_owned(), json!(index.name()));
        shown.insert("managed_by_lifecycle".to_owned(), json!(explained.is_some()));
        shown.extend(explained.into_iter().flatten());
        each.insert(index.name().to_owned(), Value::Object(shown));
    }
    Ok(Answer::value(&json!({ "indices": each })))
}

/// What a lifecycle makes of the index at a place.
fn explanation(
    node: &Node,
    lifecycle: &Lifecycle,
    ages: &[Age],
    place: usize,
) -> Option<Map<String, Value>> {
    let now = node.now().as_millis();
    let since = |millis: i64| format!("{}ms", now.saturating_sub(millis));
    let mut shown = Map::new();
    let mut add = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    let created = ages.get(place)?.created_millis;
    add("index_creation_date_millis", json!(created));
    add("time_since_index_creation", json!(since(created)));
    if let Some(ended) = ended_millis(ages, place) {
        add("rollover_date_millis", json!(ended));
        add("time_since_rollover", json!(since(ended)));
        add("generation_time", json!(since(ended)));
    }
    add("lifecycle", shown_lifecycle(lifecycle, true));
    Some(shown)
}
