//! Samples of request counters, gauges and latency histograms of some instances, scraped every 15 s.

use super::{SERVICES, attribute, resource, scope, text};
use fastrand::Rng;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric,
    number_data_point,
};
use prost::Message as _;
use std::fmt::Write as _;

/// Seconds between two rounds.
pub const INTERVAL_SECONDS: u64 = 15;

/// Bounds of the histograms; they make 2 series more (the last bucket's, infinity) and a sum and a count.
const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Series of one histogram: a bucket for each bound and for infinity, sum, count.
const HISTOGRAM_SERIES: usize = BOUNDS.len() + 3;

/// The state of one instance's metrics: what it would show when scraped.
#[derive(Debug, Clone)]
pub struct Instance {
    number: usize,
    counters: Vec<u64>,
    gauges: Vec<f64>,
    histograms: Vec<([u64; BOUNDS.len() + 1], f64)>,
}

impl Instance {
    /// An instance of about `series` series: four tenths counters, two tenths gauges, the rest in histograms.
    #[must_use]
    pub fn new(number: usize, series: usize) -> Self {
        Self {
            number,
            counters: vec![0; series * 4 / 10],
            gauges: vec![100.0; series * 2 / 10],
            histograms: vec![([0; BOUNDS.len() + 1], 0.0); series * 4 / 10 / HISTOGRAM_SERIES],
        }
    }

    /// How many series it has.
    #[must_use]
    pub fn series(&self) -> usize {
        self.counters.len() + self.gauges.len() + self.histograms.len() * HISTOGRAM_SERIES
    }

    /// Moves on to the next round.
    pub fn step(&mut self, rng: &mut Rng) {
        for (index, counter) in self.counters.iter_mut().enumerate() {
            // A tenth of the counters stands still most of the time.
            if index % 10 != 0 || rng.u8(..20) == 0 {
                *counter += rng.u64(..40 * (1 + index as u64 % 7));
            }
        }
        for gauge in &mut self.gauges {
            *gauge = ((*gauge + rng.f64() - 0.5) * 100.0).round() / 100.0;
        }
        for (buckets, sum) in &mut self.histograms {
            for (bucket, bound) in buckets.iter_mut().zip(BOUNDS.into_iter().chain([20.0])) {
                let seen = rng.u64(..12);
                *bucket += seen;
                *sum += seen as f64 * bound * 0.75;
            }
        }
    }

    /// The labels of a counter or histogram, by number.
    fn labels(index: usize) -> [(&'static str, String); 3] {
        let methods = ["GET", "POST", "PUT"];
        let codes = ["200", "400", "404", "500"];
        [
            ("method", methods[index % methods.len()].to_owned()),
            ("code", codes[index / 3 % codes.len()].to_owned()),
            ("route", format!("/api/v{}/{}", index / 12 % 2 + 1, index / 24)),
        ]
    }

    /// The text of its `/metrics` page (Prometheus text format 0.0.4).
    #[must_use]
    pub fn exposition(&self) -> String {
        let mut out = String::from("# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\n");
        for (index, value) in self.counters.iter().enumerate() {
            let [method, code, route] = Self::labels(index).map(|(name, value)| format!("{name}=\"{value}\""));
            let _ = writeln!(out, "http_requests_total{{{method},{code},{route}}} {value}");
        }
        out.push_str("# HELP queue_depth Jobs that wait.\n# TYPE queue_depth gauge\n");
        for (index, value) in self.gauges.iter().enumerate() {
            let _ = writeln!(out, "queue_depth{{queue=\"queue-{index}\",tier=\"gold\"}} {value}");
        }
        out.push_str("# HELP latency_seconds Time taken.\n# TYPE latency_seconds histogram\n");
        for (index, (buckets, sum)) in self.histograms.iter().enumerate() {
            let route = format!("route=\"/h/{index}\"");
            let mut count = 0;
            for (bucket, bound) in
                buckets.iter().zip(BOUNDS.map(|bound| bound.to_string()).iter().chain([&"+Inf".into()]))
            {
                count += bucket;
                let _ = writeln!(out, "latency_seconds_bucket{{{route},le=\"{bound}\"}} {count}");
            }
            let _ = writeln!(out, "latency_seconds_sum{{{route}}} {sum}\nlatency_seconds_count{{{route}}} {count}");
        }
        out
    }

    fn otlp(&self, start: u64, time: u64) -> ResourceMetrics {
        let number = |value, attributes| NumberDataPoint {
            attributes,
            start_time_unix_nano: start,
            time_unix_nano: time,
            value: Some(value),
            ..NumberDataPoint::default()
        };
        let labelled = |index| Self::labels(index).map(|(key, value)| attribute(key, text(value))).to_vec();
        let counters = self.counters.iter().enumerate();
        let counters =
            counters.map(|(index, value)| number(number_data_point::Value::AsInt(*value as i64), labelled(index)));
        let gauges = self.gauges.iter().enumerate().map(|(index, value)| {
            let queue = vec![attribute("queue", text(format!("queue-{index}"))), attribute("tier", text("gold"))];
            number(number_data_point::Value::AsDouble(*value), queue)
        });
        let histograms = self.histograms.iter().enumerate().map(|(index, (buckets, sum))| HistogramDataPoint {
            attributes: vec![attribute("route", text(format!("/h/{index}")))],
            start_time_unix_nano: start,
            time_unix_nano: time,
            count: buckets.iter().sum(),
            sum: Some(*sum),
            bucket_counts: buckets.to_vec(),
            explicit_bounds: BOUNDS.to_vec(),
            ..HistogramDataPoint::default()
        });
        let cumulative = 2;
        let metrics = vec![
            named(
                "http.requests",
                metric::Data::Sum(Sum {
                    data_points: counters.collect(),
                    aggregation_temporality: cumulative,
                    is_monotonic: true,
                }),
            ),
            named("queue.depth", metric::Data::Gauge(Gauge { data_points: gauges.collect() })),
            named(
                "latency.seconds",
                metric::Data::Histogram(Histogram {
                    data_points: histograms.collect(),
                    aggregation_temporality: cumulative,
                }),
            ),
        ];
        let mut resource = resource(SERVICES[self.number % SERVICES.len()], self.number);
        // Several instances may be of one service.
        resource.attributes.push(attribute("service.instance.id", text(format!("host-{:02}:8080", self.number))));
        ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() }],
            ..ResourceMetrics::default()
        }
    }
}

