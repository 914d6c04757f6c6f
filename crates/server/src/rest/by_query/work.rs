//! Writes by query, batch by batch.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use document::{Outcome, Precondition};
use node::{
    DocumentWrite, Hit, MissingIndex, Node, Place, Scope, ShardFailure, Within, WrittenDocument,
};
use query::{Conflicts, Destination, RoutingRule, Search, Slice, Sort, VersionRule};
use shard::{Change, Document};

use crate::rest::budget::Budget;
use crate::rest::dialect::Dialect;
use crate::rest::document_view::TYPELESS;
use crate::rest::error::{Error, ErrorBody};
use crate::rest::search::{Asked, Reading, context_missing, failure_body, find_hits, read, took};
use crate::rest::tasks::Task;
use crate::rest::tasks::progress::{Counters, Part};

use super::parameters::Parameters;
use super::type_of;

/// How often a write is tried again that found its shard busy.
const RETRIES_MAX: u32 = 11;
/// How long the first of these waits.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How many parts of a job are at work at a time.
const PARTS_TOGETHER: usize = 20;

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
    pub(super) scopes: Vec<Scope>,
    /// Which documents.
    pub(super) search: Search,
    /// What a conflict does.
    pub(super) conflicts: Conflicts,
    /// How many documents at most.
    pub(super) max_docs: u64,
    /// How many documents a batch has.
    pub(super) batch: u64,
    /// What else the URL says.
    pub(super) parameters: Parameters,
}

