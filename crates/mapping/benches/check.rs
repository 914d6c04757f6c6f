//! What it costs to check a document of about one kilobyte against its mapping. Run with
//! `cargo bench -p mapping`.

#![allow(missing_docs, clippy::print_stdout, reason = "a benchmark prints")]

use std::time::{Duration, Instant};

use mapping::{Document, FieldRef, FieldSink, FieldValue, Fit, Mapping, Settings};
use serde_json::json;

/// How often a document is checked in one measurement, and how many of those are made.
const ROUNDS: u32 = 20_000;
const MEASUREMENTS: usize = 25;

fn main() {
    let line = log_line();
    let order = order();
    report("a log line of 12 fields, strings and numbers", &line);
    report("an order of 30 values in objects and arrays", &order);
}

/// Adds what a document needs to a mapping, then checks it again and again.
fn report(name: &str, source: &str) {
    let empty = Mapping::empty(Settings::default());
    let document = Document { id: "1", routing: None, source: source.as_bytes() };
    let Ok(Fit::NeedsUpdate(update)) = empty.check(&document) else {
        return println!("{name}: needs no update");
    };
    let Ok(mapping) = empty.apply(&update) else { return println!("{name}: cannot be applied") };
    let check = best(|| {
        assert!(matches!(mapping.check(&document), Ok(Fit::Fits(_))));
    });
    let values = best(|| {
        let mut sink = Count(0);
        mapping.fields(source.as_bytes(), &mut sink);
        assert!(sink.0 > 0);
    });
    let bytes = source.len();
    println!("{name}, {bytes} bytes: check {check:.2?}, all values told {values:.2?}");
}

/// The best of several means.
fn best(mut work: impl FnMut()) -> Duration {
    let measure = || {
        let began = Instant::now();
        for _ in 0..ROUNDS {
            work();
        }
        began.elapsed() / ROUNDS
    };
    std::iter::repeat_with(measure).take(MEASUREMENTS).min().unwrap_or_default()
}

/// Counts values.
struct Count(usize);

impl FieldSink for Count {
    fn wants(&self, _: FieldRef<'_>) -> bool {
        true
    }

    fn value(&mut self, _: FieldRef<'_>, _: FieldValue<'_>) {
        self.0 += 1;
    }
}

/// A document as a collector of logs sends it.
fn log_line() -> String {
    json!({
        "@timestamp": "2026-03-01T12:34:56.789Z",
        "level": "info",
        "host": "web-17.example.org",
        "service": "checkout",
        "status": 200,
        "duration_ms": 12.75,
        "bytes": 48_213,
        "cached": false,
        "client": "192.168.10.23",
        "path": "/api/v2/orders/9f1c2d/confirm",
        "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
        "message": "x".repeat(700),
    })
    .to_string()
}

/// A document with objects, arrays and many numbers.
fn order() -> String {
    let items: Vec<_> = (0..6)
        .map(|number| json!({ "sku": format!("SKU-{number:06}"), "count": number, "price": 9.99, "note": "a note of some length for the packer" }))
        .collect();
    json!({
        "id": 123_456,
        "customer": { "name": "Ada Example", "city": "Paris", "since": "2019-05-04" },
        "items": items,
        "paid": true,
        "tags": ["new", "gift"],
        "total": 59.94,
        "comment": "y".repeat(300),
    })
    .to_string()
}
