//! What opening a log costs for each document, from checkpoints and by reading the segments. Run with
//! `cargo bench -p storage`.

#![allow(missing_docs, clippy::print_stdout, reason = "a benchmark prints")]

use std::{
    collections::HashMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use document::{DocumentId, Effect, Operation, PrimaryTerm, SeqNo, Timestamp, Version};
use parking_lot::RwLock;
use shard::{
    Recovery, VersionTable,
    log::{Entry, EntryOutline, LogError, LogProvider, Logs, Replay, StreamId},
    store::{Location, Store},
};
use storage::disk::{DiskLog, Options};

/// One segment for all, so that the clean stop writes the checkpoint of everything.
const OPTIONS: Options = Options {
    segment_bytes_max: 4 << 30,
    group_bytes_max: 8 << 20,
    group_entries_max: 1_024,
    collected_bytes_per_second: 0,
    opening_threads_max: 4,
    term_min: PrimaryTerm::FIRST,
};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    println!("                                  checkpoint      nothing      tables      reading");
    println!("documents         in entries of      B each      ns each     ns each      ns each");
    for (documents, operations) in [(10_000_000, 1_000), (1_000_000, 1)] {
        let directory = tempfile::tempdir()?;
        runtime.block_on(fill(directory.path(), documents, operations))?;
        let checkpoint = directory.path().join("checkpoint-00000001");
        let bytes = std::fs::metadata(&checkpoint)?.len();
        let nothing = open(directory.path(), &mut Ignored)?;
        let tables = open(directory.path(), &mut Tables::default())?;
        std::fs::remove_file(&checkpoint)?;
        let reading = open(directory.path(), &mut Ignored)?;
        let each = |time: Duration| time.as_nanos() / u128::from(documents);
        println!(
            "{documents:>9}    {operations:>15}    {:>8.1}    {:>9}   {:>9}    {:>9}",
            bytes as f64 / documents as f64,
            each(nothing),
            each(tables),
            each(reading)
        );
    }
    Ok(())
}

/// Opens the log and says how long it took.
fn open(directory: &Path, replay: &mut dyn Replay) -> Result<Duration, Failure> {
    let started = Instant::now();
    let logs = Box::new(DiskLog::new(directory, OPTIONS)).open(replay)?;
    let took = started.elapsed();
    drop(logs);
    Ok(took)
}

/// Writes so many documents and stops.
async fn fill(directory: &Path, documents: u64, operations: u64) -> Result<(), Failure> {
    // Single operations share groups only if they are of different streams.
    let streams = if operations == 1 { 1_000 } else { 1 };
    let logs = Box::new(DiskLog::new(directory, OPTIONS)).open(&mut Ignored)?;
    let mut writers = Vec::new();
    for number in 0..streams {
        let stream = logs.create(StreamId::new(number + 1)).await?;
        writers.push((stream.log, stream.position));
    }
    for round in 0..documents / operations / streams {
        let numbers = round * operations..(round + 1) * operations;
        let next_seq_no = SeqNo::new(numbers.end);
        let operations = numbers.map(index).collect();
        let entry = Entry { term: PrimaryTerm::FIRST, next_seq_no, operations };
        let mut appends = Vec::new();
        for (log, position) in &mut writers {
            appends.push((log.append(&entry, *position), position));
        }
        for (append, position) in appends {
            *position = append.await?;
        }
    }
    close(logs).await
}

async fn close(logs: Arc<dyn Logs>) -> Result<(), Failure> {
    Ok(logs.close().await?)
}

/// A small document with an id of twenty bytes.
fn index(number: u64) -> Operation {
    Operation {
        seq_no: SeqNo::new(number),
        term: PrimaryTerm::FIRST,
        time: Timestamp::from_millis(1_700_000_000_000),
        effect: Effect::Index {
            id: DocumentId::from(format!("{:020}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
            routing: None,
            version: Version::FIRST,
            source: bytes::Bytes::from_static(b"{\"field\":1,\"other\":\"value\"}"),
        },
    }
}

/// Takes no notice of anything.
struct Ignored;

impl Replay for Ignored {
    fn entry(&self, _: StreamId, _: &EntryOutline<'_>, _: &mut Vec<Location>) {}

    fn live_streams(&mut self, _: &dyn Store) -> Result<Vec<StreamId>, LogError> {
        Ok(Vec::new())
    }
}

/// Folds each stream into a version table, as a node does.
#[derive(Default)]
struct Tables(RwLock<HashMap<StreamId, Arc<Recovery>>>);

impl Replay for Tables {
    fn entry(&self, id: StreamId, entry: &EntryOutline<'_>, retired: &mut Vec<Location>) {
        let known = self.0.read().get(&id).map(Arc::clone);
        let stream = known.unwrap_or_else(|| {
            let new = || Arc::new(Recovery::new(VersionTable::new(1)));
            Arc::clone(self.0.write().entry(id).or_insert_with(new))
        });
        stream.entry(entry, retired);
    }

    fn live_streams(&mut self, _: &dyn Store) -> Result<Vec<StreamId>, LogError> {
        Ok(Vec::new())
    }
}
