//! What a check says.

use std::fmt;

use bytes::Bytes;
use document::{DocumentId, SeqNo};
use shard::log::StreamId;

use super::{super::format::SegmentIdentity, fold::Document};

/// The file whose lock stands for the directory's.
pub(super) const LOCK: &str = "LOCK";

/// What was found in a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Every file, and those that are missing.
    pub files: Vec<FileReport>,
    /// What is not as it was written. Nothing, if the directory is whole.
    pub findings: Vec<Finding>,
    /// What it all comes to, as far as it is known.
    pub totals: Totals,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// Its name.
    pub name: String,
    /// How long it is, if that was looked at.
    pub bytes: Option<u64>,
    /// What it is.
    pub kind: FileKind,
    /// How many groups are in it.
    pub groups: u64,
    /// How many entries.
    pub entries: u64,
    /// How many operations; in a checkpoint no-ops are left out.
    pub operations: u64,
    /// In what state it is.
    pub state: FileState,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// The list of segments.
    Manifest,
    /// A part of the log.
    Segment,
    /// What a closed segment holds, without the sources.
    Checkpoint,
    /// Another one that the log keeps and that holds nothing.
    Auxiliary,
    /// None of the log's.
    Unknown,
}

/// In what state a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Everything in it is what was written.
    Whole,
    /// Its last write was never finished: nobody was told that it succeeded, and the next start cuts
    /// it. No damage.
    Torn {
        /// Where that begins.
        offset: u64,
        /// How long it is.
        bytes: u64,
    },
    /// Something in it is not what was written.
    Damaged,
    /// It should be there.
    Missing,
    /// It counts no more, or never did: a crash or collection left it, and the next start removes it.
    Leftover,
    /// Nobody looked into it.
    Unknown,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In which file.
    pub file: String,
    /// Where in it; nothing, if it is about the whole file.
    pub offset: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// What a directory holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Streams that have entries.
    pub streams: u64,
    /// Documents that are live, whether they can be read or not.
    pub documents: u64,
    /// How many of them are records of the catalogue.
    pub catalog: u64,
    /// Documents that are known to be live and cannot be read.
    pub unreadable: u64,
    /// Deletes that are the newest operation on their document.
    pub deletes: u64,
}

/// What was salvaged, and what was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salvaged {
    /// What was found.
    pub report: Report,
    /// How many documents were written.
    pub documents: u64,
    /// How many deletes.
    pub deletes: u64,
    /// How long the new segments are together.
    pub bytes: u64,
    /// The salvaged documents of the catalogue: they say whose streams are which.
    pub catalog: Vec<(DocumentId, Bytes)>,
    /// What was left out.
    pub lost: Vec<Lost>,
}

/// A document that is left out, or a place where operations on unknown documents are lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Whose it is, if that is known.
    pub stream: Option<StreamId>,
    /// The document, if it is known. Its newest operation cannot be read.
    pub id: Option<String>,
    /// Without an id: the lost operations have numbers below this, if that is known.
    pub below: Option<SeqNo>,
    /// In which file it was.
    pub file: String,
    /// Where in it, if that is known.
    pub offset: Option<u64>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            Some(offset) => write!(f, "{} at offset {offset}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

impl Report {
    /// Whether everything is as it was written.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }

    /// Notes something that is wrong with a file.
    pub(super) fn find(&mut self, file: &str, offset: Option<u64>, what: impl Into<String>) {
        let finding = Finding { file: file.to_owned(), offset, what: what.into() };
        self.findings.push(finding);
    }
}

impl FileReport {
    /// A file of which nothing is known yet; taken for whole until somebody objects.
    pub(super) fn new(name: &str, kind: FileKind) -> Self {
        Self {
            name: name.to_owned(),
            bytes: None,
            kind,
            groups: 0,
            entries: 0,
            operations: 0,
            state: FileState::Whole,
        }
    }

    /// A file in this state.
    pub(super) fn in_state(name: &str, kind: FileKind, state: FileState) -> Self {
        Self { state, ..Self::new(name, kind) }
    }
}

impl Lost {
    /// A document that is left out.
    pub(super) fn document(stream: StreamId, id: &str, document: &Document) -> Self {
        let number = document.location.segment;
        Self {
            stream: Some(stream),
            id: Some(id.to_owned()),
            below: None,
            file: SegmentIdentity { number, generation: 0 }.file_name(),
            offset: Some(u64::from(document.location.offset)),
        }
    }

    /// A place where it is not known what is lost.
    pub(super) fn place(file: &str, offset: Option<u64>) -> Self {
        Self { stream: None, id: None, below: None, file: file.to_owned(), offset }
    }
}
