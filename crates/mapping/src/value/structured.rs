//! Types whose values are objects of their own kind: joins, queries, histograms, flattened objects.

use serde_json::Value;

use crate::{
    error::{ErrorType, MappingError},
    java::{double_text, map_text},
};

use super::suggestion::token;

/// What checking gives.
type Checked = Result<(), MappingError>;

/// The names of the queries there are.
const QUERIES: [&str; 53] = [
    "match",
    "match_phrase",
    "match_phrase_prefix",
    "multi_match",
    "nested",
    "dis_max",
    "match_all",
    "query_string",
    "boosting",
    "bool",
    "term",
    "terms",
    "fuzzy",
    "regexp",
    "range",
    "prefix",
    "wildcard",
    "constant_score",
    "span_term",
    "span_not",
    "span_within",
    "span_containing",
    "field_masking_span",
    "span_first",
    "span_near",
    "span_or",
    "more_like_this",
    "wrapper",
    "common",
    "span_multi",
    "function_score",
    "script_score",
    "simple_query_string",
    "template",
    "type",
    "ids",
    "match_none",
    "exists",
    "match_bool_prefix",
    "intervals",
    "geo_shape",
    "geo_distance",
    "geo_bounding_box",
    "geo_polygon",
    "has_child",
    "has_parent",
    "parent_id",
    "script",
    "terms_set",
    "distance_feature",
    "rank_feature",
    "percolate",
    "combined_fields",
];

/// Checks a query that a percolator stores: its structure as far as the name of the query.
pub(crate) fn query(value: &Value, place: (usize, usize), modern: bool) -> Checked {
    let parsing = |reason: String| Err(MappingError::new(ErrorType::Parsing, reason));
    let Some(object) = value.as_object() else {
        return parsing("[_na] query malformed, must start with start_object".to_owned());
    };
    let Some((name, body)) = object.iter().next() else {
        let (line, column) = place;
        let reason = format!("query malformed, empty clause found at [{line}:{column}]");
        return Err(MappingError::argument(reason));
    };
    if !body.is_object() {
        return parsing(format!("[{name}] query malformed, no start_object after query name"));
    }
    if !QUERIES.contains(&name.as_str()) {
        return parsing(if modern {
            format!("unknown query [{name}]")
        } else {
            format!("no [query] registered for [{name}]")
        });
    }
    if let Some((second, _)) = object.iter().nth(1) {
        let reason = format!(
            "[{name}] malformed query, expected [END_OBJECT] but found [FIELD_NAME] at [{second}]"
        );
        return parsing(reason);
    }
    Ok(())
}

/// Checks the place of a document in a join. `shown` is the name that an error tells.
pub(crate) fn join(
    value: &Value,
    field: &str,
    relations: &[(String, Vec<String>)],
    routing: Option<&str>,
) -> Checked {
    let refused = |reason: String| Err(MappingError::argument(reason));
    let (mut name, mut parent) = (value.as_str().map(str::to_owned), None);
    if let Some(object) = value.as_object() {
        for (key, value) in object {
            match (key.as_str(), value.is_string(), value.is_number()) {
                ("name", true, _) => name = Some(map_text(value)),
                ("parent", true, _) | ("parent", _, true) => parent = Some(map_text(value)),
                _ => return refused(format!("unknown field name [{key}] in join field [{field}]")),
            }
        }
    } else if !value.is_string() {
        let token = token(value);
        let reason = format!("[null] expected START_OBJECT or VALUE_STRING but was: {token}");
        return Err(MappingError::new(ErrorType::IllegalState, reason));
    }
    let Some(name) = name else { return refused(format!("null join name in field [{field}]")) };
    let is_parent = relations.iter().any(|(own, _)| *own == name);
    let is_child = relations.iter().any(|(_, children)| children.contains(&name));
    if !is_parent && !is_child {
        return refused(format!("unknown join name [{name}] for field [{field}]"));
    }
    if is_child && parent.is_none() {
        return refused(format!("[parent] is missing for join field [{field}]"));
    }
    if is_child && routing.is_none() {
        return refused(format!("[routing] is missing for join field [{field}]"));
    }
    Ok(())
}

/// Checks a flattened object: its depth and its keys.
pub(crate) fn flattened(value: &Value, field: &str, depth_limit: usize) -> Checked {
    let mut open = vec![(value, 1_usize)];
    while let Some((value, depth)) = open.pop() {
        if let Some(list) = value.as_array() {
            open.extend(list.iter().map(|value| (value, depth)));
        }
        let Some(object) = value.as_object() else { continue };
        if depth > depth_limit {
            let reason = format!(
                "The provided [flattened] field [{field}] exceeds the maximum depth limit of \
                 [{depth_limit}]."
            );
            return Err(MappingError::argument(reason));
        }
        for (key, value) in object {
            if key.contains('\0') {
                let reason = format!(
                    "Keys in [flattened] fields cannot contain the reserved character \\0. Offending \
                     key: [{key}]."
                );
                return Err(MappingError::argument(reason));
            }
            open.push((value, depth + 1));
        }
    }
    Ok(())
}

/// Checks a histogram: values that rise, and as many counts.
pub(crate) fn histogram(value: &Value, field: &str) -> Checked {
    let refused = |reason: String| {
        Err(MappingError::parsing(format!("error parsing field [{field}], {reason}")))
    };
    let Some(object) = value.as_object() else {
        return refused(format!(
            "expecting token of type [START_OBJECT] but found [{}]",
            token(value)
        ));
    };
    if let Some(name) = object.keys().find(|name| !matches!(name.as_str(), "values" | "counts")) {
        return refused(format!("with unknown parameter [{name}]"));
    }
    let list = |name: &str| object.get(name).and_then(Value::as_array);
    let Some(values) = list("values") else {
        return refused("expected field called [values]".to_owned());
    };
    let Some(counts) = list("counts") else {
        return refused("expected field called [counts]".to_owned());
    };
    if values.len() != counts.len() {
        let lengths = format!("[{} != {}]", values.len(), counts.len());
        return refused(format!(
            "expected same length from [values] and [counts] but got {lengths}"
        ));
    }
    let mut previous = f64::NEG_INFINITY;
    for value in values {
        let Some(value) = value.as_f64() else {
            return refused(format!(
                "expecting token of type [VALUE_NUMBER] but found [{}]",
                token(value)
            ));
        };
        if value < previous {
            let (value, previous) = (double_text(value), double_text(previous));
            return refused(format!(
                "[values] values must be in increasing order, got [{value}] but previous value was \
                 [{previous}]"
            ));
        }
        previous = value;
    }
    match counts.iter().find(|count| count.as_i64().is_none_or(|count| count < 0)) {
        Some(count) => {
            refused(format!("[counts] elements must be >= 0 but got {}", map_text(count)))
        }
        None => Ok(()),
    }
}
