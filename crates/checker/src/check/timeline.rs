//! The moments of a history: what the wall clock can have shown, and until when something of unknown
//! outcome can have happened.

use crate::{Ending, History, Moment, Operation, Outcome};

/// Later than every moment.
pub(super) const NEVER: u64 = u64::MAX;

/// The readings of the wall clock, for questions about the lowest and highest between two moments.
pub(super) struct Wall {
    /// By order.
    orders: Vec<u64>,
    /// A tree over the readings: each node has the lowest and highest below it, the root is 1.
    tree: Vec<(i64, i64)>,
    leaves: usize,
}

impl Wall {
    /// All readings of a history.
    pub(super) fn new(history: &History) -> Self {
        let mut readings: Vec<Moment> = history.clock.clone();
        for operation in &history.operations {
            readings.push(operation.began);
            readings.extend(operation.ended);
        }
        for operation in &history.index_operations {
            readings.push(operation.began);
            readings.extend(operation.ended);
        }
        for life in &history.lives {
            readings.push(life.started);
            readings.extend(life.stopped.map(|(moment, _)| moment));
        }
        readings.sort_unstable();
        readings.dedup();
        let leaves = readings.len().next_power_of_two();
        let mut tree = vec![(i64::MAX, i64::MIN); leaves];
        tree.extend(readings.iter().map(|reading| (reading.wall_millis, reading.wall_millis)));
        tree.resize(2 * leaves, (i64::MAX, i64::MIN));
        for node in (1..leaves).rev() {
            let below = [2 * node, 2 * node + 1].map(|child| tree.get(child).copied());
            let joined = below.into_iter().flatten().fold((i64::MAX, i64::MIN), join);
            if let Some(slot) = tree.get_mut(node) {
                *slot = joined;
            }
        }
        Self { orders: readings.iter().map(|reading| reading.order).collect(), tree, leaves }
    }

    /// The lowest and highest that the clock can have shown from one moment to another, both
    /// included.
    pub(super) fn range(&self, from: u64, to: u64) -> (i64, i64) {
        let mut low = self.orders.partition_point(|order| *order < from) + self.leaves;
        let mut high = self.orders.partition_point(|order| *order <= to) + self.leaves;
        let mut joined = (i64::MAX, i64::MIN);
        let node = |place: usize| self.tree.get(place).copied().unwrap_or((i64::MAX, i64::MIN));
        while low < high {
            if low % 2 == 1 {
                joined = join(joined, node(low));
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                joined = join(joined, node(high));
            }
            low /= 2;
            high /= 2;
        }
        joined
    }
}

fn join(one: (i64, i64), other: (i64, i64)) -> (i64, i64) {
    (one.0.min(other.0), one.1.max(other.1))
}

/// Until when what a life was sent can take effect.
pub(super) struct Lives {
    /// Number and last moment of each.
    ends: Vec<(u32, u64)>,
    /// Number and last moment of those that ended with a power cut.
    cuts: Vec<(u32, u64)>,
}

impl Lives {
    /// The lives of a history.
    pub(super) fn new(history: &History) -> Self {
        let mut lives = history.lives.clone();
        lives.sort_by_key(|life| life.number);
        let next = lives.iter().skip(1).map(|life| Some(life.started.order)).chain([None]);
        let ends = lives.iter().zip(next).map(|(life, next)| {
            let stopped = life.stopped.map(|(moment, _)| moment.order);
            (life.number, stopped.or(next).unwrap_or(NEVER))
        });
        let cuts = lives.iter().filter_map(|life| match life.stopped {
            Some((moment, Ending::PowerCut)) => Some((life.number, moment.order)),
            Some((_, Ending::Clean | Ending::Killed)) | None => None,
        });
        Self { ends: ends.collect(), cuts: cuts.collect() }
    }

    /// The lives that ended with a power cut: number and last moment.
    pub(super) fn cuts(&self) -> &[(u32, u64)] {
        &self.cuts
    }

    /// The end of a life; never, if it is not known.
    pub(super) fn end(&self, number: u32) -> u64 {
        let known = self.ends.iter().find(|(life, _)| *life == number);
        known.map_or(NEVER, |(_, end)| *end)
    }

    /// The last moment at which an operation can have taken effect.
    pub(super) fn last_moment(&self, operation: &Operation) -> u64 {
        match (&operation.outcome, operation.ended) {
            (Outcome::Unknown { .. }, _) | (_, None) => self.end(operation.life),
            (_, Some(ended)) => ended.order,
        }
    }
}
