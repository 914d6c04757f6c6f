//! Handlers that outlive their connection.
//!
//! A connection drops what it waits for when its socket breaks. A write that a handler has begun must
//! not be torn by that, so what is dropped half done moves to a task of its own. Until then it costs
//! nothing: no task per request.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

/// Work that goes on by itself if nobody waits for it any more, with what is held meanwhile.
pub struct RunToEnd<T: Send + 'static, H: Send + 'static> {
    work: Option<BoxFuture<'static, T>>,
    held: Option<H>,
}

impl<T: Send, H: Send> RunToEnd<T, H> {
    /// Work, and what it holds until its end.
    pub fn new(work: BoxFuture<'static, T>, held: H) -> Self {
        Self { work: Some(work), held: Some(held) }
    }
}

impl<T: Send, H: Send + Unpin> Future for RunToEnd<T, H> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Taken out while it runs, so that work that panicked is not run again.
        let Some(mut work) = self.work.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<T: Send, H: Send> Drop for RunToEnd<T, H> {
    fn drop(&mut self) {
        if let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current()) {
            let held = self.held.take();
            runtime.spawn(async move {
                work.await;
                drop(held);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_is_dropped_half_done_is_done_and_then_let_go() {
        let (go, gone) = oneshot::channel::<()>();
        let (held, let_go) = oneshot::channel::<()>();
        let work = async move { gone.await.unwrap_or_default() }.boxed();
        let mut running = RunToEnd::new(work, held);
        assert!((&mut running).now_or_never().is_none());
        drop(running);
        assert!(!go.is_closed(), "the work still waits");
        go.send(()).unwrap();
        assert!(let_go.await.is_err(), "what was held is let go at the end");
    }

    #[tokio::test]
    async fn what_panicked_is_not_run_again() {
        let mut polls = 0;
        let work = std::future::poll_fn(move |_| {
            polls += 1;
            assert!(polls > 1, "the first poll panics");
            Poll::Ready(())
        });
        let mut running = RunToEnd::new(work.boxed(), ());
        let caught = std::panic::AssertUnwindSafe(&mut running).catch_unwind().await;
        assert!(caught.is_err());
        assert!(running.now_or_never().is_none());
    }
}
