//! The seam between this crate and the operating system: files of one flat directory.
//!
//! Everything the disk implementation asks of a disk is in these two traits, so that tests and the
//! simulator can stand in for it. [`DiskFileSystem`] is the real one. There are no folders, no
//! appending cursors and no metadata here, because nothing needs them.

mod disk;
#[cfg(any(test, feature = "simulated"))]
pub mod simulated;

use std::{io, path::PathBuf, sync::Arc};

pub use disk::DiskFileSystem;

/// One flat directory.
///
/// Creating, renaming and removing take effect at once but survive a power cut only after
/// [`sync_directory`](Self::sync_directory).
pub trait FileSystem: Send + Sync {
    /// The path of the file `name`, as messages show it.
    fn path(&self, name: &str) -> PathBuf;

    /// Makes the directory if it is missing and locks it; nothing if somebody else holds it.
    ///
    /// # Errors
    /// When the directory cannot be made or locked.
    fn lock(&self) -> io::Result<Option<DirectoryLock>>;

    /// The names of all files, in no particular order.
    ///
    /// # Errors
    /// When the directory cannot be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none of this name.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Creates an empty file.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when there is one of this name.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Gives a file a new name in one step, replacing the file that had it.
    ///
    /// # Errors
    /// When it could not be renamed; then nothing changed.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Whoever has it open can still read it.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none of this name.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes every creation, renaming and removal so far durable.
    ///
    /// # Errors
    /// When that is not certain; it must not be tried again.
    fn sync_directory(&self) -> io::Result<()>;
}

/// One open file.
pub trait File: Send + Sync {
    /// How many bytes it has.
    ///
    /// # Errors
    /// When the file cannot be asked.
    fn length(&self) -> io::Result<u64>;

    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the file ends before.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Fills `buffer` from `offset` on if that takes no waiting; otherwise says `false`, and the
    /// buffer holds anything.
    fn read_at_cached(&self, buffer: &mut [u8], offset: u64) -> bool;

    /// Writes all of `bytes` at `offset`. Survives a power cut only after [`sync`](Self::sync).
    ///
    /// # Errors
    /// When not all of it was written; an unknown part of it was.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes everything written so far durable, and with it the file's length.
    ///
    /// # Errors
    /// When that is not certain. It must not be tried again: the system may have dropped what it
    /// could not write, and the next sync would succeed without it.
    fn sync(&self) -> io::Result<()>;
}

/// The right to use a directory, held for as long as this lives.
pub struct DirectoryLock {
    _held: Box<dyn Send + Sync>,
}

impl DirectoryLock {
    /// A lock that dropping `held` gives back.
    #[must_use]
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self { _held: Box::new(held) }
    }
}
