//! Small worlds, exhaustively: two or three clients, one document, and every order in which things can
//! happen.
//!
//! Here nothing is left to chance and nothing runs by itself. The production shard and its writer run
//! on a log that ends an append when it is told to, and as it is told to (`disk.rs`). At every step all
//! that could happen next is listed (`play.rs`): a client sends its next request or hangs up, the writer
//! takes what waits, an append ends in one of its ways, a slow read ends, a stored operation is moved,
//! the clock steps, the machine crashes and keeps or loses the entry in flight. [`explore()`] takes every
//! one of them, by going back to the beginning and deciding otherwise at the last point where that is
//! left. What the clients were told in each of these interleavings is judged by the crate `checker`.
//!
//! Two orders are not told apart, because the weaker one allows whatever the stronger one allows: an
//! answer is heard as soon as it is given, and the writer goes on as soon as its append has ended (what
//! could happen between, a request or a crash, can as well happen just before: the entry is durable).

mod choice;
mod disk;
mod explore;
mod play;
mod program;
mod record;
mod worlds;

#[cfg(test)]
mod tests;

pub use choice::Choice;
pub use disk::{Bug, Ending};
pub use explore::{Counts, Found, explore, explore_all};
pub use program::{Act, Allowed, World};
pub use worlds::{all, some};
