//! What the version table costs: memory per document beside its id, as the machine and as `Memory`
//! see it, and the longest pause of one call. Run with `cargo bench -p shard`.

#![allow(missing_docs, clippy::print_stdout, reason = "a benchmark prints")]

use std::{
    fmt::Write,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use document::{GcDeletes, LastWrite, PrimaryTerm, SeqNo, Timestamp, Version};
use shard::{Memory, Place, VersionTable, store::Location};

/// How many documents, and the bytes of each id.
const DOCUMENTS: u64 = 10_000_000;
const ID_BYTES: u64 = 20;
/// How many maps a large table has: so many sweeps visit all of it.
const SWEEPS: usize = 256;
/// How many documents a table holds before it is split.
const SMALL_ROWS: u64 = 4_096;

fn main() {
    // Each size in a process of its own: what one freed, the next would take without growing.
    let argument = std::env::args().nth(1).and_then(|argument| argument.parse().ok());
    if let Some(documents) = argument {
        return many_tables(documents);
    }
    println!("documents    bytes each, measured    counted    longest pause    mean");
    for documents in [1, 10, 100, 1_000, 4_000, 5_000, 10_000, 100_000] {
        let program = std::env::current_exe().expect("this program has a path");
        let ended = Command::new(program).arg(documents.to_string()).status();
        assert!(ended.is_ok_and(|status| status.success()), "{documents} documents in each table");
    }
    splits();
    one_table();
}

/// The one call that makes a small table a large one.
fn splits() {
    let mut splitting = Calls::default();
    for seed in 0..200 {
        let table = VersionTable::new(seed);
        for number in 0..SMALL_ROWS {
            Calls::default().time(|id| write(&table, id, number, number, LIVE), number);
        }
        splitting.time(|id| write(&table, id, SMALL_ROWS, SMALL_ROWS, LIVE), SMALL_ROWS);
    }
    println!("split: {:.0?} each, at most {:.2?}", splitting.mean(), splitting.longest);
}

/// One table that becomes large.
fn one_table() {
    let (resident, memory) = (resident_bytes(), Arc::new(Memory::unlimited()));
    let table = VersionTable::with_memory(1, Arc::clone(&memory));
    let mut filling = Calls::default();
    let mut report_at = 1_000_000;
    for number in 0..DOCUMENTS {
        filling.time(|id| write(&table, id, number, number, LIVE), number);
        if number + 1 == report_at || number + 1 == DOCUMENTS {
            let resident = resident_bytes() - resident;
            report(number + 1, number + 1, resident, memory.used(), &filling);
            report_at = report_at * 5 / 4;
        }
    }
    later_life(&table, &memory, resident);
}

const LIVE: Place = Place::Live(Location { segment: 1, offset: 0, length: 1_000 });
const LIVE_AGAIN: Place = Place::Live(Location { segment: 2, offset: 0, length: 1_000 });
const DELETED: Place = Place::Deleted(Timestamp::from_millis(0));

fn write(table: &VersionTable, id: &str, number: u64, seq_no: u64, place: Place) {
    let seq_no = SeqNo::new(seq_no);
    let last = LastWrite { seq_no, term: PrimaryTerm::FIRST, version: Version::FIRST };
    assert_eq!(table.apply(id, last, place).is_some(), seq_no.get() != number);
}

/// Many tables of `documents` each, as on a node of many shards. The bytes include the tables.
fn many_tables(documents: u64) {
    let count = (1_000_000 / documents).min(10_000);
    let (resident, memory) = (resident_bytes(), Arc::new(Memory::unlimited()));
    let mut tables = Vec::new();
    let mut filling = Calls::default();
    for seed in 0..count {
        let table = VersionTable::with_memory(seed, Arc::clone(&memory));
        for number in 0..documents {
            filling.time(|id| write(&table, id, number, number, LIVE), number);
        }
        tables.push(table);
    }
    let counted = memory.used() + count * u64::try_from(size_of::<VersionTable>()).unwrap_or(0);
    report(documents, documents * count, resident_bytes() - resident, counted, &filling);
}

fn report(documents: u64, rows: u64, resident: u64, counted: u64, calls: &Calls) {
    let each = |bytes: u64| (bytes / rows).saturating_sub(ID_BYTES);
    let (measured, counted) = (each(resident), each(counted));
    let (longest, mean) = (calls.longest, calls.mean());
    println!("{documents:>9}    {measured:>20}    {counted:>7}    {longest:>13.2?}    {mean:.0?}");
}

/// What follows once the table is full: writes again, deletes, sweeps.
fn later_life(table: &VersionTable, memory: &Memory, resident: u64) {
    let mut again = Calls::default();
    for number in 0..DOCUMENTS {
        let place = if number % 10 == 0 { LIVE_AGAIN } else { DELETED };
        again.time(|id| write(table, id, number, DOCUMENTS + number, place), number);
    }
    println!("written again: {:.0?} each, at most {:.2?}", again.mean(), again.longest);
    let mut reading = Calls::default();
    for number in 0..DOCUMENTS {
        reading.time(|id| assert!(table.get(id).is_some()), number);
    }
    println!("read: {:.0?} each, at most {:.2?}", reading.mean(), reading.longest);
    let mut sweeping = Calls::default();
    for _ in 0..SWEEPS {
        let now = Timestamp::from_millis(i64::MAX);
        sweeping.time(|_| table.sweep(now, GcDeletes::DEFAULT, None), 0);
    }
    println!(
        "swept, nine tenths dropped: {:.0?} each, at most {:.2?}",
        sweeping.mean(),
        sweeping.longest
    );
    let (resident, counted) = ((resident_bytes() - resident) >> 20, memory.used() >> 20);
    println!("{} rows left: {resident} MiB measured, {counted} MiB counted", table.live());
}

/// The time of calls.
#[derive(Default)]
struct Calls {
    id: String,
    count: u32,
    total: Duration,
    longest: Duration,
}

impl Calls {
    fn time(&mut self, call: impl FnOnce(&str), number: u64) {
        self.id.clear();
        // A String takes everything.
        let _ = write!(self.id, "{number:0>20}");
        let began = Instant::now();
        call(&self.id);
        let took = began.elapsed();
        self.count += 1;
        self.total += took;
        self.longest = self.longest.max(took);
    }

    fn mean(&self) -> Duration {
        self.total / self.count.max(1)
    }
}

/// The resident memory of this process.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}
