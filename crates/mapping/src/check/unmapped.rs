//! Fields of a document that its mapping does not name: names with dots, and what is done with new
//! fields.

use std::sync::Arc;

use crate::{
    error::{ErrorType, MappingError},
    json::{Event, Name, hash_name},
    node::{Dynamic, Leaf, Node, ObjectNode, join},
    settings::Dialect,
};

use super::{
    FieldSink,
    accept::Input,
    walk::{Step, Walk, plain_name},
};

/// More parts than this no name may have: each is a level of objects.
const PARTS_MAX: usize = 200;

/// A value of the source that belongs to some path.
#[derive(Clone, Copy)]
pub(super) struct Found<'a, 'n> {
    /// Its token.
    pub(super) event: Event<'a>,
    /// Where it begins.
    pub(super) at: usize,
    /// The name as written.
    pub(super) name: &'n str,
}

impl<'a, S: FieldSink> Walk<'_, 'a, S> {
    /// A member of an object whose name the object does not have.
    pub(super) fn unmapped(
        &mut self,
        object: &ObjectNode,
        dynamic: Dynamic,
        name: &Name<'_>,
        event: Event<'a>,
        at: usize,
    ) -> Step {
        if object.path.is_empty() && name.text.starts_with('_') {
            self.check_metadata(&name.text, &event, dynamic, at)?;
        }
        let found = Found { event, at, name: &name.text };
        if plain_name(name) {
            return self.add(object, dynamic, &name.text, found);
        }
        let parts = parts(&name.text).map_err(|cause| self.failed(cause, at))?;
        self.descend(object, dynamic, &parts, 0, found)
    }

    /// Refuses names of a document's own data.
    fn check_metadata(&self, name: &str, event: &Event<'_>, dynamic: Dynamic, at: usize) -> Step {
        let dialect = self.mapping.settings().dialect;
        let own_data = format!(
            "Field [{name}] is a metadata field and cannot be added inside a document. Use the index API \
             request parameters."
        );
        match (name, dialect) {
            (
                "_id" | "_type" | "_index" | "_routing" | "_ignored" | "_size" | "_timestamp"
                | "_ttl",
                Dialect::Seven,
            ) => Err(self.refused(own_data, at)),
            ("_version" | "_seq_no" | "_field_names", Dialect::Seven)
                if dynamic == Dynamic::True && *event != Event::Null =>
            {
                let reason =
                    format!("Cannot generate dynamic mappings of type [{name}] for [{name}]");
                Err(self.refused(reason, at))
            }
            (
                "_id"
                | "_index"
                | "_type"
                | "_routing"
                | "_source"
                | "_version"
                | "_seq_no"
                | "_field_names"
                | "_ignored"
                | "_nested_path"
                | "_feature"
                | "_data_stream_timestamp"
                | "_tier"
                | "_tsid"
                | "_ts_routing_hash",
                Dialect::Eight,
            ) => {
                let id = self.id;
                let reason = format!(
                    "failed to parse field [{name}] of type [{name}] in document with id '{id}'"
                );
                Err(self.refused(reason, at).because(MappingError::parsing(own_data)))
            }
            _ => Ok(()),
        }
    }

    /// Follows the parts of a name through objects, adding those that are missing.
    fn descend(
        &mut self,
        object: &ObjectNode,
        dynamic: Dynamic,
        parts: &[&str],
        from: usize,
        found: Found<'a, '_>,
    ) -> Step {
        let Some(part) = parts.get(from) else { return self.skip(&found.event) };
        let is_last = from + 1 == parts.len();
        match object.children.get_hashed(part, hash_name(part)) {
            Some(node) if is_last => self.mapped(node, dynamic, found.name, found.event, found.at),
            Some(Node::Object(inner)) => {
                if inner.nested.is_some() && self.mapping.settings().dialect == Dialect::Seven {
                    let (name, path) = (found.name, &inner.path);
                    let reason = format!(
                        "Cannot add a value for field [{name}] since one of the intermediate objects is \
                         mapped as a nested object: [{path}]"
                    );
                    return Err(self.refused(reason, found.at));
                }
                if !inner.enabled {
                    return self.skip(&found.event);
                }
                let own = inner.dynamic.unwrap_or(dynamic);
                self.descend(inner, own, parts, from + 1, found)
            }
            Some(Node::Leaf(leaf)) => {
                Err(self.in_the_way(&leaf.path, leaf.kind.name(), parts, found))
            }
            Some(Node::Alias(name, _)) => {
                let path = join(&object.path, name);
                Err(self.in_the_way(&path, "alias", parts, found))
            }
            None if is_last => self.add(object, dynamic, part, found),
            None => self.add_around(object, dynamic, parts, from, found),
        }
    }

    /// The error about a field with values where an object is needed.
    fn in_the_way(
        &self,
        path: &str,
        kind: &str,
        parts: &[&str],
        found: Found<'_, '_>,
    ) -> MappingError {
        let name = parts.join(".");
        let reason = format!(
            "Could not dynamically add mapping for field [{name}]. Existing mapping for [{path}] must be \
             of type object but found [{kind}]."
        );
        self.refused(reason, found.at)
    }

    /// Adds an object that a name with dots implies.
    fn add_around(
        &mut self,
        object: &ObjectNode,
        dynamic: Dynamic,
        parts: &[&str],
        from: usize,
        found: Found<'a, '_>,
    ) -> Step {
        let Some(part) = parts.get(from) else { return self.skip(&found.event) };
        if self.pending.is_none() || dynamic == Dynamic::False {
            return self.skip(&found.event);
        }
        if from == 0 && object.path.is_empty() && is_own_data(part) {
            return Err(self.in_the_way(part, part, parts, found));
        }
        if dynamic == Dynamic::Strict {
            return Err(self.strict(object, part, found.at));
        }
        let path = object.path_of(part);
        let added = self.new_object(&path, part, found.at)?;
        if added.nested.is_some() {
            let reason = format!(
                "It is forbidden to create dynamic nested objects ([{path}]) through `copy_to` or dots in \
                 field names"
            );
            return Err(self.refused(reason, found.at));
        }
        let own = added.dynamic.unwrap_or(inherited(dynamic));
        self.descend(&added, own, parts, from + 1, found)
    }

    /// A new field: added, passed over or refused.
    fn add(
        &mut self,
        object: &ObjectNode,
        dynamic: Dynamic,
        name: &str,
        found: Found<'a, '_>,
    ) -> Step {
        if self.pending.is_none() || self.is_runtime_field(object, name) {
            return self.skip(&found.event);
        }
        if found.event == Event::Null {
            return match object.dynamic {
                Some(Dynamic::Strict) => Err(self.strict(object, name, found.at)),
                Some(Dynamic::True | Dynamic::False | Dynamic::Runtime) | None => Ok(()),
            };
        }
        match dynamic {
            Dynamic::Strict => Err(self.strict(object, name, found.at)),
            Dynamic::False => self.skip(&found.event),
            Dynamic::True | Dynamic::Runtime => {
                if name.trim().is_empty()
                    && (self.mapping.settings().dialect == Dialect::Eight
                        || !object.path.is_empty())
                {
                    return Err(self.blank(object, name, found.at));
                }
                self.add_dynamic(object, dynamic, name, found)
            }
        }
    }

    /// Whether a field is computed rather than stored.
    fn is_runtime_field(&self, object: &ObjectNode, name: &str) -> bool {
        let runtime = &self.mapping.root().runtime;
        !runtime.is_empty() && runtime.contains_key(&object.path_of(name))
    }

    /// The error about a name of nothing but white space.
    fn blank(&self, object: &ObjectNode, name: &str, at: usize) -> MappingError {
        if self.mapping.settings().dialect == Dialect::Eight {
            return self
                .refused(format!("Field name cannot contain only whitespace: [{name}]"), at);
        }
        let path = object.path_of(name);
        MappingError::argument(format!("object field cannot contain only whitespace: ['{path}']"))
    }

    /// The error about a field that is not mapped where only mapped ones are allowed.
    fn strict(&self, object: &ObjectNode, name: &str, at: usize) -> MappingError {
        let within = if object.path.is_empty() { self.mapping.type_name() } else { &*object.path };
        let reason = format!(
            "mapping set to strict, dynamic introduction of [{name}] within [{within}] is not allowed"
        );
        MappingError::new(ErrorType::StrictDynamicMapping, reason).at(self.reader.place(at))
    }

    /// Copies a value to a field by its path.
    pub(super) fn copy(&mut self, path: &str, input: &Input<'a, '_>) -> Step {
        let mapping = self.mapping;
        let root = &mapping.root().object;
        match root.find(path) {
            Some(Node::Leaf(leaf)) => return self.copy_to_leaf(leaf, input),
            Some(Node::Alias(..)) => {
                let reason = format!("Cannot copy to a field alias [{path}].");
                return Err(self.failed(MappingError::argument(reason), input.at));
            }
            Some(Node::Object(_)) | None => {}
        }
        let parts = parts(path).map_err(|cause| self.failed(cause, input.at))?;
        if !matches!(input.event, Event::Object | Event::Array) {
            let found = Found { event: input.event, at: input.at, name: path };
            return self.descend(root, root.dynamic.unwrap_or(Dynamic::True), &parts, 0, found);
        }
        Ok(())
    }

    /// Copies a value to a field. The name in front of it is gone, as in an array.
    fn copy_to_leaf(&mut self, leaf: &Arc<Leaf>, input: &Input<'a, '_>) -> Step {
        self.leaf(leaf, input)
    }
}

