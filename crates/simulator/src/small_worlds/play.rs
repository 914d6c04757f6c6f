//! One interleaving of a small world, step by step.

mod ask;

use std::{
    ops::Range,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use checker::{Current, History, Outcome};
use document::Timestamp;
use shard::{Alarm, Clock, Machine, Shard, ShardOptions, WriteError, log::StoredOperation};
use tokio::runtime::Runtime;

use super::{
    choice::Choice,
    disk::{self, Bug, Disk, Ending, SharedDisk, ToldThreads},
    program::{Act, Allowed, Known, World},
    record::Record,
};

/// Beyond the default of `gc_deletes`.
const CLOCK_STEP_MILLIS: i64 = 60_001;
/// A world that goes on for longer never ends.
const STEPS_MAX: usize = 10_000;

/// The answers to a request, when they come.
type Answers = Pin<Box<dyn Future<Output = Vec<Result<Outcome, String>>>>>;

/// Whether what was to be moved is, when that is known.
type Moved = Pin<Box<dyn Future<Output = Result<(), WriteError>>>>;

/// A client.
struct Client {
    program: Vec<Vec<Act>>,
    /// How many of its requests it has sent.
    sent: usize,
    known: Known,
    /// The request it waits for: the numbers of its operations, and the answers.
    under_way: Option<(Range<usize>, Answers)>,
}

/// A clock that stands still until it is told otherwise.
#[derive(Default)]
struct ToldClock(AtomicI64);

impl Clock for ToldClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Relaxed))
    }
}

/// A world at some point.
pub(super) struct Play {
    bug: Option<Bug>,
    disk: SharedDisk,
    clock: Arc<ToldClock>,
    clients: Vec<Client>,
    /// What collection has moved, and the answer.
    moving: Option<(StoredOperation, Moved)>,
    allowed: Allowed,
    record: Record,
    life: u32,
    tokens: u64,
    fault: Option<String>,
    shard: Arc<Shard>,
    runtime: Runtime,
}

