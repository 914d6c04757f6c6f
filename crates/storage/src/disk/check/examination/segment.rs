//! One segment and its checkpoint.

use bytes::Bytes;
use shard::log::{EntryOutline, Outline, StreamId};

use super::{
    super::{
        super::{
            checkpoint::{self, Checkpoint},
            directory::NamedFile,
            format::{
                Frame, FrameLeft, Malformed, Place, Untrailed, decode_record, frames, in_memory,
                locations,
            },
            manifest::{ListedSegment, SegmentEnd},
            recovery::walk::{Damage, Ending, Walked},
        },
        contents::{Left, scan},
        report::{FileKind, FileReport, FileState, Lost},
    },
    Examiner,
};

/// Offsets of a segment fit 32 bits; of a file that is longer no more is looked at, nor of a
/// checkpoint.
pub(super) const BYTES_MAX: u64 = 1 << 32;
/// How much is read at a time of a file that cannot be read at once.
const PIECE_BYTES: usize = 4_096;

/// What is known of a segment before it is read.
pub(super) struct Expected {
    /// Which, and where it ends.
    pub(super) listed: ListedSegment,
    /// How it must end.
    pub(super) ending: Ending,
    /// Whether its last write may be one that was never finished.
    pub(super) may_be_torn: bool,
}

/// A segment's contents.
struct Contents {
    bytes: Bytes,
    /// Whether all of them could be read; the others are zeros.
    readable: bool,
}

impl Examiner<'_, '_> {
    /// Examines a segment and its checkpoint.
    pub(super) fn segment(&mut self, expected: &Expected) {
        let listed = &expected.listed;
        let mut file = FileReport::new(&listed.identity.file_name(), FileKind::Segment);
        let (checkpoint, mut outlined) = self.checkpoint(listed).unzip();
        let checkpoint = checkpoint.flatten();
        self.names.remove(&file.name);
        self.noted.clear();
        match self.contents(listed, &mut file) {
            None => self.take_left(expected, None, checkpoint.as_ref(), &mut file),
            Some(contents) => match judge(expected, &contents) {
                Ok(walked) => {
                    self.take_whole(listed, &walked, &mut file);
                    if let (Some(checkpoint), Some(outlined)) = (&checkpoint, &mut outlined) {
                        self.compare(listed, &walked, checkpoint, outlined);
                    }
                }
                Err(wrongs) => {
                    file.state = FileState::Damaged;
                    for (offset, what) in wrongs {
                        self.find_once(&file, offset, what);
                    }
                    self.take_left(expected, Some(&contents.bytes), checkpoint.as_ref(), &mut file);
                }
            },
        }
        self.found.report.files.push(file);
        self.found.report.files.extend(outlined);
    }

    /// The checkpoint of a segment, if there is one, and whether it is of use.
    fn checkpoint(&mut self, listed: &ListedSegment) -> Option<(Option<Checkpoint>, FileReport)> {
        let name = checkpoint::file_name(listed.identity.number);
        if !self.names.remove(&name) {
            return None;
        }
        let mut file = FileReport::new(&name, FileKind::Checkpoint);
        file.bytes = self.length(&name);
        self.meter.advance(file.bytes.unwrap_or_default());
        let read = if file.bytes.is_some_and(|bytes| bytes <= BYTES_MAX) {
            checkpoint::read(self.directory, listed)
        } else {
            self.found.report.find(&name, None, "it cannot be read, or is longer than any segment");
            return Some((None, FileReport { state: FileState::Damaged, ..file }));
        };
        let checkpoint = match read {
            Ok(Some(checkpoint)) => {
                let shown = checkpoint.show(|_, entry| {
                    file.entries += 1;
                    file.operations += entry.operations.len() as u64;
                });
                shown.map(|()| checkpoint).map_err(|Malformed(what)| (None, what.to_owned()))
            }
            // Of a segment that is open.
            Ok(None) => {
                return Some((None, FileReport { state: FileState::Leftover, ..file }));
            }
            Err(bad) => Err(match bad.wrong {
                Some((offset, what)) => (Some(offset), what.to_owned()),
                None => (None, bad.to_string()),
            }),
        };
        let checkpoint = checkpoint.map_err(|(offset, what)| {
            self.found.report.find(&name, offset, format!("{what} ({DERIVED})"));
            file.state = FileState::Damaged;
        });
        Some((checkpoint.ok(), file))
    }

    /// A segment's contents, as far as they count; nothing if it is missing.
    fn contents(&mut self, listed: &ListedSegment, file: &mut FileReport) -> Option<Contents> {
        let opened = match self.directory.open_read_only(&file.name) {
            Ok(Some(opened)) => opened,
            Ok(None) => {
                self.found.report.find(&file.name, None, "it is missing");
                file.state = FileState::Missing;
                return None;
            }
            Err(error) => {
                self.found.report.find(&file.name, None, error.to_string());
                file.state = FileState::Damaged;
                return None;
            }
        };
        let length = opened.length().unwrap_or_default();
        file.bytes = Some(length);
        let counts = match listed.end {
            SegmentEnd::ClosedAt(end) => end,
            SegmentEnd::OpenFrom(_) => BYTES_MAX,
        };
        let wanted = in_memory(length.min(counts).min(BYTES_MAX));
        let contents =
            opened.read(0, wanted).map(|bytes| Contents { bytes: bytes.into(), readable: true });
        let contents = contents.unwrap_or_else(|error| {
            self.found.report.find(&file.name, None, error.to_string());
            Contents { bytes: read_in_pieces(&opened, wanted), readable: false }
        });
        self.meter.advance(length);
        Some(contents)
    }

