//! The three numbers of optimistic concurrency control (spec concurrency §1–§3).

use std::fmt;

/// A document's `_version`: counted by the server (internal) or given by the caller (external).
///
/// Between 0 and 2^63 − 1. Not unique over time: it starts again once a tombstone has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(i64);

impl Version {
    /// The version of a document's first internal write.
    pub const FIRST: Self = Self(1);
    /// The highest version; an internal write cannot follow it.
    pub const MAX: Self = Self(i64::MAX);

    /// The version `number`, or nothing when it is negative.
    #[must_use]
    pub const fn new(number: i64) -> Option<Self> {
        if number < 0 { None } else { Some(Self(number)) }
    }

    /// The version an internal write gives, or nothing at 2^63 − 1: a version never wraps.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    /// The version as a number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A sequence number: the place of an operation in its shard's history, from 0, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeqNo(u64);

impl SeqNo {
    /// The first sequence number of a shard.
    pub const ZERO: Self = Self(0);

    /// The sequence number `number`.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The sequence number after this one. (2^64 operations take longer than anybody will wait.)
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The sequence number as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for SeqNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A primary term: the reign under which a primary ordered operations, from 1.
///
/// It rises whenever the authority to order changes. A document keeps the term it was written
/// under; a condition compares with that one, never with the shard's (spec concurrency §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrimaryTerm(u64);

impl PrimaryTerm {
    /// The term of a new shard.
    pub const FIRST: Self = Self(1);

    /// The term `number`.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The term that follows this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The term as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for PrimaryTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
