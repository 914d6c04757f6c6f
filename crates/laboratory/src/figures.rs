//! How much there was.

use std::fmt;
use std::ops::AddAssign;

use checker::{History, Operation, Outcome};

/// Counts of a history, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// How often the server was ended under load.
    pub(crate) kills: u64,
    /// How often of these with a power cut.
    pub(crate) power_cuts: u64,
    /// How often it was ended while it started.
    pub(crate) early_kills: u64,
    /// How often it was frozen for a while.
    pub(crate) freezes: u64,
    /// How often it stopped because it was asked to.
    pub(crate) stops: u64,
    /// Operations on documents that were begun.
    pub(crate) operations: u64,
    /// Writes that were acknowledged.
    pub(crate) writes: u64,
    /// Reads that were answered.
    pub(crate) reads: u64,
    /// Operations that were refused.
    pub(crate) refused: u64,
    /// Operations whose outcome nobody was told.
    pub(crate) unknown: u64,
    /// Operations on indices.
    pub(crate) index_operations: u64,
}

impl Figures {
    /// Counts the operations of a history.
    pub(crate) fn count(&mut self, history: &History) {
        history.operations.iter().for_each(|operation| self.count_one(operation));
        self.index_operations += u64::try_from(history.index_operations.len()).unwrap_or(0);
    }

    fn count_one(&mut self, operation: &Operation) {
        self.operations += 1;
        let counted = match operation.outcome {
            Outcome::Written { .. } => &mut self.writes,
            Outcome::Unknown { .. } => &mut self.unknown,
            Outcome::Found { .. } => &mut self.reads,
            Outcome::Missing | Outcome::AbsentIndex if operation.action.is_read() => {
                &mut self.reads
            }
            Outcome::Missing
            | Outcome::AbsentIndex
            | Outcome::Conflict { .. }
            | Outcome::NotApplied { .. } => &mut self.refused,
        };
        *counted += 1;
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.kills += other.kills;
        self.power_cuts += other.power_cuts;
        self.early_kills += other.early_kills;
        self.freezes += other.freezes;
        self.stops += other.stops;
        self.operations += other.operations;
        self.writes += other.writes;
        self.reads += other.reads;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.index_operations += other.index_operations;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, power_cuts, early_kills, freezes, stops, .. } = self;
        let Self { operations, writes, reads, refused, unknown, index_operations, .. } = self;
        let acknowledged = writes + reads;
        write!(
            formatter,
            "{kills} kills ({power_cuts} power cuts, {stops} stops), {early_kills} during starts, \
             {freezes} freezes; {operations} operations, {acknowledged} acknowledged ({writes} writes, \
             {reads} reads), {refused} refused, {unknown} unknown, {index_operations} on indices"
        )
    }
}
