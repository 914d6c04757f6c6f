//! Threads as the product sees them: they come in through the constructor, so that a simulator can
//! run everything on one.

use std::io;

use tokio::sync::oneshot;

use crate::log::BoxFuture;

/// Gives threads to what would hold up the event loop.
pub trait Threads: Send + Sync {
    /// Runs a service to its end on a thread of its own, where it may block.
    ///
    /// # Errors
    /// When the machine gives no thread.
    fn start(&self, name: &'static str, service: BoxFuture<'static, ()>) -> io::Result<Service>;

    /// Runs something that blocks or takes long beside the event loop. Needs a tokio runtime.
    fn run(&self, work: Box<dyn FnOnce() + Send>);
}

impl dyn Threads + '_ {
    /// Runs something beside the event loop and waits for what it comes to; nothing if it panicked.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, computed) = oneshot::channel();
        self.run(Box::new(move || {
            // Whoever asked may have gone.
            let _ = answer.send(work());
        }));
        computed.await.ok()
    }
}

/// A service that was started. Dropping it waits for the service's end as far as that can be waited
/// for where it runs, so it must have been told to end.
pub struct Service {
    ended: Option<oneshot::Receiver<()>>,
    end: Option<Box<dyn FnOnce() + Send>>,
}

impl Service {
    /// A service: `ended` hears of its end, or loses its sender by it, and `end` waits for it.
    #[must_use]
    pub fn new(ended: oneshot::Receiver<()>, end: impl FnOnce() + Send + 'static) -> Self {
        Self { ended: Some(ended), end: Some(Box::new(end)) }
    }

    /// Waits for the service's end without holding up a thread.
    pub async fn ended(mut self) {
        if let Some(ended) = self.ended.take() {
            // It panicked: that is an end as well.
            let _ = ended.await;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end();
        }
    }
}

/// The machine's threads.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemThreads;

impl Threads for SystemThreads {
    fn start(&self, name: &'static str, service: BoxFuture<'static, ()>) -> io::Result<Service> {
        // Its own, so that a step that blocks holds up nobody else.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let (sender, ended) = oneshot::channel();
        let thread =
            std::thread::Builder::new().name(format!("occam-{name}")).spawn(move || {
                runtime.block_on(service);
                // Nobody need wait.
                let _ = sender.send(());
            })?;
        Ok(Service::new(ended, move || {
            // It panicked: who uses it learns that from its silence.
            let _ = thread.join();
        }))
    }

    fn run(&self, work: Box<dyn FnOnce() + Send>) {
        tokio::task::spawn_blocking(work);
    }
}
