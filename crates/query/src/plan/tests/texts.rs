//! Searches on texts.

use mapping::{Dialect, Mapping, Settings};
use serde_json::json;

use crate::{
    field::Fields,
    plan::{Context, Document, Plan},
    search::Search,
};

/// The documents, of which the first has the id 1.
const DOCUMENTS: [&str; 6] = [
    r#"{"t":"The quick brown Fox","k":"The Fox"}"#,
    r#"{"t":["A fox","brown dogs"],"stop":"the fox and the dog"}"#,
    r#"{"t":"quick-brown foxes, 3.14","n":3}"#,
    r#"{"t":"","title":"Quick"}"#,
    r#"{"t":7,"k":"quick brown"}"#,
    "{}",
];

/// The ids and scores of the documents that a query finds, in the order of their ids.
fn scores(query: &str) -> Result<Vec<(String, f32)>, String> {
    let definition = json!({ "properties": {
        "t": { "type": "text" },
        "title": { "type": "text" },
        "stop": { "type": "text", "analyzer": "stop" },
        "blank": { "type": "text", "analyzer": "whitespace", "search_analyzer": "standard" },
        "de": { "type": "text", "analyzer": "german" },
        "own": { "type": "text", "analyzer": "mine" },
        "quiet": { "type": "text", "index": false },
        "k": { "type": "keyword" },
        "n": { "type": "long" }
    } });
    let settings = Settings { analyzers: ["mine".to_owned()].into(), ..Settings::default() };
    let mapping = Mapping::create("_doc", &definition, settings).unwrap();
    let body = format!(r#"{{"query":{query}}}"#);
    let search = Search::read(&body, Dialect::Seven).map_err(|error| error.to_string())?;
    let context = Context {
        mapping: &mapping,
        index: "i",
        aliases: &[],
        default_field: None,
        filter: None,
        now: 0,
    };
    let plan = Plan::new(&search, &context).map_err(|error| error.to_string())?;
    let mut fields = Fields::default();
    let mut found = Vec::new();
    for (place, source) in (0..).zip(DOCUMENTS) {
        let id = (place + 1).to_string();
        let document = Document { id: &id, routing: None, seq_no: place, place };
        plan.read(source.as_bytes(), &mut fields);
        found.extend(plan.score(&document, &fields).map(|score| (id, score)));
    }
    Ok(found)
}

/// Checks queries, each with the ids of its hits, or with what is wrong.
fn check(rows: &[(&str, &str)]) {
    for (query, expected) in rows {
        let found = scores(query).map(|found| found.into_iter().map(|(id, _)| id).collect());
        assert_eq!(found.unwrap_or_else(|error: String| error), *expected, "{query}");
    }
}

#[test]
fn a_text_is_found_by_its_words() {
    check(&[
        (r#"{"match":{"t":"FOX"}}"#, "12"),
        (r#"{"match":{"t":"fox foxes"}}"#, "123"),
        (r#"{"match":{"t":{"query":"Brown fox","operator":"and"}}}"#, "12"),
        (r#"{"match":{"t":{"query":"quick brown dogs","minimum_should_match":2}}}"#, "123"),
        (r#"{"match":{"t":{"query":"quick brown dogs","minimum_should_match":"100%"}}}"#, ""),
        (r#"{"match":{"t":3.14}}"#, "3"),
        (r#"{"match":{"t":7}}"#, "5"),
        (r#"{"match":{"t":""}}"#, ""),
        (r#"{"match":{"t":{"query":"...","zero_terms_query":"all"}}}"#, "123456"),
        (r#"{"match":{"t":{"query":"Fox","analyzer":"keyword"}}}"#, ""),
        (r#"{"match":{"stop":"the"}}"#, ""),
        (r#"{"match":{"stop":"the dog"}}"#, "2"),
        (r#"{"match_bool_prefix":{"t":"dogs qui"}}"#, "123"),
        (r#"{"match":{"nothing":"x"}}"#, ""),
        (r#"{"exists":{"field":"t"}}"#, "12345"),
        (r#"{"exists":{"field":"own"}}"#, ""),
    ]);
}

#[test]
fn a_term_of_a_text_is_not_analyzed() {
    check(&[
        (r#"{"term":{"t":"fox"}}"#, "12"),
        (r#"{"term":{"t":"Fox"}}"#, ""),
        (r#"{"terms":{"t":["dogs","foxes"]}}"#, "23"),
        (r#"{"prefix":{"t":"fox"}}"#, "123"),
        (r#"{"prefix":{"t":""}}"#, "1235"),
        (r#"{"wildcard":{"t":"f*es"}}"#, "3"),
        (r#"{"range":{"t":{"gte":"dog","lt":"e"}}}"#, "2"),
    ]);
}

#[test]
fn a_phrase_is_found_in_one_value() {
    check(&[
        (r#"{"match_phrase":{"t":"quick BROWN"}}"#, "13"),
        (r#"{"match_phrase":{"t":"brown quick"}}"#, ""),
        (r#"{"match_phrase":{"t":{"query":"brown quick","slop":2}}}"#, "13"),
        // The two words are in two values.
        (r#"{"match_phrase":{"t":"fox brown"}}"#, ""),
        (r#"{"match_phrase":{"stop":"fox the the dog"}}"#, "2"),
        (r#"{"match_phrase":{"stop":"fox the dog"}}"#, ""),
        (r#"{"match_phrase_prefix":{"t":"brown fo"}}"#, "13"),
    ]);
}

#[test]
fn other_fields_are_matched_by_their_values() {
    check(&[
        (r#"{"match":{"k":"The Fox"}}"#, "1"),
        (r#"{"match":{"k":"fox"}}"#, ""),
        (r#"{"match_phrase":{"k":"quick brown"}}"#, "5"),
        (r#"{"match":{"n":"3"}}"#, "3"),
        (r#"{"match":{"n":{"query":"x","lenient":true}}}"#, ""),
        (r#"{"match":{"_id":"4"}}"#, "4"),
    ]);
}

#[test]
fn a_text_is_looked_for_in_several_fields() {
    check(&[
        (r#"{"multi_match":{"query":"quick","fields":["t","title"]}}"#, "134"),
        (r#"{"multi_match":{"query":"quick","fields":["t*"]}}"#, "134"),
        (r#"{"multi_match":{"query":"quick brown","fields":"t","type":"phrase"}}"#, "13"),
        (r#"{"multi_match":{"query":"3","fields":["n","t","k*"]}}"#, "3"),
        // Of all fields two are of analyzers that are not there.
        (
            r#"{"multi_match":{"query":"quick"}}"#,
            "illegal_argument_exception: the analyzer [german] is not supported yet",
        ),
    ]);
    let found = scores(
        r#"{"dis_max":{"tie_breaker":0.5,"queries":[{"match":{"t":"quick brown"}},{"match":{"k":"The Fox"}}]}}"#,
    );
    let expected = [("1", 2.5), ("2", 1.0), ("3", 2.0)];
    assert_eq!(found.unwrap(), expected.map(|(id, score)| (id.to_owned(), score)));
}

#[test]
fn what_cannot_be_matched_is_refused() {
    let many = vec!["x"; 1_025].join(" ");
    check(&[
        (
            r#"{"match":{"de":"x"}}"#,
            "illegal_argument_exception: the analyzer [german] is not supported yet",
        ),
        (
            r#"{"match":{"own":"x"}}"#,
            "illegal_argument_exception: the analyzer [mine] is not supported yet",
        ),
        (
            r#"{"term":{"own":"x"}}"#,
            "illegal_argument_exception: the analyzer [mine] is not supported yet",
        ),
        (
            r#"{"match":{"t":{"query":"x","analyzer":"nope"}}}"#,
            "query_shard_exception: [match] analyzer [nope] not found",
        ),
        (
            r#"{"match":{"quiet":"x"}}"#,
            "query_shard_exception: failed to create query: Cannot search on field [quiet] since it is not indexed. <= illegal_argument_exception: Cannot search on field [quiet] since it is not indexed.",
        ),
        (
            &format!(r#"{{"match":{{"t":"{many}"}}}}"#),
            "query_shard_exception: failed to create query: maxClauseCount is set to 1024 <= too_many_clauses: maxClauseCount is set to 1024",
        ),
    ]);
}
