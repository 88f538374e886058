//! From data points to series: the walk over metrics, and what each kind of data point becomes.

use super::OtlpMetricOptions;
use super::batch::BatchBuilder;
use super::exemplars::{Example, examples};
use super::labels::{BoundTexts, LabelNames, Origin, Pair, bound_text, put_labels};
use super::naming::{NameKind, metric_name, unit_name};
use super::native::native_histogram;
use super::points::{ExponentialPoint, Head, HistogramPoint, NumberPoint, SummaryPoint, refused};
use crate::error::Decoded;
use crate::limits::{MAX_HISTOGRAM_BUCKETS, MAX_TARGET_INFO_SAMPLES};
use crate::otlp::budget::Budget;
use crate::otlp::envelope::{Names, Sink};
use crate::otlp::fault::Outcome;
use crate::otlp::wire::Reader;
use clew_model::metrics::{BUCKET_LABEL, Metadata, MetricBatch, MetricType, QUANTILE_LABEL, STALE_NAN, Sample};
use clew_model::time::NANOS_PER_MILLI;
use clew_model::{Resource, Scope, UnixMillis};
use compact_str::CompactString;
use std::cmp::Ordering;
use std::sync::Arc;

const TARGET_INFO: &str = "target_info";
/// Half of Prometheus' default lookback, so that any query finds a sample of `target_info`.
const TARGET_INFO_STEP: i64 = 150_000;
/// `AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA`
const DELTA: i64 = 1;
/// `AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE`
const CUMULATIVE: i64 = 2;
/// Characters of a metric's name that reasons show.
const SHOWN_NAME: usize = 200;
const NO_LABEL: (&str, &str) = ("", "");

/// The kinds of data that a metric can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gauge,
    Sum { monotonic: bool },
    Histogram,
    Exponential,
    Summary,
}

impl Kind {
    fn metric_type(self) -> MetricType {
        match self {
            Kind::Gauge | Kind::Sum { monotonic: false } => MetricType::Gauge,
            Kind::Sum { monotonic: true } => MetricType::Counter,
            Kind::Histogram | Kind::Exponential => MetricType::Histogram,
            Kind::Summary => MetricType::Summary,
        }
    }

    /// The field of a metric that holds it.
    fn field_name(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Sum { .. } => "sum",
            Kind::Histogram => "histogram",
            Kind::Exponential => "exponential_histogram",
            Kind::Summary => "summary",
        }
    }

    fn name_kind(self) -> NameKind {
        match self {
            Kind::Gauge => NameKind::Gauge,
            Kind::Sum { monotonic: true } => NameKind::Counter,
            _ => NameKind::Other,
        }
    }
}

/// A metric without its data points.
struct Metric<'a> {
    name: &'a str,
    description: &'a str,
    unit: &'a str,
    /// Kind, temporality where it matters, and the message that holds the data points.
    data: Option<(Kind, i64, Reader<'a>)>,
}

