//! Segments that collection took away and that readers still hold on to: a search, a scroll, a copy reads
//! what was there when it began.
//!
//! The files have no names any more; what is kept is their being open. It is bounded: by the length of the
//! log, and by the disk, where whoever finds no room asks for theirs first.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use shard::store::Hold;

use super::segments::Segment;

/// So many bytes may be kept of a small log.
const KEPT_BYTES_MIN: u64 = 256 << 20;
/// A segment counts as this long at least: open files are not endless either.
const SEGMENT_BYTES_MIN: u64 = 4 << 20;

/// What is kept, and for whom.
#[derive(Default)]
pub(super) struct Held(Mutex<State>);

#[derive(Default)]
struct State {
    /// The number of the next hold.
    next: u64,
    /// Those there are.
    holds: BTreeSet<u64>,
    /// The latest of them.
    latest: Weak<Guard>,
    /// The segments, in the order in which they were taken away.
    dropped: VecDeque<Dropped>,
    /// What they count together.
    bytes: u64,
    /// Holds from this number on were given since the last segment was taken away.
    since: u64,
    /// Segments that are kept for nobody any more. Closing a file without a name takes a while.
    closing: Vec<Arc<Segment>>,
}

/// A segment that was taken away.
struct Dropped {
    segment: Arc<Segment>,
    /// Holds from this number on were given afterwards: they do not need it.
    before: u64,
}

/// One hold.
struct Guard {
    held: Arc<Held>,
    number: u64,
}

impl Held {
    /// A hold on everything that is there. It is the one before as long as nothing was taken away.
    pub(super) fn hold(held: &Arc<Self>) -> Hold {
        // It may be the last to know of that hold, whose end takes the lock: so it outlives the lock.
        let latest;
        let mut state = held.0.lock();
        latest = state.latest.upgrade();
        if let Some(guard) = latest.as_ref().filter(|guard| guard.number >= state.since) {
            return Hold::shared(Arc::clone(guard) as _);
        }
        let number = state.next;
        state.next += 1;
        state.holds.insert(number);
        let guard = Arc::new(Guard { held: Arc::clone(held), number });
        state.latest = Arc::downgrade(&guard);
        drop(state);
        Hold::shared(guard)
    }

    /// Keeps a segment, if anybody holds on to it. Beyond what a log so long may keep, the oldest goes.
    pub(super) fn keep(&self, segment: Arc<Segment>, log_bytes: u64) {
        let mut state = self.0.lock();
        if state.holds.is_empty() {
            return;
        }
        let before = state.next;
        state.since = before;
        state.bytes += counted(&segment);
        state.dropped.push_back(Dropped { segment, before });
        while state.bytes > log_bytes.max(KEPT_BYTES_MIN) {
            state.give_up_first();
        }
    }

    /// A segment that is kept.
    pub(super) fn get(&self, number: u32) -> Option<Arc<Segment>> {
        let state = self.0.lock();
        let kept = state.dropped.iter().find(|kept| kept.segment.identity.number == number)?;
        Some(Arc::clone(&kept.segment))
    }

    /// How many segments are kept, and how many bytes those are.
    pub(super) fn kept(&self) -> (u64, u64) {
        let state = self.0.lock();
        let kept = state.dropped.iter().map(|kept| &kept.segment).chain(&state.closing);
        kept.fold((0, 0), |(count, bytes), segment| (count + 1, bytes + segment.end()))
    }

    /// Keeps nothing any more: their room is needed. Says whether there was anything.
    pub(super) fn let_go(&self) -> bool {
        let mut state = self.0.lock();
        state.bytes = 0;
        let dropped = std::mem::take(&mut state.dropped);
        let closing = std::mem::take(&mut state.closing);
        drop(state);
        !dropped.is_empty() || !closing.is_empty()
    }

    /// Closes what is kept for nobody any more; on a thread that may wait.
    pub(super) fn close(&self) {
        let closing = std::mem::take(&mut self.0.lock().closing);
        drop(closing);
    }
}

impl State {
    /// Keeps the segment that was taken away first no more.
    fn give_up_first(&mut self) {
        if let Some(Dropped { segment, .. }) = self.dropped.pop_front() {
            self.bytes -= counted(&segment);
            self.closing.push(segment);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut state = self.held.0.lock();
        state.holds.remove(&self.number);
        let oldest = state.holds.first().copied().unwrap_or(u64::MAX);
        while state.dropped.front().is_some_and(|kept| kept.before <= oldest) {
            state.give_up_first();
        }
    }
}

/// How long a segment counts.
fn counted(segment: &Segment) -> u64 {
    segment.end().max(SEGMENT_BYTES_MIN)
}
