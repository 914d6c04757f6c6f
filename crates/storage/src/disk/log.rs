//! The log as its users see it, and the thread that serves them.
//!
//! Encoding happens on the caller's thread; the log's thread takes everything that waits, up to a
//! bound, and commits it as one group. While one group syncs the next gathers: there is no timer
//! and a lone append waits for nobody. The thread owns time: it wakes up for what is due although
//! nobody asks, such as the sync of entries that were answered before it, and tells the steps what
//! time it is.

use std::{sync::Arc, time::Duration};

use document::PrimaryTerm;
use parking_lot::Mutex;
use shard::{
    Service, Threads,
    log::{
        AppendError, BoxFuture, Durability, Entry, Log, LogError, LogStatistics, Logs, Position,
        Refused, Relocate, Stream, StreamId,
    },
    store::Store,
};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot, watch,
    },
    time::{Instant, timeout_at},
};

use super::{
    Options,
    appender::{Append, Appender, Shared},
    directory::{Directory, DiskError},
    maintenance::Maintenance,
    reading::read_entries,
    statistics::statistics,
};

/// How many appends may wait. A stream has one in flight, so this is a bound on streams, set where
/// nobody should meet it.
const WAITING_MAX: usize = 65_536;

/// What the log's thread is asked to do.
pub(super) enum Request {
    /// To append an entry.
    Append(Append),
    /// To begin another segment, so that this one can be collected.
    CloseSegment(oneshot::Sender<Result<(), DiskError>>),
    /// To take a segment that was evacuated out of the log.
    DropSegment(u32, oneshot::Sender<Result<(), DiskError>>),
    /// To mention dropped segments no more: their files are gone.
    ForgetDropped(oneshot::Sender<Result<(), DiskError>>),
    /// To fail: what was done beside the log's thread failed, and it is not certain what is durable.
    Fail(DiskError),
    /// The clean stop.
    Close(oneshot::Sender<Result<(), DiskError>>),
}

/// How the log's thread is.
#[derive(Clone, Debug)]
enum Health {
    Running,
    Stopped,
    Failed(String),
}

/// The streams on one disk, opened.
pub(super) struct DiskLogs {
    shared: Arc<Shared>,
    /// The only strong sender: without it the thread answers what waits and ends.
    requests: Mutex<Option<mpsc::Sender<Request>>>,
    weak_requests: mpsc::WeakSender<Request>,
    service: Mutex<Option<Service>>,
    threads: Arc<dyn Threads>,
    directory: Directory,
    options: Options,
    maintenance: Mutex<Option<Maintenance>>,
    health: watch::Receiver<Health>,
}

impl DiskLogs {
    /// Starts the log's thread.
    pub(super) fn start(appender: Appender, threads: Arc<dyn Threads>) -> Result<Self, LogError> {
        let (requests, receiver) = mpsc::channel(WAITING_MAX);
        let (health_sender, health) = watch::channel(Health::Running);
        let shared = Arc::clone(&appender.shared);
        let (directory, options) = (appender.directory.clone(), *appender.options());
        let run = run(appender, receiver, health_sender);
        let service = threads.start("log", Box::pin(run)).map_err(|cause| LogError::Failed {
            context: "cannot start the log's thread".to_owned(),
            cause: cause.into(),
        })?;
        Ok(Self {
            shared,
            weak_requests: requests.downgrade(),
            requests: Mutex::new(Some(requests)),
            service: Mutex::new(Some(service)),
            threads,
            directory,
            options,
            maintenance: Mutex::new(None),
            health,
        })
    }

    /// A stream for its writer to append to.
    fn stream_log(&self, id: StreamId) -> DiskStream {
        DiskStream {
            id,
            shared: Arc::clone(&self.shared),
            requests: self.weak_requests.clone(),
            threads: Arc::clone(&self.threads),
        }
    }

    /// A stream as it was opened in `term`, with its last entry at `position`.
    fn opened(&self, log: DiskStream, term: PrimaryTerm, position: Position) -> Stream {
        Stream {
            damage: self.shared.damages.of(log.id),
            log: Arc::new(log),
            store: Arc::clone(&self.shared.segments) as Arc<dyn Store>,
            term,
            position,
        }
    }
}

impl Logs for DiskLogs {
    fn stream(&self, id: StreamId) -> Option<Stream> {
        let state = self.shared.streams.open(id)?;
        Some(self.opened(self.stream_log(id), state.end.term, state.end.last))
    }

