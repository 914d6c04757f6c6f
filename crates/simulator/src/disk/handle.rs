//! The disk as a process uses it: through the product's own seam.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use parking_lot::Mutex;
use storage::file::{DirectoryLock, File, FileSystem};

use super::{
    change::{Change, SECTOR_BYTES},
    faults::{Death, Faults},
    state::{FileNumber, State},
};
use crate::{coverage::Coverage, pause::pause, randomness::Randomness};

/// A disk. Clones are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

impl SimulatedDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(chance: Randomness, coverage: Coverage) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(chance, coverage))) }
    }

    /// Its directory for a new life of the process. Whoever holds it from an earlier life can do
    /// nothing with it any more.
    #[must_use]
    pub fn begin_life(&self) -> Arc<dyn FileSystem> {
        let mut state = self.state.lock();
        state.begin_life();
        Arc::new(Directory { state: Arc::clone(&self.state), life: state.life })
    }

    /// Ends the process now.
    pub fn die(&self, death: Death) {
        self.state.lock().die(death);
    }

    /// How the present life ended, if it has.
    #[must_use]
    pub fn death(&self) -> Option<Death> {
        self.state.lock().death
    }

    /// Returns when the present life has ended, and how.
    pub async fn died(&self) -> Death {
        let mut deaths = self.state.lock().deaths.subscribe();
        let died = deaths.wait_for(Option::is_some).await.ok().and_then(|death| *death);
        match died {
            Some(death) => death,
            // The sender lives as long as the disk.
            None => std::future::pending().await,
        }
    }

    /// How many bytes a start finds room for: what is free, and what is kept in reserve for it.
    #[must_use]
    pub fn room_for_a_start(&self) -> u64 {
        let state = self.state.lock();
        let reserve = state.named("RESERVE").and_then(|number| state.file(number));
        state.free().saturating_add(reserve.map_or(0, |file| file.live.len() as u64))
    }

    /// How often the power was cut so far.
    #[must_use]
    pub fn power_cuts(&self) -> u64 {
        self.state.lock().power_cuts
    }

    /// How many faults were met so far.
    #[must_use]
    pub fn faults_met(&self) -> u64 {
        self.state.lock().faults_met
    }

    /// Changes what goes wrong.
    pub fn set(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state.lock().faults);
    }

    /// How many bytes the files have together.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.state.lock().used()
    }

    /// Changes a bit somewhere; says where, unless there is nothing.
    #[must_use]
    pub fn flip(&self) -> Option<String> {
        self.state.lock().flip()
    }

    /// Cuts the end off the last segment; says where, unless there is none.
    #[must_use]
    pub fn lose_end(&self) -> Option<String> {
        self.state.lock().lose_end()
    }
}

/// The directory as one life of the process has it.
struct Directory {
    state: Arc<Mutex<State>>,
    life: u64,
}

/// A file as one life of the process has it.
struct OpenFile {
    state: Arc<Mutex<State>>,
    life: u64,
    number: FileNumber,
    is_writable: bool,
}

/// Does something with the disk, if the process lives.
fn alive<T>(
    state: &Mutex<State>,
    life: u64,
    step: impl FnOnce(&mut State) -> io::Result<T>,
) -> io::Result<T> {
    let mut state = state.lock();
    if state.life != life || state.death.is_some() {
        return Err(io::Error::other("the process has ended"));
    }
    step(&mut state)
}

/// Changes something, if the process lives to do it.
fn change<T>(
    state: &Mutex<State>,
    life: u64,
    step: impl FnOnce(&mut State, u64) -> io::Result<T>,
) -> io::Result<T> {
    alive(state, life, |state| {
        let operation = state.begin_change()?;
        step(state, operation)
    })
}

/// Stands still for about so long.
fn take_time(state: &Mutex<State>, about: impl FnOnce(&Faults) -> Duration) {
    let time = {
        let state = state.lock();
        if state.death.is_some() {
            return;
        }
        let micros = u64::try_from(about(&state.faults).as_micros()).unwrap_or(u64::MAX);
        let rarely = if state.chance.happens(10_000) { 20 } else { 1 };
        Duration::from_micros(state.chance.below(micros.saturating_mul(2)) * rarely)
    };
    pause(time);
}

impl Directory {
    fn file(&self, number: FileNumber, is_writable: bool) -> Arc<dyn File> {
        self.state.lock().opened(number);
        let state = Arc::clone(&self.state);
        Arc::new(OpenFile { state, life: self.life, number, is_writable })
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.state.lock().closed(self.life, self.number);
    }
}

