//! Everything that an opening shows, whether its sources can be read or not, and a comparison of a
//! damaged log with what it was.

use std::{collections::BTreeMap, sync::Arc};

use document::{LastWrite, Operation, SeqNo};
use parking_lot::Mutex;
use shard::{
    SystemThreads,
    log::{Damage, EntryOutline, LogError, OutlineEffect, Replay, StreamId},
    store::{Location, Store, StoreError},
};

use super::{
    super::{DiskLog, recovery::recover},
    world::{STREAMS, TINY},
};
use crate::file::simulated::{Image, SimulatedFileSystem};

/// What an opening of an image shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Survey {
    pub(super) streams: BTreeMap<StreamId, SurveyedStream>,
}

/// What it shows of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SurveyedStream {
    pub(super) operations: Vec<SurveyedOperation>,
    pub(super) next_seq_no: SeqNo,
    pub(super) damage: Option<Damage>,
}

/// One operation: its outline, and what is read at its location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SurveyedOperation {
    id: String,
    last: LastWrite,
    effect: OutlineEffect,
    pub(super) read: Result<Operation, String>,
}

/// What became of a log that was damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// How many operations are known and cannot be read.
    pub(super) unreadable: usize,
    /// How many are missing, and their streams say so.
    pub(super) lost: usize,
    /// How many streams say that something is wrong.
    pub(super) damaged_streams: usize,
}

#[derive(Default)]
struct Surveyor(Mutex<Vec<ShownOperation>>);

/// Whose operation, on which document, what it made of it, and where it is.
type ShownOperation = (StreamId, String, LastWrite, OutlineEffect, Location);

impl Replay for Surveyor {
    fn entry(&self, stream: StreamId, entry: &EntryOutline<'_>, _: &mut Vec<Location>) {
        for operation in entry.operations {
            let id = operation.id.to_owned();
            self.0.lock().push((stream, id, operation.last, operation.effect, operation.location));
        }
    }

    fn live_streams(&mut self, _: &dyn Store) -> Result<Vec<StreamId>, LogError> {
        Ok(STREAMS.to_vec())
    }
}

impl Survey {
    /// Opens what `files` hold and reads everything that is shown.
    pub(super) fn of(files: &SimulatedFileSystem) -> Result<Self, LogError> {
        let mut surveyor = Surveyor::default();
        let directory = DiskLog::with_file_system(Arc::new(files.clone()), TINY).directory;
        let shared = recover(directory, TINY, Arc::new(SystemThreads), &mut surveyor)?.shared;
        let stream = |id| {
            let next_seq_no = shared.streams.open(id).unwrap().end.next_seq_no;
            let damage = shared.damages.of(id);
            (id, SurveyedStream { operations: Vec::new(), next_seq_no, damage })
        };
        let mut streams: BTreeMap<_, _> = STREAMS.into_iter().map(stream).collect();
        let mut shown = surveyor.0.into_inner();
        // An opening shows them in any order.
        shown.sort_by_key(|(stream, _, last, ..)| (*stream, last.seq_no));
        for (stream, id, last, effect, location) in shown {
            let read = match shared.segments.read_blocking(location) {
                Ok(operation) => Ok(operation),
                Err(StoreError::Damaged(message)) => Err(message),
                Err(error) => panic!("{error}"),
            };
            let operation = SurveyedOperation { id, last, effect, read };
            streams.get_mut(&stream).unwrap().operations.push(operation);
        }
        Ok(Self { streams })
    }

    pub(super) fn of_image(image: &Image) -> Result<Self, LogError> {
        Self::of(&SimulatedFileSystem::new(image.clone()))
    }

    /// How many operations are shown.
    pub(super) fn len(&self) -> usize {
        self.streams.values().map(|stream| stream.operations.len()).sum()
    }

    /// That a log that showed `whole` shows this now that the file `name` was damaged: every
    /// operation as it was, or with an error that names the file when it is read, or missing from a
    /// stream that says so.
    #[track_caller]
    pub(super) fn check(&self, whole: &Self, name: &str, what: &str) -> Outcome {
        let mut outcome = Outcome::default();
        for (id, expected) in &whole.streams {
            let stream = &self.streams[id];
            assert_eq!(stream.next_seq_no, expected.next_seq_no, "{what} of {name}");
            if let Some(damage) = &stream.damage {
                assert!(damage.what.contains(name), "{what} of {name}: {}", damage.what);
                outcome.damaged_streams += 1;
            }
            let lost_below = stream.damage.as_ref().and_then(|damage| damage.lost_below);
            let mut shown = stream.operations.iter().peekable();
            for expected in &expected.operations {
                let is_it = |shown: &&SurveyedOperation| shown.last == expected.last;
                let Some(operation) = shown.next_if(is_it) else {
                    let is_covered = lost_below.is_some_and(|bound| expected.last.seq_no < bound);
                    assert!(is_covered, "{what} of {name}: {expected:?} is missing");
                    outcome.lost += 1;
                    continue;
                };
                match &operation.read {
                    Ok(_) => assert_eq!(operation, expected, "{what} of {name}"),
                    Err(message) => {
                        assert!(message.contains(name), "{what} of {name}: {message}");
                        assert_eq!(
                            (&operation.id, operation.effect),
                            (&expected.id, expected.effect)
                        );
                        outcome.unreadable += 1;
                    }
                }
            }
            assert_eq!(shown.next(), None, "{what} of {name}");
        }
        outcome
    }
}
