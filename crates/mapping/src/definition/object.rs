//! Definitions of objects and of what is in them.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    error::MappingError,
    field::{
        FieldType,
        form::{Checked, special::object_switch},
    },
    java::map_text,
    merge,
    node::{Children, Dynamic, Nested, Node, ObjectNode},
    settings::Dialect,
};

use super::{Context, expect_map, is_empty_list, leaf};

/// Reads an object's `properties`.
pub(crate) fn children(value: &Value, path: &str, context: Context<'_>) -> Checked<Children> {
    if is_empty_list(value) {
        return Ok(Children::default());
    }
    let Some(properties) = value.as_object() else {
        return Err(MappingError::parsing("properties must be a map type"));
    };
    let mut nodes: BTreeMap<Arc<str>, Node> = BTreeMap::new();
    for (name, definition) in properties {
        if is_empty_list(definition) {
            continue;
        }
        let (name, node) = property(name, definition, path, context)?;
        let node = match nodes.remove(&name) {
            Some(before) => merge::node(&before, &node, context.settings.dialect)?,
            None => node,
        };
        nodes.insert(name, node);
    }
    Ok(nodes.into_iter().collect())
}

/// Reads one property; a name with dots makes objects around it.
fn property(
    name: &str,
    definition: &Value,
    path: &str,
    context: Context<'_>,
) -> Checked<(Arc<str>, Node)> {
    expect_map(definition, name)?;
    type_of(definition, name)?;
    let trimmed = name.trim_end_matches('.');
    let parts: Vec<&str> = trimmed.split('.').collect();
    if parts.iter().any(|part| part.is_empty()) {
        let reason = if context.settings.dialect == Dialect::Eight {
            "field name cannot be an empty string"
        } else {
            "name cannot be empty string"
        };
        return Err(MappingError::argument(reason));
    }
    let mut inner_path = path.to_owned();
    for part in parts.iter().take(parts.len() - 1) {
        inner_path = crate::node::join(&inner_path, part);
    }
    let last = parts.last().copied().unwrap_or(trimmed);
    let mut node = node(name, last, definition, &inner_path, context)?;
    let mut own_name: Arc<str> = last.into();
    for part in parts.iter().rev().skip(1) {
        let mut around = ObjectNode::new(&inner_path);
        around.children = [(own_name, node)].into_iter().collect();
        node = Node::Object(Arc::new(around));
        own_name = (*part).into();
        inner_path =
            inner_path.rsplit_once('.').map_or_else(String::new, |(rest, _)| rest.to_owned());
    }
    Ok((own_name, node))
}

/// The type that a definition says or implies.
fn type_of(definition: &Value, field: &str) -> Checked<String> {
    let map = expect_map(definition, field)?;
    match map.get("type") {
        Some(kind) if !kind.is_null() => Ok(map_text(kind)),
        _ if map.contains_key("properties") => Ok("object".to_owned()),
        _ if map.len() == 1 && map.contains_key("enabled") => Ok("object".to_owned()),
        _ => Err(MappingError::parsing(format!("No type specified for field [{field}]"))),
    }
}

/// Reads a field's definition. `shown` is its name as written, `name` its last part.
pub(crate) fn node(
    shown: &str,
    name: &str,
    definition: &Value,
    parent: &str,
    context: Context<'_>,
) -> Checked<Node> {
    let kind = type_of(definition, shown)?;
    let map = expect_map(definition, shown)?;
    match kind.as_str() {
        "object" | "nested" => {
            let path = crate::node::join(parent, name);
            return object(map, &path, shown, kind == "nested", context)
                .map(|object| Node::Object(Arc::new(object)));
        }
        "alias" => return alias(map, name, shown, context),
        _ => {}
    }
    let Some(field_type) = FieldType::named(&kind) else {
        let reason = format!("No handler for type [{kind}] declared on field [{shown}]");
        return Err(MappingError::parsing(reason));
    };
    if field_type == FieldType::Join && !parent.is_empty() {
        let path = crate::node::join(parent, name);
        let reason =
            format!("join field [{path}] cannot be added inside an object or in a multi-field");
        return Err(MappingError::argument(reason));
    }
    leaf(shown, name, field_type, map, parent, false, context)
        .map(|leaf| Node::Leaf(Arc::new(leaf)))
}

/// Reads an object.
pub(crate) fn object(
    map: &Map<String, Value>,
    path: &str,
    shown: &str,
    nested: bool,
    context: Context<'_>,
) -> Checked<ObjectNode> {
    let mut object = ObjectNode::new(path);
    object.nested = nested.then(Nested::default);
    let mut left = Vec::new();
    for (name, value) in map {
        match name.as_str() {
            "type" | "include_in_all" => {}
            "properties" => object.children = children(value, path, context)?,
            "dynamic" => object.dynamic = Some(dynamic(value, context)?),
            "enabled" => object.enabled = object_switch(value, "enabled", context.settings)?,
            "subobjects" if context.settings.dialect == Dialect::Eight => {
                object.subobjects = Some(object_switch(value, "subobjects", context.settings)?);
            }
            "include_in_parent" | "include_in_root" => {
                let on = object_switch(value, name, context.settings)?;
                if let Some(nested) = &mut object.nested {
                    if name == "include_in_parent" {
                        nested.include_in_parent = on;
                    } else {
                        nested.include_in_root = on;
                    }
                }
            }
            _ => left.push((name, value)),
        }
    }
    context.none_left(shown, &left, None)?;
    Ok(object)
}

/// What becomes of unmapped fields.
pub(crate) fn dynamic(value: &Value, context: Context<'_>) -> Checked<Dynamic> {
    let text = map_text(value);
    if text.eq_ignore_ascii_case("strict") {
        return Ok(Dynamic::Strict);
    }
    if text == "runtime" {
        return Ok(Dynamic::Runtime);
    }
    let on = object_switch(value, "dynamic", context.settings)?;
    Ok(if on { Dynamic::True } else { Dynamic::False })
}

/// Reads another name of a field.
fn alias(map: &Map<String, Value>, name: &str, shown: &str, context: Context<'_>) -> Checked<Node> {
    let path = map.get("path").filter(|path| !path.is_null()).ok_or_else(|| {
        let reason = format!("The [path] property must be specified for field [{shown}].");
        MappingError::parsing(reason)
    })?;
    let known = |name: &str| matches!(name, "type" | "path" | "meta");
    let left: Vec<_> = map.iter().filter(|(name, _)| !known(name)).collect();
    context.none_left(shown, &left, None)?;
    Ok(Node::Alias(name.into(), map_text(path).into()))
}
