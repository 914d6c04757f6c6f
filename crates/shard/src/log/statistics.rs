//! What a log tells those who watch it.

use std::time::Duration;

/// The classes that groups are counted in: how many operations a group of each has at most. A last
/// class takes those that have more.
pub const GROUP_OPERATIONS: [u64; 8] = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384];

/// What a log did since it was opened, and how it is now. Nothing in it decides anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogStatistics {
    /// How many groups of entries were written, in the classes of [`GROUP_OPERATIONS`].
    pub groups: [u64; GROUP_OPERATIONS.len() + 1],
    /// How many entries they held.
    pub entries: u64,
    /// How many operations those had.
    pub operations: u64,
    /// How many bytes those were.
    pub bytes: u64,
    /// How often groups were made durable; several may be by one sync.
    pub syncs: u64,
    /// How long writing and syncing groups took, all together.
    pub commit_time: Duration,
    /// How many appends wait now.
    pub waiting: u64,
    /// Whether there is no room for new documents now.
    pub is_full: bool,
    /// How many segments there are now.
    pub segments: u64,
    /// How many bytes those are.
    pub stored_bytes: u64,
    /// How many of those are of operations that no document needs any more.
    pub retired_bytes: u64,
    /// How many segments were collected.
    pub collected_segments: u64,
    /// How many of those are kept for readers.
    pub kept_segments: u64,
    /// How many bytes those are.
    pub kept_bytes: u64,
}
