//! A sync that fails, a second process, entries too large.

use std::sync::Arc;

use bytes::Bytes;
use document::{DocumentId, Effect, Operation};
use shard::log::{
    AppendError, LogError, LogProvider, Logs, Position, Refused, StreamId,
    conformance::{Shown, entry, index},
};

use super::{
    super::{DiskLog, Options},
    world::{STREAMS, TINY},
};
use crate::file::simulated::SimulatedFileSystem;

const ONE: StreamId = STREAMS[0];
const TWO: StreamId = STREAMS[1];

fn open(files: &SimulatedFileSystem) -> (Shown, Arc<dyn Logs>) {
    let provider = || -> Box<dyn LogProvider> {
        Box::new(DiskLog::with_file_system(Arc::new(files.clone()), TINY))
    };
    Shown::open(&provider, &STREAMS)
}

async fn append(
    logs: &Arc<dyn Logs>,
    stream: StreamId,
    operation: Operation,
) -> Result<Position, AppendError> {
    let stream = logs.stream(stream).unwrap();
    let entry = entry(stream.term, vec![operation]);
    stream.log.append(&entry, stream.position).await
}

#[tokio::test]
async fn a_failed_sync_is_unknown_and_final() {
    let files = SimulatedFileSystem::default();
    let (_, logs) = open(&files);
    append(&logs, ONE, index(0, "a")).await.unwrap();
    files.limit_syncs(Some(0));
    let unknown = append(&logs, ONE, index(1, "b")).await.unwrap_err();
    assert!(matches!(unknown, AppendError::Unknown(_)), "{unknown}");
    // That syncs would succeed again does not matter.
    files.limit_syncs(None);
    let closed = append(&logs, TWO, index(0, "c")).await.unwrap_err();
    assert!(matches!(closed, AppendError::Refused(Refused::Closed)), "{closed}");
    let reason = logs.failed().await;
    assert!(reason.contains("cannot sync") && reason.contains("segment-"), "{reason}");
    logs.close().await.expect_err("there is no clean stop");
    drop(logs);

    let (shown, _logs) = open(&files);
    let operations = shown.operations(ONE);
    assert!([index(0, "a"), index(1, "b")].starts_with(&operations));
    assert!(!operations.is_empty());
    assert_eq!(shown.operations(TWO), []);
}

/// Beginning a segment takes four syncs, of its header, the directory, the manifest, and the
/// directory again; only when the fifth fails, that of the group, may the entry be there.
#[tokio::test]
async fn a_failed_sync_of_a_new_segment_is_definite_and_final() {
    for succeeding in 0..5 {
        let files = SimulatedFileSystem::default();
        let (_, logs) = open(&files);
        let first = index(0, &"x".repeat(1_000));
        append(&logs, ONE, first.clone()).await.unwrap();
        files.limit_syncs(Some(succeeding));
        let error = append(&logs, ONE, first.clone()).await.unwrap_err();
        match error {
            AppendError::Refused(Refused::Closed) => assert!(succeeding < 4),
            AppendError::Unknown(_) => assert_eq!(succeeding, 4),
            AppendError::Refused(_) => panic!("{error}"),
        }
        assert!(logs.failed().await.contains("cannot sync"));
        drop(logs);

        files.limit_syncs(None);
        for image in files.crash_images(files.changes()).into_iter().chain([files.image()]) {
            let (shown, _logs) = open(&SimulatedFileSystem::new(image));
            let operations = shown.operations(ONE);
            let most = if succeeding < 4 { 1 } else { 2 };
            assert!((1..=most).contains(&operations.len()), "{} entries", operations.len());
            assert_eq!(operations[0], first);
        }
    }
}

#[tokio::test]
async fn a_second_process_is_locked_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made").join("on demand");
    let open = || Box::new(DiskLog::new(&path, Options::default())).open(&mut Shown::default());
    let logs = open().unwrap();
    match open() {
        Err(LogError::Locked(message)) => {
            assert!(message.contains(path.to_str().unwrap()), "{message}");
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("two processes use one directory"),
    }
    logs.close().await.unwrap();
    open().unwrap();
}

#[tokio::test]
async fn an_entry_larger_than_a_segment_gets_one_of_its_own() {
    let files = SimulatedFileSystem::default();
    let (_, logs) = open(&files);
    let large = index(0, &"x".repeat(20_000));
    append(&logs, ONE, large.clone()).await.unwrap();
    append(&logs, ONE, index(1, "small")).await.unwrap();
    drop(logs);
    let (shown, _logs) = open(&files);
    assert_eq!(shown.operations(ONE), [large, index(1, "small")]);
}

#[tokio::test]
async fn what_the_format_cannot_hold_is_refused() {
    let (_, logs) = open(&SimulatedFileSystem::default());
    let mut operation = index(0, "a");
    operation.effect = Effect::Delete {
        id: DocumentId::from("x".repeat(65_536)),
        version: document::Version::FIRST,
    };
    let refused = append(&logs, ONE, operation).await.unwrap_err();
    assert!(matches!(refused, AppendError::Refused(Refused::NoRoom(_))), "{refused}");
    append(&logs, ONE, index(0, "a")).await.unwrap();
}

/// Damage that comes after the opening is found by the read.
#[tokio::test]
async fn a_source_that_was_changed_is_not_served() {
    let directory = tempfile::tempdir().unwrap();
    let provider =
        || -> Box<dyn LogProvider> { Box::new(DiskLog::new(directory.path(), Options::default())) };
    let (_, logs) = Shown::open(&provider, &[ONE]);
    let stream = logs.stream(ONE).unwrap();
    let entry = entry(stream.term, vec![index(0, "a source")]);
    let position = stream.log.append(&entry, stream.position).await.unwrap();
    let location = stream.store.apply(position, &entry).unwrap()[0];
    stream.store.read(location).await.unwrap();

    let path = directory.path().join("segment-00000001.log");
    let mut contents = std::fs::read(&path).unwrap();
    contents[(location.offset + location.length - 1) as usize] ^= 1;
    std::fs::write(&path, Bytes::from(contents)).unwrap();
    let error = stream.store.read(location).await.unwrap_err();
    assert!(error.to_string().contains("segment-00000001.log is damaged at offset"), "{error}");
    assert!(stream.store.read_cached(location).is_none_or(|read| read.is_err()));
}
