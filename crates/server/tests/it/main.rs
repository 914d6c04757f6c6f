//! The server over real loopback sockets, in this process and as the real binary: one module per theme.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test may panic, and its helpers are read where they are used"
)]

mod answers;
mod api;
mod bounds;
mod client;
mod connections;
mod curl;
mod guard;
mod occam;
mod process;
mod properties;
mod server;
mod shutdown;
mod transcripts;
