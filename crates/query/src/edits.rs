//! Terms that differ from another by a few characters.
//!
//! A difference is a character too many, too few or another one, and two neighbours that changed places
//! (the optimal string alignment distance, as Lucene's automata have it).

use crate::error::{Checked, QueryError};

/// How many characters may differ at most.
const EDITS_MAX: usize = 2;

/// How far terms may be from what is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fuzziness {
    /// How many characters may differ.
    pub(crate) edits: Edits,
    /// How many characters in the beginning may not.
    pub(crate) prefix: usize,
    /// Whether two neighbours that changed places count as one.
    pub(crate) transpositions: bool,
}

impl Default for Fuzziness {
    fn default() -> Self {
        Self { edits: Edits::Auto(3, 6), prefix: 0, transpositions: true }
    }
}

/// How many characters may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edits {
    /// So many.
    Exactly(usize),
    /// None in terms shorter than the first length, one in those shorter than the second, two in others.
    Auto(usize, usize),
}

impl Edits {
    /// Reads `fuzziness`.
    ///
    /// # Errors
    /// It is neither a number nor `AUTO`.
    pub(crate) fn read(text: &str) -> Checked<Self> {
        let upper = text.trim().to_ascii_uppercase();
        if upper == "AUTO" {
            return Ok(Self::Auto(3, 6));
        }
        if let Some(lengths) = upper.strip_prefix("AUTO:") {
            let lengths: Vec<Option<usize>> =
                lengths.split(',').map(|length| length.trim().parse().ok()).collect();
            return match lengths.as_slice() {
                [Some(low), Some(high)] if low <= high => Ok(Self::Auto(*low, *high)),
                _ => {
                    let reason = format!("failed to find low and high distance values in [{text}]");
                    Err(QueryError::new("parse_exception", reason))
                }
            };
        }
        let number: f64 = upper.parse().map_err(|_| QueryError::no_number(text))?;
        Self::of(number).ok_or_else(|| QueryError::no_number(text))
    }

    /// So many as a number says, cut off.
    pub(crate) fn of(number: f64) -> Option<Self> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is within the bounds of what may be said"
        )]
        (number >= 0.0).then(|| Self::Exactly(number.min(2.0) as usize))
    }
}

/// A term, and what is near to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Near {
    term: Vec<char>,
    edits: usize,
    prefix: usize,
    transpositions: bool,
}

impl Near {
    /// What is as near to a term as is said.
    pub(crate) fn new(term: &str, fuzziness: &Fuzziness) -> Self {
        let term: Vec<char> = term.chars().collect();
        let edits = match fuzziness.edits {
            Edits::Exactly(edits) => edits.min(EDITS_MAX),
            Edits::Auto(low, _) if term.len() < low => 0,
            Edits::Auto(_, high) if term.len() < high => 1,
            Edits::Auto(..) => EDITS_MAX,
        };
        let Fuzziness { prefix, transpositions, .. } = *fuzziness;
        Self { prefix: prefix.min(term.len()), term, edits, transpositions }
    }

    /// Whether a term is.
    pub(crate) fn is_near(&self, other: &str) -> bool {
        // Characters are bytes at least: what is far longer is not looked at.
        if other.len() > (self.term.len() + self.edits) * 4 {
            return false;
        }
        let other: Vec<char> = other.chars().collect();
        if self.term.len().abs_diff(other.len()) > self.edits {
            return false;
        }
        let (Some((own_prefix, own)), Some((prefix, rest))) =
            (self.term.split_at_checked(self.prefix), other.split_at_checked(self.prefix))
        else {
            return false;
        };
        own_prefix == prefix && self.differ_by(own, rest, self.edits)
    }

    /// Whether two texts differ by so many characters at most. What they begin with together costs nothing, so
    /// that with two differences at most a long term is read a few times, not times its length.
    fn differ_by(&self, one: &[char], other: &[char], edits: usize) -> bool {
        let same = one.iter().zip(other).take_while(|(own, its)| own == its).count();
        let (one, other) = (one.get(same..).unwrap_or(&[]), other.get(same..).unwrap_or(&[]));
        let ([own, one_rest @ ..], [its, other_rest @ ..]) = (one, other) else {
            return one.len().max(other.len()) <= edits;
        };
        let Some(left) = edits.checked_sub(1) else { return false };
        let swapped = match (one_rest, other_rest) {
            ([next, one @ ..], [other_next, other @ ..]) if self.transpositions => {
                (own, next) == (other_next, its) && self.differ_by(one, other, left)
            }
            (_, _) => false,
        };
        swapped
            || self.differ_by(one_rest, other_rest, left)
            || self.differ_by(one_rest, other, left)
            || self.differ_by(one, other_rest, left)
    }
}

