//! Completions: inputs, weights, contexts.

use serde_json::{Map, Value};

use crate::{
    error::{ErrorType, MappingError},
    java::map_text,
};

/// What checking gives.
type Checked = Result<(), MappingError>;

/// How Elasticsearch's parser names the first token of a value.
pub(crate) fn token(value: &Value) -> &'static str {
    match value {
        Value::Null => "VALUE_NULL",
        Value::Bool(_) => "VALUE_BOOLEAN",
        Value::Number(_) => "VALUE_NUMBER",
        Value::String(_) => "VALUE_STRING",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

/// Checks a value of a completion field: `field` is its path, `contexts` those it has.
pub(crate) fn check(value: &Value, field: &str, contexts: &[String]) -> Checked {
    if value.is_null() {
        return Ok(());
    }
    let Some(list) = value.as_array() else { return entry(value, field, field, contexts) };
    list.iter().try_for_each(|value| entry(value, "null", field, contexts))
}

/// One entry: a text or an object.
fn entry(value: &Value, shown: &str, field: &str, contexts: &[String]) -> Checked {
    if value.is_string() {
        return mandatory(field, contexts, false);
    }
    let Some(object) = value.as_object() else {
        let token = token(value);
        let reason = format!("failed to parse [{shown}]: expected text or object, but got {token}");
        return Err(MappingError::new(ErrorType::Parsing, reason));
    };
    for (name, value) in object {
        match name.as_str() {
            "input" => input(value)?,
            "weight" => weight(value)?,
            "contexts" => given_contexts(value, field, contexts)?,
            _ => {
                let reason = format!(
                    "unknown field name [{name}], must be one of [input, weight, contexts]"
                );
                return Err(MappingError::argument(reason));
            }
        }
    }
    mandatory(
        field,
        contexts,
        object
            .get("contexts")
            .and_then(Value::as_object)
            .is_some_and(|given| !Map::is_empty(given)),
    )
}

/// A field with contexts needs some in every entry.
fn mandatory(field: &str, contexts: &[String], given: bool) -> Checked {
    if contexts.is_empty() || given {
        return Ok(());
    }
    let reason = format!("Contexts are mandatory in context enabled completion field [{field}]");
    Err(MappingError::argument(reason))
}

/// One text or several.
fn input(value: &Value) -> Checked {
    if value.is_string() {
        return Ok(());
    }
    let Some(list) = value.as_array() else {
        let token = token(value);
        let reason = format!("input must be a string or array, but was [{token}]");
        return Err(MappingError::argument(reason));
    };
    match list.iter().find(|value| !value.is_string()) {
        None => Ok(()),
        Some(value) => {
            let token = token(value);
            let reason = format!("input array must have string values, but was [{token}]");
            Err(MappingError::argument(reason))
        }
    }
}

/// A whole number that is not negative, also as a text.
fn weight(value: &Value) -> Checked {
    if !value.is_string() && !value.is_number() {
        let reason = format!("weight must be a number or string, but was [{}]", token(value));
        return Err(MappingError::argument(reason));
    }
    let text = map_text(value);
    let reason = match text.parse::<i64>() {
        Ok(0..=2_147_483_647) => return Ok(()),
        Ok(weight) => format!("weight must be in the interval [0..2147483647], but was [{weight}]"),
        Err(_) => format!("weight must be an integer, but was [{text}]"),
    };
    Err(MappingError::argument(reason))
}

/// Contexts by name.
fn given_contexts(value: &Value, field: &str, contexts: &[String]) -> Checked {
    if contexts.is_empty() {
        let reason = format!("contexts field is not supported for field: [{field}]");
        return Err(MappingError::argument(reason));
    }
    let Some(given) = value.as_object() else {
        let reason = format!("contexts must be an object or an array , but was [{}]", token(value));
        return Err(MappingError::argument(reason));
    };
    match given.keys().find(|name| !contexts.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let known = contexts.join(", ");
            let reason = format!("Unknown context name [{name}], must be one of [{known}]");
            Err(MappingError::argument(reason))
        }
    }
}
