//! A metric without its data points, and what its kind makes of it.

use super::naming::NameKind;
use crate::protobuf::{Outcome, Reader};
use clew_model::metrics::{BUCKET_LABEL, MetricType, QUANTILE_LABEL};

/// `AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA`
const DELTA: i64 = 1;
/// `AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE`
const CUMULATIVE: i64 = 2;

/// The kinds of data that a metric can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    Sum { monotonic: bool },
    Histogram,
    Exponential,
    Summary,
}

impl Kind {
    pub(super) fn metric_type(self) -> MetricType {
        match self {
            Kind::Gauge | Kind::Sum { monotonic: false } => MetricType::Gauge,
            Kind::Sum { monotonic: true } => MetricType::Counter,
            Kind::Histogram | Kind::Exponential => MetricType::Histogram,
            Kind::Summary => MetricType::Summary,
        }
    }

    /// The field of a metric that holds it.
    pub(super) fn field_name(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Sum { .. } => "sum",
            Kind::Histogram => "histogram",
            Kind::Exponential => "exponential_histogram",
            Kind::Summary => "summary",
        }
    }

    /// The label that tells the series of one data point apart, if there is one.
    pub(super) fn apart(self) -> Option<&'static str> {
        match self {
            Kind::Histogram => Some(BUCKET_LABEL),
            Kind::Summary => Some(QUANTILE_LABEL),
            _ => None,
        }
    }

    pub(super) fn name_kind(self) -> NameKind {
        match self {
            Kind::Gauge => NameKind::Gauge,
            Kind::Sum { monotonic: true } => NameKind::Counter,
            _ => NameKind::Other,
        }
    }
}

/// A metric without its data points.
pub(super) struct Metric<'a> {
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) unit: &'a str,
    /// Kind, temporality where it matters, and the message that holds the data points.
    pub(super) data: Option<(Kind, i64, Reader<'a>)>,
}

impl<'a> Metric<'a> {
    pub(super) fn read(mut reader: Reader<'a>) -> Outcome<Self> {
        let mut metric = Self { name: "", description: "", unit: "", data: None };
        while let Some(field) = reader.next()? {
            match field.number {
                1 => metric.name = field.string("name")?,
                2 => metric.description = field.string("description")?,
                3 => metric.unit = field.string("unit")?,
                5 => metric.data = Some((Kind::Gauge, CUMULATIVE, field.message("gauge")?)),
                7 => metric.data = Some(field.nested("sum", |reader| read_sum(reader))?),
                9 => {
                    let temporality = field.nested("histogram", read_temporality)?;
                    metric.data = Some((Kind::Histogram, temporality, field.message("histogram")?));
                }
                10 => {
                    let temporality = field.nested("exponential_histogram", read_temporality)?;
                    metric.data = Some((Kind::Exponential, temporality, field.message("exponential_histogram")?));
                }
                11 => metric.data = Some((Kind::Summary, CUMULATIVE, field.message("summary")?)),
                _ => {}
            }
        }
        Ok(metric)
    }

    /// Why no point of the metric can be accepted.
    pub(super) fn objection(&self, family: Option<&str>, temporality: i64) -> Option<String> {
        if self.name.is_empty() {
            return Some("the metric has no name".to_owned());
        }
        if family.is_none() {
            return Some("the metric's name has no letter or digit that a Prometheus name may hold".to_owned());
        }
        match temporality {
            CUMULATIVE => None,
            DELTA => Some(
                "delta temporality is not supported; set the exporter's temporality preference to cumulative \
                 (OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative)"
                    .to_owned(),
            ),
            other => Some(format!("aggregation_temporality is {other}, expected 2 (cumulative)")),
        }
    }
}

fn read_temporality(mut reader: Reader<'_>) -> Outcome<i64> {
    let mut temporality = 0;
    while let Some(field) = reader.next()? {
        if field.number == 2 {
            temporality = field.int("aggregation_temporality")?;
        }
    }
    Ok(temporality)
}

fn read_sum(reader: Reader<'_>) -> Outcome<(Kind, i64, Reader<'_>)> {
    let (mut fields, mut monotonic, mut temporality) = (reader, false, 0);
    while let Some(field) = fields.next()? {
        match field.number {
            2 => temporality = field.int("aggregation_temporality")?,
            3 => monotonic = field.boolean("is_monotonic")?,
            _ => {}
        }
    }
    Ok((Kind::Sum { monotonic }, temporality, reader))
}

/// The names of a metric's series.
pub(super) struct Family<'m> {
    pub(super) name: &'m str,
    pub(super) sum: String,
    pub(super) count: String,
    pub(super) bucket: String,
}

impl<'m> Family<'m> {
    pub(super) fn of(name: &'m str, kind: Kind) -> Self {
        let with = |suffix, of: &[Kind]| if of.contains(&kind) { format!("{name}{suffix}") } else { String::new() };
        Self {
            name,
            sum: with("_sum", &[Kind::Histogram, Kind::Summary]),
            count: with("_count", &[Kind::Histogram, Kind::Summary]),
            bucket: with("_bucket", &[Kind::Histogram]),
        }
    }
}
