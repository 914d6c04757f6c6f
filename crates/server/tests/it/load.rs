//! Clients that write to the same documents in every way there is, and remember what they were told.
//!
//! One [`Clients::load`] lasts until the server ends; what was told in it is compared afterwards by
//! `ledger.rs`. Every write carries a token of its own, so that a source tells whose it is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::{Value, json};

use crate::client::{Client, Reply, bare, bulk, json as json_request};
use crate::random::Random;

/// The indices and how many shards they have.
pub const INDICES: [(&str, u32); 3] = [("one", 1), ("five", 5), ("other", 1)];
const CLIENTS: usize = 8;
/// How many documents of each index all clients share.
const SHARED: usize = 12;
/// How many documents of the first index each client has for itself, which it writes in one bulk.
pub const OWNED: usize = 20;

/// A document, by the number of its index and its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Document {
    pub index: usize,
    pub id: String,
}

impl Document {
    pub fn path(&self, endpoint: &str) -> String {
        format!("/{}/{endpoint}/{}", INDICES[self.index].0, self.id)
    }

    fn shared(random: &mut Random) -> Self {
        Self { index: random.below(INDICES.len()), id: format!("shared-{}", random.below(SHARED)) }
    }

    fn owned(client: usize, number: usize) -> Self {
        Self { index: 0, id: format!("owned-{client}-{number}") }
    }
}

/// Every document there ever is.
pub fn documents() -> Vec<Document> {
    let shared = (0..INDICES.len())
        .flat_map(|index| (0..SHARED).map(move |n| Document { index, id: format!("shared-{n}") }));
    let owned = owned_runs().into_iter().flatten();
    shared.chain(owned).collect()
}

/// The documents that each client writes in one bulk, in this order.
pub fn owned_runs() -> Vec<Vec<Document>> {
    let run = |client| (0..OWNED).map(|number| Document::owned(client, number)).collect();
    (0..CLIENTS).map(run).collect()
}

/// What a document went by at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub seq_no: u64,
    pub term: u64,
    pub version: u64,
}

impl Stamp {
    pub fn of(answer: &Value) -> Option<Self> {
        let number = |name: &str| answer.get(name)?.as_u64();
        let (seq_no, term) = (number("_seq_no")?, number("_primary_term")?);
        Some(Self { seq_no, term, version: number("_version")? })
    }
}

/// What a write was to do.
#[derive(Clone, Debug)]
pub enum Change {
    Index(Value),
    /// Adds members; makes a document of them where none is.
    Update(Value),
    Delete,
}

/// What a client was told of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Done(Stamp),
    Refused,
    Nothing,
}

/// One write and what became of it.
#[derive(Clone, Debug)]
pub struct Write {
    pub document: Document,
    pub change: Change,
    pub told: Told,
}

/// One read that found a document.
#[derive(Clone, Debug)]
pub struct Read {
    pub document: Document,
    pub stamp: Stamp,
    pub source: Value,
}

/// What clients did and saw in one life of a server.
#[derive(Default)]
pub struct Record {
    pub writes: Vec<Write>,
    pub reads: Vec<Read>,
}

/// The clients; they live longer than their servers.
pub struct Clients {
    tokens: Arc<AtomicU64>,
    random: Random,
}

impl Clients {
    pub fn new(random: Random) -> Self {
        Self { tokens: Arc::new(AtomicU64::new(1)), random }
    }

    /// Creates the indices and every document.
    pub fn set_up(&mut self, address: SocketAddr) -> Record {
        let mut client = Client::to(address);
        for (name, shards) in INDICES {
            let settings = json!({"number_of_shards": shards, "gc_deletes": "1h"});
            let create = json_request("PUT", &format!("/{name}"), &json!({"settings": settings}));
            assert_eq!(client.ask(create).status, 200);
        }
        let mut writer = self.writer(client, channel().0, 0);
        let changes = documents().into_iter().map(|document| {
            let source = writer.source();
            (document, Change::Index(source))
        });
        let changes = changes.collect();
        writer.bulk(changes).unwrap();
        writer.record
    }

