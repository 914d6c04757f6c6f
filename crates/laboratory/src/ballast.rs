//! A client that writes much: so that the log's segments fill, are closed and collected, and what the
//! other clients wrote is moved while they work. It knows what must be there without a checker: each
//! document has a number that grows.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use workload::{Answer, Listener, Request, Transport};

use crate::transport::Connections;

/// How many documents there are.
const DOCUMENTS: usize = 24;
/// How many of them are written at a time.
const TOGETHER: usize = 6;
/// How long the text of one is.
const TEXT_BYTES: usize = 100 << 10;
/// Between two writes.
const PAUSE: Duration = Duration::from_millis(40);

/// What is known of one document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Known {
    /// The number that must be there, or a later one; none before the first.
    durable: u64,
    /// The highest number that may be there.
    sent: u64,
}

/// The client.
#[derive(Debug, Default)]
pub(crate) struct Ballast {
    documents: [Known; DOCUMENTS],
    turn: usize,
}

impl Ballast {
    /// Writes until the server is gone.
    ///
    /// # Errors
    /// When an answer is none that a server gives.
    pub(crate) async fn load(&mut self, connections: &Connections) -> anyhow::Result<()> {
        loop {
            let turn: Vec<usize> = (0..TOGETHER).map(|i| (self.turn + i) % DOCUMENTS).collect();
            self.turn = (self.turn + TOGETHER) % DOCUMENTS;
            let mut body = String::with_capacity(TOGETHER * (TEXT_BYTES + 100));
            for (id, known) in numbered(&mut self.documents).filter(|(id, _)| turn.contains(id)) {
                known.sent += 1;
                body.push_str(&format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n"));
                body.push_str(&source(id, known.sent));
                body.push('\n');
            }
            let request = request("POST", "/ballast/_bulk".to_owned(), body.into_bytes());
            match connections.send(request).await {
                Ok(answer) if is_whole_success(&answer) => {
                    for (_, known) in
                        numbered(&mut self.documents).filter(|(id, _)| turn.contains(id))
                    {
                        known.durable = known.sent;
                    }
                }
                // It may lag behind, be full, or have failed: what was sent may be there.
                Ok(answer) if matches!(answer.status, 200 | 429 | 503) => {}
                Ok(answer) => bail!("[ballast] a bulk is answered with {}", answer.status),
                Err(_) => return Ok(()),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads everything; a new life of the server must have it all.
    ///
    /// # Errors
    /// When it has not.
    pub(crate) async fn audit(&mut self, connections: &Connections) -> anyhow::Result<()> {
        for (id, known) in numbered(&mut self.documents).filter(|(_, known)| known.sent > 0) {
            let request = request("GET", format!("/ballast/_source/{id}"), Vec::new());
            let answer = connections.send(request).await;
            let answer = answer.map_err(|why| anyhow::anyhow!("[ballast] no answer: {why:?}"))?;
            if answer.status == 404 {
                ensure!(known.durable == 0, "[ballast] {id} is lost: {known:?}");
                continue;
            }
            ensure!(answer.status == 200, "[ballast] {id} is answered with {}", answer.status);
            let found = number(&answer.body).context("[ballast] no number")?;
            ensure!(
                answer.body == source(id, found).as_bytes(),
                "[ballast] {id} is not what was sent"
            );
            ensure!(
                known.durable <= found && found <= known.sent,
                "[ballast] {id} is {found}, but {known:?}"
            );
            known.durable = found;
        }
        Ok(())
    }
}

fn numbered(documents: &mut [Known]) -> impl Iterator<Item = (usize, &mut Known)> {
    documents.iter_mut().enumerate()
}

fn request(method: &'static str, target: String, body: Vec<u8>) -> Request {
    let kind = ("content-type".to_owned(), "application/x-ndjson".to_owned());
    let headers = if body.is_empty() { Vec::new() } else { vec![kind] };
    Request { method, target, headers, body, listener: Listener::V7 }
}

/// The source of a document at a number; no two are alike.
fn source(id: usize, number: u64) -> String {
    let word = format!("{id}-{number} ");
    let text = word.repeat(TEXT_BYTES / word.len());
    format!("{{\"number\":{number},\"text\":\"{text}\"}}")
}

/// The number in a source.
fn number(source: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(source).ok()?;
    text.strip_prefix("{\"number\":")?.split(',').next()?.parse().ok()
}

/// Whether every item of a bulk was written.
fn is_whole_success(answer: &Answer) -> bool {
    let errors = b"\"errors\":false";
    answer.status == 200 && answer.body.windows(errors.len()).any(|window| window == errors)
}

#[cfg(test)]
mod tests {
    use super::{number, source};

    #[test]
    fn a_source_tells_its_number() {
        assert_eq!(number(source(3, 17).as_bytes()), Some(17));
        assert_eq!(number(b"{}"), None);
    }
}
