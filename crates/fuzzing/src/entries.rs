//! Entries of any content, written and read back: from the segments and from their checkpoints.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use document::{DocumentId, Effect, Operation, PrimaryTerm, Routing, SeqNo, Timestamp, Version};
use shard::log::{Entry, Logs, StreamId};
use storage::file::simulated::SimulatedFileSystem;

use crate::opened_log::{OpenedLog, Shown, copy, directory, open, report, source};

/// How many entries of an input are written.
const ENTRIES_MAX: usize = 24;

/// The bytes of an input, taken off its front; zeros when there are no more.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    /// One byte.
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number of as many bytes as the first one says, so that all lengths are as likely.
    pub(crate) fn number(&mut self) -> u64 {
        (0..self.byte() % 9).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    /// Some bytes, after their count.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let count = usize::from(self.byte());
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A text.
    fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }
}

/// That what was appended is what an opening shows, after a kill and after a clean stop, with and
/// without checkpoints, and that a check finds nothing wrong with it.
pub(crate) fn check(input: &[u8]) {
    let mut input = Input(input);
    let files = SimulatedFileSystem::default();
    let (_, logs) = open(&files).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let written = runtime.block_on(append(&mut input, &logs));
    check_shown(&copy(&files), &written, "after a kill");
    runtime.block_on(logs.close()).unwrap();
    drop(logs);
    let mut image = files.image();
    check_shown(&directory(&image), &written, "after a stop");
    let checkpoints = image.files.len();
    image.files.retain(|name, _| !name.starts_with("checkpoint-"));
    assert!(image.files.len() < checkpoints);
    check_shown(&directory(&image), &written, "without checkpoints");
}

/// Appends what an input describes; returns it as an opening should show it.
async fn append(input: &mut Input<'_>, logs: &Arc<dyn Logs>) -> BTreeSet<Shown> {
    let mut written = BTreeSet::new();
    let mut streams = Vec::new();
    for number in 1..=2 {
        let stream = logs.create(StreamId::new(number)).await.unwrap();
        streams.push((number, stream.position, stream, SeqNo::ZERO));
    }
    for _ in 0..ENTRIES_MAX {
        if input.0.is_empty() {
            break;
        }
        let chosen = usize::from(input.byte()) % streams.len();
        let (number, position, stream, next_seq_no) = &mut streams[chosen];
        let count = input.byte() % 5;
        let operations: Vec<_> = (0..count).map(|_| operation(input, next_seq_no)).collect();
        let entry = Entry { term: stream.term, next_seq_no: *next_seq_no, operations };
        *position = stream.log.append(&entry, *position).await.unwrap();
        written.extend(entry.operations.into_iter().filter_map(|found| shown(*number, found)));
    }
    written
}

/// An operation; its number is the next or some above.
fn operation(input: &mut Input<'_>, next_seq_no: &mut SeqNo) -> Operation {
    let seq_no = next_seq_no.get().saturating_add(input.number() >> 8).min(u64::MAX >> 1);
    *next_seq_no = SeqNo::new(seq_no + 1);
    let version = Version::new((input.number() >> 1).cast_signed()).unwrap_or(Version::FIRST);
    let id = DocumentId::from(input.text());
    let effect = match input.byte() % 4 {
        0 => Effect::Delete { id, version },
        1 => Effect::Noop { reason: input.text().into() },
        kind => Effect::Index {
            id,
            routing: (kind == 2).then(|| Routing::from(input.text())),
            version,
            source: Bytes::from(input.bytes().repeat(usize::from(input.byte() % 8) + 1)),
        },
    };
    Operation {
        seq_no: SeqNo::new(seq_no),
        term: PrimaryTerm::new(input.number() % 2),
        time: Timestamp::from_millis(input.number().cast_signed()),
        effect,
    }
}

/// An operation as an opening shows it; no-ops are not shown.
pub(crate) fn shown(stream: u64, operation: Operation) -> Option<Shown> {
    let (id, last) = operation.target()?;
    let id = id.as_str().to_owned();
    let last = (last.seq_no.get(), last.term.get(), last.version.get());
    let is_delete = matches!(operation.effect, Effect::Delete { .. });
    let deleted = is_delete.then(|| operation.time.as_millis());
    Some(Shown { stream, id, last, deleted, source: source(operation) })
}

fn check_shown(files: &SimulatedFileSystem, written: &BTreeSet<Shown>, when: &str) {
    let report = report(files).unwrap();
    assert!(report.is_whole(), "{when}: {:?}", report.findings);
    let opened = open(files).map(|(opened, _)| opened);
    let OpenedLog { operations, damages, unreadable } =
        opened.unwrap_or_else(|error| panic!("{when}: {error}"));
    assert!(damages.is_empty() && unreadable == 0, "{when}: {damages:?}");
    assert_eq!(operations, *written, "{when}");
}
