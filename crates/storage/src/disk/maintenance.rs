//! The thread that keeps the directory small and quick to open: it takes the steps of `collection`
//! and `checkpoint` and owns their time.
//!
//! It has a runtime of its own, so that reading whole segments holds up nobody. What it changes in
//! the log it asks the log's thread for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use shard::{
    Service, Threads,
    log::{LogError, Relocate, RelocateError, StreamId},
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, sleep},
};

use super::{
    Options,
    appender::Shared,
    checkpoint,
    collection::{Choice, Chunk, Evacuation, Leaving, Pace, Situation, remove_dropped},
    directory::{Directory, DiskError},
    format::SegmentIdentity,
    log::Request,
    segments::Segment,
    streams::Claim,
};

/// How often it looks whether there is something to do.
const INTERVAL: Duration = Duration::from_secs(1);
/// While it rests it looks so often whether it must hurry.
const REST_MAX: Duration = Duration::from_millis(100);
/// A segment that could not be collected is left alone for up to so many of them.
const PINNED_INTERVALS_MAX: u32 = 600;
/// After an evacuation that gained next to nothing, guesses are not trusted for so many of them.
const DISTRUSTED_INTERVALS: u32 = 30;

/// The thread, and how to reach it.
pub(super) struct Maintenance {
    signals: Arc<Signals>,
    service: Service,
}

/// What the thread is told.
#[derive(Default)]
struct Signals {
    /// There may be something to do.
    wake: Notify,
    /// It shall end.
    stop: Notify,
    /// An index was deleted since it looked last.
    removed: AtomicBool,
}

impl Maintenance {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the machine gives none.
    pub(super) fn start(
        directory: Directory,
        options: Options,
        shared: Arc<Shared>,
        requests: mpsc::WeakSender<Request>,
        relocate: Arc<dyn Relocate>,
        threads: &dyn Threads,
    ) -> std::io::Result<Self> {
        let signals = Arc::new(Signals::default());
        let keeper = Keeper {
            directory,
            options,
            shared,
            requests,
            relocate,
            signals: Arc::clone(&signals),
            pinned: BTreeMap::new(),
            distrusted_intervals: 0,
            unwritable: BTreeSet::new(),
            unwritable_intervals: 0,
            looked: Instant::now(),
            had_room: true,
            frees_removed: false,
            dropped: Vec::new(),
        };
        let stopped = Arc::clone(&signals);
        let run = async move {
            tokio::select! {
                biased;
                () = stopped.stop.notified() => {}
                () = keeper.run() => {}
            }
        };
        let service = threads.start("maintenance", Box::pin(run))?;
        Ok(Self { signals, service })
    }

    /// A stream was removed: its space is wanted back at once.
    pub(super) fn stream_removed(&self) {
        self.signals.removed.store(true, Relaxed);
        self.signals.wake.notify_one();
    }

    /// Ends the thread, wherever it is between two steps. If it panicked, the log is as good as
    /// before, only larger.
    pub(super) async fn stop(self) {
        self.signals.stop.notify_one();
        self.service.ended().await;
    }
}

/// What the thread works with.
struct Keeper {
    directory: Directory,
    options: Options,
    shared: Arc<Shared>,
    requests: mpsc::WeakSender<Request>,
    relocate: Arc<dyn Relocate>,
    signals: Arc<Signals>,
    /// Segments that could not be collected.
    pinned: BTreeMap<u32, Pin>,
    /// For how long the guess which deletes are forgotten is not trusted.
    distrusted_intervals: u32,
    /// Segments of which no checkpoint could be written; it is tried again after a while.
    unwritable: BTreeSet<u32>,
    unwritable_intervals: u32,
    /// When it last looked for what time brings about.
    looked: Instant,
    /// Whether there was room for new documents when it looked last.
    had_room: bool,
    /// Whether it is at giving back what removed streams took.
    frees_removed: bool,
    /// Dropped segments whose files could not be removed yet.
    dropped: Vec<SegmentIdentity>,
}

