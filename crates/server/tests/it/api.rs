//! The real API behind the real front: what it answers before any index exists.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use node::{AutoCreate, Node, NodeOptions, Random};
use server::http::guard::Guard;
use server::http::{Limits, handler};
use server::rest::Api;
use server::rest::dialect::{Dialect, DialectDefaults};

use shard::Machine;
use shard::log::{LogProvider, memory::MemoryLog};
use tokio::sync::OnceCell;

use crate::client::{Client, Reply, ask};
use crate::server::Server;

/// Numbers that are random enough where nobody guesses.
struct Counting(AtomicU8);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Relaxed));
    }
}

/// A node in memory.
async fn open() -> Api {
    open_on(Box::new(MemoryLog::default())).await
}

/// A node on a log.
pub async fn open_on(log: Box<dyn LogProvider>) -> Api {
    let options = NodeOptions {
        cluster_name: "c".to_owned(),
        node_name: "n".to_owned(),
        auto_create: AutoCreate::All,
        table_bytes_max: u64::MAX,
    };
    let random = Arc::new(Counting(AtomicU8::new(0)));
    let ready = Node::start(log, Machine::default(), random, options).await.unwrap();
    Api::new(ready.node, DialectDefaults::default())
}

pub fn start(pinned: Option<Dialect>) -> Server {
    // Opened by the first request: the shards' writers live on the server's runtime.
    let api = Arc::new(OnceCell::new());
    let answer = handler(move |request| {
        let api = Arc::clone(&api);
        async move { api.get_or_init(open).await.handle(request).await }
    });
    Server::with(answer, Limits::default(), Guard::default(), pinned)
}

fn request(line: &str, lines: &str, body: &str) -> String {
    let length = body.len();
    format!("{line} HTTP/1.1\r\nHost: localhost\r\ncontent-length: {length}\r\n{lines}\r\n{body}")
}

fn version(reply: &Reply) -> String {
    let root: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    root["version"]["number"].as_str().unwrap().to_owned()
}

#[test]
fn the_root_tells_the_version_of_the_dialect() {
    for (pinned, expected) in [
        (None, "7.17.28"),
        (Some(Dialect::V2), "2.4.6"),
        (Some(Dialect::V5), "5.6.16"),
        (Some(Dialect::V7), "7.17.28"),
        (Some(Dialect::V8), "8.17.0"),
    ] {
        let server = start(pinned);
        assert_eq!(version(&ask(&server, request("GET /", "", ""))), expected);
        let accept = "Accept: application/vnd.elasticsearch+json; compatible-with=9\r\n";
        let asked = ask(&server, request("GET /?pretty=false", accept, ""));
        assert_eq!(version(&asked), "8.17.0", "the header beats the listener");
        assert_eq!(
            asked.header("content-type"),
            Some("application/vnd.elasticsearch+json;compatible-with=9")
        );
    }
}

#[test]
fn the_root_is_laid_out_unless_told_otherwise() {
    let server = start(None);
    assert!(ask(&server, request("GET /", "", "")).text().starts_with("{\n  \"name\" : \"n\",\n"));
    let compact = ask(&server, request("GET /?pretty=false", "", ""));
    assert!(compact.text().starts_with("{\"name\":\"n\",\"cluster_name\":\"c\""));
    let mut client = Client::connect(&server);
    client.send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(client.head().header("content-length").unwrap().parse::<usize>().unwrap() > 100);
}

/// Bodies and headers as recorded from Elasticsearch 7.2.1.
#[test]
fn refusals_are_worded_as_elasticsearch_does() {
    let server = start(None);
    let json = "Content-Type: application/json\r\n";
    for (line, lines, body, status, expected) in [
        (
            "PATCH /br/_doc/1",
            "",
            "",
            405,
            r#"{"error":"Incorrect HTTP method for uri [/br/_doc/1] and method [PATCH], allowed: [PUT, GET, POST, HEAD, DELETE]","status":405}"#,
        ),
        (
            "POST /br/_doc/1/2/3",
            json,
            "",
            400,
            r#"{"error":"no handler found for uri [/br/_doc/1/2/3] and method [POST]"}"#,
        ),
        (
            "GET //br/_doc/1",
            "",
            "",
            400,
            r#"{"error":"no handler found for uri [//br/_doc/1] and method [GET]"}"#,
        ),
        (
            "PUT /br/_doc/ct",
            "",
            r#"{"a":1}"#,
            406,
            r#"{"error":"Content-Type header [] is not supported","status":406}"#,
        ),
        (
            "PUT /br/_doc/ct",
            "Content-Type: bogus\r\n",
            r#"{"a":1}"#,
            400,
            r#"{"error":{"root_cause":[{"type":"content_type_header_exception","reason":"java.lang.IllegalArgumentException: invalid Content-Type header [bogus]"}],"type":"content_type_header_exception","reason":"java.lang.IllegalArgumentException: invalid Content-Type header [bogus]","caused_by":{"type":"illegal_argument_exception","reason":"invalid Content-Type header [bogus]"}},"status":400}"#,
        ),
        (
            "GET /?pretty=bogus",
            "",
            "",
            400,
            r#"{"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"Failed to parse value [bogus] as only [true] or [false] are allowed."}],"type":"illegal_argument_exception","reason":"Failed to parse value [bogus] as only [true] or [false] are allowed."},"status":400}"#,
        ),
    ] {
        let reply = ask(&server, request(line, lines, body));
        assert_eq!((reply.status, reply.text()), (status, expected), "{line}");
        assert_eq!(reply.header("content-type"), Some("application/json; charset=UTF-8"));
    }
}

#[test]
fn options_lists_the_methods_of_a_known_path() {
    let server = start(None);
    let options = ask(&server, request("OPTIONS /br/_doc/1", "", ""));
    assert_eq!((options.status, options.body.len()), (200, 0));
    assert_eq!(options.header("allow"), Some("PUT,GET,POST,HEAD,DELETE"));
    assert_eq!(options.header("content-type"), Some("text/plain; charset=UTF-8"));
    assert_eq!(ask(&server, request("PUT /_mget", "", "")).header("allow"), Some("GET,POST"));
}

#[test]
fn broken_escapes_are_refused() {
    let server = start(None);
    let path = ask(&server, request("GET /a%2", "", ""));
    assert!(path.text().contains("partial escape sequence at end of string: a%2"));
    let query = ask(&server, request("GET /?a=%", "", ""));
    assert_eq!(query.status, 400);
    assert!(query.text().contains(r#""type":"bad_parameter_exception""#), "{}", query.text());
}
