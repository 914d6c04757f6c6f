//! The judgement.
//!
//! Every index is judged by itself. Its deletions divide its history into incarnations; in each of them
//! the numbers of every shard must be those of one sequence (`shards.rs`), and the operations on every
//! id must have an order that explains all answers (`search.rs`) by the rules of a document
//! (`document.rs`).

mod document;
mod incarnations;
mod index;
mod presence;
mod routing;
mod search;
mod shards;
mod story;
mod timeline;
mod window;

use std::fmt;

use crate::{Document, History, Shape};
use index::Index;
use timeline::{Lives, Wall};

/// What was checked, when nothing was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many operations on documents there were.
    pub operations: usize,
    /// How many ids they were about.
    pub ids: usize,
}

/// Something that no server that keeps its promises does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The name of the rule.
    pub rule: &'static str,
    /// The index, with the id or the shard.
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
    let (wall, lives) = (Wall::new(history), Lives::new(history));
    let mut report = Report { operations: history.operations.len(), ids: 0 };
    let mut violations = Vec::new();
    for index in Index::all(history, &wall, &lives) {
        violations.extend(index.check(&mut report));
    }
    if violations.is_empty() { Ok(report) } else { Err(violations) }
}

/// The shard of a document in an index that was created so.
#[must_use]
pub fn shard_of(document: &Document, shape: &Shape) -> u32 {
    routing::shard(shape, document.routing.as_ref().unwrap_or(&document.id))
}
