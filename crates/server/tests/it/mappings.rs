//! Mappings and the documents that change them, through kills.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use serde_json::{Value, json};

use crate::client::{Client, bare, json as json_request};
use crate::occam::Occam;

/// How many documents are acknowledged before the process is killed.
const BEFORE_THE_KILL: usize = 120;
/// How many clients write at a time.
const CLIENTS: usize = 4;

/// The fields that an index is known to have.
fn fields(client: &mut Client, index: &str) -> Vec<String> {
    let shown = client.ask(bare("GET", &format!("/{index}/_mapping"))).json();
    let properties = shown[index]["mappings"]["properties"].as_object().cloned();
    properties.unwrap_or_default().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn after_a_kill_the_mapping_has_the_fields_of_every_acknowledged_document_and_of_no_refused_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut occam = Occam::start(directory.path());
    let settings =
        json!({"settings": {"number_of_shards": 3, "mapping.total_fields.limit": 100_000}});
    assert_eq!(occam.client().ask(json_request("PUT", "/a", &settings)).status, 200);
    assert_eq!(
        occam.client().ask(json_request("PUT", "/a/_doc/taken", &json!({"n": 1}))).status,
        201
    );
    let (address, count) = (occam.address(), AtomicUsize::new(0));
    let mut acknowledged = vec!["n".to_owned()];
    std::thread::scope(|scope| {
        let write = |number: usize, count: &AtomicUsize| {
            let mut client = Client::to(address);
            let mut written = Vec::new();
            for n in 0.. {
                let field = format!("f{number}_{n}");
                let document = json!({field.as_str(): "word"});
                let request = json_request("PUT", &format!("/a/_doc/{field}"), &document);
                match client.try_ask(request) {
                    Ok(reply) if reply.status == 201 => written.push(field),
                    Ok(_) | Err(_) => break,
                }
                count.fetch_add(1, SeqCst);
                let never = json!({format!("never{number}_{n}"): 1});
                match client.try_ask(json_request("PUT", "/a/_create/taken", &never)) {
                    Ok(reply) => assert_eq!(reply.status, 409),
                    Err(_) => break,
                }
            }
            written
        };
        let count = &count;
        let writers: Vec<_> =
            (0..CLIENTS).map(|number| scope.spawn(move || write(number, count))).collect();
        while count.load(SeqCst) < BEFORE_THE_KILL {
            std::thread::yield_now();
        }
        occam.kill();
        for writer in writers {
            acknowledged.extend(writer.join().unwrap());
        }
    });
    drop(occam);
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    let known = fields(&mut client, "a");
    let lost: Vec<_> = acknowledged.iter().filter(|field| !known.contains(field)).collect();
    assert!(lost.is_empty() && acknowledged.len() > BEFORE_THE_KILL, "{lost:?}");
    assert!(!known.iter().any(|field| field.starts_with("never")), "{known:?}");
    // At most the one that each client was not told about.
    assert!(known.len() <= acknowledged.len() + CLIENTS, "{known:?}");
    let refused = client.ask(json_request("PUT", "/a/_doc/late", &json!({"n": "word"})));
    assert_eq!(refused.status, 400);
    // A write that the kill cut short is told of.
    occam.stop_with_warnings();
}

#[test]
fn what_a_mapping_disables_in_sources_is_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    let hidden = json!({"mappings": {"_source": {"enabled": false}}});
    let partial = json!({"mappings": {"_source": {"excludes": ["secret*"]}}});
    for (index, body) in [("hidden", &hidden), ("partial", &partial)] {
        assert_eq!(client.ask(json_request("PUT", &format!("/{index}"), body)).status, 200);
        let document = json!({"a": 1, "secret": 2});
        let path = format!("/{index}/_doc/1");
        assert_eq!(client.ask(json_request("PUT", &path, &document)).status, 201);
    }
    let shown = client.ask(bare("GET", "/hidden/_doc/1")).json();
    assert_eq!((&shown["found"], &shown["_source"]), (&json!(true), &Value::Null));
    assert_eq!(client.ask(bare("GET", "/hidden/_source/1")).status, 404);
    assert_eq!(client.ask(bare("GET", "/partial/_source/1")).json(), json!({"a": 1}));
    let many =
        json!({"docs": [{"_index": "hidden", "_id": "1"}, {"_index": "partial", "_id": "1"}]});
    let many = client.ask(json_request("GET", "/_mget", &many)).json();
    assert_eq!(many["docs"][0]["_source"], Value::Null);
    assert_eq!(many["docs"][1]["_source"], json!({"a": 1}));
    occam.stop();
}

#[test]
fn a_template_adds_to_the_mapping_that_documents_are_checked_against() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    let template = |kind: &str| {
        json!({
            "index_patterns": ["logs-*"],
            "aliases": {"logs": {}},
            "mappings": {"properties": {"n": {"type": kind}}}
        })
    };
    let refused = client.ask(json_request("PUT", "/_template/t", &template("no such type")));
    assert_eq!((refused.status, client.ask(bare("GET", "/_template/t")).status), (400, 404));
    let put = client.ask(json_request("PUT", "/_template/t", &template("long")));
    assert_eq!(put.status, 200);
    let bad = client.ask(json_request("PUT", "/logs-1/_doc/1", &json!({"n": "word"})));
    assert_eq!(
        (bad.status, &bad.json()["error"]["type"]),
        (400, &json!("mapper_parsing_exception"))
    );
    let more = json!({"properties": {"m": {"type": "keyword"}}});
    let bodies = [("/logs/_mapping", 200), ("/logs-*/_mapping", 200), ("/nope-*/_mapping", 404)];
    for (path, status) in bodies {
        assert_eq!(client.ask(json_request("PUT", path, &more)).status, status, "{path}");
    }
    let shown = client.ask(bare("GET", "/logs/_mapping")).json();
    let fields = &shown["logs-1"]["mappings"]["properties"];
    assert_eq!(*fields, json!({"m": {"type": "keyword"}, "n": {"type": "long"}}));
}
