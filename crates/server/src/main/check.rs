//! `occam check`: verifies a data directory and shows what was found, for people or as JSON.
//!
//! Exit codes: 0 if everything is as it was written, 1 if something is not or the check could not be
//! made. Then a line on stderr begins with `cannot check`, and the `outcome` of `--json` is
//! `unchecked` and not `damaged`. With `--salvage` 0 says that in addition nothing was left out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::path::absolute;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use server::config::arguments::CheckArguments;
use shard::log::StreamId;
use storage::disk::check::{
    FileKind, FileReport, FileState, Lost, Phase, Progress, Report, Salvaged, check, salvage,
};
use storage::file::DiskFileSystem;
use tokio::signal::unix::{SignalKind, signal};

/// So many findings, and so many documents that are left out, are shown to people.
const SHOWN_MAX: usize = 100;

/// Checks the directory, salvages it if that is wanted, and shows what was found; or says why it
/// could not.
pub(crate) fn run(wanted: &CheckArguments) -> ExitCode {
    let ended = announce_abort(wanted).and_then(|()| examine(wanted));
    ended.unwrap_or_else(|error| {
        let directory = wanted.directory.display();
        give_up(wanted, &format!("cannot check [{directory}]: {error:#}"));
        ExitCode::FAILURE
    })
}

/// Says why there is no report. Nobody is left to tell where that cannot be written.
fn give_up(wanted: &CheckArguments, complaint: &str) {
    if wanted.json {
        let unchecked = json!({"outcome": "unchecked", "reason": complaint});
        let _ = writeln!(std::io::stdout(), "{unchecked:#}");
    }
    let _ = writeln!(std::io::stderr(), "{complaint}");
}

