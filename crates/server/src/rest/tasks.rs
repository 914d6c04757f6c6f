//! What runs by itself: writes by query, each with its progress, its pace and its end.
//!
//! Every write by query is a [`Task`] while it runs, so that it can be looked at, slowed down and ended.
//! One that nobody waits for leaves its result behind (`tasks/results.rs`).

pub(crate) mod progress;
pub(crate) mod results;
pub(crate) mod view;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use document::Timestamp;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::error::Error;
use progress::{Pace, Part};
use results::Results;

/// How many may run at a time.
const RUNNING_MAX: usize = 200;

/// What runs.
#[derive(Debug)]
pub(crate) struct Tasks {
    running: Mutex<BTreeMap<u64, Arc<Task>>>,
    next: AtomicU64,
    /// What those left behind that are over.
    pub(crate) results: Results,
}

/// What is to run.
#[derive(Debug)]
pub(crate) struct NewTask {
    /// Its action, as Elasticsearch calls it.
    pub(crate) action: &'static str,
    /// What it does, for people.
    pub(crate) description: String,
    /// What the client calls its request.
    pub(crate) opaque_id: Option<String>,
    /// How many writes it makes a second; no bound if none.
    pub(crate) per_second: Option<f32>,
    /// How many parts it has.
    pub(crate) parts: u32,
}

/// Something that runs.
#[derive(Debug)]
pub(crate) struct Task {
    /// Its number.
    pub(crate) number: u64,
    /// Its action, as Elasticsearch calls it.
    pub(crate) action: &'static str,
    /// What it does, for people.
    pub(crate) description: String,
    /// What the client calls its request.
    pub(crate) opaque_id: Option<String>,
    /// When it began.
    pub(crate) started: Timestamp,
    /// Its parts; one if it is in one piece.
    pub(crate) parts: Vec<Part>,
    pace: watch::Sender<Pace>,
    ended: watch::Sender<bool>,
}

/// A task while it runs; dropped at its end, however that comes.
#[derive(Debug)]
pub(crate) struct Running {
    tasks: Arc<Tasks>,
    /// The task.
    pub(crate) task: Arc<Task>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.running.lock().remove(&self.task.number);
        self.task.ended.send_replace(true);
    }
}

impl Tasks {
    /// Nothing runs yet. Numbers begin with the time, so that they are given once, also after a restart.
    pub(crate) fn new(now: Timestamp) -> Self {
        let next = u64::try_from(now.as_millis()).unwrap_or(1);
        Self { running: Mutex::default(), next: AtomicU64::new(next), results: Results::default() }
    }

    /// Begins a task.
    pub(crate) fn begin(self: &Arc<Self>, new: NewTask, now: Timestamp) -> Result<Running, Error> {
        let mut running = self.running.lock();
        if running.len() >= RUNNING_MAX {
            let text = format!("[{RUNNING_MAX}] writes by query run, which is as many as may");
            return Err(Error::TooManyContexts(text));
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let parts = (0..new.parts.max(1)).map(|_| Part::default()).collect();
        let task = Arc::new(Task {
            number,
            action: new.action,
            description: new.description,
            opaque_id: new.opaque_id,
            started: now,
            parts,
            pace: watch::Sender::new(Pace { per_second: new.per_second, canceled: None }),
            ended: watch::Sender::new(false),
        });
        running.insert(number, Arc::clone(&task));
        Ok(Running { tasks: Arc::clone(self), task })
    }

    /// What runs, by number.
    pub(crate) fn running(&self) -> Vec<Arc<Task>> {
        self.running.lock().values().map(Arc::clone).collect()
    }

    /// What runs under a number.
    pub(crate) fn get(&self, number: u64) -> Option<Arc<Task>> {
        self.running.lock().get(&number).map(Arc::clone)
    }

    /// Ends everything that runs, and waits until it has.
    pub(crate) async fn end(&self) {
        let running = self.running();
        running.iter().for_each(|task| task.cancel("the node stops"));
        for task in running {
            task.ended().await;
        }
    }
}

impl Task {
    /// How fast it may go.
    pub(crate) fn pace(&self) -> Pace {
        *self.pace.borrow()
    }

    /// Lets it go faster or slower.
    pub(crate) fn rethrottle(&self, per_second: Option<f32>) {
        self.pace.send_modify(|pace| {
            // What is to end is not slowed down.
            if pace.canceled.is_none() {
                pace.per_second = per_second;
            }
        });
    }

    /// Ends it behind the batch that it is at.
    pub(crate) fn cancel(&self, why: &'static str) {
        self.pace.send_replace(Pace { per_second: None, canceled: Some(why) });
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) {
        // The sender is its own, so it cannot be gone.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    /// Waits as long as so many writes by one part take at its pace.
    pub(crate) async fn throttle(&self, part: &Part, writes: usize) {
        let parts = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        part.wait(&mut self.pace.subscribe(), parts, writes).await;
    }

    /// Waits for a while, or until it is to end.
    pub(crate) async fn pause(&self, wait: std::time::Duration) {
        let mut pace = self.pace.subscribe();
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = pace.wait_for(|pace| pace.canceled.is_some()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use document::Timestamp;

    use super::{NewTask, RUNNING_MAX, Tasks};

    fn new() -> NewTask {
        let description = "test".to_owned();
        NewTask { action: "test", description, opaque_id: None, per_second: None, parts: 1 }
    }

    #[tokio::test]
    async fn a_task_is_there_until_it_ends() {
        let tasks = Arc::new(Tasks::new(Timestamp::from_millis(5)));
        let now = Timestamp::from_millis(7);
        let running = tasks.begin(new(), now).unwrap();
        let task = tasks.get(running.task.number).unwrap();
        assert!(!*task.ended.borrow());
        drop(running);
        task.ended().await;
        assert!(tasks.get(task.number).is_none());
        assert_ne!(tasks.begin(new(), now).unwrap().task.number, task.number);
    }

    #[tokio::test]
    async fn only_so_many_run() {
        let tasks = Arc::new(Tasks::new(Timestamp::from_millis(5)));
        let now = Timestamp::from_millis(7);
        let mut all: Vec<_> = (0..RUNNING_MAX).map(|_| tasks.begin(new(), now).unwrap()).collect();
        assert_eq!(tasks.begin(new(), now).unwrap_err().body().status.as_u16(), 429);
        all.pop();
        assert!(tasks.begin(new(), now).is_ok());
    }

    #[tokio::test]
    async fn what_is_to_end_is_not_slowed_down() {
        let tasks = Arc::new(Tasks::new(Timestamp::from_millis(5)));
        let running = tasks.begin(new(), Timestamp::from_millis(7)).unwrap();
        running.task.cancel("by user request");
        running.task.rethrottle(Some(1.0));
        assert!(running.task.pace().canceled.is_some());
        assert_eq!(running.task.pace().per_second, None);
    }
}
