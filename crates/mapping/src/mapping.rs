//! The mapping of an index: immutable, shared, and what can be done with it.

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use crate::{
    check::{Document, FieldSink, Fit, MappingUpdate, walk},
    date::{DEFAULT_FORMAT, DateFormat},
    definition::{
        Context,
        root::{Root, SourceRule},
    },
    error::MappingError,
    field::{FieldType, form::Checked},
    merge,
    node::{Leaf, Node, ObjectNode},
    render,
    settings::{Dialect, Settings},
    template::simple_match,
    validate,
};

/// The field by which documents of data streams are ordered.
pub const TIMESTAMP: &str = "@timestamp";

/// What an index knows of its fields.
///
/// It never changes: an update makes another. A copy costs as much as two pointers.
#[derive(Clone, Debug)]
pub struct Mapping {
    inner: Arc<Inner>,
}

/// What the copies of a mapping share.
#[derive(Debug)]
struct Inner {
    root: Root,
    settings: Settings,
    /// The formats by which dates are detected.
    date_formats: Vec<Arc<DateFormat>>,
    /// The shortest source, in bytes, of which a value may be left out; nothing where none ever is.
    least_left_out: Option<usize>,
}

/// A field with values, as a mapping has it.
#[derive(Clone, Copy, Debug)]
pub struct FieldRef<'m> {
    pub(crate) leaf: &'m Leaf,
}

impl FieldRef<'_> {
    /// The path from the root, dotted.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.leaf.path
    }

    /// The type.
    #[must_use]
    pub fn field_type(&self) -> FieldType {
        self.leaf.kind
    }

    /// A parameter, or what it is when not given.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<Value> {
        self.leaf.parameter(name)
    }

    /// The definition as it is rendered.
    #[must_use]
    pub fn render(&self) -> Value {
        render::leaf(self.leaf)
    }

    /// Whether both are the same field of the same mapping.
    #[must_use]
    pub fn is(&self, other: &FieldRef<'_>) -> bool {
        std::ptr::eq(self.leaf, other.leaf)
    }
}

impl Mapping {
    /// A mapping without fields.
    #[must_use]
    pub fn empty(settings: Settings) -> Self {
        Self::with(Root::empty("_doc"), settings)
    }

    /// Puts the parts together.
    fn with(root: Root, settings: Settings) -> Self {
        let date_formats =
            root.date_formats.clone().unwrap_or_else(|| default_formats(settings.dialect));
        let least_left_out = least_left_out(&root.object, settings.dialect);
        Self { inner: Arc::new(Inner { root, settings, date_formats, least_left_out }) }
    }

    /// The mapping of a new index: a type's name and its definition, without the name around it.
    ///
    /// # Errors
    /// What is wrong with the definition, wrapped as in the answer to a create request.
    pub fn create(
        type_name: &str,
        definition: &Value,
        settings: Settings,
    ) -> Result<Self, MappingError> {
        let root = Self::parse(type_name, definition, &settings)
            .map_err(|error| wrap(error, type_name, settings.dialect))?;
        validate::check(&ObjectNode::new(""), &root.object, &settings, false)?;
        validate::timestamp(&root)?;
        Ok(Self::with(root, settings))
    }

    /// Reads a definition.
    fn parse(type_name: &str, definition: &Value, settings: &Settings) -> Checked<Root> {
        let empty = Map::new();
        let map = definition.as_object().unwrap_or(&empty);
        Root::parse(type_name, map, Context { settings, lenient: false })
    }

    /// The mapping after an update, as of a put mapping request. `type_name` is `None` where the
    /// request names no type.
    ///
    /// # Errors
    /// What is wrong with the definition, or what it would change that cannot change.
    pub fn update(
        &self,
        type_name: Option<&str>,
        definition: &Value,
    ) -> Result<Self, MappingError> {
        let Inner { root, settings, .. } = &*self.inner;
        let own = type_name.unwrap_or(&root.type_name);
        let update = Self::parse(own, definition, settings).map_err(|error| {
            if settings.dialect == Dialect::Seven {
                error
            } else {
                wrap(error, own, settings.dialect)
            }
        })?;
        self.check_type(own)?;
        let mut merged = merge::root(root, &update, definition, settings.dialect)?;
        if self.is_blank() {
            merged.type_name = own.into();
            merged.routing_required = update.routing_required;
            merged.source = update.source;
        }
        validate::check(&root.object, &merged.object, settings, false)?;
        validate::timestamp(&merged)?;
        Ok(Self::with(merged, settings.clone()))
    }

