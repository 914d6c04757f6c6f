//! What must hold of a whole mapping: names, aliases, copies, limits.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use crate::{
    definition::root::Root,
    error::MappingError,
    field::{FieldType, form::Checked},
    mapping::TIMESTAMP,
    node::{Leaf, Node, ObjectNode, join},
    settings::{Dialect, Settings},
};

/// Names of a document's own data, which no field of the root may have.
const METADATA: [&str; 11] = [
    "_id",
    "_type",
    "_index",
    "_routing",
    "_source",
    "_field_names",
    "_ignored",
    "_version",
    "_seq_no",
    "_feature",
    "_nested_path",
];

/// What is counted of a mapping.
#[derive(Debug, Default)]
struct Census {
    fields: u64,
    nested: u64,
    deepest: Option<(u64, Arc<str>)>,
    longest: Option<(u64, Arc<str>)>,
    aliases: Vec<(String, Arc<str>)>,
    copies: Vec<(Arc<Leaf>, Arc<str>)>,
    objects: BTreeSet<Arc<str>>,
    multi_fields: BTreeSet<Arc<str>>,
}

impl Census {
    /// Counts an object's fields.
    fn count(&mut self, object: &ObjectNode) {
        for (name, node) in object.children.iter() {
            self.name(name);
            self.fields += 1;
            match node {
                Node::Object(own) => {
                    self.nested += u64::from(own.nested.is_some());
                    self.objects.insert(Arc::clone(&own.path));
                    let depth = own.path.bytes().filter(|byte| *byte == b'.').count() as u64 + 2;
                    if self.deepest.as_ref().is_none_or(|(deepest, _)| depth > *deepest) {
                        self.deepest = Some((depth, Arc::clone(&own.path)));
                    }
                    self.count(own);
                }
                Node::Leaf(leaf) => self.count_leaf(leaf),
                Node::Alias(name, path) => {
                    self.aliases.push((join(&object.path, name), Arc::clone(path)));
                }
            }
        }
    }

    /// Counts what belongs to a field with values.
    fn count_leaf(&mut self, leaf: &Arc<Leaf>) {
        self.copies.extend(leaf.copy_to.iter().map(|path| (Arc::clone(leaf), Arc::clone(path))));
        for field in &leaf.fields {
            self.fields += 1;
            self.multi_fields.insert(Arc::clone(&field.path));
            self.count_leaf(field);
        }
    }

    /// Notes the length of a name.
    fn name(&mut self, name: &Arc<str>) {
        let length = name.encode_utf16().count() as u64;
        if self.longest.as_ref().is_none_or(|(longest, _)| length > *longest) {
            self.longest = Some((length, Arc::clone(name)));
        }
    }
}

/// Checks a mapping that is to replace another. `by_document` says that a document brings it about.
pub(crate) fn check(
    before: &ObjectNode,
    after: &ObjectNode,
    settings: &Settings,
    by_document: bool,
) -> Checked<()> {
    names(after, settings.dialect)?;
    let mut census = Census::default();
    census.count(after);
    copies(&census, after)?;
    aliases(&census, before, after)?;
    limits(&census, before, settings, by_document)
}

/// No field of the root may be called like a document's own data.
fn names(root: &ObjectNode, dialect: Dialect) -> Checked<()> {
    for (name, node) in root.children.iter() {
        if METADATA.contains(&&**name) {
            return Err(if dialect == Dialect::Eight {
                MappingError::parsing(format!("Field [{name}] is defined more than once"))
            } else if matches!(node, Node::Object(_)) {
                let reason = format!("Field [{name}] is defined both as an object and a field.");
                MappingError::argument(reason)
            } else {
                MappingError::argument(format!("Field [{name}] is defined twice."))
            });
        }
    }
    Ok(())
}

/// Every copy must go to a field that can take it.
fn copies(census: &Census, root: &ObjectNode) -> Checked<()> {
    for (leaf, target) in &census.copies {
        if census.objects.contains(target) {
            let reason = format!("Cannot copy to field [{target}] since it is mapped as an object");
            return Err(MappingError::argument(reason));
        }
        if census.multi_fields.contains(target) {
            let reason = format!("[copy_to] may not be used to copy to a multi-field: [{target}]");
            return Err(MappingError::argument(reason));
        }
        let source_scope = nested_scope(root, &leaf.path);
        let target_scope = nested_scope(root, target);
        let within = |outer: &str, inner: &str| {
            outer.is_empty() || inner == outer || inner.starts_with(&format!("{outer}."))
        };
        if !within(target_scope.unwrap_or(""), source_scope.unwrap_or("")) {
            return Err(copy_across(source_scope, target_scope));
        }
    }
    Ok(())
}

