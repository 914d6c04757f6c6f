//! Indices: create, show, delete, refresh, settings, mappings, statistics (spec
//! index-and-cluster-api §4).

use std::sync::Arc;

use hyper::StatusCode;
use indexmap::IndexMap;
use node::{Index, NewIndex, Node, Settings, matches_glob};
use serde_json::{Map, Value, json};

use super::api::Call;
use super::document_view::TYPELESS;
use super::error::Error;
use super::json::{self, Object};
use super::response::Answer;

/// What may stand at the root of a mapping. An object of one other name is nested under a type.
const MAPPING_ROOT: [&str; 12] = [
    "properties",
    "dynamic",
    "dynamic_templates",
    "dynamic_date_formats",
    "date_detection",
    "numeric_detection",
    "runtime",
    "_source",
    "_routing",
    "_meta",
    "_field_names",
    "_size",
];

/// Create an index.
pub(crate) async fn create(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let include_type_name = take_include_type_name(call)?;
    let waits = call.parameters.take("wait_for_active_shards");
    take_timeouts(call)?;
    call.finish_parameters()?;
    let body = call.json_body()?;
    let typed = include_type_name.unwrap_or(call.dialect.nests_mappings());
    let (settings, mappings, type_name) = read_new_index(body, typed, call)?;
    let name: Arc<str> = call.index().into();
    let replicas = settings.number_of_replicas();
    let new = NewIndex { name: Arc::clone(&name), settings, mappings, type_name };
    node.create_index(new).await.map_err(|error| call.error(error, TYPELESS))?;
    let enough = match waits.as_deref() {
        None | Some("0" | "1") => true,
        Some("all") => replicas == 0,
        Some(_) => false,
    };
    let body = json::object(|o| {
        o.boolean("acknowledged", true);
        if call.dialect.shows_result() {
            o.boolean("shards_acknowledged", enough);
            o.string("index", &name);
        }
    });
    Ok(Answer::json(StatusCode::OK, body))
}

/// Settings, mappings and the type they are nested under.
fn read_new_index(
    body: Value,
    typed: bool,
    call: &Call<'_>,
) -> Result<(Settings, Value, Option<String>), Error> {
    let Value::Object(mut members) = body else {
        return Err(Error::Parse("request body must be an object".to_owned()));
    };
    let known = ["settings", "mappings", "aliases"];
    if !members.is_empty()
        && call.dialect.allows_old_metadata_names()
        && known.iter().all(|name| !members.contains_key(*name))
    {
        // In old versions the body could be the settings themselves.
        members = Map::from_iter([("settings".to_owned(), Value::Object(members))]);
    }
    let settings = members.shift_remove("settings").unwrap_or(Value::Null);
    let mappings = members.shift_remove("mappings").unwrap_or(Value::Null);
    let aliases = members.shift_remove("aliases").unwrap_or(Value::Null);
    if aliases.as_object().is_some_and(|aliases| !aliases.is_empty()) {
        return Err(Error::Unsupported("[aliases] are not supported yet".to_owned()));
    }
    if let Some(unknown) = members.keys().next() {
        return Err(Error::Parse(format!("unknown key [{unknown}] for create index")));
    }
    let settings = Settings::from_json(&settings)
        .map_err(|error| call.error(node::Error::Setting(error), TYPELESS))?;
    let (mappings, type_name) = read_mappings(mappings, typed)?;
    Ok((settings, mappings, type_name))
}

/// Takes the type's name from around a mapping.
fn read_mappings(mappings: Value, typed: bool) -> Result<(Value, Option<String>), Error> {
    let mappings = match mappings {
        Value::Null => Map::new(),
        Value::Object(mappings) => mappings,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(Error::Parse("[mappings] must be an object".to_owned()));
        }
    };
    let is_type = |(name, value): (&String, &Value)| {
        value.is_object() && !MAPPING_ROOT.contains(&name.as_str())
    };
    let mut types = mappings.iter().filter(|member| is_type(*member)).map(|(name, _)| name);
    match (types.next().cloned(), types.next(), typed) {
        (None, _, _) => Ok((Value::Object(mappings), None)),
        (Some(first), Some(second), true) => Err(Error::illegal_argument(format!(
            "Rejecting mapping update to the index as the final mapping would have more than 1 \
             type: [{first}, {second}]"
        ))),
        (Some(name), None, true) => {
            let inner = mappings.get(&name).cloned().unwrap_or(Value::Null);
            let type_name = Some(name).filter(|name| name != TYPELESS);
            Ok((inner, type_name))
        }
        (Some(name), _, false) => Err(Error::illegal_argument(format!(
            "The mapping definition cannot be nested under a type [{name}] unless \
             include_type_name is set to true."
        ))),
    }
}

