//! Rendering a mapping as Elasticsearch's get mapping does.

use serde_json::{Map, Value, json};

use crate::{
    definition::root::Root,
    node::{Children, Leaf, Node, ObjectNode},
};

/// An object's definition under construction.
type Rendered = Map<String, Value>;

/// Renders a whole mapping.
pub(crate) fn root(root: &Root) -> Value {
    let mut rendered = Rendered::new();
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            rendered.insert(name.to_owned(), value);
        }
    };
    let object = &root.object;
    add("dynamic", object.dynamic.map(|dynamic| dynamic.name().into()));
    add("enabled", (!object.enabled).then_some(false.into()));
    add("subobjects", object.subobjects.map(Value::from));
    add("_meta", root.meta.clone());
    let timestamp = root.timestamp_required;
    add("_data_stream_timestamp", timestamp.map(|enabled| json!({ "enabled": enabled })));
    add("_field_names", root.field_names.map(|enabled| json!({ "enabled": enabled })));
    add("_routing", root.routing_required.then(|| json!({ "required": true })));
    let source = &root.source;
    let mut own = Rendered::new();
    if !source.enabled {
        own.insert("enabled".to_owned(), false.into());
    }
    for (name, list) in [("includes", &source.includes), ("excludes", &source.excludes)] {
        if !list.is_empty() {
            own.insert(name.to_owned(), list.clone().into());
        }
    }
    add("_source", (!own.is_empty()).then_some(Value::Object(own)));
    let formats = root.date_formats.as_ref();
    add(
        "dynamic_date_formats",
        formats.map(|own| own.iter().map(|format| format.text()).collect()),
    );
    let templates = root.templates.as_ref();
    add("dynamic_templates", templates.map(|own| own.iter().map(|own| own.render()).collect()));
    add("date_detection", root.date_detection.map(Value::from));
    add("numeric_detection", root.numeric_detection.map(Value::from));
    let runtime: Rendered = root.runtime.clone().into_iter().collect();
    add("runtime", (!runtime.is_empty()).then_some(Value::Object(runtime)));
    add("properties", children(&object.children));
    Value::Object(rendered)
}

/// Renders the fields of an object, if it has any.
fn children(children: &Children) -> Option<Value> {
    if children.is_empty() {
        return None;
    }
    Some(
        children
            .iter()
            .map(|(name, own)| (name.to_string(), node(own)))
            .collect::<Rendered>()
            .into(),
    )
}

/// Renders one field.
pub(crate) fn node(node: &Node) -> Value {
    match node {
        Node::Object(own) => object(own),
        Node::Leaf(own) => leaf(own),
        Node::Alias(_, path) => json!({ "type": "alias", "path": &**path }),
    }
}

/// Renders an object.
fn object(object: &ObjectNode) -> Value {
    let mut rendered = Rendered::new();
    if let Some(nested) = object.nested {
        rendered.insert("type".to_owned(), "nested".into());
        for (name, on) in [
            ("include_in_parent", nested.include_in_parent),
            ("include_in_root", nested.include_in_root),
        ] {
            if on {
                rendered.insert(name.to_owned(), true.into());
            }
        }
    } else if object.children.is_empty() {
        rendered.insert("type".to_owned(), "object".into());
    }
    if let Some(dynamic) = object.dynamic {
        rendered.insert("dynamic".to_owned(), dynamic.name().into());
    }
    if !object.enabled {
        rendered.insert("enabled".to_owned(), false.into());
    }
    if let Some(subobjects) = object.subobjects {
        rendered.insert("subobjects".to_owned(), subobjects.into());
    }
    if let Some(children) = children(&object.children) {
        rendered.insert("properties".to_owned(), children);
    }
    Value::Object(rendered)
}

/// Renders a field with values.
pub(crate) fn leaf(field: &Leaf) -> Value {
    let mut rendered = Rendered::new();
    rendered.insert("type".to_owned(), field.kind.name().into());
    for (name, value) in &field.parameters {
        // The tree of version 6 is what a strategy stands for.
        if !(*name == "tree" && value == "quadtree") {
            rendered.insert((*name).to_owned(), value.clone());
        }
    }
    if !field.fields.is_empty() {
        let fields = field.fields.iter().map(|own| (own.name.to_string(), leaf(own)));
        rendered.insert("fields".to_owned(), fields.collect::<Rendered>().into());
    }
    if !field.copy_to.is_empty() {
        let paths = field.copy_to.iter().map(|path| Value::from(&**path));
        rendered.insert("copy_to".to_owned(), paths.collect());
    }
    Value::Object(rendered)
}
