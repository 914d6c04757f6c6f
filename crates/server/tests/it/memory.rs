//! `--memory` holds: identities, bodies and answers beyond it are refused, and what is there stays in
//! use.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::client::{Client, bare, bulk, json as json_request};
use crate::occam::Occam;

/// The least there may be: 12 MiB for identities, 4 MiB for bodies and answers.
const MEMORY: u64 = 16 << 20;
/// What the process takes besides: code, threads, the log's buffers, and what malloc keeps.
const OVERHEAD: u64 = 48 << 20;
/// Items of one bulk. Ids are as long as they may be, so that it takes few to fill the memory.
const ITEMS: usize = 1_000;

fn start(directory: &tempfile::TempDir) -> Occam {
    Occam::listening(directory.path(), &["127.0.0.1:0"], &["--memory", "16mb"])
}

fn id(number: usize) -> String {
    format!("{number:0>512}")
}

/// Sends one bulk of these actions for ids from `first` on; returns the statuses.
fn send(client: &mut Client, actions: &[&str], first: usize) -> Vec<Value> {
    let mut lines = String::new();
    for number in first..first + ITEMS {
        for action in actions {
            let source = if *action == "index" { "{}\n" } else { "" };
            let id = id(number);
            writeln!(lines, "{{\"{action}\":{{\"_id\":\"{id}\"}}}}\n{source}").unwrap();
        }
    }
    let reply = client.ask(bulk("/a/_bulk", &lines));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let items = reply.json()["items"].as_array().unwrap().clone();
    items
        .into_iter()
        .map(|item| item.as_object().unwrap().values().next().unwrap().clone())
        .collect()
}

/// Sends actions for ever new ids until one is refused; returns how many ids that took, and the item.
fn fill(client: &mut Client, actions: &[&str]) -> (usize, Value) {
    for first in (0..1_000_000).step_by(ITEMS) {
        for item in send(client, actions, first) {
            match item["status"].as_u64().unwrap() {
                200 | 201 | 404 => {}
                _ => return (first + ITEMS, item),
            }
        }
    }
    panic!("it grows for ever");
}

#[track_caller]
fn check_refusal(error: &Value) {
    assert_eq!(error["type"], "circuit_breaking_exception", "{error}");
    let reason = error["reason"].as_str().unwrap();
    let begin = "[parent] Data too large, data for [<version_table>] would be [";
    assert!(reason.starts_with(begin) && reason.contains("limit of [12582912/12mb]"), "{reason}");
    assert!(error["bytes_wanted"].as_u64().unwrap() > 12 << 20);
    assert_eq!(
        (&error["bytes_limit"], &error["durability"]),
        (&json!(12 << 20), &json!("PERMANENT"))
    );
}

#[track_caller]
fn check_size(occam: &Occam) {
    let resident = occam.resident_bytes();
    assert!(resident < MEMORY + OVERHEAD, "{resident} bytes resident");
}

#[test]
fn new_ids_end_at_the_bound_and_what_is_there_stays_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let occam = start(&directory);
    let mut client = occam.client();
    let settings = json!({"settings": {"gc_deletes": "0s"}});
    assert_eq!(client.ask(json_request("PUT", "/a", &settings)).status, 200);
    let (filled, refused) = fill(&mut client, &["index"]);
    assert_eq!(refused["status"], 429);
    check_refusal(&refused["error"]);
    assert!(filled > 10_000, "{filled} ids of 512 bytes in 12 MiB");

    // What one bulk does not fit in, a single document may.
    let mut singles = (900_000..910_000).map(|number| {
        let path = format!("/a/_doc/{}", id(number));
        let reply = client.ask(json_request("PUT", &path, &json!({})));
        (path, reply)
    });
    let (new, reply) = singles.find(|(_, reply)| reply.status != 201).unwrap();
    assert_eq!((reply.status, reply.json()["status"].clone()), (429, json!(429)));
    check_refusal(&reply.json()["error"]);
    let (old, other) = (format!("/a/_doc/{}", id(1)), format!("/a/_update/{}", id(2)));
    assert_eq!(client.ask(json_request("PUT", &old, &json!({"n": 1}))).status, 200);
    assert_eq!(client.ask(json_request("POST", &other, &json!({"doc": {"n": 2}}))).status, 200);
    assert_eq!(client.ask(bare("GET", &old)).json()["_source"], json!({"n": 1}));
    assert_eq!(client.ask(bare("GET", &new)).status, 404);
    check_size(&occam);

    // Deletes work, and make room once they need not be remembered any more.
    let deleted = send(&mut client, &["delete"], 0);
    assert!(deleted.iter().all(|item| item["result"] == "deleted"));
    let path = format!("/a/_doc/{}", id(3_000));
    let is_room = |client: &mut Client| {
        assert_eq!(client.ask(json_request("PUT", &path, &json!({}))).status, 200);
        client.ask(json_request("PUT", &new, &json!({}))).status == 201
    };
    assert!((0..100_000).any(|_| is_room(&mut client)), "room again");
    drop(client);
    occam.stop();

    let occam = start(&directory);
    assert_eq!(occam.client().ask(bare("GET", &new)).status, 200);
    check_size(&occam);
}