/// Show indices, or whether they exist.
pub(crate) fn get(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let typed = take_include_type_name(call)?;
    let indices = take_indices(node, call)?;
    let typed = typed.unwrap_or(call.dialect.nests_mappings());
    let body = json::object(|o| {
        for index in &indices {
            o.object(index.name(), |o| {
                o.object("aliases", |_| {});
                o.value("mappings", &shown_mappings(index, typed));
                o.object("settings", |o| o.value("index", &shown_settings(index, call)));
            });
        }
    });
    Ok(Answer::json(StatusCode::OK, body))
}

/// Show mappings.
pub(crate) fn get_mapping(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let typed = take_include_type_name(call)?;
    let indices = take_indices(node, call)?;
    let typed = typed.unwrap_or(call.dialect.nests_mappings());
    let body = json::object(|o| {
        for index in &indices {
            o.object(index.name(), |o| o.value("mappings", &shown_mappings(index, typed)));
        }
    });
    Ok(Answer::json(StatusCode::OK, body))
}

/// Show settings.
pub(crate) fn get_settings(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let flat = call.parameters.take_flag("flat_settings")?.unwrap_or(false);
    call.parameters.take_flag("include_defaults")?;
    let indices = take_indices(node, call)?;
    let body = json::object(|o| {
        for index in &indices {
            let nested = shown_settings(index, call);
            o.object(index.name(), |o| {
                if flat {
                    o.value("settings", &flatten(&nested));
                } else {
                    o.object("settings", |o| o.value("index", &nested));
                }
            });
        }
    });
    Ok(Answer::json(StatusCode::OK, body))
}

/// Change settings that can change.
pub(crate) async fn put_settings(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let preserve = call.parameters.take_flag("preserve_existing")?.unwrap_or(false);
    if preserve {
        return Err(Error::Unsupported("[preserve_existing] is not supported yet".to_owned()));
    }
    let indices = take_indices(node, call)?;
    let body = call.json_body()?;
    let body = body.get("settings").unwrap_or(&body);
    for index in indices {
        let refused = |error| {
            if let node::Error::Setting(node::SettingError::Fixed(name)) = &error {
                return Error::illegal_argument(format!(
                    "Can't update non dynamic settings [[{name}]] for open indices [[{}/{}]]",
                    index.name(),
                    index.identity().uuid
                ));
            }
            call.error(error, TYPELESS)
        };
        node.change_settings(&index, body).await.map_err(refused)?;
    }
    Ok(acknowledged())
}

/// Delete indices.
pub(crate) async fn delete(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let wild = |part: &str| part.contains('*') || part == "_all";
    if call.index().split(',').any(wild) && !call.dialect.deletes_by_wildcard() {
        let text = "Wildcard expressions or all indices are not allowed";
        return Err(Error::illegal_argument(text));
    }
    let indices = take_indices(node, call)?;
    let names = indices.iter().map(|index| Arc::clone(&index.identity().name)).collect();
    node.delete_indices(names).await.map_err(|error| call.error(error, TYPELESS))?;
    Ok(acknowledged())
}

/// Make writes visible to searches: they are, at once.
pub(crate) fn refresh(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.take_flag("force")?;
    let indices = take_indices(node, call)?;
    let shards: u64 = indices.iter().map(|index| primaries(index)).sum();
    let copies: u64 = indices.iter().map(|index| primaries(index) * copies(index)).sum();
    let body = json::object(|o| write_shards(o, copies, shards));
    Ok(Answer::json(StatusCode::OK, body))
}