    /// Fails if another type name would come in.
    ///
    /// # Errors
    /// The mapping has a type of another name.
    pub fn check_type(&self, type_name: &str) -> Result<(), MappingError> {
        let own = &*self.inner.root.type_name;
        if own == type_name || self.is_blank() {
            return Ok(());
        }
        let index = &self.inner.settings.index;
        let reason = format!(
            "Rejecting mapping update to [{index}] as the final mapping would have more than 1 type: \
             [{own}, {type_name}]"
        );
        Err(MappingError::argument(reason))
    }

    /// Whether nothing was ever said about the mapping.
    fn is_blank(&self) -> bool {
        let root = &self.inner.root;
        &*root.type_name == "_doc" && render::root(root).as_object().is_some_and(Map::is_empty)
    }

    /// The mapping with the fields that a document adds.
    ///
    /// # Errors
    /// The fields clash with those there are, or are too many.
    pub fn apply(&self, update: &MappingUpdate) -> Result<Self, MappingError> {
        let Inner { root, settings, .. } = &*self.inner;
        let mut merged = root.clone();
        merged.object = Arc::new(merge::object(&root.object, &update.object, settings.dialect)?);
        merged.runtime.extend(update.runtime.clone());
        validate::check(&root.object, &merged.object, settings, true)?;
        Ok(Self::with(merged, settings.clone()))
    }

    /// The same mapping under other settings.
    ///
    /// # Errors
    /// The mapping uses something that the settings no longer define.
    pub fn with_settings(&self, settings: Settings) -> Result<Self, MappingError> {
        Self::from_json(&self.to_json(), settings)
    }

    /// The mapping as a catalogue keeps it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::json!({ "type": &*self.inner.root.type_name, "mapping": self.render() })
    }

    /// A mapping that a catalogue kept. Limits are not checked again.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_json(kept: &Value, settings: Settings) -> Result<Self, MappingError> {
        let type_name = kept.get("type").and_then(Value::as_str).unwrap_or("_doc");
        let empty = Value::Object(Map::new());
        let definition = kept.get("mapping").unwrap_or(&empty);
        let root = Self::parse(type_name, definition, &settings)?;
        Ok(Self::with(root, settings))
    }

    /// The definition as get mapping renders it.
    #[must_use]
    pub fn render(&self) -> Value {
        render::root(&self.inner.root)
    }

    /// The name of the type; `_doc` where types have none.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.inner.root.type_name
    }

    /// Whether every document needs a routing value.
    #[must_use]
    pub fn is_routing_required(&self) -> bool {
        self.inner.root.routing_required
    }

    /// The field of which each document must have one value, as those of data streams must
    /// (`_data_stream_timestamp`); nothing where documents are free.
    pub(crate) fn timestamp(&self) -> Option<&Leaf> {
        let root = &self.inner.root;
        if root.timestamp_required != Some(true) {
            return None;
        }
        root.object.leaf(TIMESTAMP).map(|leaf| &**leaf)
    }

    /// What of a source is stored.
    #[must_use]
    pub fn source_rule(&self) -> &SourceRule {
        &self.inner.root.source
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// A field with values by its path, or by another name of it.
    #[must_use]
    pub fn field(&self, path: &str) -> Option<FieldRef<'_>> {
        let object = &self.inner.root.object;
        let leaf = match object.find(path) {
            Some(Node::Alias(_, target)) => object.leaf(target)?,
            Some(Node::Leaf(leaf)) => leaf,
            Some(Node::Object(_)) | None => object.leaf(path)?,
        };
        Some(FieldRef { leaf })
    }

    /// Whether a field, or one of several of one value, is of a type.
    #[must_use]
    pub fn has_type(&self, field_type: FieldType) -> bool {
        has_type(&self.inner.root.object, field_type)
    }

    /// The definitions of the fields whose paths match a pattern with stars, multi-fields and aliases
    /// included: path and definition.
    #[must_use]
    pub fn definitions(&self, pattern: &str) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        collect(&self.inner.root.object, pattern, &mut found);
        found
    }

    /// Whether a document fits, and what it would add to the mapping.
    ///
    /// # Errors
    /// What does not fit, or cannot be added.
    pub fn check(&self, document: &Document<'_>) -> Result<Fit, MappingError> {
        walk::check(self, document)
    }

    /// As [`check`](Self::check), but an error is left in the words of version 7, for
    /// [`MappingError::spoken`].
    ///
    /// # Errors
    /// What does not fit, or cannot be added.
    pub fn check_unspoken(&self, document: &Document<'_>) -> Result<Fit, MappingError> {
        walk::check_unspoken(self, document)
    }

    /// Tells a sink the values of a source's fields. Fields that are not mapped are passed over; a
    /// source that does not fit is told as far as it does.
    pub fn fields<S: FieldSink>(&self, source: &[u8], sink: &mut S) {
        walk::fields(self, source, sink);
    }

    /// The paths of the fields of which values of a source are left out: because they are malformed, or in
    /// version 8 because they are too long. By this mapping, which may not be the one it was written under.
    #[must_use]
    pub fn ignored(&self, source: &[u8]) -> Vec<Arc<str>> {
        match self.inner.least_left_out {
            Some(least) if source.len() > least => walk::ignored(self, source),
            Some(_) | None => Vec::new(),
        }
    }

    /// The parts that a walk over a document needs.
    pub(crate) fn root(&self) -> &Root {
        &self.inner.root
    }

    /// The formats by which dates are detected.
    pub(crate) fn date_formats(&self) -> &[Arc<DateFormat>] {
        &self.inner.date_formats
    }
}

