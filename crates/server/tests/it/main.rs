//! The server over real loopback sockets, in this process and as the real binary: one module per theme.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test may panic, and its helpers are read where they are used"
)]

mod administration;
mod answers;
mod api;
mod bad_input;
mod bounds;
mod bulk_loads;
mod by_query;
mod check;
mod client;
mod conditions;
mod connections;
mod counter;
mod curl;
mod damage;
mod durability;
mod full_disk;
mod golden_by_query;
mod golden_query_string;
mod guard;
mod kills;
mod ledger;
mod load;
mod mappings;
mod memory;
mod occam;
mod packaging;
mod process;
mod properties;
mod random;
mod restarts;
mod server;
mod shutdown;
mod space;
mod tasks;
mod transcripts;
