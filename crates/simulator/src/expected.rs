//! What must happen in a run of some thousand seeds, for its result to mean something.
//!
//! `coverage.txt` has two lists: what must be counted, and what is never counted, with the reason.
//! Every event, every fault of the disk, every kind of answer, and every warning and error of the
//! product is in one of them. A `*` stands for anything.

use crate::coverage::Coverage;

/// The two lists.
const LISTS: &str = include_str!("../coverage.txt");

/// How a run compares with the lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What should have happened and did not.
    pub missing: Vec<String>,
    /// What happened and is in neither list.
    pub unlisted: Vec<String>,
}

/// Compares what happened with the lists.
#[must_use]
pub fn judge(coverage: &Coverage) -> Verdict {
    compare(LISTS, coverage.counts().into_keys().collect())
}

fn compare(lists: &str, happened: Vec<String>) -> Verdict {
    let rows = lists.lines().filter_map(|line| line.split_once(": "));
    let rows: Vec<(&str, &str)> = rows.filter(|(list, _)| !list.starts_with('#')).collect();
    let is_met = |what: &str| happened.iter().any(|one| node::matches_glob(what, one));
    let must = rows.iter().filter(|(list, _)| *list == "must");
    let missing = must.filter(|(_, what)| !is_met(what)).map(|(_, what)| (*what).to_owned());
    let missing = missing.collect();
    let is_listed = |one: &str| rows.iter().any(|(_, what)| node::matches_glob(name(what), one));
    let unlisted = happened.iter().filter(|one| !is_listed(one)).cloned().collect();
    Verdict { missing, unlisted }
}

/// What a row is about, without the reason behind it.
fn name(what: &str) -> &str {
    what.split_once(" because ").map_or(what, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::{Verdict, compare};

    #[test]
    fn what_never_happened_and_what_nobody_expected_is_told() {
        let lists = "# lists\nmust: a *\nmust: b\nmay: c\nnever: d because it cannot\n";
        let happened = ["a one", "c", "e"].map(str::to_owned).to_vec();
        let verdict = Verdict { missing: vec!["b".to_owned()], unlisted: vec!["e".to_owned()] };
        assert_eq!(compare(lists, happened), verdict);
    }
}
