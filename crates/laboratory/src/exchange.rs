//! One request and its answer on a connection: as much of HTTP/1.1 as the server's answers need.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use workload::{Answer, Request};

/// No head of an answer is longer.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// No body of an answer is longer.
const BODY_BYTES_MAX: usize = 64 << 20;

/// An answer, and whether the connection can be used again.
pub(crate) struct Exchanged {
    /// The answer.
    pub(crate) answer: Answer,
    /// Whether the server keeps the connection.
    pub(crate) is_kept: bool,
}

/// Sends a request and reads its answer.
///
/// # Errors
/// When the connection ends before the answer does. What is no HTTP is an answer of status 0.
pub(crate) async fn exchange(stream: &mut TcpStream, request: &Request) -> io::Result<Exchanged> {
    stream.write_all(&message(request)).await?;
    let mut bytes = Vec::with_capacity(1 << 10);
    let head_length = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if bytes.len() > HEAD_BYTES_MAX || stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let mut body = bytes.split_off(head_length);
    let Some((mut answer, length, is_kept)) = head(&bytes) else {
        return Ok(Exchanged { answer: nonsense(bytes), is_kept: false });
    };
    if length > BODY_BYTES_MAX || body.len() > length {
        return Ok(Exchanged { answer: nonsense(bytes), is_kept: false });
    }
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    answer.body = body;
    Ok(Exchanged { answer, is_kept })
}

/// A request as bytes.
fn message(request: &Request) -> Vec<u8> {
    let mut head = format!(
        "{} {} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n",
        request.method,
        request.target,
        request.body.len()
    );
    for (name, value) in &request.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&request.body);
    bytes
}

/// What no client understands, for whoever reads of it.
fn nonsense(bytes: Vec<u8>) -> Answer {
    Answer { status: 0, outcome_header: None, body: bytes }
}

/// An answer without its body, the length of that, and whether the connection is kept.
fn head(bytes: &[u8]) -> Option<(Answer, usize, bool)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let mut answer = Answer { status, outcome_header: None, body: Vec::new() };
    let (mut length, mut is_kept) = (None, true);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.parse().ok()?);
        } else if name.eq_ignore_ascii_case("connection") {
            is_kept = !value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("x-occam-outcome") {
            answer.outcome_header = Some(value.to_owned());
        }
    }
    Some((answer, length?, is_kept))
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn a_head_says_what_an_answer_needs() {
        let text = "HTTP/1.1 503 Service Unavailable\r\nX-Occam-Outcome: unknown\r\n\
            Connection: close\r\nContent-Length: 12\r\n\r\n";
        let (answer, length, is_kept) = head(text.as_bytes()).unwrap();
        assert_eq!((answer.status, length, is_kept), (503, 12, false));
        assert_eq!(answer.outcome_header.as_deref(), Some("unknown"));
    }

    #[test]
    fn an_answer_without_a_length_is_none() {
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_none());
        assert!(head(b"SSH-2.0\r\ncontent-length: 1\r\n\r\n").is_none());
    }
}
