//! A closed segment that has a checkpoint: it is shown without being read.

use std::{
    collections::BTreeSet,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use shard::log::LogError;

use super::{
    super::{
        checkpoint::Checkpoint,
        directory::{DiskError, NamedFile},
        format::{Malformed, Place, SEGMENT_HEADER_BYTES, SegmentIdentity, in_memory},
        manifest::{ListedSegment, Manifest, SegmentEnd},
        segments::Segment,
    },
    Recovery,
};

impl Recovery<'_> {
    /// Shows the segments that have good checkpoints, several at a time; returns where each ends, and
    /// nothing for those that must be read.
    pub(super) fn show_checkpoints(
        &self,
        manifest: &Manifest,
        threads_max: usize,
    ) -> Result<Vec<Option<Place>>, LogError> {
        let Manifest { segments: listed, stopped, .. } = manifest;
        let machine = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = threads_max.min(machine).min(listed.len());
        if threads <= 1 {
            return listed.iter().map(|listed| self.show_checkpoint(listed, *stopped)).collect();
        }
        let next = AtomicUsize::new(0);
        let shown: Mutex<Vec<_>> = Mutex::new(listed.iter().map(|_| Ok(None)).collect());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let place = next.fetch_add(1, Relaxed);
                        let Some(listed) = listed.get(place) else { break };
                        let ended = self.show_checkpoint(listed, *stopped);
                        if let Some(shown) = shown.lock().get_mut(place) {
                            *shown = ended;
                        }
                    }
                });
            }
        });
        shown.into_inner().into_iter().collect()
    }

    /// Shows a segment if it has a good checkpoint; returns where it ends then.
    fn show_checkpoint(
        &self,
        listed: &ListedSegment,
        stopped: bool,
    ) -> Result<Option<Place>, LogError> {
        let checkpoint = self.checkpoint(listed, stopped);
        checkpoint.map(|checkpoint| self.show_outlined(listed, &checkpoint)).transpose()
    }

    /// Shows a closed segment by its checkpoint; returns where it ends. If its file is missing or not
    /// its own, all of its operations are known and their sources cannot be read.
    fn show_outlined(
        &self,
        listed: &ListedSegment,
        checkpoint: &Checkpoint,
    ) -> Result<Place, LogError> {
        let identity = listed.identity;
        let (SegmentEnd::ClosedAt(end) | SegmentEnd::OpenFrom(end)) = listed.end;
        let (file, wrong) = self.open_outlined(identity, end)?;
        let segment = Arc::new(Segment::new(identity, file, end));
        segment.close();
        segment.set_has_checkpoint();
        self.shared.segments.add(Arc::clone(&segment));

        let (mut touched, mut retired) = (BTreeSet::new(), Vec::new());
        let shown = checkpoint.show(|stream, entry| {
            if wrong.is_some() && !entry.operations.is_empty() {
                touched.insert(stream);
            }
            self.show_entry(stream, entry, &mut retired);
        });
        shown.map_err(|Malformed(what)| {
            // A part of it was shown: it is too late to read the segment instead.
            let path = checkpoint.path();
            LogError::Damaged(format!("{path} can be removed: its checksums hold, but {what}"))
        })?;
        if let Some(wrong) = wrong {
            segment.set_damaged();
            for stream in touched {
                self.shared.damages.add(stream, wrong.clone(), None);
            }
        }
        Ok(Place { segment: identity.number, offset: end })
    }

    /// The file of a segment that should end at `end`, and what is wrong with it.
    fn open_outlined(
        &self,
        identity: SegmentIdentity,
        end: u64,
    ) -> Result<(NamedFile, Option<String>), DiskError> {
        let name = identity.file_name();
        let unreadable = |what| self.directory.unreadable(&name, what);
        let Some(file) = self.directory.open(&name)? else {
            let missing = unreadable("it is missing");
            let wrong = format!("{} is missing", missing.path().display());
            return Ok((missing, Some(wrong)));
        };
        let length = file.length()?;
        let wrong = match file.read(0, in_memory(SEGMENT_HEADER_BYTES)) {
            Ok(header) if header == identity.header() => None,
            Ok(_) => Some(file.damage(0, "the segment's header is not what was written")),
            // A disk that cannot read the first sector will hardly read the others.
            Err(error) => Some(error.to_string()),
        };
        if wrong.is_some() {
            return Ok((unreadable("its header is not what was written"), wrong));
        }
        let is_short = length < end;
        let wrong =
            is_short.then(|| file.damage(length, "the file is shorter than the manifest says"));
        Ok((file, wrong))
    }
}
