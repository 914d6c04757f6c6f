//! Virtual time: how much has passed, what the wall clock shows, and the moments of the history.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

use checker::Moment;
use document::Timestamp;
use shard::Clock;
use tokio::time::Instant;
use workload::Moments;

/// What the wall clock shows when the simulation begins: 2026-01-01.
const BEGIN_MILLIS: i64 = 1_767_225_600_000;

/// The wall clock of the simulated machine; it goes on with virtual time, or stands still so that
/// clients can meet the very millisecond at which something ends, and steps when told to.
#[derive(Debug)]
pub struct WallClock {
    began: Instant,
    /// Whether it goes on by itself.
    goes_on: bool,
    /// By how much it was stepped so far.
    stepped_millis: AtomicI64,
    /// How many moments were told so far.
    moments: AtomicU64,
}

impl WallClock {
    /// A clock that begins now, and goes on by itself or does not. Needs the simulation's runtime.
    #[must_use]
    pub fn new(goes_on: bool) -> Arc<Self> {
        let (stepped_millis, moments) = (AtomicI64::new(0), AtomicU64::new(0));
        Arc::new(Self { began: Instant::now(), goes_on, stepped_millis, moments })
    }

    /// Steps the clock.
    pub fn step(&self, millis: i64) {
        self.stepped_millis.fetch_add(millis, Relaxed);
    }

    /// How much virtual time has passed, in microseconds.
    #[must_use]
    pub fn elapsed_micros(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn wall_millis(&self) -> i64 {
        let micros = if self.goes_on { self.elapsed_micros() } else { 0 };
        let passed = i64::try_from(micros / 1_000).unwrap_or(i64::MAX);
        BEGIN_MILLIS + passed + self.stepped_millis.load(Relaxed)
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.wall_millis())
    }
}

impl Moments for WallClock {
    fn now(&self) -> Moment {
        let order = self.moments.fetch_add(1, Relaxed);
        Moment { order, wall_millis: self.wall_millis() }
    }
}
