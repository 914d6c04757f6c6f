//! Merging two definitions of a field with values.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    error::{ErrorType, MappingError},
    field::{
        Family, FieldType,
        form::Checked,
        parameters::{Change, Form, Parameter},
    },
    java::map_text,
    node::Leaf,
    settings::Dialect,
};

/// The error about a field that would get another type.
pub(super) fn other_type(
    existing: &Leaf,
    update: &str,
    same_family: bool,
    dialect: Dialect,
) -> MappingError {
    let (path, kind) = (&existing.path, existing.kind.name());
    MappingError::argument(if same_family || dialect == Dialect::Eight {
        format!("mapper [{path}] cannot be changed from type [{kind}] to [{update}]")
    } else {
        format!("mapper [{path}] of different type, current_type [{kind}], merged_type [{update}]")
    })
}

/// Merges two definitions; what the update does not say becomes the default again.
pub(super) fn merge(existing: &Leaf, update: &Arc<Leaf>, dialect: Dialect) -> Checked<Arc<Leaf>> {
    let kind = existing.kind;
    if kind != update.kind {
        let same = kind.family() != Family::Own && kind.family() == update.kind.family();
        return Err(other_type(existing, update.kind.name(), same, dialect));
    }
    if kind == FieldType::GeoShape && is_legacy(existing) != is_legacy(update) {
        return Err(other_type(existing, update.kind.name(), false, dialect));
    }
    if **update == *existing {
        return Ok(Arc::clone(update));
    }
    conflicts(existing, update, dialect)?;
    if kind == FieldType::Join {
        relations(existing, update)?;
    }
    let mut merged = (**update).clone();
    keep_explicit(existing, &mut merged);
    merged.fields = multi_fields(existing, update, dialect)?;
    Ok(Arc::new(merged.with_text_seen()))
}

/// Whether a shape is indexed as before version 6.6.
fn is_legacy(leaf: &Leaf) -> bool {
    leaf.given("strategy").is_some()
}

/// Keeps the switches that an update does not mention.
fn keep_explicit(existing: &Leaf, merged: &mut Leaf) {
    let mut kept = Vec::new();
    for parameter in existing.kind.parameters() {
        let own = merged.given(parameter.name);
        let before = existing.given(parameter.name).filter(|_| parameter.form == Form::Explicit);
        kept.extend(own.or(before).map(|value| (parameter.name, value.clone())));
    }
    if kept != merged.parameters {
        merged.parameters = kept;
        merged.rule = merged.rule.with_switches(&merged.parameters);
    }
}

/// Merges the multi-fields: none goes away.
fn multi_fields(existing: &Leaf, update: &Leaf, dialect: Dialect) -> Checked<Vec<Arc<Leaf>>> {
    let mut fields = existing.fields.clone();
    for field in &update.fields {
        match fields.iter_mut().find(|own| own.name == field.name) {
            Some(own) => *own = merge(own, field, dialect)?,
            None => fields.push(Arc::clone(field)),
        }
    }
    fields.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(fields)
}

/// A parameter's value, with what it is when not given.
fn value(leaf: &Leaf, name: &str) -> Value {
    leaf.parameter(name).unwrap_or(Value::Null)
}

/// Fails if a parameter differs that may not change.
fn conflicts(existing: &Leaf, update: &Leaf, dialect: Dialect) -> Checked<()> {
    let mut seven: Vec<(usize, String)> = Vec::new();
    let mut eight = Vec::new();
    for parameter in existing.kind.parameters() {
        let (own, other) = (value(existing, parameter.name), value(update, parameter.name));
        if own == other || is_first_value(parameter, &own) {
            continue;
        }
        if parameter.form == Form::IndexPrefixes && dialect == Dialect::Seven {
            return Err(prefixes(existing, &own, &other));
        }
        if let Some(words) = seven_words(existing, parameter, &other) {
            seven.push(words);
        }
        if is_fixed(parameter, &other, dialect) {
            let (own, other) = (map_text(&own), map_text(&other));
            let name = parameter.name;
            eight.push(format!("\n\tCannot update parameter [{name}] from [{own}] to [{other}]"));
        }
    }
    let path = &existing.path;
    if dialect == Dialect::Eight {
        if eight.is_empty() {
            return Ok(());
        }
        let reason =
            format!("Mapper for [{path}] conflicts with existing mapper:{}", eight.concat());
        return Err(MappingError::argument(reason));
    }
    if seven.is_empty() {
        return Ok(());
    }
    seven.sort_by_key(|(rank, _)| *rank);
    let list: Vec<_> = seven.into_iter().map(|(_, words)| words).collect();
    let list = list.join(", ");
    Err(MappingError::argument(format!(
        "Mapper for [{path}] conflicts with existing mapping:\n[{list}]"
    )))
}

