//! What must be true of a server after it ended, however it ended.
//!
//! The ledger knows each document as it was when the server's life began, and is given what clients
//! were told since. Every success is one version of its document and one `seq_no` of its shard, and
//! nothing else is: so counting versions tells how many of the unanswered writes happened.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use crate::client::{Client, bare, json as json_request};
use crate::load::{
    Change, Document, INDICES, Read, Record, Stamp, Told, Write, documents, owned_runs,
};

/// A shard, by the numbers of its index and its own.
type Shard = (usize, String);

/// A document as it is on disk.
#[derive(Clone, Debug)]
struct Stored {
    shard: Shard,
    /// That of its tombstone if it is deleted; 0 before it ever was.
    version: u64,
    /// What a GET finds.
    live: Option<(Stamp, Value)>,
}

/// What is known of a server's documents.
#[derive(Default)]
pub struct Ledger {
    stored: HashMap<Document, Stored>,
    /// The highest `seq_no` and the latest term of each shard.
    last: BTreeMap<Shard, (i64, u64)>,
    pub figures: Figures,
}

/// What has been compared.
#[derive(Debug, Default)]
pub struct Figures {
    pub acknowledged: usize,
    pub refused: usize,
    pub unanswered: usize,
    pub unanswered_and_done: u64,
    pub reads: usize,
}

impl Ledger {
    /// Compares what clients were told in the server's last life with what is there now.
    pub fn check(&mut self, client: &mut Client, record: Record) {
        let stored: HashMap<_, _> = documents()
            .into_iter()
            .map(|document| {
                let stored = look_up(client, &document);
                (document, stored)
            })
            .collect();
        let mut done: HashMap<Document, u64> = HashMap::new();
        for (document, now) in &stored {
            let of_document = |write: &&Write| write.document == *document;
            let writes: Vec<&Write> = record.writes.iter().filter(of_document).collect();
            let extra = self.check_document(document, now, &writes);
            self.figures.unanswered_and_done += extra;
            done.insert(document.clone(), extra);
        }
        for read in &record.reads {
            check_read(read, &stored[&read.document]);
        }
        for run in owned_runs() {
            // The items of a bulk for one shard happen in their order, so they are lost from the end.
            let extras: Vec<u64> = run.iter().map(|document| done[document]).collect();
            assert!(extras.is_sorted_by(|a, b| a >= b), "half a bulk: {extras:?}");
        }
        self.check_shards(client, &stored, &record.writes);
        self.count(&record);
        self.stored = stored;
    }

    fn count(&mut self, record: &Record) {
        self.figures.reads += record.reads.len();
        for write in &record.writes {
            match write.told {
                Told::Done(_) => self.figures.acknowledged += 1,
                Told::Refused => self.figures.refused += 1,
                Told::Nothing => self.figures.unanswered += 1,
            }
        }
    }

    /// Checks one document; returns how many unanswered writes happened.
    fn check_document(&self, document: &Document, now: &Stored, writes: &[&Write]) -> u64 {
        let before = self.stored.get(document);
        let mut done: Vec<(Stamp, &Change)> = writes
            .iter()
            .filter_map(|write| match write.told {
                Told::Done(stamp) => Some((stamp, &write.change)),
                Told::Refused | Told::Nothing => None,
            })
            .collect();
        done.sort_by_key(|(stamp, _)| stamp.seq_no);
        let ordered =
            done.is_sorted_by(|(a, _), (b, _)| a.seq_no < b.seq_no && a.version < b.version);
        assert!(ordered, "{document:?}: two writes share a number: {done:?}");

        let unanswered: Vec<&Change> =
            writes.iter().filter(|write| write.told == Told::Nothing).map(|w| &w.change).collect();
        let versions = now.version - before.map_or(0, |before| before.version);
        let extra = versions.checked_sub(done.len() as u64);
        let extra = extra.unwrap_or_else(|| panic!("{document:?} lost a write: {now:?} {done:?}"));
        assert!(
            extra <= unanswered.len() as u64,
            "{document:?}: a write happened twice, or a refused one did: {now:?} {done:?}"
        );
        if extra == 0 {
            check_known(document, before, &done, now);
        } else {
            check_possible(document, &done, &unanswered, now);
        }
        extra
    }

    /// Every `seq_no` belongs to one write, and every life has a term of its own.
    fn check_shards(
        &mut self,
        client: &mut Client,
        stored: &HashMap<Document, Stored>,
        writes: &[Write],
    ) {
        for (shard, now) in max_seq_nos(client) {
            let (before, term) = self.last.get(&shard).copied().unwrap_or((-1, 0));
            let of_shard = stored.iter().filter(|(_, stored)| stored.shard == shard);
            let versions: u64 = of_shard
                .map(|(document, now)| {
                    now.version - self.stored.get(document).map_or(0, |before| before.version)
                })
                .sum();
            let gap =
                format!("{shard:?}: {versions} writes took the seq_nos {}..={now}", before + 1);
            assert_eq!(now - before, i64::try_from(versions).unwrap(), "{gap}");

            let stamps: Vec<Stamp> = writes
                .iter()
                .filter(|write| stored[&write.document].shard == shard)
                .filter_map(|write| match write.told {
                    Told::Done(stamp) => Some(stamp),
                    Told::Refused | Told::Nothing => None,
                })
                .collect();
            let seq_nos: BTreeSet<_> =
                stamps.iter().map(|stamp| i64::try_from(stamp.seq_no).unwrap()).collect();
            assert_eq!(seq_nos.len(), stamps.len(), "{shard:?}: a seq_no was given twice");
            assert!(seq_nos.iter().all(|seq_no| (before + 1..=now).contains(seq_no)), "{shard:?}");

            let terms: BTreeSet<u64> = stamps.iter().map(|stamp| stamp.term).collect();
            assert!(terms.len() <= 1, "{shard:?} had several terms in one life: {terms:?}");
            let now_in = terms.first().copied().unwrap_or(term);
            assert!(terms.is_empty() || now_in > term, "{shard:?}: {now_in} follows {term}");
            self.last.insert(shard, (now, now_in));
        }
    }
}

