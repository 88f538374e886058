//! From data points to series: the walk over metrics, and what each kind of data point becomes.

use super::OtlpMetricOptions;
use super::exemplars::examples;
use super::labels::{Entry, LabelNames, Layout};
use super::metric::{Family, Kind, Metric};
use super::naming::{metric_name, unit_name};
use super::native::native_histogram;
use super::origin::Origin;
use super::points::{Context, ExponentialPoint, Head, HistogramPoint, NumberPoint, SummaryPoint, refused};
use super::texts::{BoundTexts, bound_text};
use crate::error::Decoded;
use crate::limits::{MAX_HISTOGRAM_BUCKETS, MAX_TARGET_INFO_SAMPLES};
use crate::metric_batch::{BatchBuilder, Example};
use crate::otlp::envelope::{Names, Sink};
use crate::protobuf::{Budget, Outcome, Reader};
use clew_model::metrics::{Metadata, MetricBatch, MetricType, STALE_NAN, Sample, SharedLabels};
use clew_model::time::NANOS_PER_MILLI;
use clew_model::{Resource, Scope, UnixMillis};
use compact_str::CompactString;
use std::cmp::Ordering;
use std::sync::Arc;

const TARGET_INFO: &str = "target_info";
/// Half of Prometheus' default lookback, so that any query finds a sample of `target_info`.
const TARGET_INFO_STEP: i64 = 150_000;
/// Characters of a metric's name that reasons show.
const SHOWN_NAME: usize = 200;

/// Takes the metrics of one body.
pub(super) struct MetricSink<'a> {
    options: &'a OtlpMetricOptions,
    names: LabelNames,
    origin: Origin,
    resource: Arc<Resource>,
    /// Times of the first and the last point of the resource.
    times: Option<(UnixMillis, UnixMillis)>,
    batch: BatchBuilder,
    out: Decoded<()>,
    /// Data points read so far.
    seen: u64,
    /// Room for the attributes of a point.
    room: Vec<Entry<'a>>,
    /// How the attributes of the point before stood.
    layout: Layout,
    /// Labels of the point that is being read.
    labels: SharedLabels,
    bounds: BoundTexts,
}

impl<'a> MetricSink<'a> {
    pub(super) fn new(options: &'a OtlpMetricOptions) -> Self {
        Self {
            options,
            names: LabelNames::new(options.strategy),
            origin: Origin::default(),
            resource: Arc::default(),
            times: None,
            batch: BatchBuilder::default(),
            out: Decoded::default(),
            seen: 0,
            room: Vec::new(),
            layout: Layout::default(),
            labels: SharedLabels::default(),
            bounds: BoundTexts::default(),
        }
    }

    pub(super) fn finish(self) -> Decoded<MetricBatch> {
        let Decoded { accepted, rejected, rejects, .. } = self.out;
        Decoded { accepted, rejected, rejects, ..Decoded::of(self.batch.finish()) }
    }
}