impl Job {
    /// The indices that it may have written to.
    pub(super) fn written_to(&self, node: &Node) -> Vec<Arc<node::Index>> {
        match &self.what {
            What::Copy(destination) => {
                let name = destination.index.as_deref().unwrap_or_default();
                node.index_for_writes(name).into_iter().collect()
            }
            What::Update | What::Delete => {
                self.scopes.iter().map(|scope| Arc::clone(&scope.index)).collect()
            }
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

/// Where a job is carried out.
pub(super) struct Scene {
    /// The node.
    pub(super) node: Arc<Node>,
    /// In whose words.
    pub(super) dialect: Dialect,
    /// What documents in memory are charged to.
    pub(super) budget: Budget,
    /// What it is while it runs.
    pub(super) task: Arc<Task>,
}

impl Scene {
    /// An error of the node in these words.
    fn error(&self, error: node::Error, type_name: &str) -> Error {
        Error::node(error, self.dialect, type_name)
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

/// What was done, beside what the task's parts count.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) took: u64,
    pub(super) timed_out: bool,
    /// Of writes.
    pub(super) failures: Vec<Failure>,
    /// Of shards that were to be searched.
    pub(super) unsearched: Vec<ShardFailure>,
}

impl Done {
    /// The status: the worst of all.
    pub(super) fn status(&self) -> u16 {
        let failed = self.failures.iter().map(|failure| failure.cause.status.as_u16());
        let unsearched = self.unsearched.iter().map(|failed| failure_body(failed).status.as_u16());
        let failed = failed.chain(unsearched).max();
        let late = if self.timed_out { 408 } else { 200 };
        failed.unwrap_or(200).max(late)
    }
}

/// Carries a job out: its parts beside each other, but not too many.
pub(super) async fn run(scene: &Scene, job: &Job) -> Result<Done, Error> {
    let started = scene.node.now();
    let mut all = Done::default();
    let count = u32::try_from(scene.task.parts.len()).unwrap_or(u32::MAX);
    let whole = count == 1;
    let share =
        if job.max_docs == u64::MAX { u64::MAX } else { job.max_docs / u64::from(count.max(1)) };
    let parts: Vec<(u32, &Part)> = (0..).zip(&scene.task.parts).collect();
    for together in parts.chunks(PARTS_TOGETHER) {
        let work = together.iter().map(|(id, part)| {
            let slice = (!whole).then_some(Slice { id: *id, max: count });
            part_of(scene, job, part, slice, share)
        });
        for done in futures_util::future::join_all(work).await {
            let done = done?;
            all.timed_out |= done.timed_out;
            all.failures.extend(done.failures);
            all.unsearched.extend(done.unsearched);
        }
    }
    if job.parameters.refreshes() {
        job.written_to(&scene.node).iter().for_each(|index| index.refresh());
    }
    all.took = took(&scene.node, started);
    Ok(all)
}

/// Carries out one part of a job.
async fn part_of(
    scene: &Scene,
    job: &Job,
    part: &Part,
    slice: Option<Slice>,
    max_docs: u64,
) -> Result<Done, Error> {
    let mut done = Done::default();
    let mut search = job.search.clone();
    search.slice = slice.or(search.slice);
    if search.sort.is_empty() {
        search.sort = vec![Sort::by("_doc", None)];
    }
    let mut asked = Asked::of(search, scene.dialect)?;
    asked.timeout = job.parameters.search_timeout;
    let within = Within::Now(&job.scopes);
    let copies = matches!(job.what, What::Copy(_));
    let _hold = copies.then(|| {
        let holds: Vec<_> = job.scopes.iter().flat_map(|scope| scope.index.hold()).collect();
        // Of what waits for a refresh only the newest is certain to be kept (spec by-query §1).
        job.scopes.iter().for_each(|scope| scope.index.refresh());
        holds
    });
    // What is in conflict does not count: others may take its place.
    let limit = (job.conflicts == Conflicts::Abort).then_some(max_docs);
    let held = scene.budget.reserve_none("by query");
    let (mut found, _held) =
        find_hits(&scene.node, scene.dialect, &asked, within, limit, held).await?;
    if !found.failures.is_empty() {
        // Not a part of what was meant (spec by-query §5.2).
        done.unsearched = found.failures;
        return Ok(done);
    }
    if !copies {
        // What cannot be read any more was written since, and the condition says so.
        found.release();
    }
    done.timed_out = found.timed_out;
    part.count(|counters| counters.total = found.total.min(max_docs));
    let mut hits = found.hits.iter();
    loop {
        let left = max_docs.saturating_sub(part.counters().written());
        let count = usize::try_from(job.batch.min(left)).unwrap_or(usize::MAX);
        let batch: Vec<&Hit> = hits.by_ref().take(count).collect();
        if batch.is_empty() || done.timed_out || scene.task.pace().canceled.is_some() {
            return Ok(done);
        }
        part.count(|counters| counters.batches += 1);
        write_batch(scene, job, part, &asked, &batch, &mut done).await?;
        scene.task.throttle(part, batch.len()).await;
        if !done.failures.is_empty() {
            return Ok(done);
        }
    }
}

/// Writes one batch, each document under the condition that it is as it was found.
async fn write_batch(
    scene: &Scene,
    job: &Job,
    part: &Part,
    asked: &Asked,
    batch: &[&Hit],
    done: &mut Done,
) -> Result<(), Error> {
    let refused = batch.iter().filter_map(|hit| {
        let target = job.target(hit);
        let error = job.parameters.check_copies(&scene.node, target).err()?;
        let (index, type_name) = (target.into(), type_of(&scene.node, target));
        Some(Failure { index, type_name, id: hit.id.clone(), cause: error.body() })
    });
    done.failures.extend(refused);
    if !done.failures.is_empty() {
        return Ok(());
    }
    let mut held = scene.budget.reserve_none("by query");
    let documents = read(&scene.node, batch, Reading::AsFound, &mut held).await?;
    let needs_source = !matches!(job.what, What::Delete);
    let without =
        |hit: &&&Hit| job.parameters.without_source || !hit.index.mapping().source_rule().enabled;
    if let Some(hit) = batch.iter().find(without).filter(|_| needs_source) {
        let (index, type_name) = (hit.index.name(), type_of(&scene.node, hit.index.name()));
        let text = format!("[{index}][{type_name}][{}] didn't store _source", hit.id);
        return Err(Error::illegal_argument(text));
    }
    if let What::Copy(_) = job.what {
        // What cannot be told any more is not copied, nor passed over.
        let without = batch.iter().zip(&documents).filter(|(_, document)| document.is_none());
        done.failures.extend(without.map(|(hit, _)| lost(scene, hit)));
        if !done.failures.is_empty() {
            return Ok(());
        }
    }
    let mut waiting: Vec<(&Hit, Option<&Document>)> =
        batch.iter().copied().zip(documents.iter().map(Option::as_ref)).collect();
    let mut wait = RETRY_AFTER;
    for attempt in 0..=RETRIES_MAX {
        let write = |(hit, document): &(&Hit, Option<&Document>)| {
            write_of(scene, job, asked, hit, *document)
        };
        let answers = scene.node.bulk(waiting.iter().map(write).collect()).await;
        let mut busy = Vec::new();
        for (item, answer) in waiting.into_iter().zip(answers) {
            match answer {
                Ok(written) => part.count(|counters| count(&written, counters)),
                Err(error @ node::Error::AutoCreateForbidden { .. }) => {
                    return Err(scene.error(error, TYPELESS));
                }
                Err(error) => {
                    let failure = failure(scene, job, item.0, error);
                    if failure.cause.status.as_u16() == 429 && attempt < RETRIES_MAX {
                        busy.push(item);
                    } else {
                        fail(job, failure, part, done);
                    }
                }
            }
        }
        if busy.is_empty() || scene.task.pace().canceled.is_some() {
            break;
        }
        waiting = busy;
        part.count(|counters| counters.retries += 1);
        scene.task.pause(wait).await;
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
fn fail(job: &Job, failure: Failure, part: &Part, done: &mut Done) {
    if failure.cause.status.as_u16() == 409 {
        part.count(|counters| counters.version_conflicts += 1);
        if job.conflicts == Conflicts::Proceed {
            return;
        }
    }
    done.failures.push(failure);
}

/// A write that failed, as it is shown.
fn failure(scene: &Scene, job: &Job, hit: &Hit, error: node::Error) -> Failure {
    let target = job.target(hit);
    let (index, type_name): (Arc<str>, Arc<str>) = (target.into(), type_of(&scene.node, target));
    let cause = scene.error(error, &type_name).body();
    Failure { index, type_name, id: hit.id.clone(), cause }
}

/// A document that was written since it was found, and whose older source was given up.
fn lost(scene: &Scene, hit: &Hit) -> Failure {
    let (index, type_name) = (hit.index.name().into(), type_of(&scene.node, hit.index.name()));
    Failure { index, type_name, id: hit.id.clone(), cause: context_missing("0").body() }
}

/// The write of a document that was found.
fn write_of(
    scene: &Scene,
    job: &Job,
    asked: &Asked,
    hit: &Hit,
    document: Option<&Document>,
) -> DocumentWrite {
    let routing = document.and_then(|document| document.routing.as_ref());
    let routing = routing.map(|routing| routing.as_str().to_owned());
    // Without its source it was written since: whatever is sent, the condition refuses it. A copy has no
    // such condition, and was refused before.
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
        named_by: job.parameters.named_by(),
        found: Some(Place { index: Arc::clone(&hit.index), shard: hit.shard }),
    };
    match &job.what {
        What::Update => DocumentWrite { change: Change::Index(source), ..own },
        What::Delete => own,
        What::Copy(destination) => copy_of(scene, destination, asked, hit, source, own),
    }
}

/// The write of a copy.
fn copy_of(
    scene: &Scene,
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
        RoutingRule::Discard | RoutingRule::Unknown => None,
        RoutingRule::Set(routing) => Some(routing.clone()).filter(|routing| !routing.is_empty()),
    };
    let change = if destination.create { Change::Create(source) } else { Change::Index(source) };
    DocumentWrite {
        index: destination.index.as_deref().unwrap_or_default().into(),
        routing,
        precondition,
        change,
        missing_index: scene.dialect.missing_index(),
        found: None,
        ..own
    }
}
