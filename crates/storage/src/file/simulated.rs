//! A file system in memory that a power cut can happen to.
//!
//! It keeps a journal of everything that was done. From the journal it tells what is *live* (what a
//! process that is killed leaves to the next one) and what is *durable* (what a power cut leaves at
//! least): [`SimulatedFileSystem::crash_images`] lists what may be found after one, at any point of
//! the journal. Faults, a full disk and a failing sync, are switched on by the test; damage is done
//! by it.

mod crash;
mod damage;
mod image;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    io,
    path::PathBuf,
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};

use super::{DirectoryLock, File, FileSystem};
use damage::Damage;
use image::overwrite;

pub use image::Image;

/// How much of a file reaches the disk together.
pub const SECTOR_BYTES: u64 = 512;

/// A directory in memory. Clones are the same directory.
#[derive(Clone, Default)]
pub struct SimulatedFileSystem {
    world: Arc<Mutex<World>>,
}

/// One thing that was done to the directory or a file in it.
#[derive(Clone, Debug)]
enum Change {
    Create {
        name: String,
        file: FileNumber,
    },
    Write {
        file: FileNumber,
        offset: u64,
        bytes: Arc<[u8]>,
    },
    Allocate {
        file: FileNumber,
        bytes: u64,
    },
    Truncate {
        file: FileNumber,
        bytes: u64,
    },
    Sync {
        file: FileNumber,
    },
    Rename {
        from: String,
        to: String,
        file: FileNumber,
    },
    Remove {
        name: String,
    },
    SyncDirectory,
    /// An outside hand did this to a file; no power cut undoes it.
    Damage {
        file: FileNumber,
        damage: Damage,
    },
    /// An outside hand removed a file; no power cut undoes it.
    Loss {
        name: String,
    },
}

/// A file, whatever its name.
type FileNumber = usize;

/// Which file has which name.
type Names = BTreeMap<String, FileNumber>;

/// The directory and all that happened to it.
#[derive(Default)]
struct World {
    /// What was durable before the first change; files are numbered in the order of their names.
    start: Image,
    journal: Vec<Change>,
    names: Names,
    contents: Vec<Vec<u8>>,
    /// How often each file is open.
    open: BTreeMap<FileNumber, usize>,
    /// How many bytes the files that have names or are open may hold together; no bound if there is none.
    capacity: Option<u64>,
    /// Whether somebody else takes all room that there is, at once.
    is_greedy: bool,
    /// How many syncs still succeed; no bound if there is none.
    syncs_left: Option<usize>,
    /// Held by whoever has locked the directory.
    lock: Arc<()>,
    /// Held by those who have locked it for reading.
    shared_lock: Arc<()>,
}

impl SimulatedFileSystem {
    /// A directory that holds what `image` does, durably.
    #[must_use]
    pub fn new(image: Image) -> Self {
        Self { world: Arc::new(Mutex::new(World::new(image))) }
    }

    /// Opens a file.
    fn handle(&self, number: FileNumber, is_writable: bool) -> Arc<dyn File> {
        *self.world.lock().open.entry(number).or_default() += 1;
        Arc::new(SimulatedFile { world: Arc::clone(&self.world), number, is_writable })
    }

