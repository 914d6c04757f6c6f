//! Writes by query, batch by batch.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use document::{Outcome, Precondition};
use node::{DocumentWrite, Hit, Index, MissingIndex, Node, Within, WrittenDocument};
use query::{Conflicts, Destination, RoutingRule, Search, Slice, Sort, VersionRule};
use shard::{Change, Document};

use crate::rest::api::Call;
use crate::rest::document_view::TYPELESS;
use crate::rest::error::{Error, ErrorBody};
use crate::rest::search::{Asked, find_hits, read, took};

use super::parameters::Parameters;
use super::type_of;

/// How often a write is tried again that found its shard busy.
const RETRIES_MAX: u32 = 11;
/// How long the first of these waits.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How long one batch waits at most, to keep to so many writes a second.
const THROTTLE_MAX: f32 = 3_600.0;

/// What is written.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// The same document again.
    Update,
    /// A delete.
    Delete,
    /// A copy.
    Copy(Box<Destination>),
}

/// A write by query, ready to be carried out.
pub(super) struct Job {
    /// What is written.
    pub(super) what: What,
    /// Where documents are looked for.
    pub(super) indices: Vec<Arc<Index>>,
    /// Which documents.
    pub(super) search: Search,
    /// What a conflict does.
    pub(super) conflicts: Conflicts,
    /// How many documents at most.
    pub(super) max_docs: u64,
    /// How many documents a batch has.
    pub(super) batch: u64,
    /// How many parts the work is cut into.
    pub(super) slices: u32,
    /// What else the URL says.
    pub(super) parameters: Parameters,
}

impl Job {
    /// The indices that it may have written to.
    pub(super) fn written_to(&self, node: &Node) -> Vec<Arc<Index>> {
        match &self.what {
            What::Copy(destination) => {
                let name = destination.index.as_deref().unwrap_or_default();
                node.index_for_writes(name).into_iter().collect()
            }
            What::Update | What::Delete => self.indices.clone(),
        }
    }

    /// The index that a document found is written to.
    fn target<'j>(&'j self, hit: &'j Hit) -> &'j str {
        match &self.what {
            What::Copy(destination) => destination.index.as_deref().unwrap_or_default(),
            What::Update | What::Delete => hit.index.name(),
        }
    }
}

/// How far it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    pub(super) total: u64,
    pub(super) updated: u64,
    pub(super) created: u64,
    pub(super) deleted: u64,
    pub(super) batches: u64,
    pub(super) version_conflicts: u64,
    pub(super) noops: u64,
    pub(super) retries: u64,
    pub(super) throttled_millis: u64,
}

impl Counters {
    /// How many documents were written.
    fn written(&self) -> u64 {
        self.created + self.updated + self.deleted
    }

    fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.updated += other.updated;
        self.created += other.created;
        self.deleted += other.deleted;
        self.batches += other.batches;
        self.version_conflicts += other.version_conflicts;
        self.noops += other.noops;
        self.retries += other.retries;
        self.throttled_millis += other.throttled_millis;
    }
}

/// A write that failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) index: Arc<str>,
    pub(super) type_name: Arc<str>,
    pub(super) id: Box<str>,
    pub(super) cause: ErrorBody,
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) took: u64,
    pub(super) timed_out: bool,
    pub(super) counters: Counters,
    /// The parts, where there are several.
    pub(super) slices: Vec<Counters>,
    pub(super) failures: Vec<Failure>,
}

impl Done {
    /// The status: the worst of all.
    pub(super) fn status(&self) -> u16 {
        let failed = self.failures.iter().map(|failure| failure.cause.status.as_u16()).max();
        let late = if self.timed_out { 408 } else { 200 };
        failed.unwrap_or(200).max(late)
    }
}

