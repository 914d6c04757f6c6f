//! Templates: put, shown, removed, simulated (spec index-and-cluster-api §6).

mod simulate;

use hyper::{Method, StatusCode};
use node::{
    DataStreamRule, Node, Settings, Template, TemplateBody, TemplateKey, TemplateKind, matches_glob,
};
use serde_json::{Map, Value, json};

use super::api::Call;
use super::data_streams::{check_options, read_lifecycle, shown_lifecycle};
use super::deprecation::TEMPLATE_PATTERN;
use super::document_view::TYPELESS;
use super::error::Error;
use super::index::aliases::{read_aliases, shown_aliases};
use super::index::settings::{SettingsView, lay_out, take_settings_view};
use super::index::{take_include_type_name, take_timeouts};
use super::mapping;
use super::response::Answer;

/// The endpoints of templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Templates {
    /// Put one.
    Put,
    /// Show them, or whether they exist.
    Get,
    /// Remove them.
    Delete,
    /// Show what one comes to.
    Simulate,
    /// Show what an index would get.
    SimulateIndex,
}

/// Answers.
pub(crate) async fn answer(
    kind: TemplateKind,
    endpoint: Templates,
    node: &Node,
    call: &mut Call<'_>,
) -> Result<Answer, Error> {
    call.parameters.declare(&["name"]);
    match endpoint {
        Templates::Put => put(kind, node, call).await,
        Templates::Get => get(kind, node, call),
        Templates::Delete => delete(kind, node, call).await,
        Templates::Simulate => simulate::template(node, call),
        Templates::SimulateIndex => simulate::index(node, call),
    }
}

async fn put(kind: TemplateKind, node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let typed = take_include_type_name(call)?.unwrap_or(call.dialect.nests_mappings());
    let must_be_new = call.parameters.take_flag("create")?.unwrap_or(false);
    let order = call.parameters.take_int("order")?;
    for accepted in ["cause", "flat_settings", "deprecated"] {
        call.parameters.take(accepted);
    }
    take_timeouts(call)?;
    call.finish_parameters()?;
    let body = call.json_body()?;
    let mut template = match kind {
        TemplateKind::Legacy => read_legacy(body, typed, call)?,
        TemplateKind::Index | TemplateKind::Component => read_composable(kind, body, call)?,
    };
    if let Some(order) = order {
        template.order = Some(order.into());
    }
    if kind != TemplateKind::Component && template.index_patterns.is_empty() {
        return Err(Error::Validation(vec!["index patterns are missing".to_owned()]));
    }
    let name = call.found.name.unwrap_or_default().to_owned();
    let (key, dialect) = (TemplateKey { kind, name }, mapping::rules(call.dialect));
    let put = node.put_template(key, template, must_be_new, dialect).await;
    put.map_err(|error| call.node_error(error))?;
    Ok(Answer::acknowledged())
}

/// A template of the old kind: what it gives stands beside what it is for.
fn read_legacy(body: Value, typed: bool, call: &mut Call<'_>) -> Result<Template, Error> {
    let mut members = object(body)?;
    if members.contains_key("template") {
        call.warn(TEMPLATE_PATTERN);
    }
    let mut take = |name: &str| members.shift_remove(name);
    let patterns = take("index_patterns").or_else(|| take("template"));
    let template = Template {
        index_patterns: read_list("index_patterns", patterns)?,
        order: read_number("order", take("order"))?,
        version: read_number("version", take("version"))?,
        body: Some(read_body(take("settings"), take("mappings"), take("aliases"), typed, call)?),
        ..Template::default()
    };
    match members.keys().next() {
        None => Ok(template),
        Some(other) => Err(Error::Parse(format!("unknown key [{other}] in the template "))),
    }
}

/// A composable template, or a component of such.
fn read_composable(kind: TemplateKind, body: Value, call: &Call<'_>) -> Result<Template, Error> {
    const OTHERS: [&str; 3] =
        ["allow_auto_create", "deprecated", "ignore_missing_component_templates"];
    let mut members = object(body)?;
    let mut take = |name: &str| members.shift_remove(name);
    let data_stream = take("data_stream").filter(|given| !given.is_null());
    let data_stream = data_stream.as_ref().map(read_data_stream).transpose()?;
    let body = match take("template") {
        None | Some(Value::Null) => None,
        Some(inner) => {
            let mut inner = object(inner)?;
            let mut part = |name: &str| inner.shift_remove(name);
            let (settings, mappings, aliases) =
                (part("settings"), part("mappings"), part("aliases"));
            let lifecycle = part("lifecycle").filter(|given| !given.is_null());
            part("data_stream_options").as_ref().map_or(Ok(()), check_options)?;
            if let Some(other) = inner.keys().next() {
                return Err(unknown_field("template", other));
            }
            let body = read_body(settings, mappings, aliases, call.dialect.shows_type(), call)?;
            let lifecycle = lifecycle.as_ref().map(read_lifecycle).transpose()?;
            Some(TemplateBody { lifecycle, ..body })
        }
    };
    let version = read_number("version", take("version"))?;
    let meta = take("_meta").filter(|meta| !meta.is_null());
    let mut template = Template { version, meta, body, data_stream, ..Template::default() };
    let what = if kind == TemplateKind::Index {
        template.index_patterns = read_list("index_patterns", take("index_patterns"))?;
        template.order = read_number("priority", take("priority"))?;
        template.composed_of =
            take("composed_of").map(|given| read_list("composed_of", Some(given))).transpose()?;
        if template.order.is_some_and(|priority| priority < 0) {
            let text = "index template priority must be >= 0";
            return Err(Error::Validation(vec![text.to_owned()]));
        }
        "index_template"
    } else {
        if template.body.is_none() {
            return Err(Error::illegal_argument("Required [template]"));
        }
        "component_template"
    };
    for name in OTHERS {
        if let Some(value) = take(name) {
            template.others.insert(name.to_owned(), value);
        }
    }
    match members.keys().next() {
        None => Ok(template),
        Some(other) => Err(unknown_field(what, other)),
    }
}

