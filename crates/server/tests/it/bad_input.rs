//! What no client should send: too deep, too large, cut off, no UTF-8, no sense at all.

use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::api;
use crate::client::{Client, JSON, Reply, bare, bulk, json as json_request, request};
use crate::occam::Occam;

fn check_alive(client: &mut Client) {
    assert_eq!(client.ask(bare("GET", "/")).status, 200, "it still answers");
}

/// A source so many levels deep.
fn nested(levels: usize) -> String {
    format!("{{\"a\":{}1{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1))
}

fn put(client: &mut Client, path: &str, body: impl AsRef<[u8]>) -> Reply {
    client.ask(request("PUT", path, JSON, body.as_ref()))
}

fn update(client: &mut Client, path: &str, body: &str) -> Reply {
    client.ask(request("POST", path, JSON, body.as_bytes()))
}

#[test]
fn a_document_may_be_1000_levels_deep_and_no_deeper() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    let (deepest, too_deep) = (nested(1_000), nested(1_001));
    assert_eq!(put(&mut client, "/deep/_doc/1", &deepest).status, 201);
    assert_eq!(put(&mut client, "/deep/_doc/2", &too_deep).status, 400);
    let doc = |source: &str| format!("{{\"doc\":{source},\"doc_as_upsert\":true}}");
    assert_eq!(update(&mut client, "/deep/_update/3", &doc(&deepest)).status, 201);
    assert_eq!(update(&mut client, "/deep/_update/4", &doc(&too_deep)).status, 400);
    let upsert = |source: &str| format!("{{\"doc\":{{}},\"upsert\":{source}}}");
    assert_eq!(update(&mut client, "/deep/_update/5", &upsert(&deepest)).status, 201);
    assert_eq!(update(&mut client, "/deep/_update/6", &upsert(&too_deep)).status, 400);
    let lines = format!(
        "{{\"index\":{{\"_id\":7}}}}\n{deepest}\n{{\"index\":{{\"_id\":8}}}}\n{too_deep}\n"
    );
    let items = client.ask(bulk("/deep/_bulk", &lines)).json()["items"].take();
    assert_eq!(items[0]["index"]["status"], json!(201));
    assert_eq!(items[1]["index"]["status"], json!(400));

    for id in [1, 3, 5, 7] {
        assert_eq!(client.ask(bare("GET", &format!("/deep/_source/{id}"))).text(), deepest);
        for view in [
            "pretty",
            "format=yaml",
            "filter_path=_source.a",
            "_source_includes=a",
            "_source_excludes=b",
        ] {
            let reply = client.ask(bare("GET", &format!("/deep/_doc/{id}?{view}")));
            assert_eq!(reply.status, 200, "{view}: {reply:?}");
            assert!(reply.body.len() > deepest.len(), "{view}: {}", reply.text());
        }
    }
    for id in [2, 4, 6, 8] {
        assert_eq!(client.ask(bare("GET", &format!("/deep/_doc/{id}"))).status, 404);
    }
    occam.stop();
}

