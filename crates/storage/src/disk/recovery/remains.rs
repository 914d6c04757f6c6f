//! A group of which some sectors are not what was written: what is known of it all the same.

use std::ops::Range;

use shard::log::{EntryOutline, LogError, Position, StreamId};

use super::{
    super::{
        format::{Place, frame_remains},
        segments::Segment,
    },
    Recovery,
    walk::WalkedGroup,
};

impl Recovery<'_> {
    /// Shows those operations of a damaged group that are known exactly, and takes note of the damage
    /// to their streams.
    pub(super) fn show_remains(
        &self,
        segment: &Segment,
        found: &WalkedGroup,
    ) -> Result<(), LogError> {
        segment.set_damaged();
        let damage = |offset, what| segment.file.damage(offset, what);
        let bad_in = |range: &Range<u64>| {
            let overlaps = |bad: &&Range<u64>| bad.start < range.end && range.start < bad.end;
            found.bad.iter().find(overlaps).map(|bad| bad.start.max(range.start))
        };
        let number = segment.identity.number;
        let place = Place { segment: number, offset: found.group.header.extent.payload().start };
        let remains = frame_remains(&found.group.payload, place, &|range| bad_in(&range).is_none())
            .map_err(|offset| {
                let what = "an entry is not what was written, and whose it was is not known";
                LogError::Damaged(damage(offset, what))
            })?;
        for frame in remains {
            let bad = bad_in(&frame.range);
            // Without a bad sector nothing can be missing.
            if frame.is_cut && (frame.stream == StreamId::CATALOG || bad.is_none()) {
                let what = "operations that nothing can do without are lost";
                return Err(LogError::Damaged(damage(bad.unwrap_or(frame.range.start), what)));
            }
            let position = Position::from(Place { segment: number, offset: frame.range.start });
            let (term, next_seq_no) = (frame.term, frame.next_seq_no);
            let operations = frame.operations.as_slice();
            self.show_entry(
                frame.stream,
                &EntryOutline { position, term, next_seq_no, operations },
                &mut Vec::new(),
            );
            if let Some(offset) = bad.filter(|_| !frame.is_whole) {
                let what = if frame.is_cut {
                    "operations are lost"
                } else {
                    "a part of an operation is not what was written"
                };
                // The entry says which number follows all of its operations, those before included.
                let lost_below = frame.is_cut.then_some(next_seq_no);
                self.shared.damages.add(frame.stream, damage(offset, what), lost_below);
            }
        }
        Ok(())
    }
}
