//! Parameters that only one type or two have.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    error::{ErrorType, MappingError},
    java::{class_name, double_text, map_text},
    settings::Dialect,
};

use super::{Checked, Owner, boolean, integer, number};

/// Lengths of indexed prefixes.
pub(super) fn index_prefixes(value: &Value) -> Checked<Value> {
    let length = |name: &str, default: i64| value.get(name).map_or(Ok(default), integer);
    let (min, max) = (length("min_chars", 2)?, length("max_chars", 5)?);
    let reason = if min > max {
        format!("min_chars [{min}] must be less than max_chars [{max}]")
    } else if min < 1 {
        format!("min_chars [{min}] must be greater than zero")
    } else if max >= 20 {
        format!("max_chars [{max}] must be less than 20")
    } else {
        return Ok(serde_json::json!({ "min_chars": min, "max_chars": max }));
    };
    Err(MappingError::argument(reason))
}

/// A gap between values.
pub(super) fn position_gap(value: &Value) -> Checked<Value> {
    let gap = integer(value)?;
    if gap < 0 {
        let reason = format!("[positions_increment_gap] must be positive, got {gap}");
        return Err(MappingError::parsing(reason));
    }
    Ok(gap.into())
}

/// The length beyond which values are not indexed.
pub(super) fn ignore_above(value: &Value) -> Checked<Value> {
    let length = integer(value)?;
    if length < 0 {
        let reason = format!("[ignore_above] must be positive, got {length}");
        return Err(MappingError::argument(reason));
    }
    Ok(length.into())
}

/// The factor of a scaled number.
pub(super) fn scaling_factor(value: &Value) -> Checked<Value> {
    let factor = number(value)?;
    if !(factor.is_finite() && factor > 0.0) {
        let factor = double_text(factor);
        let reason = format!("[scaling_factor] must be a positive number, got [{factor}]");
        return Err(MappingError::argument(reason));
    }
    Ok(factor.into())
}

/// The children of each parent: one name or a list.
pub(super) fn relations(value: &Value, field: &str) -> Checked<Value> {
    let Some(relations) = value.as_object() else {
        let class = class_name(value);
        let reason = format!("relations should be a hash but was of type: class {class}");
        return Err(MappingError::new(ErrorType::Parse, reason));
    };
    let mut kept = Map::new();
    let mut parents: BTreeMap<String, usize> = BTreeMap::new();
    for (parent, children) in relations {
        for child in children.as_array().unwrap_or(&vec![children.clone()]) {
            *parents.entry(map_text(child)).or_default() += 1;
        }
        let texts = |list: &Vec<Value>| list.iter().map(map_text).map(Value::from).collect();
        let own = children.as_array().map_or_else(|| map_text(children).into(), texts);
        kept.insert(parent.clone(), own);
    }
    if let Some((child, _)) = parents.iter().find(|(_, count)| **count > 1) {
        let reason = format!(
            "invalid definition for join field [{field}]:\n[[{child}] cannot have multiple parents]"
        );
        return Err(MappingError::argument(reason));
    }
    kept.sort_keys();
    Ok(Value::Object(kept))
}

/// The contexts of a completion, in the form in which they are rendered.
pub(super) fn contexts(value: &Value) -> Checked<Value> {
    let single = vec![value.clone()];
    let list = value.as_array().unwrap_or(&single);
    let mut kept = Vec::new();
    for context in list {
        let missing = |name: &str| {
            MappingError::new(ErrorType::Parse, format!("missing [{name}] in context mapping"))
        };
        let name = context.get("name").ok_or_else(|| missing("name"))?;
        let kind = map_text(context.get("type").ok_or_else(|| missing("type"))?);
        let mut own = Map::new();
        own.insert("name".to_owned(), map_text(name).into());
        match kind.to_lowercase().as_str() {
            "category" => own.insert("type".to_owned(), "CATEGORY".into()),
            "geo" => own.insert("type".to_owned(), "GEO".into()),
            _ => {
                let reason = format!("No context type for [{kind}]");
                return Err(MappingError::argument(reason));
            }
        };
        for name in ["precision", "path"] {
            if let Some(value) = context.get(name) {
                own.insert(name.to_owned(), value.clone());
            }
        }
        kept.push(Value::Object(own));
    }
    Ok(Value::Array(kept))
}

/// How many characters of an input count.
pub(super) fn max_input_length(value: &Value) -> Checked<Value> {
    let length = integer(value)?;
    if length <= 0 {
        let reason = format!("max_input_length must be > 0 but was [{length}]");
        return Err(MappingError::argument(reason));
    }
    Ok(length.into())
}

