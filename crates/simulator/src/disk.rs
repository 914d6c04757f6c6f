//! A disk in memory that behaves as badly as disks do.
//!
//! Each file has what is *live*, which a process sees and which a killed one leaves to the next, and
//! what is *durable*, which a power cut leaves at least. In between are changes that were not synced:
//! of those a power cut keeps any sectors and loses the others. Operations take virtual time, may
//! fail, and end at once when the process is killed or the power goes, at any operation it was told
//! to, also in the middle of a recovery.

mod change;
mod faults;
mod handle;
mod state;

pub use faults::{Death, Faults};
pub use handle::SimulatedDisk;
