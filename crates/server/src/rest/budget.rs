//! A bound on the bytes of all request bodies, and of the sources of large answers, in memory at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::Error;

/// Bytes that requests and answers may take together.
#[derive(Clone, Debug)]
pub struct Budget {
    limit: u64,
    taken: Arc<AtomicU64>,
}

impl Budget {
    /// A budget of `limit` bytes, none of them taken.
    pub fn new(limit: u64) -> Self {
        Self { limit, taken: Arc::new(AtomicU64::new(0)) }
    }

    /// How many bytes are taken now.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// How many bytes may be taken.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// A reservation of nothing yet; `what` is what refusals call it.
    pub fn reserve_none(&self, what: &'static str) -> Reservation {
        Reservation { budget: self.clone(), what, bytes: 0 }
    }
}

/// The part of a [`Budget`] that one request or answer has; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    what: &'static str,
    bytes: u64,
}

impl Reservation {
    /// Takes more; refused with 429 if that would exceed the budget.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Error> {
        let before = self.budget.taken.fetch_add(bytes, Ordering::Relaxed);
        let wanted = before.saturating_add(bytes);
        if wanted > self.budget.limit {
            self.budget.taken.fetch_sub(bytes, Ordering::Relaxed);
            let (what, limit) = (self.what, self.budget.limit);
            return Err(Error::Overloaded { what, wanted, limit });
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
        let mut first = budget.reserve_none("x");
        first.grow(6).unwrap();
        let mut second = budget.reserve_none("x");
        assert_eq!(second.grow(5), Err(Error::Overloaded { what: "x", wanted: 11, limit: 10 }));
        second.grow(4).unwrap();
        drop(first);
        second.grow(6).unwrap();
    }
}
