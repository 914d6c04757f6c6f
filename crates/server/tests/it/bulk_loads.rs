//! Whole files through `_bulk`, as one loads them to try a server out.
//!
//! The files are made here; if `OCCAM_TEST_DATA` names a directory with `movies.bulk.ndjson` and
//! `earthquakes.bulk.ndjson`, these are loaded too.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::client::{Client, bare, bulk, json as json_request};
use crate::occam::Occam;

/// How many items go into one request.
const ITEMS: usize = 500;

#[test]
fn a_loaded_file_is_there_and_survives_a_restart() {
    check_load(&movies(2_000), 2_000);
    if let Some(file) = real("movies.bulk.ndjson") {
        check_load(&file, 3_201);
    }
}

#[test]
fn a_file_with_external_versions_loads_once() {
    check_loads_once(&earthquakes(2_000), 2_000);
    if let Some(file) = real("earthquakes.bulk.ndjson") {
        check_loads_once(&file, 1_707);
    }
}

fn check_load(file: &str, documents: u64) {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    assert_eq!(load(&mut client, "/movies/_bulk", file, 201), documents);
    assert_eq!(count(&mut client, "movies"), documents);
    let last = last_document(file);
    check_document(&mut client, "movies", &last);
    occam.stop();

    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    assert_eq!(count(&mut client, "movies"), documents);
    check_document(&mut client, "movies", &last);
}

fn check_loads_once(file: &str, documents: u64) {
    let directory = tempfile::tempdir().unwrap();
    let mut occam = Occam::start(directory.path());
    let mut client = occam.client();
    let settings = json!({"settings": {"number_of_shards": 3}});
    assert_eq!(client.ask(json_request("PUT", "/quakes", &settings)).status, 200);
    assert_eq!(load(&mut client, "/quakes/_bulk", file, 201), documents);
    let loaded = last_seq_nos(&mut client);
    assert_eq!(loaded.iter().map(|last| last + 1).sum::<i64>(), i64::try_from(documents).unwrap());
    for restarted in [false, true] {
        if restarted {
            occam.stop();
            occam = Occam::start(directory.path());
            client = occam.client();
        }
        assert_eq!(load(&mut client, "/quakes/_bulk", file, 409), documents);
        assert_eq!(count(&mut client, "quakes"), documents);
        assert_eq!(last_seq_nos(&mut client), loaded, "a refusal takes no seq_no");
        check_document(&mut client, "quakes", &last_document(file));
    }
}

/// Loads a file in requests of some hundred items, each of which is answered by `status`; returns how
/// many there were.
fn load(client: &mut Client, path: &str, file: &str, status: u16) -> u64 {
    let lines: Vec<&str> = file.lines().collect();
    let mut loaded = 0;
    for lines in lines.chunks(2 * ITEMS) {
        let reply = client.ask(bulk(path, &(lines.join("\n") + "\n")));
        assert_eq!(reply.status, 200, "{reply:?}");
        let answer = reply.json();
        assert_eq!(answer["errors"], json!(status != 201));
        let items = answer["items"].as_array().unwrap();
        assert_eq!(items.len(), lines.len() / 2);
        for item in items {
            assert_eq!(item["index"]["status"], json!(status), "{item}");
        }
        loaded += items.len() as u64;
    }
    loaded
}

fn count(client: &mut Client, index: &str) -> u64 {
    client.ask(bare("GET", &format!("/{index}/_count"))).json()["count"].as_u64().unwrap()
}

/// The last `seq_no` of each shard of the index `quakes`.
fn last_seq_nos(client: &mut Client) -> Vec<i64> {
    let stats = client.ask(bare("GET", "/quakes/_stats?level=shards")).json();
    let shards = stats["indices"]["quakes"]["shards"].as_object().unwrap().values();
    shards.map(|copies| copies[0]["seq_no"]["max_seq_no"].as_i64().unwrap()).collect()
}

/// The last action and document of a file.
fn last_document(file: &str) -> (Value, String) {
    let mut lines = file.lines().rev();
    let source = lines.next().unwrap().to_owned();
    (serde_json::from_str(lines.next().unwrap()).unwrap(), source)
}

fn check_document(client: &mut Client, index: &str, (action, source): &(Value, String)) {
    let id = action["index"]["_id"].as_str().unwrap();
    let found = client.ask(bare("GET", &format!("/{index}/_doc/{id}"))).json();
    let version = action["index"].get("version").unwrap_or(&json!(1)).clone();
    assert_eq!(found["_version"], version);
    let kept = client.ask(bare("GET", &format!("/{index}/_source/{id}")));
    assert_eq!(kept.text(), source, "byte for byte");
}

fn real(name: &str) -> Option<String> {
    let Some(directory) = std::env::var_os("OCCAM_TEST_DATA") else {
        eprintln!("skipped {name}: OCCAM_TEST_DATA names no directory that has it");
        return None;
    };
    Some(std::fs::read_to_string(Path::new(&directory).join(name)).unwrap())
}

/// Films that nobody made.
fn movies(count: u64) -> String {
    let mut file = String::new();
    for n in 1..=count {
        let gross = n * 7_919 % 100_003;
        let movie = json!({"Title": format!("Film № {n}"), "US Gross": gross, "Director": null,
            "IMDB Rating": (n % 91) as f64 / 10.0 + 1.0, "Release Date": format!("Jun {:02} 1998", n % 30 + 1)});
        writeln!(file, "{}\n{movie}", json!({"index": {"_id": n.to_string()}})).unwrap();
    }
    file
}

/// Earthquakes that nobody felt; their version is the time they were last looked at.
fn earthquakes(count: u64) -> String {
    let mut file = String::new();
    for n in 1..=count {
        let updated = 1_517_966_996_303_u64 - n * 31_337;
        let action =
            json!({"_id": format!("ci{n}"), "version": updated, "version_type": "external"});
        let quake = json!({"mag": (n % 70) as f64 / 10.0, "updated": updated, "felt": null,
            "place": format!("{}km W of Castaic, CA", n % 50), "location": [-118.67, 34.49, 26.49]});
        writeln!(file, "{}\n{quake}", json!({"index": action})).unwrap();
    }
    file
}
