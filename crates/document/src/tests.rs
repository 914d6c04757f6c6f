//! The decision tested three ways: every row of the specification, the whole table as a reviewed
//! snapshot, and random histories against a naive model.

mod application;
mod model;
mod names;
mod rows;
mod table;

use crate::{DocumentState, LastWrite, PrimaryTerm, SeqNo, Version};

fn version(number: i64) -> Version {
    Version::new(number).unwrap()
}

/// `(version, seq_no, term)`, as the specification writes `L(v,s,t)`.
fn last(number: i64, seq_no: u64, term: u64) -> LastWrite {
    LastWrite { seq_no: SeqNo::new(seq_no), term: PrimaryTerm::new(term), version: version(number) }
}

fn live(number: i64, seq_no: u64, term: u64) -> DocumentState {
    DocumentState::Live(last(number, seq_no, term))
}

fn tombstone(number: i64, seq_no: u64, term: u64) -> DocumentState {
    DocumentState::Tombstone(last(number, seq_no, term))
}
