//! One shard: its log, its version table, its single writer, its recovery.

mod clock;
pub mod log;
pub mod store;

pub use clock::{Clock, SystemClock};
