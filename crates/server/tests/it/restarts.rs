//! Clean stops and what a directory keeps from one process to the next.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Client, bare, json as json_request};
use crate::ledger::Ledger;
use crate::load::Clients;
use crate::occam::Occam;
use crate::random::Random;

/// Sends one request with a body and returns status and answer.
fn ask(client: &mut Client, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let reply = client.ask(json_request(method, path, body));
    (reply.status, reply.json())
}

/// As [`ask`], without a body.
fn see(client: &mut Client, method: &str, path: &str) -> (u16, Value) {
    let reply = client.ask(bare(method, path));
    (reply.status, reply.json())
}

fn restart(occam: Occam, directory: &TempDir) -> Occam {
    occam.stop();
    Occam::start(directory.path())
}

#[test]
fn a_stop_under_load_is_clean_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut clients = Clients::new(Random::new(1));
    let mut ledger = Ledger::default();
    let occam = Occam::start(directory.path());
    let created = clients.set_up(occam.address());
    let mut occam = restart(occam, &directory);
    ledger.check(&mut occam.client(), created);
    for answers in [0, 1, 300] {
        let record = clients.load(occam.address(), answers, || occam.ask_to_stop());
        let end = occam.wait();
        assert_eq!((end.status.code(), end.stderr.as_str()), (Some(0), ""));
        occam = Occam::start(directory.path());
        ledger.check(&mut occam.client(), record);
    }
}

#[test]
fn a_second_process_on_the_directory_is_turned_away() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    assert_eq!(ask(&mut client, "PUT", "/a/_doc/1", &json!({"n": 1})).0, 201);

    let end = Occam::spawn(directory.path(), &["127.0.0.1:0"], &[]).wait();
    assert_eq!(end.status.code(), Some(1));
    assert_eq!(end.stderr.lines().count(), 1, "{}", end.stderr);
    assert!(end.stderr.starts_with("occam: "), "{}", end.stderr);
    assert!(end.stderr.contains(directory.path().to_str().unwrap()), "{}", end.stderr);

    assert_eq!(ask(&mut client, "PUT", "/a/_doc/1", &json!({"n": 2})).0, 200, "the first lives on");
    let occam = restart(occam, &directory);
    assert_eq!(see(&mut occam.client(), "GET", "/a/_source/1"), (200, json!({"n": 2})));
}

#[test]
fn an_index_keeps_its_identity_its_settings_and_its_mapping() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    let body = json!({
        "settings": {"number_of_shards": 3, "number_of_replicas": 0, "gc_deletes": "2h"},
        "mappings": {"properties": {"title": {"type": "text"}}},
    });
    assert_eq!(ask(&mut client, "PUT", "/films", &body).0, 200);
    let change = json!({"index": {"number_of_replicas": 2, "refresh_interval": "7s"}});
    assert_eq!(ask(&mut client, "PUT", "/films/_settings", &change).0, 200);
    let (_, before) = see(&mut client, "GET", "/films");
    let settings = &before["films"]["settings"]["index"];
    assert_eq!(settings["number_of_replicas"], "2");
    assert_eq!(settings["gc_deletes"], "2h");

    let occam = restart(occam, &directory);
    assert_eq!(see(&mut occam.client(), "GET", "/films"), (200, before));
}

#[test]
fn an_index_keeps_its_type() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    assert_eq!(ask(&mut occam.client(), "PUT", "/site/blog/1", &json!({"n": 1})).0, 201);

    let occam = restart(occam, &directory);
    let mut client = occam.client();
    assert_eq!(see(&mut client, "GET", "/site/_all/1").1["_type"], "blog");
    assert_eq!(see(&mut client, "GET", "/site/blog/1").1["_type"], "blog");
    assert_eq!(see(&mut client, "GET", "/site/other/1").0, 404);
    assert_eq!(
        see(&mut client, "GET", "/site/_doc/1").1["_type"],
        "_doc",
        "who names no type sees none"
    );
    let (status, refused) = ask(&mut client, "PUT", "/site/post/2", &json!({}));
    assert_eq!(status, 400, "{refused}");
    assert_eq!(
        refused["error"]["reason"],
        "Rejecting mapping update to [site] as the final mapping would have more than 1 type: \
         [blog, post]"
    );
}

