//! The data directory: a file system whose failures say what was being done to which file.

use std::{fmt, io, path::PathBuf, sync::Arc};

use shard::{log::LogError, store::StoreError};
use thiserror::Error;

use crate::file::{DirectoryLock, File, FileSystem};

/// A failure below, with what was being done.
#[derive(Debug, Error)]
#[error("{step} {}: {cause}", path.display())]
pub(super) struct DiskError {
    step: Step,
    path: PathBuf,
    #[source]
    cause: io::Error,
}

/// What was being done to a file when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Lock,
    MeasureRoom,
    List,
    Open,
    Create,
    Read,
    Write,
    Allocate,
    Truncate,
    Sync,
    Rename,
    Remove,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lock => "cannot lock",
            Self::MeasureRoom => "cannot tell the free space of",
            Self::List => "cannot list",
            Self::Open => "cannot open",
            Self::Create => "cannot create",
            Self::Read => "cannot read",
            Self::Write => "cannot write",
            Self::Allocate => "cannot allocate room for",
            Self::Truncate => "cannot truncate",
            Self::Sync => "cannot sync",
            Self::Rename => "cannot rename",
            Self::Remove => "cannot remove",
        })
    }
}

impl DiskError {
    /// Whether there was no room, and there may be some later.
    ///
    /// Never true of a sync: the system may have dropped what it had no room for, and the next sync
    /// would succeed without it.
    pub(super) fn is_out_of_room(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        self.step != Step::Sync
            && [StorageFull, QuotaExceeded, FileTooLarge].contains(&self.cause.kind())
    }

    /// Whether what should have been read is not there any more: damage, and no failure of the disk.
    fn is_damage(&self) -> bool {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        self.step == Step::Read && [InvalidData, UnexpectedEof].contains(&self.cause.kind())
    }

    /// Whether it is not certain any more what is durable: the log must not go on.
    pub(super) fn is_final(&self) -> bool {
        self.step == Step::Sync
    }

    /// What was being done, to which file.
    fn context(&self) -> String {
        format!("{} {}", self.step, self.path.display())
    }
}

impl From<DiskError> for LogError {
    fn from(error: DiskError) -> Self {
        if error.is_damage() {
            return Self::Damaged(error.to_string());
        }
        Self::Failed { context: error.context(), cause: error.cause.into() }
    }
}

impl From<DiskError> for StoreError {
    fn from(error: DiskError) -> Self {
        if error.is_damage() {
            return Self::Damaged(error.to_string());
        }
        Self::Failed { context: error.context(), cause: error.cause.into() }
    }
}

/// The data directory.
#[derive(Clone)]
pub(super) struct Directory {
    files: Arc<dyn FileSystem>,
}

impl Directory {
    /// The directory that `files` is.
    pub(super) fn new(files: Arc<dyn FileSystem>) -> Self {
        Self { files }
    }

