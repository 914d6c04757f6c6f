//! What the fuzz targets check: for every parser of outside bytes a function of some bytes, which
//! panics if a promise does not hold.
//!
//! The targets of `cargo fuzz` in `fuzz/` call these functions with bytes of their own making. The
//! tests call them with every file of `fuzz/corpus`, so that what fuzzing reached once is tried by
//! each test run. [`TARGETS`] lists them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this is test code: a panic is how it says that a promise does not hold"
)]

mod answers;
mod bulk;
mod connection;
mod damaged_log;
mod entries;
mod filter_path;
mod json;
mod layout;
mod log_files;
mod multi_get;
mod names;
mod opened_log;
mod queries;
mod requests;
mod sealed;
mod source;
mod target;
mod update;
mod world;

/// Checks what a parser makes of some bytes.
pub type Check = fn(&[u8]);

/// Every target: its name, which is that of its corpus too, and what it checks.
pub const TARGETS: &[(&str, Check)] = &[
    ("bulk", bulk::check),
    ("connection", connection::check),
    ("damaged_log", damaged_log::check),
    ("entries", entries::check),
    ("filter_path", filter_path::check),
    ("layout", layout::check),
    ("log_files", log_files::check),
    ("multi_get", multi_get::check),
    ("names", names::check),
    ("queries", queries::check),
    ("requests", requests::check),
    ("source", source::check),
    ("target", target::check),
    ("update", update::check),
];

/// Checks what the target of this name makes of some bytes.
///
/// # Panics
/// When a promise does not hold, or there is no such target.
pub fn check(target: &str, bytes: &[u8]) {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    let (_, check) = found.unwrap_or_else(|| panic!("there is no target {target}"));
    check(bytes);
}