/// For how long a segment is left alone.
struct Pin {
    /// How many intervals are left.
    intervals: u32,
    /// How many there were in the beginning.
    last: u32,
}

/// Why a step was not taken to its end.
enum Interrupted {
    /// The log is closed, or has failed.
    Closed,
    /// This segment cannot be collected now.
    Stuck(String),
    /// A stream in it is just being created or removed, or the process ends.
    Early,
    /// A sync failed.
    Final(DiskError),
}

impl Keeper {
    /// Works until the log is closed.
    async fn run(mut self) {
        loop {
            // One at a time: under a load that makes garbage of all segments, collection matters more.
            let wrote = match self.write_checkpoint() {
                Ok(wrote) => wrote,
                Err(error) => return self.fail(error).await,
            };
            self.shared.segments.close_unneeded();
            // Here it can be stopped.
            tokio::task::yield_now().await;
            if self.looked.elapsed() >= INTERVAL {
                self.looked = Instant::now();
                self.relocate.sweep();
                self.interval_passed();
            }
            match self.collect().await {
                Ok(true) => {}
                Ok(false) if wrote => {}
                Ok(false) => {
                    tokio::select! {
                        biased;
                        () = sleep(INTERVAL) => {}
                        () = self.signals.wake.notified() => {}
                        () = self.shared.rolled.notified() => {}
                    }
                }
                Err(Interrupted::Stuck(why)) => {
                    tracing::warn!(why, "collection rests");
                    sleep(INTERVAL).await;
                }
                Err(Interrupted::Early) => sleep(INTERVAL).await,
                Err(Interrupted::Closed) => return,
                Err(Interrupted::Final(error)) => return self.fail(error).await,
            }
        }
    }

    /// Writes the checkpoint of a segment that was closed, if one has none; says whether it did.
    ///
    /// # Errors
    /// When a sync failed. Otherwise a checkpoint that is missing is missing.
    fn write_checkpoint(&mut self) -> Result<bool, DiskError> {
        let mut without = self.shared.segments.without_checkpoint().into_iter();
        let is_to_be_tried =
            |segment: &Arc<Segment>| !self.unwritable.contains(&segment.identity.number);
        let Some(segment) = without.find(is_to_be_tried) else { return Ok(false) };
        match checkpoint::write(&self.directory, &segment) {
            Ok(_) => {}
            Err(checkpoint::WriteError::Disk(error)) if error.is_final() => return Err(error),
            // What readers keep goes first.
            Err(checkpoint::WriteError::Disk(error))
                if error.is_out_of_room() && self.shared.segments.let_go() => {}
            Err(error) => {
                tracing::warn!(%error, "no checkpoint: the next start will read the segment");
                self.unwritable.insert(segment.identity.number);
            }
        }
        Ok(true)
    }

    /// Has the log fail.
    async fn fail(&self, error: DiskError) {
        if let Some(requests) = self.requests.upgrade() {
            // If it is closed, nothing more will rest on what was not synced.
            let _ = requests.send(Request::Fail(error)).await;
        }
    }

    /// Collects one segment, if one should be; says whether there may be more to do.
    async fn collect(&mut self) -> Result<bool, Interrupted> {
        if self.options.collected_bytes_per_second == 0 {
            return Ok(false);
        }
        let is_removed = self.signals.removed.swap(false, Relaxed);
        if is_removed || self.shared.has_room() != self.had_room {
            // What was in the way may be gone.
            self.frees_removed |= is_removed;
            self.had_room = self.shared.has_room();
            self.pinned.clear();
        }
        let situation = self.situation(self.is_urgent());
        let delay = situation.delay_nanos_per_byte();
        self.shared.throttle.set(delay);
        let choice = situation.choose();
        tracing::debug!(?choice, delay, "collection looks around");
        match choice {
            Choice::Rest => {
                self.frees_removed = false;
                Ok(false)
            }
            Choice::Roll => {
                self.ask(Request::CloseSegment).await?;
                Ok(true)
            }
            Choice::Evacuate(evacuation) => {
                match self.evacuate(evacuation).await {
                    // Nothing else at once: what is in the way wants to run as well, or is a disk that
                    // fails for the next segment too.
                    Err(Interrupted::Stuck(why)) => {
                        self.pin(evacuation.number, &why);
                        Err(Interrupted::Early)
                    }
                    Err(Interrupted::Early) => {
                        self.pinned.insert(evacuation.number, Pin { intervals: 1, last: 1 });
                        Err(Interrupted::Early)
                    }
                    ended => ended.map(|()| true),
                }
            }
        }
    }

