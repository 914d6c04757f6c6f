//! Documents against mappings: what the recordings do not show.

use mapping::{
    Dialect, Document, FieldRef, FieldSink, FieldValue, Fit, Mapping, MappingError, Settings,
};
use serde_json::{Value, json};

/// A mapping of some properties.
fn mapping(properties: Value, dialect: Dialect) -> Mapping {
    let settings = Settings { dialect, ..Settings::default() };
    Mapping::create("_doc", &json!({ "properties": properties }), settings).unwrap()
}

/// Checks a document.
fn check(mapping: &Mapping, source: &Value) -> Result<Fit, MappingError> {
    let source = source.to_string();
    mapping.check(&Document { id: "1", routing: None, source: source.as_bytes() })
}

/// Writes values down, with the paths of their fields.
#[derive(Default)]
struct Notes(Vec<String>);

impl FieldSink for Notes {
    fn wants(&self, _: FieldRef<'_>) -> bool {
        true
    }

    fn value(&mut self, field: FieldRef<'_>, value: FieldValue<'_>) {
        self.0.push(format!("{} {value:?}", field.path()));
    }

    fn ignored(&mut self, field: FieldRef<'_>) {
        self.0.push(format!("{} ignored", field.path()));
    }
}

#[test]
fn a_sink_is_told_the_values_of_all_fields_in_their_order() {
    let mapping = mapping(
        json!({
            "t": { "type": "text", "fields": { "k": { "type": "keyword", "ignore_above": 3 } } },
            "n": { "type": "nested", "properties": { "x": { "type": "byte" } } },
            "d": { "type": "date", "null_value": "1970-01-02" },
            "i": { "type": "ip", "ignore_malformed": true },
            "c": { "type": "keyword", "copy_to": "all" },
            "all": { "type": "keyword" },
            "f": { "type": "half_float" }
        }),
        Dialect::Seven,
    );
    let source = json!({
        "t": ["abc", "abcd"], "n": [{ "x": "1" }, { "x": [2, 3.9] }], "d": null, "i": "x",
        "c": 5, "f": 0.1, "unmapped": { "t": 1 }
    });
    let mut notes = Notes::default();
    mapping.fields(source.to_string().as_bytes(), &mut notes);
    assert_eq!(
        notes.0,
        [
            "t Text(\"abc\")",
            "t.k Keyword(\"abc\")",
            "t Text(\"abcd\")",
            "n.x Long(1)",
            "n.x Long(2)",
            "n.x Long(3)",
            "d Date(86400000)",
            "i ignored",
            "c Keyword(\"5\")",
            "all Keyword(\"5\")",
            "f Double(0.0999755859375)",
        ]
    );
}

#[test]
fn values_left_out_are_named() {
    let properties = json!({ "n": { "type": "long", "ignore_malformed": true } });
    let mapping = mapping(properties, Dialect::Seven);
    let Ok(Fit::Fits(accepted)) = check(&mapping, &json!({ "n": ["x", 1, "y"] })) else {
        panic!("malformed values are left out");
    };
    assert_eq!(accepted.ignored, ["n".into()]);
    assert!(check(&mapping, &json!({ "n": { "a": 1 } })).is_err());
}

#[test]
fn version_8_reads_dates_as_they_are_written() {
    let date = |dialect| mapping(json!({ "d": { "type": "date" } }), dialect);
    let millis = |dialect, text: Value| {
        let mut notes = Notes::default();
        date(dialect).fields(json!({ "d": text }).to_string().as_bytes(), &mut notes);
        notes.0.concat()
    };
    for text in [json!("2020"), json!(2020), json!("2020-01"), json!("2020-01-01")] {
        assert_eq!(millis(Dialect::Eight, text), "d Date(1577836800000)");
    }
    assert_eq!(millis(Dialect::Seven, json!("2020")), "d Date(2020)");
    assert_eq!(millis(Dialect::Eight, json!("2020-02-30")), "");
    assert_eq!(millis(Dialect::Seven, json!("2020-02-30")), "d Date(1582934400000)");
    assert_eq!(millis(Dialect::Eight, json!(-5)), "d Date(-5)");
}

#[test]
fn the_first_value_of_a_constant_is_its_value() {
    let empty = mapping(json!({ "c": { "type": "constant_keyword" } }), Dialect::Eight);
    let Ok(Fit::NeedsUpdate(update)) = check(&empty, &json!({ "c": "foo" })) else {
        panic!("the value is an update");
    };
    let fixed = empty.apply(&update).unwrap();
    assert_eq!(fixed.render()["properties"]["c"]["value"], "foo");
    assert!(matches!(check(&fixed, &json!({ "c": ["foo", null] })), Ok(Fit::Fits(_))));
    assert!(check(&fixed, &json!({ "c": "bar" })).is_err());
}

#[test]
fn whole_numbers_and_fractions_in_a_new_array_are_fractions_in_either_order() {
    for dialect in [Dialect::Seven, Dialect::Eight] {
        for array in [json!([1, 1.5]), json!([1.5, 1])] {
            let empty = mapping(json!({}), dialect);
            let Ok(Fit::NeedsUpdate(update)) = check(&empty, &json!({ "n": array })) else {
                panic!("a new field");
            };
            let rendered = empty.apply(&update).unwrap().render();
            assert_eq!(rendered, json!({ "properties": { "n": { "type": "float" } } }));
        }
    }
}