    /// Takes in a segment in which everything is what was written.
    fn take_whole(&mut self, listed: &ListedSegment, walked: &Walked, file: &mut FileReport) {
        file.groups = walked.groups.len() as u64;
        if walked.cut_bytes > 0 {
            file.state = FileState::Torn { offset: walked.end, bytes: walked.cut_bytes };
        }
        for frame in frames_of(listed, walked) {
            file.operations += frame.entry.operations.len() as u64;
            let locations = locations(frame.place.into(), &frame.entry);
            let operations = Outline::of_entry(&frame.entry, &locations);
            self.take_entry(&outline_of(&frame, &operations), frame.stream, &|_| true, file);
        }
    }

    /// Takes in what is left of a segment: its checkpoint knows all of it.
    fn take_left(
        &mut self,
        Expected { listed, ending, .. }: &Expected,
        contents: Option<&Bytes>,
        checkpoint: Option<&Checkpoint>,
        file: &mut FileReport,
    ) {
        if let Some(checkpoint) = checkpoint {
            let verifies =
                |outline: &Outline<'_>| contents.is_some_and(|bytes| verifies(bytes, outline));
            // It was shown before, so that it is known to make sense.
            let _ = checkpoint.show(|stream, entry| {
                file.operations += entry.operations.len() as u64;
                self.take_entry(entry, stream, &verifies, file);
                // Of what lies behind the end of a file that is cut short enough was said.
                let length = contents.map_or(0, |bytes| bytes.len() as u64);
                let bad = entry.operations.iter().filter(|outline| !verifies(outline));
                for offset in bad.map(|outline| u64::from(outline.location.offset)) {
                    if offset < length {
                        self.find_once(file, offset, CHANGED);
                    }
                }
            });
            return;
        }
        let (SegmentEnd::ClosedAt(end) | SegmentEnd::OpenFrom(end)) = listed.end;
        let Some(contents) = contents else {
            return self.found.lost.push(Lost::place(&file.name, None));
        };
        let mut left = |left: Left<'_>| match left {
            Left::Gap(offset) => {
                self.find_once(file, offset, "operations are lost here, and whose is not known");
                self.found.lost.push(Lost::place(&file.name, Some(offset)));
            }
            Left::Frame(frame) => self.take_frame(frame, file),
        };
        let Untrailed { contents, is_complete } = Untrailed::of(listed.identity, contents);
        let groups = scan(listed.identity, &contents, end, &mut left);
        let is_open = matches!(listed.end, SegmentEnd::OpenFrom(_));
        if is_open && *ending == Ending::AsListed && !is_complete {
            let length = contents.len() as u64;
            self.found.lost.push(Lost::place(&file.name, Some(length)));
        }
        file.groups = groups;
    }

    /// Takes in what is left of an entry.
    fn take_frame(&mut self, frame: &FrameLeft<'_>, file: &mut FileReport) {
        file.operations += frame.known.len() as u64;
        let (operations, verify): (Vec<_>, Vec<_>) =
            frame.known.iter().map(|known| (known.outline, known.verifies)).unzip();
        let entry = EntryOutline {
            position: frame.place.into(),
            term: frame.term,
            next_seq_no: frame.next_seq_no,
            operations: &operations,
        };
        // They come in the order of their places.
        let verifies = |outline: &Outline<'_>| {
            let offset = outline.location.offset;
            let found = operations.binary_search_by_key(&offset, |known| known.location.offset);
            found.is_ok_and(|index| verify.get(index).copied().unwrap_or_default())
        };
        self.take_entry(&entry, frame.stream, &verifies, file);
        for outline in operations.iter().filter(|outline| !verifies(outline)) {
            self.find_once(file, u64::from(outline.location.offset), CHANGED);
        }
        for offset in &frame.lost {
            self.find_once(file, *offset, "operations are lost here");
            self.found.lost.push(Lost {
                stream: Some(frame.stream),
                below: Some(frame.next_seq_no),
                ..Lost::place(&file.name, Some(*offset))
            });
        }
    }

    /// Takes in an entry and what is wrong with it in its place.
    fn take_entry(
        &mut self,
        entry: &EntryOutline<'_>,
        stream: StreamId,
        verifies: &dyn Fn(&Outline<'_>) -> bool,
        file: &mut FileReport,
    ) {
        file.entries += 1;
        let fold = &mut self.found.fold;
        let mut wrong = fold.entry(stream, entry.term, entry.next_seq_no);
        for outline in entry.operations {
            wrong = fold.operation(stream, outline, verifies(outline)).or(wrong);
        }
        if let Some(what) = wrong {
            let offset = Place::from(entry.position).offset;
            self.found.report.find(&file.name, Some(offset), format!("stream {stream}: {what}"));
            file.state = FileState::Damaged;
        }
    }

    /// Compares a checkpoint with the segment that it is of.
    fn compare(
        &mut self,
        listed: &ListedSegment,
        walked: &Walked,
        checkpoint: &Checkpoint,
        file: &mut FileReport,
    ) {
        let mut frames = frames_of(listed, walked);
        let mut wrong = None;
        // It was shown before, so that it is known to make sense.
        let _ = checkpoint.show(|stream, entry| {
            let says_so = frames.next().is_some_and(|frame| says(&frame, stream, entry));
            if !says_so && wrong.is_none() {
                wrong = Some(Place::from(entry.position).offset);
            }
        });
        let wrong = wrong.or_else(|| frames.next().map(|frame| frame.place.offset));
        if let Some(offset) = wrong {
            let what =
                format!("it does not say what the segment does at offset {offset} ({DERIVED})");
            self.found.report.find(&file.name, None, what);
            file.state = FileState::Damaged;
        }
    }

    /// Notes what is wrong at an offset, unless something is known to be.
    fn find_once(&mut self, file: &FileReport, offset: u64, what: &str) {
        if self.noted.insert(offset) {
            self.found.report.find(&file.name, Some(offset), what);
        }
    }
}

