//! What templates come to, without an index.

use node::{Node, Template, TemplateBody, TemplateKind, Templates, matches_glob};
use serde_json::{Map, Value, json};

use super::{read_composable, shown_body};
use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::index::settings::SettingsView;
use crate::rest::index::take_timeouts;
use crate::rest::mapping::rules;
use crate::rest::response::Answer;

/// What a template comes to: a stored one, or one in the body.
pub(super) fn template(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_parameters(call)?;
    let templates = node.templates(rules(call.dialect));
    let (name, template) = if call.request.body.is_empty() {
        let name = call.found.name.unwrap_or_default();
        let stored = templates.of(TemplateKind::Index).get(name);
        let stored = stored.ok_or_else(|| {
            Error::illegal_argument(format!(
                "unable to simulate template [{name}] that does not exist"
            ))
        })?;
        (Some(name), stored.clone())
    } else {
        let given = read_composable(TemplateKind::Index, call.json_body()?, call)?;
        (call.found.name, given)
    };
    let overlapping = overlapping(&templates, name, |patterns| {
        patterns.iter().any(|one| template.index_patterns.iter().any(|own| overlap(one, own)))
    });
    templates.check(&template).map_err(|error| call.node_error(error.into()))?;
    let body = templates.composed(&template);
    Ok(shown(&body, overlapping))
}

/// What an index of a name would get, also with a template in the body that is not stored.
pub(super) fn index(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    take_parameters(call)?;
    let index = call.found.name.unwrap_or_default();
    let templates = node.templates(rules(call.dialect));
    let given: Option<Template> = if call.request.body.is_empty() {
        None
    } else {
        Some(read_composable(TemplateKind::Index, call.json_body()?, call)?)
    };
    let winner = templates.winner(index);
    let given = given.filter(|given| {
        let matches = given.index_patterns.iter().any(|pattern| matches_glob(pattern, index));
        let rank = |template: &Template| template.order.unwrap_or(0);
        matches && winner.is_none_or(|(_, stored)| rank(given) >= rank(stored))
    });
    let counted = given.as_ref().or(winner.map(|(_, template)| template));
    let body =
        counted.map_or_else(|| templates.resolve(index), |template| templates.composed(template));
    let own = if given.is_some() { None } else { winner.map(|(name, _)| name.as_str()) };
    let overlapping = overlapping(&templates, own, |patterns| {
        counted.is_some() && patterns.iter().any(|pattern| matches_glob(pattern, index))
    });
    Ok(shown(&body, overlapping))
}

fn take_parameters(call: &mut Call<'_>) -> Result<(), Error> {
    for accepted in ["create", "cause", "include_defaults"] {
        call.parameters.take(accepted);
    }
    take_timeouts(call)?;
    call.finish_parameters()
}

/// The other templates that would count if this one did not.
fn overlapping(
    templates: &Templates,
    own: Option<&str>,
    meets: impl Fn(&[String]) -> bool,
) -> Vec<Value> {
    let of_kind = |kind| {
        templates
            .of(kind)
            .iter()
            .map(|(name, template)| (name.clone(), template.index_patterns.clone()))
            .collect::<Vec<_>>()
    };
    let legacy = of_kind(TemplateKind::Legacy).into_iter();
    let composable = of_kind(TemplateKind::Index).into_iter();
    let others = composable.filter(|(name, _)| Some(name.as_str()) != own).chain(legacy);
    others
        .filter(|(_, patterns)| meets(patterns))
        .map(|(name, patterns)| json!({"name": name, "index_patterns": patterns}))
        .collect()
}

fn overlap(one: &str, other: &str) -> bool {
    let head = |glob: &str| glob.split('*').next().unwrap_or_default().to_owned();
    let (one, other) = (head(one), head(other));
    one.starts_with(&other) || other.starts_with(&one)
}

fn shown(body: &TemplateBody, overlapping: Vec<Value>) -> Answer {
    let empty = || Value::Object(Map::new());
    let mut parts = shown_body(body, SettingsView::default());
    if let Value::Object(parts) = &mut parts {
        for name in ["settings", "mappings", "aliases"] {
            parts.entry(name).or_insert_with(empty);
        }
    }
    Answer::value(&json!({"template": parts, "overlapping": overlapping}))
}
