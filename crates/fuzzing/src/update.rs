//! The body of an update, and the merge it asks for.
//!
//! An input may begin with the digit of a dialect. Its first line is the document that is there, the
//! rest is the body.

use hyper::Method;

use crate::{
    json::{Json, parse},
    world::{Asked, World, take_dialect},
};

/// That an update is refused without effect, or merges as the plainest merge does, and is a no-op
/// exactly if that changes nothing.
pub(crate) fn check(input: &[u8]) {
    let (pinned, input) = take_dialect(input);
    let (present, body) = match input.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (&b"{\"a\":1}"[..], input),
    };
    let world = World::new();
    let put = world.ask(Asked::new(Method::PUT, "/i/_doc/1", present)).unwrap();
    let was_there = put.status.as_u16() == 201;
    let update = Asked::new(Method::POST, "/i/_doc/1/_update", body).pinned(pinned);
    let Some(response) = world.ask(update) else { return };
    let after = world.documents("i", "1").pop();
    let shown = String::from_utf8_lossy(&response.body);
    if !response.status.is_success() {
        let source = after.map(|document| document.source);
        assert_eq!(source.as_deref(), was_there.then_some(present), "{shown}");
        return;
    }
    let body = parse(body).unwrap_or_else(|| panic!("taken although it is no JSON: {shown}"));
    let after = after.unwrap();
    if !was_there {
        let upsert = if is_true(body.get("doc_as_upsert")) { "doc" } else { "upsert" };
        assert_eq!(parse(&after.source).as_ref(), body.get(upsert), "{shown}");
        return;
    }
    let Some(doc) = body.get("doc") else { panic!("taken although there is no doc: {shown}") };
    let present = parse(present).unwrap();
    if present.repeats_names() || doc.repeats_names() {
        // Which of two members of one name counts is for nobody to rely on.
        return;
    }
    let merged = merge(&present, doc);
    assert!(equal(&parse(&after.source).unwrap(), &merged), "{shown}");
    let is_noop = after.last.seq_no.get() == 0;
    if body.get("detect_noop").is_none_or(|flag| is_true(Some(flag))) {
        assert_eq!(is_noop, equal(&merged, &present), "{shown}");
    } else {
        assert!(!is_noop, "{shown}");
    }
}

fn is_true(flag: Option<&Json>) -> bool {
    match flag {
        Some(Json::Word(word)) => word == "true",
        // Quotes around it do not count.
        Some(Json::Text(text)) => text == b"true",
        Some(Json::Array(_) | Json::Object(_)) | None => false,
    }
}

/// Objects are merged, everything else is replaced.
fn merge(present: &Json, doc: &Json) -> Json {
    let (Json::Object(members), Json::Object(changes)) = (present, doc) else { return doc.clone() };
    let mut merged = members.clone();
    for (name, change) in changes {
        match merged.iter_mut().find(|(found, _)| found == name) {
            Some((_, value)) => *value = merge(value, change),
            None => merged.push((name.clone(), change.clone())),
        }
    }
    Json::Object(merged)
}

/// Whether two values say the same: the order of members does not count, nor how a number that is
/// not a whole one is written.
fn equal(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Object(one), Json::Object(twins)) => {
            let has_twin = |(name, value): &(Vec<u8>, Json)| {
                twins.iter().any(|(found, twin)| found == name && equal(value, twin))
            };
            one.len() == twins.len() && one.iter().all(has_twin)
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Json::Word(one), Json::Word(other)) => one == other || fraction(one, other),
        _ => one == other,
    }
}

fn fraction(one: &str, other: &str) -> bool {
    let value = |text: &str| {
        let is_fraction = text.contains(['.', 'e', 'E']);
        text.parse::<f64>().ok().filter(|_| is_fraction)
    };
    value(one).is_some() && value(one) == value(other)
}
