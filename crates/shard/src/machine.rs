//! Time, and the machine as a shard sees it: they come in through the constructor, so that a simulator can own it.

use std::sync::Arc;

use document::Timestamp;

use crate::{SystemThreads, Threads};

/// Tells the time of the wall clock. It may step back; nothing but the expiry of tombstones and the
/// times shown to people depends on it.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// What a shard asks of the machine it runs on.
#[derive(Clone)]
pub struct Machine {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Threads for what would hold up the event loop.
    pub threads: Arc<dyn Threads>,
}

impl Machine {
    /// This machine with another clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock, threads: Arc::new(SystemThreads) }
    }
}

impl Default for Machine {
    /// This machine.
    fn default() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place where the machine's time comes in")]
    fn now(&self) -> Timestamp {
        let since_1970 =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
    }
}
