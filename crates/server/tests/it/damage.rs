//! What a damaged directory costs: told by health and by every answer that it concerns, with file and
//! offset; all the rest is served.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Client, Reply, bare, bulk, json as json_request};
use crate::occam::Occam;

/// Stands once in what is damaged.
const MARK: &str = "here-the-disk-will-err";

/// An index with these documents, a good one after them, and another index; stopped cleanly.
fn stopped(documents: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    let alone = json!({"settings": {"number_of_replicas": 0}});
    for index in ["/films", "/whole"] {
        assert_eq!(client.ask(json_request("PUT", index, &alone)).status, 200);
    }
    let line = |(id, text): &(&str, &str)| {
        format!("{}\n{}\n", json!({"index": {"_id": id}}), json!({"text": text}))
    };
    let lines: String = documents.iter().map(line).collect();
    assert_eq!(client.ask(bulk("/films/_bulk", &lines)).json()["errors"], false);
    for path in ["/films/_doc/2", "/whole/_doc/1"] {
        assert_eq!(client.ask(json_request("PUT", path, &json!({"text": "x"}))).status, 201);
    }
    occam.stop();
    directory
}

/// The file that contains the mark, and where.
fn marked(directory: &Path) -> (PathBuf, usize) {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let find = |file: PathBuf| {
        let bytes = fs::read(&file).unwrap();
        let at = bytes.windows(MARK.len()).position(|window| window == MARK.as_bytes())?;
        Some((file, at))
    };
    files.into_iter().find_map(find).unwrap()
}

/// Changes one byte of the marked source, in place.
fn flip(directory: &Path) -> String {
    let (file, at) = marked(directory);
    let mut bytes = fs::read(&file).unwrap();
    bytes[at] ^= 1;
    fs::write(&file, bytes).unwrap();
    file.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Removes the checkpoints: only they know every operation of a damaged segment.
fn forget(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let file = entry.unwrap().path();
        if file.file_name().unwrap().to_str().unwrap().starts_with("checkpoint-") {
            fs::remove_file(file).unwrap();
        }
    }
}

fn get(client: &mut Client, path: &str) -> Reply {
    client.ask(bare("GET", path))
}

#[track_caller]
fn check_error(reply: &Reply, status: u16, kind: &str, file: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.header("x-occam-outcome"), Some("not-applied"));
    let error = &reply.json()["error"];
    assert_eq!(error["type"], kind);
    assert_eq!((&error["index"], &error["shard"]), (&json!("films"), &json!("0")));
    let reason = error["reason"].as_str().unwrap();
    assert!(reason.contains(file) && reason.contains("offset"), "{reason}");
}

/// That the index is red, all by itself, and the cluster with it; returns the reason.
#[track_caller]
fn check_red(client: &mut Client, active: u64) -> String {
    let health = get(client, "/_cluster/health?level=shards").json();
    assert_eq!(health["status"], "red");
    let (films, whole) = (&health["indices"]["films"], &health["indices"]["whole"]);
    assert_eq!((&films["status"], &whole["status"]), (&json!("red"), &json!("green")));
    assert_eq!(films["active_primary_shards"], active);
    assert_eq!(films["unassigned_shards"], 1 - active);
    let shard = &films["shards"]["0"];
    assert_eq!((&shard["status"], &shard["primary_active"]), (&json!("red"), &json!(active == 1)));
    assert_eq!(whole["shards"]["0"]["reason"], Value::Null);
    assert_eq!(get(client, "/_cluster/health/whole").json()["status"], "green");
    let report = get(client, "/_health_report").json();
    assert_eq!(report["status"], "red");
    let damaged = json!([{"index": "films", "shard": 0, "reason": shard["reason"]}]);
    assert_eq!(report["indicators"]["shards_availability"]["details"]["damaged"], damaged);
    assert_eq!(get(client, "/_cluster/health?wait_for_status=yellow").status, 408);

    assert_eq!(get(client, "/_cat/indices?h=health,index").text(), "red   films\ngreen whole\n");
    assert_eq!(get(client, "/_cat/health?h=status,shards").text(), format!("red {}\n", active + 1));
    let reason = shard["reason"].as_str().unwrap().to_owned();
    let listed = get(client, "/_cat/shards/films?h=state,unassigned.reason,damage&format=json");
    let (state, unassigned) =
        if active == 1 { ("STARTED", "") } else { ("UNASSIGNED", "ALLOCATION_FAILED") };
    let row = json!([{"state": state, "unassigned.reason": unassigned, "damage": reason}]);
    assert_eq!(listed.json(), row);
    reason
}

