//! One seed, as a story that a person can read: made as short as it gets while it still fails.

#![allow(clippy::print_stdout, reason = "a command line tool tells what it found")]

use std::fmt::Write as _;

use checker::Operation;

use crate::{
    coverage::Coverage,
    scenario::Scenario,
    simulation::{Outcome, simulate},
};

/// How many simulations are spent on shrinking.
const TRIES_MAX: u32 = 2_000;

/// Simulates a seed and tells what happened; says whether nothing was wrong.
#[must_use]
pub fn replay(seed: u64, whole: bool) -> bool {
    let scenario = Scenario::new(seed);
    if whole {
        // Before it is simulated, for that may hang.
        println!("{scenario}");
    }
    let outcome = simulate(&scenario, &Coverage::default());
    let Some(first) = outcome.violations.first() else {
        if whole {
            print!("{}", story(&outcome));
        }
        println!("seed {seed}: nothing is wrong");
        return true;
    };
    if whole {
        print!("{}", story(&outcome));
        return false;
    }
    let shrunk = Shrinking { rule: first.rule, tries: 0 }.shrink(scenario);
    let outcome = simulate(&shrunk, &Coverage::default());
    print!("{shrunk}\n{}", story(&outcome));
    false
}

/// Tells a simulation from begin to end.
#[must_use]
pub fn story(outcome: &Outcome) -> String {
    let mut story = String::new();
    let mut lines: Vec<(u64, String)> =
        outcome.log.iter().map(|(moment, line)| (*moment, format!("      {line}"))).collect();
    for operation in &outcome.history.operations {
        lines.extend(told(operation));
    }
    for operation in &outcome.history.index_operations {
        let (began, client, index) = (operation.began.order, operation.client, &operation.index);
        let ended = operation.ended.map(|moment| moment.order);
        let (action, came) = (&operation.action, &operation.outcome);
        lines.push((began, format!("[{client}] {index}: {action:?} ...{ended:?} {came:?}")));
    }
    lines.sort_unstable();
    for (moment, line) in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(story, "#{moment} {line}");
    }
    for violation in &outcome.violations {
        let _ = writeln!(story, "\n{violation}");
    }
    story
}

fn told(operation: &Operation) -> Vec<(u64, String)> {
    let Operation { client, document, action, outcome, dialect, request, item, .. } = operation;
    let who = format!("[{client}.{}.{item}]", request & 0xffff_ffff);
    let mut lines =
        vec![(operation.began.order, format!("{who} {document} in {dialect}: {action:?}"))];
    match operation.ended {
        Some(ended) => lines.push((ended.order, format!("{who} {document} -> {outcome:?}"))),
        None => lines.push((u64::MAX, format!("{who} {document} -> {outcome:?}"))),
    }
    lines
}

/// Makes a scenario smaller as long as it fails by the same rule.
struct Shrinking {
    rule: &'static str,
    tries: u32,
}

impl Shrinking {
    fn shrink(mut self, scenario: Scenario) -> Scenario {
        let mut best = scenario;
        loop {
            let Some(smaller) = candidates(&best).find(|candidate| self.fails(candidate)) else {
                return best;
            };
            best = smaller;
        }
    }

    fn fails(&mut self, scenario: &Scenario) -> bool {
        self.tries += 1;
        if self.tries > TRIES_MAX {
            return false;
        }
        let outcome = simulate(scenario, &Coverage::default());
        outcome.violations.iter().any(|violation| violation.rule == self.rule)
    }
}

/// Scenarios that are a little smaller, those first that are much smaller.
fn candidates(scenario: &Scenario) -> impl Iterator<Item = Scenario> {
    let mut smaller = Vec::new();
    let events = scenario.events.len();
    for kept in [events / 2, events.saturating_sub(1)] {
        if kept < events {
            let mut candidate = scenario.clone();
            candidate.events.truncate(kept);
            smaller.push(candidate);
        }
    }
    for number in 0..scenario.clients.len() {
        let Some(requests) = scenario.clients.get(number).copied() else { continue };
        for fewer in [0, requests / 2, requests.saturating_sub(3), requests.saturating_sub(1)] {
            if fewer < requests {
                let mut candidate = scenario.clone();
                if let Some(requests) = candidate.clients.get_mut(number) {
                    *requests = fewer;
                }
                smaller.push(candidate);
            }
        }
    }
    for number in 0..events {
        let mut candidate = scenario.clone();
        let removed = candidate.events.remove(number);
        // The others happen when they did.
        if let Some(next) = candidate.events.get_mut(number) {
            next.after += removed.after;
        }
        smaller.push(candidate);
    }
    smaller.into_iter()
}
