//! The checker against histories of which it is known whether they are right.

#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test may panic, its numbers are small, and most answers do not matter to it"
)]

mod histories;
mod reference;
mod rules;
mod world;