/// What new objects inherit.
pub(super) fn inherited(dynamic: Dynamic) -> Dynamic {
    if dynamic == Dynamic::Runtime { Dynamic::Runtime } else { Dynamic::True }
}

/// Whether a name belongs to a document's own data, which is no object.
fn is_own_data(name: &str) -> bool {
    matches!(name, "_id" | "_type" | "_index" | "_routing" | "_ignored")
}

/// The parts of a name with dots; those that are empty at its end do not count.
fn parts(name: &str) -> Result<Vec<&str>, MappingError> {
    if name.is_empty() {
        return Err(MappingError::argument("field name cannot be an empty string"));
    }
    let parts: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    if parts == [""] {
        return Err(MappingError::argument("field name cannot contain only dots"));
    }
    for part in &parts {
        if part.is_empty() {
            let reason = format!(
                "object field starting or ending with a [.] makes object resolution ambiguous: [{name}]"
            );
            return Err(MappingError::argument(reason));
        }
        if part.trim().is_empty() && parts.len() > 1 {
            let reason = format!("object field cannot contain only whitespace: ['{name}']");
            return Err(MappingError::argument(reason));
        }
    }
    if parts.len() > PARTS_MAX {
        let reason = format!("field name has more than [{PARTS_MAX}] parts");
        return Err(MappingError::argument(reason));
    }
    Ok(parts)
}
