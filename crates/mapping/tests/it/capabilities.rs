//! What searches can do with fields of each type.

use mapping::{Dialect, Mapping, Settings};
use serde_json::{Value, json};

/// What a field of this definition is to searches: type, searchable, aggregatable.
fn seen(definition: &Value, dialect: Dialect) -> (&'static str, bool, bool) {
    let definition = json!({ "properties": { "f": definition } });
    let settings = Settings { dialect, ..Settings::default() };
    let mapping = Mapping::create("_doc", &definition, settings).unwrap();
    let found = mapping.capabilities(dialect, &|path| path == "f");
    assert_eq!(found.len(), 1, "{found:?}");
    (found[0].kind, found[0].is_searchable, found[0].is_aggregatable)
}

#[test]
fn each_type_can_do_what_it_can() {
    // The type, what both versions say or each of its own.
    let both = |can| (can, can);
    let types = [
        ("text", "text", both((true, false))),
        ("match_only_text", "text", both((true, false))),
        ("search_as_you_type", "search_as_you_type", both((true, false))),
        ("completion", "completion", both((true, false))),
        ("rank_feature", "rank_feature", both((true, false))),
        ("rank_features", "rank_features", both((false, false))),
        ("percolator", "percolator", both((false, false))),
        ("keyword", "keyword", both((true, true))),
        ("constant_keyword", "keyword", both((true, true))),
        ("wildcard", "keyword", both((true, true))),
        ("version", "version", both((true, true))),
        ("long", "long", both((true, true))),
        ("half_float", "half_float", both((true, true))),
        ("boolean", "boolean", both((true, true))),
        ("date_nanos", "date_nanos", both((true, true))),
        ("ip", "ip", both((true, true))),
        ("geo_point", "geo_point", both((true, true))),
        ("flattened", "flattened", both((true, true))),
        ("murmur3", "murmur3", both((false, true))),
        ("histogram", "histogram", both((false, true))),
        ("binary", "binary", both((false, false))),
        ("integer_range", "integer_range", ((true, false), (true, true))),
        ("geo_shape", "geo_shape", ((true, false), (true, true))),
    ];
    for (name, kind, (seven, eight)) in types {
        let of = |dialect| seen(&json!({ "type": name }), dialect);
        assert_eq!(of(Dialect::Seven), (kind, seven.0, seven.1), "{name} in 7");
        assert_eq!(of(Dialect::Eight), (kind, eight.0, eight.1), "{name} in 8");
    }
}

#[test]
fn parameters_take_abilities_away() {
    let long = json!({ "type": "long", "index": false });
    assert_eq!(seen(&long, Dialect::Seven), ("long", false, true));
    // Since 8.1 a column is searched where there is no index.
    assert_eq!(seen(&long, Dialect::Eight), ("long", true, true));
    let neither = json!({ "type": "long", "index": false, "doc_values": false });
    assert_eq!(seen(&neither, Dialect::Eight), ("long", false, false));
    let text = json!({ "type": "text", "index": false, "fielddata": false });
    assert_eq!(seen(&text, Dialect::Eight), ("text", false, false));
    let binary = json!({ "type": "binary", "doc_values": true });
    assert_eq!(seen(&binary, Dialect::Seven), ("binary", false, true));
}
