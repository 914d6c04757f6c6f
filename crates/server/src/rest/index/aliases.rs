//! Aliases: added, removed, shown (spec index-and-cluster-api §5).

use std::collections::BTreeSet;

use hyper::StatusCode;
use node::{Alias, AliasAction, Aliases, Expansion, Node, matches_glob};
use serde_json::{Map, Value, json};

use super::expression::{take_expansion, take_timeouts};
use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::response::Answer;

/// How many actions one request may hold.
const ACTIONS_MAX: usize = 10_000;

/// The aliases that a body gives an index.
pub(crate) fn read_aliases(given: &Value) -> Result<Aliases, Error> {
    match given {
        Value::Null => Ok(Aliases::new()),
        Value::Object(members) => {
            members.iter().map(|(name, said)| Ok((name.clone(), read_alias(said, &[])?))).collect()
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Error::Parse("[aliases] must be an object".to_owned()))
        }
    }
}

/// A routing; an empty one is none.
fn routing_of(value: &Value) -> Option<String> {
    text(value).filter(|routing| !routing.is_empty())
}

/// What is said of an alias; `others` may stand beside it.
fn read_alias(given: &Value, others: &[&str]) -> Result<Alias, Error> {
    let members = match given {
        Value::Null => return Ok(Alias::default()),
        Value::Object(members) => members,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(Error::Parse("an alias must be an object".to_owned()));
        }
    };
    let mut alias = Alias::default();
    for (name, value) in members {
        match name.as_str() {
            "filter" => alias.filter = read_filter(value)?,
            "routing" => {
                let routing = routing_of(value);
                alias.index_routing = alias.index_routing.take().or_else(|| routing.clone());
                alias.search_routing = alias.search_routing.take().or(routing);
            }
            "index_routing" | "indexRouting" | "index-routing" => {
                alias.index_routing = routing_of(value);
            }
            "search_routing" | "searchRouting" | "search-routing" => {
                alias.search_routing = routing_of(value);
            }
            "is_write_index" => alias.is_write_index = flag(value),
            "is_hidden" => alias.is_hidden = flag(value),
            other if others.contains(&other) => {}
            other => return Err(Error::Parse(format!("Unknown field [{other}] in alias"))),
        }
    }
    Ok(alias)
}

