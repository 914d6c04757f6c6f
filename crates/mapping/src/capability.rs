//! What searches can do with each field: the rules of field capabilities.

use serde_json::Value;

use crate::{
    field::FieldType,
    mapping::Mapping,
    node::{Leaf, Node, ObjectNode},
    settings::Dialect,
};

/// What searches can do with a field (spec search-api §3.12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// The path from the root, dotted.
    pub path: String,
    /// The type by which searches know it, which several types of mappings may share.
    pub kind: &'static str,
    /// Where it stands in the mapping.
    pub place: Place,
    /// Whether its values are those of a nested object.
    pub is_nested: bool,
    /// Whether queries find its values.
    pub is_searchable: bool,
    /// Whether its values stand in a column, to sort and to aggregate by.
    pub is_aggregatable: bool,
}

/// Where a field stands in a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In every index, without being defined.
    Metadata,
    /// Around other fields, without values of its own.
    Object,
    /// In an object, or at the root.
    Field,
    /// Beside another field of the same value.
    MultiField,
}

/// The fields that every index has: name, whether searchable, whether aggregatable.
const METADATA: [(&str, bool, bool); 11] = [
    ("_feature", true, false),
    ("_field_names", true, false),
    ("_id", true, true),
    ("_ignored", true, false),
    ("_index", true, true),
    ("_routing", true, false),
    ("_seq_no", true, true),
    ("_source", false, false),
    ("_type", true, true),
    ("_version", false, false),
    ("_doc_count", false, false),
];

impl Mapping {
    /// What searches can do with each of the wanted fields, in no order. An object comes with the fields in
    /// it and never alone.
    #[must_use]
    pub fn capabilities(
        &self,
        dialect: Dialect,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Vec<Capability> {
        let metadata = METADATA.iter().filter(|(name, ..)| match dialect {
            Dialect::Seven => *name != "_doc_count",
            Dialect::Eight => *name != "_type",
        });
        let metadata =
            metadata.filter(|(name, ..)| is_wanted(name)).map(|&(name, search, column)| {
                let kind = if name == "_doc_count" { "integer" } else { name };
                Capability {
                    path: name.to_owned(),
                    kind,
                    place: Place::Metadata,
                    is_nested: false,
                    is_searchable: search,
                    is_aggregatable: column,
                }
            });
        let mut found = metadata.collect();
        let root = &self.root().object;
        Walk { root, dialect, is_wanted }.object(root, false, &mut found);
        found
    }
}

/// A walk through a mapping.
struct Walk<'m> {
    root: &'m ObjectNode,
    dialect: Dialect,
    is_wanted: &'m dyn Fn(&str) -> bool,
}

impl Walk<'_> {
    /// Adds the wanted fields of an object.
    fn object(&self, object: &ObjectNode, is_nested: bool, found: &mut Vec<Capability>) {
        for (name, node) in object.children.iter() {
            match node {
                Node::Object(own) => {
                    let is_nested = is_nested || own.nested.is_some();
                    let before = found.len();
                    self.object(own, is_nested, found);
                    if found.len() > before {
                        found.push(Capability {
                            path: own.path.to_string(),
                            kind: if own.nested.is_some() { "nested" } else { "object" },
                            place: Place::Object,
                            is_nested,
                            is_searchable: false,
                            is_aggregatable: false,
                        });
                    }
                }
                Node::Leaf(leaf) => {
                    self.leaf(&leaf.path, leaf, (Place::Field, is_nested), found);
                    for field in &leaf.fields {
                        self.leaf(&field.path, field, (Place::MultiField, is_nested), found);
                    }
                }
                Node::Alias(_, target) => {
                    if let Some(leaf) = self.root.leaf(target) {
                        self.leaf(&object.path_of(name), leaf, (Place::Field, is_nested), found);
                    }
                }
            }
        }
    }

    /// Adds a field by one of its names, if it is wanted.
    fn leaf(
        &self,
        path: &str,
        leaf: &Leaf,
        (place, is_nested): (Place, bool),
        found: &mut Vec<Capability>,
    ) {
        if (self.is_wanted)(path) {
            let (is_searchable, is_aggregatable) = abilities(leaf, self.dialect);
            let (path, kind) = (path.to_owned(), family(leaf.kind));
            found.push(Capability { path, kind, place, is_nested, is_searchable, is_aggregatable });
        }
    }
}

/// The type by which searches know a type.
fn family(kind: FieldType) -> &'static str {
    let families = [
        (FieldType::ConstantKeyword, FieldType::Keyword),
        (FieldType::Wildcard, FieldType::Keyword),
        (FieldType::MatchOnlyText, FieldType::Text),
        (FieldType::TokenCount, FieldType::Integer),
    ];
    let family = families.into_iter().find(|(own, _)| *own == kind);
    family.map_or(kind, |(_, family)| family).name()
}

/// Whether queries find a field's values, and whether they stand in a column.
fn abilities(leaf: &Leaf, dialect: Dialect) -> (bool, bool) {
    let is = |name: &str| leaf.parameter(name) == Some(Value::Bool(true));
    // What a type has no parameter for, it has.
    let (index, column) = (leaf.parameter("index").is_none() || is("index"), is("doc_values"));
    match leaf.kind {
        FieldType::Text | FieldType::AnnotatedText => (index, is("fielddata")),
        FieldType::MatchOnlyText | FieldType::SearchAsYouType => (index, false),
        FieldType::Completion
        | FieldType::Point
        | FieldType::Shape
        | FieldType::RankFeature
        | FieldType::SparseVector => (index, false),
        FieldType::Keyword
        | FieldType::TokenCount
        | FieldType::Long
        | FieldType::Integer
        | FieldType::Short
        | FieldType::Byte
        | FieldType::Double
        | FieldType::Float
        | FieldType::HalfFloat
        | FieldType::ScaledFloat
        | FieldType::UnsignedLong
        | FieldType::Boolean
        | FieldType::Date
        | FieldType::DateNanos
        | FieldType::Ip
        | FieldType::GeoPoint => match dialect {
            Dialect::Seven => (index, column),
            // Since 8.1 a column can be searched.
            Dialect::Eight => (index || column, column),
        },
        FieldType::IntegerRange
        | FieldType::LongRange
        | FieldType::FloatRange
        | FieldType::DoubleRange
        | FieldType::DateRange
        | FieldType::IpRange
        | FieldType::GeoShape => match dialect {
            Dialect::Seven => (index, false),
            Dialect::Eight => (index, column),
        },
        FieldType::Flattened => (index, column),
        FieldType::ConstantKeyword
        | FieldType::Wildcard
        | FieldType::Version
        | FieldType::Join
        | FieldType::AggregateMetricDouble => (true, true),
        FieldType::Binary => (false, column),
        FieldType::Histogram | FieldType::Murmur3 => (false, true),
        FieldType::Percolator | FieldType::RankFeatures => (false, false),
        FieldType::DenseVector => (is("index"), false),
    }
}
