//! One pass over a directory: every file, in the order of the log.

mod segment;

use std::collections::BTreeSet;

use bytes::Bytes;
use shard::log::LogError;

use super::{
    super::{
        checkpoint,
        directory::Directory,
        format::{SEGMENT_HEADER_BYTES, SegmentIdentity, in_memory, segment_number},
        manifest::{self, ListedSegment, Manifest, SegmentEnd},
        recovery::{tear::was_in_use, walk::Ending},
    },
    CheckError,
    fold::Fold,
    meter::{Meter, Phase},
    report::{FileKind, FileReport, FileState, LOCK, Lost, Report},
};
use segment::Expected;

/// The file that keeps some room for the time when there is none.
const RESERVE: &str = "RESERVE";

/// What a pass over a directory found.
#[derive(Default)]
pub(super) struct Examination {
    pub(super) report: Report,
    pub(super) fold: Fold,
    /// Where operations on unknown documents are lost.
    pub(super) lost: Vec<Lost>,
    /// How often the manifest was written, or a number that is hardly lower.
    pub(super) edition: u64,
}

/// Who makes the pass.
struct Examiner<'a, 'm> {
    directory: &'a Directory,
    meter: &'a mut Meter<'m>,
    /// The files that were not looked at yet.
    names: BTreeSet<String>,
    /// The offsets in the present segment of which something was said.
    noted: BTreeSet<u64>,
    found: Examination,
}

impl Examination {
    /// Examines every file of a directory.
    pub(super) fn of(directory: &Directory, meter: &mut Meter<'_>) -> Result<Self, CheckError> {
        let names: BTreeSet<_> = directory.list().map_err(LogError::from)?.into_iter().collect();
        let is_ours =
            |name: &String| segment_number(name).is_some() || checkpoint::is_checkpoint(name);
        if !names.contains(manifest::NAME) && !names.iter().any(is_ours) {
            return Err(CheckError::NoLog(directory.path("")));
        }
        // What cannot even be opened is no damage: who checks may lack the right to.
        for name in names.iter().filter(|name| is_ours(name) || *name == manifest::NAME) {
            directory.open_read_only(name).map_err(LogError::from)?;
        }
        let found = Self::default();
        let mut examiner = Examiner { directory, meter, names, noted: BTreeSet::new(), found };
        examiner.begin();
        let manifest = examiner.manifest();
        match &manifest {
            Some(manifest) => examiner.listed(manifest),
            None => examiner.whatever_is_there(),
        }
        examiner.others(manifest.as_ref());
        let mut found = examiner.found;
        found.report.totals = found.fold.totals();
        Ok(found)
    }
}

impl Examiner<'_, '_> {
    /// Tells how much there is to be read.
    fn begin(&mut self) {
        let is_read = |name: &&String| {
            segment_number(name).is_some() || checkpoint::segment_number(name).is_some()
        };
        let total = self.names.iter().filter(is_read).filter_map(|name| self.length(name)).sum();
        self.meter.begin(Phase::Reading, total);
    }

    fn length(&self, name: &str) -> Option<u64> {
        self.directory.open_read_only(name).ok()??.length().ok()
    }

    /// The manifest, if it is what was written.
    fn manifest(&mut self) -> Option<Manifest> {
        self.names.remove(manifest::NAME);
        let mut file = FileReport::new(manifest::NAME, FileKind::Manifest);
        file.bytes = self.length(manifest::NAME);
        let (state, wrong) = match Manifest::read(self.directory) {
            Ok(Some(manifest)) => {
                self.found.edition = manifest.edition;
                let numbers = manifest.segments.iter().map(|listed| listed.identity.number);
                if !numbers.clone().is_sorted_by(|one, next| one < next)
                    || numbers.max().is_some_and(|last| last >= manifest.next_segment)
                {
                    self.found.report.find(manifest::NAME, None, "its numbers make no sense");
                    file.state = FileState::Damaged;
                }
                self.found.report.files.push(file);
                return Some(manifest);
            }
            Ok(None) => (FileState::Missing, "it is missing, but there are segments".to_owned()),
            Err(LogError::Failed { context, cause }) => {
                (FileState::Damaged, format!("{context}: {cause}"))
            }
            Err(_) => (FileState::Damaged, "it is not what was written there".to_owned()),
        };
        self.found.report.find(manifest::NAME, None, wrong);
        self.found.report.files.push(FileReport { state, ..file });
        None
    }

    /// The segments that the manifest lists.
    fn listed(&mut self, manifest: &Manifest) {
        for listed in &manifest.segments {
            let ends_the_log = manifest.stopped && Some(listed) == manifest.segments.last();
            let ending = if ends_the_log { Ending::EndMark } else { Ending::AsListed };
            self.segment(&Expected { listed: *listed, ending, may_be_torn: true });
        }
    }

