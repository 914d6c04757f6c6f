//! The disk's contents and what was not synced of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use tokio::sync::watch;

use super::{
    change::{Change, SECTOR_BYTES, survivors, without_lost_sectors},
    faults::{Death, Faults},
};
use crate::{coverage::Coverage, randomness::Randomness};

/// A file, whatever its name.
pub(super) type FileNumber = usize;

/// One file.
#[derive(Default)]
pub(super) struct FileState {
    /// What a power cut leaves.
    durable: Vec<u8>,
    /// What is read.
    pub(super) live: Vec<u8>,
    /// What was not synced, each with the number of its operation.
    unsynced: Vec<(u64, Change)>,
}

/// A change of the directory.
#[derive(Clone)]
enum NameChange {
    Put { name: String, file: FileNumber },
    Rename { from: String, to: String, file: FileNumber },
    Remove { name: String },
}

impl NameChange {
    fn apply_to(&self, names: &mut BTreeMap<String, FileNumber>) {
        match self {
            Self::Put { name, file } => {
                names.insert(name.clone(), *file);
            }
            Self::Rename { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Remove { name } => {
                names.remove(name);
            }
        }
    }
}

/// What operations of a disk meet.
pub(super) struct State {
    files: Vec<FileState>,
    names: BTreeMap<String, FileNumber>,
    durable_names: BTreeMap<String, FileNumber>,
    unsynced_names: Vec<(u64, NameChange)>,
    /// How often the present life has each file open.
    open: BTreeMap<FileNumber, u32>,
    /// Operations so far.
    operations: u64,
    /// The life of the process that may use it; older ones are dead.
    pub(super) life: u64,
    /// How that life ended, once it has.
    pub(super) death: Option<Death>,
    /// Who waits for that hears of it here.
    pub(super) deaths: watch::Sender<Option<Death>>,
    /// How often the power was cut.
    pub(super) power_cuts: u64,
    /// How many faults were met.
    pub(super) faults_met: u64,
    pub(super) faults: Faults,
    pub(super) chance: Randomness,
    pub(super) coverage: Coverage,
}

impl State {
    pub(super) fn new(chance: Randomness, coverage: Coverage) -> Self {
        Self {
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            open: BTreeMap::new(),
            operations: 0,
            life: 0,
            death: None,
            deaths: watch::channel(None).0,
            power_cuts: 0,
            faults_met: 0,
            faults: Faults::default(),
            chance,
            coverage,
        }
    }

    /// Ends the process: nothing it does has an effect any more. The power may also go when it has ended.
    pub(super) fn die(&mut self, death: Death) {
        if self.death.is_none() {
            self.death = Some(death);
            self.faults.death = None;
            self.deaths.send_replace(Some(death));
        }
        if death == Death::PowerCut {
            self.power_cuts += 1;
            self.cut_power();
        }
    }

    /// Begins another life.
    pub(super) fn begin_life(&mut self) {
        self.life += 1;
        self.open.clear();
        self.death = None;
        self.deaths.send_replace(None);
    }

    /// A fault was met.
    pub(super) fn meet(&mut self, fault: &str) {
        self.faults_met += 1;
        self.coverage.count(fault);
    }

    /// Leaves of everything what a power cut leaves.
    fn cut_power(&mut self) {
        let unsynced = std::mem::take(&mut self.unsynced_names);
        let all = unsynced.len() as u64;
        // Any one of them may be the last that was kept; or all but one are.
        let (first, lost) = match self.chance.happens(300_000) {
            true => (all, Some(self.chance.below(all))),
            false => (self.chance.below(all + 1), None),
        };
        let mut names = std::mem::take(&mut self.durable_names);
        for (number, (_, change)) in (0..first).zip(&unsynced) {
            if Some(number) != lost {
                change.apply_to(&mut names);
            }
        }
        for file in &mut self.files {
            let changes = std::mem::take(&mut file.unsynced);
            file.durable = survivors(&file.durable, &changes, &self.chance);
            file.live.clone_from(&file.durable);
        }
        self.names.clone_from(&names);
        self.durable_names = names;
    }

    /// Counts an operation that changes something or makes it durable; an error if the process did not
    /// live to do it.
    pub(super) fn begin_change(&mut self) -> io::Result<u64> {
        if let Some((left, death)) = &mut self.faults.death {
            let death = *death;
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => self.die(death),
            }
        }
        if self.death.is_some() {
            return Err(io::Error::other("the process has ended"));
        }
        self.operations += 1;
        Ok(self.operations)
    }

    /// The number of the latest operation.
    pub(super) fn operations(&self) -> u64 {
        self.operations
    }

    pub(super) fn file(&self, number: FileNumber) -> io::Result<&FileState> {
        self.files.get(number).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn named(&self, name: &str) -> io::Result<FileNumber> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.names.keys().cloned().collect()
    }

    /// Makes a new file of this name.
    pub(super) fn create(&mut self, operation: u64, name: &str) -> io::Result<FileNumber> {
        if self.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if self.free() == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = self.files.len();
        self.files.push(FileState::default());
        self.change_names(operation, NameChange::Put { name: name.to_owned(), file });
        Ok(file)
    }