    /// Writes until the server ends, which `end` sees to once so many answers have come.
    pub fn load(&mut self, address: SocketAddr, answers: usize, end: impl FnOnce()) -> Record {
        let (answered, answer) = channel();
        let writers: Vec<_> = (0..CLIENTS)
            .map(|number| self.writer(Client::to(address), answered.clone(), number))
            .collect();
        drop(answered);
        let mut all = Record::default();
        std::thread::scope(|scope| {
            let threads: Vec<_> = writers
                .into_iter()
                .map(|mut writer| {
                    scope.spawn(move || {
                        while writer.write_somehow().is_ok() {}
                        writer.record
                    })
                })
                .collect();
            wait_for(&answer, answers);
            end();
            for thread in threads {
                let record = thread.join().unwrap();
                all.writes.extend(record.writes);
                all.reads.extend(record.reads);
            }
        });
        all
    }

    fn writer(&mut self, client: Client, answered: Sender<()>, number: usize) -> Writer {
        let random = self.random.fork();
        let (tokens, record) = (Arc::clone(&self.tokens), Record::default());
        Writer { client, answered, number, tokens, random, record }
    }
}

fn wait_for(answer: &Receiver<()>, answers: usize) {
    for _ in 0..answers {
        answer.recv_timeout(crate::server::PATIENCE).expect("the clients get answers");
    }
}

/// The connection is gone.
#[derive(Debug)]
struct Gone;

/// One client.
struct Writer {
    client: Client,
    answered: Sender<()>,
    number: usize,
    tokens: Arc<AtomicU64>,
    random: Random,
    record: Record,
}

impl Writer {
    fn write_somehow(&mut self) -> Result<(), Gone> {
        let document = Document::shared(&mut self.random);
        match self.random.below(12) {
            0 | 1 => {
                let source = self.source();
                let request = json_request("PUT", &document.path("_doc"), &source);
                self.write(document, Change::Index(source), request)?;
            }
            2 => {
                let source = self.source();
                let request = json_request("PUT", &document.path("_create"), &source);
                self.write(document, Change::Index(source), request)?;
            }
            3..=5 => self.compare_and_set(document)?,
            6..=8 => {
                let change = self.update();
                let request = json_request("POST", &document.path("_update"), &body(&change));
                self.write(document, change, request)?;
            }
            9 => {
                let request = bare("DELETE", &document.path("_doc"));
                self.write(document, Change::Delete, request)?;
            }
            10 => {
                let changes = (0..20).map(|_| self.any_change()).collect();
                self.bulk(changes)?;
            }
            _ => {
                let change = |n| (Document::owned(self.number, n), Change::Index(self.source()));
                let changes = (0..OWNED).map(change).collect();
                self.bulk(changes)?;
            }
        }
        Ok(())
    }

    /// Reads, then replaces or deletes exactly what was read.
    fn compare_and_set(&mut self, document: Document) -> Result<(), Gone> {
        let Some(read) = self.read(&document)? else { return Ok(()) };
        let Stamp { seq_no, term, version } = read;
        let query = format!("_doc/{}?if_seq_no={seq_no}&if_primary_term={term}", document.id);
        let path = format!("/{}/{query}", INDICES[document.index].0);
        let (change, request) = if self.random.once_in(4) {
            (Change::Delete, bare("DELETE", &path))
        } else {
            let source = self.source();
            let request = json_request("PUT", &path, &source);
            (Change::Index(source), request)
        };
        if let Told::Done(done) = self.write(document, change, request)? {
            assert_eq!(done.version, version + 1, "it followed the write it named");
        }
        Ok(())
    }

    /// Sends one write; what was acknowledged is sometimes read at once.
    fn write(
        &mut self,
        document: Document,
        change: Change,
        request: Vec<u8>,
    ) -> Result<Told, Gone> {
        let number = self.record.writes.len();
        self.record.writes.push(Write { document: document.clone(), change, told: Told::Nothing });
        let reply = self.client.try_ask(request).map_err(|_| Gone)?;
        let told = told(reply.status, &reply.json(), outcome(&reply));
        self.record.writes[number].told = told;
        let _ = self.answered.send(());
        if let Told::Done(done) = told
            && self.random.once_in(4)
            && let Some(found) = self.read(&document)?
        {
            assert!(found.version >= done.version, "{found:?} is older than {done:?}");
        }
        Ok(told)
    }

