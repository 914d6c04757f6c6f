//! Numbers for Prometheus: requests as they are answered, and the state of the node when asked.

mod families;
mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};

use super::Endpoint;
use super::error::{Error, Outcome};
use families::Families;

pub(crate) use state::Watched;

/// From a tenth of a millisecond to ten seconds.
const LATENCY_SECONDS: [f64; 16] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// What is counted of requests. Without counters, which would be a mistake of our own, all is served
/// but the numbers.
#[derive(Clone)]
pub(crate) struct Metrics {
    counters: Option<Counters>,
    /// How many requests are being answered.
    in_flight: Arc<AtomicU64>,
}

/// The counters of requests.
#[derive(Clone)]
struct Counters {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
}

impl Counters {
    /// Fails never: the names are fixed and differ.
    fn new() -> Result<Self, prometheus::Error> {
        let requests =
            Opts::new("occam_requests_total", "Requests answered, by endpoint and status");
        let requests = IntCounterVec::new(requests, &["endpoint", "method", "status"])?;
        let latency = HistogramOpts::new("occam_request_seconds", "Time to answer, by endpoint");
        let latency = latency.buckets(LATENCY_SECONDS.to_vec());
        let latency = HistogramVec::new(latency, &["endpoint"])?;
        let registry = Registry::new();
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(latency.clone()))?;
        Ok(Self { registry, requests, latency })
    }
}

/// A request that is being answered, until it is dropped.
pub(crate) struct InFlight(Arc<AtomicU64>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    /// Nothing counted yet.
    pub(crate) fn new() -> Self {
        let counters = Counters::new();
        let counters =
            counters.inspect_err(|error| tracing::error!(%error, "nothing is counted")).ok();
        Self { counters, in_flight: Arc::default() }
    }

    /// A request begins to be answered.
    pub(crate) fn begin(&self) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(Arc::clone(&self.in_flight))
    }

    /// Counts an answer. Requests that found no endpoint are counted together.
    pub(crate) fn note(
        &self,
        endpoint: Option<Endpoint>,
        method: &str,
        status: u16,
        took: Duration,
    ) {
        let Some(Counters { requests, latency, .. }) = &self.counters else { return };
        let endpoint = endpoint.map_or_else(|| "None".to_owned(), |found| format!("{found:?}"));
        // A client may send any word for a method.
        const METHODS: [&str; 6] = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"];
        let method = if METHODS.contains(&method) { method } else { "other" };
        requests.with_label_values(&[&endpoint, method, &status.to_string()]).inc();
        latency.with_label_values(&[&endpoint]).observe(took.as_secs_f64());
    }

    /// Everything in Prometheus' text format.
    pub(crate) fn text(&self, watched: &Watched<'_>) -> Result<Vec<u8>, Error> {
        let mut families = Families::new();
        let in_flight = self.in_flight.load(Relaxed);
        families.gauge("occam_requests_in_flight", "Requests being answered").value(&[], in_flight);
        watched.tell(&mut families);
        let counted = self.counters.as_ref();
        let mut all = counted.map(|c| c.registry.gather()).unwrap_or_default();
        all.extend(families.finish());
        let mut text = Vec::new();
        TextEncoder::new().encode(&all, &mut text).map_err(|error| Error::Internal {
            reason: format!("metrics cannot be shown: {error}"),
            outcome: Outcome::NotApplied,
        })?;
        Ok(text)
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