/// The error about a copy into documents that are not around the field.
fn copy_across(source: Option<&str>, target: Option<&str>) -> MappingError {
    let shown = |scope: Option<&str>| scope.map_or("null".to_owned(), |path| format!("[{path}]"));
    let (source, target) = (source.unwrap_or_default(), shown(target));
    MappingError::argument(format!(
        "Illegal combination of [copy_to] and [nested] mappings: [copy_to] may only copy data to the \
         current nested document or any of its parents, however one [copy_to] directive is trying to \
         copy data from nested object [{source}] to {target}"
    ))
}

/// The path of the innermost nested object around a field.
fn nested_scope<'p>(root: &ObjectNode, path: &'p str) -> Option<&'p str> {
    let mut scope = None;
    for (dot, _) in path.match_indices('.') {
        let around = path.get(..dot)?;
        if let Some(Node::Object(object)) = root.find(around)
            && object.nested.is_some()
        {
            scope = Some(around);
        }
    }
    scope
}

/// Every alias must name a field with values.
fn aliases(census: &Census, before: &ObjectNode, after: &ObjectNode) -> Checked<()> {
    for (path, target) in &census.aliases {
        let problem = if path == &**target {
            "an alias cannot refer to itself."
        } else if matches!(before.find(target), Some(Node::Alias(..))) {
            "an alias cannot refer to another alias."
        } else if after.leaf(target).is_none() {
            "an alias must refer to an existing field in the mappings."
        } else {
            continue;
        };
        let reason = format!("Invalid [path] value [{target}] for field alias [{path}]: {problem}");
        return Err(MappingError::argument(reason));
    }
    Ok(())
}

/// Fails if a mapping grows beyond a limit.
fn limits(
    census: &Census,
    before: &ObjectNode,
    settings: &Settings,
    by_document: bool,
) -> Checked<()> {
    let mut earlier = Census::default();
    earlier.count(before);
    let eight = settings.dialect == Dialect::Eight;
    let index = &settings.index;
    let in_index = if eight { String::new() } else { format!(" in index [{index}]") };
    let total = settings.total_fields_limit;
    if census.fields > total && census.fields > earlier.fields {
        let reason = format!("Limit of total fields [{total}]{in_index} has been exceeded");
        if eight && by_document {
            let added = census.fields - earlier.fields;
            let cause = format!("{reason} while adding new fields [{added}]");
            return Err(
                MappingError::parsing("failed to parse").because(MappingError::argument(cause))
            );
        }
        return Err(MappingError::argument(reason));
    }
    let depth = || match &census.deepest {
        Some((depth, path))
            if *depth > settings.depth_limit && earlier.deepest != census.deepest =>
        {
            let limit = settings.depth_limit;
            Err(MappingError::argument(format!(
                "Limit of mapping depth [{limit}]{in_index} has been exceeded due to object field \
                 [{path}]"
            )))
        }
        Some(_) | None => Ok(()),
    };
    if eight {
        depth()?;
    }
    name_length(census, &earlier, settings)?;
    let nested = settings.nested_fields_limit;
    if census.nested > nested && census.nested > earlier.nested {
        let reason = format!("Limit of nested fields [{nested}]{in_index} has been exceeded");
        return Err(MappingError::argument(reason));
    }
    depth()
}

/// Fails if a name is too long.
fn name_length(census: &Census, earlier: &Census, settings: &Settings) -> Checked<()> {
    let limit = settings.field_name_length_limit;
    match &census.longest {
        Some((length, name)) if *length > limit && earlier.longest != census.longest => {
            Err(MappingError::argument(if settings.dialect == Dialect::Eight {
                format!("Field name [{name}] is longer than the limit of [{limit}] characters")
            } else {
                let index = &settings.index;
                format!(
                    "Field name [{name}] in index [{index}] is too long. The limit is set to [{limit}] \
                     characters but was [{length}] characters"
                )
            }))
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses a mapping of a data stream (`_data_stream_timestamp`) by which documents may lack their time.
pub(crate) fn timestamp(root: &Root) -> Checked<()> {
    if root.timestamp_required != Some(true) {
        return Ok(());
    }
    let refuse = |what: String| {
        let reason = format!("data stream timestamp field [{TIMESTAMP}] {what}");
        Err(MappingError::argument(reason))
    };
    let Some(leaf) = root.object.leaf(TIMESTAMP) else {
        return match root.object.find(TIMESTAMP) {
            None => refuse("does not exist".to_owned()),
            Some(_) => refuse("is of type [object], but [date,date_nanos] is expected".to_owned()),
        };
    };
    if !matches!(leaf.kind, FieldType::Date | FieldType::DateNanos) {
        let kind = leaf.kind.name();
        return refuse(format!("is of type [{kind}], but [date,date_nanos] is expected"));
    }
    if leaf.parameter("doc_values") == Some(Value::Bool(false)) {
        return refuse("doesn't have doc values".to_owned());
    }
    if leaf.given("null_value").is_some() {
        return refuse("has disallowed attribute [null_value] specified".to_owned());
    }
    if leaf.parameter("ignore_malformed") == Some(Value::Bool(true)) {
        return refuse("has disallowed attribute [ignore_malformed] specified".to_owned());
    }
    Ok(())
}
