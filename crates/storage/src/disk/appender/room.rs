//! What happens when the disk is full.
//!
//! When a group finds no room, the log is *full*: entries with new documents are refused without
//! touching the disk, and those that are *essential* (deletes, relocations, markers) are written with
//! room from the reserve. A full log looks again and again whether there is room for the whole
//! reserve and something beside it; then it is full no more. So whatever made room, nobody has to
//! start anything again.

use std::{sync::atomic::Ordering, time::Duration};

use shard::log::{AppendError, Refused};
use tokio::time::Instant;

use super::{
    super::{directory::DiskError, manifest::Manifest, segments::SegmentFacts},
    Append, Appender,
    reserve::reserve_bytes_min,
    writing::GroupError,
};

/// How often a full log looks whether it still is.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);
/// So much must be free beside the reserve before new documents are taken again.
const FREE_BYTES_MIN: u64 = 1 << 20;
/// This part of the reserve is for the next start, which may find the disk as full. No delete takes it; copies
/// of documents do, for they are what makes room.
const START_DIVISOR: u64 = 4;
/// No start takes more than this: the markers of some thousand shards, and a manifest.
const START_BYTES_MAX: u64 = 2 << 20;

/// How much of the reserve a step may take.
#[derive(Clone, Copy, Debug)]
pub(in crate::disk) enum Share {
    /// What the next start does not need.
    ButForAStart,
    /// Whatever is left.
    All,
}

impl Appender {
    /// Looks whether a full log still is.
    pub(super) fn probe(&mut self, now: Instant) {
        let target = self.reserve_target();
        let needed = self.reserve.missing(target).saturating_add(FREE_BYTES_MIN);
        // Where it cannot be asked, the reserve shows whether there is room.
        let has_free = self.directory.free_bytes().map_or(true, |free| free >= needed);
        if has_free && self.reserve.restore(&self.directory, target) {
            self.set_full(false);
            self.probe_due = None;
            tracing::info!("there is room again");
        } else {
            self.probe_due = now.checked_add(PROBE_INTERVAL);
        }
    }

    /// Looks whether a full log still is, if it is time for that.
    pub(super) fn probe_if_due(&mut self, now: Instant) {
        match self.probe_due {
            _ if !self.is_full => {}
            None => self.probe_due = now.checked_add(PROBE_INTERVAL),
            Some(due) if due <= now => self.probe(now),
            Some(_) => {}
        }
    }

    /// A segment was begun or dropped: the reserve is to be looked after.
    pub(in crate::disk) fn note_size_changed(&mut self) {
        self.has_rolled = true;
    }

    /// Stores the next manifest, if need be with room from the reserve; durable on return.
    ///
    /// # Errors
    /// When there is no room even there, and when it failed for good.
    pub(in crate::disk) fn store_manifest(&mut self, next: Manifest) -> Result<(), DiskError> {
        let mut stored = next.store(&self.directory).map_err(GroupError::before_writing);
        if matches!(stored, Err(GroupError::NoRoom(_))) && self.shared.segments.let_go() {
            stored = next.store(&self.directory).map_err(GroupError::before_writing);
        }
        let stored = match stored {
            Err(GroupError::NoRoom(error)) => {
                self.begin_full(&error);
                self.store_with_reserve(&next)
            }
            ended => ended,
        };
        stored.map_err(GroupError::into_cause)?;
        self.manifest = next;
        Ok(())
    }

    /// Stores a manifest with room from the reserve.
    pub(super) fn store_with_reserve(&mut self, next: &Manifest) -> Result<(), GroupError> {
        self.with_reserve(Share::All, 0, |appender| {
            next.store(&appender.directory).map_err(GroupError::before_writing)
        })
    }