    /// Leaves a segment alone for a while, longer each time: what was copied of it may be copied again.
    fn pin(&mut self, segment: u32, why: &str) {
        tracing::warn!(segment, why, "a segment cannot be collected");
        let pin = self.pinned.entry(segment).or_insert(Pin { intervals: 0, last: 1 });
        pin.last = pin.last.saturating_mul(2).min(PINNED_INTERVALS_MAX);
        pin.intervals = pin.last;
    }

    /// Some time has passed.
    fn interval_passed(&mut self) {
        for pin in self.pinned.values_mut() {
            pin.intervals = pin.intervals.saturating_sub(1);
        }
        let segments = &self.shared.segments;
        self.pinned.retain(|number, _| segments.get(*number).is_some());
        self.distrusted_intervals = self.distrusted_intervals.saturating_sub(1);
        self.unwritable_intervals += 1;
        if self.unwritable_intervals >= PINNED_INTERVALS_MAX {
            self.unwritable_intervals = 0;
            self.unwritable.clear();
        }
    }

    /// Whether space is wanted at once.
    fn is_urgent(&self) -> bool {
        self.frees_removed || self.signals.removed.load(Relaxed) || !self.shared.has_room()
    }

    fn situation(&self, urgent: bool) -> Situation {
        let pinned = self.pinned.iter().filter(|(_, pin)| pin.intervals > 0);
        // If the last evacuation found that next to all of a segment counts, or all its deletes, the
        // guess which deletes are forgotten was wrong: copies of deletes are counted twice.
        let is_distrusted = self.distrusted_intervals > 0;
        Situation {
            segments: self.shared.segments.facts(),
            pinned: pinned.map(|(number, _)| *number).collect(),
            keep_from: self.shared.streams.keep_from(),
            ending: self.shared.streams.ending(),
            tombstones: if is_distrusted { u64::MAX } else { self.relocate.tombstones() },
            urgent,
            segment_bytes_max: self.shared.segments.segment_bytes_max(&self.options),
        }
    }

    /// Copies what still counts of a segment and drops it.
    async fn evacuate(&mut self, evacuation: Evacuation) -> Result<(), Interrupted> {
        let Some(segment) = self.shared.segments.get(evacuation.number) else { return Ok(()) };
        self.pass_segment(evacuation.number).await?;
        // Only now is everything in it applied, and what it made garbage known as that.
        let situation = self.situation(false);
        let evacuation = situation.evacuation(evacuation.number, evacuation.pace);
        let (bytes, mut copied_bytes, mut copied_deletes) = (segment.end(), 0, 0);
        let mut leaving = Leaving::new(segment, evacuation);
        while let Some(chunk) = leaving.next_chunk(self.relocate.as_ref())? {
            let rest = self.pause(&chunk);
            copied_bytes += chunk.bytes;
            copied_deletes += chunk.deletes;
            self.copy(chunk, Evacuation { pace: leaving.pace(), ..evacuation }).await?;
            leaving.set_pace(self.rest(rest).await);
        }
        if copied_bytes > bytes / 8 * 7 || situation.is_disproved(evacuation, copied_deletes) {
            self.distrusted_intervals = DISTRUSTED_INTERVALS;
        }
        let identity = leaving.identity();
        self.ask(|answer| Request::DropSegment(identity.number, answer)).await?;
        self.dropped.push(identity);
        for dropped in &self.dropped {
            remove_dropped(&self.directory, *dropped)?;
        }
        self.ask(Request::ForgetDropped).await?;
        self.dropped.clear();
        Ok(())
    }

