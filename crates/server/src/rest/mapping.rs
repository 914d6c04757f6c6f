//! Mappings: show them, change them, show single fields (spec mapping §3).

use std::sync::Arc;

use hyper::{Method, StatusCode};
use node::mapping::{Dialect as Rules, ErrorType, MappingError, create_form, update_form};
use node::{Expansion, Index, Mapping, Node, is_wild};
use serde_json::{Map, Value};

use super::api::Call;
use super::dialect::Dialect;
use super::document_view::TYPELESS;
use super::error::{Error, ErrorBody, bad_request};
use super::index::{take_include_type_name, take_indices};
use super::json;
use super::response::Answer;

/// The fields that every document has beside its own, as get field mapping lists them.
const METADATA_FIELDS: [&str; 10] = [
    "_feature",
    "_field_names",
    "_id",
    "_ignored",
    "_index",
    "_routing",
    "_seq_no",
    "_source",
    "_type",
    "_version",
];

/// What a field definition may leave out, as get field mapping tells it when asked.
const DEFAULTS: [&str; 24] = [
    "boost",
    "index",
    "store",
    "doc_values",
    "term_vector",
    "norms",
    "index_options",
    "eager_global_ordinals",
    "similarity",
    "analyzer",
    "search_analyzer",
    "search_quote_analyzer",
    "position_increment_gap",
    "fielddata",
    "scaling_factor",
    "ignore_malformed",
    "ignore_z_value",
    "coerce",
    "null_value",
    "format",
    "locale",
    "ignore_above",
    "normalizer",
    "split_queries_on_whitespace",
];

/// What a path means whose mappings are shown.
const SHOWN: Expansion = Expansion { refuses_closed: false, ..Expansion::OPEN };

/// The indices that writes to the names in the path go to.
fn write_indices(node: &Node, call: &Call<'_>) -> Result<Vec<Arc<Index>>, Error> {
    let names = call.found.index.unwrap_or_default().split(',');
    let named = names.map(|name| {
        let index = if is_wild(name) { None } else { node.index_for_writes(name) };
        let text = || format!("[write_index_only] needs names with a write index, not [{name}]");
        index.ok_or_else(|| Error::illegal_argument(text()))
    });
    named.collect()
}

/// What a path means whose mappings are changed.
const CHANGED: Expansion = Expansion { allows_none: false, ..Expansion::ALL };

/// Whose rules an index follows that a request of this dialect creates.
pub(crate) fn rules(dialect: Dialect) -> Rules {
    match dialect {
        Dialect::V2 | Dialect::V5 | Dialect::V7 => Rules::Seven,
        Dialect::V8 => Rules::Eight,
    }
}

/// An error of a mapping or about a document, in the words of a dialect.
pub(super) fn error_body(error: &MappingError, dialect: Dialect) -> ErrorBody {
    let tells_source = match dialect {
        Dialect::V2 | Dialect::V5 | Dialect::V7 => true,
        Dialect::V8 => false,
    };
    let place = error.line_and_column().filter(|_| tells_source);
    let error = error.clone().spoken(rules(dialect));
    let root = one_error(error.root_cause(), place);
    chain(&error, place).with_root_cause(root)
}

/// An error with its causes.
fn chain(error: &MappingError, place: Option<(usize, usize)>) -> ErrorBody {
    let body = one_error(error, place);
    match error.caused_by() {
        Some(cause) => body.with_cause(chain(cause, place)),
        None => body,
    }
}

/// One error of a chain. The place in the source stands where Elasticsearch's parsers tell it.
fn one_error(error: &MappingError, place: Option<(usize, usize)>) -> ErrorBody {
    let body = bad_request(error.type_name(), error.reason());
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    match (error.kind(), error.line_and_column(), place) {
        (ErrorType::Parsing, Some((line, column)), _) => {
            body.with_number("line", number(line)).with_number("col", number(column))
        }
        (ErrorType::JsonParse | ErrorType::JsonEndOfInput, _, Some((line, column))) => {
            let reason = format!(
                "{}\n at [Source: org.elasticsearch.common.bytes.BytesReference\
                 $MarkSupportingStreamInputWrapper@0; line: {line}, column: {column}]",
                error.reason()
            );
            bad_request(error.type_name(), reason)
        }
        _ => body,
    }
}

