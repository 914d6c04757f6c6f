//! One document and sixteen clients: exactly one of rivals wins, and nobody's success is lost.
//!
//! Each test runs in this process over a log in memory, and as the real binary on disk.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::client::{Client, json as json_request};
use crate::occam::Occam;
use crate::{api, client};

const CLIENTS: usize = 16;
/// How often each client succeeds.
const SUCCESSES: usize = 12;

/// The document, typed as 5.x names it and as 7.x does.
const TYPED: &str = "/counters/page/1";
const TYPELESS: &str = "/counters/_doc/1";
const UPDATE: &str = "/counters/_update/1";

/// How a client writes.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Reads, adds one to `n`, writes back if the `seq_no` is still the one read (7.x).
    SeqNo,
    /// Reads, adds one to `n`, writes back if the version is still the one read (5.x).
    Version,
    /// Updates a field of its own without any condition.
    Update,
}

#[test]
fn compare_and_set_by_seq_no_counts_exactly() {
    everywhere(&[Kind::SeqNo]);
}

#[test]
fn compare_and_set_by_version_counts_exactly() {
    everywhere(&[Kind::Version]);
}

#[test]
fn updates_never_conflict_and_keep_every_field() {
    everywhere(&[Kind::Update]);
}

#[test]
fn the_ways_of_three_generations_exclude_each_other_on_one_document() {
    everywhere(&[Kind::SeqNo, Kind::Version, Kind::Update]);
}

/// Lets clients of these kinds, in turns, write to one document: in memory and on disk.
fn everywhere(kinds: &[Kind]) {
    let server = api::start(None);
    check(server.address, kinds);

    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    check(occam.address(), kinds);
    let before = get(&mut occam.client());
    occam.stop();
    let occam = Occam::start(directory.path());
    assert_eq!(get(&mut occam.client()), before, "and a restart changes nothing");
}

fn check(address: SocketAddr, kinds: &[Kind]) {
    let mut observer = Client::to(address);
    assert_eq!(observer.ask(json_request("PUT", TYPED, &json!({"n": 0}))).status, 201);
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let kind = kinds[number % kinds.len()];
            scope.spawn(move || write(&mut Client::to(address), kind, number));
        }
    });

    let of_kind = |number: &usize, kind| kinds[number % kinds.len()] == kind;
    let updaters: Vec<_> = (0..CLIENTS).filter(|number| of_kind(number, Kind::Update)).collect();
    let found = get(&mut observer);
    let source = &found["_source"];
    assert_eq!(source["n"], json!(SUCCESSES * (CLIENTS - updaters.len())), "{found}");
    for number in &updaters {
        assert_eq!(source[format!("client-{number}")], json!(SUCCESSES), "{found}");
    }
    assert_eq!(source.as_object().unwrap().len(), 1 + updaters.len(), "{found}");
    // Every success is one version and one seq_no; no refusal took either.
    assert_eq!(found["_version"], json!(1 + SUCCESSES * CLIENTS), "{found}");
    assert_eq!(found["_seq_no"], json!(SUCCESSES * CLIENTS), "{found}");
}

/// Writes until it has succeeded often enough.
fn write(client: &mut Client, kind: Kind, number: usize) {
    let mut done = 0;
    while done < SUCCESSES {
        let request = match kind {
            Kind::Update => {
                let doc = json!({"doc": {format!("client-{number}"): done + 1}});
                json_request("POST", UPDATE, &doc)
            }
            Kind::SeqNo => {
                let found = get(client);
                let (seq_no, term) = (&found["_seq_no"], &found["_primary_term"]);
                let path = format!("{TYPELESS}?if_seq_no={seq_no}&if_primary_term={term}");
                json_request("PUT", &path, &one_more(found))
            }
            Kind::Version => {
                let found = get(client);
                let path = format!("{TYPED}?version={}", found["_version"]);
                json_request("PUT", &path, &one_more(found))
            }
        };
        let reply = client.ask(request);
        match reply.status {
            200 => done += 1,
            409 if kind != Kind::Update => {}
            _ => panic!("{reply:?}"),
        }
    }
}

/// The document's source, counted on.
fn one_more(mut found: Value) -> Value {
    let mut source = found["_source"].take();
    source["n"] = json!(source["n"].as_u64().unwrap() + 1);
    source
}

fn get(client: &mut Client) -> Value {
    let reply = client.ask(client::bare("GET", TYPELESS));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}
