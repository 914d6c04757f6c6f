//! Promise P4: a condition is checked or refused, wherever it stands and whoever sends it.

use serde_json::{Value, json};

use crate::client::{Client, request};
use crate::occam::Occam;

const JSON: &str = "Content-Type: application/json\r\n";
const LINES: &str = "Content-Type: application/x-ndjson\r\n";
/// On the listener that is not pinned an old dialect is asked for by header.
const OLD: &str = "Accept: application/vnd.elasticsearch+json;compatible-with=5\r\n\
                   Content-Type: application/vnd.elasticsearch+json;compatible-with=5\r\n";

/// A document of version 1 and `_seq_no` 0, and requests whose condition does not hold of it, or
/// cannot be one. None may succeed, and none may change anything.
#[test]
fn no_condition_is_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    let created = client.ask(request("PUT", "/i/_doc/1", JSON, b"{\"a\":1}"));
    assert_eq!(created.status, 201);
    let if_match = format!("{JSON}If-Match: 99\r\n");
    let two_if_matches = format!("{OLD}If-Match: 1\r\nIf-Match: 99\r\n");
    let cases: [(&str, &str, &str, &str); 24] = [
        ("PUT", "/i/_doc/1?if_seq_no=9&if_primary_term=1", JSON, "{}"),
        ("PUT", "/i/_doc/1?if_seq_no=0", JSON, "{}"),
        ("PUT", "/i/_doc/1?version=1", JSON, "{}"),
        ("PUT", "/i/_doc/1?version=-4", JSON, "{}"),
        ("PUT", "/i/_doc/1", &if_match, "{}"),
        ("PUT", "/i/_doc/1", &two_if_matches, "{}"),
        ("PUT", "/i/_doc/1?version=9", OLD, "{}"),
        ("PUT", "/i/_doc/1?if_primary_term=1", OLD, "{}"),
        ("DELETE", "/i/_doc/1?version=-4", "", ""),
        ("DELETE", "/i/_doc/1?version=-4", OLD, "{}"),
        ("DELETE", "/i/_doc/1?version=1&version_type=external", "", ""),
        ("GET", "/i/_doc/1?version=-4", "", ""),
        ("GET", "/i/_doc/1", "If-Match: 99\r\n", ""),
        ("GET", "/i/_source/1", "If-Match: 99\r\n", ""),
        ("POST", "/i/_update/1?version=-4", OLD, "{\"doc\":{\"b\":1}}"),
        ("POST", "/i/_update/1", OLD, "{\"doc\":{\"b\":1},\"if_seq_no\":0,\"if_primary_term\":1}"),
        ("POST", "/i/_update/2?version=5", OLD, "{\"doc\":{\"b\":1},\"doc_as_upsert\":true}"),
        ("POST", "/i/_update/2?version=5", OLD, "{\"doc\":{\"b\":1},\"upsert\":{}}"),
        (
            "POST",
            "/i/_update/2?version=7&version_type=force",
            OLD,
            "{\"doc\":{},\"doc_as_upsert\":true}",
        ),
        ("POST", "/i/_update/1", JSON, "{\"doc\":{\"b\":1},\"if_seq_no\":0,\"if_seq_no\":0}"),
        ("POST", "/i/_bulk", &if_match, "{\"delete\":{\"_id\":\"1\"}}\n"),
        (
            "POST",
            "/i/_bulk",
            LINES,
            "{\"delete\":{\"_id\":\"1\",\"if_seq_no\":9,\"if_primary_term\":1,\"if_seq_no\":-2,\
             \"if_primary_term\":0}}\n",
        ),
        ("PUT", "/i/_doc/1?require_data_stream=true", JSON, "{}"),
        ("POST", "/i/_bulk?version=9", LINES, "{\"delete\":{\"_id\":\"1\"}}\n"),
    ];
    for (method, path, headers, body) in cases {
        let reply = client.ask(request(method, path, headers, body.as_bytes()));
        assert!((400..500).contains(&reply.status), "{method} {path} {body}: {}", reply.text());
        assert_unchanged(&mut client);
    }
}

#[test]
fn an_mget_item_with_a_version_that_none_can_be_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    client.ask(request("PUT", "/i/_doc/1", JSON, b"{\"a\":1}"));
    let docs = json!({"docs": [
        {"_id": "1", "version": -1},
        {"_id": "1", "version": -4},
        {"_id": "1", "version": -1, "version_type": "external"},
        {"_id": "1", "version": 2},
        {"_id": "1", "version": 1},
    ]});
    let reply = client.ask(request("POST", "/i/_mget", JSON, docs.to_string().as_bytes()));
    let found = reply.json();
    let found: Vec<bool> = found["docs"].as_array().unwrap().iter().map(is_found).collect();
    assert_eq!(found, [false, false, false, false, true]);
}

fn is_found(doc: &Value) -> bool {
    assert!(doc["found"].as_bool().unwrap_or(false) != doc["error"].is_object(), "{doc}");
    doc["found"] == true
}

fn assert_unchanged(client: &mut Client) {
    let (one, two) = (see(client, "/i/_doc/1"), see(client, "/i/_doc/2"));
    assert_eq!((&one["_version"], &one["_seq_no"]), (&json!(1), &json!(0)), "{one}");
    assert_eq!(two["found"], json!(false), "{two}");
}

fn see(client: &mut Client, path: &str) -> Value {
    client.ask(request("GET", path, "", b"")).json()
}
