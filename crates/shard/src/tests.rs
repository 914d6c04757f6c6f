//! The shard as a whole, in memory: batches, refusals, updates, failures, recovery.

mod admission;
mod failures;
mod limits;
mod preparation;
mod recovery;
mod relocation;
mod support;
mod updates;
mod waiting;
mod writes;
