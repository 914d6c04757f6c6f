//! Offline: whether a data directory is what was written, and saving what is.
//!
//! [`check`] reads everything, changes nothing and judges as an opening does, with recovery's walk;
//! but it reads what an opening would take from checkpoints, compares the two, and goes on behind
//! damage. [`salvage`] writes what can be verified into a new directory. Neither trusts a byte, and
//! both hold one segment in memory at a time, and the ids.

mod contents;
mod examination;
mod fold;
mod meter;
mod new_log;
mod report;
mod sources;

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use document::{Effect, Operation};
use shard::log::{LogError, StreamId};
use thiserror::Error;

use super::{Options, directory::Directory};
use crate::file::FileSystem;
use examination::Examination;
use fold::Document;
use meter::Meter;
use new_log::NewLog;
use sources::Sources;

pub use meter::{Phase, Progress};
pub use report::{FileKind, FileReport, FileState, Finding, Lost, Report, Salvaged, Totals};

/// Why a directory could not be checked or salvaged at all.
#[derive(Debug, Error)]
pub enum CheckError {
    /// Another process uses it, or it cannot be listed or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// There is neither a manifest nor a segment.
    #[error("there is no log in {}", .0.display())]
    NoLog(PathBuf),
    /// What is salvaged goes into a directory of its own.
    #[error("{} is not empty", .0.display())]
    NotEmpty(PathBuf),
}

/// Verifies the directory that `files` is. Nothing is written, so that it may lie on a medium that
/// cannot be.
///
/// # Errors
/// [`CheckError`] when there is nothing to be verified or somebody uses it. Damage is no error: it is
/// in the report.
pub fn check(
    files: Arc<dyn FileSystem>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, CheckError> {
    let directory = Directory::new(files);
    let _lock = directory.lock_shared()?;
    Ok(Examination::of(&directory, &mut Meter::new(progress))?.report)
}

/// Writes what of the directory `from` can be verified into `to`, which is missing or empty; durable
/// on return. `from` stays as it is.
///
/// Each document gets its newest operation, deletes included, with the number, term, version, time
/// and routing it had. A document whose newest operation is known and cannot be read is left out
/// and listed in [`Salvaged::lost`], although an older one may be there: to serve that would take
/// back a write that was acknowledged. Where operations are lost of which not even the document is
/// known, that is listed as well, and documents of their stream may be missing or older than they
/// were; nobody can tell which.
///
/// Without a whole manifest the segments are taken as they are found, in the order of their numbers.
///
/// # Errors
/// [`CheckError`] when nothing was salvaged; what was written to `to` until then is removed. If that
/// fails, or the process is ended, it holds a part, which does not open.
pub fn salvage(
    from: Arc<dyn FileSystem>,
    to: Arc<dyn FileSystem>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Salvaged, CheckError> {
    let (from, to) = (Directory::new(from), Directory::new(to));
    let _reading = from.lock_shared()?;
    // One that cannot be listed is missing, or else cannot be locked either.
    if to.list().is_ok_and(|names| names.iter().any(|name| name != report::LOCK)) {
        return Err(CheckError::NotEmpty(to.path("")));
    }
    let mut meter = Meter::new(progress);
    let examination = Examination::of(&from, &mut meter)?;
    let _writing = to.lock()?;
    write(&from, &to, examination, &mut meter).inspect_err(|_| discard(&to))
}

/// Removes what a salvage wrote that failed: there was nothing in the directory before.
fn discard(to: &Directory) {
    for name in to.list().unwrap_or_default() {
        if let Err(error) = to.remove(&name) {
            tracing::warn!(%error, "a part of what was to be salvaged stays; it does not open");
        }
    }
}

/// Writes what can be verified.
fn write(
    from: &Directory,
    to: &Directory,
    examination: Examination,
    meter: &mut Meter<'_>,
) -> Result<Salvaged, CheckError> {
    let Examination { report, fold, mut lost, edition } = examination;
    let mut salvaged = Salvaged::of(report);
    let mut log = NewLog::begin(to, edition.saturating_add(1), Options::default())?;
    let mut sources = Sources::new(from);
    meter.begin(Phase::Writing, fold.readable_bytes());
    for (stream, seen) in fold.streams {
        let mut documents: Vec<_> = seen.documents.into_iter().collect();
        documents.sort_unstable_by_key(|(_, document)| document.last.seq_no);
        log.begin_stream(stream, seen.term, seen.next_seq_no);
        for (id, document) in documents {
            meter.advance(u64::from(document.location.length));
            match operation(&mut sources, &id, &document) {
                Some(operation) => {
                    salvaged.count(stream, &operation);
                    log.push(operation)?;
                }
                None => lost.push(Lost::document(stream, &id, &document)),
            }
        }
        log.end_stream()?;
    }
    salvaged.bytes = log.finish()?;
    salvaged.lost = lost;
    Ok(salvaged)
}

/// The newest operation on a document, if it can be had.
fn operation(sources: &mut Sources<'_>, id: &str, document: &Document) -> Option<Operation> {
    // A delete is no more than what is known of it.
    document.delete(id).or_else(|| document.verifies.then(|| sources.read(id, document))?)
}

impl Salvaged {
    /// Nothing salvaged yet of what this report is about.
    fn of(report: Report) -> Self {
        let (documents, deletes, bytes, catalog, lost) = Default::default();
        Self { report, documents, deletes, bytes, catalog, lost }
    }

    /// Counts an operation that is salvaged.
    fn count(&mut self, stream: StreamId, operation: &Operation) {
        match &operation.effect {
            Effect::Index { id, source, .. } => {
                self.documents += 1;
                if stream == StreamId::CATALOG {
                    self.catalog.push((id.clone(), Bytes::copy_from_slice(source)));
                }
            }
            Effect::Delete { .. } | Effect::Noop { .. } => self.deletes += 1,
        }
    }
}