    /// How many changes were made so far.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.world.lock().journal.len()
    }

    /// A copy of this directory as it was after the first `changes` changes, for whoever comes next
    /// when the process is killed there. What was not durable is not durable in the copy either.
    #[must_use]
    pub fn killed_after(&self, changes: usize) -> Self {
        let world = self.world.lock();
        let mut copy = World::new(world.start.clone());
        for change in world.journal.iter().take(changes) {
            copy.apply(change);
        }
        copy.journal = world.journal.iter().take(changes).cloned().collect();
        Self { world: Arc::new(Mutex::new(copy)) }
    }

    /// What a power cut after the first `changes` changes may leave, each image once.
    #[must_use]
    pub fn crash_images(&self, changes: usize) -> Vec<Image> {
        let world = self.world.lock();
        let journal = world.journal.get(..changes).unwrap_or(&world.journal);
        crash::images(&world.start, journal)
    }

    /// What is live now.
    #[must_use]
    pub fn image(&self) -> Image {
        let world = self.world.lock();
        Image::new(&world.names, &world.contents)
    }

    /// Leaves room for so many further bytes; none for no bound.
    ///
    /// A file takes room as it grows, and gives it back as it is cut, or when no name has it any more and
    /// nobody has it open. Writing over what is there takes none.
    pub fn limit_room(&self, bytes: Option<u64>) {
        let mut world = self.world.lock();
        world.is_greedy = false;
        world.capacity = bytes.map(|bytes| world.used().saturating_add(bytes));
    }

    /// Leaves no room from now on: somebody else takes all of it, and at once what is given back.
    pub fn take_all_room(&self) {
        let mut world = self.world.lock();
        world.is_greedy = true;
        world.capacity = Some(world.used());
    }

    /// Lets so many further syncs succeed and no other; none for no bound.
    pub fn limit_syncs(&self, count: Option<usize>) {
        self.world.lock().syncs_left = count;
    }
}

impl World {
    /// A directory that holds what `start` does.
    fn new(start: Image) -> Self {
        let (names, contents) = start.numbered();
        Self { start, names, contents, ..Self::default() }
    }

    /// Makes a change and writes it down.
    fn change(&mut self, change: Change) {
        self.apply(&change);
        self.journal.push(change);
        if self.is_greedy {
            self.capacity = Some(self.used());
        }
    }

    /// Makes a change.
    fn apply(&mut self, change: &Change) {
        if let Change::Create { .. } = change {
            self.contents.push(Vec::new());
        }
        if let Some(contents) = change.file().and_then(|file| self.contents.get_mut(file)) {
            change.apply_to_contents(contents);
        }
        change.apply_to_names(&mut self.names);
    }

    /// What is live of a file.
    fn contents(&self, file: FileNumber) -> io::Result<&Vec<u8>> {
        self.contents.get(file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The file that has this name.
    fn named(&self, name: &str) -> io::Result<FileNumber> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// How many bytes the files hold together that have names or are open.
    fn used(&self) -> u64 {
        let files: BTreeSet<_> = self.names.values().chain(self.open.keys()).collect();
        let lengths = files.into_iter().filter_map(|file| self.contents.get(*file));
        lengths.map(|contents| contents.len() as u64).sum()
    }

    /// How many further bytes there is room for.
    fn free(&self) -> u64 {
        self.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used()))
    }

    /// How long a file can become that is to be `wanted` bytes long at least.
    fn length_within_room(&self, file: FileNumber, wanted: u64) -> io::Result<u64> {
        let length = self.contents(file)?.len() as u64;
        Ok(wanted.min(length.saturating_add(self.free())))
    }

    /// Makes a change that makes others durable, unless it is to fail.
    fn sync(&mut self, change: Change) -> io::Result<()> {
        match &mut self.syncs_left {
            // As of a file system that looks for room only when it writes back.
            Some(0) => return Err(io::ErrorKind::StorageFull.into()),
            Some(left) => *left -= 1,
            None => {}
        }
        self.change(change);
        Ok(())
    }
}

impl Change {
    /// The file whose contents it is about, if it is about any.
    fn file(&self) -> Option<FileNumber> {
        match self {
            Self::Write { file, .. }
            | Self::Allocate { file, .. }
            | Self::Truncate { file, .. }
            | Self::Sync { file }
            | Self::Damage { file, .. } => Some(*file),
            Self::Create { .. }
            | Self::Rename { .. }
            | Self::Remove { .. }
            | Self::SyncDirectory
            | Self::Loss { .. } => None,
        }
    }

    /// Whether an outside hand did it, so that it is live and durable at once.
    fn is_from_outside(&self) -> bool {
        matches!(self, Self::Damage { .. } | Self::Loss { .. })
    }

