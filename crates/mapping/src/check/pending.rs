//! What a document adds to a mapping, gathered while it is read.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    error::MappingError,
    field::FieldType,
    node::{Leaf, Node, ObjectNode, join},
    settings::Dialect,
};

use super::MappingUpdate;

/// Fields that are to be added.
#[derive(Debug, Default)]
pub(super) struct Pending {
    root: Branch,
    runtime: BTreeMap<String, Value>,
    /// The first clash of two values of one new field: it is told when the rest is read.
    conflict: Option<MappingError>,
}

/// An object with new fields in it.
#[derive(Debug, Default)]
struct Branch {
    /// The object, if it is new itself.
    shell: Option<Arc<ObjectNode>>,
    /// The new fields, by name.
    children: BTreeMap<Arc<str>, Growth>,
}

/// One new field, or an object with new fields.
#[derive(Debug)]
enum Growth {
    /// A field with values.
    Leaf(Arc<Leaf>),
    /// An object.
    Object(Branch),
}

impl Pending {
    /// Adds a runtime field.
    pub(super) fn add_runtime(&mut self, path: &str, definition: Value) {
        self.runtime.entry(path.to_owned()).or_insert(definition);
    }

    /// Adds a field with values.
    pub(super) fn add_leaf(&mut self, leaf: &Arc<Leaf>, dialect: Dialect) {
        let Some((branch, name)) = self.branch(&leaf.path, dialect) else { return };
        let clash = match branch.children.get_mut(name) {
            None => {
                branch.children.insert(name.into(), Growth::Leaf(Arc::clone(leaf)));
                None
            }
            Some(Growth::Leaf(own)) => together(own, leaf, dialect),
            Some(Growth::Object(_)) => Some(no_object(&leaf.path, dialect)),
        };
        self.note(clash);
    }

    /// Adds an object.
    pub(super) fn add_object(&mut self, object: &Arc<ObjectNode>, dialect: Dialect) {
        let Some((branch, name)) = self.branch(&object.path, dialect) else { return };
        let clash = match branch.children.get(name) {
            None => {
                let shell = Some(Arc::clone(object));
                let own = Branch { shell, children: BTreeMap::new() };
                branch.children.insert(name.into(), Growth::Object(own));
                None
            }
            Some(Growth::Object(_)) => None,
            Some(Growth::Leaf(leaf)) => Some(other_type(leaf, "ObjectMapper", dialect)),
        };
        self.note(clash);
    }

    /// Remembers a clash if it is the first.
    fn note(&mut self, clash: Option<MappingError>) {
        if self.conflict.is_none() {
            self.conflict = clash;
        }
    }

    /// The object around a path, and the path's last part. Where a field with values is in the way,
    /// that is a clash and there is none.
    fn branch<'p>(&mut self, path: &'p str, dialect: Dialect) -> Option<(&mut Branch, &'p str)> {
        let mut branch = &mut self.root;
        let mut rest = path;
        while let Some((name, after)) = rest.split_once('.') {
            let growth = branch
                .children
                .entry(name.into())
                .or_insert_with(|| Growth::Object(Branch::default()));
            match growth {
                Growth::Object(own) => branch = own,
                Growth::Leaf(leaf) => {
                    let clash = other_type(leaf, "ObjectMapper", dialect);
                    if self.conflict.is_none() {
                        self.conflict = Some(clash);
                    }
                    return None;
                }
            }
            rest = after;
        }
        Some((branch, rest))
    }

    /// The update, if there is anything to add, or the clash within it.
    pub(super) fn into_update(
        self,
        root: &ObjectNode,
    ) -> Option<Result<MappingUpdate, MappingError>> {
        if let Some(conflict) = self.conflict {
            return Some(Err(conflict));
        }
        if self.root.children.is_empty() && self.runtime.is_empty() {
            return None;
        }
        let object = self.root.grown(Some(root), "");
        Some(Ok(MappingUpdate { object, runtime: self.runtime }))
    }
}

impl Branch {
    /// The object with its new fields; what is known of it beside them comes from the mapping.
    fn grown(self, known: Option<&ObjectNode>, path: &str) -> ObjectNode {
        let mut object = match (&self.shell, known) {
            (Some(shell), _) => (**shell).clone(),
            (None, Some(known)) => {
                let mut shell = ObjectNode::new(path);
                (shell.dynamic, shell.enabled) = (known.dynamic, known.enabled);
                (shell.nested, shell.subobjects) = (known.nested, known.subobjects);
                shell
            }
            (None, None) => ObjectNode::new(path),
        };
        let mut children: BTreeMap<Arc<str>, Node> =
            object.children.iter().map(|(name, node)| (Arc::clone(name), node.clone())).collect();
        for (name, growth) in self.children {
            let node = match growth {
                Growth::Leaf(leaf) => Node::Leaf(leaf),
                Growth::Object(branch) => {
                    let inner =
                        known.or(self.shell.as_deref()).and_then(|own| own.children.get(&name));
                    let inner = match inner {
                        Some(Node::Object(inner)) => Some(&**inner),
                        Some(Node::Leaf(_) | Node::Alias(..)) | None => None,
                    };
                    Node::Object(Arc::new(branch.grown(inner, &join(path, &name))))
                }
            };
            children.insert(name, node);
        }
        object.children = children.into_iter().collect();
        object
    }
}

/// Two proposals for one field: the same, or whole numbers and fractions, which together are
/// fractions; or a clash.
fn together(own: &mut Arc<Leaf>, other: &Arc<Leaf>, dialect: Dialect) -> Option<MappingError> {
    match (own.kind, other.kind) {
        (FieldType::Long, FieldType::Float) => *own = Arc::clone(other),
        (FieldType::Float, FieldType::Long) => {}
        (before, after) if before == after => {
            // A constant that two values would fix.
            if own.given("value") != other.given("value") {
                let reason = format!("Mapper for [{}] conflicts with existing mapper", own.path);
                return Some(MappingError::argument(reason));
            }
        }
        _ => return Some(other_type(own, other.kind.name(), dialect)),
    }
    None
}

/// The clash of a field with values and something else.
fn other_type(own: &Leaf, other: &str, dialect: Dialect) -> MappingError {
    let (path, kind) = (&own.path, own.kind.name());
    MappingError::argument(if dialect == Dialect::Eight {
        format!("mapper [{path}] cannot be changed from type [{kind}] to [{other}]")
    } else {
        format!("mapper [{path}] of different type, current_type [{kind}], merged_type [{other}]")
    })
}

/// The clash of an object and a field with values.
fn no_object(path: &str, dialect: Dialect) -> MappingError {
    MappingError::argument(if dialect == Dialect::Eight {
        format!("can't merge a non object mapping [{path}] with an object mapping")
    } else {
        format!("Can't merge a non object mapping [{path}] with an object mapping [{path}]")
    })
}