impl Play {
    /// The world where it begins.
    ///
    /// # Errors
    /// In words, when it does not get that far.
    pub(super) fn new(world: &World) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let disk = Disk::new(world.slow_reads, world.bug);
        let clock = Arc::new(ToldClock::default());
        let shard = start(&runtime, &disk, &clock);
        let mut play = Self {
            bug: world.bug,
            disk,
            clock,
            clients: Vec::new(),
            moving: None,
            allowed: Allowed::default(),
            record: Record::new(),
            life: 0,
            tokens: 0,
            fault: None,
            shard,
            runtime,
        };
        play.work();
        let before: Vec<_> = world.before.iter().map(|act| vec![*act]).collect();
        let known = play.alone(before, Known::default())?;
        let client = |program: &Vec<Vec<Act>>| Client {
            program: program.clone(),
            sent: 0,
            known: known.clone(),
            under_way: None,
        };
        play.clients = world.programs.iter().map(client).collect();
        play.allowed = world.allowed;
        Ok(play)
    }

    /// A client does this while nobody else does anything. Returns what it knows then.
    fn alone(&mut self, program: Vec<Vec<Act>>, known: Known) -> Result<Known, String> {
        self.clients = vec![Client { program, sent: 0, known, under_way: None }];
        for _ in 0..STEPS_MAX {
            match self.choices()?.first() {
                Some(choice) => self.take(*choice),
                None => break,
            }
        }
        Ok(self.clients.pop().map_or_else(Known::default, |client| client.known))
    }

    /// Everything that can happen next; nothing when all is over. What gets on comes first.
    ///
    /// # Errors
    /// In words, when somebody waits and nothing can happen, or something went wrong before.
    pub(super) fn choices(&self) -> Result<Vec<Choice>, String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let disk = self.disk.lock();
        if let Some(fault) = disk.faults().first() {
            return Err(fault.clone());
        }
        let mut choices = Vec::new();
        let clients = || (0..).zip(&self.clients);
        let may_send =
            |client: &Client| client.under_way.is_none() && client.sent < client.program.len();
        let senders = clients().filter(|(_, client)| may_send(client));
        choices.extend(senders.map(|(number, _)| Choice::Send(number)));
        if self.is_runnable() {
            choices.push(Choice::Work);
        }
        let is_appending = disk.in_flight().is_some();
        if is_appending {
            choices.push(Choice::EndAppend(Ending::Appended));
        }
        if disk.is_busy_beside() {
            choices.push(Choice::EndBeside);
        }
        if choices.is_empty() {
            let waits = self.moving.is_some()
                || self.clients.iter().any(|client| client.under_way.is_some());
            let stuck = || "somebody waits, and nothing can happen any more".to_owned();
            return if waits { Err(stuck()) } else { Ok(choices) };
        }
        self.add_mishaps(&disk, is_appending, &mut choices);
        Ok(choices)
    }

    /// What can happen besides, as far as it may.
    fn add_mishaps(&self, disk: &Disk, is_appending: bool, choices: &mut Vec<Choice>) {
        let Allowed { crashes, faults, hang_ups, clock_steps, moves } = self.allowed;
        if is_appending && faults > 0 {
            let endings = [Ending::NoRoom, Ending::UnknownButStored, Ending::UnknownAndLost];
            choices.extend(endings.map(Choice::EndAppend));
        }
        if moves > 0 && self.moving.is_none() {
            let ways = [true, false].into_iter().take(disk.stored().count());
            choices.extend(ways.map(|oldest| Choice::Move { oldest }));
        }
        if hang_ups > 0 {
            let waiting = (0..).zip(&self.clients).filter(|(_, client)| client.under_way.is_some());
            choices.extend(waiting.map(|(number, _)| Choice::HangUp(number)));
        }
        if clock_steps > 0 {
            choices.push(Choice::StepClock);
        }
        if crashes > 0 {
            choices.push(Choice::Crash { kept: false });
            if is_appending || disk.is_unsynced() {
                choices.push(Choice::Crash { kept: true });
            }
        }
    }

    /// Lets it happen.
    pub(super) fn take(&mut self, choice: Choice) {
        match choice {
            Choice::Send(client) => self.send(client),
            Choice::Work => self.work(),
            Choice::EndAppend(ending) => {
                if ending != Ending::Appended {
                    self.allowed.faults -= 1;
                }
                self.disk.lock().end_append(ending);
                self.work();
            }
            Choice::EndBeside => {
                self.disk.lock().end_beside();
                if self.is_runnable() {
                    self.work();
                }
            }
            Choice::Move { oldest } => self.begin_move(oldest),
            Choice::HangUp(client) => {
                self.allowed.hang_ups -= 1;
                if let Some(client) = self.clients.get_mut(client) {
                    client.under_way = None;
                }
            }
            Choice::StepClock => {
                self.allowed.clock_steps -= 1;
                self.clock.0.fetch_add(CLOCK_STEP_MILLIS, Relaxed);
                self.record.step_clock(CLOCK_STEP_MILLIS);
            }
            Choice::Crash { kept } => {
                self.allowed.crashes -= 1;
                self.crash(kept);
            }
        }
        self.hear();
    }

    fn is_runnable(&self) -> bool {
        self.runtime.metrics().global_queue_depth() > 0
    }

    /// Runs the writer and its helpers until all of them wait.
    fn work(&self) {
        self.runtime.block_on(tokio::task::yield_now());
    }

    fn send(&mut self, number: usize) {
        let Some(client) = self.clients.get_mut(number) else { return };
        let Some(acts) = client.program.get(client.sent) else { return };
        client.sent += 1;
        let mut actions = Vec::new();
        for act in acts {
            self.tokens += 1;
            actions.push((*act, act.action(&client.known, self.tokens)));
        }
        let request = self.record.request();
        let who = u32::try_from(number).unwrap_or(u32::MAX);
        let mut operations = 0..0;
        for (item, (_, action)) in (0..).zip(&actions) {
            let operation = self.record.begin(who, (request, item), self.life, action.clone());
            if item == 0 {
                operations.start = operation;
            }
            operations.end = operation + 1;
        }
        let answers = self.ask(actions);
        if let Some(client) = self.clients.get_mut(number) {
            client.under_way = Some((operations, answers));
        }
    }

    fn begin_move(&mut self, oldest: bool) {
        self.allowed.moves -= 1;
        let mut stored = self.disk.lock().stored();
        // The oldest one leaves nothing behind that a delete must keep from coming back.
        let (first, older_elsewhere) = (stored.next(), !oldest);
        let found = if oldest { first } else { stored.next_back().or(first) };
        let Some(found) = found else { return };
        if self.bug == Some(Bug::DropsBeforeMoved) {
            self.disk.lock().give_up(found.location);
        }
        let (shard, moved) = (Arc::clone(&self.shard), vec![found.clone()]);
        let moving = async move { shard.relocate(moved, older_elsewhere, false).await };
        self.moving = Some((found, Box::pin(moving)));
    }

    fn crash(&mut self, kept: bool) {
        self.record.end_life();
        for client in &mut self.clients {
            client.under_way = None;
        }
        self.moving = None;
        self.disk.lock().crash(kept);
        self.life += 1;
        self.record.start_life(self.life);
        self.shard = start(&self.runtime, &self.disk, &self.clock);
        self.work();
    }

    /// Has everybody hear what there is to hear.
    fn hear(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        if let Some((found, moving)) = &mut self.moving
            && let Poll::Ready(moved) = moving.as_mut().poll(&mut context)
        {
            if moved.is_ok() {
                self.disk.lock().give_up(found.location);
            }
            self.moving = None;
        }
        for client in &mut self.clients {
            let Some((operations, answers)) = &mut client.under_way else { continue };
            let Poll::Ready(told) = answers.as_mut().poll(&mut context) else { continue };
            if told.len() != operations.len() {
                self.fault = Some(format!("{} answers to {operations:?}", told.len()));
            }
            for (operation, outcome) in operations.clone().zip(told) {
                match outcome {
                    Ok(outcome) => {
                        client.known.learn(&outcome);
                        self.record.end(operation, outcome);
                    }
                    Err(fault) => self.fault = Some(fault),
                }
            }
            client.under_way = None;
        }
    }

    /// Ends the world when all is over: somebody looks, the power is cut, somebody looks and writes.
    ///
    /// # Errors
    /// In words, when something goes wrong.
    pub(super) fn close(mut self) -> Result<Closed, String> {
        self.allowed = Allowed::default();
        self.alone(vec![vec![Act::Get]], Known::default())?;
        self.crash(false);
        self.alone(vec![vec![Act::Get], vec![Act::Upsert]], Known::default())?;
        let misnumbered = self.disk.lock().misnumbered();
        let fingerprint = self.record.fingerprint();
        Ok(Closed { fingerprint, misnumbered, record: self.record })
    }
}