/// How many words the longest shingle has.
pub(super) fn max_shingle_size(value: &Value) -> Checked<Value> {
    let size = integer(value)?;
    if !(2..=4).contains(&size) {
        let reason =
            format!("[max_shingle_size] must be at least [2] and at most [4], got [{size}]");
        return Err(MappingError::parsing(reason));
    }
    Ok(size.into())
}

/// Which side of a polygon's edge is inside.
pub(super) fn orientation(value: &Value) -> Checked<Value> {
    let text = map_text(value);
    match text.to_lowercase().as_str() {
        "left" | "cw" | "clockwise" => Ok("LEFT".into()),
        "right" | "ccw" | "counterclockwise" => Ok("RIGHT".into()),
        _ => Err(MappingError::argument(format!("Unknown orientation [{text}]"))),
    }
}

/// How shapes were indexed before version 6.6.
pub(super) fn legacy(name: &str, value: &Value) -> Checked<Value> {
    let text = map_text(value);
    match name {
        "tree" if matches!(text.as_str(), "quadtree" | "geohash") => Ok(text.into()),
        "tree" => Err(MappingError::argument(format!("Unknown prefix tree type [{text}]"))),
        "strategy" if matches!(text.as_str(), "recursive" | "term") => Ok(text.into()),
        "strategy" => Err(MappingError::argument(format!("Unknown strategy [{text}]"))),
        "precision" => Ok(format!("{}m", double_text(meters(&text)?)).into()),
        "tree_levels" => integer(value).map(Value::from),
        "distance_error_pct" => number(value).map(Value::from),
        _ => Ok((text == "true").into()),
    }
}

/// A distance in metres.
fn meters(text: &str) -> Checked<f64> {
    const UNITS: [(&str, f64); 12] = [
        ("NM", 1_852.0),
        ("nmi", 1_852.0),
        ("km", 1_000.0),
        ("mm", 0.001),
        ("cm", 0.01),
        ("mi", 1_609.344),
        ("miles", 1_609.344),
        ("yd", 0.9144),
        ("ft", 0.3048),
        ("in", 0.0254),
        ("meters", 1.0),
        ("m", 1.0),
    ];
    for (unit, factor) in UNITS {
        if let Some(number) = text.strip_suffix(unit) {
            return Ok(crate::java::parse_double(number)? * factor);
        }
    }
    crate::java::parse_double(text)
}

/// The number of a vector's dimensions.
pub(super) fn dimensions(value: &Value, owner: Owner<'_>) -> Checked<Value> {
    let max = if owner.settings.dialect == Dialect::Eight { 4_096 } else { 2_048 };
    let dimensions = integer(value)?;
    if !(1..=max).contains(&dimensions) {
        let reason = format!(
            "The number of dimensions for field [{}] should be in the range [1, {max}] but was \
             [{dimensions}]",
            owner.name
        );
        return Err(MappingError::parsing(reason));
    }
    Ok(dimensions.into())
}

/// Short texts about the field.
pub(super) fn meta(value: &Value, owner: Owner<'_>) -> Checked<Value> {
    let name = owner.name;
    let refused = |reason: String| Err(MappingError::parsing(reason));
    let Some(entries) = value.as_object() else {
        let class = class_name(value).rsplit('.').next().unwrap_or_default();
        return refused(format!(
            "[meta] must be an object, got {class}[{}] for field [{name}]",
            map_text(value)
        ));
    };
    if entries.len() > 5 {
        let count = entries.len();
        return refused(format!(
            "[meta] can't have more than 5 entries, but got {count} on field [{name}]"
        ));
    }
    for (key, text) in entries {
        let Some(text) = text.as_str() else {
            return refused(format!(
                "[meta] values can only be strings, but got {} for field [{name}]",
                map_text(text)
            ));
        };
        if key.chars().count() > 20 {
            return refused(format!(
                "[meta] keys can't be longer than 20 chars, but got [{key}] for field [{name}]"
            ));
        }
        if text.chars().count() > 50 {
            return refused(format!(
                "[meta] values can't be longer than 50 chars, but got [{text}] for field [{name}]"
            ));
        }
    }
    Ok(value.clone())
}

/// A switch of an object.
pub(crate) fn object_switch(
    value: &Value,
    name: &str,
    settings: &crate::settings::Settings,
) -> Checked<bool> {
    boolean(value, &format!("{name}.{name}"), settings)
}