    /// The segments that are there, without a manifest that lists them.
    fn whatever_is_there(&mut self) {
        let of_segments = self.names.iter().filter_map(|name| segment_number(name));
        let of_checkpoints = self.names.iter().filter_map(|name| checkpoint::segment_number(name));
        let numbers: BTreeSet<_> = of_segments.chain(of_checkpoints).collect();
        self.found.edition = numbers.last().copied().unwrap_or_default().into();
        for number in &numbers {
            self.unlisted(*number, Some(number) == numbers.last());
        }
    }

    /// A segment of which no manifest says where it ends.
    fn unlisted(&mut self, number: u32, is_last: bool) {
        let covered = checkpoint::covered(self.directory, number);
        let identity = self.identity(number);
        let listed = match (covered, identity) {
            (Some(covered), None) => covered,
            (Some(covered), Some(identity)) if covered.identity == identity => covered,
            (_, Some(identity)) => {
                ListedSegment { identity, end: SegmentEnd::OpenFrom(SEGMENT_HEADER_BYTES) }
            }
            (None, None) => return self.unidentified(number),
        };
        let ending = Ending::Unknown;
        self.segment(&Expected { listed, ending, may_be_torn: is_last });
    }

    /// Which segment a file says it is.
    fn identity(&self, number: u32) -> Option<SegmentIdentity> {
        let name = SegmentIdentity { number, generation: 0 }.file_name();
        let file = self.directory.open_read_only(&name).ok()??;
        let header = file.read(0, in_memory(SEGMENT_HEADER_BYTES)).ok()?;
        SegmentIdentity::decode(&header).filter(|identity| identity.number == number)
    }

    /// A segment whose checksums cannot be compared, for its generation is not known.
    fn unidentified(&mut self, number: u32) {
        let name = SegmentIdentity { number, generation: 0 }.file_name();
        // A checkpoint alone that is not whole either is nothing to miss a segment for.
        if self.names.remove(&name) {
            let mut file = FileReport::in_state(&name, FileKind::Segment, FileState::Damaged);
            file.bytes = self.length(&name);
            let what = "the segment's header is not what was written, so nothing can be verified";
            self.found.report.find(&name, Some(0), what);
            self.found.report.files.push(file);
            self.found.lost.push(Lost::place(&name, Some(0)));
        }
    }

    /// The files that were not looked at yet.
    fn others(&mut self, manifest: Option<&Manifest>) {
        for name in self.names.clone() {
            if !self.names.remove(&name) {
                continue;
            }
            let number = segment_number(&name);
            if let (Some(manifest), Some(number)) = (manifest, number)
                && !manifest.segments.is_empty()
                && !manifest.dropped.iter().any(|dropped| dropped.number == number)
                && self.was_in_use(&name)
            {
                let what = "it was written to, but the manifest does not list it: is that older?";
                self.found.report.find(&name, Some(0), what);
                self.names.insert(name);
                self.unlisted(number, true);
                continue;
            }
            let (kind, state) = match name.as_str() {
                LOCK | RESERVE | manifest::NAME_SPARE => (FileKind::Auxiliary, FileState::Whole),
                manifest::NAME_ASIDE => (FileKind::Manifest, FileState::Leftover),
                _ if number.is_some() => (FileKind::Segment, FileState::Leftover),
                _ if checkpoint::is_checkpoint(&name) && manifest.is_some() => {
                    (FileKind::Checkpoint, FileState::Leftover)
                }
                _ if checkpoint::is_checkpoint(&name) => (FileKind::Checkpoint, FileState::Unknown),
                _ => (FileKind::Unknown, FileState::Unknown),
            };
            // What is not ours may be anything, and opening it may do anything.
            let bytes = if kind == FileKind::Unknown { None } else { self.length(&name) };
            let file = FileReport::in_state(&name, kind, state);
            self.found.report.files.push(FileReport { bytes, ..file });
        }
    }

    /// Whether a segment that no manifest lists was written to all the same.
    fn was_in_use(&self, name: &str) -> bool {
        let contents = self.directory.open_read_only(name).ok().flatten().and_then(|file| {
            let length = file.length().ok()?.min(segment::BYTES_MAX);
            file.read(0, in_memory(length)).ok().map(Bytes::from)
        });
        contents.is_some_and(|contents| {
            let identity = SegmentIdentity::decode(&contents);
            identity.is_some_and(|identity| was_in_use(identity, &contents))
        })
    }
}