fn named(name: &str, data: metric::Data) -> Metric {
    Metric { name: name.to_owned(), description: "Of the corpus.".to_owned(), data: Some(data), ..Metric::default() }
}

/// OTLP requests of the last rounds before `end`, in order of time: one request holds `per_body` instances of one round.
/// Each adds `target_info` for each of its instances.
#[must_use]
pub fn otlp(seed: u64, instances: &mut [Instance], rounds: usize, per_body: usize, end: u64) -> Vec<Vec<u8>> {
    stream(seed, instances, rounds, per_body, end).collect()
}

/// The same requests one after the other, for corpora that do not fit in memory.
pub fn stream(
    seed: u64,
    instances: &mut [Instance],
    rounds: usize,
    per_body: usize,
    end: u64,
) -> impl Iterator<Item = Vec<u8>> {
    let mut rng = Rng::with_seed(seed);
    let interval = INTERVAL_SECONDS * 1_000_000_000;
    let first = end - interval * rounds as u64;
    (0..rounds).flat_map(move |round| {
        let time = first + interval * (round as u64 + 1);
        instances.iter_mut().for_each(|instance| instance.step(&mut rng));
        let body = |group: &[Instance]| {
            let resource_metrics = group.iter().map(|instance| instance.otlp(first, time)).collect();
            ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
        };
        instances.chunks(per_body).map(body).collect::<Vec<_>>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_page_has_a_line_for_each_series() {
        let mut instance = Instance::new(0, 1_000);
        instance.step(&mut Rng::with_seed(1));
        let text = instance.exposition();
        assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), instance.series());
        assert!((900..=1_000).contains(&instance.series()), "{}", instance.series());
    }

    #[test]
    fn the_otlp_form_has_a_point_for_each_number_and_histogram() {
        let mut instances = [Instance::new(0, 1_000), Instance::new(1, 1_000)];
        let bodies = otlp(1, &mut instances, 3, 2, 1_800_000_000_000_000_000);
        assert_eq!(bodies.len(), 3);
        let request = ExportMetricsServiceRequest::decode(&*bodies[0]).unwrap();
        assert_eq!(request.resource_metrics.len(), 2);
        let points: usize = request.resource_metrics[0].scope_metrics[0]
            .metrics
            .iter()
            .map(|metric| match metric.data.as_ref().unwrap() {
                metric::Data::Sum(sum) => sum.data_points.len(),
                metric::Data::Gauge(gauge) => gauge.data_points.len(),
                metric::Data::Histogram(histogram) => histogram.data_points.len() * HISTOGRAM_SERIES,
                _ => 0,
            })
            .sum();
        assert_eq!(points, instances[0].series());
    }
}
