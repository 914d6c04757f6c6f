//! How long is searched.

use std::cell::Cell;

/// The steps that searches may take. They give up, and say so, when these are used up.
pub(in crate::check) struct Effort {
    /// One search.
    each: u64,
    /// How many are left to all of them together.
    left: Cell<u64>,
    was_too_little: Cell<bool>,
}

impl Effort {
    /// So many steps for one search, and for all.
    pub(in crate::check) fn new(each: u64, all: u64) -> Self {
        Self { each, left: Cell::new(all), was_too_little: Cell::new(false) }
    }

    /// Whether a search gave up.
    pub(in crate::check) fn was_too_little(&self) -> bool {
        self.was_too_little.get()
    }

    /// Takes a step of a search that has taken so many; says whether it may.
    pub(super) fn step(&self, taken: u64) -> bool {
        let left = self.left.get().checked_sub(1).filter(|_| taken < self.each);
        match left {
            Some(left) => self.left.set(left),
            None => self.was_too_little.set(true),
        }
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::Effort;

    #[test]
    fn each_search_and_all_together_take_so_many_steps() {
        let effort = Effort::new(3, 5);
        let search = || (0..).take_while(|taken| effort.step(*taken)).count();
        assert!(!effort.was_too_little());
        assert_eq!([search(), search(), search()], [3, 2, 0]);
        assert!(effort.was_too_little());
    }
}
