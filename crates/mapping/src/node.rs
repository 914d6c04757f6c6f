//! The tree a mapping is: objects, leaves and aliases. Immutable and shared.

use std::sync::Arc;

use hashbrown::HashTable;
use serde_json::Value;

use crate::{
    field::{FieldType, parameters::Preset, rule::Rule},
    json::{Event, hash_name},
};

/// What becomes of fields that are not mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dynamic {
    /// They are added.
    True,
    /// They are left alone.
    False,
    /// They are refused.
    Strict,
    /// Leaves become runtime fields, objects are added.
    Runtime,
}

impl Dynamic {
    /// As it is rendered.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::False => "false",
            Self::Strict => "strict",
            Self::Runtime => "runtime",
        }
    }
}

/// How the documents of a nested object relate to those around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Nested {
    /// Whether their fields are also the parent's.
    pub(crate) include_in_parent: bool,
    /// Whether their fields are also the outermost document's.
    pub(crate) include_in_root: bool,
}

/// An object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ObjectNode {
    /// The path from the root, dotted; of the root empty.
    pub(crate) path: Arc<str>,
    /// What becomes of unmapped fields, if it says.
    pub(crate) dynamic: Option<Dynamic>,
    /// Whether it is looked into.
    pub(crate) enabled: bool,
    /// Whether its objects are documents of their own.
    pub(crate) nested: Option<Nested>,
    /// `subobjects`, if it says.
    pub(crate) subobjects: Option<bool>,
    /// Its fields.
    pub(crate) children: Children,
}

impl ObjectNode {
    /// An object without fields.
    pub(crate) fn new(path: &str) -> Self {
        Self {
            path: path.into(),
            dynamic: None,
            enabled: true,
            nested: None,
            subobjects: None,
            children: Children::default(),
        }
    }

    /// The path of a field in it.
    pub(crate) fn path_of(&self, name: &str) -> String {
        join(&self.path, name)
    }

    /// The field at a path from here, through objects and multi-fields.
    pub(crate) fn find(&self, path: &str) -> Option<&Node> {
        if let Some(node) = self.children.get(path) {
            return Some(node);
        }
        let mut at = 0;
        while let Some(dot) = path.get(at..).and_then(|rest| rest.find('.')) {
            let (name, rest) = (path.get(..at + dot)?, path.get(at + dot + 1..)?);
            if let Some(Node::Object(object)) = self.children.get(name)
                && let Some(found) = object.find(rest)
            {
                return Some(found);
            }
            at += dot + 1;
        }
        None
    }

    /// The leaf at a path, multi-fields included.
    pub(crate) fn leaf(&self, path: &str) -> Option<&Arc<Leaf>> {
        if let Some(Node::Leaf(leaf)) = self.find(path) {
            return Some(leaf);
        }
        let (parent, name) = path.rsplit_once('.')?;
        let parent = self.leaf(parent)?;
        parent.fields.iter().find(|field| &*field.name == name)
    }
}

/// Two parts of a path as one.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// One field of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// An object.
    Object(Arc<ObjectNode>),
    /// A field with values.
    Leaf(Arc<Leaf>),
    /// Another name of a field: the name, the path it stands for.
    Alias(Arc<str>, Arc<str>),
}

impl Node {
    /// The name of the type in texts about changes.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self {
            Self::Object(_) => "ObjectMapper",
            Self::Leaf(leaf) => leaf.kind.name(),
            Self::Alias(..) => "FieldAliasMapper",
        }
    }
}

/// A field with values.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    /// The last part of the path.
    pub(crate) name: Arc<str>,
    /// The path from the root, dotted.
    pub(crate) path: Arc<str>,
    /// The type.
    pub(crate) kind: FieldType,
    /// The parameters that are not the default, in the order of the type.
    pub(crate) parameters: Vec<(&'static str, Value)>,
    /// The multi-fields, by name.
    pub(crate) fields: Vec<Arc<Leaf>>,
    /// The paths it is copied to.
    pub(crate) copy_to: Vec<Arc<str>>,
    /// How its values are read.
    pub(crate) rule: Rule,
    /// Whether any short text fits it, its multi-fields included, and is copied nowhere.
    pub(crate) takes_any_text: bool,
}

/// So many bytes a text may have in a source and still be a term.
const SHORT_TEXT: usize = 32_766;

impl PartialEq for Leaf {
    // The rule follows from the rest.
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
            && self.kind == other.kind
            && self.parameters == other.parameters
            && self.fields == other.fields
            && self.copy_to == other.copy_to
    }
}

impl Leaf {
    /// Whether a value fits that nobody has looked at.
    #[inline]
    pub(crate) fn takes_unseen(&self, event: &Event<'_>) -> bool {
        self.takes_any_text
            && match event {
                Event::Text(text) => text.bytes_max() <= SHORT_TEXT,
                Event::Number(_) | Event::Boolean(_) => true,
                Event::Object | Event::Array | Event::Null => false,
            }
    }

    /// Finds out whether any short text fits.
    pub(crate) fn with_text_seen(mut self) -> Self {
        let is_text = matches!(self.rule, Rule::Text | Rule::Keyword { .. });
        self.takes_any_text = is_text
            && self.copy_to.is_empty()
            && self.fields.iter().all(|field| field.takes_any_text);
        self
    }

    /// A parameter that is given and not the default.
    pub(crate) fn given(&self, name: &str) -> Option<&Value> {
        self.parameters.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// A parameter, or its default.
    pub(crate) fn parameter(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.given(name) {
            return Some(value.clone());
        }
        self.kind.parameter(name).and_then(|parameter| parameter.default.value())
    }
}

impl Preset {
    /// The default as JSON.
    pub(crate) fn value(self) -> Option<Value> {
        match self {
            Self::None => None,
            Self::Boolean(value) => Some(value.into()),
            Self::Integer(value) => Some(value.into()),
            Self::Number(value) => Some(value.into()),
            Self::Text(value) => Some(value.into()),
        }
    }
}

/// The fields of an object, sorted by name and found by hash.
#[derive(Clone, Debug)]
pub(crate) struct Children {
    sorted: Vec<(Arc<str>, Node)>,
    /// The hashes and places of the names.
    table: HashTable<(u64, usize)>,
}

impl Default for Children {
    fn default() -> Self {
        Self { sorted: Vec::new(), table: HashTable::new() }
    }
}

impl PartialEq for Children {
    fn eq(&self, other: &Self) -> bool {
        self.sorted == other.sorted
    }
}

impl FromIterator<(Arc<str>, Node)> for Children {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Node)>>(nodes: I) -> Self {
        let mut sorted: Vec<_> = nodes.into_iter().collect();
        sorted.sort_by(|left, right| left.0.cmp(&right.0));
        let mut table = HashTable::with_capacity(sorted.len());
        for (place, (name, _)) in sorted.iter().enumerate() {
            let hash = hash_name(name);
            table.insert_unique(hash, (hash, place), |(hash, _)| *hash);
        }
        Self { sorted, table }
    }
}

impl Children {
    /// The field of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        self.get_hashed(name, hash_name(name))
    }

    /// The field of a name whose hash is known.
    #[inline]
    pub(crate) fn get_hashed(&self, name: &str, hash: u64) -> Option<&Node> {
        let is_it = |(own, place): &(u64, usize)| {
            *own == hash && self.sorted.get(*place).is_some_and(|(own, _)| &**own == name)
        };
        let (_, place) = self.table.find(hash, is_it)?;
        self.sorted.get(*place).map(|(_, node)| node)
    }

    /// All fields, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Node)> {
        self.sorted.iter().map(|(name, node)| (name, node))
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }
}
