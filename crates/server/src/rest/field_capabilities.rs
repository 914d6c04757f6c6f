//! What searches can do with the fields of some indices (spec search-api §3.12).

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use hyper::StatusCode;
use node::mapping::{Capability, Place};
use node::{Expansion, Index, Node, matches_glob};
use serde_json::Value;

use super::api::Call;
use super::dialect::Dialect;
use super::error::Error;
use super::index::expression::take_indices;
use super::json::{self, Object};
use super::mapping::rules;
use super::response::Answer;

/// How many patterns one request may have; names without stars are not counted.
const PATTERNS_MAX: usize = 100;
/// How many bytes all patterns of a request have together.
const PATTERN_BYTES_MAX: usize = 4_096;
/// How many fields, each counted once for each index, one answer is made of.
const ENTRIES_MAX: usize = 500_000;
/// How often a field of an index is compared with a pattern for one answer.
const COMPARISONS_MAX: usize = 10_000_000;
/// The type of a field in indices that have no such field.
const UNMAPPED: &str = "unmapped";

/// What is asked for.
struct Asked {
    names: HashSet<String>,
    patterns: Vec<String>,
    /// Whether indices without a field are told of, where others have it.
    tells_unmapped: bool,
    /// Which fields are left out.
    without: Vec<Filter>,
    /// The only types that are told of; all if empty.
    types: Vec<String>,
}

/// Fields that are left out (`filters`, since 8.2).
#[derive(Clone, Copy)]
enum Filter {
    Metadata,
    AllButMetadata,
    Parents,
    Nested,
    MultiFields,
}

/// One type of a field, and where it has it.
#[derive(Default)]
struct Kind {
    is_metadata: bool,
    entries: Vec<Entry>,
}

/// A field in one index.
struct Entry {
    /// Which of the indices.
    index: usize,
    is_searchable: bool,
    is_aggregatable: bool,
}

/// The types of each field.
type Fields = BTreeMap<String, BTreeMap<&'static str, Kind>>;

/// Says what searches can do with fields, in one index or another.
pub(crate) fn field_capabilities(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let asked = Asked::take(call)?;
    let may_be_closed = Expansion { refuses_closed: false, ..Expansion::OPEN };
    let mut indices = take_indices(node, call, may_be_closed)?;
    indices.sort_by(|one, other| one.name().cmp(other.name()));
    let fields = asked.fields(&indices, call.dialect)?;
    let body = json::object(|o| {
        o.value("indices", &names(indices.iter()));
        o.object("fields", |o| {
            for (path, kinds) in &fields {
                o.object(path, |o| {
                    for (name, kind) in kinds {
                        o.object(name, |o| {
                            o.string("type", name);
                            if call.dialect.tells_metadata_fields() {
                                o.boolean("metadata_field", kind.is_metadata);
                            }
                            write_abilities(o, kind, kinds.len() > 1, &indices);
                        });
                    }
                });
            }
        });
    });
    Ok(Answer::json(StatusCode::OK, body))
}

