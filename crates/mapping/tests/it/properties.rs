//! What holds of every mapping and every document.

use mapping::{
    Dialect, Document, FieldRef, FieldSink, FieldValue, Fit, Mapping, MappingError, Settings,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Any JSON value of few levels, with names that meet each other often.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6).prop_map(|value: f64| json!(value)),
        "[a-z ]{0,6}".prop_map(Value::from),
        prop_oneof![Just("2020-01-01"), Just("2020/01/01"), Just("12"), Just("1.5"), Just("é\n\"")]
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any_name(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A field's name, also with dots.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-d]", "[a-d]\\.[a-d]", "[a-c]_id"]
}

/// A document.
fn any_document() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(any_name(), any_value(), 0..5)
        .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>()))
}

/// The definition of a field with values.
fn any_leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({ "type": "long" })),
        Just(json!({ "type": "long", "coerce": false, "null_value": 7 })),
        Just(json!({ "type": "double", "ignore_malformed": true })),
        Just(json!({ "type": "keyword", "ignore_above": 3, "copy_to": ["d"] })),
        Just(json!({ "type": "text", "norms": false, "fields": { "raw": { "type": "keyword" } } })),
        Just(json!({ "type": "date", "format": "yyyy/MM/dd||epoch_second" })),
        Just(json!({ "type": "scaled_float", "scaling_factor": 10 })),
        Just(json!({ "type": "geo_point", "null_value": "1,2" })),
        Just(json!({ "type": "completion" })),
        Just(json!({ "type": "flattened" })),
        Just(json!({ "type": "ip", "ignore_malformed": true })),
        Just(json!({ "type": "date_range" })),
    ]
}

/// A mapping's definition.
fn any_definition() -> impl Strategy<Value = Value> {
    let object = prop::collection::btree_map("[a-d]", any_leaf(), 0..3)
        .prop_map(|map| json!({ "dynamic": "strict", "properties": map }));
    let field = prop_oneof![3 => any_leaf().boxed(), 1 => object.boxed()];
    (prop::collection::btree_map("[a-d]", field, 0..4), prop::option::of(any::<bool>())).prop_map(
        |(properties, dynamic)| {
            let mut definition = json!({ "properties": properties });
            if let Some(dynamic) = dynamic {
                definition["dynamic"] = dynamic.into();
            }
            definition
        },
    )
}

/// Settings of a dialect.
fn settings(eight: bool) -> Settings {
    let dialect = if eight { Dialect::Eight } else { Dialect::Seven };
    Settings { dialect, ..Settings::default() }
}

/// Checks a document.
fn check(mapping: &Mapping, source: &str) -> Result<Fit, MappingError> {
    mapping.check(&Document { id: "1", routing: None, source: source.as_bytes() })
}

/// Counts values.
struct Count(usize);

impl FieldSink for Count {
    fn wants(&self, _: FieldRef<'_>) -> bool {
        true
    }

