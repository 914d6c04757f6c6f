//! Every crash of many lives that are drawn at random: documents of two streams written, overwritten,
//! deleted; segments ended, outlined and collected; deletes remembered or not; stops, kills, a stream
//! that is removed.
//!
//! Each life is crashed at each change to the disk, in every way that can leave the disk, and starts
//! again; some of these starts are crashed at each of their changes as well. As many lives are taken
//! as it needs for `OCCAM_TEST_CRASH_STATES` crashes.

use std::collections::HashSet;

use shard::log::StreamId;

use super::lifetimes::Lifetime;
use crate::file::simulated::Image;

const ONE: StreamId = StreamId::new(1);
const TWO: StreamId = StreamId::new(2);

/// How many crashes are visited unless the environment says otherwise.
const STATES: usize = 2_000;
/// How much happens in a life.
const EVENTS: u64 = 24;
/// Every n-th different image is started from with a crash at each change of the start.
const SECOND_CRASH_EVERY: usize = 23;

#[test]
fn nothing_is_lost_or_revived_by_any_crash_of_many_lives() {
    let wanted = std::env::var("OCCAM_TEST_CRASH_STATES");
    let wanted = wanted.map_or(STATES, |number| number.parse().expect("a number of states"));
    let (mut visited, mut lives) = (Visited::default(), 0);
    while visited.states < wanted {
        visited.crash(&life(lives), wanted);
        lives += 1;
    }
    println!(
        "{} states after crashes of {lives} lives, {} of them in starts after crashes",
        visited.states, visited.second
    );
}

/// How many crashes were visited.
#[derive(Default)]
struct Visited {
    states: usize,
    /// Those of a start that follows another crash.
    second: usize,
}

impl Visited {
    /// Crashes a life everywhere, or until there were as many crashes as wanted.
    fn crash(&mut self, life: &Lifetime, wanted: usize) {
        let mut seen = HashSet::new();
        for changes in 0..=life.files.changes() {
            let mut images = life.files.crash_images(changes);
            images.push(life.files.killed_after(changes).image());
            for image in images {
                // What follows depends on nothing but the image, and on what was promised by then.
                if self.states >= wanted || !seen.insert((image.clone(), changes)) {
                    continue;
                }
                self.states += 1;
                let again = seen.len().is_multiple_of(SECOND_CRASH_EVERY);
                self.start(life, &image, changes, again);
            }
        }
    }

    /// Starts from what a crash has left, and crashes that start too if it says so.
    fn start(&mut self, life: &Lifetime, image: &Image, changes: usize, again: bool) {
        let (files, first) = life.check(image, changes);
        let mut seen = HashSet::new();
        for over in (0..=files.changes()).filter(|_| again) {
            for image in files.crash_images(over) {
                if seen.insert(image.clone()) {
                    self.states += 1;
                    self.second += 1;
                    let (_, second) = life.check(&image, changes);
                    assert_eq!(second.contents(), first.contents(), "what was shown stays");
                }
            }
        }
    }
}

/// Numbers that follow from a seed (splitmix64).
struct Numbers(u64);

impl Numbers {
    /// One below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// The life that follows from a seed.
fn life(seed: u64) -> Lifetime {
    let mut numbers = Numbers(seed);
    let mut life = Lifetime::new(&[ONE, TWO]);
    let mut streams = vec![ONE, TWO];
    for _ in 0..EVENTS {
        let stream = streams[usize::try_from(numbers.below(2)).unwrap() % streams.len()];
        match numbers.below(23) {
            0..12 => write(&mut life, stream, &mut numbers),
            12..14 => life.roll(),
            14 => life.checkpoint(),
            15..18 => {
                let place = usize::try_from(numbers.below(3)).unwrap();
                life.collect(&[place, place + 1]);
            }
            18 => life.collect_all(),
            19 => life.remember_deletes(numbers.below(2) == 0),
            20 => {
                life.stop();
                life.start();
            }
            21 => life.start(),
            _ if streams.len() == 2 && numbers.below(3) == 0 => {
                life.remove(TWO);
                streams = vec![ONE];
            }
            _ => life.roll(),
        }
    }
    life
}

/// Writes one to three documents in one entry.
fn write(life: &mut Lifetime, stream: StreamId, numbers: &mut Numbers) {
    let ids = ["a", "b", "c", "d"];
    let count = 1 + numbers.below(3);
    let mut writes = Vec::new();
    for _ in 0..count {
        let id = ids[usize::try_from(numbers.below(4)).unwrap()];
        let bytes = usize::try_from(numbers.below(420)).unwrap();
        writes.push((id, (numbers.below(4) > 0).then_some(bytes)));
    }
    life.write(stream, &writes);
}