impl<'a> Metric<'a> {
    fn read(mut reader: Reader<'a>) -> Outcome<Self> {
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
    fn objection(&self, family: Option<&str>, temporality: i64) -> Option<String> {
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

/// Takes the metrics of one body.
pub(super) struct MetricSink<'o> {
    options: &'o OtlpMetricOptions,
    names: LabelNames,
    origin: Origin,
    resource: Arc<Resource>,
    /// Times of the first and the last point of the resource.
    times: Option<(UnixMillis, UnixMillis)>,
    batch: BatchBuilder,
    out: Decoded<()>,
    /// Data points read so far.
    seen: u64,
    /// Labels of the point that is being read.
    pairs: Vec<Pair>,
    bounds: BoundTexts,
}

impl<'o> MetricSink<'o> {
    pub(super) fn new(options: &'o OtlpMetricOptions) -> Self {
        Self {
            options,
            names: LabelNames::new(options.strategy),
            origin: Origin::default(),
            resource: Arc::default(),
            times: None,
            batch: BatchBuilder::default(),
            out: Decoded::default(),
            seen: 0,
            pairs: Vec::new(),
            bounds: BoundTexts::default(),
        }
    }

    pub(super) fn finish(self) -> Decoded<MetricBatch> {
        let Decoded { accepted, rejected, rejects, .. } = self.out;
        Decoded { records: self.batch.finish(), accepted, rejected, rejects }
    }
}

impl Sink for MetricSink<'_> {
    const NAMES: Names = Names { resources: "resource_metrics", scopes: "scope_metrics", records: "metrics" };

    fn expect(&mut self, _count: usize, _bytes: usize) {}

    fn begin_resource(&mut self, resource: &Arc<Resource>, _budget: &mut Budget) -> Outcome<()> {
        self.origin = Origin::of_resource(resource, &mut self.names, self.options);
        self.resource = Arc::clone(resource);
        self.times = None;
        Ok(())
    }

    fn begin_scope(&mut self, scope: &Arc<Scope>) {
        if self.options.promote_scope {
            self.origin.set_scope(scope, &mut self.names);
        }
    }

    fn record(
        &mut self,
        reader: Reader<'_>,
        _resource: &Arc<Resource>,
        _scope: &Arc<Scope>,
        budget: &mut Budget,
    ) -> Outcome<()> {
        let metric = Metric::read(reader)?;
        let Some((kind, temporality, data)) = metric.data else {
            self.refuse(
                &metric,
                "no data of a known type, expected gauge, sum, histogram, exponential_histogram or summary",
            );
            return Ok(());
        };
        let family = metric_name(metric.name, metric.unit, kind.name_kind(), self.options.strategy);
        let objection = metric.objection(family.as_deref(), temporality);
        let metadata = Metadata {
            metric: family.unwrap_or_default(),
            metric_type: kind.metric_type(),
            help: metric.description.to_owned(),
            unit: unit_name(metric.unit, self.options.strategy),
        };
        self.points(data, kind, &metric, &metadata, objection.as_deref(), budget)
            .map_err(|fault| fault.within(kind.field_name(), None))
    }

    fn end_resource(&mut self, budget: &mut Budget) -> Outcome<()> {
        let Some((first, last)) = self.times.filter(|_| self.options.target_info) else { return Ok(()) };
        let Some(pairs) = self.origin.target_info(&self.resource, &mut self.names, self.options) else {
            return Ok(());
        };
        if put_labels(self.batch.labels(), TARGET_INFO, &pairs, NO_LABEL).is_err() {
            return Ok(());
        }
        let series = self.batch.series(budget, 0)?;
        let steps = last.saturating_sub(first).unsigned_abs() / TARGET_INFO_STEP.unsigned_abs();
        let steps = usize::try_from(steps).unwrap_or(usize::MAX).min(MAX_TARGET_INFO_SAMPLES);
        budget.take(steps.saturating_mul(size_of::<Sample>()), 0)?;
        let mut time = last;
        for _ in 0..MAX_TARGET_INFO_SAMPLES {
            self.batch.sample(series, time, 1.0);
            if time <= first {
                break;
            }
            time = time.saturating_sub(TARGET_INFO_STEP).max(first);
        }
        self.batch.metadata(&Metadata {
            metric: TARGET_INFO.to_owned(),
            metric_type: MetricType::Gauge,
            help: "Attributes of the OpenTelemetry resource".to_owned(),
            unit: String::new(),
        });
        Ok(())
    }
}

impl MetricSink<'_> {
    fn refuse(&mut self, metric: &Metric<'_>, reason: &str) {
        let index = self.seen;
        self.seen += 1;
        self.out.reject(index, || {
            let name: String = metric.name.chars().take(SHOWN_NAME).collect();
            format!("metric {name:?}: {reason}")
        });
    }

    /// Takes the data points of one metric, or refuses all of them for an objection to the metric.
    fn points(
        &mut self,
        mut data: Reader<'_>,
        kind: Kind,
        metric: &Metric<'_>,
        metadata: &Metadata,
        objection: Option<&str>,
        budget: &mut Budget,
    ) -> Outcome<()> {
        let (mut index, taken) = (0, self.out.accepted);
        while let Some(field) = data.next()? {
            if field.number != 1 {
                continue;
            }
            match objection {
                Some(reason) => self.refuse(metric, reason),
                None => {
                    field.element("data_points", index, |reader| self.point(reader, kind, metric, metadata, budget))?
                }
            }
            index += 1;
        }
        if self.out.accepted > taken {
            self.batch.metadata(metadata);
        }
        Ok(())
    }

