//! Web pages over the wire; the rules themselves are tested where they are.

use server::http::guard::{Guard, Origins};
use server::http::{Limits, handler};
use server::rest::dialect::{Dialect, DialectDefaults};
use server::rest::rendering::Rendering;
use server::rest::response::Answer;

use crate::client::{Client, ask};
use crate::server::Server;

#[test]
fn foreign_hosts_and_pages_are_refused() {
    let (server, _gate) = Server::start(Limits::default());
    for (request, named) in [
        ("GET / HTTP/1.1\r\nHost: evil.com\r\n\r\n", "[evil.com]"),
        (
            "PUT /a HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.com\r\n\r\n",
            "[http://evil.com]",
        ),
        ("POST /a HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n", "cross-site"),
    ] {
        let refused = ask(&server, request);
        assert_eq!(refused.status, 403);
        assert!(refused.text().contains("security_exception"), "{}", refused.text());
        assert!(refused.text().contains(named), "{}", refused.text());
    }
    assert_eq!(ask(&server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
}

#[test]
fn a_named_origin_may_ask_and_read() {
    let origins = Origins::Named(vec!["http://app.lan".to_owned()]);
    let guard = Guard { origins, ..Guard::default() };
    let answer = handler(|_| async {
        Rendering::plain(DialectDefaults::default().default)
            .answer(Answer::json(hyper::StatusCode::OK, "{}"))
    });
    let server = Server::with(answer, Limits::default(), guard, Some(Dialect::V7));
    let mut client = Client::connect(&server);
    let lines = "HTTP/1.1\r\nHost: localhost\r\nOrigin: http://app.lan\r\n";
    let asks = "Access-Control-Request-Method: PUT\r\n";
    let asked = client.send(format!("OPTIONS /a/_doc/1 {lines}{asks}\r\n")).reply();
    assert_eq!((asked.status, asked.body.len()), (200, 0));
    assert_eq!(asked.header("access-control-allow-origin"), Some("http://app.lan"));
    assert!(asked.header("access-control-allow-methods").unwrap().contains("DELETE"));
    let read = client.send(format!("GET / {lines}\r\n")).reply();
    assert_eq!(read.header("access-control-allow-origin"), Some("http://app.lan"));
    assert_eq!(read.header("vary"), Some("Origin"));
}
