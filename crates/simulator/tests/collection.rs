//! What simulations found of collection.

use std::time::Duration;

use simulator::{
    Coverage, Scenario,
    scenario::{Due, Event},
    simulate,
};

/// Found by seed 2122: each segment that was closed in the place of one that could not be read was the
/// next that could not be.
#[test]
fn collection_of_what_cannot_be_read_closes_no_segment_after_the_other() {
    let mut scenario = Scenario::new(2_122);
    let after = Duration::from_millis(20);
    scenario.events = vec![Due { after, event: Event::FailReads(1_000_000) }];
    scenario.sync_micros = 1_000;
    scenario.clients = vec![40; 3];
    scenario.plan.rest_micros_max = 40_000;
    (scenario.plan.weights.create_index, scenario.plan.weights.delete_index) = (5, 5);
    let coverage = Coverage::default();
    let outcome = simulate(&scenario, &coverage);
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    let what = "warning: storage::disk::maintenance: a segment cannot be collected";
    let count = coverage.counts().get(what).copied().unwrap_or(0);
    // All of it takes some two seconds, and a second passes between two of them.
    assert!((1..=5).contains(&count), "{count} segments could not be collected");
}