fn read_filter(value: &Value) -> Result<Option<Value>, Error> {
    match value {
        Value::Null => Ok(None),
        Value::Object(members) if members.is_empty() => Ok(None),
        Value::Object(_) => Ok(Some(value.clone())),
        Value::String(text) => serde_json::from_str(text)
            .map(Some)
            .map_err(|_| Error::illegal_argument("failed to parse filter for alias")),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            Err(Error::illegal_argument("failed to parse filter for alias"))
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn flag(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_str().map(|text| text == "true"))
}

/// Aliases as they are shown.
pub(crate) fn shown_aliases(aliases: &Aliases) -> Value {
    let shown = aliases.iter().map(|(name, alias)| (name.clone(), shown_alias(alias)));
    Value::Object(shown.collect())
}

fn shown_alias(alias: &Alias) -> Value {
    // As it is kept: the names and their order are Elasticsearch's.
    serde_json::to_value(alias).unwrap_or_default()
}

/// Change aliases: all the actions, or none.
pub(super) async fn change(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_timeouts(call)?;
    call.finish_parameters()?;
    let body = call.json_body()?;
    let listed = body.get("actions").and_then(Value::as_array);
    let listed = listed.ok_or_else(|| {
        Error::Validation(vec!["Must specify at least one alias action".to_owned()])
    })?;
    if listed.is_empty() {
        return Err(Error::illegal_argument("No action specified"));
    }
    if listed.len() > ACTIONS_MAX {
        return Err(Error::TooMany { what: "alias actions", limit: ACTIONS_MAX });
    }
    let actions: Vec<AliasAction> = listed.iter().map(read_action).collect::<Result<_, _>>()?;
    node.change_aliases(actions).await.map_err(|error| call.node_error(error))?;
    Ok(Answer::acknowledged())
}

fn read_action(given: &Value) -> Result<AliasAction, Error> {
    let members = given.as_object().filter(|members| members.len() == 1);
    let (name, said) = members
        .and_then(|members| members.iter().next())
        .ok_or_else(|| Error::illegal_argument("Only one action per entry is allowed"))?;
    let said = said
        .as_object()
        .ok_or_else(|| Error::illegal_argument(format!("[{name}] must be an object")))?;
    let list = |one: &str, many: &str| -> Result<Vec<String>, Error> {
        let (single, several) = (said.get(one), said.get(many));
        if single.is_some() && several.is_some() {
            return Err(Error::illegal_argument(format!(
                "Only one of [{one}] and [{many}] is supported"
            )));
        }
        let listed = match single.or(several) {
            None => Vec::new(),
            Some(Value::Array(names)) => names.iter().filter_map(text).collect(),
            Some(name) => text(name).into_iter().collect(),
        };
        Ok(listed)
    };
    let indices = list("index", "indices")?;
    if indices.is_empty() || indices.iter().any(String::is_empty) {
        return Err(Error::illegal_argument("One of [index] or [indices] is required"));
    }
    let (indices, aliases) = (indices.join(","), list("alias", "aliases")?);
    if name != "remove_index" && (aliases.is_empty() || aliases.iter().any(String::is_empty)) {
        return Err(Error::illegal_argument("One of [alias] or [aliases] is required"));
    }
    match name.as_str() {
        "add" => {
            const OTHERS: [&str; 5] = ["index", "indices", "alias", "aliases", "must_exist"];
            let alias = read_alias(&Value::Object(said.clone()), &OTHERS)?;
            Ok(AliasAction::Add { indices, aliases, alias })
        }
        "remove" => {
            let must_exist = said.get("must_exist").and_then(flag);
            Ok(AliasAction::Remove { indices, aliases, must_exist })
        }
        "remove_index" => Ok(AliasAction::RemoveIndex { indices }),
        other => Err(Error::illegal_argument(format!("[alias_action] unknown field [{other}]"))),
    }
}

/// Add one alias. Index and name may also stand in the body.
pub(super) async fn put(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_timeouts(call)?;
    call.parameters.declare(&["name"]);
    call.finish_parameters()?;
    let body = call.json_body()?;
    let in_body = |name: &str| body.get(name).and_then(text);
    let indices = call.found.index.map(str::to_owned).or_else(|| in_body("index"));
    let name = call.found.name.map(str::to_owned).or_else(|| in_body("alias"));
    let name = name.ok_or_else(|| Error::illegal_argument("[alias] can't be empty string"))?;
    let alias = read_alias(&body, &["index", "alias"])?;
    let action =
        AliasAction::Add { indices: indices.unwrap_or_default(), aliases: vec![name], alias };
    node.change_aliases(vec![action]).await.map_err(|error| call.node_error(error))?;
    Ok(Answer::acknowledged())
}

/// Remove aliases.
pub(super) async fn delete(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_timeouts(call)?;
    call.parameters.declare(&["name"]);
    call.finish_parameters()?;
    let names = call.found.name.unwrap_or_default().split(',').map(str::to_owned).collect();
    let indices = call.index().to_owned();
    let action = AliasAction::Remove { indices, aliases: names, must_exist: Some(true) };
    node.change_aliases(vec![action]).await.map_err(|error| call.node_error(error))?;
    Ok(Answer::acknowledged())
}

/// Show aliases, or whether they exist.
pub(super) fn get(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_timeouts(call)?;
    // By the name of an alias, hidden ones are found too.
    let usual = Expansion { hidden: call.found.name.is_some(), ..Expansion::ALL };
    let expansion = take_expansion(call, usual)?;
    call.parameters.declare(&["name"]);
    call.finish_parameters()?;
    let indices = call.found.index.unwrap_or_default();
    let indices = node.resolve(indices, expansion).map_err(|error| call.node_error(error))?;
    let chosen = call.found.name.map(Chosen::new);
    let mut body = Map::new();
    let mut seen = BTreeSet::new();
    for index in &indices {
        let aliases = index.metadata().aliases.iter();
        let meant = aliases.filter(|(name, _)| chosen.as_ref().is_none_or(|c| c.means(name)));
        let shown: Aliases = meant.map(|(name, alias)| (name.clone(), alias.clone())).collect();
        // The aliases of an index of a data stream are those of the stream.
        if (chosen.is_none() && index.metadata().stream.is_none()) || !shown.is_empty() {
            let aliases = shown_aliases(&shown);
            body.insert(index.name().to_owned(), json!({"aliases": aliases}));
        }
        seen.extend(shown.into_keys());
    }
    let lenient = Expansion { ignores_unavailable: true, ..expansion };
    let streams = node.resolve_data_streams(call.found.index.unwrap_or_default(), lenient);
    for stream in streams.map_err(|error| call.node_error(error))? {
        let aliases = stream.aliases.iter();
        let meant = aliases.filter(|(name, _)| chosen.as_ref().is_none_or(|c| c.means(name)));
        let shown: Aliases = meant.map(|(name, alias)| (name.clone(), alias.clone())).collect();
        if chosen.is_none() || !shown.is_empty() {
            let aliases = shown_aliases(&shown);
            body.insert(stream.name.clone(), json!({"aliases": aliases}));
        }
        seen.extend(shown.into_keys());
    }
    let required = chosen.iter().flat_map(Chosen::required);
    let missing: Vec<&str> = required.filter(|name| !seen.contains(*name)).collect();
    let has_missing = !missing.is_empty();
    let is_head_for_none =
        call.request.method == hyper::Method::HEAD && chosen.is_some() && body.is_empty();
    if !has_missing && !is_head_for_none {
        return Ok(Answer::value(&Value::Object(body)));
    }
    let unique: BTreeSet<&str> = missing.into_iter().collect();
    let listed = unique.iter().copied().collect::<Vec<_>>().join(",");
    let word = if unique.len() > 1 { "aliases" } else { "alias" };
    let mut told = Map::new();
    told.insert("error".to_owned(), json!(format!("{word} [{listed}] missing")));
    told.insert("status".to_owned(), json!(404));
    told.extend(body);
    Ok(Answer::json(StatusCode::NOT_FOUND, Value::Object(told).to_string()))
}

/// The names of aliases that are asked for.
struct Chosen<'r> {
    parts: Vec<&'r str>,
}

