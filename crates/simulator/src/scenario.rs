//! What happens in one simulation: all of it follows from the seed.

use std::{fmt, time::Duration};

use storage::disk::Options;
use workload::{Plan, Random};

use crate::disk::Death;

/// Something that happens to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The process ends so, now.
    Die(Death),
    /// The process ends so at the disk operation after so many.
    DieAfter(u64, Death),
    /// The server is stopped as its operator would; then the power may go.
    Stop(Option<Death>),
    /// The sync after so many fails.
    FailSync(u64),
    /// The write after so many fails half done.
    FailWrite(u64),
    /// So many bytes are left on the disk; all it takes if there is no number.
    Room(Option<u64>),
    /// So many reads in a million must wait for the disk.
    Uncached(u32),
    /// So many reads in a million fail.
    FailReads(u32),
    /// The wall clock steps by so many milliseconds.
    StepClock(i64),
    /// A sync takes so many microseconds, about.
    SyncTakes(u64),
    /// A bit changes somewhere on the disk.
    Flip,
    /// The process is killed, and the file it wrote to last loses its end.
    LoseEnd,
}

impl Event {
    /// Its kind, as it is counted.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Die(Death::Kill) => "event: killed",
            Self::Die(Death::PowerCut) => "event: power cut",
            Self::DieAfter(_, Death::Kill) => "event: to be killed at a disk operation",
            Self::DieAfter(_, Death::PowerCut) => "event: power to be cut at a disk operation",
            Self::Stop(None | Some(Death::Kill)) => "event: stopped",
            Self::Stop(Some(Death::PowerCut)) => "event: stopped before a power cut",
            Self::FailSync(_) => "event: a sync is to fail",
            Self::FailWrite(_) => "event: a write is to fail",
            Self::Room(Some(_)) => "event: little room",
            Self::Room(None) => "event: room again",
            Self::Uncached(_) => "event: reads wait",
            Self::FailReads(_) => "event: reads fail",
            Self::StepClock(_) => "event: the clock steps",
            Self::SyncTakes(_) => "event: another disk speed",
            Self::Flip => "event: a bit flips",
            Self::LoseEnd => "event: a file loses its end",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let death = |death: &Death| match death {
            Death::Kill => "the process is killed",
            Death::PowerCut => "the power goes",
        };
        match self {
            Self::Die(how) => write!(formatter, "{}", death(how)),
            Self::DieAfter(count, how) => {
                write!(formatter, "{} after {count} disk operations", death(how))
            }
            Self::Stop(None) => write!(formatter, "the server is stopped"),
            Self::Stop(Some(how)) => {
                write!(formatter, "the server is stopped, then {}", death(how))
            }
            Self::FailSync(count) => write!(formatter, "the sync after {count} will fail"),
            Self::FailWrite(count) => write!(formatter, "the write after {count} will fail"),
            Self::Room(Some(bytes)) => write!(formatter, "{bytes} bytes are left on the disk"),
            Self::Room(None) => write!(formatter, "there is room on the disk"),
            Self::Uncached(share) => {
                write!(formatter, "{share} of a million reads wait for the disk")
            }
            Self::FailReads(share) => write!(formatter, "{share} of a million reads fail"),
            Self::StepClock(millis) => write!(formatter, "the wall clock steps by {millis} ms"),
            Self::SyncTakes(micros) => write!(formatter, "a sync takes about {micros} us"),
            Self::Flip => write!(formatter, "a bit changes on the disk"),
            Self::LoseEnd => {
                write!(formatter, "the process is killed and its last segment loses its end")
            }
        }
    }
}

/// An event, and how long after the one before it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// How long after.
    pub after: Duration,
    /// What happens.
    pub event: Event,
}

/// What happens in one simulation.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Where its chance comes from.
    pub seed: u64,
    /// How the log divides what it writes.
    pub options: Options,
    /// What the clients are like.
    pub plan: Plan,
    /// How many requests each of them makes.
    pub clients: Vec<u64>,
    /// How many microseconds a sync takes in the beginning, about.
    pub sync_micros: u64,
    /// Whether the wall clock moves by steps alone.
    pub is_clock_still: bool,
    /// What happens to the machine meanwhile.
    pub events: Vec<Due>,
}

