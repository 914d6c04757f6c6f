//! One simulation, from its first request to the judgement.

use std::{
    fmt::Display,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use checker::{Action, Condition, Document, Ending, History, ReadBy, Violation};
use futures_util::{FutureExt, future::join_all};
use node::Node;
use parking_lot::Mutex;
use tokio::sync::Notify;
use workload::{
    BoxFuture, Call, Client, Dialect, Finish, Listener, Manner, Planned, Sleeper, World,
};

use crate::{
    coverage::Coverage,
    disk::{Death, Faults},
    events,
    host::{Host, Started, discard},
    scenario::{Due, Event, Scenario},
    transport::Connection,
};

/// No simulation takes longer than this, in virtual time.
const TIME_MAX: Duration = Duration::from_secs(3_600);
/// A start takes no longer than this, in virtual time.
const START_TIME_MAX: Duration = Duration::from_secs(60);
/// The server is not started more often than this.
const STARTS_MAX: u32 = 1_000;
/// A server that did not start is started again after so long.
const RESTART_AFTER: Duration = Duration::from_millis(5);
/// A start that finds room for so many bytes is not refused for want of it.
const START_BYTES: u64 = 4 << 10;
/// How a search says that what it was to show is gone.
const CONTEXT_MISSING: &str = "search_context_missing_exception";
/// How a start says that it found no room.
const NO_ROOM: &str = "no storage space";
/// A server that is stopped waits so long for the requests it has.
const DRAINING: Duration = Duration::from_millis(2);
/// So many documents are read by one request in the end.
const AUDITED_TOGETHER: usize = 50;

/// What came of a simulation.
pub struct Outcome {
    /// What clients did and were told.
    pub history: History,
    /// What happened to the machine, in words, each at its place in the history.
    pub log: Vec<(u64, String)>,
    /// What no server that keeps its promises does.
    pub violations: Vec<Violation>,
}

/// Simulates.
///
/// # Panics
/// When there can be no runtime.
#[must_use]
pub fn simulate(scenario: &Scenario, coverage: &Coverage) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap_or_else(|error| panic!("no runtime: {error}"));
    // What happens in this one, apart from others.
    let happened = Coverage::default();
    events::listen();
    events::count_in(&happened);
    let (history, log, failures) = runtime.block_on(async {
        let simulation = Simulation::new(scenario, happened.clone());
        if tokio::time::timeout(TIME_MAX, simulation.run()).await.is_err() {
            simulation.fail("liveness", "it does not come to an end");
        }
        let log = std::mem::take(&mut *simulation.log.lock());
        let failures = std::mem::take(&mut *simulation.failures.lock());
        (simulation.host.recording.take(), log, failures)
    });
    count_searches(&history, &happened);
    coverage.add(&happened);
    let mut violations = failures;
    violations.extend(false_alarm(scenario, &happened));
    violations.extend(lost_context(scenario, &happened));
    if let Err(found) = checker::check(&history) {
        violations.extend(found);
    }
    Outcome { history, log, violations }
}

/// Counts what was found by searches and written by queries.
fn count_searches(history: &History, coverage: &Coverage) {
    for operation in &history.operations {
        let what = match (&operation.action, &operation.outcome) {
            (Action::Read { by: ReadBy::Search, .. }, checker::Outcome::Found { .. }) => {
                "search: found"
            }
            (Action::Read { by: ReadBy::Search, .. }, _) => "search: not found",
            (
                Action::Delete { condition: Condition::Holds(_) },
                checker::Outcome::Written { .. },
            ) => "by query: deleted",
            (
                Action::Update { condition: Condition::Holds(_), .. },
                checker::Outcome::Written { .. },
            ) => "by query: updated",
            (_, _) => continue,
        };
        coverage.count(what);
    }
}

/// What the server said of damage where nothing was damaged: then it did not write what it should have,
/// or not in the order that it should.
fn false_alarm(scenario: &Scenario, happened: &Coverage) -> Option<Violation> {
    let is_damaging =
        |due: &Due| matches!(due.event, Event::Flip | Event::LoseEnd | Event::FailReads(1..));
    if scenario.events.iter().any(is_damaging) {
        return None;
    }
    let counts = happened.counts().into_keys();
    let alarm = counts.into_iter().find(|what| {
        let is_said = what.starts_with("error: ") || what.starts_with("warning: ");
        is_said && what.contains(" is damaged at offset ")
    });
    let violation = |subject| Violation { rule: "false alarm", subject, story: String::new() };
    alarm.map(violation)
}

/// A scroll or a point in time that was given up where there was room, and its index.
fn lost_context(scenario: &Scenario, happened: &Coverage) -> Option<Violation> {
    let is_short = scenario.events.iter().any(|due| matches!(due.event, Event::Room(Some(_))));
    if is_short || scenario.plan.weights.delete_index > 0 {
        return None;
    }
    let what = happened.counts().into_keys().find(|what| what.contains(CONTEXT_MISSING))?;
    let (rule, story) = ("lost context", String::new());
    Some(Violation { rule, subject: what, story })
}

