//! The root of a mapping: what only it has, beside being an object.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use crate::{
    date::DateFormat,
    error::{ErrorType, MappingError},
    field::form::{Checked, boolean, special::object_switch},
    java::map_text,
    node::ObjectNode,
    settings::Dialect,
    template::DynamicTemplate,
};

use super::{Context, children, is_empty_list, left_text, object};

/// What of a source is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRule {
    /// Whether any of it is.
    pub enabled: bool,
    /// Patterns of the paths that are stored; none stands for all.
    pub includes: Vec<String>,
    /// Patterns of the paths that are not.
    pub excludes: Vec<String>,
}

impl Default for SourceRule {
    fn default() -> Self {
        Self { enabled: true, includes: Vec::new(), excludes: Vec::new() }
    }
}

/// A mapping as it is defined.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    /// The name of the type; without types `_doc`.
    pub(crate) type_name: Arc<str>,
    /// The fields, and what any object has.
    pub(crate) object: Arc<ObjectNode>,
    /// `_meta`.
    pub(crate) meta: Option<Value>,
    /// `_source`.
    pub(crate) source: SourceRule,
    /// `_routing.required`.
    pub(crate) routing_required: bool,
    /// `_data_stream_timestamp.enabled`, if it says: whether each document has one timestamp.
    pub(crate) timestamp_required: Option<bool>,
    /// `_field_names.enabled`, if it says.
    pub(crate) field_names: Option<bool>,
    /// The formats by which dates are detected, if it says.
    pub(crate) date_formats: Option<Vec<Arc<DateFormat>>>,
    /// The templates for fields that are added.
    pub(crate) templates: Option<Vec<Arc<DynamicTemplate>>>,
    /// Whether dates are detected, if it says.
    pub(crate) date_detection: Option<bool>,
    /// Whether numbers are detected in strings, if it says.
    pub(crate) numeric_detection: Option<bool>,
    /// `runtime`.
    pub(crate) runtime: BTreeMap<String, Value>,
}

impl Root {
    /// A mapping without fields.
    pub(crate) fn empty(type_name: &str) -> Self {
        Self {
            type_name: type_name.into(),
            object: Arc::new(ObjectNode::new("")),
            meta: None,
            source: SourceRule::default(),
            routing_required: false,
            timestamp_required: None,
            field_names: None,
            date_formats: None,
            templates: None,
            date_detection: None,
            numeric_detection: None,
            runtime: BTreeMap::new(),
        }
    }

    /// Reads a definition.
    pub(crate) fn parse(
        type_name: &str,
        definition: &Map<String, Value>,
        context: Context<'_>,
    ) -> Checked<Self> {
        if type_name.is_empty() {
            return Err(MappingError::argument("name cannot be empty string"));
        }
        let mut root = Self::empty(type_name);
        let mut own = ObjectNode::new("");
        let mut left = Vec::new();
        for (key, value) in definition {
            match key.as_str() {
                "properties" => own.children = children(value, "", context)?,
                "dynamic" => own.dynamic = Some(object::dynamic(value, context)?),
                "enabled" => own.enabled = object_switch(value, "enabled", context.settings)?,
                "subobjects" if context.settings.dialect == Dialect::Eight => {
                    own.subobjects = Some(object_switch(value, "subobjects", context.settings)?);
                }
                "include_in_all" => {}
                _ if root.read_key(key, value, context)? => {}
                _ => left.push((key, value)),
            }
        }
        if !left.is_empty() {
            let left = left_text(&left);
            let reason = format!("Root mapping definition has unsupported parameters: {left}");
            return Err(MappingError::parsing(reason));
        }
        root.object = Arc::new(own);
        Ok(root)
    }

