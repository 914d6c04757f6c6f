//! The log and the store on one disk.
//!
//! ```text
//! DIR/LOCK                 its lock keeps a second process out
//!     MANIFEST             the list of segments
//!     segment-00000001.log the log, cut into files; documents are read from where it has them
//!     checkpoint-00000001  what a closed segment holds, without the sources
//!     segment-00000002.log
//!     RESERVE              room for what makes room when the disk is full
//!     MANIFEST.spare       room for the manifest of a start when it is
//! ```
//!
//! An append is answered when the group it is in was written and synced; the appends that wait
//! meanwhile are the next group. A group all of whose streams asked for less is synced later, with
//! the groups behind it. A failed sync is final. Opening shows what is stored, closed segments by
//! their checkpoints and the others by reading them once; it cuts a group that a crash tore, serves
//! what is readable beside damage, and shows nothing that is not durable. What no document needs any
//! more is collected, a segment at a time.
//!
//! [`mod@check`] verifies a directory that nobody uses, and salvages what it can.

mod allocation;
mod appender;
pub mod check;
mod checkpoint;
mod collection;
mod damages;
mod directory;
mod format;
mod held;
mod log;
mod maintenance;
mod manifest;
mod reading;
mod recovery;
mod segments;
mod statistics;
mod streams;
mod throttle;

#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use document::PrimaryTerm;
use shard::{
    SystemThreads, Threads,
    log::{LogError, LogProvider, Logs, Replay},
};

use crate::file::{DiskFileSystem, FileSystem};
use directory::Directory;
use log::DiskLogs;

/// The log in a directory, not opened yet.
pub struct DiskLog {
    directory: Directory,
    options: Options,
    threads: Arc<dyn Threads>,
}

/// How a log on disk divides what it writes. Any value can read what another one wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// A segment is closed before it would grow beyond this, and that of a small log earlier; a group
    /// that is longer gets one of its own. At most 4 GiB.
    pub segment_bytes_max: u64,
    /// A group takes no further entry when it has this many bytes.
    pub group_bytes_max: usize,
    /// A group takes no further entry when it has this many.
    pub group_entries_max: usize,
    /// How much collection may copy in a second while there is time; it takes more when space gets
    /// short. 0 turns it off.
    pub collected_bytes_per_second: u64,
    /// How many threads may read checkpoints at a time when the log is opened.
    pub opening_threads_max: usize,
    /// The least term of a stream that this opening finds. A directory that was restored from a backup
    /// needs one above all that were given since: nobody else knows what they were given to.
    pub term_min: PrimaryTerm,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes_max: 64 << 20,
            group_bytes_max: 8 << 20,
            group_entries_max: 1_024,
            collected_bytes_per_second: 32 << 20,
            opening_threads_max: 4,
            term_min: PrimaryTerm::FIRST,
        }
    }
}

impl Options {
    /// More bytes than this are not left without a sync: it bounds what the next start has to write
    /// again, and how long the sync takes.
    fn unsynced_bytes_max(self) -> u64 {
        self.segment_bytes_max / 4
    }

    /// The nearest to these with which every offset of a segment fits 32 bits, also in a segment
    /// that holds one large group.
    fn within_bounds(self) -> Self {
        Self {
            segment_bytes_max: self.segment_bytes_max.min(u64::from(u32::MAX)),
            group_bytes_max: self.group_bytes_max.min(1 << 30),
            ..self
        }
    }
}

impl DiskLog {
    /// The log in `directory`, which is made when the log is opened.
    #[must_use]
    pub fn new(directory: &Path, options: Options) -> Self {
        Self::with_file_system(Arc::new(DiskFileSystem::new(directory)), options)
    }

    /// The log in the directory that `files` is.
    #[must_use]
    pub fn with_file_system(files: Arc<dyn FileSystem>, options: Options) -> Self {
        Self {
            directory: Directory::new(files),
            options: options.within_bounds(),
            threads: Arc::new(SystemThreads),
        }
    }

    /// The same, with its services on these threads.
    #[must_use]
    pub fn with_threads(self, threads: Arc<dyn Threads>) -> Self {
        Self { threads, ..self }
    }
}

impl LogProvider for DiskLog {
    fn open(self: Box<Self>, replay: &mut dyn Replay) -> Result<Arc<dyn Logs>, LogError> {
        let threads = Arc::clone(&self.threads);
        let appender = recovery::recover(self.directory, self.options, threads, replay)?;
        Ok(Arc::new(DiskLogs::start(appender, self.threads)?))
    }
}
