//! Terms that stand in a text in their order.

/// Terms in their order, of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phrase {
    /// The terms and their places; places may be left out.
    terms: Vec<(usize, String)>,
    /// Whether the last term is only a prefix.
    ends_open: bool,
    /// How far terms may be moved, in all.
    slop: usize,
}

impl Phrase {
    /// A phrase of some terms and their places.
    pub(crate) fn new(terms: Vec<(usize, String)>, ends_open: bool, slop: usize) -> Self {
        Self { terms, ends_open, slop }
    }

    /// Whether the terms of a text, each at its place, have the phrase.
    ///
    /// A term that stands where the phrase wants it lies at one *origin* with the others. Moved terms
    /// have other origins; how far the origins lie apart is how far terms are moved.
    pub(crate) fn is_in(&self, text: &[Option<Box<str>>]) -> bool {
        let mut origins = Vec::with_capacity(self.terms.len());
        for (number, (place, term)) in self.terms.iter().enumerate() {
            let is_open = self.ends_open && number + 1 == self.terms.len();
            let is_it = |found: &str| {
                if is_open { found.starts_with(term.as_str()) } else { found == term.as_str() }
            };
            // Shifted, so that no origin is negative.
            let shift = self.terms.last().map_or(0, |(last, _)| last - place);
            let at: Vec<usize> = (text.iter().enumerate())
                .filter(|(_, found)| found.as_deref().is_some_and(is_it))
                .map(|(at, _)| at + shift)
                .collect();
            if at.is_empty() {
                return false;
            }
            origins.push((shift, at));
        }
        // The least of the origins is one of those that there are.
        let starts: Vec<usize> = origins.iter().flat_map(|(_, at)| at.iter().copied()).collect();
        if self.slop == 0 {
            let everywhere = |start| origins.iter().all(|(_, at)| at.binary_search(start).is_ok());
            return origins.first().is_some_and(|(_, at)| at.iter().any(everywhere));
        }
        starts.into_iter().any(|start| self.fits(&origins, start))
    }

    /// Whether every term has a place of its own with an origin from `start` on, within the slop.
    fn fits(&self, origins: &[(usize, Vec<usize>)], start: usize) -> bool {
        let mut taken = Vec::with_capacity(origins.len());
        origins.iter().all(|(shift, at)| {
            let first = at.partition_point(|origin| *origin < start);
            let within = at.iter().skip(first).take_while(|origin| **origin - start <= self.slop);
            let free = within.map(|origin| origin - shift).find(|place| !taken.contains(place));
            taken.extend(free);
            free.is_some()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Phrase;

    /// Whether a text has a phrase; a dot is an empty place.
    fn is_in(phrase: &str, slop: usize, text: &str) -> bool {
        let open = phrase.ends_with('*');
        let terms = phrase.trim_end_matches('*').split(' ').enumerate();
        let terms = terms.filter(|(_, term)| *term != ".").map(|(at, t)| (at, t.to_owned()));
        let text: Vec<_> = text.split(' ').map(|t| (t != ".").then(|| t.into())).collect();
        Phrase::new(terms.collect(), open, slop).is_in(&text)
    }

    #[test]
    fn terms_stand_in_their_order() {
        assert!(is_in("a b", 0, "x a b y"));
        assert!(!is_in("a b", 0, "a x b"));
        assert!(!is_in("b a", 0, "a b"));
        assert!(is_in("a . b", 0, "x a y b"));
        assert!(!is_in("a . b", 0, "a b"));
        assert!(is_in("a a", 0, "a a"));
        assert!(!is_in("a a", 0, "a b a"));
    }

    #[test]
    fn the_last_term_may_be_a_prefix() {
        assert!(is_in("a bc*", 0, "a bcd"));
        assert!(!is_in("a bc*", 0, "ax bcd"));
    }

    #[test]
    fn terms_may_be_moved_within_the_slop() {
        assert!(is_in("a b", 1, "a x b"));
        assert!(!is_in("a b", 1, "a x x b"));
        // To change places is two moves.
        assert!(!is_in("b a", 1, "a b"));
        assert!(is_in("b a", 2, "a b"));
        // A term that is asked for twice has to be there twice.
        assert!(!is_in("a a", 5, "a b"));
        assert!(is_in("a a", 5, "a b a"));
    }
}
