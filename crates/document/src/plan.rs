//! The decision of the primary (spec concurrency §4): may this write happen, and what becomes of
//! the document's version.

use crate::{DocumentState, LastWrite, Precondition, Refusal, Required, Version, VersionConflict};

/// What a write does to its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Puts a source in the place of whatever was there.
    Index,
    /// Puts a source where there is no document: `op_type=create`.
    Create,
    /// Removes the document, or leaves a tombstone where there was none.
    Delete,
}

/// A write as the decision sees it: no id and no source, for they decide nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// What it does.
    pub action: Action,
    /// What it requires.
    pub precondition: Precondition,
}

/// What a write that may happen leads to. It still needs a sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The document's, or its tombstone's, new version.
    pub version: Version,
    /// What the write did, in the API's word.
    pub outcome: Outcome,
}

/// The `result` of a write that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was no document, now there is.
    Created,
    /// The document has a new source.
    Updated,
    /// There was a document, now there is a tombstone.
    Deleted,
    /// A delete found no document; it counts all the same and leaves a tombstone.
    NotFound,
    /// An update found nothing to change; it took no sequence number. Never planned from a
    /// [`Write`]: whoever merges the update finds out.
    Noop,
}

/// Decides a write on a document in `state`, in the order of spec concurrency §4.1.
///
/// # Errors
/// A [`Refusal`] when a requirement does not hold, or when the version cannot be counted on.
pub fn plan_write(state: DocumentState, write: Write) -> Result<Plan, Refusal> {
    check_precondition(state, write.precondition)?;
    if write.action == Action::Create {
        check_absent(state)?;
    }
    let version = next_version(state, write.precondition)?;
    Ok(Plan { version, outcome: outcome(state, write.action) })
}

/// Decides a read that names a version: every version type means equality there, and a document
/// that is not there is not found rather than in conflict (spec concurrency §4.6).
///
/// # Errors
/// A [`VersionConflict`] when the document is there in another version.
pub fn check_read(
    state: DocumentState,
    required: Option<Version>,
) -> Result<Option<LastWrite>, VersionConflict> {
    match (state.live(), required) {
        (Some(last), Some(required)) if last.version != required => {
            Err(VersionConflict { required: Required::Version(required), found: state })
        }
        (live, _) => Ok(live),
    }
}

fn check_precondition(state: DocumentState, precondition: Precondition) -> Result<(), Refusal> {
    let current = state.last_write();
    let (holds, required) = match precondition {
        Precondition::None | Precondition::Force(_) => return Ok(()),
        // A tombstone never matches: the newer rule of Elasticsearch, in every dialect.
        Precondition::SeqNo { seq_no, term } => (
            state.live().is_some_and(|last| (last.seq_no, last.term) == (seq_no, term)),
            Required::SeqNo { seq_no, term },
        ),
        Precondition::Version(version) => {
            (current.is_some_and(|last| last.version == version), Required::Version(version))
        }
        Precondition::ExternalGreater(version) => {
            (current.is_none_or(|last| last.version < version), Required::Below(version))
        }
        Precondition::ExternalGreaterOrEqual(version) => {
            (current.is_none_or(|last| last.version <= version), Required::NotAbove(version))
        }
    };
    if holds { Ok(()) } else { Err(conflict(required, state)) }
}

fn check_absent(state: DocumentState) -> Result<(), Refusal> {
    match state {
        DocumentState::Absent | DocumentState::Tombstone(_) => Ok(()),
        DocumentState::Live(_) => Err(conflict(Required::Absence, state)),
    }
}

fn next_version(state: DocumentState, precondition: Precondition) -> Result<Version, Refusal> {
    match (precondition.external_version(), state.last_write()) {
        (Some(external), _) => Ok(external),
        (None, None) => Ok(Version::FIRST),
        (None, Some(last)) => last.version.next().ok_or(Refusal::VersionExhausted),
    }
}

fn outcome(state: DocumentState, action: Action) -> Outcome {
    match (action, state.live().is_some()) {
        (Action::Index | Action::Create, false) => Outcome::Created,
        (Action::Index | Action::Create, true) => Outcome::Updated,
        (Action::Delete, true) => Outcome::Deleted,
        (Action::Delete, false) => Outcome::NotFound,
    }
}

fn conflict(required: Required, found: DocumentState) -> Refusal {
    Refusal::Conflict(VersionConflict { required, found })
}