impl Asked {
    /// Takes what is asked for from the URL and the body.
    fn take(call: &mut Call<'_>) -> Result<Self, Error> {
        let mut fields = call.parameters.take_list("fields").unwrap_or_default();
        let tells_unmapped = call.parameters.take_flag("include_unmapped")?.unwrap_or(false);
        let (mut filters, mut types) = (Vec::new(), Vec::new());
        if call.dialect.tells_metadata_fields() {
            filters = call.parameters.take_list("filters").unwrap_or_default();
            types = call.parameters.take_list("types").unwrap_or_default();
            let takes_empty = call.parameters.take_flag("include_empty_fields")?;
            if takes_empty == Some(false) {
                return Err(Error::illegal_argument("[include_empty_fields] is not supported yet"));
            }
        }
        let body = if call.request.body.is_empty() { Value::Null } else { call.json_body()? };
        let nothing = serde_json::Map::new();
        for (name, value) in body.as_object().unwrap_or(&nothing) {
            match name.as_str() {
                "fields" if call.dialect.tells_metadata_fields() => {
                    let listed =
                        value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                    fields.extend(listed.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                "index_filter" | "runtime_mappings" => {
                    return Err(Error::illegal_argument(format!("[{name}] is not supported yet")));
                }
                _ if fields.is_empty() => break,
                _ => {
                    let reason = format!("[field_caps_request] unknown field [{name}]");
                    return Err(Error::illegal_argument(reason));
                }
            }
        }
        if fields.is_empty() {
            return Err(Error::illegal_argument("specified fields can't be null or empty"));
        }
        let (patterns, names): (Vec<_>, Vec<_>) =
            fields.into_iter().partition(|name| name.contains('*'));
        if patterns.len() > PATTERNS_MAX {
            let many = patterns.len();
            let reason = format!("[fields] has [{many}] patterns, more than [{PATTERNS_MAX}]");
            return Err(Error::illegal_argument(reason));
        }
        let bytes: usize = patterns.iter().map(String::len).sum();
        if bytes > PATTERN_BYTES_MAX {
            let reason = format!(
                "the patterns of [fields] have [{bytes}] bytes, more than [{PATTERN_BYTES_MAX}]"
            );
            return Err(Error::illegal_argument(reason));
        }
        let without = filters.iter().map(|name| Filter::of(name)).collect::<Result<_, _>>()?;
        let names = names.into_iter().collect();
        Ok(Self { names, patterns, tells_unmapped, without, types })
    }

    /// Whether a field is asked for by its path.
    fn wants(&self, path: &str) -> bool {
        self.names.contains(path) || self.patterns.iter().any(|pattern| matches_glob(pattern, path))
    }

    /// Whether a field is told of.
    fn shows(&self, field: &Capability) -> bool {
        (self.types.is_empty() || self.types.iter().any(|kind| kind == field.kind))
            && !self.without.iter().any(|filter| filter.leaves_out(field))
    }

    /// The fields of some indices.
    fn fields(&self, indices: &[Arc<Index>], dialect: Dialect) -> Result<Fields, Error> {
        let mut fields = Fields::new();
        let too_many = || {
            Error::illegal_argument(format!(
                "the indices have more than [{ENTRIES_MAX}] of these fields together, or too many to look for \
                 the patterns; ask for fewer indices or fields at a time"
            ))
        };
        let (mut entries, comparisons) = (0, Cell::new(0));
        for (index, of) in indices.iter().enumerate() {
            let is_wanted = |path: &str| {
                comparisons.set(comparisons.get() + self.patterns.len());
                comparisons.get() <= COMPARISONS_MAX && self.wants(path)
            };
            let found = of.mapping().capabilities(rules(dialect), &is_wanted);
            entries += found.len();
            if entries > ENTRIES_MAX || comparisons.get() > COMPARISONS_MAX {
                return Err(too_many());
            }
            for field in found.into_iter().filter(|field| self.shows(field)) {
                let Capability { path, kind, is_searchable, is_aggregatable, .. } = field;
                let kind = fields.entry(path).or_default().entry(kind).or_default();
                kind.is_metadata = field.place == Place::Metadata;
                kind.entries.push(Entry { index, is_searchable, is_aggregatable });
            }
        }
        if self.tells_unmapped {
            if fields.len().saturating_mul(indices.len()) > ENTRIES_MAX {
                return Err(too_many());
            }
            fields.values_mut().for_each(|kinds| add_unmapped(kinds, indices.len()));
        }
        Ok(fields)
    }
}

/// Tells of the indices that have no such field, where there are any.
fn add_unmapped(kinds: &mut BTreeMap<&'static str, Kind>, indices: usize) {
    let mapped: HashSet<usize> =
        kinds.values().flat_map(|kind| &kind.entries).map(|entry| entry.index).collect();
    let without = (0..indices).filter(|index| !mapped.contains(index));
    let entries: Vec<Entry> = without
        .map(|index| Entry { index, is_searchable: false, is_aggregatable: false })
        .collect();
    if !entries.is_empty() {
        kinds.insert(UNMAPPED, Kind { is_metadata: false, entries });
    }
}

impl Filter {
    /// The filter of a name.
    fn of(name: &str) -> Result<Self, Error> {
        Ok(match name {
            "-metadata" => Self::Metadata,
            "+metadata" => Self::AllButMetadata,
            "-parent" => Self::Parents,
            "-nested" => Self::Nested,
            "-multifield" => Self::MultiFields,
            _ => {
                let known = "+metadata, -metadata, -multifield, -nested, -parent";
                let reason = format!("[filters] has [{name}], which is none of [{known}]");
                return Err(Error::illegal_argument(reason));
            }
        })
    }

    /// Whether a field is left out.
    fn leaves_out(self, field: &Capability) -> bool {
        match self {
            Self::Metadata => field.place == Place::Metadata,
            Self::AllButMetadata => field.place != Place::Metadata,
            Self::Parents => field.place == Place::Object,
            Self::Nested => field.is_nested,
            Self::MultiFields => field.place == Place::MultiField,
        }
    }
}

/// Writes what can be done with a type of a field: by every index or not, and in which ones it is otherwise.
fn write_abilities(o: &mut Object<'_>, kind: &Kind, is_one_of_many: bool, indices: &[Arc<Index>]) {
    let chosen = |choice: &dyn Fn(&Entry) -> bool| {
        let entries = kind.entries.iter().filter(|entry| choice(entry));
        names(entries.filter_map(|entry| indices.get(entry.index)))
    };
    let not_searchable = chosen(&|entry| !entry.is_searchable);
    let not_aggregatable = chosen(&|entry| !entry.is_aggregatable);
    o.boolean("searchable", not_searchable.is_empty());
    o.boolean("aggregatable", not_aggregatable.is_empty());
    if is_one_of_many {
        o.value("indices", &chosen(&|_| true));
    }
    let is_some = |names: &[&str]| !names.is_empty() && names.len() < kind.entries.len();
    if is_some(&not_searchable) {
        o.value("non_searchable_indices", &not_searchable);
    }
    if is_some(&not_aggregatable) {
        o.value("non_aggregatable_indices", &not_aggregatable);
    }
}

/// The names of indices.
fn names<'i>(indices: impl Iterator<Item = &'i Arc<Index>>) -> Vec<&'i str> {
    indices.map(|index| index.name()).collect()
}
