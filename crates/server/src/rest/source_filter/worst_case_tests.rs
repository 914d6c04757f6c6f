//! Documents made of whatever is worst: small requests must not make large work of them.
//!
//! Sizes are asserted where they say it; elsewhere the whole must end in seconds, in a debug build and
//! on a busy machine, where what these tests guard against took minutes or all memory.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::value::RawValue;

use super::SourceFilter;
use crate::rest::filter_path::FilterPath;
use crate::rest::yaml;

/// How long each document is. A megabyte takes four times as long.
const BYTES: usize = 256 << 10;
const DEPTH: usize = 1_000;
/// The longest any of this may take in a debug build.
const TIME_MAX: Duration = Duration::from_secs(5);

/// The worst documents of their kinds.
fn documents() -> Vec<(&'static str, String)> {
    let nested =
        |inner: &str| format!("{}{inner}{}", "{\"a\":".repeat(DEPTH - 1), "}".repeat(DEPTH - 1));
    let repeated = |member: &str| {
        let count = BYTES / (member.len() + 1);
        format!("{{{}}}", vec![member; count].join(","))
    };
    let keys: Vec<String> = (0..BYTES / 12).map(|key| format!("\"k{key}\":1")).collect();
    let siblings = vec!["\"a\":{\"b\":1}"; BYTES / (12 * 20)].join(",");
    vec![
        ("one dotted name", format!("{{\"{}\":1}}", ".".repeat(BYTES))),
        ("one long name", format!("{{\"{}\":1}}", "a".repeat(BYTES))),
        ("a long name above many", long_name_above(&siblings)),
        ("many keys", format!("{{{}}}", keys.join(","))),
        ("many objects", repeated("\"a\":{\"b\":{\"c\":1}}")),
        ("a long array", format!("{{\"a\":[{}1]}}", "1,".repeat(BYTES / 2))),
        ("much at the deepest level", nested(&repeated("\"a\":1"))),
        ("arrays of nothing", format!("{{\"a\":[{}[]]}}", "[],".repeat(BYTES / 3))),
    ]
}

fn long_name_above(members: &str) -> String {
    format!("{{\"{}\":{{{members}}}}}", "a.".repeat(BYTES / 2))
}

/// What fits into a request line of 4 KiB.
fn paths() -> Vec<(&'static str, Vec<String>)> {
    let line = |path: &str| vec![path.to_owned(); (4_000 / (path.len() + 1)).min(1_000)];
    vec![
        ("one star", vec!["*z*z".to_owned()]),
        ("a long glob", vec![format!("{}z", "*a".repeat(1_900))]),
        ("a long name", vec![format!("{}z", "a".repeat(4_000))]),
        ("many names", line("a")),
        ("many globs", line("*a*z")),
        ("any names, repeated", vec![format!("{}z", "**.".repeat(99))]),
        ("any names between names", vec![format!("{}z", "a.**.".repeat(49))]),
        ("any names, many times", line("**.z")),
    ]
}

/// Each document with each list of paths, by turns to include or to exclude them.
fn cases() -> Vec<(String, String, Vec<String>, bool)> {
    let mut cases = Vec::new();
    for (row, (document, json)) in documents().into_iter().enumerate() {
        for (column, (filter, paths)) in paths().into_iter().enumerate() {
            let excludes = (row + column) % 2 == 1;
            cases.push((format!("{filter} on {document}"), json.clone(), paths, excludes));
        }
    }
    cases
}

#[track_caller]
fn check(what: &str, started: Instant) {
    let taken = started.elapsed();
    assert!(taken < TIME_MAX, "{what}: {taken:?}");
}

#[test]
fn filters_are_quick_whatever_the_answer() {
    for (what, json, paths, excludes) in &cases() {
        let sign = if *excludes { "-" } else { "" };
        let paths: Vec<String> = paths.iter().map(|path| format!("{sign}{path}")).collect();
        let started = Instant::now();
        let filtered = FilterPath::parse(&paths).unwrap().apply(json.as_bytes()).unwrap();
        assert!(filtered.len() <= json.len());
        check(what, started);
    }
}

#[test]
fn source_filters_are_quick_whatever_the_source() {
    for (what, json, paths, excludes) in &cases() {
        let side = if *excludes { "excludes" } else { "includes" };
        let wish = format!("{{\"{side}\":{}}}", serde_json::to_string(paths).unwrap());
        let wish = RawValue::from_string(wish).unwrap();
        let source = Bytes::from(json.clone());
        let started = Instant::now();
        let shown = SourceFilter::parse(&wish).unwrap().apply(&source, true).unwrap();
        assert!(shown.len() <= source.len());
        check(what, started);
    }
}

#[test]
fn yaml_stays_within_its_bound() {
    for (document, json) in &documents() {
        let yaml = yaml::within(json.as_bytes(), 8 * BYTES);
        assert!(yaml.is_none_or(|yaml| yaml.len() <= 8 * BYTES), "{document}");
    }
}

/// An item without a wish of its own shares that of its request: ten thousand took a gigabyte.
#[test]
fn items_share_the_filter_of_their_request() {
    let wish = RawValue::from_string("[\"a\"]".to_owned()).unwrap();
    let filter = SourceFilter::parse(&wish).unwrap();
    let (SourceFilter::Fields(one), SourceFilter::Fields(other)) =
        (SourceFilter::Unasked.or(&filter), &filter)
    else {
        panic!("a path asks for fields")
    };
    assert!(std::sync::Arc::ptr_eq(&one, other));
}
