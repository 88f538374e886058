//! What metrics must become, computed from prost's structs in the plainest way: label sets as sorted maps, names from
//! a table, native buckets as a map from index to count.

use crate::expected;
use clew_model::Value;
use opentelemetry_proto::tonic as proto;
use proto::collector::metrics::v1::ExportMetricsServiceRequest;
use proto::common::v1::KeyValue;
use proto::metrics::v1::exponential_histogram_data_point::Buckets;
use proto::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint, exemplar,
    metric::Data, number_data_point,
};
use std::collections::BTreeMap;

pub(crate) type LabelMap = BTreeMap<String, String>;

/// Everything that a request means, in an order of its own.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Meaning {
    /// Labels, milliseconds, bits of the value.
    pub samples: Vec<(LabelMap, i64, u64)>,
    /// Labels, milliseconds, and the histogram's numbers.
    pub histograms: Vec<(LabelMap, i64, String)>,
    /// Labels of the series, own labels, milliseconds, bits of the value.
    pub exemplars: Vec<(LabelMap, LabelMap, i64, u64)>,
    pub accepted: u64,
    pub rejected: u64,
}

const STALE: u64 = 0x7ff0_0000_0000_0002;

pub(crate) fn label_name(key: &str) -> String {
    let name: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let mut first = name.chars();
    match (first.next(), first.next()) {
        (Some('0'..='9'), _) => format!("key_{name}"),
        (Some('_'), Some('_')) => name,
        (Some('_'), _) => format!("key{name}"),
        _ => name,
    }
}

fn label_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Double(number) if number.is_infinite() => {
            if *number > 0.0 {
                "Infinity".to_owned()
            } else {
                "-Infinity".to_owned()
            }
        }
        Value::Double(number) if *number != 0.0 && (number.abs() < 1e-6 || number.abs() >= 1e21) => {
            let text = format!("{number:e}");
            let (digits, exponent) = text.split_once('e').unwrap();
            let sign = if exponent.starts_with('-') { "" } else { "+" };
            format!("{digits}e{sign}{exponent}")
        }
        Value::Double(number) => format!("{number}"),
        Value::Bytes(bytes) => crate::json::base64(bytes),
        other => other.display_text().into_owned(),
    }
}

pub(crate) fn labels(attributes: &[KeyValue]) -> LabelMap {
    let mut sorted: Vec<&KeyValue> = attributes.iter().filter(|own| !own.key.is_empty()).collect();
    sorted.sort_by_key(|own| &own.key);
    let mut out = LabelMap::new();
    for own in sorted {
        let text = label_text(&expected::value(own.value.as_ref()));
        out.entry(label_name(&own.key)).and_modify(|joined| *joined += &format!(";{text}")).or_insert(text);
    }
    out
}

fn family(metric: &Metric) -> String {
    let base = metric.name.replace('.', "_");
    let gauge = matches!(metric.data, Some(Data::Gauge(_)));
    let unit = match metric.unit.as_str() {
        "1" if gauge => "_ratio",
        "" | "1" | "{request}" => "",
        "s" => "_seconds",
        "By/s" => "_bytes_per_second",
        "weird unit" => "_weird_unit",
        other => panic!("no name for {other}"),
    };
    let total = match &metric.data {
        Some(Data::Sum(sum)) if sum.is_monotonic => "_total",
        _ => "",
    };
    format!("{base}{unit}{total}")
}

/// One resource's contribution under construction.
struct Walk<'a> {
    out: &'a mut Meaning,
    identity: Vec<(&'static str, String)>,
}