/// Carries a job out.
pub(super) async fn run(node: &Node, call: &Call<'_>, job: &Job) -> Result<Done, Error> {
    let started = node.now();
    let mut done = Done::default();
    if job.slices <= 1 {
        part(node, call, job, None, job.max_docs, &mut done).await?;
    } else {
        let share =
            if job.max_docs == u64::MAX { u64::MAX } else { job.max_docs / u64::from(job.slices) };
        for id in 0..job.slices {
            let before = std::mem::take(&mut done.counters);
            let slice = Slice { id, max: job.slices };
            part(node, call, job, Some(slice), share, &mut done).await?;
            done.slices.push(done.counters.clone());
            done.counters.add(&before);
        }
    }
    done.took = took(node, started);
    Ok(done)
}

/// Carries out one part of a job.
async fn part(
    node: &Node,
    call: &Call<'_>,
    job: &Job,
    slice: Option<Slice>,
    max_docs: u64,
    done: &mut Done,
) -> Result<(), Error> {
    let mut search = job.search.clone();
    search.slice = slice.or(search.slice);
    if search.sort.is_empty() {
        search.sort = vec![Sort::by("_doc", None)];
    }
    let mut asked = Asked::of(search, call.dialect)?;
    asked.timeout = job.parameters.search_timeout;
    asked.routing.clone_from(&job.parameters.routing);
    let found = find_hits(node, call, &asked, Within::Indices(&job.indices)).await?;
    let mut held = call.request.budget.reserve_none("by query");
    held.grow(found.hits.iter().map(Hit::bytes).sum())?;
    done.timed_out |= found.timed_out;
    done.counters.total = found.total.min(max_docs);
    let mut hits = found.hits.iter();
    loop {
        let left = max_docs.saturating_sub(done.counters.written());
        let count = usize::try_from(job.batch.min(left)).unwrap_or(usize::MAX);
        let batch: Vec<&Hit> = hits.by_ref().take(count).collect();
        if batch.is_empty() || done.timed_out {
            return Ok(());
        }
        done.counters.batches += 1;
        write_batch(node, call, job, &asked, &batch, done).await?;
        throttle(job, batch.len(), &mut done.counters).await;
        if !done.failures.is_empty() {
            return Ok(());
        }
    }
}

/// Waits so that no more is written in a second than was asked for.
async fn throttle(job: &Job, count: usize, counters: &mut Counters) {
    let Some(per_second) = job.parameters.per_second else { return };
    #[expect(clippy::cast_precision_loss, reason = "a batch has fewer documents than that")]
    let seconds = (count as f32 / per_second).min(THROTTLE_MAX);
    let wait = Duration::from_secs_f32(seconds);
    tokio::time::sleep(wait).await;
    counters.throttled_millis += u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
}

/// Writes one batch, each document under the condition that it is as it was found.
async fn write_batch(
    node: &Node,
    call: &Call<'_>,
    job: &Job,
    asked: &Asked,
    batch: &[&Hit],
    done: &mut Done,
) -> Result<(), Error> {
    let refused = batch.iter().filter_map(|hit| {
        let target = job.target(hit);
        let error = job.parameters.check_copies(node, target).err()?;
        let (index, type_name) = (target.into(), type_of(node, target));
        Some(Failure { index, type_name, id: hit.id.clone(), cause: error.body() })
    });
    done.failures.extend(refused);
    if !done.failures.is_empty() {
        return Ok(());
    }
    let mut held = call.request.budget.reserve_none("by query");
    let documents = read(batch, &mut held).await?;
    let needs_source = !matches!(job.what, What::Delete);
    let without = |hit: &&&Hit| !hit.index.mapping().source_rule().enabled;
    if let Some(hit) = batch.iter().find(without).filter(|_| needs_source) {
        let (index, type_name) = (hit.index.name(), type_of(node, hit.index.name()));
        let text = format!("[{index}][{type_name}][{}] didn't store _source", hit.id);
        return Err(Error::illegal_argument(text));
    }
    let mut waiting: Vec<(&Hit, Option<&Document>)> =
        batch.iter().copied().zip(documents.iter().map(Option::as_ref)).collect();
    let mut wait = RETRY_AFTER;
    for attempt in 0..=RETRIES_MAX {
        let write = |(hit, document): &(&Hit, Option<&Document>)| {
            write_of(call, job, asked, hit, *document)
        };
        let answers = node.bulk(waiting.iter().map(write).collect()).await;
        let mut busy = Vec::new();
        for (item, answer) in waiting.into_iter().zip(answers) {
            match answer {
                Ok(written) => count(&written, &mut done.counters),
                Err(error @ node::Error::AutoCreateForbidden { .. }) => {
                    return Err(call.error(error, TYPELESS));
                }
                Err(error) => {
                    let failure = failure(node, call, job, item.0, error);
                    if failure.cause.status.as_u16() == 429 && attempt < RETRIES_MAX {
                        busy.push(item);
                    } else {
                        fail(job, failure, done);
                    }
                }
            }
        }
        if busy.is_empty() {
            break;
        }
        waiting = busy;
        done.counters.retries += 1;
        tokio::time::sleep(wait).await;
        wait = wait.saturating_mul(2).min(Duration::from_secs(10));
    }
    Ok(())
}