    fn read(&mut self, document: &Document) -> Result<Option<Stamp>, Gone> {
        let request = bare("GET", &document.path("_doc"));
        let mut found = self.client.try_ask(request).map_err(|_| Gone)?.json();
        let stamp = Stamp::of(&found);
        if let Some(stamp) = stamp {
            let source = found["_source"].take();
            self.record.reads.push(Read { document: document.clone(), stamp, source });
        }
        Ok(stamp)
    }

    fn bulk(&mut self, changes: Vec<(Document, Change)>) -> Result<(), Gone> {
        let lines: String =
            changes.iter().map(|(document, change)| line(document, change)).collect();
        let first = self.record.writes.len();
        let writes = changes.into_iter().map(|(document, change)| Write {
            document,
            change,
            told: Told::Nothing,
        });
        self.record.writes.extend(writes);
        let reply = self.client.try_ask(bulk("/_bulk", &lines)).map_err(|_| Gone)?;
        assert_eq!(reply.status, 200, "{reply:?}");
        let answer = reply.json();
        let items = answer["items"].as_array().unwrap();
        assert_eq!(items.len(), self.record.writes.len() - first);
        for (write, item) in self.record.writes[first..].iter_mut().zip(items) {
            let item = item.as_object().unwrap().values().next().unwrap();
            let status = item["status"].as_u64().unwrap();
            let outcome = item["error"]["outcome"].as_str();
            write.told = told(status.try_into().unwrap(), item, outcome);
        }
        let _ = self.answered.send(());
        Ok(())
    }

    fn any_change(&mut self) -> (Document, Change) {
        let change = match self.random.below(5) {
            0 | 1 => Change::Index(self.source()),
            2 | 3 => self.update(),
            _ => Change::Delete,
        };
        (Document::shared(&mut self.random), change)
    }

    /// A source with a token of its own, of some or, rarely, of many bytes.
    fn source(&mut self) -> Value {
        let bytes = if self.random.once_in(50) { 100_000 } else { 3_000 };
        let padding = "x".repeat(self.random.below(bytes));
        json!({"token": self.tokens.fetch_add(1, Relaxed), "padding": padding})
    }

    fn update(&mut self) -> Change {
        let token = self.tokens.fetch_add(1, Relaxed);
        Change::Update(json!({"token": token, format!("client-{}", self.number): token}))
    }
}

/// The body of an update.
fn body(change: &Change) -> Value {
    match change {
        Change::Update(members) => json!({"doc": members, "doc_as_upsert": true}),
        Change::Index(source) => source.clone(),
        Change::Delete => Value::Null,
    }
}

/// The lines of a change in a bulk.
fn line(document: &Document, change: &Change) -> String {
    let target = json!({"_index": INDICES[document.index].0, "_id": document.id});
    match change {
        Change::Index(_) => format!("{}\n{}\n", json!({"index": target}), body(change)),
        Change::Update(_) => format!("{}\n{}\n", json!({"update": target}), body(change)),
        Change::Delete => format!("{}\n", json!({"delete": target})),
    }
}

fn outcome(reply: &Reply) -> Option<&str> {
    reply.header("x-occam-outcome")
}

/// What an answer, or an item of one, tells.
fn told(status: u16, answer: &Value, outcome: Option<&str>) -> Told {
    match (status, outcome) {
        (200 | 201, _) => Told::Done(Stamp::of(answer).unwrap()),
        (404, _) if answer.get("error").is_none() => Told::Done(Stamp::of(answer).unwrap()),
        (404 | 409 | 429, _) | (500.., Some("not-applied")) => Told::Refused,
        (500.., Some("unknown")) => Told::Nothing,
        _ => panic!("{status} {outcome:?} {answer}"),
    }
}