#[test]
fn a_late_write_does_not_resurrect_a_document_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    let external = |version: u64| format!("/a/_doc/1?version={version}&version_type=external");
    assert_eq!(ask(&mut client, "PUT", &external(5), &json!({"n": 5})).0, 201);
    assert_eq!(see(&mut client, "DELETE", &external(7)).0, 200);

    let occam = restart(occam, &directory);
    let mut client = occam.client();
    for late in [0, 6, 7] {
        let (status, refused) = ask(&mut client, "PUT", &external(late), &json!({"n": late}));
        assert_eq!(status, 409, "{refused}");
        let reason = refused["error"]["reason"].as_str().unwrap();
        assert!(reason.contains("current version [7] is higher or equal"), "{reason}");
    }
    assert_eq!(see(&mut client, "GET", "/a/_doc/1").0, 404);
    let (status, created) = ask(&mut client, "PUT", &external(8), &json!({"n": 8}));
    assert_eq!((status, &created["result"]), (201, &json!("created")));
}

#[test]
fn conditions_from_before_a_restoration_mean_no_other_write() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    ask(&mut occam.client(), "PUT", "/a/_doc/1", &json!({"n": 1}));
    occam.stop();
    let copy = || {
        let backup = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), backup.path().join(entry.file_name())).unwrap();
        }
        backup
    };
    let (backup, another) = (copy(), copy());
    let occam = Occam::start(directory.path());
    let (_, lost) = ask(&mut occam.client(), "PUT", "/a/_doc/1", &json!({"n": 2}));
    assert_eq!((&lost["_seq_no"], &lost["_primary_term"]), (&json!(1), &json!(2)));
    occam.stop();
    let of_lost = "/a/_doc/1?if_seq_no=1&if_primary_term=2";

    // Left to itself the restored directory gives the same numbers to another write.
    let occam = Occam::start(backup.path());
    let (_, same) = ask(&mut occam.client(), "PUT", "/a/_doc/1", &json!({"n": 3}));
    assert_eq!((&same["_seq_no"], &same["_primary_term"]), (&json!(1), &json!(2)));
    assert_eq!(ask(&mut occam.client(), "PUT", of_lost, &json!({"n": 4})).0, 200);
    occam.stop();

    let restored = ["--restored"];
    let occam = Occam::listening(another.path(), &["127.0.0.1:0"], &restored);
    let (_, other) = ask(&mut occam.client(), "PUT", "/a/_doc/1", &json!({"n": 3}));
    assert_eq!(other["_seq_no"], 1);
    let term = other["_primary_term"].as_u64().unwrap();
    assert!(term > 1_000_000_000, "{term}");
    assert_eq!(ask(&mut occam.client(), "PUT", of_lost, &json!({"n": 4})).0, 409);
    // It counts on from there.
    let occam = restart(occam, &another);
    let (_, next) = ask(&mut occam.client(), "PUT", "/a/_doc/1", &json!({"n": 5}));
    assert_eq!(next["_primary_term"], term + 1);
}

#[test]
fn a_document_keeps_the_term_it_was_written_under() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let (_, first) = ask(&mut occam.client(), "PUT", "/a/_doc/1", &json!({"n": 1}));
    assert_eq!((&first["_seq_no"], &first["_primary_term"]), (&json!(0), &json!(1)));

    let occam = restart(occam, &directory);
    let mut client = occam.client();
    let (_, found) = see(&mut client, "GET", "/a/_doc/1");
    assert_eq!((&found["_seq_no"], &found["_primary_term"]), (&json!(0), &json!(1)));
    let condition = "/a/_doc/1?if_seq_no=0&if_primary_term=1";
    let (status, second) = ask(&mut client, "PUT", condition, &json!({"n": 2}));
    assert_eq!((status, &second["_seq_no"]), (200, &json!(1)), "{second}");
    assert!(second["_primary_term"].as_u64().unwrap() > 1, "{second}");
}

