//! Random histories: right ones pass, and of each kind of wrong one some are found.

use std::time::Instant;

use checker::{Outcome, check};

use crate::reference::Bug;
use crate::world::{Size, World};

fn told(violations: &[checker::Violation]) -> String {
    violations.iter().map(|violation| format!("{violation}\n")).collect()
}

#[test]
fn right_histories_pass() {
    for seed in 0..1_500 {
        let history = World::history(seed, Bug::None, Size::SMALL);
        if let Err(violations) = check(&history) {
            panic!("seed {seed}\n{}", told(&violations));
        }
    }
}

#[test]
fn long_histories_are_judged_in_seconds() {
    let steps = 300_000;
    let size = Size { clients: 12, steps, ids: 20, index_operations: 3_000, restarts: 30_000 };
    let history = World::history(1, Bug::None, size);
    assert!(history.operations.len() > 100_000, "{}", history.operations.len());
    let started = Instant::now();
    let report = check(&history).unwrap_or_else(|violations| panic!("{}", told(&violations)));
    assert_eq!(report.operations, history.operations.len());
    println!("{} operations in {:?}", report.operations, started.elapsed());
}

/// How many seeds it takes to find a bug, if few do.
fn seeds_to_find(bug: Bug) -> Option<u64> {
    (0..300).find(|seed| check(&World::history(*seed, bug, Size::SMALL)).is_err())
}

#[test]
fn every_broken_promise_is_found() {
    let bugs = [
        Bug::LosesWrites,
        Bug::ReadsStale,
        Bug::IgnoresConditions,
        Bug::RefusesTooMuch,
        Bug::TombstoneMatches,
        Bug::ComparesShardTerm,
        Bug::KeepsTerm,
        Bug::CountsNoops,
        Bug::CountsRefusals,
        Bug::ForgetsDeletes,
        Bug::ForgetsDeletesAtRestart,
        Bug::CountsDeletesFromRestart,
        Bug::RemembersTooLong,
        Bug::GteIsGreater,
        Bug::MergesStale,
        Bug::ReordersBulks,
        Bug::ShowsPredecessor,
        Bug::ContinuesPredecessor,
        Bug::ReusesSeqNo,
        Bug::CountsExternal,
        Bug::AppliesTwice,
        Bug::AppliesRefused,
    ];
    let seeds = bugs.map(|bug| (bug, seeds_to_find(bug)));
    println!("{seeds:?}");
    for (bug, seeds) in seeds {
        assert!(seeds.is_some(), "{bug:?} is not found");
    }
}

/// Changes one answer in the middle of a right history; `change` says whether it could.
fn check_changed(name: &str, mut change: impl FnMut(&mut Outcome) -> bool) {
    let mut changed = 0;
    let mut found = 0;
    for seed in 0..60 {
        let mut history = World::history(seed, Bug::None, Size::SMALL);
        let half = history.operations.len() / 2;
        let mut later = history.operations.iter_mut().skip(half);
        if !later.any(|operation| change(&mut operation.outcome)) {
            continue;
        }
        changed += 1;
        found += u32::from(check(&history).is_err());
    }
    // A number that nobody compares with another may be anything, and a delete may be under way.
    assert!(found * 3 >= changed * 2 && changed > 20, "{name}: {found} of {changed}");
}

#[test]
fn changed_answers_are_found() {
    check_changed("version", |outcome| match outcome {
        Outcome::Written { version: Some(version), .. } => {
            *version += 1;
            true
        }
        _ => false,
    });
    check_changed("seq_no", |outcome| match outcome {
        Outcome::Written { seq_no: Some(seq_no), .. } => {
            *seq_no += 1;
            true
        }
        _ => false,
    });
    check_changed("term", |outcome| match outcome {
        Outcome::Written { term: Some(term), .. } => {
            *term += 1;
            true
        }
        _ => false,
    });
    check_changed("found nothing", |outcome| match outcome {
        Outcome::Found { .. } => {
            *outcome = Outcome::Missing;
            true
        }
        _ => false,
    });
    check_changed("found another source", |outcome| match outcome {
        Outcome::Found { fields, .. } => {
            fields.insert("a".to_owned(), 1);
            true
        }
        _ => false,
    });
    check_changed("not applied", |outcome| match outcome {
        Outcome::Written { seq_no: Some(_), .. } => {
            *outcome = Outcome::NotApplied { reason: "a lie".to_owned() };
            true
        }
        _ => false,
    });
}
