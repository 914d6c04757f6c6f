//! What a data directory takes and keeps: overwritten and deleted documents give their space back, and
//! nothing else goes or comes back with it, however the server ended; what is known without reading
//! everything is not believed when it is damaged.
//!
//! `OCCAM_TEST_SEED` chooses what is deleted and how servers end; the seed of a run is printed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Client, Reply, bare, bulk, json as json_request};
use crate::occam::Occam;
use crate::random::Random;
use crate::server::pass;

/// How long a source is, about.
const SOURCE_BYTES: usize = 2_048;
/// How many documents go into one request.
const ITEMS: usize = 500;
/// How long collection may take for what the tests here leave behind.
const COLLECTION_TIME_MAX: Duration = Duration::from_secs(10);

/// An acknowledged write that is the last one of its document.
#[derive(Clone, Debug, PartialEq)]
struct Written {
    round: usize,
    version: Value,
    seq_no: Value,
    primary_term: Value,
}

/// An index as it must be after all that was acknowledged: documents by number, nothing for deleted ones.
struct Held {
    index: &'static str,
    documents: BTreeMap<usize, Option<Written>>,
}

impl Held {
    /// An index that is not there yet.
    fn nothing(index: &'static str) -> Self {
        Self { index, documents: BTreeMap::new() }
    }

    /// A new index with these settings.
    fn create(client: &mut Client, index: &'static str, settings: &Value) -> Self {
        let body = json!({"settings": {"index": settings}});
        let created = client.ask(json_request("PUT", &format!("/{index}"), &body));
        assert_eq!(created.status, 200, "{created:?}");
        Self::nothing(index)
    }

    /// Writes documents with the sources of a round; each is created or replaced.
    fn write(&mut self, client: &mut Client, numbers: &[usize], round: usize) {
        for numbers in numbers.chunks(ITEMS) {
            let items = send(client, self.index, "index", numbers, round);
            for (number, item) in numbers.iter().zip(items) {
                self.note(*number, round, &item);
            }
        }
    }

    /// Deletes documents that are there.
    fn delete(&mut self, client: &mut Client, numbers: &[usize]) {
        for numbers in numbers.chunks(ITEMS) {
            for (number, item) in numbers.iter().zip(send(client, self.index, "delete", numbers, 0))
            {
                assert_eq!((&item["status"], &item["result"]), (&json!(200), &json!("deleted")));
                self.documents.insert(*number, None);
            }
        }
    }

    /// Creates all documents that were ever there: which succeeds for those that were deleted.
    fn create_again(&mut self, client: &mut Client, round: usize) {
        let numbers: Vec<_> = self.documents.keys().copied().collect();
        for numbers in numbers.chunks(ITEMS) {
            let items = send(client, self.index, "create", numbers, round);
            for (number, item) in numbers.iter().zip(items) {
                if self.documents[number].is_some() {
                    assert_eq!(item["status"], 409, "{number} is there: {item}");
                    assert_eq!(item["error"]["type"], "version_conflict_engine_exception");
                } else {
                    assert_eq!(item["result"], "created", "{number} was deleted: {item}");
                    self.note(*number, round, &item);
                }
            }
        }
    }

    /// Takes down the answer to a write that succeeded.
    fn note(&mut self, number: usize, round: usize, item: &Value) {
        assert!([200, 201].map(Value::from).contains(&item["status"]), "{number}: {item}");
        let field = |name: &str| item[name].clone();
        let (version, seq_no) = (field("_version"), field("_seq_no"));
        let primary_term = field("_primary_term");
        self.documents.insert(number, Some(Written { round, version, seq_no, primary_term }));
    }