fn unknown_field(what: &str, field: &str) -> Error {
    Error::XContent { reason: format!("[1:1] [{what}] unknown field [{field}]"), cause: None }
}

fn read_body(
    settings: Option<Value>,
    mappings: Option<Value>,
    aliases: Option<Value>,
    typed: bool,
    call: &Call<'_>,
) -> Result<TemplateBody, Error> {
    let settings = settings.filter(|given| !given.is_null());
    let settings = settings
        .map(|given| Settings::from_json(&given))
        .transpose()
        .map_err(|error| call.node_error(node::Error::Setting(error)))?;
    let (mappings, type_name) = match mappings.filter(|given| !given.is_null()) {
        None => (None, None),
        Some(Value::String(text)) => {
            let given: Value =
                serde_json::from_str(&text).map_err(|error| Error::malformed(&error))?;
            let (mappings, type_name) = mapping::read_of_template(&given, typed, call)?;
            (Some(mappings), type_name)
        }
        Some(given) => {
            let (mappings, type_name) = mapping::read_of_template(&given, typed, call)?;
            (Some(mappings), type_name)
        }
    };
    let aliases = aliases.filter(|given| !given.is_null());
    let aliases = aliases.map(|given| read_aliases(&given)).transpose()?;
    Ok(TemplateBody { settings, mappings, type_name, aliases, lifecycle: None })
}

/// What a composable template says of the data streams that it makes.
fn read_data_stream(given: &Value) -> Result<DataStreamRule, Error> {
    let Some(members) = given.as_object() else {
        return Err(Error::Parse("[data_stream] must be an object".to_owned()));
    };
    let mut rule = DataStreamRule::default();
    for (name, value) in members {
        let no_flag = || {
            let text = format!(
                "Failed to parse value [{value}] of [{name}] as only [true] or [false] are allowed."
            );
            Error::illegal_argument(text)
        };
        let flag = || match value {
            Value::Bool(flag) => Ok(*flag),
            Value::String(text) => text.parse().map_err(|_| no_flag()),
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(no_flag()),
        };
        match name.as_str() {
            "hidden" => rule.hidden = flag()?,
            "allow_custom_routing" => rule.allows_routing = flag()?,
            "failure_store" if flag()? => {
                return Err(Error::Unsupported("failure stores are not supported".to_owned()));
            }
            "failure_store" => {}
            other => return Err(unknown_field("data_stream_template", other)),
        }
    }
    Ok(rule)
}

fn object(body: Value) -> Result<Map<String, Value>, Error> {
    match body {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Error::Parse("a template must be an object".to_owned()))
        }
    }
}

fn read_list(name: &str, given: Option<Value>) -> Result<Vec<String>, Error> {
    let bad = || {
        Error::illegal_argument(format!(
            "Malformed [{name}] value, should be a string or a list of strings"
        ))
    };
    match given {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(only)) => Ok(vec![only]),
        Some(Value::Array(listed)) => {
            listed.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(bad)).collect()
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => Err(bad()),
    }
}

fn read_number(name: &str, given: Option<Value>) -> Result<Option<i64>, Error> {
    let bad = || Error::illegal_argument(format!("Malformed [{name}] value, should be an integer"));
    match given {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => number.as_i64().map(Some).ok_or_else(bad),
        Some(Value::String(text)) => text.parse().map(Some).map_err(|_| bad()),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => Err(bad()),
    }
}

