//! A log that was written as in production, and then damaged in several places at once.
//!
//! The first byte of an input chooses the log, each further six bytes are a damage.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use document::{DocumentId, Effect, Operation, SeqNo, Timestamp, Version};
use shard::log::{Entry, Logs, Stream, StreamId};
use storage::file::simulated::{Image, SimulatedFileSystem};

use crate::{
    entries::{Input, shown},
    opened_log::{OpenedLog, Shown, directory, open, report, salvaged},
};

/// How many damages of an input are done.
const DAMAGES_MAX: usize = 8;
/// What reaches the disk whole or not at all.
const SECTOR_BYTES: usize = 512;

/// The logs that are damaged, and all that was ever written to them.
struct Scene {
    /// A log after a clean stop, after a kill, and after the start that followed.
    images: [Image; 3],
    /// The same log at an earlier time: files that may turn up again.
    earlier: Image,
    written: BTreeSet<Shown>,
}

/// That nothing is shown that was never written; that after a clean stop nothing is missing from a
/// stream that does not say so, but for what an outside hand put in the place of something else; that
/// what can be salvaged was written, and is a whole log; and that the next opening shows the same.
pub(crate) fn check(input: &[u8]) {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    let scene = SCENE.get_or_init(Scene::write);
    let mut input = Input(input);
    let chosen = usize::from(input.byte()) % scene.images.len();
    let mut image = scene.images[chosen].clone();
    let mut is_forged = false;
    for _ in 0..DAMAGES_MAX {
        if input.0.is_empty() {
            break;
        }
        is_forged |= damage(&mut image, &scene.earlier, &mut input);
    }
    let files = directory(&image);
    if let Some(salvaged) = salvaged(&files) {
        scene.check_written(&salvaged, "salvaged");
    }
    let report = report(&files);
    let opened = match open(&files) {
        Ok((opened, _)) => opened,
        Err(error) => {
            let is_whole = report.is_some_and(|report| report.is_whole());
            assert!(!is_whole, "a check finds nothing, but it does not open: {error}");
            return;
        }
    };
    scene.check_written(&opened, "shown");
    if chosen == 0 && !is_forged {
        scene.check_missing(&opened);
    }
    if report.unwrap().is_whole() {
        assert!(opened.damages.is_empty(), "a check finds nothing: {:?}", opened.damages);
        assert_eq!(opened.unreadable, 0, "a check finds nothing");
    }
    let (again, _) = open(&files).unwrap_or_else(|error| panic!("the next opening: {error}"));
    assert_eq!(again.newest(), opened.newest(), "the next opening");
}

/// Does one damage; says whether it put something in the place of something else.
fn damage(image: &mut Image, earlier: &Image, input: &mut Input<'_>) -> bool {
    let [kind, file, low, high, length, value] = [(); 6].map(|()| input.byte());
    let names: Vec<_> = image.files.keys().cloned().collect();
    let Some(name) = names.get(usize::from(file) % names.len().max(1)) else { return false };
    let contents = image.files.get_mut(name).unwrap();
    let at = usize::from(u16::from_le_bytes([low, high])) % (contents.len() + 1);
    let length = (usize::from(length) * 4).min(contents.len() - at);
    match kind % 8 {
        0 => contents[at..].iter_mut().take(1).for_each(|byte| *byte ^= value.max(1)),
        1 => contents[at..at + length].fill(0),
        2 => contents.truncate(at),
        3 => contents[at..at + length].fill(value),
        4 => {
            // A sector that was written to the wrong place.
            let sectors = contents.len() / SECTOR_BYTES;
            if sectors > 0 {
                let sector = |number: usize| number % sectors * SECTOR_BYTES;
                let (from, to) = (sector(usize::from(value)), sector(at / SECTOR_BYTES));
                contents.copy_within(from..from + SECTOR_BYTES, to);
            }
            return true;
        }
        5 if name != "MANIFEST" => drop(image.files.remove(name)),
        6 => {
            if let Some(before) = earlier.files.get(name) {
                contents.clone_from(before);
            }
            return true;
        }
        _ => {
            let other = image.files[&names[usize::from(value) % names.len()]].clone();
            image.files.insert(name.clone(), other);
            return true;
        }
    }
    false
}