/// Show statistics: documents, and the sequence numbers of shards.
pub(crate) fn stats(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let by_shard = call.parameters.take("level").as_deref() == Some("shards");
    let indices = take_indices(node, call)?;
    let shards: u64 = indices.iter().map(|index| primaries(index)).sum();
    let copies: u64 = indices.iter().map(|index| primaries(index) * copies(index)).sum();
    let sum = |count: fn(&Index) -> u64| indices.iter().map(|index| count(index)).sum::<u64>();
    let (documents, deleted) = (sum(Index::documents), sum(tombstones));
    let body = json::object(|o| {
        write_shards(o, copies, shards);
        o.object("_all", |o| {
            o.object("primaries", |o| write_documents(o, documents, deleted));
            o.object("total", |o| write_documents(o, documents, deleted));
        });
        o.object("indices", |o| {
            for index in &indices {
                o.object(index.name(), |o| write_index_stats(o, index, node, by_shard));
            }
        });
    });
    Ok(Answer::json(StatusCode::OK, body))
}

fn write_index_stats(o: &mut Object<'_>, index: &Index, node: &Node, by_shard: bool) {
    o.string("uuid", &index.identity().uuid);
    for part in ["primaries", "total"] {
        o.object(part, |o| write_documents(o, index.documents(), tombstones(index)));
    }
    if !by_shard {
        return;
    }
    o.object("shards", |o| {
        for (number, shard) in index.shards().iter().enumerate() {
            let max_seq_no = shard.max_seq_no();
            let max = max_seq_no.map_or(-1, |max| i64::try_from(max.get()).unwrap_or(i64::MAX));
            o.array(&number.to_string(), |copies| {
                copies.object(|o| {
                    o.object("routing", |o| {
                        o.string("state", "STARTED");
                        o.boolean("primary", true);
                        o.string("node", node.id());
                        o.null("relocating_node");
                    });
                    write_documents(o, shard.table().live(), shard.table().tombstones());
                    o.object("seq_no", |o| {
                        for name in ["max_seq_no", "local_checkpoint", "global_checkpoint"] {
                            o.number(name, max);
                        }
                    });
                });
            });
        }
    });
}

fn write_documents(o: &mut Object<'_>, count: u64, deleted: u64) {
    o.object("docs", |o| {
        o.number("count", count);
        o.number("deleted", deleted);
    });
}

fn tombstones(index: &Index) -> u64 {
    index.shards().iter().map(|shard| shard.table().tombstones()).sum()
}

fn write_shards(o: &mut Object<'_>, total: u64, successful: u64) {
    o.object("_shards", |o| {
        o.number("total", total);
        o.number("successful", successful);
        o.number("failed", 0);
    });
}

/// How many primary shards an index has.
pub(crate) fn primaries(index: &Index) -> u64 {
    u64::try_from(index.shards().len()).unwrap_or(u64::MAX)
}

/// How many copies of each shard are wished for, the primary included.
pub(crate) fn copies(index: &Index) -> u64 {
    u64::from(index.metadata().settings.number_of_replicas()) + 1
}

fn acknowledged() -> Answer {
    Answer::json(StatusCode::OK, json::object(|o| o.boolean("acknowledged", true)))
}

/// Takes what all calls on several indices share, and finds the indices that the path names.
pub(crate) fn take_indices(node: &Node, call: &mut Call<'_>) -> Result<Vec<Arc<Index>>, Error> {
    take_timeouts(call)?;
    call.parameters.declare(&["index"]);
    let ignore = call.parameters.take_flag("ignore_unavailable")?.unwrap_or(false);
    let allow_none = call.parameters.take_flag("allow_no_indices")?.unwrap_or(true);
    for accepted in ["expand_wildcards", "local"] {
        call.parameters.take(accepted);
    }
    call.finish_parameters()?;
    let expression = call.found.index.unwrap_or("_all");
    find_indices(node, call, expression, ignore, allow_none)
}

