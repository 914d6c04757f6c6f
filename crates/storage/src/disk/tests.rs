//! The disk implementation against its contracts, its format, crashes, damage and faults.

mod conformance;
mod cost;
mod crash;
mod damage;
mod durability;
mod faults;
mod format;
mod full;
mod lives;
mod world;