    /// Reads a key that only a root has; says whether it is one.
    fn read_key(&mut self, key: &str, value: &Value, context: Context<'_>) -> Checked<bool> {
        let settings = context.settings;
        match key {
            "date_detection" => self.date_detection = Some(boolean(value, key, settings)?),
            "numeric_detection" => self.numeric_detection = Some(boolean(value, key, settings)?),
            "dynamic_date_formats" | "date_formats" => {
                self.date_formats = Some(date_formats(value, settings.dialect)?);
            }
            "dynamic_templates" => self.templates = Some(templates(value)?),
            "_meta" => self.meta = Some(value.clone()),
            "_source" => self.read_source(metadata(key, value, settings.dialect)?, context)?,
            "_routing" => {
                let map = metadata(key, value, settings.dialect)?;
                let left: Vec<_> = map.iter().filter(|(name, _)| *name != "required").collect();
                context.none_left(key, &left, None)?;
                let required = map.get("required");
                self.routing_required = required
                    .map_or(Ok(false), |value| boolean(value, "_routing.required", settings))?;
            }
            "_data_stream_timestamp" => self.timestamp_required = enabled(key, value, context)?,
            "_field_names" => self.field_names = enabled(key, value, context)?,
            "_id" | "_type" | "_index" | "_version" | "_seq_no" | "_ignored" | "_feature"
            | "_nested_path" => {
                return Err(MappingError::parsing(format!("{key} is not configurable")));
            }
            "runtime" => self.read_runtime(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Reads `_source`.
    fn read_source(&mut self, map: &Map<String, Value>, context: Context<'_>) -> Checked<()> {
        let list = |value: &Value| -> Vec<String> {
            value
                .as_array()
                .map_or_else(|| vec![map_text(value)], |list| list.iter().map(map_text).collect())
        };
        let mut left = Vec::new();
        for (name, value) in map {
            match name.as_str() {
                "enabled" => {
                    self.source.enabled = boolean(value, "_source.enabled", context.settings)?;
                }
                "includes" => self.source.includes = list(value),
                "excludes" => self.source.excludes = list(value),
                "mode" if context.settings.dialect == Dialect::Eight => {
                    self.source.enabled = map_text(value) != "disabled";
                }
                _ => left.push((name, value)),
            }
        }
        context.none_left("_source", &left, None)
    }

    /// Reads `runtime`. A field that is null is kept as such: an update removes it.
    fn read_runtime(&mut self, value: &Value) -> Checked<()> {
        let Some(fields) = value.as_object() else {
            let reason = "Expected map for runtime fields but got a different value";
            return Err(MappingError::parsing(reason));
        };
        for (name, definition) in fields {
            if !definition.is_null() && definition.get("type").is_none() {
                let reason = format!("No type specified for runtime field [{name}]");
                return Err(MappingError::parsing(reason));
            }
            self.runtime.insert(name.clone(), definition.clone());
        }
        Ok(())
    }
}

/// The definition of a metadata field.
fn metadata<'v>(key: &str, value: &'v Value, dialect: Dialect) -> Checked<&'v Map<String, Value>> {
    value.as_object().ok_or_else(|| {
        MappingError::argument(if dialect == Dialect::Eight {
            format!("[{key}] config must be an object")
        } else {
            "[_parent] must be an object containing [type]".to_owned()
        })
    })
}

/// The definition of a metadata field that has but `enabled`.
fn enabled(key: &str, value: &Value, context: Context<'_>) -> Checked<Option<bool>> {
    let map = metadata(key, value, context.settings.dialect)?;
    let left: Vec<_> = map.iter().filter(|(name, _)| *name != "enabled").collect();
    context.none_left(key, &left, None)?;
    let enabled = map.get("enabled");
    let what = format!("{key}.enabled");
    enabled.map(|value| boolean(value, &what, context.settings)).transpose()
}

/// Formats by which dates are detected.
fn date_formats(value: &Value, dialect: Dialect) -> Checked<Vec<Arc<DateFormat>>> {
    let single = [value.clone()];
    let list = value.as_array().map_or(single.as_slice(), Vec::as_slice);
    let mut formats = Vec::new();
    for value in list {
        let text = map_text(value);
        if text == "none" {
            continue;
        }
        if text.starts_with("epoch_") {
            let reason = format!("Epoch [{text}] is not supported as dynamic date format");
            return Err(MappingError::parsing(reason));
        }
        formats.push(Arc::new(DateFormat::parse(&text, dialect)?));
    }
    Ok(formats)
}

/// The templates for fields that are added.
fn templates(value: &Value) -> Checked<Vec<Arc<DynamicTemplate>>> {
    if is_empty_list(value) {
        return Ok(Vec::new());
    }
    let Some(list) = value.as_array() else {
        let reason = "dynamic_templates must be a list";
        return Err(MappingError::new(ErrorType::ClassCast, reason));
    };
    list.iter().map(|template| DynamicTemplate::parse(template).map(Arc::new)).collect()
}
