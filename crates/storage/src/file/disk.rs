//! The file system of the machine.

use std::{
    fs::{self, OpenOptions, TryLockError},
    io::{self, IoSliceMut},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{FallocateFlags, fallocate, statvfs},
    io::{Errno, ReadWriteFlags, preadv2, retry_on_intr},
};

use super::{DirectoryLock, File, FileSystem};

/// The name of the file whose lock stands for the directory's.
const LOCK: &str = "LOCK";

/// What is written at a time where room can be had only by writing.
static ZEROS: [u8; 65_536] = [0; 65_536];

/// A directory on disk.
pub struct DiskFileSystem {
    directory: PathBuf,
}

impl DiskFileSystem {
    /// The directory at `directory`; it is made when it is locked.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf() }
    }
}

impl FileSystem for DiskFileSystem {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn lock(&self) -> io::Result<Option<DirectoryLock>> {
        create_directory(&self.directory)?;
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(self.path(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(DirectoryLock::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn lock_shared(&self) -> io::Result<Option<DirectoryLock>> {
        let file = match fs::File::open(self.path(LOCK)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some(DirectoryLock::new(())));
            }
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Some(DirectoryLock::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let found = statvfs(&self.directory)?;
        // Not the blocks kept for the superuser, even if that is who we are.
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        // A name that is not text is none of ours.
        let name = |entry: io::Result<fs::DirEntry>| {
            entry.map(|entry| entry.file_name().into_string().ok()).transpose()
        };
        fs::read_dir(&self.directory)?.filter_map(name).collect()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = OpenOptions::new().read(true).write(true).open(self.path(name))?;
        Ok(Arc::new(DiskFile { file }))
    }

    fn open_read_only(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(DiskFile { file: fs::File::open(self.path(name))? }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).open(self.path(name))?;
        Ok(Arc::new(DiskFile { file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        fs::File::open(&self.directory)?.sync_all()
    }
}

/// Makes a directory and those above it that are missing, each durable in the one above.
fn create_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    create_directory(parent)?;
    fs::create_dir(directory)?;
    fs::File::open(parent)?.sync_all()
}

/// A file on disk.
struct DiskFile {
    file: fs::File,
}

impl File for DiskFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn read_at_cached(&self, buffer: &mut [u8], offset: u64) -> bool {
        // Not every file system knows NOWAIT; whatever the reason, the plain read says more.
        let wanted = buffer.len();
        preadv2(&self.file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT)
            .is_ok_and(|read| read == wanted)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        match retry_on_intr(|| fallocate(&self.file, FallocateFlags::empty(), 0, bytes)) {
            // Also Linux's name for ENOTSUP. Holes inside the file stay holes then; we leave none.
            Err(Errno::OPNOTSUPP) => write_zeros(&self.file, self.length()?, bytes),
            ended => Ok(ended?),
        }
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        if bytes < self.length()? { self.file.set_len(bytes) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Fills a file with zeros from `start` to `end`, which takes room for them.
fn write_zeros(file: &fs::File, start: u64, end: u64) -> io::Result<()> {
    let mut offset = start;
    while offset < end {
        let left = usize::try_from(end - offset).unwrap_or(usize::MAX);
        let chunk = ZEROS.get(..left).unwrap_or(&ZEROS);
        file.write_all_at(chunk, offset)?;
        offset += chunk.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn a_shared_lock_makes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing");
        let files = DiskFileSystem::new(&missing);
        assert!(files.lock_shared().unwrap().is_some());
        assert!(!missing.exists());
        assert_eq!(files.list().unwrap_err().kind(), io::ErrorKind::NotFound);

        let files = DiskFileSystem::new(directory.path());
        let _one = files.lock_shared().unwrap().unwrap();
        assert_eq!(files.list().unwrap(), Vec::<String>::new());
    }

    /// The superuser may write all the same; for anybody else this is a directory to read.
    #[test]
    fn a_directory_that_cannot_be_written_can_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let files = DiskFileSystem::new(directory.path());
        drop(files.lock().unwrap().unwrap());
        files.create("a").unwrap().write_at(b"abc", 0).unwrap();
        let permit = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        permit(&files.path("a"), 0o444);
        permit(&files.path(LOCK), 0o444);
        permit(directory.path(), 0o555);
        let lock = files.lock_shared().unwrap();
        let mut found = [0; 3];
        files.open_read_only("a").unwrap().read_at(&mut found, 0).unwrap();
        permit(directory.path(), 0o755);
        assert!(lock.is_some());
        assert_eq!(found, *b"abc");
    }

    #[test]
    fn what_is_allocated_has_blocks_until_it_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let files = DiskFileSystem::new(directory.path());
        let file = files.create("a").unwrap();
        let blocks = || fs::metadata(files.path("a")).unwrap().blocks() * 512;
        file.allocate(1 << 20).unwrap();
        file.sync().unwrap();
        assert!(blocks() >= 1 << 20);
        file.truncate(10).unwrap();
        file.sync().unwrap();
        assert!(blocks() < 1 << 20);
    }

    #[test]
    fn zeros_are_written_where_room_cannot_be_had_otherwise() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"abc", 0).unwrap();
        let end = 2 * ZEROS.len() + 7;
        write_zeros(&file, 3, end as u64).unwrap();
        let mut expected = vec![0; end];
        expected[..3].copy_from_slice(b"abc");
        let mut found = vec![1; end];
        file.read_exact_at(&mut found, 0).unwrap();
        assert!(found == expected);
        assert_eq!(file.metadata().unwrap().len(), end as u64);
        write_zeros(&file, end as u64, 5).unwrap();
        assert_eq!(file.metadata().unwrap().len(), end as u64);

        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert_eq!(write_zeros(&full, 0, 1).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