impl Scene {
    /// Writes the logs.
    fn write() -> Self {
        let files = SimulatedFileSystem::default();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (mut written, mut next) = (BTreeSet::new(), 0);
        let mut life = |lengths: &[usize]| {
            let logs = open(&files).unwrap().1;
            runtime.block_on(append(&logs, lengths, &mut next, &mut written));
            logs
        };
        let logs = life(&[20, 300, 5, 700, 2_500, 1]);
        let earlier = files.image();
        runtime.block_on(logs.close()).unwrap();
        let logs = life(&[40, 600, 30, 500, 13, 425, 10]);
        let killed = files.image();
        runtime.block_on(logs.close()).unwrap();
        drop(logs);
        let stopped = files.image();
        // The start after the kill, and another kill.
        let files = directory(&killed);
        drop(open(&files).unwrap());
        Self { images: [stopped, killed, files.image()], earlier, written }
    }

    /// That everything an opening shows was written, and with this source if it has one.
    fn check_written(&self, opened: &OpenedLog, how: &str) {
        for shown in &opened.operations {
            let is_it = |written: &Shown| {
                let Shown { stream, id, last, deleted, source } = written;
                (stream, id, last, deleted)
                    == (&shown.stream, &shown.id, &shown.last, &shown.deleted)
                    && (shown.source.is_none() || *source == shown.source)
            };
            assert!(self.written.iter().any(is_it), "{how}: {shown:?}");
        }
    }

    /// That the newest operation on each document is shown, or its stream says that it may be
    /// missing.
    fn check_missing(&self, opened: &OpenedLog) {
        let mut newest = BTreeMap::new();
        for written in &self.written {
            newest.insert((written.stream, written.id.as_str()), written);
        }
        let shown = opened.newest();
        for (document, written) in newest {
            let is_shown = shown.get(&document).is_some_and(|shown| shown.last == written.last);
            assert!(is_shown || opened.may_miss(written.stream, written.last.0), "{written:?}");
        }
    }
}

/// Appends an entry for each of these lengths: writes to a few documents of two streams, each again
/// and again, and deletes.
async fn append(
    logs: &Arc<dyn Logs>,
    lengths: &[usize],
    next: &mut u64,
    written: &mut BTreeSet<Shown>,
) {
    let mut streams: Vec<Stream> = Vec::new();
    for number in [1, 7] {
        let id = StreamId::new(number);
        let stream = logs.stream(id);
        streams.push(match stream {
            Some(stream) => stream,
            None => logs.create(id).await.unwrap(),
        });
    }
    for (turn, length) in lengths.iter().enumerate() {
        let chosen = turn % streams.len();
        let stream = &mut streams[chosen];
        let count = 1 + turn as u64 % 3;
        let operations = (*next..*next + count).map(|seq_no| {
            let id = DocumentId::from(format!("d{}", seq_no % 7));
            let version = Version::new(1 + (seq_no / 7).cast_signed()).unwrap();
            let text = "x".repeat(*length);
            let effect = if seq_no % 5 == 3 {
                Effect::Delete { id, version }
            } else {
                let source = Bytes::from(format!("{{\"n\":{seq_no},\"t\":\"{text}\"}}"));
                Effect::Index { id, routing: None, version, source }
            };
            let (seq_no, time) = (SeqNo::new(seq_no), Timestamp::from_millis(7));
            Operation { seq_no, term: stream.term, time, effect }
        });
        let operations: Vec<_> = operations.collect();
        *next += count;
        let next_seq_no = SeqNo::new(*next);
        let number = [1, 7][chosen];
        written.extend(operations.iter().cloned().filter_map(|found| shown(number, found)));
        let entry = Entry { term: stream.term, next_seq_no, operations };
        stream.position = stream.log.append(&entry, stream.position).await.unwrap();
    }
}