impl Walk<'_> {
    fn series(&self, name: &str, attributes: &[KeyValue], extra: Option<(&str, String)>) -> LabelMap {
        let mut out = labels(attributes);
        out.extend(self.identity.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        out.extend(extra.map(|(name, value)| (name.to_owned(), value)));
        out.insert("__name__".to_owned(), name.to_owned());
        out.retain(|_, value| !value.is_empty());
        out
    }

    fn sample(&mut self, labels: LabelMap, time: u64, value: f64, flags: u32) {
        let bits = if flags & 1 == 1 { STALE } else { value.to_bits() };
        self.out.samples.push((labels, (time / 1_000_000) as i64, bits));
    }

    fn exemplar(&mut self, series: LabelMap, own: &Exemplar, point_time: u64) {
        let mut labels = labels(&own.filtered_attributes);
        for (name, id) in [("trace_id", &own.trace_id), ("span_id", &own.span_id)] {
            if id.iter().any(|byte| *byte != 0) {
                labels.insert(name.to_owned(), id.iter().map(|byte| format!("{byte:02x}")).collect());
            }
        }
        labels.retain(|_, value| !value.is_empty());
        let time = if own.time_unix_nano == 0 { point_time } else { own.time_unix_nano };
        self.out.exemplars.push((series, labels, (time / 1_000_000) as i64, exemplar_value(own).to_bits()));
    }

    fn number(&mut self, name: &str, point: &NumberDataPoint) -> bool {
        let value = match point.value {
            Some(number_data_point::Value::AsDouble(value)) => value,
            Some(number_data_point::Value::AsInt(value)) => value as f64,
            None if point.flags & 1 == 1 => 0.0,
            None => return false,
        };
        if !acceptable(point.time_unix_nano, &point.attributes, &point.exemplars) {
            return false;
        }
        let series = self.series(name, &point.attributes, None);
        self.sample(series.clone(), point.time_unix_nano, value, point.flags);
        point.exemplars.iter().for_each(|own| self.exemplar(series.clone(), own, point.time_unix_nano));
        true
    }

    fn histogram(&mut self, name: &str, point: &HistogramDataPoint) -> bool {
        let (counts, bounds) = (&point.bucket_counts, &point.explicit_bounds);
        let ended = point.flags & 1 == 1;
        let fits = counts.len() == bounds.len() + 1 || counts.is_empty() && (bounds.is_empty() || ended);
        let mut sorted = bounds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        if !fits || sorted != *bounds || !acceptable(point.time_unix_nano, &point.attributes, &point.exemplars) {
            return false;
        }
        let series = |walk: &Self, suffix: &str, le| walk.series(&format!("{name}{suffix}"), &point.attributes, le);
        if point.sum.is_some() || ended {
            let labels = series(self, "_sum", None);
            self.sample(labels, point.time_unix_nano, point.sum.unwrap_or_default(), point.flags);
        }
        self.sample(series(self, "_count", None), point.time_unix_nano, point.count as f64, point.flags);
        for (place, bound) in bounds.iter().enumerate() {
            let below: u64 = counts.iter().take(place + 1).sum();
            let labels = series(self, "_bucket", Some(("le", format!("{bound}"))));
            self.sample(labels, point.time_unix_nano, below as f64, point.flags);
        }
        let infinite = series(self, "_bucket", Some(("le", "+Inf".to_owned())));
        self.sample(infinite.clone(), point.time_unix_nano, point.count as f64, point.flags);
        for own in &point.exemplars {
            let le = bounds.iter().find(|bound| exemplar_value(own) <= **bound);
            let bucket = le.map(|le| series(self, "_bucket", Some(("le", format!("{le}")))));
            self.exemplar(bucket.unwrap_or_else(|| infinite.clone()), own, point.time_unix_nano);
        }
        true
    }

    fn exponential(&mut self, name: &str, point: &ExponentialHistogramDataPoint) -> bool {
        let ended = point.flags & 1 == 1;
        if point.scale < -4 && !ended || !acceptable(point.time_unix_nano, &point.attributes, &point.exemplars) {
            return false;
        }
        let text = if ended {
            "stale".to_owned()
        } else {
            let threshold = if point.zero_threshold == 0.0 { 1e-128 } else { point.zero_threshold };
            let (positive, negative) = (merged(&point.positive, point.scale), merged(&point.negative, point.scale));
            let (count, sum, zero) = (point.count, point.sum.unwrap_or_default(), point.zero_count);
            let schema = point.scale.min(8);
            format!("{schema} {count} {sum:?} {zero} {threshold:?} {positive:?} {negative:?}")
        };
        let series = self.series(name, &point.attributes, None);
        self.out.histograms.push((series.clone(), (point.time_unix_nano / 1_000_000) as i64, text));
        point.exemplars.iter().for_each(|own| self.exemplar(series.clone(), own, point.time_unix_nano));
        true
    }

    fn summary(&mut self, name: &str, point: &SummaryDataPoint) -> bool {
        if !acceptable(point.time_unix_nano, &point.attributes, &[]) {
            return false;
        }
        let labels = self.series(&format!("{name}_sum"), &point.attributes, None);
        self.sample(labels, point.time_unix_nano, point.sum, point.flags);
        let labels = self.series(&format!("{name}_count"), &point.attributes, None);
        self.sample(labels, point.time_unix_nano, point.count as f64, point.flags);
        for own in &point.quantile_values {
            let labels = self.series(name, &point.attributes, Some(("quantile", format!("{}", own.quantile))));
            self.sample(labels, point.time_unix_nano, own.value, point.flags);
        }
        true
    }

    fn metric(&mut self, metric: &Metric) {
        let (temporality, length) = match &metric.data {
            None => (2, 1),
            Some(Data::Gauge(data)) => (2, data.data_points.len()),
            Some(Data::Sum(data)) => (data.aggregation_temporality, data.data_points.len()),
            Some(Data::Histogram(data)) => (data.aggregation_temporality, data.data_points.len()),
            Some(Data::ExponentialHistogram(data)) => (data.aggregation_temporality, data.data_points.len()),
            Some(Data::Summary(data)) => (2, data.data_points.len()),
        };
        let mut kept = 0;
        if !metric.name.is_empty() && temporality == 2 {
            let name = family(metric);
            let good: Vec<bool> = match &metric.data {
                None => vec![],
                Some(Data::Gauge(data)) => data.data_points.iter().map(|point| self.number(&name, point)).collect(),
                Some(Data::Sum(data)) => data.data_points.iter().map(|point| self.number(&name, point)).collect(),
                Some(Data::Histogram(data)) => {
                    data.data_points.iter().map(|point| self.histogram(&name, point)).collect()
                }
                Some(Data::ExponentialHistogram(data)) => {
                    data.data_points.iter().map(|point| self.exponential(&name, point)).collect()
                }
                Some(Data::Summary(data)) => data.data_points.iter().map(|point| self.summary(&name, point)).collect(),
            };
            kept = good.into_iter().filter(|good| *good).count();
        }
        self.out.accepted += kept as u64;
        self.out.rejected += (length - kept) as u64;
    }
}