    /// Does a step that writes so many bytes; while it finds no room it is given some of the reserve
    /// and done again.
    pub(in crate::disk) fn with_reserve<T>(
        &mut self,
        share: Share,
        bytes: u64,
        mut step: impl FnMut(&mut Self) -> Result<T, GroupError>,
    ) -> Result<T, GroupError> {
        let kept = match share {
            Share::ButForAStart => (self.reserve_target() / START_DIVISOR).min(START_BYTES_MAX),
            Share::All => 0,
        };
        loop {
            match step(self) {
                // What readers keep goes first.
                Err(GroupError::NoRoom(_)) if self.shared.segments.let_go() => {}
                Err(GroupError::NoRoom(error)) if !self.reserve.give(bytes, kept) => {
                    return Err(GroupError::NoRoom(error));
                }
                Err(GroupError::NoRoom(_)) => {}
                ended => return ended,
            }
        }
    }

    /// Appends what is essential of a group that found no room, and answers everybody in the group.
    pub(super) fn commit_without_room(
        &mut self,
        admitted: Vec<Append>,
        error: DiskError,
        now: Instant,
    ) -> Result<(), DiskError> {
        self.begin_full(&error);
        let (essential, others): (Vec<_>, Vec<_>) =
            admitted.into_iter().partition(|append| append.is_essential);
        self.answer(others, Err(GroupError::NoRoom(error)))?;
        if essential.is_empty() {
            return Ok(());
        }
        let bytes = essential.iter().map(|append| append.bytes() as u64).sum();
        let relocates = essential.iter().any(|append| append.is_relocation);
        let share = if relocates { Share::All } else { Share::ButForAStart };
        let append = |appender: &mut Self| appender.append(&essential, now);
        let ended = self.with_reserve(share, bytes, append);
        self.answer(essential, ended)
    }

    /// Refuses what holds new documents and leaves what is essential, if the log is full.
    pub(super) fn refuse_if_full(&self, admitted: Vec<Append>) -> Vec<Append> {
        if !self.is_full {
            return admitted;
        }
        let (essential, others) = admitted.into_iter().partition(|append| append.is_essential);
        self.answer_all(others, || {
            AppendError::Refused(Refused::NoRoom("the disk is full".into()))
        });
        essential
    }

    /// The log is full from now on, if it is not already.
    fn begin_full(&mut self, error: &DiskError) {
        if self.is_full {
            return;
        }
        tracing::warn!(
            %error,
            free_bytes = self.directory.free_bytes().ok(),
            reserve_bytes = self.reserve.bytes(),
            "the disk is full: new documents are refused until there is room"
        );
        self.set_full(true);
    }

    /// Sets whether it is, for all who ask.
    fn set_full(&mut self, is_full: bool) {
        self.is_full = is_full;
        self.shared.is_full.store(is_full, Ordering::Release);
    }

    /// Sees to it that there is a reserve when the log is opened. Without one it is full: what little
    /// room there is then is for what makes more.
    pub(super) fn begin_reserve(&mut self) {
        let is_restored = self.reserve.restore(&self.directory, self.reserve_target());
        let minimum = reserve_bytes_min(self.options.segment_bytes_max);
        if !is_restored && self.reserve.missing(minimum) > 0 {
            self.set_full(true);
            self.reserve.restore_in_part(&self.directory, self.reserve_target());
        }
    }

    /// Makes the reserve longer if the log has grown to need it, or shorter.
    pub(in crate::disk) fn keep_reserve(&mut self) {
        if self.has_rolled && !self.is_full {
            self.has_rolled = false;
            let target = self.reserve_target();
            if !self.reserve.restore(&self.directory, target) && self.shared.segments.let_go() {
                self.reserve.restore(&self.directory, target);
            }
            // Half as much again may stay: it will be wanted soon.
            self.reserve.shorten(self.reserve_target() / 2 * 3);
        }
    }

    /// How long the reserve should be: as long as a segment, or as what counts in the fullest of them,
    /// which collection has to write before it can remove another.
    fn reserve_target(&self) -> u64 {
        let segments = &self.shared.segments;
        let facts = segments.facts();
        let counting = |segment: &SegmentFacts| segment.bytes.saturating_sub(segment.retired_bytes);
        let most = facts.iter().filter(|segment| segment.closed).map(counting).max();
        most.unwrap_or(0)
            .min(self.options.segment_bytes_max)
            .max(segments.segment_bytes_max(&self.options))
    }
}