#[cfg(test)]
mod tests {
    use super::{Edits, Fuzziness, Near};

    fn is_near(term: &str, other: &str, edits: Edits) -> bool {
        Near::new(term, &Fuzziness { edits, ..Fuzziness::default() }).is_near(other)
    }

    #[test]
    fn characters_too_many_too_few_other_or_swapped_are_differences() {
        for (other, edits) in [
            ("fox", 0),
            ("foxy", 1),
            ("fx", 1),
            ("fix", 1),
            ("fxo", 1),
            ("ofx", 1),
            ("x", 2),
            ("oxf", 2),
            ("flux", 2),
            ("fo", 1),
            ("föx", 1),
        ] {
            for allowed in 0..=2 {
                let near = is_near("fox", other, Edits::Exactly(allowed));
                assert_eq!(near, allowed >= edits, "{other} {allowed}");
            }
        }
        assert!(!is_near("fox", "", Edits::Exactly(2)) && !is_near("", "abc", Edits::Exactly(2)));
        let plain =
            Fuzziness { edits: Edits::Exactly(1), transpositions: false, ..Fuzziness::default() };
        assert!(!Near::new("fox", &plain).is_near("fxo"));
        let prefix = Fuzziness { edits: Edits::Exactly(1), prefix: 2, ..Fuzziness::default() };
        assert!(
            Near::new("fox", &prefix).is_near("fob") && !Near::new("fox", &prefix).is_near("fix")
        );
    }

    /// The optimal string alignment distance, by its definition.
    fn distance(one: &[char], other: &[char], transpositions: bool) -> usize {
        let ([own, one_rest @ ..], [its, other_rest @ ..]) = (one, other) else {
            return one.len().max(other.len());
        };
        let next = |one: &[char], other: &[char]| distance(one, other, transpositions);
        let mut least = next(one_rest, other_rest) + usize::from(own != its);
        least = least.min(next(one_rest, other) + 1).min(next(one, other_rest) + 1);
        match (one_rest, other_rest) {
            ([a, one @ ..], [b, other @ ..]) if transpositions && (own, a) == (b, its) => {
                least.min(next(one, other) + 1)
            }
            (_, _) => least,
        }
    }

    #[test]
    fn every_short_term_is_as_far_as_is_defined() {
        let mut terms = vec![String::new()];
        for length in 0..4 {
            let longest: Vec<String> =
                terms.iter().filter(|term| term.len() == length).cloned().collect();
            terms.extend(
                longest.iter().flat_map(|term| ["a", "b", "c"].map(|c| format!("{term}{c}"))),
            );
        }
        for (one, other) in terms.iter().flat_map(|one| terms.iter().map(move |other| (one, other)))
        {
            let chars = |term: &String| term.chars().collect::<Vec<_>>();
            for transpositions in [true, false] {
                let defined = distance(&chars(one), &chars(other), transpositions);
                for edits in 0..=2 {
                    let fuzziness =
                        Fuzziness { edits: Edits::Exactly(edits), prefix: 0, transpositions };
                    let near = Near::new(one, &fuzziness).is_near(other);
                    assert_eq!(near, defined <= edits, "{one} {other} {edits} {transpositions}");
                }
            }
        }
    }

    #[test]
    fn long_terms_take_no_time() {
        let term = "a".repeat(30_000);
        assert!(is_near(&term, &format!("{term}bc"), Edits::Exactly(2)));
        assert!(!is_near(&term, &format!("{}bcd", &term[1..]), Edits::Exactly(2)));
    }

    #[test]
    fn what_is_long_may_differ_more() {
        let auto = Edits::read("auto").unwrap();
        assert!(!is_near("fo", "fa", auto) && is_near("fox", "fax", auto));
        assert!(!is_near("foxes", "fixis", auto) && is_near("wonder", "winder", auto));
        assert_eq!(Edits::read("AUTO:2,4"), Ok(Edits::Auto(2, 4)));
        assert_eq!(Edits::read("1.9"), Ok(Edits::Exactly(1)));
        assert_eq!(Edits::read("7"), Ok(Edits::Exactly(2)));
        for wrong in ["", "x", "-1", "AUTO:1", "AUTO:5,2", "NaN"] {
            assert!(Edits::read(wrong).is_err(), "{wrong}");
        }
    }
}