/// A simulation under way.
struct Simulation<'s> {
    scenario: &'s Scenario,
    host: Host,
    log: Mutex<Vec<(u64, String)>>,
    failures: Mutex<Vec<Violation>>,
    /// Asks for a clean stop.
    stop: Notify,
    /// Whether the power goes when it has stopped.
    cuts_power_after_stop: AtomicBool,
    /// The server cannot be started any more, and may say so.
    gave_up: Notify,
    /// Whether a bit was changed: the server may refuse to start.
    is_damaged: AtomicBool,
}

/// Waits in virtual time.
struct VirtualSleep;

impl Sleeper for VirtualSleep {
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        tokio::time::sleep(duration).boxed()
    }
}

impl<'s> Simulation<'s> {
    fn new(scenario: &'s Scenario, coverage: Coverage) -> Self {
        Self {
            scenario,
            host: Host::new(scenario, coverage),
            log: Mutex::default(),
            failures: Mutex::default(),
            stop: Notify::new(),
            cuts_power_after_stop: AtomicBool::new(false),
            gave_up: Notify::new(),
            is_damaged: AtomicBool::new(false),
        }
    }

    fn note(&self, what: impl Display) {
        let moment = self.host.moment();
        let micros = self.host.clock.elapsed_micros();
        self.log.lock().push((moment.order, format!("{micros} us: {what}")));
    }

    fn fail(&self, rule: &'static str, what: &str) {
        self.note(format_args!("{rule}: {what}"));
        let (subject, story) = (what.to_owned(), String::new());
        self.failures.lock().push(Violation { rule, subject, story });
    }

    async fn run(&self) {
        self.set_speed(self.scenario.sync_micros);
        let story = async {
            let clients = (1..).zip(&self.scenario.clients);
            let clients = clients.map(|(number, requests)| self.client(number, *requests));
            tokio::select! {
                biased;
                _ = join_all(clients) => {}
                () = self.happenings() => {}
            }
            self.last_death().await;
            self.audit().await;
        };
        tokio::select! {
            biased;
            () = self.keep_running() => {}
            () = self.gave_up.notified() => self.note("the server does not start on what is damaged"),
            () = story => {}
        }
    }

    /// A client, through all lives of the server.
    async fn client(&self, number: u32, requests: u64) {
        let mut client = Client::new(number, self.scenario.client_seed(number));
        for _ in 0..requests {
            loop {
                let connection = self.host.connection().await;
                match client.run(self.world(&connection), 1).await {
                    Ok(Finish::Done) => break,
                    Ok(Finish::ServerGone) => tokio::time::sleep(RESTART_AFTER).await,
                    Err(why) => return self.fail("wire", &why.to_string()),
                }
            }
        }
    }

    fn world<'w>(&'w self, connection: &'w Connection) -> World<'w> {
        World {
            transport: connection,
            moments: self.host.clock.as_ref(),
            sleeper: &VirtualSleep,
            recording: &self.host.recording,
            plan: &self.scenario.plan,
        }
    }

    /// Ends the life that the clients ended with, so that what they were told must be on the disk.
    async fn last_death(&self) {
        self.note("the clients are done, and nothing goes wrong any more");
        self.host.disk.set(|faults| *faults = Faults::default());
        let served = self.host.connection().await.life().number;
        match self.scenario.last_death() {
            Some(death) => self.host.disk.die(death),
            None => self.happen(Event::Stop(self.scenario.death_after_last_stop())),
        }
        while self.host.connection().await.life().number == served {
            tokio::time::sleep(RESTART_AFTER).await;
        }
    }

    /// Reads everything once more.
    async fn audit(&self) {
        let documents = self.host.recording.documents();
        let manner = Manner {
            listener: Listener::Plain,
            dialect: Dialect::V7,
            type_name: None,
            vendor: false,
        };
        let mut client = Client::new(0, 0);
        for part in documents.chunks(AUDITED_TOGETHER) {
            let read = |document: &Document| Planned {
                document: document.clone(),
                action: Action::Read { version: None, by: ReadBy::MultiGet },
            };
            let call = Call::MultiGet(part.iter().map(read).collect());
            loop {
                let connection = self.host.connection().await;
                match client.call(self.world(&connection), &manner, call.clone()).await {
                    Ok(Finish::Done) => break,
                    // It was asked to stop once more than it was there to hear it.
                    Ok(Finish::ServerGone) => tokio::time::sleep(RESTART_AFTER).await,
                    Err(why) => return self.fail("wire", &why.to_string()),
                }
            }
        }
    }

    /// What happens to the machine, until the clients are done.
    async fn happenings(&self) {
        for due in &self.scenario.events {
            tokio::time::sleep(due.after).await;
            self.happen(due.event);
        }
        std::future::pending().await
    }