/// The formats by which dates are detected where a mapping does not say: compiled once, for all mappings.
fn default_formats(dialect: Dialect) -> Vec<Arc<DateFormat>> {
    /// The formats of each dialect.
    static SEVEN: OnceLock<Vec<Arc<DateFormat>>> = OnceLock::new();
    static EIGHT: OnceLock<Vec<Arc<DateFormat>>> = OnceLock::new();
    let formats = match dialect {
        Dialect::Seven => &SEVEN,
        Dialect::Eight => &EIGHT,
    };
    let compile = |text: &str| DateFormat::parse(text, dialect).map(Arc::new).ok();
    let texts = [DEFAULT_FORMAT, "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"];
    formats.get_or_init(|| texts.into_iter().filter_map(compile).collect()).clone()
}

/// Wraps what is wrong with a definition.
fn wrap(error: MappingError, type_name: &str, dialect: Dialect) -> MappingError {
    error.wrapped(&match dialect {
        Dialect::Seven => format!("Failed to parse mapping [{type_name}]: "),
        Dialect::Eight => "Failed to parse mapping: ".to_owned(),
    })
}

/// The shortest source, in bytes, of which a value of a field of an object may be left out.
fn least_left_out(object: &ObjectNode, dialect: Dialect) -> Option<usize> {
    let of_node = |node: &Node| match node {
        Node::Object(own) => least_left_out(own, dialect),
        Node::Leaf(leaf) => {
            let leaves = std::iter::once(leaf).chain(&leaf.fields);
            leaves.filter_map(|leaf| leaf.rule.least_left_out(dialect)).min()
        }
        Node::Alias(..) => None,
    };
    object.children.iter().filter_map(|(_, node)| of_node(node)).min()
}

/// Whether a field of an object is of a type.
fn has_type(object: &ObjectNode, field_type: FieldType) -> bool {
    object.children.iter().any(|(_, node)| match node {
        Node::Object(own) => has_type(own, field_type),
        Node::Leaf(leaf) => {
            leaf.kind == field_type || leaf.fields.iter().any(|own| own.kind == field_type)
        }
        Node::Alias(..) => false,
    })
}

/// Collects the definitions of matching fields.
fn collect(object: &ObjectNode, pattern: &str, found: &mut Vec<(String, Value)>) {
    for (name, node) in object.children.iter() {
        match node {
            Node::Object(own) => collect(own, pattern, found),
            Node::Leaf(leaf) => collect_leaf(leaf, pattern, found),
            Node::Alias(..) => {
                let path = object.path_of(name);
                if simple_match(pattern, &path) {
                    found.push((path, render::node(node)));
                }
            }
        }
    }
}

/// Collects the definitions of a field and its multi-fields.
fn collect_leaf(leaf: &Leaf, pattern: &str, found: &mut Vec<(String, Value)>) {
    if simple_match(pattern, &leaf.path) {
        found.push((leaf.path.to_string(), render::leaf(leaf)));
    }
    for field in &leaf.fields {
        collect_leaf(field, pattern, found);
    }
}