    /// Reads everything back: each document is as it was written last, and there are no others.
    #[track_caller]
    fn check(&self, occam: &Occam) {
        let mut client = occam.client();
        let all: Vec<_> = self.documents.iter().collect();
        for documents in all.chunks(ITEMS) {
            let ids: Vec<_> = documents.iter().map(|(number, _)| id(**number)).collect();
            let path = format!("/{}/_mget", self.index);
            let answer = client.ask(json_request("GET", &path, &json!({ "ids": ids }))).json();
            let found = answer["docs"].as_array().unwrap();
            assert_eq!(found.len(), documents.len());
            for (found, (number, written)) in found.iter().zip(documents) {
                check_document(found, **number, written.as_ref());
            }
        }
        assert_eq!(count(&mut client, self.index), self.live() as u64);
    }

    /// How many documents are there.
    fn live(&self) -> usize {
        self.documents.values().flatten().count()
    }

    /// The numbers of the documents that are there, within a range.
    fn live_in(&self, numbers: Range<usize>) -> Vec<usize> {
        let live =
            |(number, written): (&usize, &Option<Written>)| written.as_ref().map(|_| *number);
        self.documents.range(numbers).filter_map(live).collect()
    }

    /// How long the sources of all documents that are there are together, about.
    fn live_bytes(&self) -> u64 {
        (self.live() * SOURCE_BYTES) as u64
    }
}

#[track_caller]
fn check_document(found: &Value, number: usize, written: Option<&Written>) {
    assert_eq!(found["_id"], id(number));
    let (is_there, version) = (found["found"] == true, &found["_version"]);
    assert_eq!(is_there, written.is_some(), "{number} of version {version}");
    let Some(written) = written else { return };
    let field = |name: &str| found[name].clone();
    let seen = (field("_version"), field("_seq_no"), field("_primary_term"));
    let Written { round, version, seq_no, primary_term } = written.clone();
    assert_eq!(seen, (version, seq_no, primary_term), "{number}");
    assert!(found["_source"] == source(number, round), "{number} has the source of another write");
}

fn id(number: usize) -> String {
    format!("document-{number}")
}

/// A source that no other document has, nor this one in another round.
fn source(number: usize, round: usize) -> Value {
    let mut text = format!("{number} in {round}, ").repeat(SOURCE_BYTES / 8);
    text.truncate(SOURCE_BYTES - 40);
    json!({"number": number, "round": round, "text": text})
}

/// Sends one bulk with one action for each of these documents; returns what it says of each.
fn send(
    client: &mut Client,
    index: &str,
    action: &str,
    numbers: &[usize],
    round: usize,
) -> Vec<Value> {
    let mut lines = String::new();
    for number in numbers {
        writeln!(lines, "{}", json!({ action: {"_id": id(*number)} })).unwrap();
        if action != "delete" {
            writeln!(lines, "{}", source(*number, round)).unwrap();
        }
    }
    let mut answer = client.ask(bulk(&format!("/{index}/_bulk"), &lines)).json();
    let items = answer["items"].as_array_mut().unwrap();
    assert_eq!(items.len(), numbers.len());
    items.iter_mut().map(|item| item[action].take()).collect()
}

fn count(client: &mut Client, index: &str) -> u64 {
    client.ask(bare("GET", &format!("/{index}/_count"))).json()["count"].as_u64().unwrap()
}

fn put(client: &mut Client, path: &str, number: usize, round: usize) -> Reply {
    client.ask(json_request("PUT", path, &source(number, round)))
}

fn start_without_collection(directory: &TempDir) -> Occam {
    Occam::listening(directory.path(), &["127.0.0.1:0"], &["--collect-rate", "0"])
}

fn kill_and_restart(mut occam: Occam, directory: &TempDir) -> Occam {
    occam.kill();
    Occam::start(directory.path())
}

fn stop_and_restart(occam: Occam, directory: &TempDir) -> Occam {
    occam.stop_with_warnings();
    Occam::start(directory.path())
}

