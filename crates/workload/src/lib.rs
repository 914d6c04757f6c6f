//! Random clients of every dialect: what they do, in which words, and what they understood.
//!
//! A [`Client`] decides by a seed what it does next (`plan.rs`), says it in the words of a dialect
//! (`wire.rs`), sends it through a [`Transport`] and notes in a [`Recording`] what it did and was told,
//! for the crate `checker` to judge. Time, randomness and the way to the server come in from outside,
//! so that the simulator and a laboratory with a real server share all of it.

pub mod client;
pub mod memory;
pub mod plan;
pub mod random;
pub mod recording;
pub mod transport;
pub mod wire;

pub use client::{Client, Finish, World};
pub use plan::{Plan, Weights};
pub use random::Random;
pub use recording::Recording;
pub use transport::{
    Answer, BoxFuture, Listener, Moments, Request, Sleeper, Transport, Unanswered,
};
pub use wire::{Call, Dialect, Manner, Misunderstood, Planned, Search, Walk};