    fn happen(&self, event: Event) {
        self.note(event);
        let disk = &self.host.disk;
        match event {
            Event::Die(death) => disk.die(death),
            Event::DieAfter(count, death) => disk.set(|faults| faults.death = Some((count, death))),
            Event::Stop(then) => {
                self.cuts_power_after_stop.store(then.is_some(), Relaxed);
                self.stop.notify_one();
            }
            Event::FailSync(count) => disk.set(|faults| faults.failing_sync = Some(count)),
            Event::FailWrite(count) => disk.set(|faults| faults.failing_write = Some(count)),
            Event::Room(bytes) => {
                let capacity = bytes.map(|bytes| disk.used() + bytes);
                disk.set(|faults| faults.capacity = capacity);
            }
            Event::Uncached(share) => disk.set(|faults| faults.uncached_in_a_million = share),
            Event::FailReads(share) => {
                disk.set(|faults| faults.failing_reads_in_a_million = share);
            }
            Event::StepClock(millis) => {
                let before = self.host.moment();
                self.host.recording.clock(before);
                self.host.clock.step(millis);
                self.host.recording.clock(self.host.moment());
            }
            Event::SyncTakes(micros) => self.set_speed(micros),
            Event::Flip => {
                if let Some(place) = disk.flip() {
                    self.is_damaged.store(true, Relaxed);
                    self.note(place);
                }
            }
            Event::LoseEnd => {
                disk.die(Death::Kill);
                if let Some(place) = disk.lose_end() {
                    self.is_damaged.store(true, Relaxed);
                    self.note(place);
                }
            }
        }
        self.host.coverage.count(event.kind());
    }

    /// Sets how long a sync takes, and with it a write.
    fn set_speed(&self, sync_micros: u64) {
        self.host.disk.set(|faults| {
            faults.sync = Duration::from_micros(sync_micros);
            faults.write = faults.sync / 10;
        });
    }

    /// Runs the server, one life after the other.
    async fn keep_running(&self) {
        for _ in 0..STARTS_MAX {
            let faults = self.host.disk.faults_met();
            let has_room = self.host.disk.room_for_a_start() >= START_BYTES;
            match tokio::time::timeout(START_TIME_MAX, self.host.start()).await {
                Err(_) => {
                    self.fail("liveness", "a start does not come to an end");
                    return;
                }
                Ok(Started::Serving(node)) => self.live(node).await,
                Ok(Started::Died) => self.note("it died starting"),
                Ok(Started::Refused(why)) => {
                    self.note(format_args!("it does not start: {why}"));
                    if self.is_damaged.load(Relaxed) {
                        self.gave_up.notify_one();
                    } else if self.host.disk.faults_met() == faults
                        && (has_room || !why.contains(NO_ROOM))
                    {
                        return self.fail("start", &why);
                    }
                    // Its operator sees to what it says.
                    self.host.disk.set(|faults| {
                        faults.capacity = None;
                        faults.failing_reads_in_a_million = 0;
                    });
                }
            }
            tokio::time::sleep(RESTART_AFTER).await;
        }
        self.fail("liveness", "the server is started again and again");
    }

    /// One life, to its end.
    async fn live(&self, node: Arc<Node>) {
        self.note("it serves");
        let ending = tokio::select! {
            biased;
            death = self.host.disk.died() => ending(death),
            why = node.failed() => {
                self.note(format_args!("it ends by itself: {why}"));
                self.host.coverage.count("life: the server ended by itself");
                // A process that ends still gives some of the answers that it has.
                self.host.linger().await;
                // The power may go meanwhile.
                self.host.disk.death().map_or(Ending::Killed, ending)
            }
            () = self.stop.notified() => self.stop_cleanly(&node).await,
        };
        self.host.disk.die(match ending {
            Ending::Clean if self.cuts_power_after_stop.load(Relaxed) => Death::PowerCut,
            Ending::Clean | Ending::Killed | Ending::PowerCut => Death::Kill,
        });
        self.host.hang_up(ending);
        self.note(format_args!("the life has ended: {ending:?}"));
        self.host.coverage.count(&format!("life: {ending:?}"));
        discard(node);
    }

    async fn stop_cleanly(&self, node: &Node) -> Ending {
        self.host.accept_no_more();
        let stop = async {
            tokio::time::sleep(DRAINING).await;
            node.close().await
        };
        tokio::select! {
            biased;
            death = self.host.disk.died() => ending(death),
            closed = tokio::time::timeout(START_TIME_MAX, stop) => match closed {
                Ok(Ok(())) => Ending::Clean,
                Ok(Err(error)) => {
                    self.note(format_args!("the stop failed: {error}"));
                    self.host.disk.death().map_or(Ending::Killed, ending)
                }
                Err(_) => {
                    self.fail("liveness", "a stop does not come to an end");
                    Ending::Killed
                }
            },
        }
    }
}

fn ending(death: Death) -> Ending {
    match death {
        Death::Kill => Ending::Killed,
        Death::PowerCut => Ending::PowerCut,
    }
}