/// How long the files are together, but for the one that is nothing but room.
fn bytes_taken(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let taking = files.filter(|file| file.file_name() != "RESERVE");
    // What was removed since it was listed takes nothing.
    taking.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Waits until the files are together at most this long.
#[track_caller]
fn shrinks_to(directory: &TempDir, bytes_max: u64) {
    let deadline = Instant::now() + COLLECTION_TIME_MAX;
    while bytes_taken(directory.path()) > bytes_max {
        let files = names(directory.path(), "");
        let bytes = bytes_taken(directory.path());
        assert!(Instant::now() < deadline, "{bytes} bytes, not {bytes_max}, in {files:?}");
        pass(Duration::from_millis(50));
    }
}

/// The size that a directory keeps below when it is left alone.
fn settled_bytes_max(live_bytes: u64) -> u64 {
    2 * live_bytes + (5 << 20)
}

/// The files whose names begin so.
fn names(directory: &Path, prefix: &str) -> BTreeSet<String> {
    let files = fs::read_dir(directory).unwrap();
    let names = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// That each segment has its checkpoint, and no checkpoint is without one; returns the checkpoints.
#[track_caller]
fn check_checkpoints(directory: &Path) -> BTreeSet<String> {
    let checkpoints = names(directory, "checkpoint-");
    let segments = names(directory, "segment-");
    let expected = |name: &String| {
        name.replace("segment-", "checkpoint-").strip_suffix(".log").unwrap().to_owned()
    };
    assert_eq!(checkpoints, segments.iter().map(expected).collect());
    checkpoints
}

/// Changes one byte of a file, at so many of `parts` parts of its length.
fn flip(file: &Path, (part, parts): (usize, usize)) {
    let mut bytes = fs::read(file).unwrap();
    let at = (bytes.len() - 1) * part / parts;
    bytes[at] ^= 0x10;
    fs::write(file, bytes).unwrap();
}

#[test]
fn overwritten_documents_give_their_space_back() {
    const ROUNDS: usize = 9;
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let numbers: Vec<_> = (0..2_000).collect();
    let mut held = Held::nothing("films");
    for round in 0..ROUNDS {
        held.write(&mut occam.client(), &numbers, round);
    }
    let first_seq_no = (ROUNDS - 1) * numbers.len();
    for (number, written) in &held.documents {
        let Written { version, seq_no, .. } = written.as_ref().unwrap();
        assert_eq!((version, seq_no), (&json!(ROUNDS), &json!(first_seq_no + number)));
    }
    let bytes_max = settled_bytes_max(held.live_bytes());
    held.check(&occam);

    // Wherever collection is just now.
    let occam = kill_and_restart(occam, &directory);
    held.check(&occam);
    shrinks_to(&directory, bytes_max);
    held.check(&occam);
    let occam = kill_and_restart(occam, &directory);
    held.check(&occam);
    shrinks_to(&directory, bytes_max);
    let occam = stop_and_restart(occam, &directory);
    held.check(&occam);
    shrinks_to(&directory, bytes_max);

    held.write(&mut occam.client(), &[7], ROUNDS);
    let Written { version, seq_no, .. } = held.documents[&7].as_ref().unwrap();
    assert_eq!((version, seq_no), (&json!(ROUNDS + 1), &json!(ROUNDS * numbers.len())));
    held.check(&occam);
    occam.stop();
}

#[test]
fn a_deleted_index_frees_its_space_beside_another_one() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    let (mut kept, mut gone) = (Held::nothing("kept"), Held::nothing("gone"));
    for part in (0..4_000).collect::<Vec<_>>().chunks(100) {
        kept.write(&mut client, part, 0);
        gone.write(&mut client, part, 0);
    }
    assert!(bytes_taken(directory.path()) > kept.live_bytes() + gone.live_bytes());
    let bytes_max = kept.live_bytes() / 4 * 5 + (1 << 20);
    assert_eq!(client.ask(bare("DELETE", "/gone")).status, 200);
    shrinks_to(&directory, bytes_max);

    let check = |occam: &Occam| {
        kept.check(occam);
        let mut client = occam.client();
        assert_eq!(client.ask(bare("HEAD", "/gone")).status, 404);
        assert_eq!(client.ask(bare("GET", &format!("/gone/_doc/{}", id(0)))).status, 404);
    };
    check(&occam);
    let occam = kill_and_restart(occam, &directory);
    check(&occam);
    shrinks_to(&directory, bytes_max);

    let mut again = Held::create(&mut occam.client(), "gone", &json!({}));
    again.check(&occam);
    let created = put(&mut occam.client(), &format!("/gone/_doc/{}", id(1)), 1, 1).json();
    assert_eq!((&created["_version"], &created["_seq_no"]), (&json!(1), &json!(0)), "{created}");
    again.documents = (0..4_000).map(|number| (number, None)).collect();
    let Value::Object(mut item) = created else { panic!("no object") };
    item.insert("status".to_owned(), json!(201));
    again.note(1, 1, &item.into());
    again.check(&occam);
    let occam = stop_and_restart(occam, &directory);
    again.check(&occam);
    kept.check(&occam);
}

/// Documents that are there from the beginning and are only ever deleted.
const CALM: Range<usize> = 0..300;
/// Documents that are written and deleted all the time.
const BUSY: Range<usize> = 1_000..1_300;

/// Some of these numbers, each of them once.
fn some(random: &mut Random, mut numbers: Vec<usize>, most: usize) -> Vec<usize> {
    let most = most.min(numbers.len());
    (0..most).map(|_| numbers.swap_remove(random.below(numbers.len()))).collect()
}

/// Writes many documents and deletes many of them and a few old ones.
fn churn(client: &mut Client, random: &mut Random, held: &mut Held, round: usize) {
    for _ in 0..2 {
        let written = some(random, BUSY.collect(), 200);
        held.write(client, &written, round);
        let deleted = some(random, held.live_in(BUSY), 150);
        held.delete(client, &deleted);
    }
    let deleted = some(random, held.live_in(CALM), 4);
    held.delete(client, &deleted);
}

/// Ends a server in one way or another and starts it again.
fn restart_somehow(occam: Occam, random: &mut Random, directory: &TempDir) -> Occam {
    if random.once_in(3) {
        return stop_and_restart(occam, directory);
    }
    drop(occam);
    if random.once_in(2) {
        let mut starting = Occam::spawn(directory.path(), &["127.0.0.1:0"], &[]);
        pass(Duration::from_millis(random.below(60) as u64));
        starting.kill();
    }
    Occam::start(directory.path())
}

#[test]
fn deletes_are_not_undone_by_collection_and_restarts() {
    const LIVES: usize = 8;
    let mut random = Random::of_this_run();
    let directory = tempfile::tempdir().unwrap();
    let mut occam = Occam::start(directory.path());
    let mut indices = [("forgets-at-once", "0s"), ("forgets-soon", "1s")].map(|(index, time)| {
        let mut client = occam.client();
        let mut held = Held::create(&mut client, index, &json!({"gc_deletes": time}));
        held.write(&mut client, &CALM.collect::<Vec<_>>(), 0);
        held
    });
    // What is calm lies in a segment with little garbage, which stays while the deletes are moved on.
    occam = stop_and_restart(occam, &directory);
    for life in 1..=LIVES {
        for held in &mut indices {
            churn(&mut occam.client(), &mut random, held, life);
        }
        pass(Duration::from_millis(random.below(1_300) as u64));
        occam = restart_somehow(occam, &mut random, &directory);
        indices.iter().for_each(|held| held.check(&occam));
    }
    shrinks_to(&directory, settled_bytes_max(indices.iter().map(Held::live_bytes).sum()));
    indices.iter().for_each(|held| held.check(&occam));

    for held in &mut indices {
        let mut client = occam.client();
        let (live, index) = (held.live_in(CALM)[0], held.index);
        let path = |number| format!("/{index}/_doc/{}?op_type=create", id(number));
        assert_eq!(put(&mut client, &path(live), live, 0).status, 409);
        assert_eq!(put(&mut client, &path(9_999), 9_999, 0).status, 201, "never there");
        held.delete(&mut client, &[9_999]);
        assert_eq!(put(&mut client, &path(9_999), 9_999, 0).status, 201, "deleted just now");
        held.delete(&mut client, &[9_999]);
        held.create_again(&mut client, LIVES + 1);
        held.check(&occam);
    }
    let occam = kill_and_restart(occam, &directory);
    indices.iter().for_each(|held| held.check(&occam));
    occam.stop_with_warnings();
}

#[test]
fn a_start_reads_checkpoints() {
    let directory = tempfile::tempdir().unwrap();
    let mut held = Held::nothing("films");
    // Collection would drop segments, and a start does not look at what was dropped.
    for round in 0..3 {
        let occam = start_without_collection(&directory);
        let mut client = occam.client();
        held.write(&mut client, &(round * 20..100).collect::<Vec<_>>(), round);
        held.delete(&mut client, &[99 - round]);
        occam.stop();
        check_checkpoints(directory.path());
    }
    let start_and_check = || {
        let occam = start_without_collection(&directory);
        held.check(&occam);
        occam
    };

    let checkpoints = check_checkpoints(directory.path());
    assert!(checkpoints.len() >= 2, "{checkpoints:?}");
    checkpoints.iter().for_each(|name| fs::remove_file(directory.path().join(name)).unwrap());
    let stderr = start_and_check().stop_with_warnings();
    for name in &checkpoints {
        let segment = name.replace("checkpoint-", "segment-");
        let is_named =
            |line: &str| line.contains("checkpoint is missing") && line.contains(&segment);
        assert!(stderr.lines().any(is_named), "{segment}: {stderr}");
    }
    check_checkpoints(directory.path());

    for part in [(0, 1), (1, 3), (2, 3), (1, 1)] {
        let checkpoints = check_checkpoints(directory.path());
        let damaged = checkpoints.first().unwrap();
        flip(&directory.path().join(damaged), part);
        let stderr = start_and_check().stop_with_warnings();
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        for said in ["WARN", damaged, "offset", "reading the segment instead"] {
            assert!(stderr.contains(said), "{said}: {stderr}");
        }
        check_checkpoints(directory.path());
        // What was damaged is replaced: nothing more is said.
        start_and_check().stop();
    }
}

#[test]
fn writes_that_are_answered_before_they_are_synced_survive_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut occam = Occam::start(directory.path());
    let asynchronous = json!({"translog": {"durability": "async", "sync_interval": "1h"}});
    let mut held = Held::create(&mut occam.client(), "films", &asynchronous);
    for life in 0..5 {
        let mut client = occam.client();
        held.write(&mut client, &(life * 100..life * 100 + 300).collect::<Vec<_>>(), life);
        held.delete(&mut client, &[life * 100 + 50]);
        // The last one alone in its group.
        held.write(&mut client, &[life * 100 + 1], life + 10);
        occam = kill_and_restart(occam, &directory);
        held.check(&occam);
    }
    occam.stop_with_warnings();
}

