//! Files of any content where a log should be: as they come, or with checksums that are right.
//!
//! An input is a series of pieces: what it is, its length, and its bytes. See [`Files::add`].

use storage::file::simulated::Image;

use crate::{
    entries::Input,
    opened_log::{directory, open, report, salvaged},
    sealed::{SealedSegment, frame, manifest},
};

/// How many pieces of an input are looked at.
const PIECES_MAX: usize = 24;

/// The names that a raw file may get.
const NAMES: [&str; 8] = [
    "MANIFEST",
    "segment-00000001.log",
    "checkpoint-00000001",
    "segment-00000002.log",
    "MANIFEST.new",
    "RESERVE",
    "LOCK",
    "checkpoint-00000002.new",
];

/// A directory that an input describes.
#[derive(Default)]
struct Files {
    image: Image,
    segments: Vec<SealedSegment>,
    /// Whether the manifest says that the log was stopped.
    stopped: bool,
    /// The manifest's edition.
    edition: u64,
}

/// That opening, checking and salvaging such a directory end with an answer; that what a check finds
/// whole opens, and can be read; and that an opening leaves what the next one shows again.
pub(crate) fn check(input: &[u8]) {
    let image = Files::describe(&mut Input(input));
    let files = directory(&image);
    let salvaged = salvaged(&files);
    let whole = report(&files).map(|report| report.is_whole());
    let opened = match open(&files) {
        Ok((opened, _)) => opened,
        Err(error) => {
            assert_ne!(whole, Some(true), "a check finds nothing, but it does not open: {error}");
            return;
        }
    };
    if whole == Some(true) {
        assert!(opened.damages.is_empty(), "a check finds nothing: {:?}", opened.damages);
        assert_eq!(opened.unreadable, 0, "a check finds nothing");
        let salvaged = salvaged.expect("what is whole can be salvaged");
        let (one, other) = (salvaged.newest(), opened.newest());
        assert!(one.keys().eq(other.keys()), "{one:?} is salvaged of {other:?}");
    }
    // The checkpoint of a segment that is open counts only once that is closed.
    if !image.files.keys().any(|name| name.starts_with("checkpoint-")) {
        let (again, _) = open(&files).unwrap_or_else(|error| panic!("the next opening: {error}"));
        assert_eq!(again.newest(), opened.newest(), "the next opening");
    }
}

impl Files {
    /// The directory that an input describes.
    fn describe(input: &mut Input<'_>) -> Image {
        let mut files = Self { edition: 7, ..Self::default() };
        for _ in 0..PIECES_MAX {
            if input.0.is_empty() {
                break;
            }
            let kind = input.byte();
            let piece = input.bytes();
            files.add(kind, piece);
        }
        files.finish()
    }

    /// Adds a piece: a segment, a group of the segment before, its checkpoint, or a raw file.
    fn add(&mut self, kind: u8, piece: &[u8]) {
        let mut fields = Input(piece);
        let last = self.segments.last().map_or(0, |last| last.number);
        match kind % 8 {
            0 => {
                let number = last.saturating_add(1 + u32::from(fields.byte()));
                self.segments.push(SealedSegment::new(number, fields.number()));
            }
            // Groups with frames that hold, of both kinds, and with any payload.
            kind @ 1..=4 => {
                let Some(segment) = self.segments.last_mut() else { return };
                // What is durable ends where a group does: the last one or one before.
                let before = usize::from(fields.byte()) % segment.ends.len();
                let durable = (last, segment.ends[segment.ends.len() - 1 - before]);
                match kind {
                    1 => segment.push_group(1, &frames(&mut fields), durable),
                    2 => segment.push_group(3, &frames(&mut fields), durable),
                    3 => segment.push_group(u32::from(fields.byte()) % 4, fields.0, durable),
                    _ => segment.push_group(2, b"", durable),
                }
            }
            5 => {
                let (frames, operations) = (fields.byte().into(), fields.byte().into());
                let Some(segment) = self.segments.last() else { return };
                let checkpoint = segment.checkpoint(&[fields.0], frames, operations);
                let name = format!("checkpoint-{:08}", segment.number);
                self.image.files.insert(name, checkpoint);
            }
            6 => {
                let flags = fields.byte();
                self.stopped = flags & 1 != 0;
                if flags & 2 != 0 {
                    self.edition = fields.number();
                }
                if flags & 4 != 0 {
                    let lines = String::from_utf8_lossy(fields.0);
                    self.image.files.insert(NAMES[0].to_owned(), manifest(&lines));
                }
            }
            _ => {
                let name = NAMES[usize::from(fields.byte()) % NAMES.len()];
                self.image.files.insert(name.to_owned(), fields.0.to_vec());
            }
        }
    }

    /// The directory, with a manifest that lists the segments if none was described.
    fn finish(mut self) -> Image {
        let mut lines = format!("edition {}\n", self.edition);
        let next = self.segments.last().map_or(1, |last| last.number.saturating_add(1));
        lines += &format!("next segment {next}\n");
        let count = self.segments.len();
        for (place, segment) in self.segments.into_iter().enumerate() {
            let SealedSegment { number, generation, bytes, .. } = segment;
            let end = if place + 1 == count && !self.stopped {
                "open from 512".to_owned()
            } else {
                format!("closed at {}", bytes.len())
            };
            lines += &format!("segment {number} generation {generation:016x} {end}\n");
            self.image.files.entry(format!("segment-{number:08}.log")).or_insert(bytes);
        }
        lines += if self.stopped { "stopped\n" } else { "running\n" };
        if count > 0 {
            self.image.files.entry(NAMES[0].to_owned()).or_insert_with(|| manifest(&lines));
        }
        self.image
    }
}

/// A payload of one frame or more.
fn frames(fields: &mut Input<'_>) -> Vec<u8> {
    let mut payload = Vec::new();
    while !fields.0.is_empty() {
        let (stream, term, next) = (fields.byte() % 3, fields.byte(), fields.number());
        let count = fields.byte() % 4;
        let records: Vec<_> = (0..count).map(|_| fields.bytes()).collect();
        payload.extend(frame(stream.into(), term.into(), next, &records));
    }
    payload
}