#[test]
fn no_depth_breaks_the_server() {
    const LEVELS: usize = 200_000;
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    assert_eq!(put(&mut client, "/i/_doc/1", "{}").status, 201);
    let array = nested(LEVELS);
    let object = format!("{}1{}", "{\"a\":".repeat(LEVELS), "}".repeat(LEVELS));
    for deep in [array, object, "[".repeat(LEVELS), "{\"a\":".repeat(LEVELS)] {
        for (method, path, body) in [
            ("PUT", "/i/_doc/2", deep.clone()),
            ("PUT", "/i/_create/2", deep.clone()),
            ("POST", "/i/_doc", deep.clone()),
            ("POST", "/i/_update/1", format!("{{\"doc\":{deep}}}")),
            ("POST", "/i/_update/2", format!("{{\"doc\":{{}},\"upsert\":{deep}}}")),
            ("POST", "/i/_update/1", format!("{{\"script\":{deep}}}")),
            ("POST", "/i/_update/1", format!("{{\"_source\":{deep},\"doc\":{{}}}}")),
            ("POST", "/i/_update/1", format!("{{\"other\":{deep}}}")),
            ("POST", "/_mget", deep.clone()),
            ("POST", "/i/_mget", format!("{{\"docs\":[{{\"_id\":{deep}}}]}}")),
            ("POST", "/i/_mget", format!("{{\"docs\":[{{\"_id\":1,\"_source\":{deep}}}]}}")),
            ("POST", "/i/_bulk", format!("{deep}\n")),
            ("POST", "/i/_bulk", format!("{{\"index\":{deep}}}\n{{}}\n")),
            ("PUT", "/new", deep.clone()),
            ("PUT", "/new", format!("{{\"settings\":{deep}}}")),
            ("PUT", "/new", format!("{{\"mappings\":{deep}}}")),
            ("PUT", "/i/_settings", deep.clone()),
            ("POST", "/i/_count", deep.clone()),
            ("POST", "/i/_update_by_query", deep.clone()),
        ] {
            let reply = client.ask(request(method, path, JSON, body.as_bytes()));
            let start = body.get(..40);
            assert_eq!(reply.status, 400, "{method} {path} {start:?}: {reply:?}");
        }
        let lines = format!("{{\"index\":{{\"_id\":2}}}}\n{deep}\n");
        let items = client.ask(bulk("/i/_bulk", &lines)).json()["items"].take();
        assert_eq!(items[0]["index"]["status"], json!(400));
        // Here some depths are the item's failure and some, being no JSON, the whole request's.
        let lines = format!("{{\"update\":{{\"_id\":1}}}}\n{{\"doc\":{deep}}}\n");
        let answer = client.ask(bulk("/i/_bulk", &lines)).json();
        let whole = &answer["status"];
        let item = &answer["items"][0]["update"]["status"];
        assert!([whole, item].contains(&&json!(400)), "{answer}");
    }
    let count = client.ask(bare("GET", "/_count")).json();
    assert_eq!(count["count"], json!(1), "none of it was written");
    occam.stop();
}

#[test]
fn a_body_may_fill_what_the_configuration_allows() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("occam.yml");
    fs::write(&file, "http.max_content_length: 1kb\n").unwrap();
    let data = directory.path().join("data");
    let configured = ["--config", file.to_str().unwrap()];
    let occam = Occam::listening(&data, &["127.0.0.1:0"], &configured);
    let source =
        |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - "{\"a\":\"\"}".len()));
    assert_eq!(put(&mut occam.client(), "/i/_doc/1", source(1_024)).status, 201);
    let refused = put(&mut occam.client(), "/i/_doc/2", source(1_025));
    assert_eq!((refused.status, &refused.json()["status"]), (413, &json!(413)));
    assert_eq!(occam.client().ask(bare("GET", "/i/_doc/2")).status, 404);
    occam.stop();
}

#[test]
fn without_a_configuration_a_body_has_100_mebibytes_at_most() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let head = |bytes: u64| {
        format!(
            "PUT /i/_doc/1 HTTP/1.1\r\nHost: localhost\r\n{JSON}Expect: 100-continue\r\n\
             Content-Length: {bytes}\r\n\r\n"
        )
    };
    assert_eq!(occam.client().send(head(100 << 20)).line(), "HTTP/1.1 100 Continue");
    assert_eq!(occam.client().ask(head((100 << 20) + 1)).status, 413);
    check_alive(&mut occam.client());
}

#[test]
fn half_a_request_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let whole = json_request("PUT", "/i/_doc/1", &json!({"text": "all or nothing"}));
    for bytes in 0..whole.len() {
        let mut client = occam.client();
        client.send(&whole[..bytes]);
        if bytes % 2 == 0 {
            client.reset();
        } else {
            client.half_close().rest();
        }
    }
    assert_eq!(occam.client().ask(bare("HEAD", "/i")).status, 404, "not even its index");
    assert_eq!(occam.client().ask(whole).status, 201);
    occam.stop();
}

#[test]
fn a_bulk_whose_client_hangs_up_is_there_or_not_at_all() {
    const ITEMS: u64 = 200;
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let lines =
        |n| format!("{{\"index\":{{\"_id\":{n}}}}}\n{{\"text\":\"{}\"}}\n", "x".repeat(500));
    let lines: String = (0..ITEMS).map(lines).collect();
    for n in 0..30 {
        let whole = bulk(&format!("/i{n}/_bulk"), &lines);
        let mut client = occam.client();
        match n % 3 {
            0 => client.send(&whole).stream().shutdown(std::net::Shutdown::Both).unwrap(),
            1 => {
                client.send(&whole);
                client.reset();
            }
            _ => {
                client.send(&whole[..whole.len() - 1]);
                client.reset();
            }
        }
    }
    check_alive(&mut occam.client());
    // A clean stop waits for what goes on without its client.
    occam.stop();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    for n in 0..30 {
        let counted = client.ask(bare("GET", &format!("/i{n}/_count")));
        let count =
            if counted.status == 404 { 0 } else { counted.json()["count"].as_u64().unwrap() };
        let possible: &[u64] = if n % 3 == 2 { &[0] } else { &[0, ITEMS] };
        assert!(possible.contains(&count), "{count} of {ITEMS} in bulk {n}");
    }
    occam.stop();
}

