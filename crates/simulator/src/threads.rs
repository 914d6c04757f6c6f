//! Threads that are tasks of the one thread.

use std::{io, time::Duration};

use shard::{Service, Threads, log::BoxFuture};
use tokio::sync::oneshot;

use crate::{pause::OnOwnStack, randomness::Randomness};

/// Work beside the event loop begins after so many microseconds at most.
const STARTED_AFTER_MICROS_MAX: u64 = 300;

/// Gives each service and each piece of work a stack of its own.
pub struct SimulatedThreads {
    randomness: Randomness,
}

impl SimulatedThreads {
    /// Threads that take so long to begin as `randomness` says.
    #[must_use]
    pub fn new(randomness: Randomness) -> Self {
        Self { randomness }
    }
}

impl Threads for SimulatedThreads {
    fn start(&self, _: &'static str, service: BoxFuture<'static, ()>) -> io::Result<Service> {
        let (sender, ended) = oneshot::channel();
        let task = tokio::spawn(OnOwnStack::new(Box::pin(async move {
            service.await;
            // Nobody need wait.
            let _ = sender.send(());
        })));
        Ok(Service::new(ended, move || task.abort()))
    }

    fn run(&self, work: Box<dyn FnOnce() + Send>) {
        let micros = self.randomness.below(STARTED_AFTER_MICROS_MAX);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_micros(micros)).await;
            OnOwnStack::new(Box::pin(async move { work() })).await;
        });
    }
}