/// All that happened is known: so is what must be there, to the byte.
fn check_known(
    document: &Document,
    before: Option<&Stored>,
    done: &[(Stamp, &Change)],
    now: &Stored,
) {
    let mut expected = before.and_then(|before| before.live.clone());
    for (stamp, change) in done {
        let source = match (change, expected) {
            (Change::Index(source), _) | (Change::Update(source), None) => Some(source.clone()),
            (Change::Update(members), Some((_, mut source))) => {
                let members = members.as_object().unwrap().clone();
                source.as_object_mut().unwrap().extend(members);
                Some(source)
            }
            (Change::Delete, _) => None,
        };
        expected = source.map(|source| (*stamp, source));
    }
    assert!(
        expected == now.live,
        "{document:?}: expected {:?}, found {:?}",
        expected.map(short),
        now.live.clone().map(short)
    );
}

/// Some unanswered writes happened: what is there is the last acknowledged write or one of these.
fn check_possible(
    document: &Document,
    done: &[(Stamp, &Change)],
    unanswered: &[&Change],
    now: &Stored,
) {
    let last = done.last();
    let found = now.live.as_ref();
    if let (Some((last, change)), Some((stamp, source))) = (last, found) {
        assert!(stamp.seq_no >= last.seq_no, "{document:?} went back to {stamp:?} from {last:?}");
        if stamp.seq_no == last.seq_no {
            assert_eq!(stamp, last, "{document:?}");
            assert_eq!(token_after(change), Some(&source["token"]), "{document:?}");
        }
    }
    let mut possible = unanswered.iter().copied().chain(last.map(|(_, change)| *change));
    let token = found.map(|(_, source)| &source["token"]);
    assert!(
        possible.any(|change| token_after(change) == token),
        "{document:?} has the token {token:?}, of none of its last writes"
    );
}

/// What was shown is still there, or something later is.
fn check_read(read: &Read, now: &Stored) {
    let Read { document, stamp, source } = read;
    assert!(now.version >= stamp.version, "{document:?}: {stamp:?} was shown and is lost");
    let Some((found, kept)) = &now.live else { return };
    assert!(found.seq_no >= stamp.seq_no, "{document:?}: {stamp:?} was shown and is lost");
    if found.seq_no == stamp.seq_no {
        assert_eq!(found, stamp, "{document:?}");
        assert!(kept == source, "{document:?}: another source was shown at {stamp:?}");
    }
}

fn token_after(change: &Change) -> Option<&Value> {
    match change {
        Change::Index(source) | Change::Update(source) => source.get("token"),
        Change::Delete => None,
    }
}

/// A source without its padding.
fn short((stamp, mut source): (Stamp, Value)) -> (Stamp, Value) {
    source["padding"] = json!("...");
    (stamp, source)
}

/// A document as it is, a tombstone's version included: that is what the refusal of a version lower
/// than all tells, and the shard with it.
fn look_up(client: &mut Client, document: &Document) -> Stored {
    let path = format!("{}?version=0&version_type=external", document.path("_doc"));
    let refused = client.ask(json_request("PUT", &path, &json!({})));
    assert_eq!(refused.status, 409, "{document:?} never was: {refused:?}");
    let error = refused.json()["error"].take();
    let reason = error["reason"].as_str().unwrap();
    let (_, version) = reason.split_once("current version [").unwrap();
    let version = version.split(']').next().unwrap().parse().unwrap();
    let shard = (document.index, error["shard"].as_str().unwrap().to_owned());

    let mut found = client.ask(bare("GET", &document.path("_doc"))).json();
    let live = Stamp::of(&found).map(|stamp| (stamp, found["_source"].take()));
    assert!(live.as_ref().is_none_or(|(stamp, _)| stamp.version == version), "{found} {reason}");
    Stored { shard, version, live }
}

/// The highest `seq_no` of each shard.
fn max_seq_nos(client: &mut Client) -> Vec<(Shard, i64)> {
    let stats = client.ask(bare("GET", "/_stats?level=shards")).json();
    let mut found = Vec::new();
    for (index, (name, shards)) in INDICES.iter().enumerate() {
        for number in 0..*shards {
            let shard = &stats["indices"][name]["shards"][number.to_string()][0];
            found.push((
                (index, number.to_string()),
                shard["seq_no"]["max_seq_no"].as_i64().unwrap(),
            ));
        }
    }
    found
}
