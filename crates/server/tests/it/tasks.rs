//! Writes by query as tasks: listed, awaited, slowed down, ended, and what they leave behind.

use std::time::Duration;

use serde_json::{Value, json};
use server::rest::dialect::Dialect;

use crate::api;
use crate::client::{Client, bare, bulk, json as json_request};
use crate::occam::Occam;
use crate::server::pass;

/// Fills an index with so many documents.
fn fill(client: &mut Client, index: &str, count: usize) {
    let lines: String = (0..count)
        .map(|id| format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{{\"n\":{id}}}\n"))
        .collect();
    assert_eq!(client.ask(bulk(&format!("/{index}/_bulk"), &lines)).status, 200);
}

/// Begins something that nobody waits for; its id.
fn begin(client: &mut Client, path: &str, body: &Value) -> String {
    let answer = client.ask(json_request("POST", path, body)).json();
    answer["task"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[test]
fn a_task_that_nobody_waits_for_leaves_its_result() {
    let server = api::start(Some(Dialect::V7));
    let mut client = Client::to(server.address);
    fill(&mut client, "from", 25);
    let body = json!({"source": {"index": "from", "size": 10}, "dest": {"index": "to"}});
    let id = begin(&mut client, "/_reindex?wait_for_completion=false", &body);
    let path = format!("/_tasks/{id}?wait_for_completion=true&timeout=60s");
    let ended = client.ask(bare("GET", &path)).json();
    assert_eq!(ended["completed"], json!(true), "{ended}");
    assert_eq!(ended["task"]["action"], json!("indices:data/write/reindex"));
    assert_eq!(ended["task"]["description"], json!("reindex from [from] to [to][_doc]"));
    assert_eq!(ended["task"]["status"]["batches"], json!(3));
    assert_eq!(ended["response"]["created"], json!(25));
    assert_eq!(ended["response"]["throttled"], json!("0s"));
    assert_eq!(client.ask(bare("GET", "/to/_count")).json()["count"], json!(25));
    let kept = client.ask(bare("GET", &format!("/.tasks/_doc/{id}"))).json();
    assert_eq!(kept["_source"], ended);
    // Whoever deletes the document deletes the result.
    assert_eq!(client.ask(bare("DELETE", &format!("/.tasks/_doc/{id}"))).status, 200);
    assert_eq!(client.ask(bare("GET", &format!("/_tasks/{id}"))).status, 404);
}

#[test]
fn a_task_that_fails_leaves_its_error() {
    let server = api::start(Some(Dialect::V7));
    let mut client = Client::to(server.address);
    fill(&mut client, "from", 1);
    let body = json!({"query": {"range": {"n": {"gte": "x"}}}});
    let id = begin(&mut client, "/from/_update_by_query?wait_for_completion=false", &body);
    let ended = client.ask(bare("GET", &format!("/_tasks/{id}?wait_for_completion=true"))).json();
    assert_eq!(ended["error"]["type"], json!("search_phase_execution_exception"), "{ended}");
    assert!(ended.get("response").is_none());
    // What is wrong with the request itself is answered at once.
    let wrong = json!({"query": {"nope": {}}});
    let path = "/from/_update_by_query?wait_for_completion=false";
    assert_eq!(client.ask(json_request("POST", path, &wrong)).status, 400);
}

#[test]
fn a_task_is_listed_and_goes_faster_when_it_is_let() {
    let server = api::start(Some(Dialect::V7));
    let mut client = Client::to(server.address);
    fill(&mut client, "i", 6);
    let path = "/i/_update_by_query?wait_for_completion=false&scroll_size=1&slices=2\
                &requests_per_second=0.0001";
    let id = begin(&mut client, path, &json!({}));
    let running = client.ask(bare("GET", &format!("/_tasks/{id}"))).json();
    assert_eq!(running["completed"], json!(false), "{running}");
    assert_eq!(running["task"]["status"]["slices"].as_array().unwrap().len(), 2);
    let listed = client.ask(bare("GET", "/_tasks?actions=*byquery&group_by=none&detailed")).json();
    assert_eq!(listed["tasks"][0]["description"], json!("update-by-query [i]"), "{listed}");
    let table = client.ask(bare("GET", "/_cat/tasks?h=action,task_id"));
    assert!(
        table.text().contains(&format!("indices:data/write/update/byquery {id}")),
        "{}",
        table.text()
    );
    let late =
        client.ask(bare("GET", &format!("/_tasks/{id}?wait_for_completion=true&timeout=10ms")));
    assert_eq!(late.status, 408, "{}", late.text());
    let path = format!("/_update_by_query/{id}/_rethrottle?requests_per_second=-1");
    let let_go = client.ask(bare("POST", &path)).json();
    let node = id.split(':').next().unwrap();
    let status = &let_go["nodes"][node]["tasks"][&id]["status"];
    assert_eq!(status["requests_per_second"], json!(-1.0), "{let_go}");
    let ended = client.ask(bare("GET", &format!("/_tasks/{id}?wait_for_completion=true"))).json();
    assert_eq!(ended["response"]["updated"], json!(6), "{ended}");
    assert_eq!(client.ask(bare("GET", "/_tasks?actions=*byquery")).json(), json!({"nodes": {}}));
    let gone = client.ask(bare("POST", &path)).json();
    assert_eq!(
        gone["node_failures"][0]["caused_by"]["type"],
        json!("resource_not_found_exception")
    );
}

#[test]
fn a_task_that_is_ended_stops_behind_its_batch() {
    let server = api::start(Some(Dialect::V7));
    let mut client = Client::to(server.address);
    fill(&mut client, "i", 6);
    let path =
        "/i/_delete_by_query?wait_for_completion=false&scroll_size=2&requests_per_second=0.0001";
    let id = begin(&mut client, path, &json!({"query": {"match_all": {}}}));
    // Until the first batch is written.
    while client.ask(bare("GET", &format!("/_tasks/{id}"))).json()["task"]["status"]["deleted"]
        != json!(2)
    {
        pass(Duration::from_millis(5));
    }
    let path = format!("/_tasks/{id}/_cancel?wait_for_completion=true");
    assert_eq!(client.ask(bare("POST", &path)).status, 200);
    let ended = client.ask(bare("GET", &format!("/_tasks/{id}"))).json();
    assert_eq!(ended["response"]["canceled"], json!("by user request"), "{ended}");
    assert_eq!(ended["response"]["deleted"], json!(2));
    assert_eq!(client.ask(bare("GET", "/i/_count")).json()["count"], json!(4));
}

#[test]
fn a_result_survives_a_restart_and_a_stop_ends_what_runs() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::listening(directory.path(), &["127.0.0.1:0=7"], &[]);
    let mut client = Client::to(occam.addresses()[0]);
    fill(&mut client, "i", 4);
    let path = "/i/_update_by_query?wait_for_completion=false";
    let done = begin(&mut client, path, &json!({}));
    let path = format!("/_tasks/{done}?wait_for_completion=true");
    assert_eq!(client.ask(bare("GET", &path)).status, 200);
    let path =
        "/i/_update_by_query?wait_for_completion=false&scroll_size=1&requests_per_second=0.001";
    let stopped = begin(&mut client, path, &json!({}));
    occam.stop();
    let occam = Occam::listening(directory.path(), &["127.0.0.1:0=7"], &[]);
    let mut client = Client::to(occam.addresses()[0]);
    let result = client.ask(bare("GET", &format!("/_tasks/{done}"))).json();
    assert_eq!(result["response"]["updated"], json!(4), "{result}");
    let result = client.ask(bare("GET", &format!("/_tasks/{stopped}"))).json();
    assert_eq!(result["response"]["canceled"], json!("the node stops"), "{result}");
    occam.stop();
}
