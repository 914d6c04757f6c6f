//! Searches over a few documents, and what holds for all of them.

mod order;
mod properties;
mod texts;

use std::sync::LazyLock;

use mapping::{Dialect, Mapping, Settings};
use serde_json::json;

use crate::{
    field::Fields,
    order::{Key, TopHits},
    plan::{Context, Document, Plan},
    search::Search,
};

/// The mapping that the documents have.
fn mapping() -> Mapping {
    static MAPPING: LazyLock<Mapping> = LazyLock::new(made_mapping);
    MAPPING.clone()
}

/// Makes it.
fn made_mapping() -> Mapping {
    let definition = json!({ "properties": {
        "k": { "type": "keyword" },
        "low": { "type": "keyword", "normalizer": "lowercase" },
        "t": { "type": "text", "fields": { "raw": { "type": "keyword" } } },
        "n": { "type": "long" },
        "b": { "type": "byte" },
        "f": { "type": "float" },
        "x": { "type": "double" },
        "u": { "type": "unsigned_long" },
        "s": { "type": "scaled_float", "scaling_factor": 100 },
        "on": { "type": "boolean" },
        "d": { "type": "date" },
        "day": { "type": "date", "format": "dd/MM/yyyy" },
        "ns": { "type": "date_nanos" },
        "ip": { "type": "ip" },
        "r": { "type": "integer_range" },
        "o": { "properties": { "a": { "type": "keyword" }, "b": { "type": "long" } } },
        "nest": { "type": "nested", "properties": { "a": { "type": "keyword" } } },
        "flat": { "type": "flattened" },
        "quiet": { "type": "keyword", "index": false },
        "gone": { "type": "keyword", "index": false, "doc_values": false },
        "const": { "type": "constant_keyword", "value": "same" },
        "place": { "type": "geo_point" },
        "lax": { "type": "long", "ignore_malformed": true },
        "own": { "type": "keyword", "normalizer": "mine" },
        "alias": { "type": "alias", "path": "n" }
    } });
    let settings = Settings { normalizers: ["mine".to_owned()].into(), ..Settings::default() };
    Mapping::create("_doc", &definition, settings).unwrap()
}

/// The documents, of which the first has the id 1.
const DOCUMENTS: [&str; 7] = [
    r#"{"k":["a","b"],"low":"Abc","t":"The Fox","n":1,"f":0.1,"x":-1.5,"on":true,"d":"2020-01-01","ip":"10.0.0.1","r":{"gte":1,"lte":5},"o":{"a":"x","b":1},"s":0.13,"u":18446744073709551615,"quiet":"q","gone":"g"}"#,
    r#"{"k":"b","n":2,"f":0.2,"on":false,"d":"2020-01-15T12:30:00Z","ip":"10.0.0.2","r":{"gt":5,"lt":10},"nest":{"a":"y"},"day":"05/02/2020"}"#,
    r#"{"k":"c","n":3,"x":0.5,"on":"true","d":"2020-02-01","ip":"192.168.1.1","o":{"b":3},"ns":"2020-01-01T00:00:00.000000001Z"}"#,
    r#"{"k":[],"n":[4,40],"x":1e300,"ip":"2001:db8::1","d":1581303600000,"r":{"gte":10}}"#,
    r#"{"k":"","n":null,"low":["ABC","d"],"t":""}"#,
    r#"{"k":"a*b","n":-9223372036854775808,"b":-128,"place":"1,2","lax":[1,"x"]}"#,
    r#"{}"#,
];

/// Runs a search: the ids of its hits, their keys and their scores; or what is wrong.
fn run(body: &str) -> Result<Vec<(String, Vec<Key>, f32)>, String> {
    let search = Search::read(body, Dialect::Seven).map_err(|error| error.to_string())?;
    let mapping = mapping();
    let aliases = ["other".to_owned()];
    let now = 1_592_224_496_789;
    let context = Context {
        mapping: &mapping,
        index: "things",
        aliases: &aliases,
        default_field: None,
        filter: None,
        now,
    };
    let plan = Plan::new(&search, &context).map_err(|error| error.to_string())?;
    let limit = usize::try_from(search.size.unwrap_or(100)).unwrap();
    let mut top = TopHits::new(plan.ranking().clone(), limit);
    let mut fields = Fields::default();
    for (place, source) in DOCUMENTS.iter().enumerate() {
        let place = place as u64;
        let id = (place + 1).to_string();
        let routing = (place == 1).then_some("r");
        let document = Document { id: &id, routing, seq_no: place, place };
        plan.read(source.as_bytes(), &mut fields);
        let Some(score) = plan.score(&document, &fields) else { continue };
        let keys = plan.keys(&document, &fields, score);
        if plan.is_after(&keys) {
            top.add(keys, place, (id, score));
        }
    }
    Ok(top.finish().into_iter().map(|(keys, (id, score))| (id, keys, score)).collect())
}

