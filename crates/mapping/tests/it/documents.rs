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
