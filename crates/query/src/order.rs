//! The keys that documents are ordered by, and the first of many documents.

use std::cmp::Ordering;

use crate::plan::address_text;

/// What a document is ordered by, under one criterion.
#[derive(Clone, Debug)]
pub enum Key {
    /// A whole number, a date, or a place.
    Whole(i64),
    /// A whole number that may exceed a signed one.
    Unsigned(u64),
    /// A floating-point number.
    Double(f64),
    /// A floating-point number in single precision.
    Single(f32),
    /// A term, or none.
    Term(Option<Box<str>>),
    /// An address, or none.
    Ip(Option<u128>),
}

impl Key {
    /// The natural order of two keys.
    pub(crate) fn natural(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Whole(own), Self::Whole(other)) => own.cmp(other),
            (Self::Unsigned(own), Self::Unsigned(other)) => own.cmp(other),
            (Self::Term(own), Self::Term(other)) => own.cmp(other),
            (Self::Ip(own), Self::Ip(other)) => own.cmp(other),
            (Self::Single(own), Self::Single(other)) => own.total_cmp(other),
            // Indices may have different types under one name: numbers still compare as numbers.
            _ => match (self.integer(), other.integer()) {
                (Some(own), Some(other)) => own.cmp(&other),
                (Some(own), None) if other.is_number() => compare(own, other.double()),
                (None, Some(other)) if self.is_number() => compare(other, self.double()).reverse(),
                _ if self.is_number() && other.is_number() => {
                    self.double().total_cmp(&other.double())
                }
                _ if self.is_number() || other.is_number() => {
                    other.is_number().cmp(&self.is_number())
                }
                _ => self.text().cmp(&other.text()),
            },
        }
    }

    /// Whether it is a number.
    fn is_number(&self) -> bool {
        !matches!(self, Self::Term(_) | Self::Ip(_))
    }

    /// The whole number that it is of a type of.
    fn integer(&self) -> Option<i128> {
        match self {
            Self::Whole(number) => Some(i128::from(*number)),
            Self::Unsigned(number) => Some(i128::from(*number)),
            Self::Double(_) | Self::Single(_) | Self::Term(_) | Self::Ip(_) => None,
        }
    }

    /// Whether there is no value.
    fn is_missing(&self) -> bool {
        matches!(self, Self::Term(None) | Self::Ip(None))
    }

    /// Of a number the nearest double.
    #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is wanted")]
    pub(crate) fn double(&self) -> f64 {
        match self {
            Self::Whole(number) => *number as f64,
            Self::Unsigned(number) => *number as f64,
            Self::Double(number) => *number,
            Self::Single(number) => f64::from(*number),
            Self::Term(_) | Self::Ip(_) => 0.0,
        }
    }

    /// Of a whole number itself.
    pub(crate) fn whole(&self) -> i64 {
        match self {
            Self::Whole(number) => *number,
            Self::Unsigned(_) | Self::Double(_) | Self::Single(_) | Self::Term(_) | Self::Ip(_) => {
                0
            }
        }
    }

    /// The text of a term or an address, if there is one.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Term(term) => term.as_deref().map(str::to_owned),
            Self::Ip(address) => address.map(address_text),
            Self::Whole(_) | Self::Unsigned(_) | Self::Double(_) | Self::Single(_) => None,
        }
    }
}

/// The order of a whole number and a double, exactly: sorting relies on an order without circles.
fn compare(whole: i128, double: f64) -> Ordering {
    if double.is_nan() {
        return if double.is_sign_negative() { Ordering::Greater } else { Ordering::Less };
    }
    let floor = double.floor();
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates beyond all keys")]
    let order = whole.cmp(&(floor as i128));
    // A fraction lies above its floor, and the negative zero below the other one.
    order
        .then_with(|| floor.total_cmp(&double))
        .then_with(|| if double == 0.0 { 0.0_f64.total_cmp(&double) } else { Ordering::Equal })
}

/// How keys under one criterion are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Direction {
    /// Whether the greatest is first.
    pub(crate) descending: bool,
    /// Whether documents without a value are first.
    pub(crate) missing_first: bool,
}

/// How documents are ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranking {
    directions: Vec<Direction>,
}

impl Ranking {
    /// An order by some criteria, the first before the second.
    pub(crate) fn new(directions: Vec<Direction>) -> Self {
        Self { directions }
    }

    /// The order of two documents by their keys. Equal ones are told apart by their places.
    #[must_use]
    pub fn compare(&self, left: &[Key], right: &[Key]) -> Ordering {
        for (direction, (left, right)) in self.directions.iter().zip(left.iter().zip(right)) {
            let order = match (left.is_missing(), right.is_missing()) {
                (true, true) => Ordering::Equal,
                (true, false) if direction.missing_first => Ordering::Less,
                (true, false) => Ordering::Greater,
                (false, true) if direction.missing_first => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) if direction.descending => right.natural(left),
                (false, false) => left.natural(right),
            };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}

/// A document among the first.
#[derive(Debug)]
struct Entry<T> {
    keys: Vec<Key>,
    place: u64,
    hit: T,
}

/// The first of many documents.
#[derive(Debug)]
pub struct TopHits<T> {
    ranking: Ranking,
    limit: usize,
    entries: Vec<Entry<T>>,
    /// Whether the entries are sorted and there are `limit` of them, so that the last is a bar.
    is_full: bool,
}

impl<T> TopHits<T> {
    /// No documents yet, of which the first `limit` will be kept.
    #[must_use]
    pub fn new(ranking: Ranking, limit: usize) -> Self {
        Self { ranking, limit, entries: Vec::new(), is_full: false }
    }

    /// Whether a document would be kept.
    #[must_use]
    pub fn takes(&self, keys: &[Key], place: u64) -> bool {
        if self.limit == 0 {
            return false;
        }
        match self.entries.get(self.limit - 1) {
            Some(bar) if self.is_full => {
                let order = self.ranking.compare(keys, &bar.keys);
                order.then(place.cmp(&bar.place)).is_lt()
            }
            _ => true,
        }
    }

    /// Adds a document.
    pub fn add(&mut self, keys: Vec<Key>, place: u64, hit: T) {
        if !self.takes(&keys, place) {
            return;
        }
        self.entries.push(Entry { keys, place, hit });
        // Sorted seldom enough that adding costs little, and often enough that memory is bounded.
        if self.entries.len() >= self.limit.saturating_mul(2).max(64) {
            self.cut();
        }
    }

    /// How many documents are kept at present: up to twice as many as are asked for.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.entries.len()
    }

    /// Sorts, and drops what is not among the first.
    fn cut(&mut self) {
        let ranking = &self.ranking;
        self.entries.sort_unstable_by(|left, right| {
            ranking.compare(&left.keys, &right.keys).then(left.place.cmp(&right.place))
        });
        self.entries.truncate(self.limit);
        self.is_full = self.entries.len() == self.limit;
    }

    /// The first documents in their order, with their keys.
    #[must_use]
    pub fn finish(mut self) -> Vec<(Vec<Key>, T)> {
        self.cut();
        self.entries.into_iter().map(|entry| (entry.keys, entry.hit)).collect()
    }
}
