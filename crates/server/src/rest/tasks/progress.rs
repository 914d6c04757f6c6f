//! How far a task has come, and how fast it may go.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long one batch waits at most, to keep to so many writes a second.
const WAIT_MAX: f32 = 3_600.0;

/// How fast a task may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pace {
    /// How many writes a second; no bound if none.
    pub(crate) per_second: Option<f32>,
    /// Why it is to end, if it is.
    pub(crate) canceled: Option<&'static str>,
}

/// How far a task or one of its parts has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// How many documents it is about.
    pub(crate) total: u64,
    /// How many were replaced.
    pub(crate) updated: u64,
    /// How many are new.
    pub(crate) created: u64,
    /// How many were deleted.
    pub(crate) deleted: u64,
    /// How many batches there were.
    pub(crate) batches: u64,
    /// How many had been written meanwhile.
    pub(crate) version_conflicts: u64,
    /// How many stayed as they were.
    pub(crate) noops: u64,
    /// How often a batch was sent again.
    pub(crate) retries: u64,
    /// How long it waited to keep its pace.
    pub(crate) throttled_millis: u64,
}

impl Counters {
    /// How many documents were written.
    pub(crate) fn written(&self) -> u64 {
        self.created + self.updated + self.deleted
    }

    /// Adds what another part did.
    pub(crate) fn add(&mut self, other: &Self) {
        self.total = self.total.saturating_add(other.total);
        self.updated += other.updated;
        self.created += other.created;
        self.deleted += other.deleted;
        self.batches += other.batches;
        self.version_conflicts += other.version_conflicts;
        self.noops += other.noops;
        self.retries += other.retries;
        self.throttled_millis += other.throttled_millis;
    }
}

/// A part of a task.
#[derive(Debug, Default)]
pub(crate) struct Part {
    counters: Mutex<Counters>,
    /// Until when it waits.
    waits_until: Mutex<Option<Instant>>,
}

impl Part {
    /// How far it has come.
    pub(crate) fn counters(&self) -> Counters {
        *self.counters.lock()
    }

    /// Counts.
    pub(crate) fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.counters.lock());
    }

    /// How much longer it waits.
    pub(crate) fn waits(&self) -> Duration {
        let until = *self.waits_until.lock();
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Waits as long as so many writes take at a pace that `parts` share. Where that becomes faster
    /// meanwhile, what is left to wait becomes shorter.
    pub(crate) async fn wait(&self, pace: &mut watch::Receiver<Pace>, parts: u32, writes: usize) {
        let Some(mut rate) = pace.borrow_and_update().per_second else { return };
        let mut wait = time(rate, parts, writes);
        let mut until = Instant::now() + wait;
        loop {
            *self.waits_until.lock() = Some(until);
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(until) => break,
                changed = pace.changed() => {
                    if changed.is_err() {
                        break;
                    }
                }
            }
            let faster = pace.borrow_and_update().per_second.unwrap_or(f32::INFINITY);
            if faster > rate {
                let left = until.saturating_duration_since(Instant::now());
                wait = left.mul_f32(rate / faster);
                until = Instant::now() + wait;
                rate = faster;
            }
        }
        *self.waits_until.lock() = None;
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.count(|counters| counters.throttled_millis += millis);
    }
}

/// How long so many writes take at a rate that some parts share.
fn time(rate: f32, parts: u32, writes: usize) -> Duration {
    #[expect(clippy::cast_precision_loss, reason = "there are fewer parts and writes than that")]
    let seconds = writes as f32 * parts as f32 / rate;
    Duration::from_secs_f32(if seconds.is_finite() { seconds.min(WAIT_MAX) } else { WAIT_MAX })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::watch;

    use super::{Pace, Part, time};

    fn pace(per_second: f32) -> Pace {
        Pace { per_second: Some(per_second), canceled: None }
    }

    #[tokio::test]
    async fn a_part_waits_as_long_as_its_writes_take() {
        let (_sender, mut receiver) = watch::channel(pace(100.0));
        let part = Part::default();
        let began = tokio::time::Instant::now();
        part.wait(&mut receiver, 2, 5).await;
        assert!(began.elapsed() >= Duration::from_millis(100));
        assert_eq!(part.counters().throttled_millis, 100);
        assert_eq!(part.waits(), Duration::ZERO);
    }

    #[tokio::test]
    async fn who_may_go_faster_waits_less() {
        let (sender, mut receiver) = watch::channel(pace(0.000_001));
        let part = Part::default();
        let began = tokio::time::Instant::now();
        let wait = part.wait(&mut receiver, 1, 10);
        let wake = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert!(part.waits() > Duration::from_secs(3_000));
            // Slower has no effect on what waits already.
            sender.send_replace(pace(0.000_000_1));
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert!(part.waits() > Duration::from_secs(3_000));
            sender.send_replace(Pace { per_second: None, canceled: None });
        };
        tokio::join!(wait, wake);
        assert!(began.elapsed() < Duration::from_secs(1_000));
        assert_eq!(part.counters().throttled_millis, 0, "what was planned last counts");
    }

    #[test]
    fn no_wait_is_longer_than_an_hour() {
        for rate in [f32::MIN_POSITIVE, 1e-38] {
            assert_eq!(time(rate, 1, usize::MAX), Duration::from_secs(3_600));
        }
    }
}