/// Finds the indices that an expression names.
pub(crate) fn find_indices(
    node: &Node,
    call: &Call<'_>,
    expression: &str,
    ignore: bool,
    allow_none: bool,
) -> Result<Vec<Arc<Index>>, Error> {
    let mut found: IndexMap<Arc<str>, Arc<Index>> = IndexMap::new();
    for part in expression.split(',').filter(|part| !part.is_empty()) {
        let matching: Vec<_> = match part.strip_prefix('-') {
            Some(excluded) => {
                found.retain(|name, _| !matches_glob(excluded, name));
                continue;
            }
            None if part == "_all" || part.contains('*') => {
                let glob = if part == "_all" { "*" } else { part };
                let all = node.indices().into_iter();
                all.filter(|index| matches_glob(glob, index.name())).collect()
            }
            None if part.starts_with('_') => {
                let why = "must not start with '_'.".to_owned();
                let error = node::Error::InvalidIndexName { index: part.into(), why };
                return Err(call.error(error, TYPELESS));
            }
            None => match node.index(part) {
                Ok(index) => vec![index],
                Err(_) if ignore => Vec::new(),
                Err(error) => return Err(call.error(error, TYPELESS)),
            },
        };
        let named = matching.into_iter().map(|index| (Arc::clone(&index.identity().name), index));
        found.extend(named);
    }
    if found.is_empty() && !allow_none {
        let error = node::Error::IndexNotFound { index: expression.into() };
        return Err(call.error(error, TYPELESS));
    }
    Ok(found.into_values().collect())
}

/// Takes the time-outs, which have no effect: nothing here waits.
pub(crate) fn take_timeouts(call: &mut Call<'_>) -> Result<(), Error> {
    call.parameters.declare(&["index"]);
    call.parameters.take_time("timeout")?;
    call.parameters.take_time("master_timeout")?;
    Ok(())
}

fn take_include_type_name(call: &mut Call<'_>) -> Result<Option<bool>, Error> {
    if call.dialect.shows_type() {
        call.parameters.take_flag("include_type_name")
    } else {
        Ok(None)
    }
}

fn shown_mappings(index: &Index, typed: bool) -> Value {
    let metadata = index.metadata();
    let empty = metadata.mappings.as_object().is_none_or(Map::is_empty);
    match (&metadata.type_name, typed) {
        (None, true) if empty => json!({}),
        (type_name, true) => {
            let name = type_name.clone().unwrap_or_else(|| TYPELESS.to_owned());
            Value::Object(Map::from_iter([(name, metadata.mappings.clone())]))
        }
        (_, false) => metadata.mappings.clone(),
    }
}

/// The settings as a tree, without `index` at its root, and what the server adds to them.
fn shown_settings(index: &Index, call: &Call<'_>) -> Value {
    let metadata = index.metadata();
    let settings = &metadata.settings;
    let mut tree = Map::new();
    for (name, value) in settings.iter() {
        let path = name.strip_prefix("index.").unwrap_or(name);
        insert(&mut tree, path, value.clone());
    }
    let added = [
        ("number_of_shards", settings.number_of_shards().to_string()),
        ("number_of_replicas", settings.number_of_replicas().to_string()),
        ("creation_date", metadata.created_millis.to_string()),
        ("provided_name", metadata.name.clone()),
        ("uuid", metadata.uuid.clone()),
        ("version.created", call.dialect.index_version().to_owned()),
    ];
    for (path, value) in added {
        insert(&mut tree, path, Value::from(value));
    }
    Value::Object(tree)
}

fn insert(tree: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            tree.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let child = tree.entry(head).or_insert_with(|| Value::Object(Map::new()));
            match child {
                Value::Object(child) => insert(child, rest, value),
                // A setting that has both a value and settings below it keeps its full name.
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_) => {
                    tree.insert(path.to_owned(), value);
                }
            }
        }
    }
}

fn flatten(tree: &Value) -> Map<String, Value> {
    fn walk(path: &str, value: &Value, flat: &mut Map<String, Value>) {
        match value {
            Value::Object(members) => {
                members
                    .iter()
                    .for_each(|(name, value)| walk(&format!("{path}.{name}"), value, flat));
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                flat.insert(path.to_owned(), value.clone());
            }
        }
    }
    let mut flat = Map::new();
    walk("index", tree, &mut flat);
    flat
}