    /// How long to wait after a chunk, so as not to take more than the budget.
    fn pause(&self, chunk: &Chunk) -> Duration {
        // Reading costs less than copying.
        let bytes = chunk.bytes + chunk.read_bytes / 4;
        let micros = bytes.saturating_mul(1_000_000) / self.options.collected_bytes_per_second;
        Duration::from_micros(micros)
    }

    /// Waits for so long, or until it must hurry; returns how to go on. Those who make garbage faster
    /// than it is taken away are told to wait as well.
    async fn rest(&self, rest: Duration) -> Pace {
        let mut rest = rest;
        loop {
            let situation = self.situation(self.is_urgent());
            let delay = situation.delay_nanos_per_byte();
            self.shared.throttle.set(delay);
            if situation.pace() == Pace::Hurried {
                return Pace::Hurried;
            }
            if rest.is_zero() {
                return Pace::Calm;
            }
            let part = rest.min(REST_MAX);
            sleep(part).await;
            rest -= part;
        }
    }

    /// Has the streams' writers append what still counts again.
    async fn copy(&self, chunk: Chunk, evacuation: Evacuation) -> Result<(), Interrupted> {
        let Evacuation { older_elsewhere, pace, .. } = evacuation;
        let mut together = Vec::new();
        let mut bytes = 0;
        for (stream, part) in chunk.into_parts(pace.copied_bytes_max()) {
            if !self.is_wanted(stream) {
                continue;
            }
            bytes += part.iter().map(|found| u64::from(found.location.length)).sum::<u64>();
            together.push(self.relocate.relocate(stream, part, older_elsewhere, false));
            if bytes >= pace.copied_bytes_max() {
                bytes = 0;
                futures_util::future::try_join_all(together.drain(..)).await?;
            }
        }
        futures_util::future::try_join_all(together).await?;
        Ok(())
    }

    /// Sees to it that each stream has an entry behind this segment. It says in which term and at which
    /// number the stream is; and its writer, which appends one entry after the other, has applied what
    /// it appended to the segment: only then can be told what of it counts.
    async fn pass_segment(&self, number: u32) -> Result<(), Interrupted> {
        for part in self.shared.streams.ending_in(number).chunks(1_000) {
            let markers =
                part.iter().map(|stream| self.relocate.relocate(*stream, Vec::new(), false, true));
            futures_util::future::try_join_all(markers).await?;
        }
        Ok(())
    }

    fn is_wanted(&self, stream: StreamId) -> bool {
        self.shared.streams.claim(stream) == Some(Claim::Open)
    }

    /// Asks the log's thread for something and waits until it is done.
    async fn ask(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<(), DiskError>>) -> Request,
    ) -> Result<(), Interrupted> {
        let (answer, done) = oneshot::channel();
        let requests = self.requests.upgrade().ok_or(Interrupted::Closed)?;
        requests.send(request(answer)).await.map_err(|_| Interrupted::Closed)?;
        drop(requests);
        Ok(done.await.map_err(|_| Interrupted::Closed)??)
    }
}

impl From<LogError> for Interrupted {
    fn from(error: LogError) -> Self {
        Self::Stuck(error.to_string())
    }
}

impl From<DiskError> for Interrupted {
    fn from(error: DiskError) -> Self {
        if error.is_final() { Self::Final(error) } else { Self::Stuck(error.to_string()) }
    }
}

impl From<RelocateError> for Interrupted {
    fn from(error: RelocateError) -> Self {
        if error.is_passing { Self::Early } else { Self::Stuck(error.to_string()) }
    }
}
