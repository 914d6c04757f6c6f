//! `occam check`: the real binary on directories that the real binary wrote.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{bare, json as json_request};
use crate::occam::Occam;

/// How a check ended.
struct Checked {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Checked {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

fn check(directory: &Path, arguments: &[&str]) -> Checked {
    let output = Command::new(env!("CARGO_BIN_EXE_occam"))
        .arg("check")
        .arg(directory)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Checked { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A directory with some documents: one written twice, one deleted, one with a routing.
fn some_writes(stop: bool) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut occam = Occam::start(directory.path());
    let mut client = occam.client();
    for (method, path, body) in [
        ("PUT", "/films/_doc/1", json!({"title": "first"})),
        ("PUT", "/films/_doc/2?routing=r", json!({"title": "routed"})),
        ("PUT", "/films/_doc/3?version=7&version_type=external", json!({"title": "external"})),
        ("PUT", "/films/_doc/1", json!({"title": "y".repeat(5_000)})),
        ("DELETE", "/films/_doc/2?routing=r", Value::Null),
        ("PUT", "/films/_doc/4?routing=r", json!({"title": "last"})),
    ] {
        let request =
            if body.is_null() { bare(method, path) } else { json_request(method, path, &body) };
        let reply = client.ask(request);
        assert!(reply.status < 300, "{path}: {}", reply.text());
    }
    if stop {
        occam.stop();
    } else {
        occam.kill();
    }
    directory
}

/// Changes a byte in the middle of the long source; says in which file and where.
fn damage(directory: &Path) -> (String, u64) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let mut contents = std::fs::read(&path).unwrap();
        let source = "y".repeat(5_000);
        if let Some(at) = contents.windows(5_000).position(|window| window == source.as_bytes()) {
            contents[at + 2_500] = b'z';
            std::fs::write(&path, contents).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            return (name, (at + 2_500) as u64);
        }
    }
    panic!("the source is nowhere")
}

#[test]
fn a_directory_that_was_stopped_or_killed_is_whole() {
    for stop in [true, false] {
        let directory = some_writes(stop);
        let checked = check(directory.path(), &[]);
        assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""), "{}", checked.stdout);
        let lines: Vec<_> = checked.stdout.lines().collect();
        assert!(lines[0].starts_with("file ") && lines[0].ends_with(" state"), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("segment-") && line.ends_with("whole")));
        let summary = "whole: 5 documents (2 of the catalogue, 0 unreadable), 1 deletes, 2 streams";
        assert_eq!(lines.last(), Some(&summary));
    }
}

#[test]
fn json_tells_programs_the_same() {
    let directory = some_writes(true);
    let checked = check(directory.path(), &["--json"]);
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));
    let document = checked.json();
    assert_eq!((&document["outcome"], &document["whole"]), (&json!("whole"), &json!(true)));
    assert_eq!(document["findings"], json!([]));
    let totals = json!({"streams": 2, "documents": 5, "catalog": 2, "unreadable": 0, "deletes": 1});
    assert_eq!(document["totals"], totals);
    let files = document["files"].as_array().unwrap();
    for kind in ["manifest", "segment", "checkpoint", "auxiliary"] {
        let file = files.iter().find(|file| file["kind"] == kind).unwrap();
        assert_eq!(file["state"], "whole", "{file}");
        assert!(file["bytes"].is_u64() && file["torn"].is_null(), "{file}");
    }
}

#[test]
fn damage_is_named_and_what_is_whole_is_salvaged() {
    for stop in [true, false] {
        let directory = some_writes(stop);
        let (file, offset) = damage(directory.path());
        let checked = check(directory.path(), &["--json"]);
        assert_eq!(checked.code, Some(1));
        let document = checked.json();
        assert_eq!(
            (&document["outcome"], &document["totals"]["unreadable"]),
            (&json!("damaged"), &json!(1))
        );
        let findings = document["findings"].as_array().unwrap();
        let is_it = |found: &&Value| {
            let at = found["offset"].as_u64().unwrap();
            found["file"] == *file && at <= offset && offset < at + 6_000
        };
        assert!(findings.iter().any(|found| is_it(&found)), "{findings:?}");
        let shown = check(directory.path(), &[]);
        let place = format!("  {file} at offset {}", findings[0]["offset"]);
        assert!(shown.stdout.contains(&place), "{}", shown.stdout);
        assert!(shown.stdout.contains("\ndamaged, "), "{}", shown.stdout);

        let parent = tempfile::tempdir().unwrap();
        let rescued = parent.path().join("rescued");
        let salvaged = check(directory.path(), &["--json", "--salvage", rescued.to_str().unwrap()]);
        assert_eq!((salvaged.code, salvaged.stderr.as_str()), (Some(1), ""));
        let document = salvaged.json();
        let lost = document["salvaged"]["lost"].as_array().unwrap();
        assert_eq!(lost.len(), 1, "{lost:?}");
        assert_eq!((&lost[0]["index"], &lost[0]["id"]), (&json!("films"), &json!("1")));
        assert_eq!(lost[0]["file"], *file);
        assert_eq!(check(&rescued, &[]).code, Some(0));
        serve_salvaged(&rescued);
        assert_eq!(check(&rescued, &[]).code, Some(0));
    }
}