/// The `mappings` of a create request: the definition, and the type's name if one is around it.
pub(crate) fn read_new(
    mappings: &Value,
    typed: bool,
    call: &Call<'_>,
) -> Result<(Value, Option<String>), Error> {
    if mappings.is_null() {
        return Ok((Value::Object(Map::new()), None));
    }
    // Clients of old versions may leave the type out all the same.
    let typed = typed && (!call.dialect.nests_mappings() || is_nested(mappings));
    let form = create_form(mappings, typed, rules(call.dialect));
    let (type_name, definition) = form.map_err(|error| call.error(error.into(), TYPELESS))?;
    let is_named = typed && mappings.as_object().is_some_and(|map| !map.is_empty());
    Ok((definition, is_named.then_some(type_name)))
}

/// The `mappings` of a template, whose type may always be left out.
pub(crate) fn read_of_template(
    mappings: &Value,
    typed: bool,
    call: &Call<'_>,
) -> Result<(Value, Option<String>), Error> {
    read_new(mappings, typed && is_nested(mappings), call)
}

/// Whether a type's name stands around a mapping.
fn is_nested(mappings: &Value) -> bool {
    mappings.as_object().is_some_and(|map| {
        map.iter().all(|(name, value)| {
            value.is_object()
                && !["properties", "runtime"].contains(&name.as_str())
                && (name == "_doc" || !name.starts_with('_'))
        })
    })
}

/// Show mappings.
pub(crate) fn get(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let (typed, types) = take_types(
        call,
        "Types cannot be provided in get mapping requests, unless \
                                           include_type_name is set to true.",
    )?;
    let indices = take_indices(node, call, SHOWN)?;
    let mut shown: Vec<&Arc<Index>> = indices.iter().collect();
    if let Some(types) = types {
        shown.retain(|index| names_type(types, type_name(index)));
        if shown.is_empty() && !types.contains('*') {
            return Err(Error::TypeMissing(types.to_owned()));
        }
    }
    let missing = types.map(|types| missing_types(types, &shown)).unwrap_or_default();
    let body = json::object(|o| {
        if !missing.is_empty() {
            let noun = if missing.len() == 1 { "type" } else { "types" };
            o.string("error", &format!("{noun} [{}] missing", missing.join(",")));
            o.number("status", StatusCode::NOT_FOUND.as_u16());
        }
        for index in shown {
            o.object(index.name(), |o| {
                o.value("mappings", &super::index::shown_mappings(index, typed));
            });
        }
    });
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    Ok(Answer::json(status, body))
}

/// Which of a list of types, possibly with stars, no index has.
fn missing_types<'t>(types: &'t str, indices: &[&Arc<Index>]) -> Vec<&'t str> {
    let is_missing =
        |asked: &&str| !indices.iter().any(|index| node::matches_glob(asked, type_name(index)));
    let mut missing: Vec<&str> = types.split(',').filter(is_missing).collect();
    missing.sort_unstable();
    missing
}

/// Change mappings: of all indices that the path names, or of none.
pub(crate) async fn put(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let typed = take_include_type_name(call)?.unwrap_or(call.dialect.nests_mappings());
    let asked = call.found.document_type;
    call.parameters.declare(&["type"]);
    let to_leaders = call.parameters.take_flag("write_index_only")?.unwrap_or(false);
    let indices = take_indices(node, call, CHANGED)?;
    let indices = if to_leaders { write_indices(node, call)? } else { indices };
    if call.request.body.is_empty() {
        return Err(Error::Parse("request body is required".to_owned()));
    }
    let body: Value = serde_json::from_slice(&call.request.body)
        .map_err(|error| Error::UnreadableMap(error.to_string()))?;
    if typed && asked.is_none() {
        return Err(Error::Validation(vec!["mapping type is missing".to_owned()]));
    }
    let Some(first) = indices.first() else {
        let error = node::Error::IndexNotFound { index: call.found.index.unwrap_or("_all").into() };
        return Err(call.error(error, TYPELESS));
    };
    let own = first.mapping();
    let form = update_form(&body, asked, typed, own.type_name(), rules(call.dialect));
    let definition = form.map_err(|error| call.error(error.into(), TYPELESS))?;
    let type_name = asked.filter(|asked| *asked != TYPELESS).map(str::to_owned);
    let changed = node.change_mappings(&indices, type_name, definition).await;
    changed.map_err(|error| call.error(error, TYPELESS))?;
    Ok(Answer::acknowledged())
}

