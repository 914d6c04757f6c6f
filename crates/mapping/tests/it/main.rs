//! The crate as its users see it.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "tests may"
)]

mod capabilities;
mod documents;
mod golden;
mod properties;
