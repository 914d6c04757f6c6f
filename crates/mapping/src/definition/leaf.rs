//! Definitions of fields with values: parameters, multi-fields, copies.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::{
    error::MappingError,
    field::{
        FieldType,
        form::{Checked, Owner},
        parameters::Form,
        rule::Rule,
    },
    java::map_text,
    node::{Leaf, join},
    settings::Dialect,
};

use super::{Context, expect_map, is_empty_list};

/// The values of a definition that its parameters took.
type Taken = Vec<(&'static str, Value)>;

/// Reads the definition of a field with values.
pub(crate) fn leaf(
    shown: &str,
    name: &str,
    kind: FieldType,
    map: &Map<String, Value>,
    parent: &str,
    in_multi_field: bool,
    context: Context<'_>,
) -> Checked<Leaf> {
    let owner = Owner { name, kind, settings: context.settings };
    check_analyzers(map, owner)?;
    let path = join(parent, name);
    let (mut taken, mut left): (Taken, _) = (Vec::new(), Vec::new());
    let (mut fields, mut copy_to) = (Vec::new(), Vec::new());
    for (key, value) in map {
        match key.as_str() {
            "type" => {}
            "fields" => fields = multi_fields(value, name, &path, context)?,
            "copy_to" if in_multi_field => {
                let reason = format!(
                    "copy_to in multi fields is not allowed. Found the copy_to in field [{name}] which \
                     is within a multi field."
                );
                return Err(MappingError::parsing(reason));
            }
            "copy_to" => copy_to = copies(value),
            _ => match kind.parameter(key) {
                Some(parameter) => {
                    if let Some(value) = parameter.read(value, owner)? {
                        taken.push((parameter.name, value));
                    }
                }
                None => left.push((key, value)),
            },
        }
    }
    if let Some((_, _)) = left.iter().find(|(key, _)| *key == "index_options")
        && kind.parameter("coerce").is_some()
    {
        let kind = kind.name();
        let reason = format!("index_options not allowed in field [{name}] of type [{kind}]");
        return Err(MappingError::argument(reason));
    }
    check_whole(&mut taken, map, owner)?;
    context.none_left(shown, &left, Some(kind))?;
    let parameters = in_order(kind, taken);
    let rule = Rule::new(kind, &parameters, context.settings)?;
    let (name, path) = (name.into(), path.into());
    let takes_any_text = false;
    let leaf = Leaf { name, path, kind, parameters, fields, copy_to, rule, takes_any_text };
    Ok(leaf.with_text_seen())
}

/// The parameters in the type's order: what is not the default, or always shown.
fn in_order(kind: FieldType, mut taken: Taken) -> Taken {
    let mut parameters = Vec::new();
    for parameter in kind.parameters() {
        let given = taken.iter().position(|(name, _)| *name == parameter.name);
        let given = given.map(|place| taken.swap_remove(place).1);
        let default = parameter.default.value();
        let kept = match given {
            Some(value) if parameter.shown || parameter.form == Form::Explicit => Some(value),
            Some(value) => Some(value).filter(|value| Some(value) != default.as_ref()),
            None if parameter.shown => default,
            None => None,
        };
        parameters.extend(kept.map(|value| (parameter.name, value)));
    }
    parameters
}

/// Search analyzers need the one they replace.
fn check_analyzers(map: &Map<String, Value>, owner: Owner<'_>) -> Checked<()> {
    let has = |name: &str| map.get(name).is_some_and(|value| !value.is_null());
    let name = owner.name;
    if owner.kind.parameter("analyzer").is_none() {
        return Ok(());
    }
    if owner.kind == FieldType::Completion {
        if has("search_analyzer") && !has("analyzer") {
            let reason = format!(
                "analyzer on completion field [{name}] must be set when search_analyzer is set"
            );
            return Err(MappingError::parsing(reason));
        }
        return Ok(());
    }
    if has("search_quote_analyzer") && !(has("search_analyzer") && has("analyzer")) {
        let reason = format!(
            "analyzer and search_analyzer on field [{name}] must be set when search_quote_analyzer is \
             set"
        );
        return Err(MappingError::parsing(reason));
    }
    if has("search_analyzer")
        && !has("analyzer")
        && owner.kind.parameter("search_analyzer").is_some()
    {
        let reason = format!("analyzer on field [{name}] must be set when search_analyzer is set");
        return Err(MappingError::parsing(reason));
    }
    Ok(())
}

/// Checks what concerns several parameters, and adds what follows from others.
fn check_whole(taken: &mut Taken, map: &Map<String, Value>, owner: Owner<'_>) -> Checked<()> {
    let name = owner.name;
    let has = |taken: &Taken, key: &str| taken.iter().any(|(own, _)| *own == key);
    let is_false = |key: &str| taken.iter().any(|(own, value)| *own == key && *value == false);
    let is_true = |key: &str| taken.iter().any(|(own, value)| *own == key && *value == true);
    if is_false("index") {
        for key in ["index_phrases", "index_prefixes"] {
            if is_true(key) || (key == "index_prefixes" && has(taken, key)) {
                let reason = format!("Cannot set {key} on unindexed field [{name}]");
                return Err(MappingError::argument(reason));
            }
        }
    }
    if owner.kind == FieldType::ScaledFloat && !has(taken, "scaling_factor") {
        return Err(MappingError::argument(if owner.settings.dialect == Dialect::Eight {
            "Field [scaling_factor] is required".to_owned()
        } else {
            format!("Field [{name}] misses required parameter [scaling_factor]")
        }));
    }
    if owner.kind == FieldType::TokenCount && !has(taken, "analyzer") {
        let reason = format!("Analyzer must be set for field [{name}] but wasn't.");
        return Err(MappingError::parsing(reason));
    }
    if owner.kind == FieldType::DateRange
        && map.contains_key("locale")
        && !map.contains_key("format")
    {
        return Err(MappingError::argument("No date pattern provided"));
    }
    add_implied(owner.kind, taken);
    drop_repeated_analyzers(taken);
    Ok(())
}

/// Adds parameters that others imply.
fn add_implied(kind: FieldType, taken: &mut Taken) {
    let has = |taken: &Taken, key: &str| taken.iter().any(|(own, _)| *own == key);
    if kind == FieldType::Join && !has(taken, "relations") {
        taken.push(("relations", json!({})));
    }
    let is_legacy = |name: &str| kind.parameter(name).is_some_and(|own| own.form == Form::Legacy);
    if taken.iter().any(|(name, _)| is_legacy(name)) && !has(taken, "strategy") {
        taken.push(("strategy", "recursive".into()));
    }
}

/// A search analyzer that is the one it would replace says nothing.
fn drop_repeated_analyzers(taken: &mut Taken) {
    for (name, base) in
        [("search_quote_analyzer", "search_analyzer"), ("search_analyzer", "analyzer")]
    {
        let value = |key: &str| taken.iter().find(|(own, _)| *own == key).map(|(_, value)| value);
        if let (Some(own), Some(other)) = (value(name), value(base))
            && own == other
        {
            taken.retain(|(own, _)| *own != name);
        }
    }
}

/// Paths to copy to: one or a list.
fn copies(value: &Value) -> Vec<Arc<str>> {
    match value.as_array() {
        Some(list) => list.iter().map(|path| map_text(path).into()).collect(),
        None => vec![map_text(value).into()],
    }
}

/// Reads `fields`.
fn multi_fields(
    value: &Value,
    name: &str,
    path: &str,
    context: Context<'_>,
) -> Checked<Vec<Arc<Leaf>>> {
    if is_empty_list(value) {
        return Ok(Vec::new());
    }
    let definitions = expect_map(value, name)?;
    let mut fields = Vec::new();
    for (field, definition) in definitions {
        if field.contains('.') {
            let reason = format!(
                "Field name [{field}] which is a multi field of [{name}] cannot contain '.'"
            );
            return Err(MappingError::parsing(reason));
        }
        let Some(map) = definition.as_object() else {
            let reason =
                format!("illegal field [{field}], only fields can be specified inside fields");
            return Err(MappingError::parsing(reason));
        };
        let Some(kind) = map.get("type").filter(|kind| !kind.is_null()) else {
            let reason = format!("no type specified for property [{field}]");
            return Err(MappingError::parsing(reason));
        };
        let kind = map_text(kind);
        if matches!(kind.as_str(), "object" | "nested" | "alias") {
            let reason = format!("Type [{kind}] cannot be used in multi field");
            return Err(MappingError::parsing(reason));
        }
        let Some(kind) = FieldType::named(&kind) else {
            let reason = format!("no handler for type [{kind}] declared on field [{field}]");
            return Err(MappingError::parsing(reason));
        };
        fields.push(Arc::new(leaf(field, field, kind, map, path, true, context)?));
    }
    fields.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(fields)
}
