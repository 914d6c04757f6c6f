//! What happened how often: every fault, every kind of answer, every warning of the product.

use std::{collections::BTreeMap, fmt, sync::Arc};

use parking_lot::Mutex;

/// Counts by name. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    counts: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Coverage {
    /// It happened.
    pub fn count(&self, what: &str) {
        let mut counts = self.counts.lock();
        match counts.get_mut(what) {
            Some(count) => *count += 1,
            None => {
                counts.insert(what.to_owned(), 1);
            }
        }
    }

    /// Adds what was counted elsewhere.
    pub fn add(&self, other: &Self) {
        let other = other.counts();
        let mut counts = self.counts.lock();
        for (what, count) in other {
            *counts.entry(what).or_default() += count;
        }
    }

    /// All counts by name.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.counts.lock().clone()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in self.counts() {
            writeln!(formatter, "{count:>12}  {what}")?;
        }
        Ok(())
    }
}
