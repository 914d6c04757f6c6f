//! What an append costs on this machine's disk: entries of one 1 KB document, by so many writers at a
//! time, each with a stream of its own. Run with `cargo bench -p storage`.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and ends when it fails"
)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use document::{DocumentId, Effect, Operation, SeqNo, Timestamp, Version};
use shard::{
    log::{Durability, Entry, EntryOutline, LogError, LogProvider, Logs, Replay, StreamId},
    store::{Location, Store},
};
use storage::disk::{DiskLog, Options};

/// How long each line takes.
const MEASURED: Duration = Duration::from_secs(3);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("durability       writers    appends/s");
    let lazily = Durability::Async { sync_interval: Duration::from_secs(5) };
    for (name, durability) in [("request", Durability::Request), ("async", lazily)] {
        for writers in [1, 8, 32] {
            let appends = runtime.block_on(measure(writers, durability));
            println!("{name:<16} {writers:>7}    {appends:>9.0}");
        }
    }
}

/// How many entries so many writers append in a second.
async fn measure(writers: u64, durability: Durability) -> f64 {
    let directory = tempfile::tempdir_in(".").unwrap();
    let log = DiskLog::new(directory.path(), Options::default());
    let logs = Box::new(log).open(&mut Nothing).unwrap();
    let began = Instant::now();
    let running: Vec<_> = (0..writers)
        .map(|id| tokio::spawn(write(Arc::clone(&logs), StreamId::new(id), durability, began)))
        .collect();
    let mut appends = 0;
    for writer in running {
        appends += writer.await.unwrap();
    }
    let elapsed = began.elapsed();
    logs.close().await.unwrap();
    appends as f64 / elapsed.as_secs_f64()
}

/// Appends one entry after the other; returns how many.
async fn write(logs: Arc<dyn Logs>, id: StreamId, durability: Durability, began: Instant) -> u64 {
    let stream = logs.create(id).await.unwrap();
    stream.log.set_durability(durability);
    let source = Bytes::from(vec![b'x'; 1_000]);
    let mut last = stream.position;
    let mut appends = 0;
    while began.elapsed() < MEASURED {
        let seq_no = SeqNo::new(appends);
        let effect = Effect::Index {
            id: DocumentId::from(format!("{appends:020}")),
            routing: None,
            version: Version::FIRST,
            source: source.clone(),
        };
        let time = Timestamp::from_millis(1_700_000_000_000);
        let operations = vec![Operation { seq_no, term: stream.term, time, effect }];
        let entry = Entry { term: stream.term, next_seq_no: seq_no.next(), operations };
        last = stream.log.append(&entry, last).await.unwrap();
        appends += 1;
    }
    appends
}

/// Who opens a new log, and wants nothing of it.
struct Nothing;

impl Replay for Nothing {
    fn entry(&self, _: StreamId, _: &EntryOutline<'_>, _: &mut Vec<Location>) {}

    fn live_streams(&mut self, _: &dyn Store) -> Result<Vec<StreamId>, LogError> {
        Ok(Vec::new())
    }
}
