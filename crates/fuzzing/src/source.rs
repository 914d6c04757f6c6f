//! What may be a document's source, and the walk over its text.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::Method;
use node::{JsonText, check_source, json_string_content};

use crate::{
    json::{Json, parse},
    world::{Asked, World},
};

/// How deep a source may be nested.
const DEPTH_MAX: usize = 1_000;

/// The names that a source may not have at the top.
const METADATA: [&str; 9] = [
    "_id",
    "_index",
    "_type",
    "_source",
    "_routing",
    "_field_names",
    "_ignored",
    "_seq_no",
    "_version",
];

/// That bytes are taken for a source exactly if they are one JSON object with names that are text, not
/// too deep and without metadata; that the walk over them finds the same values; and that what is
/// stored are the bytes.
pub(crate) fn check(input: &[u8]) {
    let read = parse(input);
    let taken = check_source(input);
    match read.as_ref() {
        Some(object @ Json::Object(members)) => {
            let is_text = |name: &[u8]| std::str::from_utf8(name).is_ok();
            let is_metadata =
                |name: &[u8]| METADATA.iter().any(|metadata| metadata.as_bytes() == name);
            let is_fine = object.depth() <= DEPTH_MAX
                && members.iter().all(|(name, _)| is_text(name) && !is_metadata(name));
            assert_eq!(taken.is_ok(), is_fine, "{taken:?}");
        }
        Some(_) | None => assert!(taken.is_err()),
    }
    check_walk(input, read.as_ref());
    if taken.is_ok() {
        let repeats = read.as_ref().is_some_and(Json::repeats_names);
        check_kept(input, repeats);
    }
}

/// That the walk ends, and finds what is there if the text is JSON.
fn check_walk(input: &[u8], read: Option<&Json>) {
    let mut text = JsonText::new(input);
    let walked = text.value();
    if let Some(read) = read {
        check_value(walked.unwrap(), read);
        assert_eq!(text.peek(), None);
        return;
    }
    // Whatever it is: each step goes on or says that there is nothing.
    let mut text = JsonText::new(input);
    for _ in 0..input.len() + 1 {
        let Some(byte) = text.peek() else { return };
        let before = text.clone();
        if text.value().is_none() {
            text = before.clone();
            if text.name().is_none() {
                text = before.clone();
                text.take(byte).unwrap();
            }
        }
        assert!(before.until(&text).is_some_and(|passed| !passed.is_empty()));
    }
    assert_eq!(text.peek(), None);
}

/// That a value as written is this one.
fn check_value(written: &[u8], read: &Json) {
    let mut text = JsonText::new(written);
    match read {
        Json::Word(word) => assert_eq!(written, word.as_bytes()),
        Json::Text(said) => assert_eq!(json_string_content(written), Cow::Borrowed(&said[..])),
        Json::Array(elements) => {
            text.take(b'[').unwrap();
            for (number, element) in elements.iter().enumerate() {
                if number > 0 {
                    text.take(b',').unwrap();
                }
                check_value(text.value().unwrap(), element);
            }
            text.take(b']').unwrap();
        }
        Json::Object(members) => {
            text.take(b'{').unwrap();
            for (number, (name, value)) in members.iter().enumerate() {
                if number > 0 {
                    text.take(b',').unwrap();
                }
                assert_eq!(json_string_content(text.name().unwrap()), Cow::Borrowed(&name[..]));
                check_value(text.value().unwrap(), value);
            }
            text.take(b'}').unwrap();
        }
    }
}

/// That a source is stored and shown as the bytes that were sent, by a mapping that takes all, unless a
/// name is used twice in an object.
fn check_kept(input: &[u8], repeats: bool) {
    let world = World::new();
    let mapping = br#"{"mappings":{"enabled":false}}"#;
    let created = world.ask(Asked::new(Method::PUT, "/i", mapping)).unwrap();
    assert_eq!(created.status.as_u16(), 200);
    let put = world.ask(Asked::new(Method::PUT, "/i/_doc/1", input)).unwrap();
    let expected = if repeats { 400 } else { 201 };
    assert_eq!(put.status.as_u16(), expected, "{}", String::from_utf8_lossy(&put.body));
    if repeats {
        return;
    }
    assert_eq!(world.documents("i", "1")[0].source, Bytes::copy_from_slice(input));
    let shown = world.ask(Asked::new(Method::GET, "/i/_source/1", b"")).unwrap();
    assert_eq!(shown.body, Bytes::copy_from_slice(input));
}
