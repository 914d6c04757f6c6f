//! A node in memory with its API, and requests to it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;
use document::Timestamp;
use hyper::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
    http::uri::PathAndQuery,
};
use node::{AutoCreate, Node, NodeOptions, Random};
use server::rest::{Api, Request, Response, budget::Budget, dialect::Dialect};
use shard::{Clock, Document, Machine, log::memory::MemoryLog};
use tokio::runtime::Runtime;

use crate::answers::check_answer;

/// A moment that does not pass.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
    }
}

/// Numbers that are counted and not random, so that an input does the same each time.
#[derive(Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Relaxed).to_le_bytes();
        bytes.iter_mut().zip(number.iter().cycle()).for_each(|(byte, from)| *byte = *from);
    }
}

/// A node in memory with its API.
pub(crate) struct World {
    runtime: Runtime,
    pub(crate) node: Arc<Node>,
    pub(crate) api: Api,
}

/// A request but for what most have in common.
pub(crate) struct Asked<'a> {
    pub(crate) method: Method,
    pub(crate) target: &'a str,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) pinned: Option<Dialect>,
}

impl<'a> Asked<'a> {
    /// A request with a JSON body, which is ignored where there is none.
    pub(crate) fn new(method: Method, target: &'a str, body: &[u8]) -> Self {
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(HeaderName::from_static("content-type"), json)]);
        Self { method, target, headers, body: Bytes::copy_from_slice(body), pinned: None }
    }

    /// The same on a listener that is pinned to a dialect.
    pub(crate) fn pinned(self, pinned: Option<Dialect>) -> Self {
        Self { pinned, ..self }
    }
}

impl World {
    /// A node without indices.
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let options = NodeOptions {
            cluster_name: "fuzzing".to_owned(),
            node_name: "node".to_owned(),
            auto_create: AutoCreate::All,
            table_bytes_max: 64 << 20,
        };
        let (log, random) = (Box::new(MemoryLog::default()), Arc::new(Counting::default()));
        let machine = Machine::with_clock(Arc::new(Still));
        let started = runtime.block_on(Node::start(log, machine, random, options));
        let Ok(ready) = started else { panic!("a node in memory starts") };
        let api = Api::new(Arc::clone(&ready.node), Default::default());
        Self { runtime, node: ready.node, api }
    }

    /// The answer to a request, which keeps what is promised of every answer; nothing if the target
    /// is none that could be sent.
    pub(crate) fn ask(&self, asked: Asked<'_>) -> Option<Response> {
        let target: PathAndQuery = asked.target.parse().ok()?;
        let budget = Budget::new(64 << 20);
        let (method, headers) = (asked.method.clone(), &asked.headers);
        let built = Request::new(method, target, headers, asked.body, asked.pinned, budget);
        let request = built.ok()?;
        let response = self.runtime.block_on(self.api.handle(request));
        check_answer(&asked.method, asked.target, &response);
        Some(response)
    }

    /// The documents of an index that have an id, one at most on each shard.
    pub(crate) fn documents(&self, index: &str, id: &str) -> Vec<Document> {
        let Ok(index) = self.node.index(index) else { return Vec::new() };
        let read = async {
            let mut found = Vec::new();
            for shard in index.shards().iter() {
                found.extend(shard.get(id, None).await.unwrap());
            }
            found
        };
        self.runtime.block_on(read)
    }

    /// How many shards an index has; none if there is no index.
    pub(crate) fn shards(&self, index: &str) -> usize {
        self.node.index(index).map_or(0, |index| index.shards().len())
    }
}

/// A text as it can stand in a path or a query.
pub(crate) fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A source as it is kept: without the byte order mark that it may begin with.
pub(crate) fn without_mark(source: &[u8]) -> &[u8] {
    source.strip_prefix("\u{feff}".as_bytes()).unwrap_or(source)
}

/// A dialect for the first byte of an input, and the rest: `2`, `5`, `7` and `8` pin one.
pub(crate) fn take_dialect(bytes: &[u8]) -> (Option<Dialect>, &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return (None, bytes) };
    let pinned = match first {
        b'2' => Some(Dialect::V2),
        b'5' => Some(Dialect::V5),
        b'7' => Some(Dialect::V7),
        b'8' => Some(Dialect::V8),
        _ => return (None, bytes),
    };
    (pinned, rest)
}
