//! Which mapping a new field gets, from its value and from templates.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    definition::{self, Context},
    error::{ErrorType, MappingError},
    java::parse_double,
    json::{Event, is_fraction},
    node::{Dynamic, Leaf, Node, ObjectNode},
    settings::Dialect,
    template::{DynamicTemplate, Kind},
};

use super::{
    FieldSink,
    unmapped::{Found, inherited},
    walk::{Step, Walk},
};

/// What a new field becomes.
enum Added {
    /// A field with values.
    Leaf(Arc<Leaf>),
    /// An object.
    Object(Arc<ObjectNode>),
    /// A runtime field, which no value is parsed by.
    Runtime,
}

impl<'a, S: FieldSink> Walk<'_, 'a, S> {
    /// Adds a field for a value, and takes the value.
    pub(super) fn add_dynamic(
        &mut self,
        object: &ObjectNode,
        dynamic: Dynamic,
        name: &str,
        found: Found<'a, '_>,
    ) -> Step {
        let path = object.path_of(name);
        match found.event {
            Event::Object => self.add_object(&path, name, dynamic, found),
            Event::Array => self.add_array(&path, name, dynamic, found),
            Event::Text(_) | Event::Number(_) | Event::Boolean(_) => {
                self.add_scalar(&path, name, dynamic, found)
            }
            Event::Null => Ok(()),
        }
    }

    /// Adds a field for an object.
    fn add_object(
        &mut self,
        path: &str,
        name: &str,
        dynamic: Dynamic,
        found: Found<'a, '_>,
    ) -> Step {
        match self.templated(path, name, Kind::Object, None, found.at)? {
            Some(Added::Leaf(leaf)) => self.take(&leaf, found),
            Some(Added::Object(added)) => {
                self.objects(&added, inherited(dynamic), found.name, found.event, found.at)
            }
            Some(Added::Runtime) => self.skip(&found.event),
            None => {
                let added = self.plain_object(path);
                self.objects(&added, inherited(dynamic), found.name, found.event, found.at)
            }
        }
    }

    /// Adds a field for an array: for the whole of it, if a template makes a type that reads arrays,
    /// else for each of its elements.
    fn add_array(
        &mut self,
        path: &str,
        name: &str,
        dynamic: Dynamic,
        found: Found<'a, '_>,
    ) -> Step {
        if let Some(template) = self.template_for(path, name, Kind::Object)
            && let Added::Leaf(leaf) =
                self.built(&template, path, name, Kind::Object, None, found.at)?
            && leaf.kind.takes_arrays()
        {
            self.note_leaf(&leaf);
            return self.take(&leaf, found);
        }
        self.elements(|walk, event, at| match event {
            Event::Object => {
                walk.add_object(path, name, dynamic, Found { event, at, name: "null" })
            }
            Event::Text(_) | Event::Number(_) | Event::Boolean(_) => {
                walk.add_scalar(path, name, dynamic, Found { event, at, name: "null" })
            }
            Event::Null | Event::Array => Ok(()),
        })
    }

    /// Adds a field for a scalar.
    fn add_scalar(
        &mut self,
        path: &str,
        name: &str,
        dynamic: Dynamic,
        found: Found<'a, '_>,
    ) -> Step {
        let (kind, format) = self.detect(&found)?;
        let added = match self.templated(path, name, kind, format.as_deref(), found.at)? {
            Some(added) => added,
            None if dynamic == Dynamic::Runtime => {
                let definition = runtime_definition(kind, format.as_deref());
                if let Some(pending) = &mut self.pending {
                    pending.add_runtime(path, definition);
                }
                Added::Runtime
            }
            None => {
                let leaf =
                    self.defined(path, name, &plain_definition(kind, format.as_deref()), found.at)?;
                self.note_leaf(&leaf);
                Added::Leaf(leaf)
            }
        };
        match added {
            Added::Leaf(leaf) => self.take(&leaf, found),
            Added::Runtime => Ok(()),
            Added::Object(object) => {
                self.objects(&object, inherited(dynamic), found.name, found.event, found.at)
            }
        }
    }

    /// Takes the value by the field that was added for it.
    fn take(&mut self, leaf: &Leaf, found: Found<'a, '_>) -> Step {
        let input = self.input(found.event, found.at, Some(found.name))?;
        self.leaf(leaf, &input)
    }

    /// Adds an object around a field, by a template or plain.
    pub(super) fn new_object(
        &mut self,
        path: &str,
        name: &str,
        at: usize,
    ) -> Step<Arc<ObjectNode>> {
        match self.templated(path, name, Kind::Object, None, at)? {
            Some(Added::Object(object)) => Ok(object),
            Some(Added::Leaf(_) | Added::Runtime) | None => Ok(self.plain_object(path)),
        }
    }

    /// Adds an object about which nothing is known.
    fn plain_object(&mut self, path: &str) -> Arc<ObjectNode> {
        let object = Arc::new(ObjectNode::new(path));
        self.note_object(&object);
        object
    }

    /// Notes a new object.
    fn note_object(&mut self, object: &Arc<ObjectNode>) {
        let dialect = self.mapping.settings().dialect;
        if let Some(pending) = &mut self.pending {
            pending.add_object(object, dialect);
        }
    }

    /// Notes a new field with values.
    fn note_leaf(&mut self, leaf: &Arc<Leaf>) {
        let dialect = self.mapping.settings().dialect;
        if let Some(pending) = &mut self.pending {
            pending.add_leaf(leaf, dialect);
        }
    }

    /// The first template for a field.
    fn template_for(&self, path: &str, name: &str, kind: Kind) -> Option<Arc<DynamicTemplate>> {
        let templates = self.mapping.root().templates.as_deref().unwrap_or_default();
        templates.iter().find(|template| template.is_for(name, path, kind)).cloned()
    }

    /// Adds a field by a template, if there is one for it.
    fn templated(
        &mut self,
        path: &str,
        name: &str,
        kind: Kind,
        format: Option<&str>,
        at: usize,
    ) -> Step<Option<Added>> {
        let Some(template) = self.template_for(path, name, kind) else { return Ok(None) };
        let added = self.built(&template, path, name, kind, format, at)?;
        match &added {
            Added::Leaf(leaf) => self.note_leaf(leaf),
            Added::Object(object) => self.note_object(object),
            Added::Runtime => {}
        }
        Ok(Some(added))
    }

    /// The field that a template makes.
    fn built(
        &mut self,
        template: &DynamicTemplate,
        path: &str,
        name: &str,
        kind: Kind,
        format: Option<&str>,
        at: usize,
    ) -> Step<Added> {
        let mut definition = template.definition(name, kind.field_type());
        if template.is_runtime() {
            if let Some(pending) = &mut self.pending {
                pending.add_runtime(path, definition);
            }
            return Ok(Added::Runtime);
        }
        if let (Some(format), Some(map)) = (format, definition.as_object_mut())
            && map.get("type").is_some_and(|kind| kind == "date")
            && !map.contains_key("format")
        {
            map.insert("format".to_owned(), format.into());
        }
        match self.node(path, name, &definition, at)? {
            Node::Leaf(leaf) => Ok(Added::Leaf(leaf)),
            Node::Object(object) => Ok(Added::Object(object)),
            Node::Alias(..) => {
                let reason = "a field that is added cannot be an alias";
                Err(self.failed(MappingError::argument(reason), at))
            }
        }
    }

    /// Reads a definition of a field at a path.
    fn node(&self, path: &str, name: &str, definition: &Value, at: usize) -> Step<Node> {
        let parent =
            path.strip_suffix(name).and_then(|parent| parent.strip_suffix('.')).unwrap_or("");
        let context = Context { settings: self.mapping.settings(), lenient: true };
        definition::node(name, name, definition, parent, context).map_err(|error| {
            if error.reason().starts_with("No handler for type") {
                let kind = definition.get("type").map(crate::java::map_text).unwrap_or_default();
                return self
                    .refused(format!("failed to find type parsed [{kind}] for [{name}]"), at);
            }
            if error.kind() == ErrorType::MapperParsing { error } else { self.failed(error, at) }
        })
    }

    /// A field with values by a definition that is known to be good.
    fn defined(&self, path: &str, name: &str, definition: &Value, at: usize) -> Step<Arc<Leaf>> {
        match self.node(path, name, definition, at)? {
            Node::Leaf(leaf) => Ok(leaf),
            Node::Object(_) | Node::Alias(..) => {
                Err(self.failed(MappingError::argument("no field with values"), at))
            }
        }
    }

    /// What a scalar looks like; of a date also the format it is in.
    fn detect(&self, found: &Found<'a, '_>) -> Step<(Kind, Option<String>)> {
        match found.event {
            Event::Boolean(_) => Ok((Kind::Boolean, None)),
            Event::Number(text) if is_fraction(text) => Ok((Kind::Double, None)),
            Event::Number(text) => {
                let seven = self.mapping.settings().dialect == Dialect::Seven;
                if seven && text.parse::<i64>().is_err() {
                    let reason = "No matching token for number_type [BIG_INTEGER]";
                    let cause = MappingError::new(ErrorType::IllegalState, reason);
                    return Err(self.failed(cause, found.at));
                }
                Ok((Kind::Long, None))
            }
            Event::Text(text) => Ok(self.detect_in_text(&text.decode())),
            Event::Object | Event::Array | Event::Null => Ok((Kind::Object, None)),
        }
    }

    /// What a string looks like.
    fn detect_in_text(&self, text: &str) -> (Kind, Option<String>) {
        let root = self.mapping.root();
        let may_be_number = text
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_alphabetic() || matches!(byte, b'N' | b'I'));
        let is_long = may_be_number && text.parse::<i64>().is_ok();
        let is_double = may_be_number && parse_double(text).is_ok();
        if root.numeric_detection == Some(true) {
            if is_long {
                return (Kind::Long, None);
            }
            if is_double {
                return (Kind::Double, None);
            }
        }
        if root.date_detection != Some(false) && !is_long && !is_double {
            let formats = self.mapping.date_formats();
            if let Some(format) = formats.iter().find(|format| format.read(text).is_ok()) {
                return (Kind::Date, Some(format.text().to_owned()));
            }
        }
        (Kind::String, None)
    }

    /// Fixes the value of a field that has the same in all documents.
    pub(super) fn fix_constant(&mut self, leaf: &Leaf, text: &str) -> Step {
        let mut definition = crate::render::leaf(leaf);
        if let Some(map) = definition.as_object_mut() {
            map.insert("value".to_owned(), text.into());
        }
        let fixed = self.defined(&leaf.path, &leaf.name, &definition, 0)?;
        self.note_leaf(&fixed);
        Ok(())
    }
}

/// The definition of a field that no template is for.
fn plain_definition(kind: Kind, format: Option<&str>) -> Value {
    match (kind, format) {
        (Kind::String, _) => json!({
            "type": "text",
            "fields": { "keyword": { "type": "keyword", "ignore_above": 256 } }
        }),
        (Kind::Date, Some(format)) => json!({ "type": "date", "format": format }),
        _ => json!({ "type": kind.field_type() }),
    }
}

/// The definition of a runtime field.
fn runtime_definition(kind: Kind, format: Option<&str>) -> Value {
    match (kind, format) {
        (Kind::String, _) => json!({ "type": "keyword" }),
        (Kind::Double, _) => json!({ "type": "double" }),
        (Kind::Date, Some(format)) if format != crate::date::DEFAULT_FORMAT => {
            json!({ "type": "date", "format": format })
        }
        _ => json!({ "type": kind.field_type() }),
    }
}