#[test]
fn what_is_no_utf_8_is_refused_wherever_it_stands() {
    let server = api::start(None);
    let mut client = Client::connect(&server);
    assert_eq!(put(&mut client, "/i/_doc/1", "{}").status, 201);
    for (method, path, body) in [
        ("PUT", "/i/_doc/2", &b"{\"a\":\"\xff\"}"[..]),
        ("PUT", "/i/_doc/2", b"{\"\xc3\x28\":1}"),
        ("PUT", "/i/_doc/2", b"{\"a\":\"\xed\xa0\x80\"}"),
        ("PUT", "/i/_doc/2", b"{\"a\":\"\xf0\x9f\x98\"}"),
        ("POST", "/i/_update/1", b"{\"doc\":{\"a\":\"\xff\"}}"),
        ("POST", "/i/_bulk", b"{\"index\":{\"_id\":\"\xff\"}}\n{}\n"),
        ("POST", "/i/_mget", b"{\"ids\":[\"\xff\"]}"),
        ("PUT", "/new", b"{\"settings\":{\"\xff\":1}}"),
        ("PUT", "/i/_doc/%ff", b"{}"),
        ("PUT", "/%c3%28/_doc/2", b"{}"),
        ("PUT", "/i/_doc/2?routing=%ff", b"{}"),
        ("PUT", "/i/_doc/2?%ff=1", b"{}"),
    ] {
        let reply = client.ask(request(method, path, JSON, body));
        assert_eq!(reply.status, 400, "{method} {path}: {}", reply.text());
        assert_eq!(reply.json()["status"], json!(400));
    }
    let raw = Client::connect(&server).ask(b"GET /i/_doc/\xff HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(raw.status, 400);
    assert_eq!(client.ask(bare("GET", "/_count")).json()["count"], json!(1));
}

/// A source that cannot be read fails its item; the items beside it are written (spec document-api
/// §7.1: "index/create source malformed: per item").
#[test]
fn a_bulk_source_that_is_no_utf_8_fails_alone() {
    let server = api::start(None);
    let mut client = Client::connect(&server);
    let lines = b"{\"index\":{\"_id\":1}}\n{\"a\":1}\n{\"index\":{\"_id\":2}}\n{\"a\":\"\xff\"}\n";
    let reply = client.ask(request("POST", "/i/_bulk", JSON, lines));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let items = reply.json()["items"].take();
    assert_eq!(items[0]["index"]["status"], json!(201));
    assert_eq!(items[1]["index"]["status"], json!(400));
}

/// A valid request for each endpoint.
const VALID: [(&str, &str, &str); 36] = [
    ("GET", "/?pretty", ""),
    ("PUT", "/i/_doc/1?refresh=true&timeout=1m", r#"{"title":"a","n":[1,2.5,null]}"#),
    ("PUT", "/i/_doc/1?if_seq_no=3&if_primary_term=1", r#"{"n":1}"#),
    ("PUT", "/i/_doc/2?version=7&version_type=external_gte&routing=r", r#"{"n":1}"#),
    ("POST", "/i/_doc?wait_for_active_shards=1", r#"{"n":1}"#),
    ("PUT", "/i/_create/3?op_type=create", r#"{"n":1}"#),
    ("PUT", "/t/page/1?version=1", r#"{"n":1}"#),
    ("PUT", "/t/page/2/_create", r#"{"n":1}"#),
    ("POST", "/t/page", r#"{"n":1}"#),
    ("GET", "/i/_doc/1?_source_includes=a,b*&_source_excludes=c&realtime=false", ""),
    ("GET", "/i/_doc/1?filter_path=_source.*,-_id&stored_fields=a&format=yaml", ""),
    ("HEAD", "/t/_all/1", ""),
    ("GET", "/i/_source/1?version=1&version_type=internal", ""),
    ("GET", "/t/page/1/_source", ""),
    ("DELETE", "/i/_doc/2?version=9&version_type=external", ""),
    ("DELETE", "/t/page/2?version=1", ""),
    (
        "POST",
        "/i/_update/1?retry_on_conflict=3&_source=true",
        r#"{"doc":{"n":2},"detect_noop":false}"#,
    ),
    ("POST", "/i/_update/9", r#"{"doc":{"n":2},"upsert":{"n":1},"_source":["n"]}"#),
    (
        "POST",
        "/i/_update/1",
        r#"{"script":{"source":"ctx._source.n++","lang":"painless","params":{}}}"#,
    ),
    ("POST", "/t/_doc/1/_update", r#"{"doc":{"n":2},"doc_as_upsert":true}"#),
    (
        "POST",
        "/_mget",
        r#"{"docs":[{"_index":"i","_id":"1","_source":{"includes":["a"]}},{"_index":"x","_id":"1","routing":"r"}]}"#,
    ),
    ("GET", "/i/_mget?_source=false", r#"{"ids":["1","2"]}"#),
    (
        "POST",
        "/_bulk?refresh=wait_for",
        "{\"index\":{\"_index\":\"i\",\"_id\":\"1\",\"version\":8,\"version_type\":\"external\"}}\n{\"a\":1}\n{\"delete\":{\"_index\":\"i\",\"_id\":\"2\"}}\n",
    ),
    (
        "POST",
        "/i/_bulk",
        "{\"create\":{\"_id\":\"5\",\"routing\":\"r\"}}\n{\"a\":1}\n{\"update\":{\"_id\":\"5\",\"retry_on_conflict\":3}}\n{\"doc\":{\"a\":2}}\n",
    ),
    (
        "PUT",
        "/t/page/_bulk",
        "{\"index\":{\"_type\":\"page\",\"_id\":\"1\",\"if_seq_no\":1,\"if_primary_term\":1}}\n{}\n",
    ),
    ("POST", "/i/_update_by_query?conflicts=proceed", r#"{"query":{"match_all":{}}}"#),
    ("POST", "/_reindex", r#"{"source":{"index":"i"},"dest":{"index":"j"}}"#),
    (
        "PUT",
        "/new?include_type_name=false",
        r#"{"settings":{"index":{"number_of_shards":2,"gc_deletes":"1h"}},"mappings":{"properties":{"a":{"type":"long"}}}}"#,
    ),
    ("GET", "/i,t?ignore_unavailable=true", ""),
    ("DELETE", "/new", ""),
    ("POST", "/i*/_refresh", ""),
    ("POST", "/_count?allow_no_indices=true", r#"{"query":{"match_all":{}}}"#),
    (
        "PUT",
        "/i/_settings?flat_settings=true",
        r#"{"index":{"number_of_replicas":0,"refresh_interval":"-1"}}"#,
    ),
    ("GET", "/_stats?level=shards", ""),
    ("GET", "/_cluster/health/i?wait_for_status=yellow&timeout=1s&level=indices", ""),
    ("GET", "/_cat/indices/i?v&h=index,docs.count&s=index:desc&format=json", ""),
];

/// What mutations are made of: what parsers trip over.
const PIECES: [&str; 44] = [
    "",
    "0",
    "-1",
    "1e400",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "1.5",
    "true",
    "null",
    "NaN",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    "{}",
    "[]",
    "{\"a\":",
    ":",
    ",",
    "/",
    "//",
    "?",
    "&",
    "=",
    "%",
    "%00",
    "%2f",
    "%ff",
    "*",
    "-",
    "_all",
    "_doc",
    "_id",
    "..",
    "\u{e9}",
    "\u{1f600}",
    "#",
    "\n",
    "\u{0}",
];

/// One change of a text: at a place (in thousandths of its length), so many bytes give way to a piece.
type Mutation = (usize, usize, usize);

fn mutations(most: usize) -> impl Strategy<Value = Vec<Mutation>> {
    proptest::collection::vec((0..=1_000_usize, 0..6_usize, 0..PIECES.len()), 0..=most)
}

fn mutate(text: &str, mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (place, length, piece) in mutations {
        let start = bytes.len() * place / 1_000;
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, PIECES[*piece].bytes());
    }
    bytes
}

/// A path with what a request line cannot carry escaped. (Of these, `"`, `<` and `>` are refused in a
/// query by hyper itself, with a 400 that has no body.)
fn sendable(path: &[u8]) -> String {
    let escape = |byte: &u8| match byte {
        b'!'..=b'~' if !b"#\"<>".contains(byte) => char::from(*byte).to_string(),
        _ => format!("%{byte:02x}"),
    };
    path.iter().map(escape).collect()
}

/// Runs so many cases, or as many more as `PROPTEST_CASES` asks for.
fn runner(cases: u32) -> TestRunner {
    let config = Config::default();
    let cases = config.cases.max(cases);
    TestRunner::new(Config { cases, failure_persistence: None, ..config })
}

fn check_answer(sent: &[u8], reply: &Reply) {
    let shown = || format!("{:?}\n-> {reply:?}", String::from_utf8_lossy(sent));
    assert!((200..500).contains(&reply.status), "{}", shown());
    let content_type = reply.header("content-type").unwrap_or_else(|| panic!("{}", shown()));
    if content_type.starts_with("application/json") && !sent.starts_with(b"HEAD ") {
        let parsed = serde_json::from_slice::<Value>(&reply.body);
        assert!(parsed.is_ok(), "{parsed:?} {}", shown());
    } else {
        assert!(std::str::from_utf8(&reply.body).is_ok(), "{}", shown());
    }
}

#[test]
fn any_request_gets_an_answer_that_is_no_failure() {
    let server = api::start(None);
    for (method, path, body) in VALID {
        let sent = request(method, path, JSON, body.as_bytes());
        check_answer(&sent, &Client::connect(&server).ask(&sent));
    }
    let headers = [
        JSON,
        "",
        "Content-Type: application/x-ndjson\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: application/yaml\r\n",
        "Content-Type: application/vnd.elasticsearch+json;compatible-with=7\r\nAccept: application/vnd.elasticsearch+json;compatible-with=7\r\n",
        "Content-Type: application/vnd.elasticsearch+json;compatible-with=8\r\nAccept: application/vnd.elasticsearch+json;compatible-with=8\r\n",
        "Content-Type: application/vnd.elasticsearch+json;compatible-with=2\r\nAccept: application/vnd.elasticsearch+json;compatible-with=2\r\n",
    ];
    let requests = (0..VALID.len(), 0..headers.len(), mutations(2), mutations(4));
    runner(2_000)
        .run(&requests, |(valid, header, in_path, in_body)| {
            let (method, path, body) = VALID[valid];
            let mut path = mutate(path, &in_path);
            path.truncate(1_000);
            let path = format!("/{}", sendable(&path).trim_start_matches('/'));
            let sent = request(method, &path, headers[header], &mutate(body, &in_body));
            check_answer(&sent, &Client::connect(&server).ask(&sent));
            check_alive(&mut Client::connect(&server));
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_bytes_are_answered_or_hung_up_on() {
    let server = api::start(None);
    runner(500)
        .run(&(0..VALID.len(), mutations(6)), |(valid, mutations)| {
            let (method, path, body) = VALID[valid];
            let whole = request(method, path, JSON, body.as_bytes());
            let sent = mutate(std::str::from_utf8(&whole).unwrap(), &mutations);
            let mut client = Client::connect(&server);
            client.push(&sent).half_close();
            let line = client.line();
            let failed =
                ["HTTP/1.1 500", "HTTP/1.0 500"].iter().any(|start| line.starts_with(start));
            prop_assert!(!failed, "{:?}: {line}", String::from_utf8_lossy(&sent));
            check_alive(&mut Client::connect(&server));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_request_names_only_so_many_documents() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    assert_eq!(put(&mut client, "/many/_doc/1", "{}").status, 201);
    for (count, status) in [(10_000, 200), (10_001, 413)] {
        let ids = vec!["1"; count];
        let reply = client.ask(json_request("POST", "/many/_mget", &json!({ "ids": ids })));
        assert_eq!(reply.status, status, "{count} ids");
    }
    let deletes = "{\"delete\":{\"_id\":\"1\"}}\n".repeat(1_000_001);
    let reply = client.ask(bulk("/many/_bulk", &deletes));
    assert_eq!(reply.status, 413, "{}", reply.text());
    assert_eq!(client.ask(bare("GET", "/many/_doc/1")).status, 200, "nothing was applied");
}