    /// The path of one of its files, as messages show it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.files.path(name)
    }

    /// Keeps other processes out, for as long as the lock lives.
    pub(super) fn lock(&self) -> Result<DirectoryLock, LogError> {
        self.held(self.files.lock())
    }

    /// Keeps processes out that would write, for as long as the lock lives, without making anything.
    pub(super) fn lock_shared(&self) -> Result<DirectoryLock, LogError> {
        self.held(self.files.lock_shared())
    }

    /// The lock, if it was to be had.
    fn held(&self, lock: io::Result<Option<DirectoryLock>>) -> Result<DirectoryLock, LogError> {
        let lock = lock.map_err(|cause| self.failed(Step::Lock, "", cause))?;
        lock.ok_or_else(|| {
            let directory = self.path("");
            LogError::Locked(format!("another process uses {}", directory.display()))
        })
    }

    /// How many bytes can still be allocated, as of now.
    pub(super) fn free_bytes(&self) -> Result<u64, DiskError> {
        self.files.free_bytes().map_err(|cause| self.failed(Step::MeasureRoom, "", cause))
    }

    /// The names of all files.
    pub(super) fn list(&self) -> Result<Vec<String>, DiskError> {
        self.files.list().map_err(|cause| self.failed(Step::List, "", cause))
    }

    /// Opens a file, if it is there.
    pub(super) fn open(&self, name: &str) -> Result<Option<NamedFile>, DiskError> {
        self.opened(name, self.files.open(name))
    }

    /// Opens a file for reading only, if it is there.
    pub(super) fn open_read_only(&self, name: &str) -> Result<Option<NamedFile>, DiskError> {
        self.opened(name, self.files.open_read_only(name))
    }

    /// The file of this name, if it was there.
    fn opened(
        &self,
        name: &str,
        opened: io::Result<Arc<dyn File>>,
    ) -> Result<Option<NamedFile>, DiskError> {
        match opened {
            Ok(file) => Ok(Some(NamedFile { path: self.path(name), file })),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(self.failed(Step::Open, name, cause)),
        }
    }

    /// Stands for a file that cannot be read because of what is wrong with it.
    pub(super) fn unreadable(&self, name: &str, what: &'static str) -> NamedFile {
        NamedFile { path: self.path(name), file: Arc::new(UnreadableFile(what)) }
    }

    /// Creates an empty file; there must be none of this name.
    pub(super) fn create(&self, name: &str) -> Result<NamedFile, DiskError> {
        let file =
            self.files.create(name).map_err(|cause| self.failed(Step::Create, name, cause))?;
        Ok(NamedFile { path: self.path(name), file })
    }

    /// Gives a file the name of another, which it replaces.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), DiskError> {
        self.files.rename(from, to).map_err(|cause| self.failed(Step::Rename, from, cause))
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<(), DiskError> {
        match self.files.remove(name) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(self.failed(Step::Remove, name, cause))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Makes creations, renamings and removals durable.
    pub(super) fn sync(&self) -> Result<(), DiskError> {
        self.files.sync_directory().map_err(|cause| self.failed(Step::Sync, "", cause))
    }

    fn failed(&self, step: Step, name: &str, cause: io::Error) -> DiskError {
        DiskError { step, path: self.path(name), cause }
    }
}

/// An open file that knows its path.
pub(super) struct NamedFile {
    path: PathBuf,
    file: Arc<dyn File>,
}

impl NamedFile {
    /// Its path, as messages show it.
    pub(super) fn path(&self) -> &PathBuf {
        &self.path
    }

    /// How many bytes it has.
    pub(super) fn length(&self) -> Result<u64, DiskError> {
        self.file.length().map_err(|cause| self.failed(Step::Read, cause))
    }

    /// So many bytes from `offset` on.
    pub(super) fn read(&self, offset: u64, bytes: usize) -> Result<Vec<u8>, DiskError> {
        let mut buffer = vec![0; bytes];
        match self.file.read_at(&mut buffer, offset) {
            Ok(()) => Ok(buffer),
            Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                let end = offset.saturating_add(bytes as u64);
                let what = format!("it is damaged, for it ends before offset {end}");
                Err(self.failed(Step::Read, io::Error::new(cause.kind(), what)))
            }
            Err(cause) => Err(self.failed(Step::Read, cause)),
        }
    }

    /// So many bytes from `offset` on, if that takes no waiting.
    pub(super) fn read_cached(&self, offset: u64, bytes: usize) -> Option<Vec<u8>> {
        let mut buffer = vec![0; bytes];
        self.file.read_at_cached(&mut buffer, offset).then_some(buffer)
    }

    /// Writes all of these bytes.
    pub(super) fn write(&self, bytes: &[u8], offset: u64) -> Result<(), DiskError> {
        self.file.write_at(bytes, offset).map_err(|cause| self.failed(Step::Write, cause))
    }

    /// Makes sure that there is room for its first `bytes` bytes; a shorter file becomes so long.
    /// If there is not, a part of it may have been taken.
    pub(super) fn allocate(&self, bytes: u64) -> Result<(), DiskError> {
        self.file.allocate(bytes).map_err(|cause| self.failed(Step::Allocate, cause))
    }

    /// Cuts it to `bytes` bytes, if it has more, and gives the room of the rest back.
    pub(super) fn truncate(&self, bytes: u64) -> Result<(), DiskError> {
        self.file.truncate(bytes).map_err(|cause| self.failed(Step::Truncate, cause))
    }

    /// Makes everything written so far durable, and with it the file's length.
    pub(super) fn sync(&self) -> Result<(), DiskError> {
        self.file.sync().map_err(|cause| self.failed(Step::Sync, cause))
    }

    /// The message that says that the file is not what was written.
    pub(super) fn damage(&self, offset: u64, what: impl fmt::Display) -> String {
        format!("{} is damaged at offset {offset}: {what}", self.path.display())
    }

    fn failed(&self, step: Step, cause: io::Error) -> DiskError {
        DiskError { step, path: self.path.clone(), cause }
    }
}

