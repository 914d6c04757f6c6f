//! A bound on the bytes of all request bodies in memory at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::rest::error::Error;

/// Bytes that bodies may take together.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    limit: u64,
    taken: Arc<AtomicU64>,
}

impl Budget {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, taken: Arc::new(AtomicU64::new(0)) }
    }

    /// A reservation of nothing yet.
    pub(super) fn reserve_none(&self) -> Reservation {
        Reservation { budget: self.clone(), bytes: 0 }
    }
}

/// The part of a [`Budget`] one body has; given back when dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    budget: Budget,
    bytes: u64,
}

impl Reservation {
    /// Takes more; refused with 429 if that would exceed the budget.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Error> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let before = self.budget.taken.fetch_add(bytes, Ordering::Relaxed);
        let wanted = before.saturating_add(bytes);
        if wanted > self.budget.limit {
            self.budget.taken.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Error::Overloaded { wanted, limit: self.budget.limit });
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_can_be_taken_again() {
        let budget = Budget::new(10);
        let mut first = budget.reserve_none();
        first.grow(6).unwrap();
        let mut second = budget.reserve_none();
        assert_eq!(second.grow(5), Err(Error::Overloaded { wanted: 11, limit: 10 }));
        second.grow(4).unwrap();
        drop(first);
        second.grow(6).unwrap();
    }
}
