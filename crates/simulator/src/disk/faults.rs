//! What may go wrong with the disk.

use std::time::Duration;

/// How the process that uses the disk ends, if not by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// It is killed: what it wrote is there for the next one.
    Kill,
    /// The power goes: what was not synced may be gone.
    PowerCut,
}

/// What is going wrong now. The default is a good disk that takes no time.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// How long a sync takes, about.
    pub sync: Duration,
    /// How long a write takes, about.
    pub write: Duration,
    /// After so many further changes and syncs the process ends so, before the next.
    pub death: Option<(u64, Death)>,
    /// After so many further syncs one fails.
    pub failing_sync: Option<u64>,
    /// After so many further writes one fails half done.
    pub failing_write: Option<u64>,
    /// How many bytes the files may have together.
    pub capacity: Option<u64>,
    /// How often a read must wait for the disk, in a million.
    pub uncached_in_a_million: u32,
    /// How often a read fails, in a million.
    pub failing_reads_in_a_million: u32,
}