/// A file of which nothing can be read, for this reason.
struct UnreadableFile(&'static str);

impl UnreadableFile {
    fn error<T>(&self) -> io::Result<T> {
        Err(io::Error::new(io::ErrorKind::InvalidData, self.0))
    }
}

impl File for UnreadableFile {
    fn length(&self) -> io::Result<u64> {
        self.error()
    }

    fn read_at(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<()> {
        self.error()
    }

    fn read_at_cached(&self, _buffer: &mut [u8], _offset: u64) -> bool {
        false
    }

    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        self.error()
    }

    fn allocate(&self, _bytes: u64) -> io::Result<()> {
        self.error()
    }

    fn truncate(&self, _bytes: u64) -> io::Result<()> {
        self.error()
    }

    fn sync(&self) -> io::Result<()> {
        self.error()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{DiskFileSystem, simulated::SimulatedFileSystem};

    fn simulated() -> (SimulatedFileSystem, Directory) {
        let files = SimulatedFileSystem::default();
        (files.clone(), Directory::new(Arc::new(files)))
    }

    #[test]
    fn an_allocation_without_room_may_succeed_later() {
        let (files, directory) = simulated();
        let file = directory.create("reserve").unwrap();
        files.limit_room(Some(99));
        assert_eq!(directory.free_bytes().unwrap(), 99);
        let error = file.allocate(100).unwrap_err();
        assert!(error.is_out_of_room());
        let message = error.to_string();
        assert!(message.starts_with("cannot allocate room for simulated/reserve: "), "{message}");
        file.truncate(0).unwrap();
        assert_eq!(directory.free_bytes().unwrap(), 99);
        file.allocate(99).unwrap();
        assert_eq!((file.length().unwrap(), directory.free_bytes().unwrap()), (99, 0));
    }

    #[test]
    fn a_file_opened_for_reading_only_says_what_cannot_be_done_to_it() {
        let (_, directory) = simulated();
        directory.create("a").unwrap().write(b"abc", 0).unwrap();
        let file = directory.open_read_only("a").unwrap().unwrap();
        assert_eq!(file.read(0, 3).unwrap(), b"abc");
        let error = file.truncate(1).unwrap_err();
        assert!(error.to_string().starts_with("cannot truncate simulated/a: "), "{error}");
        assert!(!error.is_out_of_room());
        assert!(!file.allocate(9).unwrap_err().is_out_of_room());
        assert!(directory.open_read_only("b").unwrap().is_none());
    }

    #[test]
    fn a_reader_keeps_writers_out_and_is_kept_out_by_one() {
        let (_, directory) = simulated();
        let readers = [directory.lock_shared().unwrap(), directory.lock_shared().unwrap()];
        assert!(matches!(directory.lock(), Err(LogError::Locked(_))));
        drop(readers);
        let _writer = directory.lock().unwrap();
        match directory.lock_shared() {
            Err(LogError::Locked(message)) => assert!(message.contains("simulated"), "{message}"),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("a reader beside a writer"),
        }
    }

    #[test]
    fn the_free_space_of_a_missing_directory_is_an_error() {
        let parent = tempfile::tempdir().unwrap();
        let missing = parent.path().join("missing");
        let directory = Directory::new(Arc::new(DiskFileSystem::new(&missing)));
        let error = directory.free_bytes().unwrap_err().to_string();
        assert!(error.starts_with("cannot tell the free space of "), "{error}");
        assert!(error.contains(missing.to_str().unwrap()), "{error}");
        directory.lock().unwrap();
        assert!(directory.free_bytes().unwrap() > 0);
    }
}