    fn create(&self, id: StreamId) -> BoxFuture<'_, Result<Stream, AppendError>> {
        Box::pin(async move {
            let state = self.shared.streams.create(id).map_err(AppendError::Refused)?;
            let log = self.stream_log(id);
            let marker = Entry::marker(state.end.term, state.end.next_seq_no);
            let last = log.append(&marker, state.end.last).await?;
            Ok(self.opened(log, state.end.term, last))
        })
    }

    fn remove(&self, id: StreamId) {
        self.shared.streams.remove(id);
        if let Some(maintenance) = self.maintenance.lock().as_ref() {
            maintenance.stream_removed();
        }
    }

    fn collect(&self, relocate: Arc<dyn Relocate>) {
        let started = Maintenance::start(
            self.directory.clone(),
            self.options,
            Arc::clone(&self.shared),
            self.weak_requests.clone(),
            relocate,
            self.threads.as_ref(),
        );
        match started {
            Ok(maintenance) => *self.maintenance.lock() = Some(maintenance),
            Err(error) => {
                tracing::error!(%error, "no thread for maintenance: nothing will be collected");
            }
        }
    }

    fn stop_collecting(&self) -> BoxFuture<'_, ()> {
        let maintenance = self.maintenance.lock().take();
        Box::pin(async move {
            if let Some(maintenance) = maintenance {
                maintenance.stop().await;
            }
        })
    }

    fn statistics(&self) -> LogStatistics {
        let requests = self.weak_requests.upgrade();
        let waiting = requests.map_or(0, |r| r.max_capacity().saturating_sub(r.capacity()));
        statistics(&self.shared, waiting as u64)
    }

    fn failed(&self) -> BoxFuture<'static, String> {
        let health = self.health.clone();
        Box::pin(async move {
            match failure(health).await {
                Some(reason) => reason,
                None => std::future::pending().await,
            }
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(async move {
            self.stop_collecting().await;
            // Closed before: there is nothing left to do.
            let Some(requests) = self.requests.lock().take() else { return Ok(()) };
            let (answer, closed) = oneshot::channel();
            let sent = requests.send(Request::Close(answer)).await;
            drop(requests);
            let closed = match sent {
                Ok(()) => closed.await.ok(),
                Err(_) => None,
            };
            let service = self.service.lock().take();
            if let Some(service) = service {
                service.ended().await;
            }
            match closed {
                Some(closed) => Ok(closed?),
                None => Err(LogError::Failed {
                    context: "the log was not closed".to_owned(),
                    cause: "it had failed before".into(),
                }),
            }
        })
    }
}

impl Drop for DiskLogs {
    /// Ends the threads once they have answered what waits.
    fn drop(&mut self) {
        drop(self.maintenance.get_mut().take());
        drop(self.requests.get_mut().take());
        drop(self.service.get_mut().take());
    }
}

/// Waits for the log's thread to end; returns why, if it did not end on purpose.
async fn failure(mut health: watch::Receiver<Health>) -> Option<String> {
    let ended = health.wait_for(|health| !matches!(health, Health::Running)).await;
    match ended.as_deref() {
        Ok(Health::Failed(reason)) => Some(reason.clone()),
        Ok(Health::Stopped | Health::Running) => None,
        Err(_) => Some("the log's thread panicked".to_owned()),
    }
}

/// One stream, as its writer holds it.
struct DiskStream {
    id: StreamId,
    shared: Arc<Shared>,
    requests: mpsc::WeakSender<Request>,
    threads: Arc<dyn Threads>,
}

impl DiskStream {
    /// Hands an entry to the log's thread, which will answer.
    fn enqueue(
        &self,
        entry: &Entry,
        expected: Position,
    ) -> Result<oneshot::Receiver<Result<Position, AppendError>>, Refused> {
        let requests = self.requests.upgrade().ok_or(Refused::Closed)?;
        let state = self.shared.streams.find(self.id).ok_or(Refused::Closed)?;
        let (append, answered) = Append::new(self.id, &state, entry, expected)
            .map_err(|long| Refused::NoRoom(long.into()))?;
        requests.try_send(Request::Append(append)).map_err(|error| match error {
            TrySendError::Full(_) => Refused::NoRoom("too many appends are waiting".into()),
            TrySendError::Closed(_) => Refused::Closed,
        })?;
        Ok(answered)
    }
}

impl Log for DiskStream {
    fn append<'a>(
        &'a self,
        entry: &'a Entry,
        expected: Position,
    ) -> BoxFuture<'a, Result<Position, AppendError>> {
        // Enqueued here and not in the future: it runs to its end, also if nobody waits for it.
        let answered = self.enqueue(entry, expected);
        Box::pin(async move {
            let lost = |_| Err(AppendError::Unknown("the log's thread panicked".into()));
            answered.map_err(AppendError::Refused)?.await.unwrap_or_else(lost)
        })
    }

    fn read_from(&self, from: Position) -> BoxFuture<'_, Result<Vec<(Position, Entry)>, LogError>> {
        let shared = Arc::clone(&self.shared);
        let id = self.id;
        Box::pin(async move {
            let read = self
                .threads
                .compute(move || read_entries(&shared.segments, id, from, shared.streams.last(id)));
            read.await.unwrap_or_else(|| {
                let context = "a read did not end".to_owned();
                Err(LogError::Failed { context, cause: "it panicked".into() })
            })
        })
    }

    fn barrier(&self) -> BoxFuture<'_, Result<(), LogError>> {
        // The directory is locked: nobody else can have written.
        Box::pin(async { Ok(()) })
    }

    fn set_durability(&self, durability: Durability) {
        self.shared.streams.set_durability(self.id, durability);
    }

    fn has_room(&self) -> bool {
        self.shared.has_room()
    }

    fn delay(&self, bytes: usize) -> Duration {
        self.shared.throttle.delay(bytes, Instant::now())
    }

    fn release(&self, position: Position) {
        self.shared.streams.release(self.id, position);
    }
}

