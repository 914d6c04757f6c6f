//! Queries as they are tried on documents.

use std::collections::BTreeSet;

use crate::{
    field::Fields,
    value::{Value, ValueTest},
};

use super::Document;

/// A test and what it adds to the score.
#[derive(Clone, Debug)]
pub(super) struct Scored {
    /// The test.
    pub(super) test: Test,
    /// What its score is multiplied with.
    pub(super) boost: f32,
}

/// A test of a document.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// Every document passes.
    All,
    /// No document passes.
    None,
    /// The id is one of these.
    Ids(BTreeSet<String>),
    /// The routing value passes; there is one.
    Routing(ValueTest),
    /// The path of a field of which values are left out passes.
    Ignored(ValueTest),
    /// The sequence number passes.
    SeqNo(ValueTest),
    /// A value of the field in a slot passes.
    Field(usize, ValueTest),
    /// One of the fields in some slots has a value.
    AnyExists(Vec<usize>),
    /// Several tests together.
    Group(Group),
    /// Several tests of which the best scores, and the others with a share.
    Best(Vec<Scored>, f32),
    /// Another test, whose score does not count.
    Constant(Box<Scored>),
}

/// Several tests together.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// All must pass, and score.
    pub(super) must: Vec<Scored>,
    /// All must pass.
    pub(super) filter: Vec<Scored>,
    /// These score.
    pub(super) should: Vec<Scored>,
    /// None may pass.
    pub(super) must_not: Vec<Scored>,
    /// So many of those that score must pass.
    pub(super) least: usize,
}

impl Scored {
    /// The score of a document, if it passes.
    pub(super) fn score(&self, document: &Document<'_>, fields: &Fields) -> Option<f32> {
        let any =
            |slot: usize, test: &ValueTest| fields.values(slot).iter().any(|v| test.passes(v));
        let passes = match &self.test {
            Test::All => true,
            Test::None => false,
            Test::Ids(ids) => ids.contains(document.id),
            Test::Routing(test) => {
                document.routing.is_some_and(|routing| test.passes(&Value::Term(routing.into())))
            }
            Test::Ignored(test) => fields.ignored().iter().any(|path| test.passes(path)),
            Test::SeqNo(test) => i64::try_from(document.seq_no)
                .is_ok_and(|number| test.passes(&Value::Whole(number))),
            Test::Field(slot, test) => any(*slot, test),
            Test::AnyExists(slots) => slots.iter().any(|slot| !fields.values(*slot).is_empty()),
            Test::Group(group) => return Some(group.score(document, fields)? * self.boost),
            Test::Best(tests, share) => {
                let scores = tests.iter().filter_map(|test| test.score(document, fields));
                return best(scores, *share).map(|score| score * self.boost);
            }
            Test::Constant(inner) => inner.score(document, fields).is_some(),
        };
        passes.then_some(self.boost)
    }

    /// Whether every document passes.
    pub(super) fn is_all(&self) -> bool {
        matches!(self.test, Test::All)
    }

    /// The only ids that can pass, if the test names them.
    pub(super) fn ids(&self) -> Option<&BTreeSet<String>> {
        match &self.test {
            Test::Ids(ids) => Some(ids),
            Test::Constant(inner) => inner.ids(),
            Test::Group(group) => group.must.iter().chain(&group.filter).find_map(Self::ids),
            Test::All
            | Test::None
            | Test::Routing(_)
            | Test::Ignored(_)
            | Test::SeqNo(_)
            | Test::Field(..)
            | Test::Best(..)
            | Test::AnyExists(_) => None,
        }
    }
}

/// The best of some scores, with a share of the others.
fn best(scores: impl Iterator<Item = f32>, share: f32) -> Option<f32> {
    let sums = |found: Option<(f32, f32)>, score: f32| {
        let (best, sum) = found.unwrap_or((score, 0.0));
        Some((best.max(score), sum + score))
    };
    let (best, sum) = scores.fold(None, sums)?;
    Some(best + share * (sum - best))
}

impl Group {
    /// The score of a document, if it passes.
    fn score(&self, document: &Document<'_>, fields: &Fields) -> Option<f32> {
        let passes = |test: &Scored| test.score(document, fields).is_some();
        if self.must_not.iter().any(passes) || !self.filter.iter().all(passes) {
            return None;
        }
        let mut score = 0.0;
        for test in &self.must {
            score += test.score(document, fields)?;
        }
        let mut passed = 0;
        for test in &self.should {
            if let Some(part) = test.score(document, fields) {
                score += part;
                passed += 1;
            }
        }
        (passed >= self.least).then_some(score)
    }
}
