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
        own_prefix == prefix && self.distance(own, rest) <= self.edits
    }

    /// How many characters differ; more than are allowed if there are too many.
    fn distance(&self, one: &[char], other: &[char]) -> usize {
        let mut before: Vec<usize> = Vec::new();
        let mut last: Vec<usize> = (0..=other.len()).collect();
        let mut one_before = None;
        for (row, c) in (1..).zip(one) {
            let mut present = Vec::with_capacity(last.len());
            present.push(row);
            let mut other_before = None;
            for (column, d) in other.iter().enumerate() {
                let at = |line: &[usize], place: usize| {
                    line.get(place).copied().unwrap_or(usize::MAX / 2)
                };
                let mut least = (at(&last, column) + usize::from(c != d))
                    .min(at(&last, column + 1) + 1)
                    .min(at(&present, column) + 1);
                let swapped = other_before == Some(c) && one_before == Some(d);
                if self.transpositions && swapped && column > 0 {
                    least = least.min(at(&before, column - 1) + 1);
                }
                present.push(least);
                other_before = Some(d);
            }
            if present.iter().all(|distance| *distance > self.edits) {
                return self.edits + 1;
            }
            (before, last) = (last, present);
            one_before = Some(c);
        }
        last.last().copied().unwrap_or(0)
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