/// The log's thread. Its steps block, and nothing else runs there.
async fn run(
    appender: Appender,
    mut requests: mpsc::Receiver<Request>,
    health: watch::Sender<Health>,
) {
    let ended = serve(appender, &mut requests).await;
    // What came too late was not stored and is told so, before anybody hears of a failure.
    requests.close();
    while let Some(request) = requests.recv().await {
        if let Request::Append(append) = request {
            append.answer(Err(AppendError::Refused(Refused::Closed)));
        }
    }
    health.send_replace(match ended {
        Ok(()) => Health::Stopped,
        Err(error) => {
            tracing::error!(%error, "the log has failed");
            Health::Failed(error.to_string())
        }
    });
}

/// Commits what is asked for until the log is closed, nobody is left to ask, or it has failed.
async fn serve(
    mut appender: Appender,
    requests: &mut mpsc::Receiver<Request>,
) -> Result<(), DiskError> {
    loop {
        // Also if there is always somebody who asks.
        appender.run_due(Instant::now())?;
        match next_event(requests, appender.due()).await {
            Event::Asked(first) => {
                let gathered = Gathered::new(first, requests, appender.options());
                let began = Instant::now();
                appender.commit(gathered.appends, began)?;
                appender.shared.counters.note_commit(began.elapsed());
                for step in gathered.steps {
                    take_step(&mut appender, step)?;
                }
                if let Some(answer) = gathered.close {
                    // Whoever closed the log hears of a failure from the answer.
                    let _ = answer.send(appender.close());
                    return Ok(());
                }
            }
            Event::Due => {}
            Event::Abandoned => return appender.sync(),
        }
    }
}

/// What the log's thread waits for.
enum Event {
    /// Somebody asks for something.
    Asked(Request),
    /// It is time for what is due.
    Due,
    /// Nobody is left to ask for anything.
    Abandoned,
}

/// Waits for what comes next.
async fn next_event(requests: &mut mpsc::Receiver<Request>, due: Option<Instant>) -> Event {
    let asked = match due {
        None => Ok(requests.recv().await),
        Some(due) => timeout_at(due, requests.recv()).await,
    };
    match asked {
        Ok(Some(request)) => Event::Asked(request),
        Ok(None) => Event::Abandoned,
        Err(_) => Event::Due,
    }
}

/// Takes a step of collection. One for which there is no room is not taken, and its asker told.
fn take_step(appender: &mut Appender, step: Request) -> Result<(), DiskError> {
    let (taken, answer) = match step {
        Request::CloseSegment(answer) => (appender.close_segment(), answer),
        Request::DropSegment(number, answer) => (appender.drop_segment(number), answer),
        Request::ForgetDropped(answer) => {
            appender.forget_dropped();
            (Ok(()), answer)
        }
        Request::Fail(error) => return Err(error),
        Request::Append(_) | Request::Close(_) => return Ok(()),
    };
    match taken {
        Err(error) if !error.is_out_of_room() => Err(error),
        taken => {
            // The asker may have ended.
            let _ = answer.send(taken);
            Ok(())
        }
    }
}

/// What waited when the log's thread came round.
struct Gathered {
    appends: Vec<Append>,
    /// Steps of collection, to be taken behind them.
    steps: Vec<Request>,
    close: Option<oneshot::Sender<Result<(), DiskError>>>,
}

impl Gathered {
    /// Takes what waits, at least one request, until a group is full.
    fn new(first: Request, requests: &mut mpsc::Receiver<Request>, options: &Options) -> Self {
        let mut gathered = Self { appends: Vec::new(), steps: Vec::new(), close: None };
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Append(append) => {
                    bytes += append.bytes();
                    gathered.appends.push(append);
                }
                Request::CloseSegment(_)
                | Request::DropSegment(..)
                | Request::ForgetDropped(_)
                | Request::Fail(_) => gathered.steps.push(request),
                Request::Close(answer) => {
                    gathered.close = Some(answer);
                    break;
                }
            }
            let full = bytes >= options.group_bytes_max
                || gathered.appends.len() >= options.group_entries_max;
            next = if full { None } else { requests.try_recv().ok() };
        }
        gathered
    }
}
