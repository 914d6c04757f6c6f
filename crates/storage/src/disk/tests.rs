//! The disk implementation against its contracts, its format, crashes, damage and faults.

mod collection;
mod conformance;
mod cost;
mod crash;
mod damage;
mod faults;
mod format;
mod lifetimes;
mod lives;
mod world;
