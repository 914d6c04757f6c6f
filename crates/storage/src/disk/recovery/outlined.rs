//! A closed segment that has a checkpoint: it is shown without being read.

use std::{collections::BTreeSet, sync::Arc};

use shard::log::LogError;

use super::{
    super::{
        checkpoint::Checkpoint,
        directory::{DiskError, NamedFile},
        format::{Malformed, Place, SEGMENT_HEADER_BYTES, SegmentIdentity, in_memory},
        manifest::{ListedSegment, SegmentEnd},
        segments::Segment,
    },
    Recovery,
};

impl Recovery<'_> {
    /// Shows a closed segment by its checkpoint; returns where it ends. If its file is missing or not
    /// its own, all of its operations are known and their sources cannot be read.
    pub(super) fn show_outlined(
        &mut self,
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

        let mut touched = BTreeSet::new();
        let shown = checkpoint.show(|stream, entry| {
            if wrong.is_some() && !entry.operations.is_empty() {
                touched.insert(stream);
            }
            self.show_entry(stream, entry);
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