/// Counts what was written.
fn count(written: &WrittenDocument, counters: &mut Counters) {
    match written.written.outcome {
        Outcome::Created => counters.created += 1,
        Outcome::Updated => counters.updated += 1,
        Outcome::Deleted | Outcome::NotFound => counters.deleted += 1,
        Outcome::Noop => counters.noops += 1,
    }
}

/// Counts what failed, and lists it unless it is a conflict that is allowed.
fn fail(job: &Job, failure: Failure, done: &mut Done) {
    if failure.cause.status.as_u16() == 409 {
        done.counters.version_conflicts += 1;
        if job.conflicts == Conflicts::Proceed {
            return;
        }
    }
    done.failures.push(failure);
}

/// A write that failed, as it is shown.
fn failure(node: &Node, call: &Call<'_>, job: &Job, hit: &Hit, error: node::Error) -> Failure {
    let target = job.target(hit);
    let (index, type_name): (Arc<str>, Arc<str>) = (target.into(), type_of(node, target));
    let cause = call.error(error, &type_name).body();
    Failure { index, type_name, id: hit.id.clone(), cause }
}

/// The write of a document that was found.
fn write_of(
    call: &Call<'_>,
    job: &Job,
    asked: &Asked,
    hit: &Hit,
    document: Option<&Document>,
) -> DocumentWrite {
    let routing = document.and_then(|document| document.routing.as_ref());
    let routing = routing.map(|routing| routing.as_str().to_owned());
    // Without its source it was written since: whatever is sent, the condition refuses it.
    let source = document.map_or_else(|| Bytes::from_static(b"{}"), |found| found.source.clone());
    let as_found = Precondition::SeqNo { seq_no: hit.last.seq_no, term: hit.last.term };
    let own = DocumentWrite {
        index: hit.index.name().into(),
        type_name: None,
        id: Some(hit.id.to_string()),
        routing,
        precondition: as_found,
        change: Change::Delete,
        missing_index: MissingIndex::Refuse,
        require_alias: false,
    };
    match &job.what {
        What::Update => DocumentWrite { change: Change::Index(source), ..own },
        What::Delete => own,
        What::Copy(destination) => copy_of(call, destination, asked, hit, source, own),
    }
}

/// The write of a copy.
fn copy_of(
    call: &Call<'_>,
    destination: &Destination,
    asked: &Asked,
    hit: &Hit,
    source: Bytes,
    own: DocumentWrite,
) -> DocumentWrite {
    let source = asked.source.show(&hit.index, &source, true).unwrap_or(source);
    let precondition = match destination.version {
        VersionRule::Internal | VersionRule::Force => Precondition::None,
        VersionRule::External => Precondition::ExternalGreater(hit.last.version),
        VersionRule::ExternalGte => Precondition::ExternalGreaterOrEqual(hit.last.version),
    };
    let routing = match &destination.routing {
        RoutingRule::Keep => own.routing,
        RoutingRule::Discard => None,
        RoutingRule::Set(routing) => Some(routing.clone()),
    };
    let change = if destination.create { Change::Create(source) } else { Change::Index(source) };
    DocumentWrite {
        index: destination.index.as_deref().unwrap_or_default().into(),
        routing,
        precondition,
        change,
        missing_index: call.dialect.missing_index(),
        ..own
    }
}
