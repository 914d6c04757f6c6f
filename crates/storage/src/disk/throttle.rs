//! Making those wait who add documents, while collection lags behind them.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

/// Nobody waits longer than that.
const DELAY_MAX: Duration = Duration::from_secs(1);

/// A rate at which documents may be added. They wait their turn before they reach their shard's
/// writer, which has collection's copies to make meanwhile.
#[derive(Default)]
pub(super) struct Throttle {
    /// What each byte takes; nothing if there is no limit.
    nanos_per_byte: AtomicU64,
    /// When the next may be added.
    next: Mutex<Option<Instant>>,
}

impl Throttle {
    /// Sets the rate.
    pub(super) fn set(&self, nanos_per_byte: u64) {
        self.nanos_per_byte.store(nanos_per_byte, Relaxed);
    }

    /// How long whoever wants to add so many bytes at `now` is to wait.
    pub(super) fn delay(&self, bytes: usize, now: Instant) -> Duration {
        let nanos = self.nanos_per_byte.load(Relaxed).saturating_mul(bytes as u64);
        if nanos == 0 {
            return Duration::ZERO;
        }
        let mut next = self.next.lock();
        let turn = next.map_or(now, |next| next.clamp(now, now + DELAY_MAX));
        *next = Some(turn + Duration::from_nanos(nanos).min(DELAY_MAX));
        turn - now
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{DELAY_MAX, Throttle};

    #[test]
    fn everybody_waits_for_those_before() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        assert_eq!(throttle.delay(1_000_000, now), Duration::ZERO);
        throttle.set(50);
        let delays = [(); 3].map(|()| throttle.delay(1_000_000, now).as_millis());
        assert_eq!(delays, [0, 50, 100]);
        // In time it is forgotten, and nobody waits for ever.
        assert_eq!(throttle.delay(usize::MAX, now + DELAY_MAX), Duration::ZERO);
        assert_eq!(throttle.delay(1, now + DELAY_MAX), DELAY_MAX);
        throttle.set(0);
        assert_eq!(throttle.delay(1, now), Duration::ZERO);
    }
}