/// Show the definitions of single fields.
pub(crate) fn get_fields(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let (typed, types) =
        take_types(call, "Types cannot be specified unless include_type_name is set to true.")?;
    call.parameters.declare(&["fields"]);
    let with_defaults = call.parameters.take_flag("include_defaults")?.unwrap_or(false);
    let indices = take_indices(node, call, SHOWN)?;
    let mut shown: Vec<&Arc<Index>> = indices.iter().collect();
    if let Some(types) = types {
        shown.retain(|index| names_type(types, type_name(index)));
        if shown.is_empty() && !types.contains('*') {
            return Err(Error::TypeMissing(types.to_owned()));
        }
    }
    if indices.is_empty() {
        return Ok(Answer::json(StatusCode::NOT_FOUND, "{}"));
    }
    let patterns: Vec<&str> = call.found.fields.unwrap_or("*").split(',').collect();
    let body = json::object(|o| {
        for index in shown {
            let fields = fields(&index.mapping(), &patterns, with_defaults);
            if typed && fields.is_empty() {
                continue;
            }
            let fields = Value::Object(fields);
            o.object(index.name(), |o| {
                if typed {
                    o.object("mappings", |o| o.value(type_name(index), &fields));
                } else {
                    o.value("mappings", &fields);
                }
            });
        }
    });
    Ok(Answer::json(StatusCode::OK, body))
}

/// The fields that any of these patterns names, as they are shown.
fn fields(mapping: &Mapping, patterns: &[&str], with_defaults: bool) -> Map<String, Value> {
    let mut found = Map::new();
    for pattern in patterns {
        for name in METADATA_FIELDS.iter().filter(|name| node::matches_glob(pattern, name)) {
            let shown = serde_json::json!({ "full_name": name, "mapping": {} });
            found.insert((*name).to_owned(), shown);
        }
        for (path, mut definition) in mapping.definitions(pattern) {
            if with_defaults {
                add_defaults(&mut definition, mapping, &path);
            }
            let leaf = path.rsplit('.').next().unwrap_or(&path).to_owned();
            let mapping = Value::Object(Map::from_iter([(leaf, definition)]));
            let shown = serde_json::json!({ "full_name": path, "mapping": mapping });
            found.insert(path, shown);
        }
    }
    found
}

/// Adds to a definition what it leaves out.
fn add_defaults(definition: &mut Value, mapping: &Mapping, path: &str) {
    let (Some(field), Value::Object(members)) = (mapping.field(path), definition) else { return };
    for name in DEFAULTS {
        let default = match (field.parameter(name), name) {
            (Some(value), _) => value,
            (None, "analyzer" | "search_analyzer" | "search_quote_analyzer")
                if members.get("type").is_some_and(|kind| kind == "text") =>
            {
                Value::from("default")
            }
            (None, _) => continue,
        };
        members.entry(name).or_insert(default);
    }
}

/// Takes `include_type_name` and the types of the path, which may be named only with it.
fn take_types<'r>(call: &mut Call<'r>, otherwise: &str) -> Result<(bool, Option<&'r str>), Error> {
    let typed = take_include_type_name(call)?.unwrap_or(call.dialect.nests_mappings());
    call.parameters.declare(&["type"]);
    match call.found.document_type {
        // Whether a type is there may be asked without saying that there are types.
        Some(_) if !typed && call.request.method != Method::HEAD => {
            Err(Error::illegal_argument(otherwise))
        }
        types => Ok((typed, types.filter(|types| !["_all", "*"].contains(types)))),
    }
}

/// Whether a list of types, possibly with stars, names this one.
fn names_type(types: &str, own: &str) -> bool {
    types.split(',').any(|asked| node::matches_glob(asked, own))
}

/// The name of an index's type.
fn type_name(index: &Index) -> &str {
    index.metadata().type_name.as_deref().unwrap_or(TYPELESS)
}
