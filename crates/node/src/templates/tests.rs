use serde_json::json;

use super::*;
use crate::Alias;

fn template(patterns: &[&str], order: i64, settings: Value, mappings: Value) -> Template {
    Template {
        index_patterns: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
        order: Some(order),
        body: Some(TemplateBody {
            settings: Some(Settings::from_json(&settings).unwrap()),
            mappings: Some(mappings),
            ..TemplateBody::default()
        }),
        ..Template::default()
    }
}

fn key(kind: TemplateKind, name: &str) -> TemplateKey {
    TemplateKey { kind, name: name.to_owned() }
}

fn long(field: &str) -> Value {
    json!({"properties": {field: {"type": "long"}}})
}

#[test]
fn legacy_templates_merge_by_their_order() {
    let mut templates = Templates::default();
    let late = template(&["logs-*"], 2, json!({"priority": 2}), long("b"));
    let early = template(&["*"], 1, json!({"priority": 1, "default_pipeline": "x"}), long("a"));
    templates.put(&key(TemplateKind::Legacy, "a"), late);
    templates.put(&key(TemplateKind::Legacy, "b"), early);
    let body = templates.resolve("logs-1");
    let settings = body.settings.unwrap();
    assert_eq!(settings.get("index.priority"), Some("2"));
    assert_eq!(settings.get("index.default_pipeline"), Some("x"));
    let fields = json!({"properties": {"a": {"type": "long"}, "b": {"type": "long"}}});
    assert_eq!(body.mappings, Some(fields));
    assert_eq!(templates.resolve("other").mappings, Some(long("a")));
}

#[test]
fn a_composable_template_hides_the_legacy_ones_and_begins_with_its_components() {
    let mut templates = Templates::default();
    templates.put(&key(TemplateKind::Legacy, "l"), template(&["*"], 9, json!({}), long("legacy")));
    templates.put(
        &key(TemplateKind::Component, "c"),
        template(&[], 0, json!({"priority": 1, "default_pipeline": "c"}), long("component")),
    );
    let mut low = template(&["a*"], 1, json!({"priority": 7}), long("low"));
    low.composed_of = Some(vec!["c".to_owned(), "missing".to_owned()]);
    templates.put(&key(TemplateKind::Index, "low"), low);
    templates.put(&key(TemplateKind::Index, "high"), template(&["ab*"], 2, json!({}), long("h")));
    let body = templates.resolve("a1");
    let settings = body.settings.unwrap();
    assert_eq!(settings.get("index.priority"), Some("7"));
    assert_eq!(settings.get("index.default_pipeline"), Some("c"));
    let fields = body.mappings.unwrap();
    assert!(fields.pointer("/properties/component").is_some());
    assert!(fields.pointer("/properties/legacy").is_none());
    assert_eq!(templates.resolve("ab").mappings, Some(long("h")));
}

#[test]
fn dynamic_templates_are_known_by_their_names() {
    let mut base = json!({"dynamic_templates": [{"a": 1}, {"b": 1}], "dynamic": true});
    merge_mappings(&mut base, &json!({"dynamic_templates": [{"b": 2}], "dynamic": "strict"}));
    let merged = json!({"dynamic_templates": [{"a": 1}, {"b": 2}], "dynamic": "strict"});
    assert_eq!(base, merged);
}

#[test]
fn records_are_told_from_those_of_indices() {
    let key = key(TemplateKind::Index, "a/b");
    assert_eq!(TemplateKey::from_record_id(&key.record_id()), Some(key));
    assert_eq!(TemplateKey::from_record_id("_node"), None);
}

#[test]
fn an_alias_of_a_later_template_wins() {
    let aliases = |routing: &str| {
        let alias = Alias { index_routing: Some(routing.to_owned()), ..Alias::default() };
        Some(Aliases::from([("a".to_owned(), alias)]))
    };
    let mut body = TemplateBody { aliases: aliases("1"), ..TemplateBody::default() };
    body.overlay(&TemplateBody { aliases: aliases("2"), ..TemplateBody::default() });
    assert_eq!(body.aliases, aliases("2"));
}
