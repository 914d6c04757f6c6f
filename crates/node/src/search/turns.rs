//! Turns: how many searches look at documents at a time, and how many wait for that.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::Error;

/// How many searches run at a time. Each holds the documents that it reads together.
const RUNNING_MAX: usize = 16;
/// How many wait for their turn (`thread_pool.search.queue_size`).
const WAITING_MAX: usize = 1_000;

/// Hands out turns, in the order in which they were asked for.
#[derive(Debug)]
pub struct Turns {
    running: Semaphore,
    running_max: usize,
    waiting: AtomicUsize,
    waiting_max: usize,
}

impl Default for Turns {
    fn default() -> Self {
        Self::new(RUNNING_MAX, WAITING_MAX)
    }
}

/// A place among those who wait; given back when dropped.
struct Place<'t>(&'t Turns);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turns {
    /// So many turns at a time, for which so many wait.
    fn new(running_max: usize, waiting_max: usize) -> Self {
        let running = Semaphore::new(running_max);
        Self { running, running_max, waiting: AtomicUsize::new(0), waiting_max }
    }

    /// Waits for a turn, which lasts until it is dropped.
    ///
    /// # Errors
    /// [`Error::TooManySearches`] when as many wait as may.
    pub(super) async fn take(&self) -> Result<SemaphorePermit<'_>, Error> {
        if let Ok(turn) = self.running.try_acquire() {
            return Ok(turn);
        }
        let refused =
            || Error::TooManySearches { running: self.running_max, waiting: self.waiting_max };
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _place = Place(self);
        if before >= self.waiting_max {
            return Err(refused());
        }
        self.running.acquire().await.map_err(|_| refused())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::Turns;

    #[tokio::test]
    async fn only_so_many_have_a_turn_and_only_so_many_wait() {
        let turns = Turns::new(2, 1);
        let first = turns.take().await.unwrap();
        let _second = turns.take().await.unwrap();
        let mut waiting = Box::pin(turns.take());
        assert!((&mut waiting).now_or_never().is_none());
        assert!(turns.take().await.is_err(), "one waits already");
        drop(first);
        assert!(waiting.await.is_ok());
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_a_place() {
        let turns = Turns::new(1, 1);
        let turn = turns.take().await.unwrap();
        let mut waiting = Box::pin(turns.take());
        assert!((&mut waiting).now_or_never().is_none());
        drop(waiting);
        let mut again = Box::pin(turns.take());
        assert!((&mut again).now_or_never().is_none());
        drop(turn);
        assert!(again.await.is_ok());
    }
}
