//! The seam between this crate and the operating system: files of one flat directory.
//!
//! Everything the disk implementation asks of a disk is in these two traits, so that tests and the
//! simulator can stand in for it. [`DiskFileSystem`] is the real one. There are no folders, no
//! appending cursors and no metadata here, because nothing needs them.

mod disk;
#[cfg(any(test, feature = "simulated"))]
pub mod simulated;
#[cfg(test)]
mod tests;

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

    /// Locks the directory for reading along with others who only read, and makes nothing: neither
    /// the directory nor a file in it. Nothing if somebody uses it through [`lock`](Self::lock).
    ///
    /// A directory that nobody has ever locked, or that is not there, leaves nothing to lock; then
    /// the lock is given and keeps nobody out.
    ///
    /// # Errors
    /// When the directory cannot be locked.
    fn lock_shared(&self) -> io::Result<Option<DirectoryLock>>;

    /// How many bytes this process can still allocate where the directory is: a moment's figure,
    /// which others change, and from which the file system takes its own needs too.
    ///
    /// # Errors
    /// When the file system cannot be asked.
    fn free_bytes(&self) -> io::Result<u64>;

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

    /// Opens an existing file for reading only: whatever changes it fails. It takes no right to
    /// write, so that it works on a medium that cannot be written.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none of this name.
    fn open_read_only(&self, name: &str) -> io::Result<Arc<dyn File>>;

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

    /// Makes sure that the file has room on the disk for its first `bytes` bytes, as far as the file
    /// system can promise that: one that copies on write cannot. A shorter file becomes so long, and
    /// what is new reads as zeros. Survives a power cut only after [`sync`](Self::sync).
    ///
    /// # Errors
    /// When there is not room for all of it; the file may be longer by an unknown part of it.
    fn allocate(&self, bytes: u64) -> io::Result<()>;

    /// Cuts the file to `bytes` bytes and gives the room of the rest back; a shorter file stays as it
    /// is. Survives a power cut only after [`sync`](Self::sync); until then the cut may be lost
    /// although later writes are not.
    ///
    /// # Errors
    /// When it could not be cut; then nothing changed.
    fn truncate(&self, bytes: u64) -> io::Result<()>;

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
