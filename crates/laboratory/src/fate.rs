//! How a life of the server ends.

use std::fmt;
use std::time::Duration;

use workload::Random;

/// So long at most between the last operation that is waited for and what happens then.
const DELAY_MICROS_MAX: u64 = 5_000;
/// So long at most a server is frozen.
const FROZEN_MILLIS_MAX: u64 = 300;
/// So long at most somebody waits for a stop before being impatient.
const PATIENCE_MICROS_MAX: u64 = 20_000;
/// So long at most a server lives that is ended while it starts.
const START_MICROS_MAX: u64 = 60_000;

/// How the process comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Killed.
    Sudden,
    /// Frozen for a while, and killed.
    Frozen(Duration),
    /// Asked to stop, and waited for.
    Asked,
    /// Asked to stop, and killed after a while.
    Impatient(Duration),
}

/// What is in store for a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    /// It has so many operations before.
    pub(crate) operations: u64,
    /// And lives on for so long.
    pub(crate) delay: Duration,
    /// It is frozen for so long, and goes on for as long as the delay.
    pub(crate) pause: Option<Duration>,
    /// How it ends.
    pub(crate) manner: Manner,
    /// Whether the power goes with it.
    pub(crate) power_cut: bool,
    /// Whether the process is gone before the power is.
    pub(crate) killed_before: bool,
}

impl Fate {
    /// A fate by chance.
    pub(crate) fn new(random: &mut Random, operations_per_life: u64, has_power: bool) -> Self {
        let operations = random.below(operations_per_life.saturating_mul(2));
        let delay = Duration::from_micros(random.below(DELAY_MICROS_MAX));
        let pause = random.percent(10).then(|| frozen(random));
        let manner = match random.below(100) {
            0..70 => Manner::Sudden,
            70..85 => Manner::Frozen(frozen(random)),
            85..93 => Manner::Impatient(Duration::from_micros(random.below(PATIENCE_MICROS_MAX))),
            _ => Manner::Asked,
        };
        let power_cut = has_power && random.percent(85);
        let killed_before = random.percent(30);
        Self { operations, delay, pause, manner, power_cut, killed_before }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "after {} operations and {:?}", self.operations, self.delay)?;
        if let Some(pause) = self.pause {
            write!(formatter, ", frozen for {pause:?} before")?;
        }
        match self.manner {
            Manner::Sudden => write!(formatter, ", killed")?,
            Manner::Frozen(time) => write!(formatter, ", killed after {time:?} frozen")?,
            Manner::Asked => write!(formatter, ", asked to stop")?,
            Manner::Impatient(time) => {
                write!(formatter, ", killed {time:?} after a request to stop")?
            }
        }
        match (self.power_cut, self.killed_before) {
            (false, _) => Ok(()),
            (true, false) => write!(formatter, ", with a power cut"),
            (true, true) => write!(formatter, ", and a power cut after that"),
        }
    }
}

/// What may happen to a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EarlyFate {
    /// It is killed after so long.
    pub(crate) after: Duration,
    /// Whether the power goes with it.
    pub(crate) power_cut: bool,
}

impl EarlyFate {
    /// Most starts are spared.
    pub(crate) fn new(random: &mut Random, has_power: bool) -> Option<Self> {
        if !random.percent(25) {
            return None;
        }
        let after = Duration::from_micros(random.below(START_MICROS_MAX));
        Some(Self { after, power_cut: has_power && random.percent(60) })
    }
}

fn frozen(random: &mut Random) -> Duration {
    Duration::from_millis(random.below(FROZEN_MILLIS_MAX))
}
