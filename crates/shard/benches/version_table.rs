//! What the version table costs: memory per document beside its id, and the longest pause of one
//! application while it grows. Run with `cargo bench -p shard`.

#![allow(missing_docs, clippy::print_stdout, reason = "a benchmark prints")]

use std::time::{Duration, Instant};

use document::{LastWrite, PrimaryTerm, SeqNo, Version};
use shard::{Place, VersionTable, store::Location};

/// How many documents, and the bytes of each id.
const DOCUMENTS: u64 = 10_000_000;
const ID_BYTES: u64 = 20;

fn main() {
    let before = resident_bytes();
    let table = VersionTable::new(1);
    let mut longest = Duration::ZERO;
    let started = Instant::now();
    let mut report_at = 1_000_000;
    println!("documents    bytes each, beside the id    longest pause");
    for number in 0..DOCUMENTS {
        let id = format!("{number:0>20}");
        let last = LastWrite {
            seq_no: SeqNo::new(number),
            term: PrimaryTerm::FIRST,
            version: Version::FIRST,
        };
        let place = Place::Live(Location { segment: 1, offset: 0, length: 1_000 });
        let began = Instant::now();
        table.apply(id.as_str().into(), last, place);
        longest = longest.max(began.elapsed());
        if number + 1 == report_at {
            let each = (resident_bytes() - before) / (number + 1) - ID_BYTES;
            println!("{:>9}    {each:>26}    {longest:>13.2?}", number + 1);
            report_at = report_at * 5 / 4;
        }
    }
    let each = started.elapsed() / u32::try_from(DOCUMENTS).unwrap_or(u32::MAX);
    println!("{each:.0?} for each application");
}

/// The resident memory of this process.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}