/// Has an interrupted salvage say that what it leaves is a part.
fn announce_abort(wanted: &CheckArguments) -> anyhow::Result<()> {
    let Some(directory) = wanted.salvage.clone() else { return Ok(()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _entered = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let wanted = wanted.clone();
    let wait = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        let (from, to) = (wanted.directory.display(), directory.display());
        let complaint = format!(
            "cannot check [{from}]: interrupted; what is in [{to}] is a part, which does not open"
        );
        give_up(&wanted, &complaint);
        std::process::exit(1)
    };
    std::thread::Builder::new().name("occam-signals".to_owned()).spawn(wait)?;
    Ok(())
}

/// Checks the directory, salvages it if that is wanted, and shows what was found.
fn examine(wanted: &CheckArguments) -> anyhow::Result<ExitCode> {
    let from = Arc::new(DiskFileSystem::new(&wanted.directory));
    let mut bar = Bar::new();
    let (report, salvaged) = match &wanted.salvage {
        None => (check(from, &mut |progress| bar.show(progress))?, None),
        Some(directory) => {
            if absolute(directory)?.starts_with(absolute(&wanted.directory)?) {
                bail!("[{}] lies in the directory that is checked", directory.display());
            }
            let was_there = directory.exists();
            let to = Arc::new(DiskFileSystem::new(directory));
            let salvaged = salvage(from, to, &mut |progress| bar.show(progress));
            if salvaged.is_err() && !was_there {
                // It is empty by now, or holds what is none of ours and stays.
                let _ = std::fs::remove_dir(directory);
            }
            let salvaged = salvaged?;
            (salvaged.report.clone(), Some(salvaged))
        }
    };
    bar.clear();
    let text = if wanted.json {
        format!("{:#}\n", as_json(&report, salvaged.as_ref()))
    } else {
        as_text(&report, salvaged.as_ref())
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to stdout")?;
    let is_whole = report.is_whole() && salvaged.is_none_or(|salvaged| salvaged.lost.is_empty());
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Shows on a terminal how far it has got; elsewhere nothing.
struct Bar {
    bar: ProgressBar,
    phase: Option<Phase>,
}

impl Bar {
    fn new() -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {eta}";
        let style = ProgressStyle::with_template(template);
        Self {
            bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())),
            phase: None,
        }
    }

    fn show(&mut self, progress: Progress) {
        if self.phase != Some(progress.phase) {
            self.phase = Some(progress.phase);
            self.bar.set_length(progress.total_bytes);
            self.bar.set_message(match progress.phase {
                Phase::Reading => "reading",
                Phase::Writing => "writing",
            });
        }
        self.bar.set_position(progress.done_bytes);
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn as_text(report: &Report, salvaged: Option<&Salvaged>) -> String {
    let mut text = table(&report.files);
    let findings = report.findings.iter().map(ToString::to_string);
    push_lines(&mut text, "not as it was written:", findings);
    if let Some(salvaged) = salvaged {
        let names = node::index_names(&salvaged.catalog);
        let lost = salvaged.lost.iter().map(|lost| lost_line(lost, &names));
        push_lines(&mut text, "not salvaged:", lost);
    }
    let totals = report.totals;
    let verdict = match report.findings.len() {
        0 => "whole".to_owned(),
        1 => "damaged, 1 finding".to_owned(),
        count => format!("damaged, {count} findings"),
    };
    let _ = writeln!(
        text,
        "\n{verdict}: {} documents ({} of the catalogue, {} unreadable), {} deletes, {} streams",
        totals.documents, totals.catalog, totals.unreadable, totals.deletes, totals.streams
    );
    if let Some(salvaged) = salvaged {
        let _ = writeln!(
            text,
            "salvaged: {} documents and {} deletes in {} bytes; {} left out",
            salvaged.documents,
            salvaged.deletes,
            salvaged.bytes,
            salvaged.lost.len()
        );
    }
    text
}

/// Adds lines below a heading, if there are any, and no more than people read.
fn push_lines(text: &mut String, heading: &str, lines: impl ExactSizeIterator<Item = String>) {
    let count = lines.len();
    if count > 0 {
        let _ = writeln!(text, "\n{heading}");
    }
    for line in lines.take(SHOWN_MAX) {
        let _ = writeln!(text, "  {line}");
    }
    if count > SHOWN_MAX {
        let _ = writeln!(text, "  and {} more (--json shows all)", count - SHOWN_MAX);
    }
}

/// The files, a line each, in columns.
fn table(files: &[FileReport]) -> String {
    let heading = ["file", "bytes", "groups", "entries", "operations", "state"].map(str::to_owned);
    let row = |file: &FileReport| {
        let holds = matches!(file.kind, FileKind::Segment | FileKind::Checkpoint);
        let count = |count: u64| if holds { count.to_string() } else { String::new() };
        let groups =
            if file.kind == FileKind::Segment { count(file.groups) } else { String::new() };
        [
            file.name.clone(),
            file.bytes.map(|bytes| bytes.to_string()).unwrap_or_default(),
            groups,
            count(file.entries),
            count(file.operations),
            torn_text(file.state).unwrap_or_else(|| state_name(file.state).to_owned()),
        ]
    };
    let rows: Vec<_> = std::iter::once(heading).chain(files.iter().map(row)).collect();
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let _ = match column {
                0 | 5 => write!(line, "{cell:<width$}  "),
                _ => write!(line, "{cell:>width$}  "),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn torn_text(state: FileState) -> Option<String> {
    let (offset, bytes) = torn(state)?;
    Some(format!("torn: {bytes} bytes at offset {offset}"))
}

/// Where the tear begins and how long it is.
fn torn(state: FileState) -> Option<(u64, u64)> {
    match state {
        FileState::Torn { offset, bytes } => Some((offset, bytes)),
        FileState::Whole
        | FileState::Damaged
        | FileState::Missing
        | FileState::Leftover
        | FileState::Unknown => None,
    }
}

fn state_name(state: FileState) -> &'static str {
    match state {
        FileState::Whole => "whole",
        FileState::Torn { .. } => "torn",
        FileState::Damaged => "damaged",
        FileState::Missing => "missing",
        FileState::Leftover => "leftover",
        FileState::Unknown => "unknown",
    }
}

fn kind_name(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Manifest => "manifest",
        FileKind::Segment => "segment",
        FileKind::Checkpoint => "checkpoint",
        FileKind::Auxiliary => "auxiliary",
        FileKind::Unknown => "unknown",
    }
}

fn lost_line(lost: &Lost, names: &BTreeMap<StreamId, String>) -> String {
    let place = match lost.offset {
        Some(offset) => format!("{} at offset {offset}", lost.file),
        None => lost.file.clone(),
    };
    let whose = match (lost.stream, lost.stream.and_then(|stream| names.get(&stream))) {
        (Some(stream), Some(name)) => format!("{name} (stream {stream})"),
        (Some(stream), None) => format!("stream {stream}"),
        (None, _) => "any stream".to_owned(),
    };
    match (&lost.id, lost.below) {
        (Some(id), _) => format!("{place}: {whose}, document {id}"),
        (None, Some(below)) => format!(
            "{place}: {whose}, operations with sequence numbers below {below} on unknown documents"
        ),
        (None, None) => format!("{place}: {whose}, operations on unknown documents"),
    }
}

fn as_json(report: &Report, salvaged: Option<&Salvaged>) -> Value {
    let files: Vec<_> = report.files.iter().map(file_json).collect();
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|found| json!({"file": found.file, "offset": found.offset, "what": found.what}))
        .collect();
    let totals = report.totals;
    let mut document = json!({
        "outcome": if report.is_whole() { "whole" } else { "damaged" },
        "whole": report.is_whole(),
        "files": files,
        "findings": findings,
        "totals": {
            "streams": totals.streams,
            "documents": totals.documents,
            "catalog": totals.catalog,
            "unreadable": totals.unreadable,
            "deletes": totals.deletes,
        },
    });
    if let (Some(salvaged), Value::Object(members)) = (salvaged, &mut document) {
        let names = node::index_names(&salvaged.catalog);
        let lost: Vec<_> = salvaged.lost.iter().map(|lost| lost_json(lost, &names)).collect();
        let salvaged = json!({
            "documents": salvaged.documents,
            "deletes": salvaged.deletes,
            "bytes": salvaged.bytes,
            "lost": lost,
        });
        members.insert("salvaged".to_owned(), salvaged);
    }
    document
}

fn file_json(file: &FileReport) -> Value {
    let torn = torn(file.state).map(|(offset, bytes)| json!({"offset": offset, "bytes": bytes}));
    json!({
        "name": file.name,
        "kind": kind_name(file.kind),
        "bytes": file.bytes,
        "groups": file.groups,
        "entries": file.entries,
        "operations": file.operations,
        "state": state_name(file.state),
        "torn": torn,
    })
}

fn lost_json(lost: &Lost, names: &BTreeMap<StreamId, String>) -> Value {
    json!({
        "stream": lost.stream.map(StreamId::get),
        "index": lost.stream.and_then(|stream| names.get(&stream)),
        "id": lost.id,
        "below": lost.below.map(document::SeqNo::get),
        "file": lost.file,
        "offset": lost.offset,
    })
}
