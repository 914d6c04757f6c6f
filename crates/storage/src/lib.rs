//! Durable implementations of the log and the store.
//!
//! [`disk`] keeps both on one machine: the log's segments are the document store. All access to
//! files goes through the seam in [`mod@file`], so that a simulator can own it.

pub mod disk;
pub mod file;
