//! Merging definitions: what an update may change of a mapping, and what it may not.

mod leaf;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    definition::root::{Root, SourceRule},
    error::{ErrorType, MappingError},
    field::form::Checked,
    node::{Children, Node, ObjectNode},
    settings::Dialect,
};

/// Merges two definitions of one field.
pub(crate) fn node(existing: &Node, update: &Node, dialect: Dialect) -> Checked<Node> {
    match (existing, update) {
        (Node::Object(existing), Node::Object(update)) => {
            object(existing, update, dialect).map(|object| Node::Object(Arc::new(object)))
        }
        (Node::Leaf(existing), Node::Leaf(update)) => {
            leaf::merge(existing, update, dialect).map(Node::Leaf)
        }
        (Node::Alias(..), Node::Alias(..)) => Ok(update.clone()),
        (Node::Object(object), Node::Leaf(_) | Node::Alias(..)) => {
            let path = &object.path;
            Err(MappingError::argument(if dialect == Dialect::Eight {
                format!("can't merge a non object mapping [{path}] with an object mapping")
            } else {
                format!("Can't merge a non object mapping [{path}] with an object mapping [{path}]")
            }))
        }
        (Node::Alias(name, _), Node::Object(_) | Node::Leaf(_)) => {
            let reason = format!(
                "Cannot merge a field alias mapping [{name}] with a mapping that is not for a field \
                 alias."
            );
            Err(MappingError::argument(reason))
        }
        (Node::Leaf(leaf), Node::Object(_) | Node::Alias(..)) => {
            Err(leaf::other_type(leaf, update.kind_name(), false, dialect))
        }
    }
}

/// Merges two definitions of one object.
pub(crate) fn object(
    existing: &ObjectNode,
    update: &ObjectNode,
    dialect: Dialect,
) -> Checked<ObjectNode> {
    let path = &existing.path;
    let is_root = path.is_empty();
    if existing.enabled != update.enabled && !(is_root && dialect == Dialect::Seven) {
        return Err(enabled_changed(path, dialect));
    }
    if existing.nested.is_some() != update.nested.is_some() {
        return Err(MappingError::argument(nested_changed(existing, dialect)));
    }
    if existing.subobjects != update.subobjects && update.subobjects.is_some() {
        let reason =
            format!("the [subobjects] parameter can't be updated for the object mapping [{path}]");
        return Err(MappingError::new(ErrorType::Mapper, reason));
    }
    if dialect == Dialect::Eight
        && let (Some(own), Some(other)) = (existing.nested, update.nested)
    {
        for (name, own, other) in [
            ("include_in_parent", own.include_in_parent, other.include_in_parent),
            ("include_in_root", own.include_in_root, other.include_in_root),
        ] {
            if own != other {
                let reason =
                    format!("the [{name}] parameter can't be updated on a nested object mapping");
                return Err(MappingError::new(ErrorType::Mapper, reason));
            }
        }
    }
    Ok(ObjectNode {
        path: Arc::clone(path),
        dynamic: update.dynamic.or(existing.dynamic),
        enabled: existing.enabled,
        nested: existing.nested,
        subobjects: existing.subobjects,
        children: children(&existing.children, &update.children, dialect)?,
    })
}

/// The error about an object that would be looked into, or no longer.
fn enabled_changed(path: &str, dialect: Dialect) -> MappingError {
    let reason = if dialect == Dialect::Eight {
        format!("the [enabled] parameter can't be updated for the object mapping [{path}]")
    } else {
        format!("Can't update attribute for type [_doc.{path}.enabled] in index mapping")
    };
    MappingError::new(ErrorType::Mapper, reason)
}

/// The words about an object whose documents would become its own, or no longer.
fn nested_changed(existing: &ObjectNode, dialect: Dialect) -> String {
    let path = &existing.path;
    let (from, to) =
        if existing.nested.is_some() { ("nested", "non-nested") } else { ("non-nested", "nested") };
    match (dialect, existing.nested.is_some()) {
        (Dialect::Seven, _) => {
            format!("object mapping [{path}] can't be changed from {from} to {to}")
        }
        (Dialect::Eight, true) => {
            format!("can't merge a non nested mapping [{path}] with a nested mapping")
        }
        (Dialect::Eight, false) => {
            format!("can't merge a nested mapping [{path}] with a non-nested mapping")
        }
    }
}

