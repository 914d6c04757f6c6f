//! What anybody does with an operation that the primary decided: replay, a copy, a relocation.
//!
//! Nothing is decided again (spec concurrency §6): operations may arrive late, twice and in any
//! order, and the newest by sequence number wins. Hence the final state does not depend on arrival.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::{LastWrite, PrimaryTerm, SeqNo};

/// What an operation means to one who holds an older, a newer or the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Application {
    /// It is newer: the document becomes what it says.
    Newer,
    /// It is the very operation the document comes from: at most its place in storage has changed.
    Same,
    /// A newer one, or everything up to it, was processed before: it changes nothing.
    Stale,
}

/// Compares an operation with what is held of its document (spec concurrency §6.2).
///
/// `held` is the last write of the document or its tombstone, expired or not. `local_checkpoint`
/// is the number up to which everything was processed; it stands in for tombstones that were
/// dropped. One who still has all tombstones passes none.
#[must_use]
pub fn apply(
    held: Option<LastWrite>,
    local_checkpoint: Option<SeqNo>,
    seq_no: SeqNo,
) -> Application {
    match held {
        Some(last) if seq_no == last.seq_no => Application::Same,
        Some(last) if seq_no < last.seq_no => Application::Stale,
        Some(_) | None if local_checkpoint.is_some_and(|checkpoint| seq_no <= checkpoint) => {
            Application::Stale
        }
        Some(_) | None => Application::Newer,
    }
}

/// The term a copy follows after an operation of `offered` reached it (spec concurrency §6.2).
///
/// # Errors
/// [`TermTooOld`] when the operation comes from a primary that was replaced.
pub fn adopt_term(current: PrimaryTerm, offered: PrimaryTerm) -> Result<PrimaryTerm, TermTooOld> {
    if offered < current { Err(TermTooOld { offered, current }) } else { Ok(offered) }
}

/// An operation from a primary whose time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("operation primary term [{offered}] is too old (current [{current}])")]
pub struct TermTooOld {
    /// The operation's term.
    pub offered: PrimaryTerm,
    /// The term the copy follows.
    pub current: PrimaryTerm,
}

/// Which sequence numbers a copy has processed: all up to its local checkpoint, and some above.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processed {
    /// The lowest number that has not been processed.
    next: u64,
    /// Processed numbers above `next`, waiting for the gap to close.
    above: BTreeSet<u64>,
}

impl Processed {
    /// Everything up to and including `checkpoint` is processed, nothing above it.
    #[must_use]
    pub fn up_to(checkpoint: Option<SeqNo>) -> Self {
        Self { next: checkpoint.map_or(0, |seq_no| seq_no.next().get()), above: BTreeSet::new() }
    }

    /// Marks one number as processed. Marking it again changes nothing.
    pub fn mark(&mut self, seq_no: SeqNo) {
        if seq_no.get() >= self.next {
            self.above.insert(seq_no.get());
        }
        while self.above.remove(&self.next) {
            self.next += 1;
        }
    }

    /// The highest number up to which everything is processed: the local checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> Option<SeqNo> {
        self.next.checked_sub(1).map(SeqNo::new)
    }

    /// The highest number processed.
    #[must_use]
    pub fn max(&self) -> Option<SeqNo> {
        self.above.last().copied().map(SeqNo::new).or_else(|| self.checkpoint())
    }
}
