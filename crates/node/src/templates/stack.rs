//! The templates that version 8 brings along: `logs-*-*`, `metrics-*-*` and `synthetics-*-*` are data
//! streams unless somebody says otherwise.
//!
//! They are not kept in the catalogue: whoever puts one of that name puts it in the place of ours, and
//! removing that brings ours back. Names, patterns and priorities are those of Elasticsearch; what they
//! say of fields is less.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Template, TemplateBody, TemplateKey, TemplateKind, Templates};
use crate::{DataStreamRule, Settings};

/// The kinds of data that have one, with what they are.
const KINDS: [(&str, &str); 3] =
    [("logs", "logs"), ("metrics", "metrics"), ("synthetics", "results of synthetic checks")];

/// The number of their edition.
const VERSION: i64 = 1;

/// As Elasticsearch ranks them: below whatever says of itself that it counts more.
const PRIORITY: i64 = 100;

/// The component that templates of data streams share, other people's too.
const FIELDS: &str = "ecs@mappings";

/// The setting that does without them.
pub(crate) const SWITCH: &str = "stack.templates.enabled";

/// The templates with those that version 8 brings along, where nothing else is called so. Without being
/// offered they count less than all others: only for what has no other.
pub(crate) fn with_stack(own: &Templates, are_offered: bool) -> Templates {
    let mut all = Templates::default();
    let fields = TemplateKey { kind: TemplateKind::Component, name: FIELDS.to_owned() };
    all.put(&fields, common_fields());
    for (kind, what) in KINDS {
        let mut put = |kind, name: String, template| all.put(&TemplateKey { kind, name }, template);
        put(TemplateKind::Component, format!("{kind}@mappings"), mappings(kind, what));
        put(TemplateKind::Component, format!("{kind}@settings"), settings(what));
        let order = Some(if are_offered { PRIORITY } else { i64::MIN });
        let template = Template { order, ..index_template(kind, what) };
        put(TemplateKind::Index, kind.to_owned(), template);
    }
    for kind in TemplateKind::ALL {
        for (name, template) in own.of(kind) {
            all.put(&TemplateKey { kind, name: name.clone() }, template.clone());
        }
    }
    all
}

/// A component of that name that version 8 brings along.
pub(super) fn brought_component(name: &str) -> Option<&'static Template> {
    static ALL: LazyLock<Templates> = LazyLock::new(|| with_stack(&Templates::default(), true));
    ALL.of(TemplateKind::Component).get(name)
}

/// Whether one of these index templates is called so.
pub(super) fn is_index_template(name: &str) -> bool {
    KINDS.iter().any(|(kind, _)| name == *kind)
}

/// Whether one of these is called so.
pub(crate) fn is_of_stack(key: &TemplateKey) -> bool {
    let parts = |kind: &str| [format!("{kind}@mappings"), format!("{kind}@settings")];
    KINDS.iter().any(|(kind, _)| match key.kind {
        TemplateKind::Legacy => false,
        TemplateKind::Index => is_index_template(&key.name),
        TemplateKind::Component => key.name == FIELDS || parts(kind).contains(&key.name),
    })
}

fn meta(text: String) -> Option<Value> {
    Some(json!({ "description": text, "managed": true }))
}

fn component(meta: Option<Value>, body: TemplateBody) -> Template {
    Template { version: Some(VERSION), meta, body: Some(body), ..Template::default() }
}

/// Strings are terms, but for messages.
fn common_fields() -> Template {
    let mappings = json!({
        "dynamic_templates": [
            { "messages": {
                "path_match": ["message", "*.message"], "match_mapping_type": "string",
                "mapping": { "type": "match_only_text" },
            } },
            { "strings": {
                "match_mapping_type": "string",
                "mapping": { "type": "keyword", "ignore_above": 1024 },
            } },
        ],
    });
    let body = TemplateBody { mappings: Some(mappings), ..TemplateBody::default() };
    component(meta("fields that are not named elsewhere".to_owned()), body)
}

/// When it was, and where it is from, which constants tell.
fn mappings(kind: &str, what: &str) -> Template {
    let mappings = json!({
        "date_detection": false,
        "properties": {
            "@timestamp": { "type": "date", "ignore_malformed": false },
            "data_stream": { "properties": {
                "type": { "type": "constant_keyword", "value": kind },
                "dataset": { "type": "constant_keyword" },
                "namespace": { "type": "constant_keyword" },
            } },
        },
    });
    let body = TemplateBody { mappings: Some(mappings), ..TemplateBody::default() };
    component(meta(format!("what is mapped of {what}")), body)
}

fn settings(what: &str) -> Template {
    // Documents may have fields that nobody needs, and values that do not fit.
    let settings = json!({ "index.mapping.ignore_malformed": "true" });
    let settings = Settings::from_json(&settings).ok();
    let body = TemplateBody { settings, ..TemplateBody::default() };
    component(meta(format!("settings of indices of {what}")), body)
}

fn index_template(kind: &str, what: &str) -> Template {
    let custom = format!("{kind}@custom");
    let mut parts = vec![format!("{kind}@mappings"), format!("{kind}@settings"), custom.clone()];
    parts.push(FIELDS.to_owned());
    let others = [
        ("allow_auto_create".to_owned(), json!(true)),
        ("ignore_missing_component_templates".to_owned(), json!([custom])),
    ];
    Template {
        index_patterns: vec![format!("{kind}-*-*")],
        order: Some(PRIORITY),
        version: Some(VERSION),
        meta: meta(format!("data streams of {what}")),
        composed_of: Some(parts),
        data_stream: Some(DataStreamRule::default()),
        others: others.into_iter().collect(),
        body: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_are_whole_and_known() {
        let all = with_stack(&Templates::default(), true);
        for (name, template) in all.of(TemplateKind::Index) {
            all.check(template).unwrap();
            let body = all.composed(template);
            let settings = body.settings.unwrap();
            let mappings = body.mappings.unwrap();
            let typed = (None, &mappings);
            crate::catalog::check_definition(&settings, typed, mapping::Dialect::Eight).unwrap();
            assert_eq!(mappings["properties"]["data_stream"]["properties"]["type"]["value"], *name);
        }
        for kind in TemplateKind::ALL {
            for name in all.of(kind).keys() {
                assert!(is_of_stack(&TemplateKey { kind, name: name.clone() }), "{name}");
            }
        }
        let other = TemplateKey { kind: TemplateKind::Component, name: "logs@custom".to_owned() };
        assert!(!is_of_stack(&other));
        let (name, ..) = all.stream_winner("logs-app-default").unwrap();
        assert_eq!(name, "logs");
        assert!(all.winner("logs-app").is_none());
    }

    #[test]
    fn what_is_put_goes_before() {
        let mut own = Templates::default();
        let key = TemplateKey { kind: TemplateKind::Index, name: "logs".to_owned() };
        let patterns = vec!["logs-mine-*".to_owned()];
        own.put(&key, Template { index_patterns: patterns, ..Template::default() });
        let custom =
            TemplateKey { kind: TemplateKind::Component, name: "metrics@custom".to_owned() };
        let settings = Settings::from_json(&json!({"number_of_shards": 3})).ok();
        let body = Some(TemplateBody { settings, ..TemplateBody::default() });
        own.put(&custom, Template { body, ..Template::default() });
        let all = with_stack(&own, true);
        assert!(all.winner("logs-app-default").is_none());
        assert!(all.winner("logs-mine-x").unwrap().1.data_stream.is_none());
        let body = all.resolve("metrics-cpu-default");
        assert_eq!(body.settings.unwrap().number_of_shards(), 3);
    }
}