    /// What it does to the contents of its file, if anything.
    fn apply_to_contents(&self, contents: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes, .. } => overwrite(contents, *offset, bytes),
            Self::Allocate { bytes, .. } => {
                contents.resize(contents.len().max(in_memory(*bytes)), 0);
            }
            Self::Truncate { bytes, .. } => contents.truncate(in_memory(*bytes)),
            Self::Damage { damage, .. } => damage.apply_to(contents),
            Self::Create { .. }
            | Self::Rename { .. }
            | Self::Remove { .. }
            | Self::Sync { .. }
            | Self::SyncDirectory
            | Self::Loss { .. } => {}
        }
    }

    /// What it does to the directory, if anything.
    fn apply_to_names(&self, names: &mut Names) {
        match self {
            Self::Create { name, file } => {
                names.insert(name.clone(), *file);
            }
            Self::Rename { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Remove { name } | Self::Loss { name } => {
                names.remove(name);
            }
            Self::Write { .. }
            | Self::Allocate { .. }
            | Self::Truncate { .. }
            | Self::Sync { .. }
            | Self::SyncDirectory
            | Self::Damage { .. } => {}
        }
    }
}

/// An offset or a length as one of bytes in memory, where nothing is longer than that.
fn in_memory(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

impl FileSystem for SimulatedFileSystem {
    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("simulated").join(name)
    }

    fn lock(&self) -> io::Result<Option<DirectoryLock>> {
        let world = self.world.lock();
        let is_free = is_free(&world.lock) && is_free(&world.shared_lock);
        Ok(is_free.then(|| DirectoryLock::new(Arc::clone(&world.lock))))
    }

    fn lock_shared(&self) -> io::Result<Option<DirectoryLock>> {
        let world = self.world.lock();
        Ok(is_free(&world.lock).then(|| DirectoryLock::new(Arc::clone(&world.shared_lock))))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.world.lock().free())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.world.lock().names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let number = self.world.lock().named(name)?;
        Ok(self.handle(number, true))
    }

    fn open_read_only(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let number = self.world.lock().named(name)?;
        Ok(self.handle(number, false))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut world = self.world.lock();
        if world.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if world.free() == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let number = world.contents.len();
        world.change(Change::Create { name: name.to_owned(), file: number });
        drop(world);
        Ok(self.handle(number, true))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.world.lock();
        let file = world.named(from)?;
        world.change(Change::Rename { from: from.to_owned(), to: to.to_owned(), file });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut world = self.world.lock();
        world.named(name)?;
        world.change(Change::Remove { name: name.to_owned() });
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.world.lock().sync(Change::SyncDirectory)
    }
}

/// Whether nobody holds a lock.
fn is_free(lock: &Arc<()>) -> bool {
    Arc::strong_count(lock) == 1
}

/// An open file in memory.
struct SimulatedFile {
    world: Arc<Mutex<World>>,
    number: FileNumber,
    is_writable: bool,
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        let mut world = self.world.lock();
        if let Entry::Occupied(mut count) = world.open.entry(self.number) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl SimulatedFile {
    /// The directory, to change this file in it.
    fn writable_world(&self) -> io::Result<MutexGuard<'_, World>> {
        if self.is_writable {
            Ok(self.world.lock())
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
}

impl File for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.world.lock().contents(self.number)?.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let world = self.world.lock();
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let found = world
            .contents(self.number)?
            .get(start..)
            .and_then(|rest| rest.get(..buffer.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }

    fn read_at_cached(&self, buffer: &mut [u8], offset: u64) -> bool {
        self.read_at(buffer, offset).is_ok()
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut world = self.writable_world()?;
        let end = world.length_within_room(self.number, offset + bytes.len() as u64)?;
        let written = bytes.get(..in_memory(end.saturating_sub(offset))).unwrap_or(bytes);
        if !written.is_empty() {
            world.change(Change::Write { file: self.number, offset, bytes: written.into() });
        }
        if written.len() < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let mut world = self.writable_world()?;
        let allocated = world.length_within_room(self.number, bytes)?;
        if allocated > world.contents(self.number)?.len() as u64 {
            world.change(Change::Allocate { file: self.number, bytes: allocated });
        }
        if allocated < bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        let mut world = self.writable_world()?;
        if bytes < world.contents(self.number)?.len() as u64 {
            world.change(Change::Truncate { file: self.number, bytes });
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.world.lock().sync(Change::Sync { file: self.number })
    }
}
