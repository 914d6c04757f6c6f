//! What the version tables of one node take of its memory, and how much they may.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A budget that many tables share. They charge what they have allocated whether or not there is
/// room; whoever is about to add something asks first.
#[derive(Debug)]
pub struct Memory {
    limit: u64,
    used: AtomicU64,
}

impl Memory {
    /// A budget of `limit_bytes`, none of it in use.
    #[must_use]
    pub const fn new(limit_bytes: u64) -> Self {
        Self { limit: limit_bytes, used: AtomicU64::new(0) }
    }

    /// A budget that only counts.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// How many bytes are in use.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }

    /// How many bytes there are in all.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether `bytes` more are within the limit. Nothing is set aside for whoever asks: of several
    /// who ask at once, all may be told yes.
    #[must_use]
    pub fn has_room_for(&self, bytes: u64) -> bool {
        self.used().checked_add(bytes).is_some_and(|used| used <= self.limit)
    }

    /// Notes that `bytes` more are in use, the limit notwithstanding: they are already allocated.
    pub fn grow(&self, bytes: u64) {
        self.used.fetch_add(bytes, Relaxed);
    }

    /// Notes that `bytes`, noted before, are free again.
    pub fn shrink(&self, bytes: u64) {
        let used = self.used.fetch_sub(bytes, Relaxed);
        debug_assert!(used >= bytes, "{bytes} of {used} bytes given back");
    }
}

/// What an allocation of `bytes` takes: malloc keeps 8 bytes of its own with each, and gives out
/// multiples of 16, at least 32.
pub(crate) fn heap_bytes(bytes: usize) -> u64 {
    let bytes = if bytes == 0 { 0 } else { (bytes + 8).next_multiple_of(16).max(32) };
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Memory, heap_bytes};

    #[test]
    fn a_budget_counts_what_is_in_use_and_only_says_whether_there_is_room() {
        let memory = Memory::new(100);
        assert!(memory.has_room_for(100) && !memory.has_room_for(101));
        memory.grow(150);
        assert_eq!((memory.used(), memory.limit()), (150, 100));
        assert!(!memory.has_room_for(0));
        memory.shrink(60);
        assert!(memory.has_room_for(10) && !memory.has_room_for(11));
        assert!(!memory.has_room_for(u64::MAX));
        assert!(Memory::unlimited().has_room_for(u64::MAX));
    }

    #[test]
    fn an_allocation_takes_what_malloc_takes() {
        let sizes = [0, 1, 24, 25, 40, 41, 56].map(heap_bytes);
        assert_eq!(sizes, [0, 32, 32, 48, 48, 64, 64]);
    }
}