impl<'r> Chosen<'r> {
    /// Reads a list of names, wildcards and exclusions.
    fn new(list: &'r str) -> Self {
        Self {
            parts: list.split(',').map(|part| if part == "_all" { "*" } else { part }).collect(),
        }
    }

    /// Whether an alias is meant: each part adds to what the ones before chose, or takes away.
    fn means(&self, alias: &str) -> bool {
        self.parts.iter().fold(false, |chosen, part| match part.strip_prefix('-') {
            Some(glob) => chosen && !matches_glob(glob, alias),
            None => chosen || matches_glob(part, alias),
        })
    }

    /// The names that must be there: those without wildcards that no later part takes away. Only
    /// behind a wildcard a minus means an exclusion here.
    fn required(&self) -> Vec<&'r str> {
        let wild = self.parts.iter().position(|part| part.contains('*'));
        let first_wild = wild.unwrap_or(self.parts.len());
        let mut required = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            let is_exclusion = at > first_wild && part.starts_with('-');
            if part.contains('*') || is_exclusion {
                continue;
            }
            let later = self.parts.iter().skip(first_wild.max(at + 1));
            let mut excluded = later.filter_map(|part| part.strip_prefix('-'));
            if !excluded.any(|glob| matches_glob(glob, part)) {
                required.push(*part);
            }
        }
        required
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_aliases_are_chosen() {
        let all = ["a1", "a2", "b1"];
        for (list, names, required) in [
            ("_all", "a1,a2,b1", ""),
            ("a*,b1", "a1,a2,b1", "b1"),
            ("a*,-a1", "a2", ""),
            ("a1,b1,-a*,-b1", "", ""),
            ("-a1,a*,-a2", "a1", "-a1"),
            ("-x,-x*,-y", "", "-x"),
            ("a1,x", "a1", "a1,x"),
        ] {
            let chosen = Chosen::new(list);
            let meant: Vec<&str> = all.into_iter().filter(|name| chosen.means(name)).collect();
            assert_eq!(meant.join(","), names, "{list}");
            assert_eq!(chosen.required().join(","), required, "{list}");
        }
    }
}