    pub(super) fn rename(&mut self, operation: u64, from: &str, to: &str) -> io::Result<()> {
        let file = self.named(from)?;
        let (from, to) = (from.to_owned(), to.to_owned());
        self.change_names(operation, NameChange::Rename { from, to, file });
        Ok(())
    }

    pub(super) fn remove(&mut self, operation: u64, name: &str) -> io::Result<()> {
        self.named(name)?;
        self.change_names(operation, NameChange::Remove { name: name.to_owned() });
        Ok(())
    }

    fn change_names(&mut self, operation: u64, change: NameChange) {
        change.apply_to(&mut self.names);
        self.unsynced_names.push((operation, change));
    }

    /// Makes the names durable as they were at `operation`.
    pub(super) fn sync_names(&mut self, operation: u64) {
        let synced = self.unsynced_names.partition_point(|(number, _)| *number <= operation);
        for (_, change) in self.unsynced_names.drain(..synced) {
            change.apply_to(&mut self.durable_names);
        }
    }

    /// Changes a file's contents.
    pub(super) fn change(&mut self, operation: u64, number: FileNumber, change: Change) {
        if let Some(file) = self.files.get_mut(number) {
            change.apply_to(&mut file.live);
            file.unsynced.push((operation, change));
        }
    }

    /// Makes a file durable as it was at `operation`.
    pub(super) fn sync(&mut self, operation: u64, number: FileNumber) {
        let Some(file) = self.files.get_mut(number) else { return };
        let synced = file.unsynced.partition_point(|(number, _)| *number <= operation);
        for (_, change) in file.unsynced.drain(..synced) {
            change.apply_to(&mut file.durable);
        }
    }

    /// What a system does to a file whose sync failed: it drops what it could not write, and forgets
    /// that it is not durable. It still reads as if it were.
    pub(super) fn drop_unsynced(&mut self, number: FileNumber) {
        let Some(file) = self.files.get_mut(number) else { return };
        file.unsynced = without_lost_sectors(&file.unsynced, &self.chance);
    }

    /// How many further bytes there is room for.
    pub(super) fn free(&self) -> u64 {
        let lengths = self.names.values().filter_map(|number| self.files.get(*number));
        let used: u64 = lengths.map(|file| file.live.len() as u64).sum();
        self.faults.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(used))
    }

    /// A file is opened by the present life.
    pub(super) fn opened(&mut self, number: FileNumber) {
        *self.open.entry(number).or_default() += 1;
    }

    /// It is closed once, by a life.
    pub(super) fn closed(&mut self, life: u64, number: FileNumber) {
        if life != self.life {
            return;
        }
        if let Some(count) = self.open.get_mut(&number) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&number);
            }
        }
    }

    /// How many bytes the files have together: those that have a name, and those that somebody who
    /// opened them has not closed yet.
    pub(super) fn used(&self) -> u64 {
        let numbers: BTreeSet<&FileNumber> = self.names.values().chain(self.open.keys()).collect();
        let files = numbers.into_iter().filter_map(|number| self.files.get(*number));
        files.map(|file| file.live.len() as u64).sum()
    }

    /// Changes one bit somewhere, by an outside hand; says where. Mostly where something was written.
    pub(super) fn flip(&mut self) -> Option<String> {
        let anywhere = self.chance.happens(250_000);
        let mut places: Vec<(String, FileNumber, Vec<usize>)> = Vec::new();
        for (name, number) in &self.names {
            let live = &self.files.get(*number)?.live;
            let written = live.iter().enumerate().filter(|(_, byte)| anywhere || **byte != 0);
            let written: Vec<usize> = written.map(|(place, _)| place).collect();
            if !written.is_empty() {
                places.push((name.clone(), *number, written));
            }
        }
        let (name, number, written) = pick(&self.chance, &places)?;
        let place = *pick(&self.chance, written)?;
        let bit = 1_u8 << self.chance.below(8);
        let file = self.files.get_mut(*number)?;
        for contents in [&mut file.live, &mut file.durable] {
            if let Some(byte) = contents.get_mut(place) {
                *byte ^= bit;
            }
        }
        Some(format!("{name} at {place}"))
    }

    /// Cuts the last segment short by a sector or more, by an outside hand; says where.
    pub(super) fn lose_end(&mut self) -> Option<String> {
        let is_segment = |name: &&String| name.starts_with("segment-");
        let name = self.names.keys().rfind(is_segment)?.clone();
        let number = self.named(&name).ok()?;
        let file = self.files.get_mut(number)?;
        let sectors = file.live.len() / SECTOR_BYTES;
        let kept = usize::try_from(self.chance.below(sectors as u64)).ok()? * SECTOR_BYTES;
        file.live.truncate(kept);
        file.durable.clone_from(&file.live);
        file.unsynced.clear();
        Some(format!("{name} from {kept}"))
    }
}

/// One of some, by chance.
fn pick<'a, T>(chance: &Randomness, choices: &'a [T]) -> Option<&'a T> {
    choices.get(usize::try_from(chance.below(choices.len() as u64)).ok()?)
}
