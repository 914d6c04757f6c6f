//! Terms that stand in a text in their order.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

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
    pub(crate) fn is_in(&self, text: &[Option<Box<str>>]) -> bool {
        let Some(places) = self.places(text) else { return false };
        if self.slop == 0 { self.stands(text.len(), &places) } else { self.moved(&places) }
    }

    /// Where the text has each of the terms; nothing if it has not all of them. Terms that are asked for more
    /// than once share their places, so that these are as many as the text is long, or twice.
    fn places(&self, text: &[Option<Box<str>>]) -> Option<Vec<Rc<[usize]>>> {
        let mut by_term: HashMap<&str, Vec<usize>> = HashMap::new();
        for (_, term) in &self.terms {
            by_term.insert(term, Vec::new());
        }
        let open = self.terms.last().filter(|_| self.ends_open).map(|(_, term)| term.as_str());
        let mut opened = Vec::new();
        for (at, term) in text.iter().enumerate() {
            let Some(term) = term.as_deref() else { continue };
            if let Some(places) = by_term.get_mut(term) {
                places.push(at);
            }
            if open.is_some_and(|open| term.starts_with(open)) {
                opened.push(at);
            }
        }
        let shared: HashMap<&str, Rc<[usize]>> =
            by_term.into_iter().map(|(term, places)| (term, places.into())).collect();
        let mut places = Vec::with_capacity(self.terms.len());
        for (_, term) in &self.terms {
            places.push(Rc::clone(shared.get(term.as_str())?));
        }
        if let Some(last) = places.last_mut().filter(|_| self.ends_open) {
            *last = opened.into();
        }
        places.iter().all(|places| !places.is_empty()).then_some(places)
    }

    /// Whether the terms stand in their places, wherever the first of them stands.
    fn stands(&self, length: usize, places: &[Rc<[usize]>]) -> bool {
        // The number of the term at each place, so that looking is comparing numbers.
        let mut at = vec![usize::MAX; length];
        let mut numbers: HashMap<*const [usize], usize> = HashMap::new();
        let mut wanted = Vec::with_capacity(places.len());
        for (number, places) in places.iter().enumerate() {
            let number = *numbers.entry(Rc::as_ptr(places)).or_insert(number);
            let is_open = self.ends_open && wanted.len() + 1 == self.terms.len();
            if !is_open {
                for place in places.iter() {
                    if let Some(at) = at.get_mut(*place) {
                        *at = number;
                    }
                }
            }
            wanted.push(number);
        }
        let first = self.terms.first().map_or(0, |(place, _)| *place);
        let stands = |start: usize| {
            self.terms.iter().zip(&wanted).enumerate().all(|(n, ((place, _), number))| {
                let place = start + (place - first);
                let is_open = self.ends_open && n + 1 == self.terms.len();
                match places.get(n).filter(|_| is_open) {
                    Some(open) => open.binary_search(&place).is_ok(),
                    None => at.get(place) == Some(number),
                }
            })
        };
        places.first().is_some_and(|starts| starts.iter().any(|start| stands(*start)))
    }

    /// Whether the terms are in the text when they may be moved.
    ///
    /// A term that stands where the phrase wants it lies at one *origin* with the others. Moved terms
    /// have other origins; how far the origins lie apart is how far terms are moved.
    fn moved(&self, places: &[Rc<[usize]>]) -> bool {
        // Shifted, so that no origin is negative.
        let last = self.terms.last().map_or(0, |(last, _)| *last);
        let origins: Vec<(usize, &[usize])> = (self.terms.iter().zip(places))
            .map(|((place, _), places)| (last - place, &**places))
            .collect();
        // The least of the origins is one of those that there are, and not far from that of the rarest term.
        let Some((shift, rarest)) = origins.iter().min_by_key(|(_, places)| places.len()) else {
            return false;
        };
        let mut tried = None;
        for place in *rarest {
            let origin = place + shift;
            let from = tried.map_or(0, |tried| tried + 1).max(origin.saturating_sub(self.slop));
            for start in from..=origin {
                if self.fits(&origins, start) {
                    return true;
                }
            }
            tried = Some(origin);
        }
        false
    }

    /// Whether every term has a place of its own with an origin from `start` on, within the slop.
    fn fits(&self, origins: &[(usize, &[usize])], start: usize) -> bool {
        let mut taken = HashSet::with_capacity(origins.len());
        origins.iter().all(|(shift, places)| {
            let first = places.partition_point(|place| place + shift < start);
            let within =
                places.iter().skip(first).take_while(|place| **place + shift - start <= self.slop);
            let free = within.copied().find(|place| !taken.contains(place));
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

    /// Each place of the text is remembered once, however often its term is asked for.
    #[test]
    fn a_long_phrase_in_a_long_text_takes_no_time() {
        let text = "a ".repeat(100_000) + "b c";
        for (phrase, slop, found) in [
            ("a ".repeat(1_000) + "b", 0, true),
            ("a ".repeat(1_000) + "c", 0, false),
            ("a ".repeat(1_000) + "d", 0, false),
            ("a ".repeat(1_000) + "b c*", 0, true),
            ("a ".repeat(500) + "c", 1, true),
            ("b ".to_owned() + &"a ".repeat(200) + "c", 3, false),
        ] {
            assert_eq!(is_in(&phrase, slop, &text), found, "{} {slop}", phrase.len());
        }
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