impl FileSystem for Directory {
    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("simulated").join(name)
    }

    fn lock(&self) -> io::Result<Option<DirectoryLock>> {
        alive(&self.state, self.life, |_| Ok(Some(DirectoryLock::new(()))))
    }

    fn lock_shared(&self) -> io::Result<Option<DirectoryLock>> {
        self.lock()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        alive(&self.state, self.life, |state| Ok(state.free()))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        alive(&self.state, self.life, |state| Ok(state.names()))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let number = alive(&self.state, self.life, |state| state.named(name))?;
        Ok(self.file(number, true))
    }

    fn open_read_only(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let number = alive(&self.state, self.life, |state| state.named(name))?;
        Ok(self.file(number, false))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        take_time(&self.state, |faults| faults.write);
        let created =
            change(&self.state, self.life, |state, operation| state.create(operation, name));
        Ok(self.file(created?, true))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        take_time(&self.state, |faults| faults.write);
        change(&self.state, self.life, |state, operation| state.rename(operation, from, to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        take_time(&self.state, |faults| faults.write);
        change(&self.state, self.life, |state, operation| state.remove(operation, name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        let begun = alive(&self.state, self.life, |state| Ok(state.operations()))?;
        take_time(&self.state, |faults| faults.sync);
        change(&self.state, self.life, |state, _| {
            fail_sync_if_due(state)?;
            state.sync_names(begun);
            Ok(())
        })
    }
}

/// Counts a sync, which may be the one that fails.
fn fail_sync_if_due(state: &mut State) -> io::Result<()> {
    match &mut state.faults.failing_sync {
        Some(0) => {
            state.faults.failing_sync = None;
            state.meet("disk: a sync failed");
            Err(io::Error::other("the disk could not write everything"))
        }
        Some(left) => {
            *left -= 1;
            Ok(())
        }
        None => Ok(()),
    }
}

impl OpenFile {
    fn change<T>(&self, step: impl FnOnce(&mut State, u64) -> io::Result<T>) -> io::Result<T> {
        if !self.is_writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        change(&self.state, self.life, step)
    }

    fn read(&self, state: &State, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let contents = &state.file(self.number)?.live;
        let found = contents.get(start..).and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// How much of a file that is to be `wanted` bytes long there is room for.
fn length_within_room(state: &State, number: FileNumber, wanted: usize) -> io::Result<usize> {
    let length = state.file(number)?.live.len();
    let free = usize::try_from(state.free()).unwrap_or(usize::MAX);
    Ok(wanted.min(length.saturating_add(free)))
}

/// Where a write from `offset` on ends that was to end at `end` and had to end early: a system fills
/// whole blocks.
fn whole_sectors(offset: usize, end: usize) -> usize {
    offset.max(end - end % SECTOR_BYTES)
}

impl File for OpenFile {
    fn length(&self) -> io::Result<u64> {
        alive(&self.state, self.life, |state| Ok(state.file(self.number)?.live.len() as u64))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        take_time(&self.state, |faults| faults.write);
        alive(&self.state, self.life, |state| {
            if state.chance.happens(state.faults.failing_reads_in_a_million) {
                state.meet("disk: a read failed");
                return Err(io::Error::other("the disk could not read"));
            }
            self.read(state, buffer, offset)
        })
    }

    fn read_at_cached(&self, buffer: &mut [u8], offset: u64) -> bool {
        let read = alive(&self.state, self.life, |state| {
            if state.chance.happens(state.faults.uncached_in_a_million) {
                state.coverage.count("disk: a read had to wait");
                return Ok(false);
            }
            self.read(state, buffer, offset).map(|()| true)
        });
        read.unwrap_or_default()
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        take_time(&self.state, |faults| faults.write);
        self.change(|state, operation| {
            let offset = usize::try_from(offset).map_err(io::Error::other)?;
            let wanted = offset.saturating_add(bytes.len());
            let mut end = length_within_room(state, self.number, wanted)?;
            if end < wanted {
                end = whole_sectors(offset, end);
            }
            let mut failure = io::ErrorKind::StorageFull.into();
            match &mut state.faults.failing_write {
                Some(0) => {
                    state.faults.failing_write = None;
                    state.meet("disk: a write failed");
                    end = whole_sectors(offset, offset.midpoint(end));
                    failure = io::Error::other("the disk could not write");
                }
                Some(left) => *left -= 1,
                None => {}
            }
            let written = bytes.get(..end.saturating_sub(offset)).unwrap_or(bytes);
            if !written.is_empty() {
                let change = Change::Write { offset, bytes: written.into() };
                state.change(operation, self.number, change);
            }
            if written.len() < bytes.len() {
                if failure.kind() == io::ErrorKind::StorageFull {
                    state.meet("disk: no room to write");
                }
                return Err(failure);
            }
            Ok(())
        })
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        take_time(&self.state, |faults| faults.write);
        self.change(|state, operation| {
            let wanted = usize::try_from(bytes).map_err(io::Error::other)?;
            let allocated = length_within_room(state, self.number, wanted)?;
            if allocated > state.file(self.number)?.live.len() {
                state.change(operation, self.number, Change::Allocate { bytes: allocated });
            }
            if allocated < wanted {
                state.meet("disk: no room to allocate");
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(())
        })
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        take_time(&self.state, |faults| faults.write);
        self.change(|state, operation| {
            let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
            if bytes < state.file(self.number)?.live.len() {
                state.change(operation, self.number, Change::Truncate { bytes });
            }
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        let begun = alive(&self.state, self.life, |state| Ok(state.operations()))?;
        take_time(&self.state, |faults| faults.sync);
        change(&self.state, self.life, |state, _| {
            if let Err(error) = fail_sync_if_due(state) {
                state.drop_unsynced(self.number);
                return Err(error);
            }
            state.sync(begun, self.number);
            Ok(())
        })
    }
}