fn serve_salvaged(directory: &Path) {
    let occam = Occam::start(directory);
    let mut client = occam.client();
    let mut see = |path: &str| {
        let reply = client.ask(bare("GET", path));
        (reply.status, reply.json())
    };
    assert_eq!(see("/films/_doc/1").0, 404, "no older version takes its place");
    assert_eq!(see("/films/_doc/2?routing=r").0, 404);
    let (status, external) = see("/films/_doc/3");
    assert_eq!((status, &external["_version"], &external["_seq_no"]), (200, &json!(7), &json!(2)));
    let (status, routed) = see("/films/_doc/4?routing=r");
    assert_eq!((status, &routed["_routing"], &routed["_seq_no"]), (200, &json!("r"), &json!(5)));
    let written = client.ask(json_request("PUT", "/films/_doc/5", &json!({}))).json();
    assert_eq!(written["_seq_no"], 6);
    assert!(written["_primary_term"].as_u64().unwrap() > 1);
    occam.stop();
}

#[test]
fn the_node_can_do_without_its_lost_record() {
    let directory = some_writes(true);
    let member = br#""next_stream""#;
    let mut records = 0;
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        let mut contents = std::fs::read(&path).unwrap();
        for at in 0..contents.len() {
            if contents[at..].starts_with(member) {
                contents[at] ^= 1;
                records += 1;
            }
        }
        std::fs::write(&path, contents).unwrap();
    }
    assert!(records > 0);
    let parent = tempfile::tempdir().unwrap();
    let rescued = parent.path().join("rescued");
    let salvaged = check(directory.path(), &["--json", "--salvage", rescued.to_str().unwrap()]);
    let lost = &salvaged.json()["salvaged"]["lost"];
    assert_eq!((&lost[0]["stream"], &lost[0]["id"]), (&json!(0), &json!("_node")));

    let occam = Occam::start(&rescued);
    let mut client = occam.client();
    let other = client.ask(json_request("PUT", "/other/_doc/9", &json!({"n": 9})));
    assert_eq!((other.status, &other.json()["_seq_no"]), (201, &json!(0)), "a stream of its own");
    assert_eq!(client.ask(bare("GET", "/other/_doc/3")).status, 404);
    assert_eq!(client.ask(bare("GET", "/films/_doc/3")).status, 200);
    occam.stop();
}

#[test]
fn a_check_that_cannot_be_made_says_why() {
    let directory = some_writes(true);
    let path = directory.path().to_str().unwrap();
    let occam = Occam::start(directory.path());
    let in_use = check(directory.path(), &[]);
    occam.stop();
    let missing = check(&directory.path().join("missing"), &[]);
    let onto_itself = check(directory.path(), &["--salvage", path]);
    for (checked, why) in [
        (in_use, "another process uses"),
        (missing, "missing"),
        (onto_itself, "lies in the directory"),
    ] {
        assert_eq!((checked.code, checked.stdout.as_str()), (Some(1), ""));
        assert_eq!(checked.stderr.lines().count(), 1, "{}", checked.stderr);
        assert!(checked.stderr.starts_with("cannot check ["), "{}", checked.stderr);
        assert!(checked.stderr.contains(why), "{}", checked.stderr);
    }
    let missing = check(&directory.path().join("missing"), &["--json"]);
    assert_eq!((missing.code, &missing.json()["outcome"]), (Some(1), &json!("unchecked")));
    assert!(missing.json()["reason"].as_str().unwrap().contains("missing"));
    assert!(missing.stderr.starts_with("cannot check ["), "{}", missing.stderr);
    let misuse = Command::new(env!("CARGO_BIN_EXE_occam")).arg("check").output().unwrap();
    assert_eq!(misuse.status.code(), Some(2));
}
