//! What a connection is doing, told by what passes through its socket.
//!
//! A request head must arrive in time once it has begun, and an answer must be taken in time; a
//! connection that waits for its next request may wait forever.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// Between requests: the next byte begins a head.
const WAITING: u64 = 0;
/// A request is being handled; what arrives is its body.
const HANDLING: u64 = 1;
/// From here on: the milliseconds, plus this, at which a head began to arrive.
const HEAD: u64 = 2;

/// What a connection is doing. Only the connection's own task reads and writes it.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    state: AtomicU64,
    /// The milliseconds, plus one, at which the socket took no more of an answer; 0 if it does.
    blocked: AtomicU64,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        let (state, blocked) = (AtomicU64::new(WAITING), AtomicU64::new(0));
        Arc::new(Self { opened: Instant::now(), state, blocked })
    }

    /// A request head is complete.
    pub(super) fn handling(&self) {
        self.state.store(HANDLING, Ordering::Relaxed);
    }

    /// The request has its answer.
    pub(super) fn waiting(&self) {
        self.state.store(WAITING, Ordering::Relaxed);
    }

    fn bytes_arrived(&self) {
        if self.state.load(Ordering::Relaxed) == WAITING {
            self.state.store(self.millis().saturating_add(HEAD), Ordering::Relaxed);
        }
    }

    fn bytes_left<T>(&self, written: &Poll<T>) {
        if written.is_ready() {
            self.blocked.store(0, Ordering::Relaxed);
        } else if self.blocked.load(Ordering::Relaxed) == 0 {
            self.blocked.store(self.millis().saturating_add(1), Ordering::Relaxed);
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// When the head that is arriving began.
    fn head_began(&self) -> Option<Instant> {
        let since = self.state.load(Ordering::Relaxed).checked_sub(HEAD)?;
        Some(self.opened + Duration::from_millis(since))
    }

    /// When the answer that is leaving came to a halt.
    fn write_halted(&self) -> Option<Instant> {
        let since = self.blocked.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.opened + Duration::from_millis(since))
    }

    /// Ready once a head, or the taking of an answer, takes longer than its limit. Costs one timer per
    /// connection and limit, not one per request, and notices at the latest after twice the limit.
    pub(super) async fn overdue(&self, head_limit: Duration, write_limit: Duration) {
        tokio::select! {
            () = wait_until_older(|| self.head_began(), head_limit) => {}
            () = wait_until_older(|| self.write_halted(), write_limit) => {}
        }
    }
}

async fn wait_until_older(since: impl Fn() -> Option<Instant>, limit: Duration) {
    loop {
        tokio::time::sleep_until(since().unwrap_or_else(Instant::now) + limit).await;
        if since().is_some_and(|since| since.elapsed() >= limit) {
            return;
        }
    }
}

/// A socket that reports to an [`Activity`] when bytes arrive and leave.
#[derive(Debug)]
pub(super) struct Watched {
    io: TokioIo<TcpStream>,
    activity: Arc<Activity>,
}

impl Watched {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { io: TokioIo::new(stream), activity }
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.io.into_inner()
    }
}

impl Read for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_read(context, buffer);
        if polled.is_ready() {
            self.activity.bytes_arrived();
        }
        polled
    }
}

impl Write for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write(context, bytes);
        self.activity.bytes_left(&polled);
        polled
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write_vectored(context, buffers);
        self.activity.bytes_left(&polled);
        polled
    }
}