    /// Takes one data point, or refuses it.
    fn point(
        &mut self,
        reader: Reader<'_>,
        kind: Kind,
        metric: &Metric<'_>,
        metadata: &Metadata,
        budget: &mut Budget,
    ) -> Outcome<()> {
        let family = metadata.metric.as_str();
        let taken = match kind {
            Kind::Gauge | Kind::Sum { .. } => self.number(reader, family, budget),
            Kind::Histogram => self.histogram(reader, family, budget),
            Kind::Exponential => self.exponential(reader, family, budget),
            Kind::Summary => self.summary(reader, family, budget),
        };
        match taken {
            Ok(time) => {
                self.seen += 1;
                self.out.accepted += 1;
                self.times = Some(match self.times {
                    Some((first, last)) => (first.min(time), last.max(time)),
                    None => (time, time),
                });
            }
            Err(fault) => {
                let reason = fault.into_refusal()?;
                self.refuse(metric, &reason);
            }
        }
        Ok(())
    }

    /// Time and exemplars of a point; its labels become those of the point that is being read.
    fn head(&mut self, reader: &Reader<'_>, mut head: Head) -> Outcome<(UnixMillis, Vec<Example>)> {
        if head.time == 0 {
            return Err(refused(reader, "no time, expected time_unix_nano".to_owned()));
        }
        if head.attributes.iter().any(|attribute| attribute.key.is_empty()) {
            return Err(refused(reader, "an attribute has no name".to_owned()));
        }
        let examples = examples(&mut head, &mut self.names).map_err(|reason| refused(reader, reason))?;
        self.pairs.clear();
        self.names.put_pairs(head.attributes, &mut self.pairs);
        self.origin.extend(&mut self.pairs);
        Ok((head.time.div_euclid(NANOS_PER_MILLI), examples))
    }

    /// The index of the series with this name, the labels of the point and one more where it has a name.
    fn series(&mut self, reader: &Reader<'_>, name: &str, extra: (&str, &str), budget: &mut Budget) -> Outcome<u32> {
        let Self { batch, pairs, .. } = self;
        put_labels(batch.labels(), name, pairs, extra).map_err(|error| refused(reader, error.to_string()))?;
        batch.series(budget, reader.offset())
    }

    fn number(&mut self, reader: Reader<'_>, family: &str, budget: &mut Budget) -> Outcome<UnixMillis> {
        let point = NumberPoint::read(reader, budget)?;
        let value = match (point.head.stale, point.value) {
            (true, _) => stale(),
            (false, Some(value)) => value,
            (false, None) => return Err(refused(&reader, "no value, expected as_double or as_int".to_owned())),
        };
        let (time, examples) = self.head(&reader, point.head)?;
        let series = self.series(&reader, family, NO_LABEL, budget)?;
        self.batch.sample(series, time, value);
        examples.into_iter().for_each(|example| self.batch.exemplar(series, example));
        Ok(time)
    }

