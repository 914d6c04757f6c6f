//! Connections: kept, shared, half closed, abandoned, misused.

use std::time::Duration;

use server::http::Limits;

use crate::client::{Client, ask, post};
use crate::server::{PATIENCE, Server, pass};

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn a_connection_serves_request_after_request() {
    let (server, _gate) = Server::start(Limits::default());
    let mut client = Client::connect(&server);
    for body in ["one", "two", ""] {
        assert_eq!(client.send(post("/", "", body.as_bytes())).reply().text(), body);
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (server, _gate) = Server::start(Limits::default());
    let mut client = Client::connect(&server);
    client.send([post("/", "", b"one"), post("/", "", b"two"), GET.into()].concat());
    assert_eq!(client.reply().text(), "one");
    assert_eq!(client.reply().text(), "two");
    assert_eq!(client.reply().text(), "");
}

#[test]
fn http_1_0_and_connection_close_end_the_connection() {
    let (server, _gate) = Server::start(Limits::default());
    for request in
        ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"]
    {
        let mut client = Client::connect(&server);
        assert_eq!(client.send(request).reply().status, 200);
        assert!(client.is_closed());
    }
}

#[test]
fn a_half_closed_connection_still_gets_its_answer() {
    let (server, _gate) = Server::start(Limits::default());
    let mut client = Client::connect(&server);
    client.send(post("/", "", b"one")).half_close();
    assert_eq!(client.reply().text(), "one");
    assert!(client.is_closed());
}

#[test]
fn a_body_may_come_in_chunks_and_in_drops() {
    let (server, _gate) = Server::start(Limits::default());
    let mut client = Client::connect(&server);
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    for drop in ["4\r", "\n{\"a\"", "\r\n3\r\n", ":1}", "\r\n0\r\n", "\r\n"] {
        client.send(drop);
    }
    assert_eq!(client.reply().text(), "{\"a\":1}");
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    let (server, _gate) = Server::start(Limits::default());
    let mut client = Client::connect(&server);
    let request = post("/", "Expect: 100-continue\r\n", b"{}");
    let (head, body) = request.split_at(request.len() - 2);
    client.send(head);
    assert_eq!(client.line(), "HTTP/1.1 100 Continue");
    assert_eq!(client.line(), "");
    assert_eq!(client.send(body).reply().text(), "{}");
}

#[test]
fn an_unknown_expectation_fails() {
    let (server, _gate) = Server::start(Limits::default());
    assert_eq!(ask(&server, post("/", "Expect: bogus\r\n", b"{}")).status, 417);
}

#[test]
fn bad_bytes_are_answered_with_400_and_a_clean_close() {
    let (server, _gate) = Server::start(Limits::default());
    for bad in [
        &b"GARBAGE\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS greeting\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\ntransfer-encoding: bogus\r\n\r\n",
    ] {
        let mut client = Client::connect(&server);
        let shown = String::from_utf8_lossy(bad).into_owned();
        assert_eq!(client.send(bad).reply().status, 400, "{shown}");
        assert!(client.is_closed(), "{shown}");
    }
    assert_eq!(ask(&server, GET).status, 200, "others are still served");
}

#[test]
fn a_broken_chunk_is_answered_with_400() {
    let (server, _gate) = Server::start(Limits::default());
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = Client::connect(&server);
    assert_eq!(client.send(head).send("xyz\r\n").reply().status, 400);
    assert!(client.is_closed());
}

#[test]
fn half_requests_harm_nobody() {
    let (server, _gate) = Server::start(Limits::default());
    for half in ["", "G", "GET / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\n{"] {
        let mut closed = Client::connect(&server);
        closed.send(half).half_close();
        drop(closed);
        let mut reset = Client::connect(&server);
        reset.send(half);
        reset.reset();
    }
    assert_eq!(ask(&server, GET).status, 200);
}

#[test]
fn a_client_that_hangs_up_does_not_cancel_its_request() {
    let (server, gate) = Server::start(Limits::default());
    for method in ["PUT", "GET"] {
        let mut client = Client::connect(&server);
        client.send(format!("{method} /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        gate.entered.recv_timeout(PATIENCE).unwrap();
        client.reset();
        assert_eq!(ask(&server, GET).status, 200, "the server saw the reset before this");
        gate.open();
        gate.done.recv_timeout(PATIENCE).expect("the handler ran to its end");
    }
}

#[test]
fn one_connection_too_many_is_turned_away() {
    let (server, _gate) = Server::start(Limits { connections_max: 1, ..Limits::default() });
    let mut first = Client::connect(&server);
    assert_eq!(first.send(GET).reply().status, 200);
    let mut second = Client::connect(&server);
    let turned_away = second.reply();
    assert_eq!(turned_away.status, 503);
    assert_eq!(turned_away.header("x-occam-outcome"), Some("not-applied"));
    assert!(second.is_closed());
    assert_eq!(first.send(GET).reply().status, 200);
}

#[test]
fn a_slow_head_is_not_waited_for() {
    let header_timeout = Duration::from_millis(50);
    let (server, _gate) = Server::start(Limits { header_timeout, ..Limits::default() });
    let mut client = Client::connect(&server);
    assert!(client.send("GET / HTTP/1.1\r\nHost: loc").is_closed());
}

#[test]
fn an_idle_connection_may_wait_longer_than_a_head_may_take() {
    let header_timeout = Duration::from_millis(20);
    let (server, _gate) = Server::start(Limits { header_timeout, ..Limits::default() });
    let mut client = Client::connect(&server);
    for _ in 0..3 {
        assert_eq!(client.send(GET).reply().status, 200);
        pass(5 * header_timeout);
    }
}

#[test]
fn a_slow_handler_is_no_slow_head() {
    let header_timeout = Duration::from_millis(20);
    let (server, gate) = Server::start(Limits { header_timeout, ..Limits::default() });
    let mut client = Client::connect(&server);
    client.send("PUT /wait HTTP/1.1\r\nHost: localhost\r\n\r\n");
    gate.entered.recv_timeout(PATIENCE).unwrap();
    pass(5 * header_timeout);
    gate.open();
    assert_eq!(client.reply().status, 200);
}

#[test]
fn an_answer_nobody_takes_is_given_up() {
    /// More than the sockets of both sides buffer.
    const BYTES: usize = 64 << 20;
    let write_timeout = Duration::from_millis(20);
    let (server, _gate) = Server::start(Limits { write_timeout, ..Limits::default() });
    let mut client = Client::connect(&server);
    client.send(post("/", "", &vec![b'a'; BYTES]));
    pass(10 * write_timeout);
    assert_eq!(client.head().status, 200);
    assert!(client.rest() < BYTES);
}