impl Scenario {
    /// The scenario of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x0cca_0001);
        let options = options(&mut random);
        let mut plan = plan(&mut random);
        add_searches(&mut plan, seed);
        let clients = 2 + random.below(6);
        let clients = (0..clients).map(|_| 10 + random.below(60)).collect();
        let is_clock_still = random.percent(15);
        let kinds = Kinds::new(&mut random, is_clock_still);
        let events = (0..random.below(14)).map(|_| kinds.event(&mut random)).collect();
        let sync_micros = choose(&mut random, &[0, 50, 1_000, 5_000]);
        let mut scenario =
            Self { seed, options, plan, clients, sync_micros, is_clock_still, events };
        if random.percent(3) {
            scenario.crowd_a_full_disk(&mut random);
        }
        scenario
    }

    /// Has all clients write one document, on a disk that is full again and again: what was refused is
    /// soon followed by another write that takes its number.
    fn crowd_a_full_disk(&mut self, random: &mut Random) {
        (self.plan.indices, self.plan.documents, self.plan.shards) = (1, 1, vec![1]);
        self.plan.rest_micros_max = 40_000;
        (self.plan.condition_percent, self.plan.hang_up_percent) = (10, 0);
        let weights = &mut self.plan.weights;
        (weights.index, weights.update, weights.upsert) = (20, 60, 10);
        (weights.delete, weights.delete_index, weights.bulk) = (0, 0, 0);
        self.options.segment_bytes_max = 4 << 10;
        self.clients = vec![100; 6];
        let event = |number: u64| {
            // A log that found its disk full looks again twice in a second.
            let (micros, event) = match number % 2 {
                0 => (500_000, Event::Room(Some(random.below(2_000)))),
                _ => (100_000, Event::Room(None)),
            };
            Due { after: Duration::from_micros(micros + random.below(100_000)), event }
        };
        self.events = (0..10).map(event).collect();
    }

    /// Where the chance of a client comes from.
    #[must_use]
    pub fn client_seed(&self, number: u32) -> u64 {
        self.seed.wrapping_mul(1_000).wrapping_add(number.into())
    }

    /// How the life ends that the clients end with; by a clean stop if it is nothing.
    #[must_use]
    pub fn last_death(&self) -> Option<Death> {
        match self.seed % 4 {
            0 => None,
            1 => Some(Death::Kill),
            _ => Some(Death::PowerCut),
        }
    }

    /// What happens to the machine once that clean stop is over.
    #[must_use]
    pub fn death_after_last_stop(&self) -> Option<Death> {
        self.seed.is_multiple_of(8).then_some(Death::PowerCut)
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "seed {}", self.seed)?;
        writeln!(formatter, "clients make {:?} requests", self.clients)?;
        writeln!(formatter, "{:?}", self.options)?;
        writeln!(formatter, "{:?}", self.plan)?;
        writeln!(formatter, "a sync takes about {} us", self.sync_micros)?;
        if self.is_clock_still {
            writeln!(formatter, "the wall clock stands still")?;
        }
        for due in &self.events {
            writeln!(formatter, "after {:?}: {}", due.after, due.event)?;
        }
        Ok(())
    }
}

fn choose<T: Copy + Default>(random: &mut Random, choices: &[T]) -> T {
    random.pick(choices).copied().unwrap_or_default()
}

fn options(random: &mut Random) -> Options {
    Options {
        segment_bytes_max: choose(random, &[2 << 10, 4 << 10, 8 << 10, 16 << 10, 64 << 10]),
        group_bytes_max: choose(random, &[200, 2_000, 64 << 10]),
        group_entries_max: choose(random, &[1, 2, 16, 1_024]),
        collected_bytes_per_second: choose(random, &[0, 64 << 10, 1 << 20, 32 << 20]),
        opening_threads_max: 1,
        term_min: document::PrimaryTerm::FIRST,
    }
}

fn plan(random: &mut Random) -> Plan {
    // Fields are evaluated in this order: a seed stays what it was.
    let mut plan = Plan {
        indices: choose(random, &[1, 2, 3]),
        documents: choose(random, &[1, 2, 3, 6, 12]),
        hot_percent: if random.percent(50) { 80 } else { 20 },
        rest_micros_max: choose(random, &[0, 1_000, 20_000, 200_000]),
        ..Plan::default()
    };
    if random.percent(30) {
        plan.async_percent = 50;
    }
    if random.percent(50) {
        plan.weights.delete_index = 0;
    }
    if random.percent(30) {
        plan.weights.bulk = 40;
    }
    if random.percent(20) {
        plan.weights.delete = 40;
    }
    if random.percent(20) {
        plan.weights.update = 50;
    }
    if random.percent(10) {
        (plan.weights.create_index, plan.weights.delete_index) = (5, 5);
        (plan.weights.bulk, plan.shards) = (8, vec![1, 2]);
    }
    plan
}

