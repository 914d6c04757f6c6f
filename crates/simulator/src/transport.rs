//! The way from a client to one life of the server: the real API, without a socket.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use checker::Life;
use futures_util::FutureExt;
use hyper::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
    http::uri::PathAndQuery,
};
use server::{
    http::run_to_end::RunToEnd,
    rest::{self, Api, budget::Budget, dialect::Dialect},
};
use tokio::sync::watch;
use workload::{Answer, BoxFuture, Listener, Request, Transport, Unanswered};

use crate::{coverage::Coverage, disk::SimulatedDisk, randomness::Randomness};

/// A request or an answer is under way for so many microseconds at most.
const NETWORK_MICROS_MAX: u64 = 400;

/// One life of the server, to talk to.
pub struct Connection {
    life: Life,
    api: Api,
    disk: SimulatedDisk,
    chance: Randomness,
    coverage: Coverage,
    /// Whether it takes no further requests.
    is_draining: AtomicBool,
    closed: watch::Sender<bool>,
}

impl Connection {
    /// A way to this life, which must be the disk's present one.
    #[must_use]
    pub fn new(
        life: Life,
        api: Api,
        disk: SimulatedDisk,
        chance: Randomness,
        coverage: Coverage,
    ) -> Self {
        Self {
            life,
            api,
            disk,
            chance,
            coverage,
            is_draining: AtomicBool::new(false),
            closed: watch::channel(false).0,
        }
    }

    /// The life it leads to, as it began.
    #[must_use]
    pub fn life(&self) -> &Life {
        &self.life
    }

    /// The server is about to stop.
    pub fn accept_no_more(&self) {
        self.is_draining.store(true, Relaxed);
    }

    /// The process has ended: nobody is answered any more.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    async fn travel(&self) {
        tokio::time::sleep(Duration::from_micros(self.chance.below(NETWORK_MICROS_MAX))).await;
    }

    async fn exchange(&self, request: Request) -> Result<Answer, Unanswered> {
        self.travel().await;
        if self.is_draining.load(Relaxed) {
            // Nobody listens until the next life.
            let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
        }
        if self.is_closed() || self.disk.death().is_some() {
            return Err(Unanswered::NotSent);
        }
        let Ok(request) = translate(request) else { return Err(Unanswered::NotSent) };
        let api = self.api.clone();
        let work = async move { api.handle(request).await };
        let mut closed = self.closed.subscribe();
        let response = tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed) => return Err(Unanswered::Lost),
            response = RunToEnd::new(work.boxed(), ()) => response,
        };
        if self.is_closed() || self.disk.death().is_some() {
            // Nothing leaves a process that has ended.
            return Err(Unanswered::Lost);
        }
        self.count(&response);
        let answer = Answer {
            status: response.status.as_u16(),
            outcome_header: response.outcome.map(|outcome| outcome.as_str().to_owned()),
            body: response.body.to_vec(),
        };
        self.travel().await;
        Ok(answer)
    }

    /// Counts what kind of answer it is.
    fn count(&self, response: &rest::Response) {
        let text = String::from_utf8_lossy(&response.body);
        // Failures of writes by query name a document's type first.
        let text = text.split_once("\"cause\":{").map_or(&*text, |(_, cause)| cause);
        let mut types = text.split("\"type\":\"").skip(1);
        let kind = types.next().and_then(|rest| rest.split('"').next()).unwrap_or("no error");
        let outcome = response.outcome.map_or("", |outcome| outcome.as_str());
        let status = response.status.as_u16();
        self.coverage.count(&format!("answer: {status} {kind} {outcome}"));
    }
}

impl Transport for Connection {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Answer, Unanswered>> {
        self.exchange(request).boxed()
    }

    fn life(&self) -> u32 {
        self.life.number
    }
}

/// The request as the HTTP layer hands it in.
fn translate(request: Request) -> anyhow::Result<rest::Request> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    let pinned = match request.listener {
        Listener::Plain => None,
        Listener::V2 => Some(Dialect::V2),
        Listener::V5 => Some(Dialect::V5),
        Listener::V7 => Some(Dialect::V7),
        Listener::V8 => Some(Dialect::V8),
    };
    let method = Method::try_from(request.method)?;
    let target = PathAndQuery::try_from(request.target)?;
    let body = Bytes::from(request.body);
    rest::Request::new(method, target, &headers, body, pinned, Budget::new(u64::MAX))
        .map_err(|error| anyhow::anyhow!("{error:?}"))
}