    fn value(&mut self, _: FieldRef<'_>, _: FieldValue<'_>) {
        self.0 += 1;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_document_fits_the_mapping_that_it_changed(
        definition in any_definition(),
        documents in prop::collection::vec(any_document(), 1..4),
        eight in any::<bool>(),
    ) {
        let Ok(mut mapping) = Mapping::create("_doc", &definition, settings(eight)) else {
            return Ok(());
        };
        for document in documents {
            let source = document.to_string();
            let Ok(Fit::NeedsUpdate(update)) = check(&mapping, &source) else { continue };
            let Ok(changed) = mapping.apply(&update) else { continue };
            let again = check(&changed, &source);
            prop_assert!(!matches!(again, Ok(Fit::NeedsUpdate(_))), "{source}");
            if again.is_ok() {
                changed.fields(source.as_bytes(), &mut Count(0));
                mapping = changed;
            }
        }
        let kept = Mapping::from_json(&mapping.to_json(), settings(eight)).unwrap();
        prop_assert_eq!(kept.render(), mapping.render());
    }

    #[test]
    fn what_is_rendered_is_read_again_as_the_same(definition in any_definition(), eight in any::<bool>()) {
        if let Ok(mapping) = Mapping::create("_doc", &definition, settings(eight)) {
            let rendered = mapping.render();
            let again = Mapping::create("_doc", &rendered, settings(eight)).unwrap();
            prop_assert_eq!(again.render(), rendered);
        }
    }

    #[test]
    fn merging_the_same_definition_changes_nothing(definition in any_definition(), eight in any::<bool>()) {
        if let Ok(mapping) = Mapping::create("_doc", &definition, settings(eight)) {
            let merged = mapping.update(None, &mapping.render()).unwrap();
            prop_assert_eq!(merged.render(), mapping.render());
            let merged = mapping.update(None, &json!({})).unwrap();
            prop_assert_eq!(merged.render(), mapping.render());
        }
    }

    #[test]
    fn no_bytes_make_a_check_panic(source in prop::collection::vec(any::<u8>(), 0..64), definition in any_definition()) {
        let Ok(mapping) = Mapping::create("_doc", &definition, Settings::default()) else {
            return Ok(());
        };
        let document = Document { id: "1", routing: None, source: &source };
        let _ = mapping.check(&document);
        mapping.fields(&source, &mut Count(0));
    }

    #[test]
    fn any_cut_of_a_document_is_refused(document in any_document(), cut in 0_usize..200) {
        let mapping = Mapping::empty(Settings::default());
        let source = document.to_string();
        let cut = cut.min(source.len() - 1);
        let document = Document { id: "1", routing: None, source: &source.as_bytes()[..cut] };
        prop_assert!(mapping.check(&document).is_err());
    }
}

#[test]
fn objects_may_be_nested_as_deep_as_json_and_names_as_they_are() {
    let unlimited =
        Settings { depth_limit: u64::MAX, total_fields_limit: u64::MAX, ..Settings::default() };
    let mapping = Mapping::empty(unlimited);
    let deep = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    assert!(check(&mapping, &deep(1_001)).is_err());
    let Ok(Fit::NeedsUpdate(update)) = check(&mapping, &deep(900)) else {
        panic!("nine hundred levels fit");
    };
    let mapping = mapping.apply(&update).unwrap();
    assert!(matches!(check(&mapping, &deep(900)), Ok(Fit::Fits(_))));
    assert!(
        check(&Mapping::empty(Settings::default()), &format!("{{\"{}a\":1}}", "a.".repeat(10_000)))
            .is_err()
    );
}

#[test]
fn a_name_twice_in_one_object_is_refused_anywhere() {
    let definition =
        json!({ "dynamic": false, "properties": { "o": { "type": "object", "enabled": false } } });
    let mapping = Mapping::create("_doc", &definition, Settings::default()).unwrap();
    for source in
        [r#"{"d":1,"d":2}"#, r#"{"o":{"x":[{"y":1,"y":2}]}}"#, r#"{"n":{"\u0061":1,"a":2}}"#]
    {
        let error = check(&mapping, source).unwrap_err();
        assert!(error.caused_by().unwrap().reason().starts_with("Duplicate field"), "{source}");
    }
    assert!(check(&mapping, r#"{"a.b":1,"a":{"b":2}}"#).is_ok());
    let many: String = (0..300).map(|number| format!("\"n{number}\":1,")).collect();
    assert!(check(&mapping, &format!("{{{many}\"last\":1}}")).is_ok());
    assert!(check(&mapping, &format!("{{{many}\"n17\":1}}")).is_err());
}

#[test]
fn version_8_says_where_and_shows_the_value() {
    let definition = json!({ "properties": { "n": { "type": "long" } } });
    let mapping = Mapping::create("_doc", &definition, settings(true)).unwrap();
    let error = check(&mapping, r#"{"n":"x"}"#).unwrap_err();
    assert_eq!(error.type_name(), "document_parsing_exception");
    assert_eq!(
        error.reason(),
        "[1:6] failed to parse field [n] of type [long] in document with id '1'. Preview of field's \
         value: 'x'"
    );
    let error =
        mapping.update(None, &json!({ "properties": { "n": { "type": "long", "index": false } } }));
    assert_eq!(
        error.unwrap_err().reason(),
        "Mapper for [n] conflicts with existing mapper:\n\tCannot update parameter [index] from [true] to \
         [false]"
    );
}
