//! Raw bytes on a connection to a server on loopback.
//!
//! The first two bytes of an input say where what follows them is split.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{OnceLock, mpsc::channel},
    time::Duration,
};

use hyper::StatusCode;
use server::{
    http::{self, Limits, Listener, Settings, guard::Guard},
    rest::{Request, Response, dialect::Dialect},
};
use socket2::SockRef;

/// How long an answer may take. The server's own time-outs are longer: nothing here waits for one.
const PATIENCE: Duration = Duration::from_secs(20);

/// That a connection ends, that what comes back are answers, and that it does not count in how many
/// pieces the requests came.
pub(crate) fn check(input: &[u8]) {
    let Some(([one, other], sent)) = input.split_first_chunk() else { return };
    let at = |split: u8| usize::from(split) % (sent.len() + 1);
    let (first, second) = (at(*one).min(at(*other)), at(*one).max(at(*other)));
    let whole = exchange(&[sent]);
    let pieces = exchange(&[&sent[..first], &sent[first..second], &sent[second..]]);
    // What was refused may end the connection or not, by how much of it was read; and hyper looks at
    // a broken head that came in part only when its end has come too.
    let is_refused = whole.contains("HTTP/1.1 4") || pieces.contains("HTTP/1.1 4");
    let is_part = whole.starts_with(&pieces) || pieces.starts_with(&whole);
    let same = whole == pieces || is_refused && is_part;
    assert!(same, "split at {first} and {second}: {whole}\n--\n{pieces}");
    let is_answer = whole.is_empty() || whole.starts_with("HTTP/1.");
    assert!(is_answer, "{whole}");
}

/// Sends pieces and returns all answers, but for the lines that say when they were made and whether
/// others may follow.
fn exchange(pieces: &[&[u8]]) -> String {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    let mut stream = TcpStream::connect(ADDRESS.get_or_init(serve)).unwrap();
    // Closed without waiting, so that any number of connections can follow.
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    for piece in pieces {
        // The server may have ended the connection already: its answer is there all the same.
        let _ = stream.write_all(piece);
        std::thread::yield_now();
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answers) {
        panic!("the connection does not end: {error}");
    }
    let text = String::from_utf8_lossy(&answers).into_owned();
    let counts = |line: &&str| !line.starts_with("date: ") && !line.starts_with("connection: ");
    text.split_inclusive("\r\n").filter(counts).collect()
}

/// A server that answers with what it was asked.
fn serve() -> SocketAddr {
    let (bound, address) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let any = "127.0.0.1:0".parse().unwrap();
            let listener = Listener::bind(any, None).await.unwrap();
            bound.send(listener.address()).unwrap();
            let limits = Limits { body_bytes_max: 4 << 10, ..Limits::default() };
            let (guard, default_dialect) = (Guard::default(), Dialect::V7);
            let settings = Settings { limits, guard, default_dialect };
            let handler = http::handler(|request| async { echo(request) });
            http::serve(vec![listener], handler, settings, std::future::pending()).await
        })
    });
    address.recv().unwrap()
}

fn echo(request: Request) -> Response {
    let Request { method, target, segments, headers, body, .. } = request;
    Response {
        status: StatusCode::OK,
        content_type: "text/plain; charset=UTF-8",
        headers: Vec::new(),
        body: format!("{method} {target} {segments:?} {headers:?} {body:?}").into(),
        outcome: None,
        held: None,
    }
}
