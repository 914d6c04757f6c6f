//! Numbers for Prometheus: requests as they are answered, and the state of the node when asked.

use std::time::Duration;

use node::Node;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::Endpoint;
use super::error::{Error, Outcome};

/// From a tenth of a millisecond to ten seconds.
const LATENCY_SECONDS: [f64; 16] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// What is counted of requests. Without counters, which would be a mistake of our own, all is served
/// but the numbers.
#[derive(Clone)]
pub(crate) struct Metrics(Option<Counters>);

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

impl Metrics {
    /// Nothing counted yet.
    pub(crate) fn new() -> Self {
        let counters = Counters::new();
        Self(counters.inspect_err(|error| tracing::error!(%error, "nothing is counted")).ok())
    }

    /// Counts an answer. Requests that found no endpoint are counted together.
    pub(crate) fn note(
        &self,
        endpoint: Option<Endpoint>,
        method: &str,
        status: u16,
        took: Duration,
    ) {
        let Some(Counters { requests, latency, .. }) = &self.0 else { return };
        let endpoint = endpoint.map_or_else(|| "None".to_owned(), |found| format!("{found:?}"));
        // A client may send any word for a method.
        const METHODS: [&str; 6] = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"];
        let method = if METHODS.contains(&method) { method } else { "other" };
        requests.with_label_values(&[&endpoint, method, &status.to_string()]).inc();
        latency.with_label_values(&[&endpoint]).observe(took.as_secs_f64());
    }

    /// Everything in Prometheus' text format.
    pub(crate) fn text(&self, node: &Node) -> Result<Vec<u8>, Error> {
        let failed = |error: prometheus::Error| Error::Internal {
            reason: format!("metrics cannot be shown: {error}"),
            outcome: Outcome::NotApplied,
        };
        let counted = self.0.as_ref();
        let mut families = counted.map(|c| c.registry.gather()).unwrap_or_default();
        families.extend(state(node).map_err(failed)?.gather());
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text).map_err(failed)?;
        Ok(text)
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// The state of the node now.
fn state(node: &Node) -> Result<Registry, prometheus::Error> {
    let registry = Registry::new();
    let gauge = |name: &str, help: &str, labels: &[&str]| {
        let gauge = IntGaugeVec::new(Opts::new(name, help), labels)?;
        registry.register(Box::new(gauge.clone()))?;
        Ok::<_, prometheus::Error>(gauge)
    };
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let shard = ["index", "shard"];
    let seq_no = gauge("occam_shard_max_seq_no", "Highest sequence number; -1 for none", &shard)?;
    let documents = gauge("occam_shard_documents", "Documents", &shard)?;
    let tombstones = gauge("occam_shard_tombstones", "Deletes that are remembered", &shard)?;
    let bytes = gauge("occam_shard_store_bytes", "Bytes stored of documents", &shard)?;
    let damaged = gauge("occam_shard_damaged", "1 where something stored is damaged", &shard)?;
    let index = ["index", "kind"];
    let conflicts = gauge("occam_conflicts_total", "Writes refused for a condition", &index)?;
    let operations = gauge("occam_operations_total", "Operations on documents", &index)?;
    for index in node.indices() {
        for (number, shard) in index.shards().iter().enumerate() {
            let labels = [index.name(), &number.to_string()];
            let max = shard.max_seq_no().map_or(-1, |max| signed(max.get()));
            seq_no.with_label_values(&labels).set(max);
            documents.with_label_values(&labels).set(signed(shard.table().live()));
            tombstones.with_label_values(&labels).set(signed(shard.table().tombstones()));
            bytes.with_label_values(&labels).set(signed(shard.table().live_bytes()));
            damaged.with_label_values(&labels).set(i64::from(shard.damage().is_some()));
        }
        let counters = index.counters();
        for (kind, counter) in [
            ("seq_no", &counters.seq_no_conflicts),
            ("version", &counters.version_conflicts),
            ("exists", &counters.existence_conflicts),
        ] {
            conflicts.with_label_values(&[index.name(), kind]).set(signed(counter.get()));
        }
        for (kind, counter) in [
            ("index", &counters.indexed),
            ("delete", &counters.deleted),
            ("noop", &counters.noops),
            ("failed", &counters.failed),
            ("get_found", &counters.found),
            ("get_missing", &counters.missing),
        ] {
            operations.with_label_values(&[index.name(), kind]).set(signed(counter.get()));
        }
    }
    let memory = gauge("occam_table_memory_bytes", "Memory of documents' identities", &["kind"])?;
    memory.with_label_values(&["used"]).set(signed(node.memory().used()));
    memory.with_label_values(&["limit"]).set(signed(node.memory().limit()));
    Ok(registry)
}
