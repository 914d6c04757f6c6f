//! Every bound of a request, at its edge.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use server::http::Limits;

use crate::client::{Client, Reply, ask, post};
use crate::server::{PATIENCE, Server};

fn small() -> Limits {
    Limits { body_bytes_max: 1000, bodies_bytes_max: 1500, ..Limits::default() }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn check_refused(reply: &Reply, status: u16, kind: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert!(reply.text().contains(&format!("\"type\":\"{kind}\"")), "{}", reply.text());
    assert!(reply.text().ends_with(&format!("\"status\":{status}}}")), "{}", reply.text());
}

#[test]
fn a_request_line_has_4096_bytes_at_most() {
    let (server, _gate) = Server::start(Limits::default());
    let request = |bytes: usize| {
        let path = "y".repeat(bytes - "GET / HTTP/1.1".len());
        format!("GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    };
    assert_eq!(ask(&server, request(4096)).status, 200);
    let refused = ask(&server, request(4097));
    check_refused(&refused, 400, "too_long_frame_exception");
    assert!(refused.text().contains("An HTTP line is larger than 4096 bytes."));
}

#[test]
fn headers_have_16_kib_at_most() {
    let (server, _gate) = Server::start(Limits::default());
    let request = |bytes: usize| {
        let others = "Host: localhost\r\n".len() + "X-A: \r\n".len();
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-A: {}\r\n\r\n", "y".repeat(bytes - others))
    };
    assert_eq!(ask(&server, request(16 << 10)).status, 200);
    let refused = ask(&server, request((16 << 10) + 1));
    check_refused(&refused, 400, "too_long_frame_exception");
    let mut client = Client::connect(&server);
    assert_eq!(client.push(request(50 << 10)).reply().status, 431);
}

#[test]
fn endless_heads_are_cut_off() {
    let (server, _gate) = Server::start(Limits::default());
    for endless in ["GET /".to_owned() + &"y".repeat(1 << 20), "X-A: y\r\n".repeat(1 << 17)] {
        let mut client = Client::connect(&server);
        assert!([400, 414, 431].contains(&client.push(endless).reply().status));
        assert!(client.is_closed());
    }
}

#[test]
fn a_body_may_fill_its_bound_and_not_exceed_it() {
    let (server, _gate) = Server::start(small());
    assert_eq!(ask(&server, post("/", "", &[b'a'; 1000])).body.len(), 1000);
    check_refused(&ask(&server, post("/", "", &[b'a'; 1001])), 413, "content_too_long_exception");
}

#[test]
fn an_announced_body_is_refused_before_it_comes() {
    let (server, _gate) = Server::start(small());
    let mut client = Client::connect(&server);
    let lines = "Host: localhost\r\nExpect: 100-continue\r\ncontent-length: 200000000\r\n\r\n";
    let refused = client.send(format!("PUT / HTTP/1.1\r\n{lines}")).reply();
    check_refused(&refused, 413, "content_too_long_exception");
    assert_eq!(refused.header("connection"), Some("close"));
    assert!(client.is_closed());
}

#[test]
fn the_refusal_reaches_a_client_that_keeps_sending() {
    let (server, _gate) = Server::start(small());
    let mut client = Client::connect(&server);
    client.push(post("/", "", &vec![b'a'; 8 << 20]));
    check_refused(&client.reply(), 413, "content_too_long_exception");
}

#[test]
fn a_chunked_body_is_counted_as_it_comes() {
    let (server, _gate) = Server::start(small());
    let mut client = Client::connect(&server);
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..11 {
        client.push(format!("64\r\n{}\r\n", "a".repeat(100)));
    }
    check_refused(&client.reply(), 413, "content_too_long_exception");
}

#[test]
fn packed_bodies_count_as_unpacked() {
    let (server, _gate) = Server::start(small());
    let lines = "Content-Encoding: gzip\r\n";
    assert_eq!(ask(&server, post("/", lines, &gzip(&[b'a'; 1000]))).body.len(), 1000);
    for bytes in [1001, 50 << 20] {
        let bomb = gzip(&vec![b'a'; bytes]);
        let mut client = Client::connect(&server);
        let small_enough = bomb.get(..bomb.len().min(900)).unwrap();
        client.send(post("/", lines, small_enough));
        check_refused(&client.reply(), 413, "content_too_long_exception");
    }
}

#[test]
fn broken_and_unknown_encodings_are_refused() {
    let (server, _gate) = Server::start(small());
    let packed = gzip(b"{}");
    let cut = packed.get(..packed.len() - 1).unwrap();
    for (lines, body) in [
        ("Content-Encoding: gzip\r\n", &b"{}"[..]),
        ("Content-Encoding: gzip\r\n", cut),
        ("Content-Encoding: br\r\n", b"{}"),
    ] {
        check_refused(&ask(&server, post("/", lines, body)), 400, "parse_exception");
    }
}

#[test]
fn all_bodies_in_flight_share_a_budget() {
    let (server, gate) = Server::start(small());
    let mut first = Client::connect(&server);
    first.send(post("/wait", "", &[b'a'; 1000]));
    gate.entered.recv_timeout(PATIENCE).unwrap();

    let refused = ask(&server, post("/", "", &[b'a'; 600]));
    check_refused(&refused, 429, "circuit_breaking_exception");
    let text = "[parent] Data too large, data for [<http_request>] would be [1600/1.5kb], \
                which is larger than the limit of [1500/1.4kb]";
    assert!(refused.text().contains(text), "{}", refused.text());
    assert_eq!(ask(&server, post("/", "", &[b'a'; 500])).status, 200);

    gate.open();
    assert_eq!(first.reply().status, 200);
    assert_eq!(ask(&server, post("/", "", &[b'a'; 600])).status, 200);
}

#[test]
fn a_body_that_stops_coming_is_given_up() {
    let body_timeout = Duration::from_millis(50);
    let (server, _gate) = Server::start(Limits { body_timeout, ..Limits::default() });
    let mut client = Client::connect(&server);
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\ncontent-length: 9\r\n\r\n{\"a\"");
    check_refused(&client.reply(), 408, "timeout_exception");
    assert!(client.is_closed());
}

#[test]
fn large_bodies_arrive_whole() {
    let (server, _gate) = Server::start(Limits::default());
    let body: Vec<u8> = (0..5_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    assert!(ask(&server, post("/", "", &body)).body == body);
    let packed = post("/", "Content-Encoding: gzip\r\n", &gzip(&body));
    assert!(ask(&server, packed).body == body);
}