#[test]
fn collection_can_be_turned_off() {
    const ROUNDS: usize = 5;
    let directory = tempfile::tempdir().unwrap();
    let occam = start_without_collection(&directory);
    let numbers: Vec<_> = (0..1_500).collect();
    let mut held = Held::nothing("films");
    for round in 0..ROUNDS {
        held.write(&mut occam.client(), &numbers, round);
        let written = (round as u64 + 1) * held.live_bytes() / 20 * 19;
        assert!(bytes_taken(directory.path()) > written, "all that was ever written is there");
    }
    let (segments, bytes) = (names(directory.path(), "segment-"), bytes_taken(directory.path()));
    assert!(segments.len() > 2, "{segments:?}");
    // Longer than it takes to look whether there is something to collect.
    pass(Duration::from_millis(2_500));
    drop(occam);
    let occam = start_without_collection(&directory);
    held.check(&occam);
    pass(Duration::from_millis(1_500));
    assert!(names(directory.path(), "segment-").is_superset(&segments));
    assert!(bytes_taken(directory.path()) >= bytes);
    assert!(bytes > settled_bytes_max(held.live_bytes()), "and it could have been less");

    let occam = stop_and_restart(occam, &directory);
    shrinks_to(&directory, settled_bytes_max(held.live_bytes()));
    held.check(&occam);
    occam.stop();
}
