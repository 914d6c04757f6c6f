//! Which shards a search would ask (spec search-api §3.12): readers that work shard by shard, as Spark's,
//! ask this before they read.

use std::collections::BTreeMap;

use node::{Alias, Expansion, Node, Scope, matches_glob};
use serde_json::{Map, Value, json};

use crate::rest::api::Call;
use crate::rest::cluster::{nodes_of_state, primary_of_state};
use crate::rest::document::check_preference;
use crate::rest::error::Error;
use crate::rest::index::expression::{find_scopes, take_expansion, take_timeouts};
use crate::rest::json::set;
use crate::rest::response::Answer;

/// Which shards, of which indices, and what aliases narrow them to.
pub(crate) fn search_shards(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    check_preference(call.parameters.take("preference").as_deref(), call.dialect)?;
    let routing = call.parameters.take_list("routing").filter(|values| !values.is_empty());
    take_timeouts(call)?;
    let lenient = Expansion { ignores_unavailable: true, ..Expansion::OPEN };
    let expansion = take_expansion(call, lenient)?;
    call.finish_parameters()?;
    let names = call.found.index.unwrap_or_default();
    let mut scopes = find_scopes(node, call, names, expansion, routing.as_deref())?;
    scopes.sort_by(|one, other| one.index.name().cmp(other.index.name()));
    let indices =
        scopes.iter().map(|scope| (scope.index.name().to_owned(), narrowed(scope, names)));
    let shards = scopes.iter().flat_map(|scope| {
        let asked =
            (0..).zip(scope.index.shards().iter()).filter(|(number, _)| scope.has_shard(*number));
        asked.map(|(number, _)| vec![primary_of_state(node, &scope.index, number)])
    });
    let nodes = if scopes.is_empty() { json!({}) } else { nodes_of_state(node, call) };
    Ok(Answer::value(&json!({
        "nodes": nodes,
        "indices": indices.collect::<Map<_, _>>(),
        "shards": shards.collect::<Vec<_>>(),
    })))
}

/// The aliases by which an index is meant, and the filter that they come to.
fn narrowed(scope: &Scope, names: &str) -> Value {
    let is_named = |name: &str| {
        names.split(',').any(|part| part != "*" && part != "_all" && matches_glob(part, name))
    };
    let aliases = &scope.index.metadata().aliases;
    let by: BTreeMap<&String, &Alias> = aliases.iter().filter(|(name, _)| is_named(name)).collect();
    let mut shown = json!({});
    if by.is_empty() {
        return shown;
    }
    set(&mut shown, "aliases", json!(by.keys().collect::<Vec<_>>()));
    if scope.filter.is_some() {
        let filters = by.values().filter_map(|alias| Some(spelled_out(alias.filter.as_ref()?)));
        let mut filters: Vec<Value> = filters.collect();
        let filter = match filters.len() {
            1 => filters.remove(0),
            _ => json!({"bool": {"should": filters, "adjust_pure_negative": true, "boost": 1.0}}),
        };
        set(&mut shown, "filter", filter);
    }
    shown
}

/// A query of the common kinds as Elasticsearch prints it, with what it leaves unsaid; others as they were
/// given.
fn spelled_out(query: &Value) -> Value {
    let Some((kind, said)) =
        query.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next())
    else {
        return query.clone();
    };
    let Some(members) = said.as_object() else { return query.clone() };
    let mut spelled: Map<String, Value> = match kind.as_str() {
        "term" | "prefix" => {
            let member = |(field, value): (&String, &Value)| {
                let mut value =
                    if value.is_object() { value.clone() } else { json!({ "value": value }) };
                with_boost(&mut value);
                (field.clone(), value)
            };
            return json!({ kind: members.iter().map(member).collect::<Map<_, _>>() });
        }
        "bool" => {
            let mut spelled: Map<_, _> = members
                .iter()
                .map(|(clause, queries)| (clause.clone(), all_spelled_out(clause, queries)))
                .collect();
            spelled.entry("adjust_pure_negative").or_insert(json!(true));
            spelled
        }
        "terms" | "exists" | "match_all" | "ids" => members.clone(),
        _ => return query.clone(),
    };
    spelled.entry("boost").or_insert(json!(1.0));
    json!({ kind: spelled })
}

/// The queries of a clause of a bool query, as a list; any other member as it is.
fn all_spelled_out(clause: &str, queries: &Value) -> Value {
    match (clause, queries) {
        ("must" | "filter" | "should" | "must_not", Value::Array(queries)) => {
            queries.iter().map(spelled_out).collect()
        }
        ("must" | "filter" | "should" | "must_not", query) => json!([spelled_out(query)]),
        (_, other) => other.clone(),
    }
}

fn with_boost(value: &mut Value) {
    if let Some(members) = value.as_object_mut() {
        members.entry("boost").or_insert(json!(1.0));
    }
}
