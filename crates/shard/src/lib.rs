//! One shard: its log, its version table, its single writer, its recovery.
//!
//! A [`Shard`] is a handle: reads go to the version table and the store, writes through a bounded
//! mailbox to the one writer, which decides (crate `document`), appends to the [`log`], applies and
//! answers, in this order. It knows no index names, no JSON and no HTTP, and no database: it owns
//! the traits [`log::Log`] and [`store::Store`].

mod admission;
mod alarm;
pub mod log;
mod machine;
mod memory;
mod recovery;
mod shard;
pub mod store;
mod threads;
mod version_table;
mod waiting;
mod write;
mod writer;

pub use admission::{Admission, Candidate, Unfit, Verdict};
pub use alarm::Alarm;
pub use machine::{Clock, Machine, SystemClock};
pub use memory::Memory;
pub use recovery::Recovery;
pub use shard::{Document, ReadError, Shard, ShardOptions};
pub use threads::{Service, SystemThreads, Threads};
pub use version_table::{Held, Place, VersionTable};
pub use write::{Change, Modified, Modify, Update, Write, WriteError, Written};

#[cfg(test)]
mod tests;
