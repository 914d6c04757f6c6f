//! Many seeds, one after the other on each of some threads.

use std::{
    fmt,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::{coverage::Coverage, scenario::Scenario, simulation::simulate};

/// A seed that takes longer than this in real time hangs.
const SEED_TIME_MAX: Duration = Duration::from_secs(300);

/// Which seeds to simulate, and how.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// The first.
    pub from: u64,
    /// How many.
    pub seeds: u64,
    /// How many at a time.
    pub threads: usize,
    /// Whether to go on after one that fails.
    pub keep_going: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Summary {
    /// How many were simulated.
    pub seeds: u64,
    /// How many operations clients did in all.
    pub operations: u64,
    /// How long it took.
    pub took: Duration,
    /// The seeds that failed, each with the first violation.
    pub failed: Vec<(u64, String)>,
    /// What happened how often.
    pub coverage: Coverage,
}

/// What the threads share.
#[derive(Default)]
struct Progress {
    next: AtomicU64,
    is_over: AtomicBool,
    summary: Mutex<Summary>,
}

impl Campaign {
    /// Simulates.
    #[must_use]
    pub fn run(self) -> Summary {
        let began = Instant::now();
        let progress = Progress { next: AtomicU64::new(self.from), ..Progress::default() };
        std::thread::scope(|scope| {
            for _ in 0..self.threads.max(1) {
                let (beats, beaten) = channel();
                let progress = &progress;
                scope.spawn(move || self.work(progress, &beats));
                scope.spawn(move || watch(&beaten));
            }
        });
        let mut summary = progress.summary.into_inner();
        summary.took = began.elapsed();
        summary.failed.sort_unstable();
        summary
    }

    /// Simulates one seed after the other.
    fn work(self, progress: &Progress, beats: &Sender<u64>) {
        loop {
            let seed = progress.next.fetch_add(1, Relaxed);
            if seed >= self.from.saturating_add(self.seeds) || progress.is_over.load(Relaxed) {
                return;
            }
            // The one who watches ends after this one.
            let _ = beats.send(seed);
            let coverage = Coverage::default();
            let outcome = simulate(&Scenario::new(seed), &coverage);
            let mut summary = progress.summary.lock();
            summary.seeds += 1;
            summary.operations += outcome.history.operations.len() as u64;
            summary.coverage.add(&coverage);
            if let Some(violation) = outcome.violations.first() {
                summary.failed.push((seed, violation.to_string()));
                if !self.keep_going {
                    progress.is_over.store(true, Relaxed);
                }
            }
        }
    }
}

/// Ends the process if a seed hangs, and says which: a lock that is held across a pause of the disk
/// would otherwise be silence.
fn watch(beaten: &Receiver<u64>) {
    let mut last = None;
    loop {
        match beaten.recv_timeout(SEED_TIME_MAX) {
            Ok(seed) => last = Some(seed),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                eprintln!("seed {last:?} hangs");
                std::process::exit(3);
            }
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.took.as_secs_f64();
        for (seed, violation) in &self.failed {
            writeln!(formatter, "seed {seed} failed: {violation}")?;
            writeln!(
                formatter,
                "to see it: cargo run --profile ci -p simulator -- replay {seed}\n"
            )?;
        }
        write!(
            formatter,
            "{} seeds, {} failed, {} operations, {seconds:.1} s",
            self.seeds,
            self.failed.len(),
            self.operations
        )
    }
}
