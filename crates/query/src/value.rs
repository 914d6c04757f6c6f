//! Values of a document's fields, and the tests that queries make of them.

use std::{cmp::Ordering, collections::BTreeSet, ops::Bound as Limit};

use mapping::{Bound, FieldValue, Range};

use crate::{edits::Near, pattern::Pattern, phrase::Phrase, query::Relation};

/// A value, as far as queries look at it.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A term.
    Term(Box<str>),
    /// A whole number, or a date.
    Whole(i64),
    /// A whole number that may exceed a signed one.
    Unsigned(u64),
    /// A floating-point number.
    Double(f64),
    /// True or false.
    Boolean(bool),
    /// An address.
    Ip(u128),
    /// A range.
    Range(Range),
    /// The terms of a text, each at its place; a place may be empty.
    Text(Box<[Option<Box<str>>]>),
    /// A value of which only the existence counts.
    Other,
}

impl Value {
    /// A value of a document.
    pub(crate) fn of(value: FieldValue<'_>) -> Self {
        match value {
            FieldValue::Keyword(text) => Self::Term(text.into()),
            FieldValue::Long(number) | FieldValue::Date(number) | FieldValue::DateNanos(number) => {
                Self::Whole(number)
            }
            FieldValue::UnsignedLong(number) => Self::Unsigned(number),
            FieldValue::Double(number) => Self::Double(number),
            FieldValue::Boolean(value) => Self::Boolean(value),
            FieldValue::Ip(address) => Self::Ip(address),
            FieldValue::Range(range) => Self::Range(range),
            FieldValue::Text(_) | FieldValue::GeoPoint(_) | FieldValue::Json(_) => Self::Other,
        }
    }

    /// The terms of a text.
    pub(crate) fn terms(&self) -> Option<impl Iterator<Item = &str>> {
        match self {
            Self::Text(places) => Some(places.iter().filter_map(Option::as_deref)),
            Self::Term(_)
            | Self::Whole(_)
            | Self::Unsigned(_)
            | Self::Double(_)
            | Self::Boolean(_)
            | Self::Ip(_)
            | Self::Range(_)
            | Self::Other => None,
        }
    }

    /// The place of its kind among the kinds, which are never mixed in one field.
    fn rank(&self) -> u8 {
        match self {
            Self::Term(_) => 0,
            Self::Whole(_) => 1,
            Self::Unsigned(_) => 2,
            Self::Double(_) => 3,
            Self::Boolean(_) => 4,
            Self::Ip(_) => 5,
            Self::Range(_) => 6,
            Self::Text(_) => 7,
            Self::Other => 8,
        }
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Term(own), Self::Term(other)) => own.cmp(other),
            (Self::Whole(own), Self::Whole(other)) => own.cmp(other),
            (Self::Unsigned(own), Self::Unsigned(other)) => own.cmp(other),
            (Self::Double(own), Self::Double(other)) => own.total_cmp(other),
            (Self::Boolean(own), Self::Boolean(other)) => own.cmp(other),
            (Self::Ip(own), Self::Ip(other)) => own.cmp(other),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

/// Values between two limits.
pub(crate) type Interval = (Limit<Value>, Limit<Value>);

/// Whether a value lies within an interval.
fn is_within(interval: &Interval, value: &Value) -> bool {
    let above = match &interval.0 {
        Limit::Included(limit) => value >= limit,
        Limit::Excluded(limit) => value > limit,
        Limit::Unbounded => true,
    };
    let below = match &interval.1 {
        Limit::Included(limit) => value <= limit,
        Limit::Excluded(limit) => value < limit,
        Limit::Unbounded => true,
    };
    above && below
}

/// A test of one value.
#[derive(Clone, Debug)]
pub(crate) enum ValueTest {
    /// That there is one.
    Exists,
    /// That it is one of these, or lies within one of the intervals.
    Among(BTreeSet<Value>, Vec<Interval>),
    /// That the term begins with a text.
    Prefix(String),
    /// The same, whatever the case.
    PrefixAnyCase(String),
    /// That the term is of a pattern.
    Wildcard(Pattern),
    /// The same, whatever the case.
    WildcardAnyCase(Pattern),
    /// That the term is near to another.
    Near(Near),
    /// How it relates to a range.
    Range(Range, Relation),
    /// That the text has a phrase.
    Phrase(Phrase),
}

impl ValueTest {
    /// Whether a value passes.
    pub(crate) fn passes(&self, value: &Value) -> bool {
        let any = |passes: &dyn Fn(&str) -> bool| terms(value).any(passes);
        match self {
            Self::Exists => true,
            Self::Among(equal, intervals) => {
                let is_among = |value: &Value| {
                    equal.contains(value) || intervals.iter().any(|range| is_within(range, value))
                };
                if let Value::Text(terms) = value {
                    terms.iter().flatten().any(|term| is_among(&Value::Term(term.clone())))
                } else {
                    is_among(value)
                }
            }
            Self::Prefix(prefix) => any(&|term| term.starts_with(prefix)),
            Self::PrefixAnyCase(prefix) => any(&|term| term.to_lowercase().starts_with(prefix)),
            Self::Wildcard(pattern) => any(&|term| pattern.matches(term)),
            Self::WildcardAnyCase(pattern) => any(&|term| pattern.matches(&term.to_lowercase())),
            Self::Near(near) => any(&|term| near.is_near(term)),
            Self::Phrase(phrase) => {
                if let Value::Text(terms) = value {
                    phrase.is_in(terms)
                } else {
                    false
                }
            }
            Self::Range(range, relation) => match value {
                Value::Range(own) => relates(own, range, *relation),
                Value::Term(_)
                | Value::Whole(_)
                | Value::Unsigned(_)
                | Value::Double(_)
                | Value::Boolean(_)
                | Value::Ip(_)
                | Value::Text(_)
                | Value::Other => false,
            },
        }
    }
}

/// The terms that a value has: one, or those of a text.
fn terms(value: &Value) -> impl Iterator<Item = &str> {
    let (one, many) = match value {
        Value::Term(term) => (Some(&**term), None),
        Value::Text(terms) => (None, Some(terms.iter().flatten().map(|term| &**term))),
        Value::Whole(_)
        | Value::Unsigned(_)
        | Value::Double(_)
        | Value::Boolean(_)
        | Value::Ip(_)
        | Value::Range(_)
        | Value::Other => (None, None),
    };
    one.into_iter().chain(many.into_iter().flatten())
}

/// Whether a document's range relates to a query's as the query asks.
fn relates(own: &Range, asked: &Range, relation: Relation) -> bool {
    match relation {
        Relation::Intersects => reaches(asked.from, own.to) && reaches(own.from, asked.to),
        Relation::Within => begins_by(asked.from, own.from) && ends_by(own.to, asked.to),
        Relation::Contains => begins_by(own.from, asked.from) && ends_by(asked.to, own.to),
    }
}

/// Whether a lower bound does not lie above an upper one.
fn reaches(from: Option<Bound>, to: Option<Bound>) -> bool {
    match (from, to) {
        (Some(from), Some(to)) => from <= to,
        _ => true,
    }
}

/// Whether one lower bound does not lie above another.
fn begins_by(first: Option<Bound>, second: Option<Bound>) -> bool {
    match (first, second) {
        (Some(first), Some(second)) => first <= second,
        (None, _) => true,
        (Some(_), None) => false,
    }
}

/// Whether one upper bound does not lie above another.
fn ends_by(first: Option<Bound>, second: Option<Bound>) -> bool {
    match (first, second) {
        (Some(first), Some(second)) => first <= second,
        (_, None) => true,
        (None, Some(_)) => false,
    }
}