fn get(kind: TemplateKind, node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let typed = take_include_type_name(call)?.unwrap_or(call.dialect.nests_mappings());
    let view = take_settings_view(call)?;
    call.parameters.take_flag("local")?;
    take_timeouts(call)?;
    call.finish_parameters()?;
    let templates = node.templates(mapping::rules(call.dialect));
    let names = call.found.name;
    let is_named =
        |name: &str| names.is_none_or(|names| names.split(',').any(|n| matches_glob(n, name)));
    let found: Vec<_> = templates.of(kind).iter().filter(|(name, _)| is_named(name)).collect();
    let is_wild = names.is_none_or(|names| names.contains('*'));
    if found.is_empty() && !is_wild {
        return missing(kind, names.unwrap_or_default(), call);
    }
    let body = match kind {
        TemplateKind::Legacy => Value::Object(
            found
                .into_iter()
                .map(|(name, t)| (name.clone(), shown_legacy(t, view, typed)))
                .collect(),
        ),
        TemplateKind::Index => {
            let listed = found.into_iter().map(|(name, template)| {
                json!({"name": name, "index_template": shown_composable(template, view)})
            });
            json!({"index_templates": listed.collect::<Vec<_>>()})
        }
        TemplateKind::Component => {
            let listed = found.into_iter().map(|(name, template)| {
                json!({"name": name, "component_template": shown_composable(template, view)})
            });
            json!({"component_templates": listed.collect::<Vec<_>>()})
        }
    };
    Ok(Answer::value(&body))
}

/// The answer where a named template is not there. Legacy ones are simply not shown.
fn missing(kind: TemplateKind, name: &str, call: &Call<'_>) -> Result<Answer, Error> {
    let what = match kind {
        TemplateKind::Legacy => return Ok(Answer::json(StatusCode::NOT_FOUND, "{}")),
        TemplateKind::Index => "index template",
        TemplateKind::Component => "component template",
    };
    if call.request.method == Method::HEAD {
        return Ok(Answer::json(StatusCode::NOT_FOUND, "{}"));
    }
    let reason = format!("{what} matching [{name}] not found");
    Err(Error::Missing { kind: "resource_not_found_exception", reason })
}

pub(crate) fn shown_legacy(template: &Template, view: SettingsView, typed: bool) -> Value {
    let body = template.body.clone().unwrap_or_default();
    let mut shown = json!({
        "order": template.order.unwrap_or(0), "index_patterns": template.index_patterns,
    });
    if let (Some(version), Value::Object(shown)) = (template.version, &mut shown) {
        shown.insert("version".to_owned(), json!(version));
    }
    let mappings = body.mappings.unwrap_or_else(|| json!({}));
    let is_empty = mappings.as_object().is_none_or(Map::is_empty);
    let nested = if typed && !is_empty {
        json!({(body.type_name.as_deref().unwrap_or(TYPELESS)): mappings})
    } else {
        mappings
    };
    if let Value::Object(shown) = &mut shown {
        shown.insert(
            "settings".to_owned(),
            shown_settings(&body.settings.unwrap_or_default(), view),
        );
        shown.insert("mappings".to_owned(), nested);
        shown.insert("aliases".to_owned(), shown_aliases(&body.aliases.unwrap_or_default()));
    }
    shown
}

fn shown_composable(template: &Template, view: SettingsView) -> Value {
    let mut shown = Map::new();
    if !template.index_patterns.is_empty() {
        shown.insert("index_patterns".to_owned(), json!(template.index_patterns));
    }
    if let Some(body) = &template.body {
        shown.insert("template".to_owned(), shown_body(body, view));
    }
    if !template.index_patterns.is_empty() || template.composed_of.is_some() {
        let composed_of = template.composed_of.clone().unwrap_or_default();
        shown.insert("composed_of".to_owned(), json!(composed_of));
    }
    if let Some(priority) = template.order {
        shown.insert("priority".to_owned(), json!(priority));
    }
    if let Some(version) = template.version {
        shown.insert("version".to_owned(), json!(version));
    }
    if let Some(meta) = &template.meta {
        shown.insert("_meta".to_owned(), meta.clone());
    }
    if let Some(rule) = template.data_stream {
        let (hidden, routing) = (rule.hidden, rule.allows_routing);
        let rule = json!({"hidden": hidden, "allow_custom_routing": routing});
        shown.insert("data_stream".to_owned(), rule);
    }
    shown.extend(template.others.clone());
    Value::Object(shown)
}

/// What a template gives, as far as it says.
fn shown_body(body: &TemplateBody, view: SettingsView) -> Value {
    let mut shown = Map::new();
    if let Some(settings) = &body.settings {
        shown.insert("settings".to_owned(), shown_settings(settings, view));
    }
    if let Some(mappings) = &body.mappings {
        shown.insert("mappings".to_owned(), mappings.clone());
    }
    if let Some(aliases) = &body.aliases {
        shown.insert("aliases".to_owned(), shown_aliases(aliases));
    }
    if let Some(lifecycle) = &body.lifecycle {
        shown.insert("lifecycle".to_owned(), shown_lifecycle(lifecycle, false));
    }
    Value::Object(shown)
}

fn shown_settings(settings: &Settings, view: SettingsView) -> Value {
    lay_out(settings.iter().map(|(name, value)| (name.to_owned(), value.clone())), view)
}

async fn delete(kind: TemplateKind, node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_timeouts(call)?;
    call.finish_parameters()?;
    let name = call.found.name.unwrap_or_default().to_owned();
    let dialect = mapping::rules(call.dialect);
    let deleted = node.delete_templates(TemplateKey { kind, name }, dialect).await;
    deleted.map_err(|error| call.node_error(error))?;
    Ok(Answer::acknowledged())
}