#[test]
fn an_alias_is_found_as_the_field_it_names() {
    let mapping = mapping(
        json!({ "o": { "properties": { "x": { "type": "long" } } }, "a": { "type": "alias", "path": "o.x" } }),
        Dialect::Seven,
    );
    let (field, alias) = (mapping.field("o.x").unwrap(), mapping.field("a").unwrap());
    assert!(field.is(&alias));
    assert!(mapping.field("o").is_none());
}

#[test]
fn documents_of_data_streams_have_one_timestamp() {
    let definition = json!({
        "_data_stream_timestamp": { "enabled": true },
        "properties": {
            "@timestamp": { "type": "date" },
            "o": { "properties": { "@timestamp": { "type": "date" } } }
        }
    });
    for (dialect, kind, reason) in [
        (Dialect::Seven, "mapper_parsing_exception", "failed to parse"),
        (
            Dialect::Eight,
            "document_parsing_exception",
            "[1:8] failed to parse: data stream timestamp field [@timestamp] is missing",
        ),
    ] {
        let settings = Settings { dialect, ..Settings::default() };
        let mapping = Mapping::create("_doc", &definition, settings).unwrap();
        let rendered = mapping.render();
        assert_eq!(rendered["_data_stream_timestamp"], json!({ "enabled": true }));
        for one in [json!({"@timestamp": 1}), json!({"a": 1, "@timestamp": [[null, "2026-01-01"]]})]
        {
            check(&mapping, &one).unwrap();
        }
        let error = check(&mapping, &json!({"a":1})).unwrap_err();
        assert_eq!((error.type_name(), error.reason()), (kind, reason));
        for none in [json!({}), json!({"@timestamp": null}), json!({"o": {"@timestamp": 1}})] {
            let cause = check(&mapping, &none).unwrap_err().caused_by().unwrap().to_string();
            assert!(cause.ends_with("data stream timestamp field [@timestamp] is missing"));
        }
        let several = check(&mapping, &json!({"@timestamp": [1, 2]})).unwrap_err();
        let cause = several.caused_by().unwrap().to_string();
        assert!(cause.ends_with("[@timestamp] encountered multiple values"), "{cause}");
        let off = json!({ "_data_stream_timestamp": { "enabled": false } });
        mapping.update(None, &off).unwrap_err();
        let on = mapping.update(None, &json!({ "properties": {} })).unwrap();
        check(&on, &json!({})).unwrap_err();
    }
}

#[test]
fn mappings_of_data_streams_have_a_time_that_none_can_lack() {
    let create = |field: Value, settings: Settings| {
        let properties = json!({ "@timestamp": field });
        let definition =
            json!({ "_data_stream_timestamp": { "enabled": true }, "properties": properties });
        Mapping::create("_doc", &definition, settings)
    };
    for (field, why) in [
        (json!({ "type": "keyword" }), "is of type [keyword], but [date,date_nanos] is expected"),
        (json!({ "type": "object" }), "is of type [object], but [date,date_nanos] is expected"),
        (json!({ "type": "date", "doc_values": false }), "doesn't have doc values"),
        (
            json!({ "type": "date", "null_value": 0 }),
            "has disallowed attribute [null_value] specified",
        ),
        (
            json!({ "type": "date_nanos", "ignore_malformed": true }),
            "has disallowed attribute [ignore_malformed] specified",
        ),
    ] {
        let error = create(field, Settings::default()).unwrap_err();
        let expected = format!("data stream timestamp field [@timestamp] {why}");
        assert_eq!(error.reason(), expected);
    }
    let without = json!({ "_data_stream_timestamp": { "enabled": true } });
    let error = Mapping::create("_doc", &without, Settings::default()).unwrap_err();
    assert!(error.reason().ends_with("does not exist"), "{error}");
    let mapping = create(json!({ "type": "date" }), Settings::default()).unwrap();
    let lenient = json!({"properties": {"@timestamp": {"type": "date", "ignore_malformed": true}}});
    mapping.update(None, &lenient).unwrap_err();
    // Nor by what the index does with others.
    for ignores in [json!({"type": "date"}), json!({"type": "date", "ignore_malformed": false})] {
        let settings = Settings { ignore_malformed: true, ..Settings::default() };
        let mapping = create(ignores, settings).unwrap();
        check(&mapping, &json!({"@timestamp": "2026-11-22"})).unwrap();
        check(&mapping, &json!({"@timestamp": "zzz"})).unwrap_err();
    }
}

#[test]
fn values_left_out_are_told_of_a_stored_source() {
    for (dialect, long) in [(Dialect::Seven, false), (Dialect::Eight, true)] {
        let mapping = mapping(
            json!({
                "n": { "type": "long", "ignore_malformed": true },
                "o": { "properties": { "d": { "type": "date", "ignore_malformed": true } } },
                "t": { "type": "text", "fields": { "k": { "type": "keyword", "ignore_above": 3 } } },
                "s": { "type": "keyword" }
            }),
            dialect,
        );
        let ignored = |source: Value| {
            let ignored = mapping.ignored(source.to_string().as_bytes());
            ignored.iter().map(|path| path.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ignored(json!({"n": 1, "o": {"d": "2026-01-01"}, "t": "abc", "s": "xyz"})), "");
        let both = json!({"o": {"d": ["x", "y"]}, "n": [1, "z", 2], "t": "abc"});
        assert_eq!(ignored(both), "o.d n");
        assert_eq!(ignored(json!({"t": "abcd"})), if long { "t.k" } else { "" });
    }
    let plain = mapping(json!({ "n": { "type": "long" } }), Dialect::Seven);
    assert!(plain.ignored(br#"{"n":"x"}"#).is_empty());
}
