//! Metric families put together when somebody asks, of numbers that are counted elsewhere.

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

/// The families so far.
#[derive(Default)]
pub(super) struct Families(Vec<MetricFamily>);

/// A family that takes values.
pub(super) struct Family<'f>(&'f mut MetricFamily);

impl Families {
    /// None.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A family of numbers that rise and fall.
    pub(super) fn gauge(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(name, help, MetricType::GAUGE)
    }

    /// A family of numbers that only rise, and begin again with the process.
    pub(super) fn counter(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(name, help, MetricType::COUNTER)
    }

    /// A histogram: in each class, of values up to a bound, how many were observed, and behind them
    /// how many were above all bounds; and the sum of the values.
    pub(super) fn histogram(
        &mut self,
        name: &str,
        help: &str,
        bounds: &[u64],
        counts: &[u64],
        sum: u64,
    ) {
        let mut seen = 0;
        let cumulated = bounds.iter().zip(counts).map(|(bound, count)| {
            seen += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(float(*bound));
            bucket.set_cumulative_count(seen);
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(cumulated.collect());
        histogram.set_sample_count(counts.iter().sum());
        histogram.set_sample_sum(float(sum));
        let mut metric = Metric::default();
        metric.set_histogram(histogram);
        self.family(name, help, MetricType::HISTOGRAM).0.mut_metric().push(metric);
    }

    /// Begins a family.
    fn family(&mut self, name: &str, help: &str, kind: MetricType) -> Family<'_> {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        // Pushed and given back in one: there is a last one.
        Family(self.0.push_mut(family))
    }

    /// All of them that have a value: one without is no family.
    pub(super) fn finish(self) -> Vec<MetricFamily> {
        self.0.into_iter().filter(|family| !family.get_metric().is_empty()).collect()
    }
}

impl Family<'_> {
    /// Adds a value with its labels.
    pub(super) fn value(&mut self, labels: &[(&str, &str)], value: u64) {
        self.float(labels, float(value));
    }

    /// Adds a value that is no whole number, or negative.
    pub(super) fn float(&mut self, labels: &[(&str, &str)], value: f64) {
        let pairs = labels.iter().map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        });
        let mut metric = Metric::from_label(pairs.collect());
        if self.0.get_field_type() == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.0.mut_metric().push(metric);
    }
}

/// A number as Prometheus knows them: exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "Prometheus has no other numbers")]
fn float(number: u64) -> f64 {
    number as f64
}