impl<'a> Sink<'a> for MetricSink<'a> {
    const NAMES: Names = Names { resources: "resource_metrics", scopes: "scope_metrics", records: "metrics" };

    fn expect(&mut self, _count: usize, bytes: usize) {
        self.batch.expect(bytes);
    }

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
        reader: Reader<'a>,
        _resource: &Arc<Resource>,
        _scope: &Arc<Scope>,
        budget: &mut Budget,
    ) -> Outcome<()> {
        self.translate(reader, None, budget)
    }

    fn refuse(&mut self, reader: Reader<'a>, reason: &str, budget: &mut Budget) -> Outcome<()> {
        self.translate(reader, Some(reason), budget)
    }

    fn end_resource(&mut self, budget: &mut Budget) -> Outcome<()> {
        let Some((first, last)) = self.times.filter(|_| self.options.target_info) else { return Ok(()) };
        let labels = self.origin.target_info(&self.resource, &mut self.names, self.options);
        let Some(Ok(mut labels)) = labels else { return Ok(()) };
        let series = self.batch.series(labels.with(TARGET_INFO, None), budget, 0)?;
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

impl<'a> MetricSink<'a> {
    /// Takes the data points of a metric, or refuses all of them for an objection to it, its resource or its scope.
    fn translate(&mut self, reader: Reader<'a>, objection: Option<&str>, budget: &mut Budget) -> Outcome<()> {
        let metric = Metric::read(reader)?;
        let Some((kind, temporality, data)) = metric.data else {
            self.refuse_point(
                &metric,
                "no data of a known type, expected gauge, sum, histogram, exponential_histogram or summary",
            );
            return Ok(());
        };
        let family = metric_name(metric.name, metric.unit, kind.name_kind(), self.options.strategy);
        let own = metric.objection(family.as_deref(), temporality);
        let objection = objection.or(own.as_deref());
        let metadata = Metadata {
            metric: family.unwrap_or_default(),
            metric_type: kind.metric_type(),
            help: metric.description.to_owned(),
            unit: unit_name(metric.unit, self.options.strategy),
        };
        self.points(data, kind, &metric, &metadata, objection, budget)
            .map_err(|fault| fault.within(kind.field_name(), None))
    }

    fn refuse_point(&mut self, metric: &Metric<'_>, reason: &str) {
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
        mut data: Reader<'a>,
        kind: Kind,
        metric: &Metric<'_>,
        metadata: &Metadata,
        objection: Option<&str>,
        budget: &mut Budget,
    ) -> Outcome<()> {
        let family = Family::of(&metadata.metric, kind);
        let (mut index, taken) = (0, self.out.accepted);
        while let Some(field) = data.next()? {
            if field.number != 1 {
                continue;
            }
            match objection {
                Some(reason) => self.refuse_point(metric, reason),
                None => {
                    field.element("data_points", index, |reader| self.point(reader, kind, metric, &family, budget))?;
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
        reader: Reader<'a>,
        kind: Kind,
        metric: &Metric<'_>,
        family: &Family<'_>,
        budget: &mut Budget,
    ) -> Outcome<()> {
        self.labels.begin(kind.apart());
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
                self.refuse_point(metric, &reason);
            }
        }
        Ok(())
    }

    /// Reads a point by `read`, with what its attributes need.
    fn read<P>(
        &mut self,
        reader: Reader<'a>,
        budget: &mut Budget,
        read: impl FnOnce(Reader<'a>, Vec<Entry<'a>>, Context<'_>) -> Outcome<P>,
    ) -> Outcome<P> {
        let Self { names, layout, room, .. } = self;
        read(reader, std::mem::take(room), Context { names, layout, budget })
    }

    /// Time and exemplars of a point; its labels become those of the point that is being read.
    fn head(&mut self, reader: &Reader<'_>, mut head: Head<'a>) -> Outcome<(UnixMillis, Vec<Example>)> {
        if head.time == 0 {
            return Err(refused(reader, "no time, expected time_unix_nano".to_owned()));
        }
        if !head.attributes.iter().all(Entry::is_named) {
            return Err(refused(reader, "an attribute has no name".to_owned()));
        }
        let examples = examples(&mut head, &self.names).map_err(|reason| refused(reader, reason))?;
        self.layout.fit(&head.attributes, &self.names);
        let put = self.origin.put_labels(&head.attributes, &self.layout, &self.names, &mut self.labels);
        put.map_err(|error| refused(reader, error.to_string()))?;
        self.room = head.attributes;
        Ok((head.time.div_euclid(NANOS_PER_MILLI), examples))
    }

    /// The index of the series with this name and the labels of the point, and this value of the label that tells the
    /// point's series apart.
    fn series(&mut self, reader: &Reader<'_>, name: &str, apart: Option<&str>, budget: &mut Budget) -> Outcome<u32> {
        self.batch.series(self.labels.with(name, apart), budget, reader.offset())
    }

    fn number(&mut self, reader: Reader<'a>, family: &Family<'_>, budget: &mut Budget) -> Outcome<UnixMillis> {
        let point = self.read(reader, budget, NumberPoint::read)?;
        let value = match (point.head.stale, point.value) {
            (true, _) => stale(),
            (false, Some(value)) => value,
            (false, None) => return Err(refused(&reader, "no value, expected as_double or as_int".to_owned())),
        };
        let (time, examples) = self.head(&reader, point.head)?;
        let series = self.series(&reader, family.name, None, budget)?;
        self.batch.sample(series, time, value);
        examples.into_iter().for_each(|example| self.batch.exemplar(series, example));
        Ok(time)
    }

    fn histogram(&mut self, reader: Reader<'a>, family: &Family<'_>, budget: &mut Budget) -> Outcome<UnixMillis> {
        let HistogramPoint { head, count, sum, counts, bounds } = self.read(reader, budget, HistogramPoint::read)?;
        let ended = head.stale;
        check_buckets(&counts, &bounds, ended).map_err(|reason| refused(&reader, reason))?;
        let (time, examples) = self.head(&reader, head)?;
        let told = |value| if ended { stale() } else { value };
        if let Some(sum) = sum.or(ended.then_some(0.0)) {
            let series = self.series(&reader, &family.sum, None, budget)?;
            self.batch.sample(series, time, told(sum));
        }
        let series = self.series(&reader, &family.count, None, budget)?;
        self.batch.sample(series, time, told(count as f64));
        let mut below = 0u64;
        let mut buckets = Vec::new();
        let texts = self.bounds.take(&bounds);
        for (place, (bound, text)) in texts.iter().take_while(|(bound, _)| *bound < f64::INFINITY).enumerate() {
            below = below.saturating_add(counts.get(place).copied().unwrap_or_default());
            let series = self.series(&reader, &family.bucket, Some(text), budget)?;
            self.batch.sample(series, time, told(below as f64));
            if !examples.is_empty() {
                buckets.push((*bound, series));
            }
        }
        self.bounds.give_back(texts);
        let last = self.series(&reader, &family.bucket, Some("+Inf"), budget)?;
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

    fn exponential(&mut self, reader: Reader<'a>, family: &Family<'_>, budget: &mut Budget) -> Outcome<UnixMillis> {
        let ExponentialPoint { head, histogram } = self.read(reader, budget, ExponentialPoint::read)?;
        check_bucket_number(histogram.positive.counts.len().max(histogram.negative.counts.len()))
            .and_then(|()| native_histogram(&histogram, head.stale))
            .map_err(|reason| refused(&reader, reason))
            .and_then(|native| {
                let (time, examples) = self.head(&reader, head)?;
                let series = self.series(&reader, family.name, None, budget)?;
                budget.take((native.positive_buckets.len() + native.negative_buckets.len()) * 8, reader.offset())?;
                self.batch.histogram(series, time, native);
                examples.into_iter().for_each(|example| self.batch.exemplar(series, example));
                Ok(time)
            })
    }

    fn summary(&mut self, reader: Reader<'a>, family: &Family<'_>, budget: &mut Budget) -> Outcome<UnixMillis> {
        let SummaryPoint { head, count, sum, quantiles } = self.read(reader, budget, SummaryPoint::read)?;
        check_bucket_number(quantiles.len()).map_err(|reason| refused(&reader, reason))?;
        let ended = head.stale;
        let told = |value| if ended { stale() } else { value };
        let (time, _) = self.head(&reader, head)?;
        for (name, value) in [(&family.sum, sum), (&family.count, count as f64)] {
            let series = self.series(&reader, name, None, budget)?;
            self.batch.sample(series, time, told(value));
        }
        for (quantile, value) in quantiles {
            let text: CompactString = bound_text(quantile);
            let series = self.series(&reader, family.name, Some(&text), budget)?;
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