/// The ids of the hits of a query, one after the other, or what is wrong with it.
fn ids(query: &str) -> String {
    match run(&format!(r#"{{"query":{query}}}"#)) {
        Ok(hits) => hits.iter().map(|(id, ..)| id.as_str()).collect(),
        Err(error) => error,
    }
}

/// Checks queries, each with the ids of its hits.
fn check(rows: &[(&str, &str)]) {
    for (query, expected) in rows {
        assert_eq!(ids(query), *expected, "{query}");
    }
}

#[test]
fn terms_of_every_type() {
    check(&[
        (r#"{"match_all":{}}"#, "1234567"),
        (r#"{"match_none":{}}"#, ""),
        (r#"{"ids":{"values":["1","3","99"]}}"#, "13"),
        (r#"{"term":{"k":"b"}}"#, "12"),
        (r#"{"term":{"k":{"value":""}}}"#, "5"),
        (r#"{"term":{"low":"aBC"}}"#, "15"),
        (r#"{"term":{"t.raw":"The Fox"}}"#, "1"),
        (r#"{"term":{"n":2}}"#, "2"),
        (r#"{"term":{"n":"2"}}"#, "2"),
        (r#"{"term":{"n":2.0}}"#, "2"),
        (r#"{"term":{"n":2.5}}"#, ""),
        (r#"{"term":{"n":40}}"#, "4"),
        (r#"{"term":{"alias":3}}"#, "3"),
        (r#"{"term":{"f":0.1}}"#, "1"),
        (r#"{"term":{"s":0.13}}"#, "1"),
        (r#"{"term":{"u":18446744073709551615}}"#, "1"),
        (r#"{"term":{"on":true}}"#, "13"),
        (r#"{"term":{"on":"false"}}"#, "2"),
        (r#"{"term":{"d":"2020-01-01"}}"#, "1"),
        (r#"{"term":{"d":"2020-01-15"}}"#, "2"),
        (r#"{"term":{"d":"2020-01-01||/M"}}"#, "12"),
        (r#"{"term":{"ip":"10.0.0.0/8"}}"#, "12"),
        (r#"{"term":{"ip":"2001:db8::1"}}"#, "4"),
        (r#"{"term":{"r":5}}"#, "1"),
        (r#"{"term":{"const":"same"}}"#, "1234567"),
        (r#"{"term":{"const":"other"}}"#, ""),
        (r#"{"term":{"nothing":1}}"#, ""),
        (r#"{"term":{"o":"x"}}"#, ""),
        (r#"{"term":{"o.a":"x"}}"#, "1"),
        (r#"{"term":{"nest.a":"y"}}"#, ""),
        (r#"{"term":{"_id":"4"}}"#, "4"),
        (r#"{"term":{"_index":"things"}}"#, "1234567"),
        (r#"{"term":{"_index":"other"}}"#, "1234567"),
        (r#"{"term":{"_index":"none"}}"#, ""),
        (r#"{"term":{"_routing":"r"}}"#, "2"),
        (r#"{"term":{"_seq_no":0}}"#, "1"),
        (r#"{"terms":{"k":["a","c"]}}"#, "13"),
        (r#"{"terms":{"n":[1,"2",3.5]}}"#, "12"),
        (r#"{"terms":{"k":[]}}"#, ""),
        (r#"{"terms":{"d":["2020-01-01","2020-02-01"]}}"#, "13"),
        (r#"{"type":{"value":"_doc"}}"#, "1234567"),
    ]);
}

#[test]
fn ranges_of_every_type() {
    check(&[
        (r#"{"range":{"n":{"gte":2,"lte":4}}}"#, "234"),
        (r#"{"range":{"n":{"gt":2,"lt":4}}}"#, "3"),
        (r#"{"range":{"n":{"gt":2.5}}}"#, "34"),
        (r#"{"range":{"n":{"lt":2.5}}}"#, "126"),
        (r#"{"range":{"n":{"gt":9223372036854775807}}}"#, ""),
        (r#"{"range":{"n":{"lt":-9223372036854775808}}}"#, ""),
        (r#"{"range":{"n":{"gte":5,"lte":1}}}"#, ""),
        (r#"{"range":{"n":{}}}"#, "12346"),
        (r#"{"range":{"n":{"gte":null}}}"#, "12346"),
        (r#"{"range":{"n":{"from":1,"to":3,"include_lower":false,"include_upper":false}}}"#, "2"),
        (r#"{"range":{"x":{"gte":-1.5,"lt":0.6}}}"#, "13"),
        (r#"{"range":{"u":{"gt":9223372036854775807}}}"#, "1"),
        (r#"{"range":{"k":{"gt":"a","lt":"c"}}}"#, "126"),
        (r#"{"range":{"on":{"gte":true}}}"#, "13"),
        (r#"{"range":{"ip":{"gte":"10.0.0.0","lt":"10.0.0.2"}}}"#, "1"),
        (r#"{"range":{"d":{"gte":"2020-01-15","lte":"2020-02-01"}}}"#, "23"),
        (r#"{"range":{"d":{"gt":"2020-01-15"}}}"#, "34"),
        (r#"{"range":{"d":{"lt":"2020-02-15||/M"}}}"#, "12"),
        (r#"{"range":{"d":{"lte":"2020-01"}}}"#, "12"),
        (r#"{"range":{"d":{"gte":"01/02/2020","format":"dd/MM/yyyy"}}}"#, "34"),
        (r#"{"range":{"d":{"gte":"2020-02-01","time_zone":"-01:00"}}}"#, "4"),
        (r#"{"range":{"d":{"lt":"now"}}}"#, "1234"),
        (r#"{"range":{"d":{"gte":1581303600000}}}"#, "4"),
        (r#"{"range":{"day":{"gte":"01/02/2020"}}}"#, "2"),
        (r#"{"range":{"ns":{"gt":"2020-01-01T00:00:00Z"}}}"#, ""),
        (r#"{"range":{"ns":{"gte":"2020-01-01T00:00:00.000Z"}}}"#, "3"),
        (r#"{"range":{"r":{"gte":4,"lte":6}}}"#, "12"),
        (r#"{"range":{"r":{"gte":4,"lte":6,"relation":"within"}}}"#, ""),
        (r#"{"range":{"r":{"gte":6,"lte":9,"relation":"within"}}}"#, "2"),
        (r#"{"range":{"r":{"gte":2,"lte":3,"relation":"contains"}}}"#, "1"),
        (r#"{"range":{"r":{"gte":11,"relation":"contains"}}}"#, "4"),
        (r#"{"range":{"_seq_no":{"gte":5}}}"#, "67"),
        (r#"{"range":{"nothing":{"gte":5}}}"#, ""),
    ]);
}

#[test]
fn existence_prefixes_and_patterns() {
    check(&[
        (r#"{"exists":{"field":"k"}}"#, "12356"),
        (r#"{"exists":{"field":"n"}}"#, "12346"),
        (r#"{"exists":{"field":"t"}}"#, "15"),
        (r#"{"exists":{"field":"o"}}"#, "13"),
        (r#"{"exists":{"field":"o.a"}}"#, "1"),
        (r#"{"exists":{"field":"o*"}}"#, "123"),
        (r#"{"exists":{"field":"nest"}}"#, ""),
        (r#"{"exists":{"field":"quiet"}}"#, "1"),
        (r#"{"exists":{"field":"gone"}}"#, ""),
        (r#"{"exists":{"field":"place"}}"#, "6"),
        (r#"{"exists":{"field":"const"}}"#, "1234567"),
        (r#"{"exists":{"field":"_routing"}}"#, "2"),
        (r#"{"exists":{"field":"_id"}}"#, "1234567"),
        (r#"{"exists":{"field":"_ignored"}}"#, "6"),
        (r#"{"term":{"_ignored":"lax"}}"#, "6"),
        (r#"{"terms":{"_ignored":["n","b"]}}"#, ""),
        (r#"{"prefix":{"_ignored":"l"}}"#, "6"),
        (r#"{"wildcard":{"_ignored":"*x"}}"#, "6"),
        (r#"{"bool":{"must_not":{"exists":{"field":"_ignored"}}}}"#, "123457"),
        (r#"{"exists":{"field":"nothing"}}"#, ""),
        (r#"{"prefix":{"k":"a"}}"#, "16"),
        (r#"{"prefix":{"k":{"value":"A","case_insensitive":true}}}"#, "16"),
        (r#"{"prefix":{"k":""}}"#, "12356"),
        (r#"{"wildcard":{"k":"a*"}}"#, "16"),
        (r#"{"wildcard":{"k":"a\\*b"}}"#, "6"),
        (r#"{"wildcard":{"k":{"wildcard":"?"}}}"#, "123"),
        (r#"{"wildcard":{"_index":"thin*"}}"#, "1234567"),
        (r#"{"prefix":{"nothing":"a"}}"#, ""),
    ]);
}

#[test]
fn compound_queries() {
    check(&[
        (r#"{"bool":{}}"#, "1234567"),
        (r#"{"bool":{"must":{"term":{"k":"b"}},"filter":[{"term":{"n":2}}]}}"#, "2"),
        (r#"{"bool":{"must_not":[{"exists":{"field":"n"}}]}}"#, "57"),
        (r#"{"bool":{"must_not":[{"exists":{"field":"n"}}],"adjust_pure_negative":false}}"#, ""),
        (r#"{"bool":{"should":[{"term":{"k":"a"}},{"term":{"n":3}}]}}"#, "13"),
        (r#"{"bool":{"filter":[{"term":{"k":"b"}}],"should":[{"term":{"n":2}}]}}"#, "21"),
        (r#"{"bool":{"must":[{"term":{"k":"b"}}],"minimum_should_match":1}}"#, ""),
        (
            r#"{"bool":{"should":[{"term":{"k":"b"}},{"term":{"n":2}}],"minimum_should_match":2}}"#,
            "2",
        ),
        (
            r#"{"bool":{"should":[{"term":{"k":"b"}},{"term":{"n":2}}],"minimum_should_match":"50%"}}"#,
            "21",
        ),
        (
            r#"{"bool":{"should":[{"term":{"k":"b"}},{"term":{"n":2}}],"minimum_should_match":"1<100%"}}"#,
            "2",
        ),
        (
            r#"{"bool":{"should":[{"term":{"k":"b"}},{"term":{"n":2}}],"minimum_should_match":-1}}"#,
            "21",
        ),
        (r#"{"bool":{"should":[{"term":{"k":"b"}}],"minimum_should_match":3}}"#, ""),
        (r#"{"constant_score":{"filter":{"term":{"k":"b"}}}}"#, "12"),
        (r#"{"bool":{"must":null}}"#, "1234567"),
    ]);
}

#[test]
fn scores_are_those_of_constants() {
    let scores = |query: &str| -> Vec<f32> {
        let hits = run(&format!(r#"{{"query":{query}}}"#)).unwrap();
        hits.iter().map(|(_, _, score)| *score).collect()
    };
    assert_eq!(scores(r#"{"term":{"k":"c"}}"#), [1.0]);
    assert_eq!(scores(r#"{"term":{"k":{"value":"c","boost":2.5}}}"#), [2.5]);
    assert_eq!(scores(r#"{"bool":{"filter":{"term":{"k":"c"}}}}"#), [0.0]);
    assert_eq!(scores(r#"{"bool":{"must_not":{"exists":{"field":"d"}}}}"#), [0.0; 3]);
    let query = r#"{"bool":{"must":{"term":{"n":2}},"should":[{"term":{"k":"b"}},{"term":{"k":"x"}}],"boost":2}}"#;
    assert_eq!(scores(query), [4.0]);
    let query = r#"{"constant_score":{"filter":{"term":{"n":2}},"boost":3.5}}"#;
    assert_eq!(scores(query), [3.5]);
}

#[test]
fn what_cannot_be_asked_says_why() {
    let wrong = "query_shard_exception: failed to create query: ";
    check(&[
        (
            r#"{"term":{"n":"x"}}"#,
            &format!(
                "{wrong}For input string: \"x\" <= number_format_exception: For input string: \"x\""
            ),
        ),
        (
            r#"{"term":{"on":1}}"#,
            &format!(
                "{wrong}Can't parse boolean value [1], expected [true] or [false] <= illegal_argument_exception: Can't parse boolean value [1], expected [true] or [false]"
            ),
        ),
        (
            r#"{"term":{"quiet":"x"}}"#,
            &format!(
                "{wrong}Cannot search on field [quiet] since it is not indexed. <= illegal_argument_exception: Cannot search on field [quiet] since it is not indexed."
            ),
        ),
        (
            r#"{"range":{"n":{"gte":1e19}}}"#,
            &format!(
                "{wrong}Value [1e19] is out of range for a long <= illegal_argument_exception: Value [1e19] is out of range for a long"
            ),
        ),
        (
            r#"{"prefix":{"n":"1"}}"#,
            "query_shard_exception: Can only use prefix queries on keyword and text fields - not on [n] which is of type [long]",
        ),
        (
            r#"{"term":{"place":"1,2"}}"#,
            "query_shard_exception: Geo fields do not support exact searching, use dedicated geo queries instead: [place]",
        ),
        (
            r#"{"term":{"own":"x"}}"#,
            "illegal_argument_exception: the normalizer of the field [own] is not supported yet",
        ),
        (
            r#"{"term":{"flat.a":"x"}}"#,
            "illegal_argument_exception: the keys of the [flattened] field [flat] are not supported yet",
        ),
        (
            r#"{"exists":{"field":"_source"}}"#,
            "query_shard_exception: The _source field is not searchable",
        ),
        (
            r#"{"range":{"d":{"gte":"2020-01-01||+1x"}}}"#,
            "parse_exception: unit [x] not supported for date math [+1x]",
        ),
    ]);
}

#[test]
fn names_of_queries_that_match() {
    let body = r#"{"query":{"bool":{"_name":"all","should":[{"term":{"k":{"value":"b","_name":"b"}}},
        {"term":{"n":{"value":1,"_name":"one"}}}]}}}"#;
    let search = Search::read(body, Dialect::Seven).unwrap();
    let mapping = mapping();
    let context = Context {
        mapping: &mapping,
        index: "i",
        aliases: &[],
        default_field: None,
        filter: None,
        now: 0,
    };
    let plan = Plan::new(&search, &context).unwrap();
    let mut fields = Fields::default();
    plan.read(DOCUMENTS[1].as_bytes(), &mut fields);
    let document = Document { id: "2", routing: None, seq_no: 1, place: 1 };
    assert_eq!(plan.matched_names(&document, &fields), ["b", "all"]);
}

#[test]
fn ids_are_known_where_the_query_names_them() {
    let mapping = mapping();
    let context = Context {
        mapping: &mapping,
        index: "i",
        aliases: &[],
        default_field: None,
        filter: None,
        now: 0,
    };
    let ids = |query: &str| {
        let body = format!(r#"{{"query":{query}}}"#);
        let search = Search::read(&body, Dialect::Seven).unwrap();
        let plan = Plan::new(&search, &context).unwrap();
        (plan.ids().map(|ids| ids.iter().cloned().collect::<String>()), plan.needs_source())
    };
    assert_eq!(ids(r#"{"ids":{"values":["a","b"]}}"#), (Some("ab".to_owned()), false));
    let query = r#"{"bool":{"filter":[{"term":{"k":"x"}},{"term":{"_id":"a"}}]}}"#;
    assert_eq!(ids(query), (Some("a".to_owned()), true));
    assert_eq!(ids(r#"{"bool":{"should":[{"term":{"_id":"a"}}]}}"#), (None, false));
    assert_eq!(ids(r#"{"match_all":{}}"#), (None, false));
}

#[test]
fn a_search_for_everything_knows_that_it_is_one() {
    let mapping = mapping();
    let context = Context {
        mapping: &mapping,
        index: "i",
        aliases: &[],
        default_field: None,
        filter: None,
        now: 0,
    };
    let is_all = |body: &str| {
        let search = Search::read(body, Dialect::Seven).unwrap();
        Plan::new(&search, &context).unwrap().matches_all()
    };
    assert!(is_all("{}"));
    assert!(is_all(r#"{"query":{"bool":{}}}"#));
    assert!(!is_all(r#"{"min_score":2}"#));
    assert!(!is_all(r#"{"post_filter":{"term":{"k":"a"}}}"#));
    assert!(!is_all(r#"{"query":{"exists":{"field":"k"}}}"#));
}