/// Merges the fields of two definitions of one object.
fn children(existing: &Children, update: &Children, dialect: Dialect) -> Checked<Children> {
    let mut merged: BTreeMap<Arc<str>, Node> =
        existing.iter().map(|(name, node)| (Arc::clone(name), node.clone())).collect();
    for (name, added) in update.iter() {
        let own = match existing.get(name) {
            Some(existing) => node(existing, added, dialect)?,
            None => added.clone(),
        };
        merged.insert(Arc::clone(name), own);
    }
    Ok(merged.into_iter().collect())
}

/// Merges an update into a mapping. `given` is the update's definition, by which is told what it says.
pub(crate) fn root(
    existing: &Root,
    update: &Root,
    given: &Value,
    dialect: Dialect,
) -> Checked<Root> {
    let is_given = |key: &str| given.get(key).is_some();
    let mut merged = existing.clone();
    let mut own = (*update.object).clone();
    if !is_given("enabled") {
        own.enabled = existing.object.enabled;
    }
    merged.object = Arc::new(object(&existing.object, &own, dialect)?);
    if is_given("_source") {
        source(&existing.source, &update.source, dialect)?;
    }
    let requires = |root: &Root| root.routing_required;
    if is_given("_routing") && requires(existing) != requires(update) && dialect == Dialect::Eight {
        let reason = format!(
            "Mapper for [_routing] conflicts with existing mapper:\n\tCannot update parameter \
             [required] from [{}] to [{}]",
            requires(existing),
            requires(update)
        );
        return Err(MappingError::argument(reason));
    }
    if update.meta.is_some() {
        merged.meta.clone_from(&update.meta);
    }
    if existing.timestamp_required == Some(true) && update.timestamp_required == Some(false) {
        let reason = "Mapper for [_data_stream_timestamp] conflicts with existing mapper:\n\t\
                      Cannot update parameter [enabled] from [true] to [false]";
        return Err(MappingError::argument(reason));
    }
    merged.timestamp_required = update.timestamp_required.or(existing.timestamp_required);
    merged.field_names = update.field_names.or(existing.field_names);
    merged.date_detection = update.date_detection.or(existing.date_detection);
    merged.numeric_detection = update.numeric_detection.or(existing.numeric_detection);
    if update.date_formats.is_some() {
        merged.date_formats.clone_from(&update.date_formats);
    }
    if update.templates.is_some() {
        merged.templates.clone_from(&update.templates);
    }
    for (name, definition) in &update.runtime {
        if definition.is_null() {
            merged.runtime.remove(name);
        } else {
            merged.runtime.insert(name.clone(), definition.clone());
        }
    }
    Ok(merged)
}

/// Fails unless both store the same of a source.
fn source(existing: &SourceRule, update: &SourceRule, dialect: Dialect) -> Checked<()> {
    let list = |list: &[String]| format!("[{}]", list.join(", "));
    let mut seven = Vec::new();
    let mut eight = Vec::new();
    for (name, own, other) in [
        ("enabled", existing.enabled.to_string(), update.enabled.to_string()),
        ("includes", list(&existing.includes), list(&update.includes)),
        ("excludes", list(&existing.excludes), list(&update.excludes)),
    ] {
        if own != other {
            seven.push(format!("Cannot update {name} setting for [_source]"));
            eight.push(format!("\n\tCannot update parameter [{name}] from [{own}] to [{other}]"));
        }
    }
    if seven.is_empty() {
        return Ok(());
    }
    Err(MappingError::argument(if dialect == Dialect::Eight {
        format!("Mapper for [_source] conflicts with existing mapper:{}", eight.concat())
    } else {
        format!("Can't merge because of conflicts: [{}]", seven.join(", "))
    }))
}
