//! A slice of the small worlds, and bugs that are found in it.

use super::{Act, Allowed, Bug, Found, World, explore, explore_all, some};

/// How many worlds are explored at a time.
const THREADS: usize = 2;

#[test]
fn the_shard_keeps_its_promises_in_small_worlds() {
    match explore_all(&some(), THREADS) {
        Ok(counts) => {
            println!("{counts}");
            assert!(counts.interleavings > 100_000, "{counts}");
        }
        Err(found) => panic!("{found}"),
    }
}

/// Two clients send a request each, and wait for its answer: whatever the order is, there are two
/// ways to begin, and either both are in one batch, or the second one comes while the first is being
/// appended, or after it.
#[test]
fn every_order_of_two_requests_is_taken() {
    let programs = vec![vec![vec![Act::Index]], vec![vec![Act::Index]]];
    let counts = explore(&World { programs, ..World::default() }).unwrap();
    assert_eq!(counts.interleavings, 2 * 3, "{counts}");
}

/// The first world in which a bug is found.
fn found(bug: Bug) -> Box<Found> {
    found_where(bug, |_| true)
}

/// The same among the worlds where something may happen.
fn found_where(bug: Bug, may_happen: impl Fn(Allowed) -> bool) -> Box<Found> {
    let worlds = some().into_iter().filter(|world| may_happen(world.allowed));
    let worlds: Vec<World> = worlds.map(|world| World { bug: Some(bug), ..world }).collect();
    explore_all(&worlds, 1).expect_err("a bug that is not found")
}

#[test]
fn an_answer_before_its_entry_is_durable_is_found() {
    found(Bug::AnswersBeforeDurable);
}

#[test]
fn a_read_of_what_is_not_durable_is_found() {
    found(Bug::ShowsBeforeDurable);
}

#[test]
fn a_conflict_with_what_is_not_durable_is_found() {
    found(Bug::RefusesBeforeDurable);
}

#[test]
fn a_log_that_goes_on_after_an_unknown_end_is_found() {
    found(Bug::GoesOnAfterUnknown);
}

#[test]
fn a_recovered_tail_that_is_not_synced_is_found() {
    found(Bug::ShowsUnsyncedTail);
}

#[test]
fn a_term_that_is_used_again_is_found() {
    found(Bug::KeepsTheTerm);
}

#[test]
fn sequence_numbers_that_are_given_again_are_found() {
    found(Bug::NumbersAgain);
}

#[test]
fn deletes_that_a_start_forgets_are_found() {
    found(Bug::ForgetsDeletes);
}

#[test]
fn an_operation_that_is_given_up_before_its_copy_is_durable_is_found() {
    found_where(Bug::DropsBeforeMoved, |allowed| allowed.moves > 0);
}

/// A failure tells what happened, step by step, and what is wrong with it.
#[test]
fn a_failure_is_told_step_by_step() {
    let world = World {
        before: vec![Act::Index],
        programs: vec![vec![vec![Act::Delete]], vec![vec![Act::Get]]],
        allowed: Allowed { crashes: 1, ..Allowed::default() },
        bug: Some(Bug::ShowsBeforeDurable),
        ..World::default()
    };
    let story = explore(&world).unwrap_err().to_string();
    for told in ["client 0 sends", "the writer runs", "a crash", "[read]"] {
        assert!(story.contains(told), "{told}: {story}");
    }
}