    fn histogram(&mut self, reader: Reader<'_>, family: &str, budget: &mut Budget) -> Outcome<UnixMillis> {
        let HistogramPoint { head, count, sum, counts, bounds } = HistogramPoint::read(reader, budget)?;
        let ended = head.stale;
        check_buckets(&counts, &bounds, ended).map_err(|reason| refused(&reader, reason))?;
        let (time, examples) = self.head(&reader, head)?;
        let told = |value| if ended { stale() } else { value };
        if let Some(sum) = sum.or(ended.then_some(0.0)) {
            let series = self.series(&reader, &format!("{family}_sum"), NO_LABEL, budget)?;
            self.batch.sample(series, time, told(sum));
        }
        let series = self.series(&reader, &format!("{family}_count"), NO_LABEL, budget)?;
        self.batch.sample(series, time, told(count as f64));
        let name = format!("{family}_bucket");
        let mut below = 0u64;
        let mut buckets = Vec::with_capacity(bounds.len() + 1);
        let texts = self.bounds.take(&bounds);
        for (place, (bound, text)) in texts.iter().take_while(|(bound, _)| *bound < f64::INFINITY).enumerate() {
            below = below.saturating_add(counts.get(place).copied().unwrap_or_default());
            let series = self.series(&reader, &name, (BUCKET_LABEL, text), budget)?;
            self.batch.sample(series, time, told(below as f64));
            buckets.push((*bound, series));
        }
        self.bounds.give_back(texts);
        let last = self.series(&reader, &name, (BUCKET_LABEL, "+Inf"), budget)?;
        self.batch.sample(last, time, told(count as f64));
        for example in examples {
            // NaN belongs to no finite bucket
            let below =
                |bound: f64| !matches!(bound.partial_cmp(&example.value), Some(Ordering::Equal | Ordering::Greater));
            let place = buckets.partition_point(|(bound, _)| below(*bound));
            let series = buckets.get(place).map_or(last, |(_, series)| *series);
            self.batch.exemplar(series, example);
        }
        Ok(time)
    }

    fn exponential(&mut self, reader: Reader<'_>, family: &str, budget: &mut Budget) -> Outcome<UnixMillis> {
        let ExponentialPoint { head, histogram } = ExponentialPoint::read(reader, budget)?;
        check_bucket_number(histogram.positive.counts.len().max(histogram.negative.counts.len()))
            .and_then(|()| native_histogram(&histogram, head.stale))
            .map_err(|reason| refused(&reader, reason))
            .and_then(|native| {
                let (time, examples) = self.head(&reader, head)?;
                let series = self.series(&reader, family, NO_LABEL, budget)?;
                budget.take((native.positive_buckets.len() + native.negative_buckets.len()) * 8, reader.offset())?;
                self.batch.histogram(series, time, native);
                examples.into_iter().for_each(|example| self.batch.exemplar(series, example));
                Ok(time)
            })
    }

    fn summary(&mut self, reader: Reader<'_>, family: &str, budget: &mut Budget) -> Outcome<UnixMillis> {
        let SummaryPoint { head, count, sum, quantiles } = SummaryPoint::read(reader, budget)?;
        check_bucket_number(quantiles.len()).map_err(|reason| refused(&reader, reason))?;
        let ended = head.stale;
        let told = |value| if ended { stale() } else { value };
        let (time, _) = self.head(&reader, head)?;
        for (suffix, value) in [("_sum", sum), ("_count", count as f64)] {
            let series = self.series(&reader, &format!("{family}{suffix}"), NO_LABEL, budget)?;
            self.batch.sample(series, time, told(value));
        }
        for (quantile, value) in quantiles {
            let text: CompactString = bound_text(quantile);
            let series = self.series(&reader, family, (QUANTILE_LABEL, &text), budget)?;
            self.batch.sample(series, time, told(value));
        }
        Ok(time)
    }
}

fn stale() -> f64 {
    f64::from_bits(STALE_NAN)
}

fn check_bucket_number(number: usize) -> Result<(), String> {
    if number <= MAX_HISTOGRAM_BUCKETS {
        return Ok(());
    }
    Err(format!("more than {MAX_HISTOGRAM_BUCKETS} buckets"))
}

/// Whether bounds and counts belong together: one count more than bounds, or neither; bounds rising. A point that only
/// ends its series may leave the counts out.
fn check_buckets(counts: &[u64], bounds: &[f64], ended: bool) -> Result<(), String> {
    check_bucket_number(counts.len().max(bounds.len()))?;
    let fits = if counts.is_empty() { bounds.is_empty() || ended } else { counts.len() == bounds.len() + 1 };
    if !fits {
        return Err(format!(
            "{} bucket_counts for {} explicit_bounds, expected one more than bounds",
            counts.len(),
            bounds.len()
        ));
    }
    let rises = bounds.windows(2).all(|pair| matches!(pair, [left, right] if left < right));
    if !rises || bounds.iter().any(|bound| bound.is_nan()) {
        return Err("explicit_bounds do not rise strictly".to_owned());
    }
    Ok(())
}
