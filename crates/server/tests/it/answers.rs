//! What every answer carries, and how it is packed.

use std::io::Read;

use flate2::read::GzDecoder;
use server::http::Limits;

use crate::client::{Client, ask, post};
use crate::server::Server;

fn get(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}

#[test]
fn every_answer_names_the_product_and_the_request() {
    let (server, _gate) = Server::start(Limits { body_bytes_max: 10, ..Limits::default() });
    let lines = "X-Opaque-Id: my id\r\n";
    for (request, status) in [
        (get("/", lines).into_bytes(), 200),
        (get("/%zz", lines).into_bytes(), 400),
        (get("/panic", lines).into_bytes(), 500),
        (post("/", &format!("{lines}Origin: http://evil.com\r\n"), b"{}"), 403),
        (post("/", lines, &[b'a'; 11]), 413),
    ] {
        let reply = ask(&server, request);
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("x-elastic-product"), Some("Elasticsearch"));
        assert_eq!(reply.header("x-opaque-id"), Some("my id"));
        assert!(reply.header("content-type").is_some());
    }
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let (server, _gate) = Server::start(Limits::default());
    let mut client = Client::connect(&server);
    client.send("HEAD /big HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let head = client.head();
    assert_eq!((head.status, head.header("content-length")), (200, Some("1025")));
    assert_eq!(client.send(get("/big", "")).reply().body.len(), 1025);
}

#[test]
fn answers_above_a_kibibyte_are_packed_when_asked() {
    let (server, _gate) = Server::start(Limits::default());
    let lines = "Accept-Encoding: gzip\r\n";
    let packed = ask(&server, get("/big", lines));
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut unpacked = Vec::new();
    GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, [b'x'; 1025]);

    for plain in [ask(&server, get("/medium", lines)), ask(&server, get("/big", ""))] {
        assert_eq!(plain.header("content-encoding"), None);
    }
}

#[test]
fn a_panic_is_an_answer_of_unknown_outcome() {
    let (server, _gate) = Server::start(Limits::default());
    let mut client = Client::connect(&server);
    let reply = client.send(post("/panic", "", b"{}")).reply();
    assert_eq!(reply.status, 500);
    assert_eq!(reply.header("x-occam-outcome"), Some("unknown"));
    assert!(reply.text().contains("\"type\":\"illegal_state_exception\""));
    assert_eq!(client.send(get("/", "")).reply().status, 200, "the connection lives on");
}