/// A world that is over.
pub(super) struct Closed {
    /// Tells its history from others of the same world.
    pub(super) fingerprint: u64,
    /// What is wrong with the numbers of what is stored.
    pub(super) misnumbered: Option<String>,
    record: Record,
}

impl Closed {
    /// What was told.
    pub(super) fn into_history(self) -> History {
        self.record.into_history()
    }
}

impl Known {
    /// Takes note of an answer.
    fn learn(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Written { version, seq_no, term, .. }
            | Outcome::Found { version, seq_no, term, .. } => {
                self.version = version.unwrap_or(self.version);
                self.seq_no = seq_no.unwrap_or(self.seq_no);
                self.term = term.unwrap_or(self.term);
            }
            Outcome::Conflict { found: Some(Current::SeqNo { seq_no, term }) } => {
                (self.seq_no, self.term) = (*seq_no, *term);
            }
            Outcome::Conflict { found: Some(Current::Version(version)) } => self.version = *version,
            Outcome::Conflict { .. }
            | Outcome::Missing
            | Outcome::AbsentIndex
            | Outcome::NotApplied { .. }
            | Outcome::Unknown { .. } => {}
        }
        if let Outcome::Found { fields, .. } = outcome {
            self.fields.clone_from(fields);
        }
    }
}

fn start(runtime: &Runtime, disk: &SharedDisk, clock: &Arc<ToldClock>) -> Arc<Shard> {
    let (stream, recovery) = disk::start(disk);
    let threads = Arc::new(ToldThreads(Arc::clone(disk)));
    let machine = Machine { clock: Arc::clone(clock) as Arc<dyn Clock>, threads };
    let _runtime = runtime.enter();
    Arc::new(Shard::start(stream, recovery, machine, ShardOptions::default(), &Alarm::new()))
}
