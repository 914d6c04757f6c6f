//! The whole node on one thread, in virtual time, on a disk that fails.
//!
//! A [`Scenario`] follows from a seed: clients of every dialect (crate `workload`) talk to the real API,
//! node, shards and log, while the machine is killed, loses power, fills its disk, fails syncs, steps
//! its clock. What clients did and were told is judged by the crate `checker`. The same seed gives the
//! same simulation, to the last byte.

pub mod campaign;
pub mod clock;
pub mod coverage;
pub mod disk;
pub mod events;
pub mod expected;
pub mod host;
pub mod pause;
pub mod randomness;
pub mod replay;
pub mod scenario;
pub mod simulation;
pub mod small_worlds;
pub mod threads;
pub mod transport;

pub use coverage::Coverage;
pub use scenario::Scenario;
pub use simulation::{Outcome, simulate};
