//! Knows the right answer: judges what clients did and were told against the promises of the document
//! API.
//!
//! A [`History`] is what clients did, when, and what they were told; [`check()`] says whether a server
//! that keeps the promises could have answered so. The rules are written down here a second time,
//! from the specification, and share no code with the server.

pub mod check;
pub mod history;

pub use check::{Report, Violation, check, shard_of};
pub use history::{
    Action, Condition, Current, Document, Durability, Ending, Fields, History, IndexAction,
    IndexOperation, IndexOutcome, Life, Moment, Operation, Outcome, ReadBy, Shape, Upsert,
    WriteResult,
};