/// That no search leaves out in silence what may be there, and no write by query goes on without it.
#[track_caller]
fn check_searches(client: &mut Client, file: &str) {
    for path in
        ["/films/_search", "/films/_search?size=0", "/films/_count", "/films/_search?q=_id:1"]
    {
        let alone = get(client, path);
        assert_eq!(alone.status, 500, "{path}: {alone:?}");
        let error = &alone.json()["error"];
        assert_eq!(error["type"], "search_phase_execution_exception");
        assert_eq!(error["root_cause"][0]["type"], "corrupt_index_exception");
        assert!(error["root_cause"][0]["reason"].as_str().unwrap().contains(file), "{error}");
    }
    let among_others = get(client, "/_search").json();
    let shards = &among_others["_shards"];
    assert_eq!((&shards["total"], &shards["failed"]), (&json!(2), &json!(1)));
    assert_eq!(shards["failures"][0]["reason"]["type"], "corrupt_index_exception");
    let hits = among_others["hits"]["hits"].as_array().unwrap();
    let found = |hit: &Value| format!("{}/{}", hit["_index"], hit["_id"]).replace('"', "");
    let found: Vec<String> = hits.iter().map(found).collect();
    let of_films = found.iter().filter(|hit| hit.starts_with("films/"));
    let of_films: Vec<&str> = of_films.map(String::as_str).collect();
    assert_eq!((of_films, found.len()), (vec!["films/2"], 4), "what is certain: {found:?}");
    assert_eq!(get(client, "/_search?allow_partial_search_results=false").status, 500);

    let copy = json!({"source": {"index": ["films", "whole"]}, "dest": {"index": "copies"}});
    let copied = client.ask(json_request("POST", "/_reindex", &copy));
    assert_eq!(copied.status, 500, "{copied:?}");
    let copied = copied.json();
    assert_eq!((&copied["created"], &copied["failures"][0]["index"]), (&json!(0), &json!("films")));
    assert_eq!(copied["failures"][0]["reason"]["type"], "corrupt_index_exception");
    assert_eq!(client.ask(bare("HEAD", "/copies")).status, 404);
    let delete =
        json_request("POST", "/films/_delete_by_query", &json!({"query": {"match_all": {}}}));
    assert_eq!(client.ask(delete).status, 500);
}

#[test]
fn a_source_that_rotted_is_red_and_everything_else_goes_on() {
    let directory = stopped(&[("1", MARK)]);
    let file = flip(directory.path());
    let mut occam = Occam::start(directory.path());
    let mut client = occam.client();

    check_error(&get(&mut client, "/films/_doc/1"), 500, "corrupt_index_exception", &file);
    let update = json_request("POST", "/films/_update/1", &json!({"doc": {"n": 1}}));
    check_error(&client.ask(update), 500, "corrupt_index_exception", &file);
    let reason = check_red(&mut client, 1);
    assert!(reason.contains(&file) && reason.contains("all operations are known"), "{reason}");

    assert_eq!(get(&mut client, "/films/_source/2").json(), json!({"text": "x"}));
    let several = json!({"ids": ["1", "2"]});
    let docs = &client.ask(json_request("GET", "/films/_mget", &several)).json()["docs"];
    assert_eq!(docs[0]["error"]["type"], "corrupt_index_exception");
    assert_eq!(docs[1]["found"], true);
    assert_eq!(client.ask(json_request("PUT", "/films/_doc/3", &json!({}))).status, 201);
    assert_eq!(client.ask(json_request("PUT", "/films/_doc/1", &json!({"n": 2}))).status, 200);
    assert_eq!(get(&mut client, "/films/_source/1").json(), json!({"n": 2}), "replaced is healed");
    occam.ask_to_stop();
    let end = occam.wait();
    assert_eq!(end.status.code(), Some(0));
    assert!(end.stderr.contains("ERROR") && end.stderr.contains(&file), "{}", end.stderr);
}

#[test]
fn a_source_that_rots_while_it_is_served_turns_its_shard_red() {
    let directory = stopped(&[("1", MARK)]);
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    assert_eq!(get(&mut client, "/_cluster/health").json()["status"], "green");
    let file = flip(directory.path());
    check_error(&get(&mut client, "/films/_doc/1"), 500, "corrupt_index_exception", &file);
    assert!(check_red(&mut client, 1).contains(&file));
    assert_eq!(client.ask(json_request("PUT", "/films/_doc/3", &json!({}))).status, 201);
}

#[test]
fn where_operations_may_be_lost_writes_are_refused_and_only_what_is_certain_is_read() {
    // Between two sources, so that what follows in the entry cannot be found.
    let long = "y".repeat(2_000);
    let directory = stopped(&[("1", &long), (MARK, &long), ("3", "z")]);
    forget(directory.path());
    let file = flip(directory.path());
    let mut occam = Occam::start(directory.path());
    let mut client = occam.client();
    let reason = check_red(&mut client, 0);
    assert!(reason.contains(&file) && reason.contains("may be lost"), "{reason}");

    for request in [
        json_request("PUT", "/films/_doc/1", &json!({})),
        json_request("PUT", "/films/_doc/2?if_seq_no=1&if_primary_term=1", &json!({})),
        json_request("POST", "/films/_update/2", &json!({"doc": {}})),
        bare("DELETE", "/films/_doc/2"),
    ] {
        check_error(&client.ask(request), 503, "unavailable_shards_exception", &file);
    }
    let lines = "{\"index\":{\"_id\":\"9\"}}\n{}\n{\"index\":{\"_index\":\"whole\"}}\n{}\n";
    let items = &client.ask(bulk("/films/_bulk", lines)).json()["items"];
    assert_eq!(
        (&items[0]["index"]["status"], &items[1]["index"]["status"]),
        (&json!(503), &json!(201))
    );
    assert_eq!(items[0]["index"]["error"]["outcome"], "not-applied");

    for unknown in ["/films/_doc/1", "/films/_doc/3", "/films/_doc/never"] {
        check_error(&get(&mut client, unknown), 500, "corrupt_index_exception", &file);
    }
    assert_eq!(get(&mut client, "/films/_source/2").json(), json!({"text": "x"}), "the later one");
    assert_eq!(client.ask(json_request("PUT", "/whole/_doc/2", &json!({}))).status, 201);
    check_searches(&mut client, &file);
    occam.ask_to_stop();
    assert_eq!(occam.wait().status.code(), Some(0));

    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    assert_eq!(check_red(&mut client, 0), reason, "nothing heals by itself");
    assert_eq!(client.ask(bare("DELETE", "/films")).status, 200, "the way out");
    assert_eq!(get(&mut client, "/_cluster/health").json()["status"], "green");
}
