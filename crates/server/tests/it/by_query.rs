//! Writes by query beside each other and beside plain writes: each counts exactly what it changed, and
//! none undoes what it has not seen.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde_json::json;

use crate::api;
use crate::client::{Client, bare, bulk, json as json_request};
use crate::occam::Occam;
use crate::server::pass;

/// How many documents there are.
const DOCUMENTS: u64 = 60;
/// How many clients write by query, and how many one by one.
const CLIENTS: usize = 4;
/// How often each does so.
const ROUNDS: usize = 8;

#[test]
fn writes_by_query_count_what_they_changed_and_undo_nothing() {
    let server = api::start(None);
    let address = server.address;
    let mut observer = Client::to(address);
    let lines: String = (0..DOCUMENTS)
        .map(|id| format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{{\"n\":0}}\n"))
        .collect();
    assert_eq!(observer.ask(bulk("/i/_bulk", &lines)).status, 200);

    let (updated, conflicts) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = Client::to(address);
                for _ in 0..ROUNDS {
                    let path = "/i/_update_by_query?conflicts=proceed&scroll_size=7";
                    let answer = client.ask(bare("POST", path)).json();
                    let count = |name: &str| answer[name].as_u64().unwrap();
                    assert_eq!(count("total"), DOCUMENTS, "{answer}");
                    assert_eq!(
                        count("updated") + count("version_conflicts"),
                        DOCUMENTS,
                        "{answer}"
                    );
                    assert_eq!(answer["failures"], json!([]), "{answer}");
                    updated.fetch_add(count("updated"), Relaxed);
                    conflicts.fetch_add(count("version_conflicts"), Relaxed);
                }
            });
            scope.spawn(|| {
                let mut client = Client::to(address);
                for round in 0..ROUNDS {
                    // A plain update adds a field of its own: whoever writes an older source takes it away.
                    let doc = json!({ "doc": { format!("f{round}"): true } });
                    for id in 0..DOCUMENTS {
                        let reply =
                            client.ask(json_request("POST", &format!("/i/_update/{id}"), &doc));
                        assert_eq!(reply.status, 200, "{}", reply.text());
                    }
                }
            });
        }
    });
    let mut written = 0;
    for id in 0..DOCUMENTS {
        let found = observer.ask(bare("GET", &format!("/i/_doc/{id}"))).json();
        for round in 0..ROUNDS {
            assert_eq!(found["_source"][format!("f{round}")], json!(true), "{found}");
        }
        written += found["_version"].as_u64().unwrap() - 1;
    }
    // Of the plain updates only those that changed something took a version: one for each field.
    let plain = DOCUMENTS * u64::try_from(ROUNDS).unwrap();
    assert_eq!(written, updated.load(Relaxed) + plain);
    assert!(conflicts.load(Relaxed) > 0, "they never met, so nothing was shown");
}

/// How many segments are kept for readers.
fn kept(client: &mut Client) -> u64 {
    let numbers = client.ask(bare("GET", "/_prometheus/metrics"));
    let name = "occam_log_kept_segments ";
    let line = numbers.text().lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().parse().unwrap()
}

/// Writes documents anew until collection has given up the segment that all of them lay in.
fn write_until_collected(client: &mut Client, directory: &Path) {
    let segment = directory.join("segment-00000001.log");
    let newer = json!({"n": 100, "text": "x".repeat(200_000)});
    for _ in 0..1_000 {
        if !segment.exists() {
            return;
        }
        for id in 0..READ {
            let path = format!("/i/_doc/{id}");
            assert_eq!(client.ask(json_request("PUT", &path, &newer)).status, 200);
        }
    }
    panic!("nothing is collected");
}

/// The number of documents that are written anew while somebody reads them.
const READ: u64 = 3;

#[test]
fn searches_that_go_on_and_copies_show_what_was_there_when_they_began() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    for id in 0..READ {
        let path = format!("/i/_doc/{id}");
        assert_eq!(client.ask(json_request("PUT", &path, &json!({"n": id}))).status, 201);
    }
    let by_n = json!({"size": 1, "sort": ["n"]});
    let scroll = client.ask(json_request("POST", "/i/_search?scroll=5m", &by_n)).json();
    let moment = client.ask(bare("POST", "/i/_pit?keep_alive=5m")).json();
    let copy =
        json!({"source": {"index": "i", "size": 1, "sort": ["n"]}, "dest": {"index": "copy"}});
    let slow = "/_reindex?requests_per_second=0.001&wait_for_completion=false";
    let task = client.ask(json_request("POST", slow, &copy)).json();

    write_until_collected(&mut client, directory.path());
    assert!(kept(&mut client) > 0);
    for n in 1..READ {
        let next = json!({"scroll_id": scroll["_scroll_id"]});
        let page = client.ask(json_request("POST", "/_search/scroll", &next)).json();
        assert_eq!(page["hits"]["hits"][0]["_source"], json!({"n": n}), "{page}");
    }
    let query = json!({"range": {"n": {"lt": 100}}});
    for search in [json!({"pit": moment}), json!({"pit": moment, "query": query})] {
        let mut search = search;
        search["sort"] = json!(["n"]);
        let found = client.ask(json_request("POST", "/_search", &search)).json();
        let sources: Vec<_> = (0..READ)
            .map(|n| found["hits"]["hits"][usize::try_from(n).unwrap()]["_source"].clone())
            .collect();
        let expected: Vec<_> = (0..READ).map(|n| json!({"n": n})).collect();
        assert_eq!(sources, expected, "{found}");
    }
    let task = task["task"].as_str().unwrap();
    let faster = format!("/_reindex/{task}/_rethrottle?requests_per_second=-1");
    assert_eq!(client.ask(bare("POST", &faster)).status, 200);
    let ended = format!("/_tasks/{task}?wait_for_completion=true&timeout=30s");
    let ended = client.ask(bare("GET", &ended)).json();
    assert_eq!(ended["response"]["created"], json!(READ), "{ended}");
    for n in 0..READ {
        let copied = client.ask(bare("GET", &format!("/copy/_source/{n}"))).json();
        assert_eq!(copied, json!({"n": n}));
    }

    // Once nobody reads it any more, nothing is kept.
    let closed = json!({"id": moment["id"]});
    assert_eq!(client.ask(json_request("DELETE", "/_pit", &closed)).status, 200);
    let all = bare("DELETE", "/_search/scroll/_all");
    assert_eq!(client.ask(all).status, 200);
    let mut waited = 0;
    while kept(&mut client) > 0 {
        waited += 1;
        assert!(waited < 200, "it is still kept");
        pass(Duration::from_millis(50));
    }

    // An index that is deleted takes with it what was to be read of it.
    let scroll = client.ask(json_request("POST", "/i/_search?scroll=5m", &by_n)).json();
    let moment = client.ask(bare("POST", "/i/_pit?keep_alive=5m")).json();
    assert_eq!(client.ask(bare("DELETE", "/i")).status, 200);
    for (path, body) in [
        ("/_search/scroll", json!({"scroll_id": scroll["_scroll_id"]})),
        ("/_search", json!({"pit": moment})),
    ] {
        assert_eq!(client.ask(json_request("POST", path, &body)).status, 404);
    }
    occam.stop();
}
