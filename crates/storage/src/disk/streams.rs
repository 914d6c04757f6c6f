//! What the log knows of each stream: who owns it and where it ends.

use std::collections::{BTreeMap, HashMap};

use document::{PrimaryTerm, SeqNo};
use parking_lot::Mutex;
use shard::log::{Durability, Position, Refused, StreamId};

use super::format::Place;

/// The streams that were ever seen, by id.
#[derive(Default)]
pub(super) struct Streams {
    by_id: Mutex<HashMap<StreamId, StreamState>>,
}

/// Where a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamEnd {
    /// The term that owns it.
    pub(super) term: PrimaryTerm,
    /// The number that its next operation takes.
    pub(super) next_seq_no: SeqNo,
    /// The position of its last entry.
    pub(super) last: Position,
}

/// One stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamState {
    /// Where it is.
    pub(super) end: StreamEnd,
    /// Whether it may be appended to.
    pub(super) claim: Claim,
    /// How far the view has got that lags behind most.
    released: Position,
    /// When its appends are answered.
    pub(super) durability: Durability,
    /// Whether an entry of it is in the group that is being written.
    in_group: bool,
}

/// Whether a stream may be appended to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It was opened or created.
    Open,
    /// It has entries, but nobody wanted it when the log was opened.
    Unclaimed,
    /// It was removed since the log was opened.
    Removed,
}

impl StreamEnd {
    /// A stream without entries.
    pub(super) const FIRST: Self =
        Self { term: PrimaryTerm::FIRST, next_seq_no: SeqNo::ZERO, last: Position::START };
}

impl StreamState {
    /// A stream with nothing under way.
    pub(super) fn new(end: StreamEnd, claim: Claim) -> Self {
        let (durability, released) = (Durability::Request, Position::END);
        Self { end, claim, durability, released, in_group: false }
    }
}

impl Streams {
    /// Takes note of a stream as it was found.
    pub(super) fn set(&self, id: StreamId, state: StreamState) {
        self.by_id.lock().insert(id, state);
    }

    /// A stream, whether or not it may be appended to.
    pub(super) fn find(&self, id: StreamId) -> Option<StreamState> {
        self.by_id.lock().get(&id).copied()
    }

    /// A stream that may be appended to.
    pub(super) fn open(&self, id: StreamId) -> Option<StreamState> {
        self.find(id).filter(|state| state.claim == Claim::Open)
    }

    /// Where a stream ends.
    pub(super) fn last(&self, id: StreamId) -> Position {
        self.find(id).map_or(Position::START, |state| state.end.last)
    }

    /// Opens a stream, if need be a new one.
    pub(super) fn create(&self, id: StreamId) -> Result<StreamState, Refused> {
        let mut by_id = self.by_id.lock();
        let first = StreamState::new(StreamEnd::FIRST, Claim::Open);
        let state = by_id.entry(id).or_insert(first);
        match state.claim {
            Claim::Open => {}
            Claim::Unclaimed => {
                state.end.term = state.end.term.next();
                state.claim = Claim::Open;
            }
            Claim::Removed => return Err(Refused::Closed),
        }
        Ok(*state)
    }

    /// Sets when further appends to a stream are answered.
    pub(super) fn set_durability(&self, id: StreamId, durability: Durability) {
        if let Some(state) = self.by_id.lock().get_mut(&id) {
            state.durability = durability;
        }
    }

    /// Refuses further appends to a stream.
    pub(super) fn remove(&self, id: StreamId) {
        if let Some(state) = self.by_id.lock().get_mut(&id) {
            state.claim = Claim::Removed;
        }
    }

    /// Whether a stream may be appended to.
    pub(super) fn claim(&self, id: StreamId) -> Option<Claim> {
        self.by_id.lock().get(&id).map(|state| state.claim)
    }

    /// How many open streams have their last entries in which segment.
    pub(super) fn ending(&self) -> BTreeMap<u32, u64> {
        let mut ending = BTreeMap::new();
        for state in self.by_id.lock().values().filter(|state| state.claim == Claim::Open) {
            *ending.entry(Place::from(state.end.last).segment).or_default() += 1;
        }
        ending
    }

    /// The open streams whose last entries lie in this segment.
    pub(super) fn ending_in(&self, segment: u32) -> Vec<StreamId> {
        let by_id = self.by_id.lock();
        let ends = |state: &StreamState| {
            state.claim == Claim::Open && Place::from(state.end.last).segment == segment
        };
        let ending = by_id.iter().filter(|(_, state)| ends(state));
        let mut ending: Vec<_> = ending.map(|(id, _)| *id).collect();
        ending.sort_unstable();
        ending
    }

    /// Keeps what follows `position` of a stream for a view that has got so far.
    pub(super) fn release(&self, id: StreamId, position: Position) {
        if let Some(state) = self.by_id.lock().get_mut(&id) {
            state.released = position;
        }
    }

    /// The first segment that is kept for a view.
    pub(super) fn keep_from(&self) -> u32 {
        let by_id = self.by_id.lock();
        let open = by_id.values().filter(|state| state.claim == Claim::Open);
        let lowest = open.map(|state| state.released).min();
        Place::from(lowest.unwrap_or(Position::END)).segment
    }

    /// Whether an entry of this term may follow `expected` in the group that is being gathered.
    pub(super) fn admit(
        &self,
        id: StreamId,
        term: PrimaryTerm,
        expected: Position,
    ) -> Result<(), Refused> {
        let mut by_id = self.by_id.lock();
        let state = by_id.get_mut(&id).ok_or(Refused::Closed)?;
        if state.claim != Claim::Open {
            return Err(Refused::Closed);
        }
        let StreamEnd { term: current, last: found, .. } = state.end;
        if term < current {
            return Err(Refused::Fenced { offered: term, current });
        }
        if state.in_group || expected != found {
            return Err(Refused::Ahead { found });
        }
        state.in_group = true;
        Ok(())
    }

    /// The admitted entry was appended, and the stream is where it says.
    pub(super) fn appended(&self, id: StreamId, end: StreamEnd) {
        if let Some(state) = self.by_id.lock().get_mut(&id) {
            state.end = end;
            state.in_group = false;
        }
    }

    /// The admitted entry was not stored.
    pub(super) fn dropped(&self, id: StreamId) {
        if let Some(state) = self.by_id.lock().get_mut(&id) {
            state.in_group = false;
        }
    }
}