/// Whether a value may be set once and is not set yet.
fn is_first_value(parameter: &Parameter, own: &Value) -> bool {
    parameter.form == Form::ConstantValue && own.is_null()
}

/// Whether version 8 refuses a change.
fn is_fixed(parameter: &Parameter, other: &Value, dialect: Dialect) -> bool {
    match parameter.change {
        Change::Free => false,
        Change::FreeInSeven => dialect == Dialect::Eight,
        Change::ToFalse => *other == true,
        Change::Values(_) | Change::Fixed(_) => true,
    }
}

/// The words of version 7 about a refused change, and their place in the list.
fn seven_words(existing: &Leaf, parameter: &Parameter, other: &Value) -> Option<(usize, String)> {
    const ORDER: [&str; 7] =
        ["index", "store", "doc_values", "norms", "store_term_vector", "analyzer", "similarity"];
    let path = &existing.path;
    let rank = |label: &str| ORDER.iter().position(|own| *own == label).unwrap_or(ORDER.len());
    match parameter.change {
        Change::Free | Change::FreeInSeven => None,
        Change::ToFalse => (*other == true).then(|| {
            let words = format!(
                "mapper [{path}] has different [norms] values, cannot change from disable to enabled"
            );
            (rank("norms"), words)
        }),
        Change::Values("index") if !matches!(existing.kind, FieldType::Text | FieldType::Keyword) => {
            // A field that is not indexed has no analyzer, not even the one of whole terms.
            let words = format!(
                "mapper [{path}] has different [index] values, mapper [{path}] has different [analyzer]"
            );
            Some((0, words))
        }
        Change::Values(label) => {
            Some((rank(label), format!("mapper [{path}] has different [{label}] values")))
        }
        Change::Fixed(label) => {
            Some((rank(label), format!("mapper [{path}] has different [{label}]")))
        }
    }
}

/// The words of version 7 about changed prefixes.
fn prefixes(existing: &Leaf, own: &Value, other: &Value) -> MappingError {
    let shown = |value: &Value| {
        let length = |name: &str| value.get(name).and_then(Value::as_i64).unwrap_or(0);
        if value.is_null() {
            return "null".to_owned();
        }
        let (min, max) = (length("min_chars"), length("max_chars"));
        format!("indexed,tokenized,omitNorms,prefixChars={min}:{max}")
    };
    let (path, own, other) = (&existing.path, shown(own), shown(other));
    MappingError::argument(format!(
        "mapper [{path}] has different index_prefix settings, current [{own}], merged [{other}]"
    ))
}

/// Fails if a join loses a parent or a child.
fn relations(existing: &Leaf, update: &Leaf) -> Checked<()> {
    let empty = json!({});
    let (own, other) = (
        existing.given("relations").unwrap_or(&empty),
        update.given("relations").unwrap_or(&empty),
    );
    let children = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .map_or_else(|| vec![map_text(value)], |list| list.iter().map(map_text).collect())
    };
    let path = &existing.path;
    let mut lost = Vec::new();
    for (parent, before) in own.as_object().into_iter().flatten() {
        let Some(after) = other.get(parent) else {
            lost.push(format!("cannot remove parent [{parent}] in join field [{path}]"));
            continue;
        };
        let after = children(after);
        for child in children(before).iter().filter(|child| !after.contains(child)) {
            lost.push(format!("cannot remove child [{child}] in join field [{path}]"));
        }
    }
    if lost.is_empty() {
        return Ok(());
    }
    let reason = format!("invalid update for join field [{path}]:\n[{}]", lost.join(", "));
    Err(MappingError::new(ErrorType::IllegalState, reason))
}
