//! What is wrong with a body, and where.

use mapping::Dialect;

use crate::{
    by_query::{Conflicts, Reindex, RoutingRule, VersionRule, WriteByQuery},
    error::QueryError,
    search::{Search, TotalHits},
};

/// An error with its place.
fn told(error: &QueryError) -> String {
    let place = error.place().map(|place| format!(" @{}:{}", place.line, place.column));
    format!("{error}{}", place.unwrap_or_default())
}

/// Checks bodies, each with what is wrong with it.
fn check(rows: &[(&str, &str)]) {
    for (body, expected) in rows {
        let error = Search::read(body, Dialect::Seven).map(|_| ()).map_err(|error| told(&error));
        assert_eq!(error, Err((*expected).to_owned()), "{body}");
    }
}

#[test]
fn wrong_queries() {
    check(&[
        (r#"{"query":{"bogus":{}}}"#, "parsing_exception: no [query] registered for [bogus] @1:19"),
        (
            r#"{"query":{}}"#,
            "illegal_argument_exception: query malformed, empty clause found at [1:10]",
        ),
        (
            r#"{"query":{"term":"x"}}"#,
            "parsing_exception: [term] query malformed, no start_object after query name @1:18",
        ),
        (
            r#"{"query":{"match_all":{},"a":1}}"#,
            "parsing_exception: [match_all] malformed query, expected [END_OBJECT] but found [FIELD_NAME] @1:26",
        ),
        (r#"{"query":{"term":{}}}"#, "illegal_argument_exception: field name is null or empty"),
        (
            r#"{"query":{"term":{"a":[1]}}}"#,
            "parsing_exception: [term] query does not support array of values @1:23",
        ),
        (
            r#"{"query":{"term":{"a":1,"b":2}}}"#,
            "parsing_exception: [term] query doesn't support multiple fields, found [a] and [b] @1:29",
        ),
        (
            r#"{"query":{"term":{"a":{"value":1,"x":2}}}}"#,
            "parsing_exception: [term] query does not support [x] @1:38",
        ),
        (
            r#"{"query":{"term":{"a":{"boost":1}}}}"#,
            "illegal_argument_exception: value cannot be null",
        ),
        (
            r#"{"query":{"term":{"a":{"value":1,"boost":-1}}}}"#,
            "illegal_argument_exception: negative [boost] are not allowed in [term], use a value between 0 and 1 to deboost",
        ),
        (
            r#"{"query":{"terms":{"a":"x"}}}"#,
            "parsing_exception: [terms] query does not support [a] @1:24",
        ),
        (
            r#"{"query":{"terms":{"a":[1],"b":[2]}}}"#,
            "parsing_exception: [terms] query does not support multiple fields @1:32",
        ),
        (
            r#"{"query":{"terms":{"a":[null]}}}"#,
            "parsing_exception: No value specified for terms query @1:25",
        ),
        (
            r#"{"query":{"terms":{}}}"#,
            "parsing_exception: [terms] query requires a field name, followed by array of terms or a document lookup specification @1:19",
        ),
        (
            r#"{"query":{"range":{"a":{"gte":1,"x":3}}}}"#,
            "parsing_exception: [range] query does not support [x] @1:37",
        ),
        (
            r#"{"query":{"range":{"a":5}}}"#,
            "parsing_exception: [range] query does not support [a] @1:24",
        ),
        (
            r#"{"query":{"range":{"a":{"relation":"x"}}}}"#,
            "illegal_argument_exception: x is not a valid relation",
        ),
    ]);
}

#[test]
fn wrong_queries_of_other_kinds() {
    check(&[
        (
            r#"{"query":{"exists":{}}}"#,
            "parsing_exception: [exists] must be provided with a [field] @1:20",
        ),
        (
            r#"{"query":{"exists":{"field":["n"]}}}"#,
            "parsing_exception: [exists] unknown token [START_ARRAY] after [field] @1:29",
        ),
        (
            r#"{"query":{"ids":{"values":5}}}"#,
            "parsing_exception: [1:27] [ids] values doesn't support values of type: VALUE_NUMBER <= x_content_parse_exception: [1:27] [ids] values doesn't support values of type: VALUE_NUMBER @1:27",
        ),
        (
            r#"{"query":{"prefix":{"a":{"prefix":"b"}}}}"#,
            "parsing_exception: [prefix] query does not support [prefix] @1:35",
        ),
        (
            r#"{"query":{"bool":{"bogus":[]}}}"#,
            "parsing_exception: [bool] query does not support [bogus] @1:27",
        ),
        (
            r#"{"query":{"bool":{"must":"x"}}}"#,
            "parsing_exception: [bool] query does not support [must] @1:26",
        ),
        (
            r#"{"query":{"bool":{"must":[5]}}}"#,
            "parsing_exception: [_na] query malformed, must start with start_object @1:27",
        ),
        (
            r#"{"query":{"constant_score":{}}}"#,
            "parsing_exception: [constant_score] requires a 'filter' element @1:28",
        ),
        (
            r#"{"query":{"regexp":{"a":"b"}}}"#,
            "illegal_argument_exception: [regexp] queries are not supported yet",
        ),
        (
            r#"{"query":{"fuzzy":{"a":{"value":"b","fuzziness":"x"}}}}"#,
            "number_format_exception: For input string: \"x\"",
        ),
        (
            r#"{"query":{"query_string":{}}}"#,
            "parsing_exception: [query_string] must be provided with a [query] @1:26",
        ),
        (
            r#"{"query":{"simple_query_string":{"query":"a","bogus":1}}}"#,
            "parsing_exception: [simple_query_string] unsupported field [bogus] @1:54",
        ),
        (
            r#"{"query":{"range":{"d":{"time_zone":"Europe/Rome"}}}}"#,
            "illegal_argument_exception: [time_zone] takes an offset such as [+01:00]; the zone [Europe/Rome] is not supported yet",
        ),
    ]);
    let error = Search::read(r#"{"query":{"bogus":{}}}"#, Dialect::Eight).unwrap_err();
    assert_eq!(error.reason(), "unknown query [bogus]");
}

#[test]
fn wrong_queries_on_texts() {
    check(&[
        (r#"{"query":{"match":{}}}"#, "parsing_exception: No text specified for text query @1:19"),
        (
            r#"{"query":{"match":{"a":null}}}"#,
            "parsing_exception: No text specified for text query @1:24",
        ),
        (
            r#"{"query":{"match":{"a":{"query":["x"]}}}}"#,
            "parsing_exception: [match] unknown token [START_ARRAY] after [query] @1:33",
        ),
        (
            r#"{"query":{"match":{"a":{"query":"x","slop":1}}}}"#,
            "parsing_exception: [match] query does not support [slop] @1:44",
        ),
        (
            r#"{"query":{"match":{"a":{"query":"x","operator":"xor"}}}}"#,
            "illegal_argument_exception: No enum constant org.elasticsearch.index.query.Operator.XOR",
        ),
        (
            r#"{"query":{"match":{"a":{"query":"x","cutoff_frequency":1}}}}"#,
            "illegal_argument_exception: [cutoff_frequency] of [match] is not supported yet",
        ),
        (
            r#"{"query":{"match_phrase":{"a":{"query":"x","slop":-1}}}}"#,
            "illegal_argument_exception: No negative slop allowed.",
        ),
        (
            r#"{"query":{"multi_match":{"fields":["a"]}}}"#,
            "parsing_exception: No text specified for multi_match query @1:25",
        ),
        (
            r#"{"query":{"multi_match":{"query":"x","type":"nope"}}}"#,
            "parse_exception: failed to parse [multi_match] query type [nope]. unknown type.",
        ),
        (
            r#"{"query":{"dis_max":{}}}"#,
            "parsing_exception: [dis_max] requires 'queries' field with at least one clause @1:21",
        ),
    ]);
}

#[test]
fn wrong_bodies() {
    check(&[
        ("[]", "parsing_exception: Expected [START_OBJECT] but found [START_ARRAY] @1:1"),
        (r#"{"bogus":1}"#, "parsing_exception: Unknown key for a VALUE_NUMBER in [bogus]. @1:10"),
        (r#"{"size":null}"#, "parsing_exception: Unknown key for a VALUE_NULL in [size]. @1:9"),
        (r#"{"size":"x"}"#, "number_format_exception: For input string: \"x\""),
        (
            r#"{"size":-5}"#,
            "illegal_argument_exception: [size] parameter cannot be negative, found [-5]",
        ),
        (r#"{"from":-5}"#, "illegal_argument_exception: [from] parameter cannot be negative"),
        (
            r#"{"version":"x"}"#,
            "illegal_argument_exception: Failed to parse value [x] as only [true] or [false] are allowed.",
        ),
        (r#"{"terminate_after":-1}"#, "illegal_argument_exception: terminateAfter must be > 0"),
        (
            r#"{"track_total_hits":-2}"#,
            "illegal_argument_exception: [track_total_hits] parameter must be positive or equals to -1, got -2",
        ),
        (
            r#"{"search_after":[]}"#,
            "illegal_argument_exception: Values must contains at least one value.",
        ),
        (
            r#"{"search_after":5}"#,
            "parsing_exception: Unknown key for a VALUE_NUMBER in [search_after]. @1:17",
        ),
        (
            r#"{"slice":{"id":2,"max":2}}"#,
            "x_content_parse_exception: [1:24] [slice] failed to parse field [max] <= illegal_argument_exception: max must be greater than id",
        ),
        (
            r#"{"aggs":{"a":{"max":{"field":"n"}}}}"#,
            "illegal_argument_exception: [aggs] of a search is not supported yet",
        ),
        (
            r#"{"sort":[[]]}"#,
            "illegal_argument_exception: malformed sort format, within the sort array, an object, or an actual string are allowed",
        ),
        (
            r#"{"query":}"#,
            "json_parse_exception: Unexpected character ('}' (code 125)): expected a valid value\n at [line: 1, column: 10]",
        ),
    ]);
}

#[test]
fn a_whole_body() {
    let body = r#"{"query":{"match_all":{}},"from":3,"size":"2","sort":["a",{"b":"desc"}],"_source":["x", "y"],
        "version":true,"track_total_hits":5,"aggs":{},"explain":false,"timeout":"1s","terminate_after":7}"#;
    let search = Search::read(body, Dialect::Seven).unwrap();
    assert_eq!((search.from, search.size, search.sort.len()), (Some(3), Some(2), 2));
    assert_eq!(search.source.as_deref(), Some(r#"["x", "y"]"#));
    assert_eq!(search.track_total_hits, Some(TotalHits::UpTo(5)));
    assert_eq!((search.version, search.terminate_after), (Some(true), Some(7)));
    assert_eq!(Search::read("{}", Dialect::Seven).unwrap(), Search::default());
}

#[test]
fn counts_take_a_query_and_nothing_else() {
    let read = |body| Search::read_count(body, Dialect::Seven).map(|query| query.is_some());
    assert_eq!(read("{}").map_err(|error| told(&error)), Ok(false));
    assert_eq!(read(r#"{"query":{"match_all":{}}}"#).map_err(|error| told(&error)), Ok(true));
    let error = read(r#"{"size":1}"#).unwrap_err();
    assert_eq!(told(&error), "parsing_exception: request does not support [size] @1:2");
    assert_eq!(read("{").unwrap_err().reason(), "Failed to parse");
}

#[test]
fn writes_by_query() {
    let body = r#"{"query":{"match_all":{}},"conflicts":"proceed","max_docs":3,"size":9}"#;
    let request = WriteByQuery::read(body, Dialect::Seven).unwrap();
    assert_eq!(request.conflicts, Some(Conflicts::Proceed));
    assert_eq!((request.max_docs, request.search.size), (Some(3), Some(9)));
    for (body, expected) in [
        (
            r#"{"conflicts":"x"}"#,
            "illegal_argument_exception: conflicts may only be \"proceed\" or \"abort\" but was [x]",
        ),
        (r#"{"script":{}}"#, "illegal_argument_exception: [script] is not supported yet"),
        (
            r#"{"max_docs":-4}"#,
            "illegal_argument_exception: [max_docs] parameter cannot be negative, found [-4]",
        ),
        (r#"{"foo":1}"#, "parsing_exception: Unknown key for a VALUE_NUMBER in [foo]. @1:8"),
    ] {
        assert_eq!(told(&WriteByQuery::read(body, Dialect::Seven).unwrap_err()), expected);
    }
}

#[test]
fn reindexing() {
    let body = r#"{"source":{"index":["a","b"],"size":7,"query":{"match_all":{}}},
        "dest":{"index":"c","version_type":"external","op_type":"create","routing":"=x"},"size":4}"#;
    let request = Reindex::read(body, Dialect::Seven).unwrap();
    assert_eq!((request.source.indices.join(" "), request.max_docs), ("a b".to_owned(), Some(4)));
    assert_eq!(request.destination.version, VersionRule::External);
    assert!(request.destination.create);
    assert_eq!(request.destination.routing, RoutingRule::Set("x".to_owned()));
    for (body, expected) in [
        (
            r#"{"junk":1}"#,
            "x_content_parse_exception: [1:2] [reindex] unknown field [junk], parser not found",
        ),
        (
            r#"{"dest":{"junk":1}}"#,
            "x_content_parse_exception: [1:10] [reindex] failed to parse field [dest] <= x_content_parse_exception: [1:10] [dest] unknown field [junk], parser not found",
        ),
        (
            r#"{"dest":{"version_type":"xx"}}"#,
            "x_content_parse_exception: [1:25] [reindex] failed to parse field [dest] <= x_content_parse_exception: [1:25] [dest] failed to parse field [version_type] <= illegal_argument_exception: No version type match [xx]",
        ),
        (
            r#"{"source":{"junk":1}}"#,
            "x_content_parse_exception: [1:19] [reindex] failed to parse field [source] <= parsing_exception: Unknown key for a VALUE_NUMBER in [junk].",
        ),
        (
            r#"{"source":{"query":{"regexp":{"a":1}}}}"#,
            "illegal_argument_exception: [regexp] queries are not supported yet",
        ),
    ] {
        assert_eq!(told(&Reindex::read(body, Dialect::Seven).unwrap_err()), expected);
    }
}
