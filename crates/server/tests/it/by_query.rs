//! Writes by query beside each other and beside plain writes: each counts exactly what it changed, and
//! none undoes what it has not seen.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::json;

use crate::api;
use crate::client::{Client, bare, bulk, json as json_request};

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
