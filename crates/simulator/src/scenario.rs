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
    /// The server is stopped as its operator would.
    Stop,
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
            Self::Stop => "event: stopped",
            Self::FailSync(_) => "event: a sync is to fail",
            Self::FailWrite(_) => "event: a write is to fail",
            Self::Room(Some(_)) => "event: little room",
            Self::Room(None) => "event: room again",
            Self::Uncached(_) => "event: reads wait",
            Self::FailReads(_) => "event: reads fail",
            Self::StepClock(_) => "event: the clock steps",
            Self::SyncTakes(_) => "event: another disk speed",
            Self::Flip => "event: a bit flips",
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
            Self::Stop => write!(formatter, "the server is stopped"),
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
    /// What happens to the machine meanwhile.
    pub events: Vec<Due>,
}

impl Scenario {
    /// The scenario of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x0cca_0001);
        let options = options(&mut random);
        let plan = plan(&mut random);
        let clients = 2 + random.below(6);
        let clients = (0..clients).map(|_| 10 + random.below(60)).collect();
        let kinds = Kinds::new(&mut random);
        let events = (0..random.below(14)).map(|_| kinds.event(&mut random)).collect();
        Self { seed, options, plan, clients, events }
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
}

impl fmt::Display for Scenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "seed {}", self.seed)?;
        writeln!(formatter, "clients make {:?} requests", self.clients)?;
        writeln!(formatter, "{:?}", self.options)?;
        writeln!(formatter, "{:?}", self.plan)?;
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
    plan
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
}

impl Kinds {
    fn new(random: &mut Random) -> Self {
        let mut weigh =
            |percent: u32, weight: u32| if random.percent(percent) { weight } else { 0 };
        let weights = vec![
            (weigh(70, 4), Kind::Die),
            (weigh(70, 8), Kind::DieAfter),
            (weigh(60, 4), Kind::Stop),
            (weigh(30, 2), Kind::FailSync),
            (weigh(30, 2), Kind::FailWrite),
            (weigh(30, 4), Kind::Room),
            (weigh(50, 2), Kind::Uncached),
            (weigh(10, 2), Kind::FailReads),
            (weigh(40, 3), Kind::StepClock),
            (weigh(60, 3), Kind::SyncTakes),
            (weigh(10, 2), Kind::Flip),
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
            Kind::Stop => Event::Stop,
            Kind::FailSync => Event::FailSync(random.below(10)),
            Kind::FailWrite => Event::FailWrite(random.below(10)),
            Kind::Room if random.percent(50) => Event::Room(None),
            Kind::Room => Event::Room(Some(random.below(20_000))),
            Kind::Uncached => Event::Uncached(choose(random, &[0, 100_000, 900_000])),
            Kind::FailReads => Event::FailReads(if random.percent(50) { 0 } else { 200_000 }),
            Kind::StepClock => {
                let size = choose(random, &[10, 2_000, 100_000]);
                let millis = i64::try_from(random.below(size)).unwrap_or(0);
                Event::StepClock(if random.percent(50) { millis } else { -millis })
            }
            Kind::SyncTakes => Event::SyncTakes(choose(random, &[50, 1_000, 30_000])),
            Kind::Flip => Event::Flip,
        };
        Due { after, event }
    }
}
