//! One interleaving of a small world, step by step.

use std::{
    fmt,
    ops::Range,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use checker::{Action, Current, History, Outcome};
use document::{DocumentState, Effect, Refusal, Timestamp, plan_write};
use shard::{
    Alarm, Change, Clock, Machine, Shard, ShardOptions, Write, WriteError, log::StoredOperation,
};
use tokio::runtime::Runtime;

use super::{
    disk::{self, Bug, Disk, Ending, SharedDisk, ToldThreads},
    program::{Act, Allowed, Known, World, write},
    record::{Record, found, shown, told_of_read, told_of_write},
};

/// Beyond the default of `gc_deletes`.
const CLOCK_STEP_MILLIS: i64 = 60_001;
/// A world that goes on for longer never ends.
const STEPS_MAX: usize = 10_000;

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A client sends its next request.
    Send(usize),
    /// The writer, or what it has others do, runs until it waits.
    Work,
    /// The append under way ends.
    EndAppend(Ending),
    /// The oldest slow read or long merge ends.
    EndBeside,
    /// Collection has a stored operation moved.
    Move {
        /// The oldest one, not the last.
        oldest: bool,
    },
    /// A client waits no longer.
    HangUp(usize),
    /// The clock steps beyond `gc_deletes`.
    StepClock,
    /// The power is cut, and the shard starts again.
    Crash {
        /// Whether the entry under way is stored.
        kept: bool,
    },
}

/// The answers to a request, when they come.
type Answers = Pin<Box<dyn Future<Output = Vec<Result<Outcome, String>>>>>;

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
    moving: Option<(StoredOperation, Pin<Box<dyn Future<Output = Result<(), WriteError>>>>)>,
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

    fn ask(&self, actions: Vec<(Act, Action)>) -> Answers {
        if let Some(early) = self.answer_early(&actions) {
            return Box::pin(std::future::ready(vec![Ok(early)]));
        }
        let shard = Arc::clone(&self.shard);
        let writes: Vec<Write> =
            actions.iter().filter_map(|(act, action)| write(*act, action)).collect();
        if writes.is_empty() {
            return Box::pin(async move {
                vec![told_of_read(shard.get(super::program::ID, None).await)]
            });
        }
        Box::pin(async move { shard.write(writes).await.into_iter().map(told_of_write).collect() })
    }

    /// The answer of a server that looks at what is not durable yet.
    fn answer_early(&self, actions: &[(Act, Action)]) -> Option<Outcome> {
        let [(act, action)] = actions else { return None };
        let disk = self.disk.lock();
        let operation = disk.in_flight()?.operations.last()?;
        let (_, last) = operation.target()?;
        match (self.bug?, action) {
            (Bug::ShowsBeforeDurable, Action::Read { .. }) => {
                let shown = disk::source(operation).map(|source| shown(last, source));
                Some(shown.unwrap_or(Outcome::Missing))
            }
            (Bug::RefusesBeforeDurable, _) => {
                let state = match operation.effect {
                    Effect::Index { .. } => DocumentState::Live(last),
                    Effect::Delete { .. } | Effect::Noop { .. } => DocumentState::Tombstone(last),
                };
                match plan_write(state, decided(write(*act, action)?)?) {
                    Err(Refusal::Conflict(conflict)) => {
                        Some(Outcome::Conflict { found: Some(found(conflict)) })
                    }
                    Err(Refusal::VersionExhausted) | Ok(_) => None,
                }
            }
            _ => None,
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

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(client) => write!(f, "client {client} sends"),
            Self::Work => f.write_str("the writer runs"),
            Self::EndAppend(ending) => write!(f, "the append ends: {ending:?}"),
            Self::EndBeside => f.write_str("a read or a merge ends"),
            Self::Move { oldest: true } => f.write_str("collection moves the oldest operation"),
            Self::Move { oldest: false } => f.write_str("collection moves the last operation"),
            Self::HangUp(client) => write!(f, "client {client} hangs up"),
            Self::StepClock => f.write_str("the clock steps"),
            Self::Crash { kept } => write!(f, "a crash, what is under way is kept: {kept}"),
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

/// What the decision sees of a write; of an update nothing.
fn decided(write: Write) -> Option<document::Write> {
    let action = match write.change {
        Change::Index(_) => document::Action::Index,
        Change::Create(_) => document::Action::Create,
        Change::Delete => document::Action::Delete,
        Change::Update(_) => return None,
    };
    Some(document::Write { action, precondition: write.precondition })
}