#[test]
fn a_flood_of_deletes_that_are_remembered_ends_at_the_bound_too() {
    let directory = tempfile::tempdir().unwrap();
    let occam = start(&directory);
    let mut client = occam.client();
    let settings = json!({"settings": {"gc_deletes": "1d"}});
    assert_eq!(client.ask(json_request("PUT", "/a", &settings)).status, 200);
    let (_, refused) = fill(&mut client, &["index", "delete"]);
    check_refusal(&refused["error"]);
    check_size(&occam);
    // A delete of what never was has to be remembered as well.
    let unknown = |number| format!("/a/_doc/{}", id(number));
    let mut deletes = (900_000..910_000).map(unknown);
    let refused = deletes.find(|path| client.ask(bare("DELETE", path)).status == 429).unwrap();
    check_size(&occam);

    let shorter = json!({"index.gc_deletes": "0s"});
    assert_eq!(client.ask(json_request("PUT", "/a/_settings", &shorter)).status, 200);
    let is_room = |client: &mut Client| {
        client.ask(bare("DELETE", &format!("/a/_doc/{}", id(1))));
        client.ask(json_request("PUT", &refused, &json!({}))).status == 201
    };
    assert!((0..100_000).any(|_| is_room(&mut client)), "room again");
}

#[test]
fn the_sources_of_one_answer_are_within_the_memory_of_bodies() {
    let directory = tempfile::tempdir().unwrap();
    let occam = start(&directory);
    let mut client = occam.client();
    let source = json!({"text": "x".repeat(1 << 20)});
    assert_eq!(client.ask(json_request("PUT", "/a/_doc/1", &source)).status, 201);
    let ask = |times: usize| json_request("GET", "/a/_mget", &json!({"ids": vec!["1"; times]}));
    for _ in 0..3 {
        let refused = client.ask(ask(4));
        assert_eq!(refused.status, 429, "{refused:?}");
        let error = &refused.json()["error"];
        let reason = error["reason"].as_str().unwrap();
        assert!(
            reason.contains("data for [<mget>] would be [4mb") || reason.contains("[4194"),
            "{reason}"
        );
        assert_eq!(error["durability"], "TRANSIENT");
        let docs = client.ask(ask(3)).json()["docs"].as_array().unwrap().len();
        assert_eq!(docs, 3, "what was refused or answered is given back");
    }
}

#[test]
fn what_a_scroll_would_remember_is_refused_where_it_gets_too_much() {
    let directory = tempfile::tempdir().unwrap();
    let occam = start(&directory);
    let mut client = occam.client();
    for _ in 0..40 {
        let lines = "{\"index\":{}}\n{}\n".repeat(1_000);
        assert_eq!(client.ask(bulk("/a/_bulk", &lines)).json()["errors"], false);
    }
    let refused = client.ask(bare("GET", "/a/_search?scroll=1m&size=1"));
    assert_eq!(refused.status, 429, "{refused:?}");
    let error = &refused.json()["error"];
    assert_eq!(error["type"], "circuit_breaking_exception");
    assert!(error["reason"].as_str().unwrap().contains("[<scroll>]"), "{error}");
    // Not all of it was there when it was refused.
    assert!(error["bytes_wanted"].as_u64().unwrap() < 5 << 20, "{error}");
    check_size(&occam);

    // Of many documents only as many are remembered as may be written.
    let one = client.ask(bare("POST", "/a/_update_by_query?max_docs=1")).json();
    assert_eq!((&one["updated"], &one["failures"]), (&json!(1), &json!([])));
    assert_eq!(client.ask(bare("GET", "/a/_count")).json()["count"], 40_000);
}
