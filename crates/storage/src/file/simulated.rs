//! A file system in memory that a power cut can happen to.
//!
//! It keeps a journal of everything that was done. From the journal it tells what is *live* (what a
//! process that is killed leaves to the next one) and what is *durable* (what a power cut leaves at
//! least): [`SimulatedFileSystem::crash_images`] lists what may be found after one, at any point of
//! the journal. Faults, a full disk and a failing sync, are switched on by the test.

mod crash;
mod image;

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};

use parking_lot::Mutex;

use super::{DirectoryLock, File, FileSystem};
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
    Create { name: String, file: FileNumber },
    Write { file: FileNumber, offset: u64, bytes: Arc<[u8]> },
    Sync { file: FileNumber },
    Rename { from: String, to: String, file: FileNumber },
    Remove { name: String },
    SyncDirectory,
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
    /// How many bytes can still be written; no bound if there is none.
    room: Option<u64>,
    /// How many syncs still succeed; no bound if there is none.
    syncs_left: Option<usize>,
    /// Held by whoever has locked the directory.
    lock: Arc<()>,
}

impl SimulatedFileSystem {
    /// A directory that holds what `image` does, durably.
    #[must_use]
    pub fn new(image: Image) -> Self {
        Self { world: Arc::new(Mutex::new(World::new(image))) }
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
    pub fn limit_room(&self, bytes: Option<u64>) {
        self.world.lock().room = bytes;
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
    }

    /// Makes a change.
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Create { .. } => self.contents.push(Vec::new()),
            Change::Write { file, offset, bytes } => {
                if let Some(contents) = self.contents.get_mut(*file) {
                    overwrite(contents, *offset, bytes);
                }
            }
            Change::Rename { .. }
            | Change::Remove { .. }
            | Change::Sync { .. }
            | Change::SyncDirectory => {}
        }
        change.apply_to(&mut self.names);
    }

    /// What is live of a file.
    fn contents(&self, file: FileNumber) -> io::Result<&Vec<u8>> {
        self.contents.get(file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// How many of `wanted` bytes there is room for.
    fn take_room(&mut self, wanted: u64) -> u64 {
        let Some(room) = &mut self.room else { return wanted };
        let taken = wanted.min(*room);
        *room -= taken;
        taken
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
    /// What it does to the directory, if anything.
    fn apply_to(&self, names: &mut Names) {
        match self {
            Self::Create { name, file } => {
                names.insert(name.clone(), *file);
            }
            Self::Rename { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Remove { name } => {
                names.remove(name);
            }
            Self::Write { .. } | Self::Sync { .. } | Self::SyncDirectory => {}
        }
    }
}

impl FileSystem for SimulatedFileSystem {
    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("simulated").join(name)
    }

    fn lock(&self) -> io::Result<Option<DirectoryLock>> {
        let world = self.world.lock();
        let free = Arc::strong_count(&world.lock) == 1;
        Ok(free.then(|| DirectoryLock::new(Arc::clone(&world.lock))))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.world.lock().names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let number = *self.world.lock().names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimulatedFile { world: Arc::clone(&self.world), number }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut world = self.world.lock();
        if world.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if world.room == Some(0) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let number = world.contents.len();
        world.change(Change::Create { name: name.to_owned(), file: number });
        Ok(Arc::new(SimulatedFile { world: Arc::clone(&self.world), number }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.world.lock();
        let file = *world.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        world.change(Change::Rename { from: from.to_owned(), to: to.to_owned(), file });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut world = self.world.lock();
        if !world.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        world.change(Change::Remove { name: name.to_owned() });
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.world.lock().sync(Change::SyncDirectory)
    }
}

/// An open file in memory.
struct SimulatedFile {
    world: Arc<Mutex<World>>,
    number: FileNumber,
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
        let mut world = self.world.lock();
        let fits = world.take_room(bytes.len() as u64);
        let written =
            usize::try_from(fits).ok().and_then(|fits| bytes.get(..fits)).unwrap_or(bytes);
        world.change(Change::Write { file: self.number, offset, bytes: written.into() });
        if written.len() < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.world.lock().sync(Change::Sync { file: self.number })
    }
}