#[test]
fn a_new_index_never_sees_the_one_it_is_named_after() {
    let directory = tempfile::tempdir().unwrap();
    let mut occam = Occam::start(directory.path());
    let mut uuids = Vec::new();
    for (life, ending) in ["stop", "kill", "nothing", "kill", "stop"].into_iter().enumerate() {
        let mut client = occam.client();
        let (status, created) = ask(&mut client, "PUT", "/a/_doc/1", &json!({"life": life}));
        assert_eq!((status, &created["_version"]), (201, &json!(1)), "{created}");
        assert_eq!(created["_seq_no"], json!(0), "{created}");
        let only_once = format!("/a/_doc/of-life-{life}");
        assert_eq!(ask(&mut client, "PUT", &only_once, &json!({})).0, 201);
        assert_eq!(see(&mut client, "GET", "/a/_count").1["count"], json!(2));
        let (_, settings) = see(&mut client, "GET", "/a/_settings");
        let uuid = settings["a"]["settings"]["index"]["uuid"].as_str().unwrap().to_owned();
        assert!(!uuids.contains(&uuid), "a uuid came again");
        uuids.push(uuid);

        assert_eq!(see(&mut client, "DELETE", "/a"), (200, json!({"acknowledged": true})));
        match ending {
            "stop" => occam = restart(occam, &directory),
            "kill" => {
                occam.kill();
                occam = Occam::start(directory.path());
            }
            _ => {}
        }
        let mut client = occam.client();
        assert_eq!(see(&mut client, "GET", "/a/_doc/1").0, 404, "deleted is deleted");
        assert_eq!(see(&mut client, "GET", "/a").0, 404, "deleted is deleted");
    }
}

/// One document that a client wrote while somebody kept deleting its index.
struct Written {
    id: String,
    /// How many deletions had been answered when it was sent.
    sent_after: usize,
    /// How many deletions had been begun when it was acknowledged.
    done_after: usize,
}

#[test]
fn an_index_deleted_under_load_has_what_came_after_and_nothing_from_before() {
    const DELETIONS: usize = 30;
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let address = occam.address();
    let (begun, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let write = &|number: usize| {
        let mut client = Client::to(address);
        let mut written = Vec::new();
        for n in 0.. {
            let id = format!("{number}-{n}");
            let sent_after = answered.load(SeqCst);
            let (status, answer) =
                ask(&mut client, "PUT", &format!("/a/_doc/{id}"), &json!({"n": n}));
            // The index may vanish between its creation for this write and the write.
            assert!([201, 404].contains(&status), "{answer}");
            if status == 201 {
                written.push(Written { id, sent_after, done_after: begun.load(SeqCst) });
            }
            if sent_after == DELETIONS {
                return written;
            }
        }
        written
    };
    let written: Vec<Written> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4).map(|number| scope.spawn(move || write(number))).collect();
        let mut client = Client::to(address);
        while answered.load(SeqCst) < DELETIONS {
            begun.fetch_add(1, SeqCst);
            let (status, answer) = see(&mut client, "DELETE", "/a");
            assert!([200, 404].contains(&status), "{answer}");
            answered.fetch_add(1, SeqCst);
        }
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });

    let check = |occam: &Occam| {
        let mut client = occam.client();
        let is_there = |written: &Written| {
            let there = see(&mut client, "GET", &format!("/a/_doc/{}", written.id)).0 == 200;
            assert!(there || written.sent_after < DELETIONS, "{} is lost", written.id);
            assert!(!there || written.done_after == DELETIONS, "{} came back", written.id);
            there
        };
        let there: Vec<bool> = written.iter().map(is_there).collect();
        let count = see(&mut client, "GET", "/a/_count").1["count"].as_u64().unwrap();
        assert_eq!(there.iter().filter(|there| **there).count() as u64, count);
        there
    };
    let before = check(&occam);
    assert_eq!(check(&restart(occam, &directory)), before);
}
