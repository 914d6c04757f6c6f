//! `kill -9` at any moment: nothing acknowledged is lost, nothing refused happened, and what nobody
//! was told about happened once or never.
//!
//! `OCCAM_TEST_KILLS` says how often, `OCCAM_TEST_SEED` how; the seed of a run is printed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Client, bare, json as json_request};
use crate::ledger::Ledger;
use crate::load::Clients;
use crate::occam::Occam;
use crate::random::Random;
use crate::server::pass;

/// How many answers come at most before a kill.
const ANSWERS_MAX: usize = 400;

#[test]
fn a_kill_loses_nothing_that_was_acknowledged() {
    let (kills, mut random) = plan();
    let started = Instant::now();
    let mut clients = Clients::new(random.fork());
    let mut ledger = Ledger::default();
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let created = clients.set_up(occam.address());
    occam.stop();
    let mut occam = Occam::start(directory.path());
    ledger.check(&mut occam.client(), created);
    let mut early_kills = 0;
    for life in 1..=kills {
        let answers = random.below(ANSWERS_MAX);
        let moment = Duration::from_micros(random.below(3_000) as u64);
        let address = occam.address();
        let record = clients.load(address, answers, || {
            pass(moment);
            occam.kill();
        });
        // Now and then it does not even get through its recovery, or dies right after it.
        while random.once_in(4) {
            let mut started = Occam::spawn(directory.path(), &["127.0.0.1:0"], &[]);
            pass(Duration::from_micros(random.below(40_000) as u64));
            started.kill();
            early_kills += 1;
        }
        occam = Occam::start(directory.path());
        println!("life {life}: {} writes", record.writes.len());
        ledger.check(&mut occam.client(), record);
    }
    // An early kill may have left something to be said.
    occam.stop_with_warnings();
    let (figures, time) = (ledger.figures, started.elapsed());
    println!("{kills} kills under load, {early_kills} during starts, {time:.1?}: {figures:?}");
    assert!(figures.acknowledged > 0 && figures.refused > 0 && figures.reads > 0, "{figures:?}");
}

#[test]
fn a_kill_keeps_what_became_of_each_index() {
    let (kills, mut random) = plan();
    let directory = tempfile::tempdir().unwrap();
    let mut occam = Occam::start(directory.path());
    // How each index stands: there, not there, or anybody's guess.
    let mut known: HashMap<usize, Option<bool>> = HashMap::new();
    for _ in 0..kills {
        let mut client = occam.client();
        let moment = Duration::from_micros(random.below(30_000) as u64);
        std::thread::scope(|scope| {
            scope
                .spawn(|| while change_an_index(&mut client, &mut random, &mut known).is_some() {});
            pass(moment);
            occam.kill();
        });
        occam = Occam::start(directory.path());
        let mut client = occam.client();
        for (number, stands) in &mut known {
            let found = client.ask(bare("GET", &format!("/i{number}/_doc/1")));
            let is_there = client.ask(bare("HEAD", &format!("/i{number}"))).status == 200;
            assert!(stands.is_none_or(|stands| stands == is_there), "i{number} was {stands:?}");
            if *stands == Some(true) {
                assert_eq!(found.json()["_source"], json!({"index": number}));
            }
            assert!(is_there || found.status == 404);
            *stands = Some(is_there && found.status == 200).filter(|sure| *sure || !is_there);
        }
    }
    occam.stop_with_warnings();
}

/// Deletes an index that is there, or creates another with a document in it; `None` if the connection
/// ends. Meanwhile nobody knows how it stands.
fn change_an_index(
    client: &mut Client,
    random: &mut Random,
    known: &mut HashMap<usize, Option<bool>>,
) -> Option<()> {
    let number = random.below(40);
    let stands = known.insert(number, None).unwrap_or(Some(false));
    let (index, document) = (format!("/i{number}"), format!("/i{number}/_doc/1"));
    if stands != Some(false) {
        let deleted = client.try_ask(bare("DELETE", &index)).ok()?;
        assert!(deleted.status == 200 || stands.is_none(), "{deleted:?}");
        known.insert(number, Some(false));
        return Some(());
    }
    if random.once_in(2) {
        let settings = json!({"settings": {"number_of_shards": 3}});
        assert_eq!(client.try_ask(json_request("PUT", &index, &settings)).ok()?.status, 200);
    }
    let source = json!({"index": number});
    assert_eq!(client.try_ask(json_request("PUT", &document, &source)).ok()?.status, 201);
    known.insert(number, Some(true));
    Some(())
}

/// How often to kill, and the choices of this run.
fn plan() -> (u64, Random) {
    let kills = number("OCCAM_TEST_KILLS").unwrap_or(5);
    let seed = number("OCCAM_TEST_SEED").unwrap_or_else(|| getrandom::u64().unwrap());
    eprintln!("OCCAM_TEST_KILLS={kills} OCCAM_TEST_SEED={seed}");
    (kills, Random::new(seed))
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: [{text}]")))
}
