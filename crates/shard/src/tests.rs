//! The shard as a whole, in memory: batches, refusals, updates, failures, recovery.

mod failures;
mod recovery;
mod support;
mod updates;
mod writes;
