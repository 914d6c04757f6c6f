//! HTTP/1.1 on loopback sockets: connections, bounds and time-outs around a handler of requests.
//!
//! A request reaches the handler only whole: admitted by the [`guard`], within every bound of
//! [`Limits`], its body in memory. From then on the handler runs to its end even if the client hangs
//! up. Nothing here knows what a request means.

mod activity;
mod body;
mod compression;
mod connection;
mod exchange;
pub mod guard;
mod listener;
pub mod run_to_end;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use hyper::server::conn::http1;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::rest::budget::{Budget, Reservation};
use crate::rest::dialect::Dialect;
use crate::rest::error::{Error, Outcome};
use crate::rest::rendering::Rendering;
use crate::rest::{Request, Response};
use guard::Guard;
use run_to_end::RunToEnd;

pub use listener::Listener;

/// What answers requests.
pub type Handler = Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;

/// A handler made of an async function.
pub fn handler<F, A>(answer: F) -> Handler
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Response> + Send + 'static,
{
    Arc::new(move |request| answer(request).boxed())
}

/// The bounds of design §5 that concern connections, and the times nothing may exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once; a further one is told 503 and closed.
    pub connections_max: u32,
    /// Bytes of a request line.
    pub line_bytes_max: usize,
    /// Bytes of all headers of a request together.
    pub header_bytes_max: usize,
    /// Bytes of a body, after decompression.
    pub body_bytes_max: u64,
    /// Bytes of all bodies, and of the sources of large answers, in flight together.
    pub bodies_bytes_max: u64,
    /// How long a request head may take from its first byte.
    pub header_timeout: Duration,
    /// How long a body may pause.
    pub body_timeout: Duration,
    /// How long a client may take nothing of an answer.
    pub write_timeout: Duration,
    /// How long a shutdown waits for what is in flight.
    pub shutdown_timeout: Duration,
    /// How long a connection that the server ends is read on, so that the client sees the answer.
    pub linger_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            line_bytes_max: 4 << 10,
            header_bytes_max: 16 << 10,
            body_bytes_max: 100 << 20,
            bodies_bytes_max: 256 << 20,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            shutdown_timeout: Duration::from_secs(10),
            linger_timeout: Duration::from_secs(1),
        }
    }
}

/// How a server treats its connections.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The bounds.
    pub limits: Limits,
    /// Who may reach it.
    pub guard: Guard,
    /// The dialect of refusals on an address that is not pinned.
    pub default_dialect: Dialect,
}

/// What all connections share.
struct Front {
    handler: Handler,
    settings: Settings,
    budget: Budget,
    protocol: http1::Builder,
    /// One permit per connection; a shutdown waits until all are back.
    connections: Arc<Semaphore>,
    /// Turns true when a shutdown begins.
    stopped: watch::Receiver<bool>,
}

/// What a request in the handler's hands keeps from others: bytes of the budget, and a connection,
/// which a shutdown waits for.
type Held = (Reservation, Arc<OwnedSemaphorePermit>);

/// Serves until `shutdown` is ready, then stops accepting and answers what is in flight; returns how
/// many connections were still busy when the time for that was up.
pub async fn serve(
    listeners: Vec<Listener>,
    handler: Handler,
    settings: Settings,
    shutdown: impl Future<Output = ()>,
) -> u32 {
    let limits = settings.limits;
    let (stop, stopped) = watch::channel(false);
    let front = Arc::new(Front {
        handler,
        budget: Budget::new(limits.bodies_bytes_max),
        protocol: protocol(&limits),
        connections: Arc::new(Semaphore::new(usize_of(limits.connections_max))),
        settings,
        stopped,
    });
    let accepting = listeners.into_iter().map(|l| l.accept(front.clone()));
    tokio::select! {
        _ = join_all(accepting) => {}
        () = shutdown => {}
    }
    stop.send_replace(true);
    let drained = front.connections.acquire_many(limits.connections_max);
    match tokio::time::timeout(limits.shutdown_timeout, drained).await {
        Ok(_) => 0,
        Err(_) => {
            let idle = u32::try_from(front.connections.available_permits()).unwrap_or(u32::MAX);
            limits.connections_max.saturating_sub(idle)
        }
    }
}

/// The settings of hyper. Half-closed connections are kept: who has asked and closed its side may
/// still wait for the answer. The time-out of request heads is our own: hyper's
/// would close idle keep-alive connections too, under the feet of pooling clients.
fn protocol(limits: &Limits) -> http1::Builder {
    /// The most a connection buffers of a request head or of a body.
    const BUFFER_BYTES_MAX: usize = 64 << 10;
    // A longer head is refused by hyper with 431; what only its own bound forbids, by `exchange`.
    let head_bytes_max = 2 * (limits.line_bytes_max + limits.header_bytes_max);
    let mut protocol = http1::Builder::new();
    protocol
        .half_close(true)
        .header_read_timeout(None)
        .max_header_size(head_bytes_max)
        .max_buf_size(BUFFER_BYTES_MAX.max(head_bytes_max));
    protocol
}

impl Front {
    /// Runs the handler to its end, whatever becomes of the connection, and keeps what the request
    /// holds until then. A panic in the handler is an answer whose outcome nobody knows.
    async fn handle(&self, request: Request, held: Held) -> Response {
        let pinned = request.pinned;
        let handling = async { RunToEnd::new((self.handler)(request), held).await };
        match AssertUnwindSafe(handling).catch_unwind().await {
            Ok(response) => response,
            Err(_) => {
                tracing::error!("a request handler panicked");
                self.refusal(pinned).error(&Error::Internal {
                    reason: "the server failed while it handled the request".to_owned(),
                    outcome: Outcome::Unknown,
                })
            }
        }
    }

    /// How a request is answered that never reaches the handler.
    fn refusal(&self, pinned: Option<Dialect>) -> Rendering {
        Rendering::plain(pinned.unwrap_or(self.settings.default_dialect))
    }
}

/// A count as a size: no platform this runs on has smaller sizes.
fn usize_of(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
