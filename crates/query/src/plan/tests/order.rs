//! The order of hits, and pages.

use super::run;
use crate::order::Key;

/// The ids in the order of a sort, and the first key of each; or what is wrong.
fn sorted(sort: &str) -> String {
    page(sort, "")
}

/// The same, with more of the body.
fn page(sort: &str, more: &str) -> String {
    let hits = match run(&format!(r#"{{"sort":{sort}{more}}}"#)) {
        Ok(hits) => hits,
        Err(error) => return error,
    };
    let show = |(id, keys, _): &(String, Vec<Key>, f32)| {
        let keys: Vec<String> = keys.iter().map(text).collect();
        format!("{id}={}", keys.join("/"))
    };
    hits.iter().map(show).collect::<Vec<_>>().join(" ")
}

/// A key as text.
fn text(key: &Key) -> String {
    match key {
        Key::Whole(i64::MAX) => "max".to_owned(),
        Key::Whole(i64::MIN) => "min".to_owned(),
        Key::Whole(number) => number.to_string(),
        Key::Unsigned(number) => number.to_string(),
        Key::Double(number) => number.to_string(),
        Key::Single(number) => number.to_string(),
        Key::Term(_) | Key::Ip(_) => key.text().unwrap_or_else(|| "-".to_owned()),
    }
}

#[test]
fn keys_of_every_type() {
    for (sort, expected) in [
        (r#""k""#, "5= 1=a 6=a*b 2=b 3=c 4=- 7=-"),
        (r#"{"k":"desc"}"#, "3=c 1=b 2=b 6=a*b 5= 4=- 7=-"),
        (r#"{"k":{"missing":"_first"}}"#, "4=- 7=- 5= 1=a 6=a*b 2=b 3=c"),
        (r#"{"k":{"missing":"aa"}}"#, "5= 1=a 6=a*b 4=aa 7=aa 2=b 3=c"),
        (r#""n""#, "6=min 1=1 2=2 3=3 4=4 5=max 7=max"),
        (r#"{"n":"desc"}"#, "4=40 3=3 2=2 1=1 5=min 6=min 7=min"),
        (r#"{"n":{"mode":"max"}}"#, "6=min 1=1 2=2 3=3 4=40 5=max 7=max"),
        (r#"{"n":{"mode":"avg"}}"#, "6=min 1=1 2=2 3=3 4=22 5=max 7=max"),
        (r#"{"n":{"mode":"sum"}}"#, "6=min 1=1 2=2 3=3 4=44 5=max 7=max"),
        (r#"{"n":{"mode":"median"}}"#, "6=min 1=1 2=2 3=3 4=22 5=max 7=max"),
        (r#"{"n":{"missing":2}}"#, "6=min 1=1 2=2 5=2 7=2 3=3 4=4"),
        (r#"{"f":{"missing":"_first"}}"#, "3=-inf 4=-inf 5=-inf 6=-inf 7=-inf 1=0.1 2=0.2"),
        (r#"["on",{"n":"desc"}]"#, "2=0/2 3=1/3 1=1/1 4=max/40 5=max/min 6=max/min 7=max/min"),
        (r#""ip""#, "1=10.0.0.1 2=10.0.0.2 3=192.168.1.1 4=2001:db8::1 5=- 6=- 7=-"),
        (
            r#"{"d":{"numeric_type":"date_nanos","order":"desc","missing":0}}"#,
            "4=1581303600000000000 3=1580515200000000000 2=1579091400000000000 1=1577836800000000000 5=0 6=0 7=0",
        ),
        (r#""_doc""#, "1=0 2=1 3=2 4=3 5=4 6=5 7=6"),
        (r#"{"_id":"desc"}"#, "7=7 6=6 5=5 4=4 3=3 2=2 1=1"),
        (r#"{"_seq_no":"desc"}"#, "7=6 6=5 5=4 4=3 3=2 2=1 1=0"),
        (
            r#"["_index",{"_doc":"desc"}]"#,
            "7=things/6 6=things/5 5=things/4 4=things/3 3=things/2 2=things/1 1=things/0",
        ),
        (r#"{"_score":"asc"}"#, "1=1 2=1 3=1 4=1 5=1 6=1 7=1"),
        (r#"{"nothing":{"unmapped_type":"long"}}"#, "1=max 2=max 3=max 4=max 5=max 6=max 7=max"),
        (r#""nest.a""#, "1=- 2=- 3=- 4=- 5=- 6=- 7=-"),
        (r#"[]"#, "1=1 2=1 3=1 4=1 5=1 6=1 7=1"),
    ] {
        assert_eq!(sorted(sort), expected, "{sort}");
    }
}

#[test]
fn orders_that_cannot_be() {
    for (sort, expected) in [
        (
            r#""nothing""#,
            "query_shard_exception: No mapping found for [nothing] in order to sort on",
        ),
        (
            r#"{"k":{"mode":"sum"}}"#,
            "query_shard_exception: we only support AVG, MEDIAN and SUM on number based fields",
        ),
        (r#"{"n":{"missing":"x"}}"#, "number_format_exception: For input string: \"x\""),
        (
            r#"{"n":{"order":"up"}}"#,
            "x_content_parse_exception: [1:23] [field_sort] failed to parse field [order] <= illegal_argument_exception: No enum constant org.elasticsearch.search.sort.SortOrder.UP",
        ),
        (
            r#"{"n":{"bogus":1}}"#,
            "x_content_parse_exception: [1:15] [field_sort] unknown field [bogus], parser not found",
        ),
        (
            r#""_version""#,
            "illegal_argument_exception: Fielddata is not supported on field [_version] of type [_version]",
        ),
        (
            r#""r""#,
            "illegal_argument_exception: Fielddata is not supported on field [r] of type [integer_range]",
        ),
        (
            r#"{"nothing":{"unmapped_type":"nope"}}"#,
            "illegal_argument_exception: No mapper found for type [nope]",
        ),
        (
            r#"{"_script":{}}"#,
            "illegal_argument_exception: sorting by [_script] is not supported yet",
        ),
    ] {
        assert_eq!(sorted(sort), expected, "{sort}");
    }
}

#[test]
fn pages_begin_behind_keys() {
    for (sort, more, expected) in [
        (r#""n""#, r#","search_after":[2],"size":2"#, "3=3 4=4"),
        (r#""n""#, r#","search_after":["2"],"size":1"#, "3=3"),
        (r#""k""#, r#","search_after":["c"]"#, "4=- 7=-"),
        (r#""k""#, r#","search_after":[null]"#, ""),
        (r#"["n","_id"]"#, r#","search_after":[9223372036854775807,"5"]"#, "7=max/7"),
        (r#"{"x":"desc"}"#, r#","search_after":[0.5]"#, "1=-1.5 2=-inf 5=-inf 6=-inf 7=-inf"),
        (
            r#""n""#,
            r#","search_after":["x"]"#,
            "illegal_argument_exception: Failed to parse search_after value for field [n]. <= number_format_exception: For input string: \"x\"",
        ),
        (
            r#""n""#,
            r#","search_after":[1,2]"#,
            "illegal_argument_exception: search_after has 2 value(s) but sort has 1.",
        ),
        (
            r#""_score""#,
            r#","search_after":[1]"#,
            "illegal_argument_exception: Sort must contain at least one field.",
        ),
    ] {
        assert_eq!(page(sort, more), expected, "{sort}{more}");
    }
}

#[test]
fn the_least_score_and_a_filter_behind_the_query() {
    assert_eq!(page(r#""_doc""#, r#","min_score":1.5"#), "");
    assert_eq!(page(r#""_doc""#, r#","post_filter":{"term":{"k":"b"}}"#), "1=0 2=1");
}
