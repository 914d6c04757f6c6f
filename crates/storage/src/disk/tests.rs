//! The disk implementation against its contracts, its format, crashes, damage and faults.

mod check;
mod checkpoint;
mod collection;
mod conformance;
mod cost;
mod crash;
mod damage;
mod dropped;
mod durability;
mod faults;
mod format;
mod full;
mod held;
mod lifetimes;
mod lives;
mod many;
mod survey;
mod world;
