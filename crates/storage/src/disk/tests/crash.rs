//! Every crash of an eventful life: at each change to the disk, in every way it can leave the disk,
//! also when the start after it crashes again, and again.
//!
//! What is acknowledged is there once; what is not is there whole or not at all; what was shown
//! once is shown ever after; terms rise.

use std::collections::HashSet;

use super::world::{Opened, World, eventful_life, open};
use crate::file::simulated::{Image, SimulatedFileSystem};

/// Every n-th different image is started from with a crash at each change of the start. They differ
/// little, and each start has hundreds of images of its own.
const SECOND_CRASH_EVERY: usize = 5;
/// Every n-th crash of a start that follows a crash is followed by another one.
const THIRD_CRASH_EVERY: usize = 100;

/// Power cuts at every change, and during the start after them.
#[test]
fn nothing_is_lost_by_power_cuts() {
    let world = eventful_life();
    let mut states = 0;
    let mut seen = HashSet::new();
    for changes in 0..=world.files.changes() {
        for image in world.files.crash_images(changes) {
            let (files, first) = world.open_image(&image, changes);
            states += 1;
            // What happens next depends on nothing but the image.
            if seen.insert(image) && seen.len().is_multiple_of(SECOND_CRASH_EVERY) {
                states += check_crashes_of_start(&world, &files, &first, changes);
            }
        }
    }
    println!("{states} states after power cuts, {} different images", seen.len());
}

/// Cuts the power at every change of a start that is over, and during the start after it.
fn check_crashes_of_start(
    world: &World,
    files: &SimulatedFileSystem,
    first: &Opened,
    changes: usize,
) -> usize {
    let (mut states, mut seen) = (0, HashSet::new());
    for (over, image) in crashes(files, 0) {
        if !seen.insert((over, image.clone())) {
            continue;
        }
        let (files, second) = world.open_image(&image, changes);
        states += 1;
        check_same(first, &second, over);
        if states % THIRD_CRASH_EVERY == 0 {
            for (over, image) in crashes(&files, 0) {
                let (_, third) = world.open_image(&image, changes);
                states += 1;
                check_same(&second, &third, over);
            }
        }
    }
    states
}

/// Kills at every change, which leave to the next start what is not durable yet, and power cuts
/// during that start.
#[test]
fn nothing_shown_after_a_kill_is_lost_by_a_power_cut() {
    let world = eventful_life();
    let mut states = 0;
    for changes in 0..=world.files.changes() {
        let files = world.files.killed_after(changes);
        let first = open(&files).unwrap();
        world.check(&first, changes);
        for (over, image) in crashes(&files, changes) {
            let (_, second) = world.open_image(&image, changes);
            states += 1;
            // Before it was over it had shown nothing to anybody.
            if over {
                check_same(&first, &second, over);
            }
        }
    }
    println!("{states} states after kills and power cuts");
}

/// What power cuts at each change from `start` on leave, and whether all changes had been made.
fn crashes(files: &SimulatedFileSystem, start: usize) -> impl Iterator<Item = (bool, Image)> {
    let changes = files.changes();
    (start..=changes).flat_map(move |at| {
        files.crash_images(at).into_iter().map(move |image| (at == changes, image))
    })
}

/// That a start shows what one before it has shown, in higher terms if that one was over.
fn check_same(before: &Opened, after: &Opened, over: bool) {
    assert_eq!(after.entries, before.entries, "what was shown stays");
    for (stream, term) in before.terms.iter().filter(|_| over) {
        assert!(after.terms[stream] > *term, "terms rise");
    }
}
