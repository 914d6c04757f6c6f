//! Stopping: nothing in flight is lost, nothing new is begun, and it ends.

use std::net::TcpStream;
use std::time::Duration;

use server::http::Limits;

use crate::client::{Client, post};
use crate::server::{PATIENCE, Server};

#[test]
fn what_is_in_flight_is_answered_and_then_closed() {
    let (mut server, gate) = Server::start(Limits::default());
    let mut idle = Client::connect(&server);
    assert_eq!(idle.send(post("/", "", b"")).reply().status, 200);
    let mut busy = Client::connect(&server);
    busy.send(post("/wait", "", b"{}"));
    gate.entered.recv_timeout(PATIENCE).unwrap();

    server.ask_to_stop();
    assert!(idle.is_closed());
    assert!(TcpStream::connect(server.address).is_err(), "nothing new is accepted");
    gate.open();
    let answer = busy.reply();
    assert_eq!((answer.status, answer.text()), (200, "{}"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(busy.is_closed());
    assert_eq!(server.join(), 0);
}

#[test]
fn what_does_not_end_is_not_waited_for() {
    let shutdown_timeout = Duration::from_millis(50);
    let (mut server, gate) = Server::start(Limits { shutdown_timeout, ..Limits::default() });
    let mut busy = Client::connect(&server);
    busy.send(post("/wait", "", b"{}"));
    gate.entered.recv_timeout(PATIENCE).unwrap();
    assert_eq!(server.join(), 1);
}

#[test]
fn an_abandoned_request_is_waited_for_too() {
    let (mut server, gate) = Server::start(Limits::default());
    let mut busy = Client::connect(&server);
    busy.send(post("/wait", "", b"{}"));
    gate.entered.recv_timeout(PATIENCE).unwrap();
    busy.reset();
    server.ask_to_stop();
    gate.open();
    assert_eq!(server.join(), 0);
    gate.done.try_recv().expect("the handler ran to its end");
}