/// What is said of an operation that is known and cannot be read.
const CHANGED: &str = "an operation is not what was written";
/// What is said of every bad checkpoint.
const DERIVED: &str = "it can be removed: the segment has it all";

/// Walks a segment and verifies every record in it.
///
/// # Errors
/// Where it is not what was written.
fn judge(expected: &Expected, contents: &Contents) -> Result<Walked, Vec<Damage>> {
    if !contents.readable {
        return Err(Vec::new());
    }
    let listed = &expected.listed;
    let walked =
        Walked::new(listed, &contents.bytes, expected.ending).map_err(|damage| vec![damage])?;
    let mut wrongs = Vec::new();
    let mut behind = None;
    for bad in walked.groups.iter().flat_map(|found| &found.bad) {
        if behind != Some(bad.start) {
            wrongs.push((bad.start, "a group is not what was written"));
        }
        behind = Some(bad.end);
    }
    if walked.cut_bytes > 0 && !expected.may_be_torn {
        wrongs.push((walked.end, "a group is cut short, and this is not the last segment"));
    }
    for found in walked.groups.iter().filter(|found| found.bad.is_empty()) {
        let offset = found.group.header.extent.payload().start;
        let place = Place { segment: listed.identity.number, offset };
        let malformed = frames(found.group.payload.clone(), place).find_map(Result::err);
        wrongs.extend(malformed.map(|Malformed(what)| (offset, what)));
    }
    if wrongs.is_empty() { Ok(walked) } else { Err(wrongs) }
}

/// The entries of a segment in which everything is what was written.
fn frames_of(listed: &ListedSegment, walked: &Walked) -> impl Iterator<Item = Frame> {
    let number = listed.identity.number;
    walked.groups.iter().flat_map(move |found| {
        let offset = found.group.header.extent.payload().start;
        let place = Place { segment: number, offset };
        frames(found.group.payload.clone(), place).map_while(Result::ok)
    })
}

fn outline_of<'a>(frame: &Frame, operations: &'a [Outline<'a>]) -> EntryOutline<'a> {
    EntryOutline {
        position: frame.place.into(),
        term: frame.entry.term,
        next_seq_no: frame.entry.next_seq_no,
        operations,
    }
}

/// Whether a checkpoint says of an entry what its frame does.
fn says(frame: &Frame, stream: StreamId, entry: &EntryOutline<'_>) -> bool {
    let locations = locations(frame.place.into(), &frame.entry);
    let operations = Outline::of_entry(&frame.entry, &locations);
    let framed = outline_of(frame, &operations);
    let numbers = |entry: &EntryOutline<'_>| (entry.position, entry.term, entry.next_seq_no);
    frame.stream == stream
        && numbers(&framed) == numbers(entry)
        && framed.operations == entry.operations
}

/// Whether the record of an operation is what was written.
fn verifies(contents: &Bytes, outline: &Outline<'_>) -> bool {
    let location = outline.location;
    let start = location.offset as usize;
    let end = start.saturating_add(location.length as usize);
    if contents.len() < end {
        return false;
    }
    let decoded = decode_record(&contents.slice(start..end));
    decoded.is_ok_and(|operation| Outline::new(&operation, location).as_ref() == Some(outline))
}

/// What can be read of a file; the rest is zeros.
fn read_in_pieces(file: &NamedFile, bytes: usize) -> Bytes {
    let mut contents = vec![0; bytes];
    let mut offset = 0;
    for piece in contents.chunks_mut(PIECE_BYTES) {
        if let Ok(read) = file.read(offset, piece.len()) {
            piece.copy_from_slice(&read);
        }
        offset += piece.len() as u64;
    }
    contents.into()
}
