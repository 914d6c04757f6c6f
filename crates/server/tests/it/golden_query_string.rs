//! The recorded answers of Elasticsearch 7.2.1 to queries that are written as a text, replayed where
//! `OCCAM_SHARED` names the directory that has them: which documents are found, and what is refused.
//! Scores are not compared, for this server has none of theirs.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use server::rest::dialect::Dialect;

use crate::api;
use crate::client::{Client, request};

/// The share of the steps that has to agree, in percent.
const AGREEING_MIN: usize = 92;

/// What is found, or what is refused.
fn seen(status: u64, answer: &Value) -> (u64, Value, BTreeSet<String>) {
    let cause = &answer["error"]["root_cause"][0]["type"];
    let hits = answer["hits"]["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ids = hits.iter().filter_map(|hit| hit["_id"].as_str()).map(str::to_owned);
    let what = if cause.is_null() { &answer["hits"]["total"] } else { cause };
    (status, what.clone(), ids.collect())
}

#[test]
fn recorded_query_strings_find_the_same() {
    let Some(shared) = std::env::var_os("OCCAM_SHARED") else {
        println!("skipped: OCCAM_SHARED does not name the directory with the recorded answers");
        return;
    };
    let path = Path::new(&shared).join("golden-search/search_query_string.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let server = api::start(Some(Dialect::V7));
    let mut client = Client::to(server.address);
    let (mut agreeing, mut all) = (0, 0);
    for line in text.lines() {
        let step: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| step[key].as_str().unwrap_or_default();
        // That one is loaded from elsewhere.
        if text("path").starts_with("/movies") {
            continue;
        }
        let path = text("path").replace(' ', "%20");
        let lines = match (text("body"), path.contains("_bulk")) {
            ("", _) => "",
            (_, true) => "Content-Type: application/x-ndjson\r\n",
            (_, false) => "Content-Type: application/json\r\n",
        };
        let body = text("body").as_bytes();
        let reply = client.ask(request(text("method"), &path, lines, body));
        if !path.contains("_search") {
            assert_eq!(Some(u64::from(reply.status)), step["status"].as_u64(), "{path}");
            continue;
        }
        all += 1;
        let recorded = seen(step["status"].as_u64().unwrap(), &step["response"]);
        let given = seen(u64::from(reply.status), &reply.json());
        if given == recorded {
            agreeing += 1;
        } else {
            println!("{} {path} {}: {given:?}, not {recorded:?}", step["step"], text("body"));
        }
    }
    println!("{agreeing} of {all} steps agree");
    assert!(all > 300, "the recordings are there");
    assert!(100 * agreeing >= AGREEING_MIN * all, "{agreeing} of {all} agree");
}
