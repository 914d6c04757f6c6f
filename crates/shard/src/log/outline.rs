//! Operations without their sources: all that a version table needs of them.

use document::{Effect, LastWrite, Operation, PrimaryTerm, SeqNo, Timestamp};

use super::{Entry, Position};
use crate::store::Location;

/// What a stored entry means to a version table.
#[derive(Clone, Copy, Debug)]
pub struct EntryOutline<'a> {
    /// Where the entry lies.
    pub position: Position,
    /// The entry's term.
    pub term: PrimaryTerm,
    /// The number that the stream's next operation takes.
    pub next_seq_no: SeqNo,
    /// The operations, in order; no-ops are left out.
    pub operations: &'a [Outline<'a>],
}

/// What a stored operation on a document means to a version table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline<'a> {
    /// Which document.
    pub id: &'a str,
    /// The identity that the operation gives it.
    pub last: LastWrite,
    /// What became of it.
    pub effect: OutlineEffect,
    /// Where the operation is stored.
    pub location: Location,
}

/// What an operation made of its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutlineEffect {
    /// It has a source, stored in the operation's location.
    Indexed,
    /// It was deleted at this time.
    Deleted(Timestamp),
}

impl<'a> Outline<'a> {
    /// The outline of an operation that is stored in `location`; a no-op has none.
    #[must_use]
    pub fn new(operation: &'a Operation, location: Location) -> Option<Self> {
        let (id, last) = operation.target()?;
        let effect = match operation.effect {
            Effect::Index { .. } => OutlineEffect::Indexed,
            Effect::Delete { .. } => OutlineEffect::Deleted(operation.time),
            Effect::Noop { .. } => return None,
        };
        Some(Self { id: id.as_str(), last, effect, location })
    }

    /// The outlines of an entry's operations, stored in `locations`.
    #[must_use]
    pub fn of_entry(entry: &'a Entry, locations: &[Location]) -> Vec<Self> {
        let operations = entry.operations.iter().zip(locations);
        operations.filter_map(|(operation, location)| Self::new(operation, *location)).collect()
    }
}
