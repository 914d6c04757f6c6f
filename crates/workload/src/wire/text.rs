//! Small pieces of requests.

use checker::{Condition, Fields};
use serde_json::{Map, Value};

/// A part of a path or a query, encoded.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

/// A source.
pub(super) fn source(fields: &Fields) -> Value {
    Value::Object(fields.iter().map(|(name, token)| (name.clone(), Value::from(*token))).collect())
}

/// The parameters of a condition, by the names that queries and the lines of a bulk share.
pub(super) fn condition(condition: Condition) -> Vec<(&'static str, Value)> {
    match condition {
        // What a query requires it says itself.
        Condition::None | Condition::Holds(_) => Vec::new(),
        Condition::SeqNo { seq_no, term } => {
            vec![("if_seq_no", Value::from(seq_no)), ("if_primary_term", Value::from(term))]
        }
        Condition::Version(version) => vec![("version", Value::from(version))],
        Condition::External(version) => {
            vec![("version", Value::from(version)), ("version_type", Value::from("external"))]
        }
        Condition::ExternalGte(version) => {
            vec![("version", Value::from(version)), ("version_type", Value::from("external_gte"))]
        }
    }
}

/// A path with its query, in which nothing needs to be encoded but the values.
pub(super) fn target(path: String, parameters: &[(&str, Value)]) -> String {
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), encode);
    let query: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

/// An object of these members.
pub(super) fn object(members: Vec<(&str, Value)>) -> Value {
    Value::Object(
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>(),
    )
}