/// A third of all seeds search, from a generator of their own: the others stay what they were.
fn add_searches(plan: &mut Plan, seed: u64) {
    let mut random = Random::new(seed ^ 0x005e_a2c4);
    if random.percent(34) {
        plan.weights.search = choose(&mut random, &[4, 12, 40]);
        plan.weights.by_query = choose(&mut random, &[0, 4, 12]);
        plan.page_micros_max = choose(&mut random, &[0, 1_000, 100_000, 1_000_000]);
        plan.refresh_percent = 50;
        plan.weights.create_index = plan.weights.create_index.max(3);
    }
}

/// Which kinds of events a simulation has: some have many of a few, few have all.
struct Kinds {
    weights: Vec<(u32, Kind)>,
    /// How long after one another events happen, at most.
    after_micros_max: u64,
}

/// A kind of event.
#[derive(Clone, Copy)]
enum Kind {
    Die,
    DieAfter,
    Stop,
    FailSync,
    FailWrite,
    Room,
    Uncached,
    FailReads,
    StepClock,
    SyncTakes,
    Flip,
    LoseEnd,
}

impl Kinds {
    fn new(random: &mut Random, is_clock_still: bool) -> Self {
        let steps = if is_clock_still { 20 } else { 3 };
        let room = choose(random, &[4, 4, 20]);
        let mut weigh =
            |percent: u32, weight: u32| if random.percent(percent) { weight } else { 0 };
        let weights = vec![
            (weigh(70, 4), Kind::Die),
            (weigh(70, 8), Kind::DieAfter),
            (weigh(60, 4), Kind::Stop),
            (weigh(30, 2), Kind::FailSync),
            (weigh(30, 2), Kind::FailWrite),
            (weigh(30, room), Kind::Room),
            (weigh(50, 2), Kind::Uncached),
            (weigh(10, 2), Kind::FailReads),
            (weigh(if is_clock_still { 100 } else { 40 }, steps), Kind::StepClock),
            (weigh(60, 3), Kind::SyncTakes),
            (weigh(15, 4), Kind::Flip),
            (weigh(8, 2), Kind::LoseEnd),
        ];
        let after_micros_max = choose(random, &[2_000, 20_000, 200_000, 2_000_000]);
        Self { weights, after_micros_max }
    }

    fn event(&self, random: &mut Random) -> Due {
        let after = Duration::from_micros(random.below(self.after_micros_max));
        let kind = random.weigh(&self.weights).unwrap_or(Kind::Stop);
        let death = if random.percent(50) { Death::Kill } else { Death::PowerCut };
        let event = match kind {
            Kind::Die => Event::Die(death),
            Kind::DieAfter => Event::DieAfter(random.below(60), death),
            Kind::Stop => Event::Stop(Some(death).filter(|how| *how == Death::PowerCut)),
            Kind::FailSync => Event::FailSync(random.below(10)),
            Kind::FailWrite => Event::FailWrite(random.below(10)),
            Kind::Room if random.percent(50) => Event::Room(None),
            Kind::Room => Event::Room(Some(random.below(20_000))),
            Kind::Uncached => Event::Uncached(choose(random, &[0, 100_000, 900_000])),
            Kind::FailReads => Event::FailReads(if random.percent(50) { 0 } else { 200_000 }),
            Kind::StepClock => {
                let size = choose(random, &[10, 2_000, 100_000]);
                // Some steps are as long as deletes are remembered, or a little longer.
                let round = choose(random, &[20, 21, 1_000, 1_001, 60_000]);
                let size = if random.percent(50) { random.below(size) } else { round };
                let millis = i64::try_from(size).unwrap_or(0);
                Event::StepClock(if random.percent(60) { millis } else { -millis })
            }
            Kind::SyncTakes => Event::SyncTakes(choose(random, &[50, 1_000, 30_000])),
            Kind::Flip => Event::Flip,
            Kind::LoseEnd => Event::LoseEnd,
        };
        Due { after, event }
    }
}
