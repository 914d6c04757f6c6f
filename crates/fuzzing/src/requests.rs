//! Whole requests, one after the other, to one node.
//!
//! An input is a text: requests with a line `~~~` between them. A request is its method and target,
//! headers, an empty line and its body, as on the wire; the header `Pinned` says which dialect the
//! listener is pinned to.

use bytes::Bytes;
use hyper::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use server::rest::Response;

use crate::{
    json::{Json, parse},
    world::{Asked, World, escaped, without_mark},
};

/// How many requests of an input are looked at.
const REQUESTS_MAX: usize = 16;

/// That every answer keeps what is promised of answers, and that a write that is told to have
/// succeeded is seen.
pub(crate) fn check(input: &[u8]) {
    let world = World::new();
    for text in split(input, b"\n~~~\n").into_iter().take(REQUESTS_MAX) {
        let Some(asked) = read(text) else { continue };
        let (method, target, sent) =
            (asked.method.clone(), asked.target.to_owned(), asked.body.clone());
        let Some(response) = world.ask(asked) else { continue };
        if [Method::PUT, Method::POST, Method::DELETE].contains(&method) {
            check_written(&world, &target, &sent, &response);
        }
    }
}

/// The parts of a text between separators.
pub(crate) fn split<'a>(text: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(separator.len()).position(|found| found == separator) {
        parts.push(&rest[..at]);
        rest = &rest[at + separator.len()..];
    }
    parts.push(rest);
    parts
}

/// The request that a text describes.
fn read(text: &[u8]) -> Option<Asked<'_>> {
    let (head, body) = match text.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&text[..at], &text[at + 2..]),
        None => (text, &b""[..]),
    };
    let mut lines = std::str::from_utf8(head).ok()?.split('\n');
    let (method, target) = lines.next()?.split_once(' ')?;
    let (mut headers, mut pinned) = (HeaderMap::new(), None);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        if name == "Pinned" {
            pinned = value.trim().parse().ok();
            continue;
        }
        let value = HeaderValue::from_str(value.trim()).ok()?;
        headers.append(name.parse::<HeaderName>().ok()?, value);
    }
    let (method, body) = (method.parse().ok()?, Bytes::copy_from_slice(body));
    Some(Asked { method, target, headers, body, pinned })
}

/// That what the answer to a write of one document says is so.
fn check_written(world: &World, target: &str, sent: &[u8], response: &Response) {
    if !response.status.is_success() {
        return;
    }
    let Some(answer) = parse(&response.body) else { return };
    let name = |name| answer.get(name).and_then(Json::text);
    let version = answer.get("_version").and_then(Json::number);
    let (Some(index), Some(id), Some(version)) = (name("_index"), name("_id"), version) else {
        return;
    };
    let documents = world.documents(index, id);
    let mut written = documents.iter().filter(|document| document.last.version.get() == version);
    let is_delete = name("result") == Some("deleted")
        || answer.get("created").is_none() && answer.get("found").is_some();
    if is_delete {
        assert!(written.next().is_none(), "{target}: {index}/{id} is still there");
        return;
    }
    // An update's answer may show the document as well; its source is not what was sent.
    let path = target.split('?').next().unwrap_or_default();
    let is_update = path.split('/').any(|segment| segment == "_update");
    let seq_no = answer.get("_seq_no").and_then(Json::number);
    let is_it = written.any(|document| {
        let number = i64::try_from(document.last.seq_no.get()).ok();
        (is_update || document.source == without_mark(sent))
            && (seq_no.is_none() || seq_no == number)
    });
    assert!(is_it, "{target}: {index}/{id} is not there as it was written");
    if world.shards(index) == 1 {
        check_shown(world, index, id, version);
    }
}

/// That a GET shows a document of an index of one shard.
fn check_shown(world: &World, index: &str, id: &str, version: i64) {
    let target = format!("/{}/_doc/{}?routing=x", escaped(index), escaped(id));
    let response = world.ask(Asked::new(Method::GET, &target, b"")).unwrap();
    let answer = parse(&response.body).unwrap_or(Json::Array(Vec::new()));
    let shown = answer.get("_version").and_then(Json::number);
    assert_eq!((response.status.as_u16(), shown), (200, Some(version)), "GET {target}");
    let stored = world.documents(index, id);
    let source = answer.get("_source").cloned();
    assert_eq!(source, parse(&stored[0].source), "GET {target}");
}
