//! The simulator itself: the same seed is the same simulation, and a slice of seeds passes.

use simulator::{Coverage, Scenario, campaign::Campaign, replay::story, simulate};

fn told(seed: u64) -> String {
    let scenario = Scenario::new(seed);
    format!("{scenario}{}", story(&simulate(&scenario, &Coverage::default())))
}

#[test]
fn the_same_seed_is_the_same_simulation_to_the_last_byte() {
    for seed in 0..30 {
        let (first, second) = (told(seed), told(seed));
        let differing = first.lines().zip(second.lines()).find(|(one, other)| one != other);
        assert_eq!(differing, None, "seed {seed}");
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn nothing_is_wrong_in_a_slice_of_seeds() {
    let campaign = Campaign { from: 1_000_000, seeds: 200, threads: 2, keep_going: true };
    let summary = campaign.run();
    assert!(summary.failed.is_empty(), "{summary}");
    assert_eq!(summary.seeds, 200);
    assert!(summary.operations > 20_000, "{summary}");
}
