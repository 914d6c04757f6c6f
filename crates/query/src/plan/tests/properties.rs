//! What holds for all queries and orders.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{DOCUMENTS, run};
use crate::order::Key;

/// The ids of the hits of a query.
fn ids(query: &Value) -> Vec<String> {
    let hits = run(&json!({ "query": query, "sort": ["_doc"] }).to_string()).unwrap();
    hits.into_iter().map(|(id, ..)| id).collect()
}

/// Queries that some documents match.
fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({ "match_all": {} })),
        Just(json!({ "match_none": {} })),
        prop::sample::select(vec!["a", "b", "c", ""]).prop_map(|k| json!({ "term": { "k": k } })),
        (-1_i64..5).prop_map(|n| json!({ "range": { "n": { "gte": n } } })),
        (-1_i64..5).prop_map(|n| json!({ "range": { "n": { "lt": n } } })),
        prop::sample::select(vec!["k", "n", "x", "o"])
            .prop_map(|f| json!({ "exists": { "field": f } })),
        prop::sample::select(vec!["1", "4", "9"])
            .prop_map(|id| json!({ "ids": { "values": [id] } })),
    ]
}

/// Queries made of those.
fn query() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 16, 3, |inner| {
        let some = prop::collection::vec(inner, 0..3);
        (some.clone(), some.clone(), some.clone(), some).prop_map(|(must, filter, should, not)| {
            json!({ "bool": { "must": must, "filter": filter, "should": should, "must_not": not } })
        })
    })
}

/// Orders.
fn order() -> impl Strategy<Value = Vec<Value>> {
    let field = prop::sample::select(vec!["k", "n", "x", "f", "on", "d", "ip", "_id", "_doc"]);
    let direction = prop::sample::select(vec!["asc", "desc"]);
    let missing = prop::sample::select(vec!["_last", "_first"]);
    let criterion = (field, direction, missing).prop_map(|(field, order, missing)| {
        if field.starts_with('_') {
            json!({ field: order })
        } else {
            json!({ field: { "order": order, "missing": missing } })
        }
    });
    prop::collection::vec(criterion, 1..3)
}

/// A key as a request gives it back.
fn given_back(key: &Key) -> Value {
    match key {
        Key::Whole(number) => json!(number),
        Key::Unsigned(number) => json!(number),
        Key::Double(number) if number.is_infinite() => infinity(*number),
        Key::Double(number) => json!(number),
        Key::Single(number) if number.is_infinite() => infinity(f64::from(*number)),
        Key::Single(number) => json!(number),
        Key::Term(_) | Key::Ip(_) => json!(key.text()),
    }
}

/// An infinity as a request writes it.
fn infinity(number: f64) -> Value {
    json!(if number > 0.0 { "Infinity" } else { "-Infinity" })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn queries_obey_the_algebra_of_sets(left in query(), right in query()) {
        let (one, two) = (ids(&left), ids(&right));
        let both = ids(&json!({ "bool": { "filter": [left, right] } }));
        let either = ids(&json!({ "bool": { "should": [left, right] } }));
        let without = ids(&json!({ "bool": { "filter": [left], "must_not": [right] } }));
        let neither = ids(&json!({ "bool": { "must_not": [left, right] } }));
        let of_all = |keep: &dyn Fn(&String) -> bool| -> Vec<String> {
            (1..=DOCUMENTS.len()).map(|id| id.to_string()).filter(|id| keep(id)).collect()
        };
        prop_assert_eq!(both, of_all(&|id| one.contains(id) && two.contains(id)));
        prop_assert_eq!(either, of_all(&|id| one.contains(id) || two.contains(id)));
        prop_assert_eq!(without, of_all(&|id| one.contains(id) && !two.contains(id)));
        prop_assert_eq!(neither, of_all(&|id| !one.contains(id) && !two.contains(id)));
    }

    #[test]
    fn must_and_filter_match_the_same(query in query()) {
        let must = ids(&json!({ "bool": { "must": query } }));
        prop_assert_eq!(&must, &ids(&json!({ "bool": { "filter": query } })));
        prop_assert_eq!(&must, &ids(&json!({ "constant_score": { "filter": query } })));
        prop_assert_eq!(&must, &ids(&query));
    }

    #[test]
    fn pages_hold_every_hit_once_and_in_order(sort in order(), query in query(), size in 1..4) {
        let mut sort = sort;
        sort.push(json!("_id"));
        let whole = run(&json!({ "query": query, "sort": sort }).to_string()).unwrap();
        let mut paged: Vec<String> = Vec::new();
        let mut body = json!({ "query": query, "sort": sort, "size": size });
        loop {
            let page = run(&body.to_string()).unwrap();
            let Some((_, keys, _)) = page.last() else { break };
            body["search_after"] = keys.iter().map(given_back).collect();
            paged.extend(page.into_iter().map(|(id, ..)| id));
            prop_assert!(paged.len() <= whole.len());
        }
        let whole: Vec<String> = whole.into_iter().map(|(id, ..)| id).collect();
        prop_assert_eq!(paged, whole);
    }

    #[test]
    fn the_first_hits_are_the_beginning_of_all(sort in order(), size in 0_usize..9) {
        let whole = run(&json!({ "sort": sort }).to_string()).unwrap();
        let first = run(&json!({ "sort": sort, "size": size }).to_string()).unwrap();
        let ids = |hits: Vec<(String, Vec<Key>, f32)>| -> Vec<String> {
            hits.into_iter().map(|(id, ..)| id).collect()
        };
        let mut expected = ids(whole);
        expected.truncate(size);
        prop_assert_eq!(ids(first), expected);
    }

    #[test]
    fn keys_are_totally_ordered(keys in prop::collection::vec(key(), 3)) {
        let [a, b, c] = [&keys[0], &keys[1], &keys[2]];
        prop_assert_eq!(a.natural(b), b.natural(a).reverse());
        prop_assert!(a.natural(a).is_eq());
        if a.natural(b).is_le() && b.natural(c).is_le() {
            prop_assert!(a.natural(c).is_le());
        }
        if a.natural(b).is_eq() && b.natural(c).is_eq() {
            prop_assert!(a.natural(c).is_eq());
        }
    }

    #[test]
    fn no_body_makes_the_reader_panic(text in "[\\[\\]{}:,\"a-z0-9 ._*-]{0,60}") {
        let _ = run(&text);
        let _ = run(&format!(r#"{{"query":{{"range":{{"d":{{"gte":"{}"}}}}}}}}"#, text.replace(['"', '\\'], "")));
    }
}

/// Any key. Numbers of one field have one form, but those of two indices may not.
fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        (-3_i64..3).prop_map(Key::Whole),
        ((1_i64 << 53)..(1 << 53) + 3).prop_map(Key::Whole),
        prop::sample::select(vec![
            0.0,
            -0.0,
            9_007_199_254_740_992.0,
            9_007_199_254_740_994.0,
            f64::NAN
        ])
        .prop_map(Key::Double),
        (0_u64..3).prop_map(Key::Unsigned),
        (-3_i32..3).prop_map(|n| Key::Double(f64::from(n) / 2.0)),
        (-3_i16..3).prop_map(|n| Key::Single(f32::from(n) / 2.0)),
        prop::option::of("[ab]").prop_map(|t| Key::Term(t.map(Into::into))),
        prop::option::of(0_u128..3).prop_map(Key::Ip),
    ]
}