fn exemplar_value(own: &Exemplar) -> f64 {
    match own.value {
        Some(exemplar::Value::AsDouble(value)) => value,
        Some(exemplar::Value::AsInt(value)) => value as f64,
        None => f64::NAN,
    }
}

fn acceptable(time: u64, attributes: &[KeyValue], exemplars: &[Exemplar]) -> bool {
    time != 0 && attributes.iter().all(|own| !own.key.is_empty()) && exemplars.iter().all(|own| own.value.is_some())
}

/// Counts by Prometheus' bucket index at schema 8 or less: an upper bound of 2^(n / 2^scale) lies, at a schema coarser
/// by `down`, in the bucket whose upper bound is n / 2^down rounded up.
fn merged(buckets: &Option<Buckets>, scale: i32) -> BTreeMap<i64, u64> {
    let width = 2f64.powi((scale - 8).max(0));
    let mut out = BTreeMap::new();
    for (place, count) in buckets.iter().flat_map(|own| own.bucket_counts.iter().enumerate()) {
        let upper = f64::from(buckets.as_ref().unwrap().offset) + place as f64 + 1.0;
        if *count > 0 {
            *out.entry((upper / width).ceil() as i64).or_insert(0) += count;
        }
    }
    out
}

pub(crate) fn meaning(request: &ExportMetricsServiceRequest) -> Meaning {
    let mut out = Meaning::default();
    for by_resource in &request.resource_metrics {
        let attributes = by_resource.resource.clone().unwrap_or_default().attributes;
        let text = |key| {
            let own = attributes.iter().find(|own| own.key == key);
            own.map(|own| label_text(&expected::value(own.value.as_ref()))).filter(|text| !text.is_empty())
        };
        let name = attributes.iter().find(|own| own.key == "service.name");
        let name = match name.map(|own| expected::value(own.value.as_ref())) {
            Some(clew_model::Value::String(name)) if !name.trim().is_empty() => name.to_string(),
            _ => "unknown_service".to_owned(),
        };
        let job = Some(match text("service.namespace") {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name,
        });
        let instance = text("service.instance.id");
        let identity = [("job", job), ("instance", instance)];
        let identity = identity.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let mut walk = Walk { out: &mut out, identity };
        for by_scope in &by_resource.scope_metrics {
            by_scope.metrics.iter().for_each(|metric| walk.metric(metric));
        }
    }
    out
}
