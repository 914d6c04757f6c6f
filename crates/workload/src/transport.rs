//! What a client needs of its surroundings: a way to the server, moments, and sleep.

use std::time::Duration;

use checker::Moment;
pub use futures_util::future::BoxFuture;

/// A listening address of the server, by the dialect it is pinned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listener {
    /// Not pinned: what a request says decides.
    Plain,
    /// Pinned to 2.
    V2,
    /// Pinned to 5.
    V5,
    /// Pinned to 7.
    V7,
    /// Pinned to 8.
    V8,
}

impl Listener {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Plain, Self::V2, Self::V5, Self::V7, Self::V8];

    /// The dialect it is pinned to.
    #[must_use]
    pub fn pinned(self) -> Option<u8> {
        match self {
            Self::Plain => None,
            Self::V2 => Some(2),
            Self::V5 => Some(5),
            Self::V7 => Some(7),
            Self::V8 => Some(8),
        }
    }
}

/// One request, before it is bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// The headers that matter: `content-type` and `accept`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The address it goes to.
    pub listener: Listener,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header `X-Occam-Outcome`.
    pub outcome_header: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The request was not sent: no part of it reached a server, for there was none.
    NotSent,
    /// The request may have reached the server.
    Lost,
}

/// The way to one life of the server. A new life is a new transport.
pub trait Transport: Send + Sync {
    /// Sends a request and waits for its answer. Dropping the future hangs up.
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Answer, Unanswered>>;

    /// The number of the life.
    fn life(&self) -> u32;
}

/// The moments of a history.
pub trait Moments: Send + Sync {
    /// The present moment. No two calls return the same one, and they rise in the order of the calls.
    fn now(&self) -> Moment;
}

/// Waits.
pub trait Sleeper: Send + Sync {
    /// Ends after this time.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
}
