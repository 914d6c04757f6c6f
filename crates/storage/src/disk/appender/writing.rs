//! One group onto the disk, and the next segment when it does not fit this one.

use std::sync::Arc;

use super::{
    super::{
        allocation,
        directory::DiskError,
        format::{
            GroupExtent, GroupKind, NewGroup, Place, SEGMENT_HEADER_BYTES, SegmentIdentity,
            group_start,
        },
        manifest::{ListedSegment, Manifest, SegmentEnd},
        segments::Segment,
    },
    Appender,
};

/// Why a group was not appended, and what that means for its entries.
pub(in crate::disk) enum GroupError {
    /// Not stored; there may be room later.
    NoRoom(DiskError),
    /// Not stored, and the log cannot go on.
    NotStored(DiskError),
    /// Stored or not, and the log cannot go on.
    Unknown(DiskError),
}

impl GroupError {
    /// The failure of a step before the group was written.
    pub(in crate::disk) fn before_writing(error: DiskError) -> Self {
        if error.is_out_of_room() { Self::NoRoom(error) } else { Self::NotStored(error) }
    }

    /// The failure below.
    pub(in crate::disk) fn into_cause(self) -> DiskError {
        match self {
            Self::NoRoom(cause) | Self::NotStored(cause) | Self::Unknown(cause) => cause,
        }
    }
}

impl Appender {
    /// Writes one group, syncs it unless its kind says that it can wait, and returns where its
    /// payload begins.
    pub(super) fn append_group<'a, Frames: Iterator<Item = &'a [u8]>>(
        &mut self,
        kind: GroupKind,
        frames: impl Fn() -> Frames,
    ) -> Result<Place, GroupError> {
        let payload_bytes = frames().map(|frame| frame.len() as u64).sum();
        let extent = self.place_group(payload_bytes).map_err(GroupError::before_writing)?;
        let segment = &self.segment;
        let group = NewGroup { segment: segment.identity, kind, extent, durable: self.durable() };
        group.encode(frames(), &mut self.buffer);
        if let Err(error) = segment.file.write(&self.buffer, extent.start) {
            if !error.is_out_of_room() {
                return Err(GroupError::Unknown(error));
            }
            // A file system that copies on write cannot keep the promise of an allocation. At least one
            // byte of the group is missing, so that no start will take it for one.
            self.spoiled = true;
            return Err(GroupError::NoRoom(error));
        }
        if kind != GroupKind::DataAsync {
            segment.file.sync().map_err(GroupError::Unknown)?;
            self.durable = extent.end();
            self.sync_due = None;
        }
        segment.set_end(extent.end());
        self.buffer.shrink_to(self.options.group_bytes_max.saturating_mul(2));
        Ok(group.payload_place())
    }

    /// Where a group with so much payload goes, with room for it; begins a new segment if it does not
    /// fit this one.
    fn place_group(&mut self, payload_bytes: u64) -> Result<GroupExtent, DiskError> {
        let here = |end: u64| GroupExtent { start: group_start(end), payload_bytes };
        let is_full = here(self.segment.end()).end() > self.segment_bytes_max
            && self.segment.end() > SEGMENT_HEADER_BYTES;
        if self.spoiled || is_full {
            self.roll(here(SEGMENT_HEADER_BYTES).end())?;
        }
        let extent = here(self.segment.end());
        if extent.end() > self.trailer {
            self.extend_segment(extent.end())?;
        }
        Ok(extent)
    }

    /// Makes room in the segment for groups up to `needed`.
    fn extend_segment(&mut self, needed: u64) -> Result<(), DiskError> {
        let wanted = allocation::target(needed, self.segment_bytes_max);
        let trailer = allocation::extend(&self.segment, needed, wanted)?;
        // The trailer is durable before what takes the place of the one before, and with it whatever
        // waits for a sync.
        self.segment.file.sync()?;
        self.durable = self.segment.end();
        self.sync_due = None;
        let before = std::mem::replace(&mut self.trailer, trailer);
        // Until it is cleared nothing may be written in its place.
        self.spoiled = true;
        allocation::clear(&self.segment, before)?;
        self.spoiled = false;
        Ok(())
    }

    /// Closes the segment at its end, durably, and begins another that has room for groups up to
    /// `needed`.
    pub(in crate::disk) fn roll(&mut self, needed: u64) -> Result<(), DiskError> {
        // The manifest will say how long it is.
        self.sync()?;
        let identity = SegmentIdentity::new(self.manifest.next_segment, self.manifest.edition);
        // Counted even if it comes to nothing: a number is never used for a second file.
        self.manifest.next_segment = self.manifest.next_segment.saturating_add(1);
        let begun = self.begin_segment(identity, needed).inspect_err(|error| {
            // Not listed yet, for nothing that can be short of room comes after the renaming.
            if error.is_out_of_room() {
                let _ = self.directory.remove(&identity.file_name());
            }
        })?;
        let Begun { segment, trailer, manifest } = begun;
        self.segment.close();
        allocation::give_back(&self.segment);
        self.shared.rolled.notify_one();
        self.durable = segment.end();
        self.trailer = trailer;
        self.segment = Arc::new(segment);
        self.shared.segments.add(Arc::clone(&self.segment));
        self.segment_bytes_max = self.shared.segments.segment_bytes_max(&self.options);
        self.manifest = manifest;
        self.spoiled = false;
        self.has_rolled = true;
        Ok(())
    }

    /// A new segment with room for groups up to `needed` and the manifest that lists it, all durable.
    fn begin_segment(&self, identity: SegmentIdentity, needed: u64) -> Result<Begun, DiskError> {
        let segment = Segment::create(&self.directory, identity)?;
        let wanted = allocation::first_target(needed, self.segment_bytes_max);
        let trailer = allocation::extend(&segment, needed, wanted)?;
        segment.file.sync()?;
        if !self.is_full {
            self.manifest.keep_spare(&self.directory)?;
        }
        self.directory.sync()?;
        let listed = ListedSegment { identity, end: SegmentEnd::OpenFrom(segment.end()) };
        let manifest = self.manifest.rolled(self.segment.end(), listed);
        manifest.store(&self.directory)?;
        Ok(Begun { segment, trailer, manifest })
    }
}

/// A segment that was begun.
struct Begun {
    /// Its file, with a header.
    segment: Segment,
    /// Where its trailer is.
    trailer: u64,
    /// The manifest that lists it.
    manifest: Manifest,
}
