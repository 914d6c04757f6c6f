//! Every interleaving of a small world: from the beginning, again and again, deciding otherwise at the
//! last point where something is left to decide.

use std::{
    collections::HashSet,
    fmt,
    ops::AddAssign,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use checker::check;
use parking_lot::Mutex;

use super::{choice::Choice, play::Play, program::World};

/// How much was explored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Worlds.
    pub worlds: u64,
    /// Points that something led to: different beginnings of interleavings.
    pub states: u64,
    /// Interleavings, from the beginning to the end.
    pub interleavings: u64,
    /// Different histories that clients saw in them, each of which was judged.
    pub histories: u64,
    /// The longest interleaving.
    pub steps_max: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.states += other.states;
        self.interleavings += other.interleavings;
        self.histories += other.histories;
        self.steps_max = self.steps_max.max(other.steps_max);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { worlds, states, interleavings, histories, steps_max } = self;
        write!(
            f,
            "{worlds} worlds, {states} states, {interleavings} interleavings of up to {steps_max} \
             steps, {histories} different histories"
        )
    }
}

/// An interleaving that should not be.
#[derive(Clone, Debug)]
pub struct Found {
    /// In which world.
    pub world: World,
    /// What happened.
    pub choices: Vec<Choice>,
    /// What is wrong.
    pub story: String,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.world)?;
        for (step, choice) in (1..).zip(&self.choices) {
            writeln!(f, "{step:3}. {choice}")?;
        }
        f.write_str(&self.story)
    }
}

/// What was chosen at each step, out of how many.
#[derive(Default)]
struct Path {
    taken: Vec<(usize, usize)>,
    /// How many of them lie behind.
    behind: usize,
}

impl Path {
    /// Which of so many it is now, and whether that is decided for the first time.
    fn next(&mut self, of: usize) -> Result<(usize, bool), String> {
        let at = self.behind;
        self.behind += 1;
        match self.taken.get(at) {
            Some((taken, known)) if *known == of => {
                // The last one was decided anew.
                Ok((*taken, at + 1 == self.taken.len()))
            }
            Some((_, known)) => Err(format!("{of} choices at step {at}, there were {known}")),
            None => {
                self.taken.push((0, of));
                Ok((0, true))
            }
        }
    }

    /// Goes back to the beginning and decides otherwise; not if nothing is left.
    fn advance(&mut self) -> bool {
        self.behind = 0;
        while let Some((taken, of)) = self.taken.pop() {
            if taken + 1 < of {
                self.taken.push((taken + 1, of));
                return true;
            }
        }
        false
    }
}

/// Takes a world through all its interleavings.
///
/// # Errors
/// The first one that should not be.
pub fn explore(world: &World) -> Result<Counts, Box<Found>> {
    let mut counts = Counts { worlds: 1, states: 1, ..Counts::default() };
    let (mut path, mut judged) = (Path::default(), HashSet::new());
    loop {
        let mut choices = Vec::new();
        let done = once(world, &mut path, &mut choices, &mut counts, &mut judged);
        if let Err(story) = done {
            return Err(Box::new(Found { world: world.clone(), choices, story }));
        }
        counts.interleavings += 1;
        counts.steps_max = counts.steps_max.max(choices.len());
        if !path.advance() {
            counts.histories = judged.len().try_into().unwrap_or(u64::MAX);
            return Ok(counts);
        }
    }
}

fn once(
    world: &World,
    path: &mut Path,
    chosen: &mut Vec<Choice>,
    counts: &mut Counts,
    judged: &mut HashSet<u64>,
) -> Result<(), String> {
    let mut play = Play::new(world)?;
    loop {
        let choices = play.choices()?;
        if choices.is_empty() {
            break;
        }
        let (place, is_new) = path.next(choices.len())?;
        counts.states += u64::from(is_new);
        let Some(choice) = choices.get(place) else { break };
        chosen.push(*choice);
        play.take(*choice);
    }
    let closed = play.close()?;
    if let Some(fault) = closed.misnumbered {
        return Err(fault);
    }
    if judged.insert(closed.fingerprint) {
        let told = check(&closed.into_history());
        let story = |violations: Vec<checker::Violation>| {
            violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        told.map_err(story)?;
    }
    Ok(())
}

/// Explores worlds, several at a time.
///
/// # Errors
/// An interleaving that should not be.
pub fn explore_all(worlds: &[World], threads: usize) -> Result<Counts, Box<Found>> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let total = Mutex::new(Ok(Counts::default()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Relaxed)
                    && let Some(world) = worlds.get(next.fetch_add(1, Relaxed))
                {
                    let explored = explore(world);
                    let mut total = total.lock();
                    match explored {
                        Ok(counts) => {
                            if let Ok(total) = total.as_mut() {
                                *total += counts;
                            }
                        }
                        Err(found) => {
                            stop.store(true, Relaxed);
                            *total = Err(found);
                        }
                    }
                }
            });
        }
    });
    total.into_inner()
}
