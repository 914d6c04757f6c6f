//! The settings of data streams: what the next index gets, whatever its template says.

use node::{DataStream, Node};
use serde_json::{Map, Value, json};

use super::{shown_settings, take_streams};
use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::response::Answer;

/// Show them.
pub(super) fn get(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let streams = take_streams(node, call)?;
    let shown: Vec<Value> =
        streams.iter().map(|stream| Value::Object(show(node, stream))).collect();
    Ok(Answer::value(&json!({ "data_streams": shown })))
}

/// The settings of a data stream by itself, and with those of its template.
fn show(node: &Node, stream: &DataStream) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("name".to_owned(), json!(stream.name));
    shown.insert("settings".to_owned(), shown_settings(stream.settings.iter()));
    let effective = node.effective_settings(stream);
    shown.insert("effective_settings".to_owned(), shown_settings(effective.iter()));
    shown
}

/// Change them, each stream by itself: what one refuses is told in its place.
pub(super) async fn put(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let is_trial = call.parameters.take_flag("dry_run")?.unwrap_or(false);
    let streams = take_streams(node, call)?;
    let given = call.json_body()?;
    let mut answers = Vec::new();
    for stream in streams {
        let changed = node.change_data_stream_settings(&stream.name, &given, is_trial).await;
        let (shown, error, everywhere, later) = match changed {
            Ok(changed) => (show(node, &changed.stream), None, changed.everywhere, changed.later),
            Err(node::Error::Catalog(error)) => {
                return Err(call.node_error(node::Error::Catalog(error)));
            }
            Err(error) => (show(node, &stream), Some(error.to_string()), Vec::new(), Vec::new()),
        };
        let mut answer = Map::new();
        answer.insert("name".to_owned(), json!(stream.name));
        answer.insert("applied_to_data_stream".to_owned(), json!(error.is_none()));
        if let Some(error) = error {
            answer.insert("error".to_owned(), json!(error));
        }
        answer.extend(shown);
        answer.insert(
            "index_settings_results".to_owned(),
            json!({
                "applied_to_data_stream_only": later,
                "applied_to_data_stream_and_backing_indices": everywhere,
            }),
        );
        answers.push(Value::Object(answer));
    }
    Ok(Answer::value(&json!({ "data_streams": answers })))
}
