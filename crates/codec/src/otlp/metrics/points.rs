//! Data points as they stand on the wire (`opentelemetry/proto/metrics/v1/metrics.proto`).

use super::labels::{Entry, LabelNames, Layout};
use super::native::{DenseBuckets, Exponential};
use crate::limits::MAX_HISTOGRAM_BUCKETS;
use crate::otlp::common::{span_id, time, trace_id};
use crate::protobuf::{Budget, Fault, Field, Outcome, Reader};
use clew_model::{SpanId, TraceId, UnixNanos};

/// `DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK`
const NO_RECORDED_VALUE: u32 = 1;

/// Buckets that are kept of a point: enough to see that it has too many.
const ENOUGH_BUCKETS: usize = MAX_HISTOGRAM_BUCKETS + 1;

/// What all kinds of data points have.
#[derive(Debug, Default)]
pub(super) struct Head<'a> {
    pub(super) attributes: Vec<Entry<'a>>,
    /// 0 when it is missing.
    pub(super) time: UnixNanos,
    /// The series ended: there is no value (`NO_RECORDED_VALUE`).
    pub(super) stale: bool,
    pub(super) exemplars: Vec<RawExemplar<'a>>,
}

/// An exemplar as sent.
#[derive(Debug, Default)]
pub(super) struct RawExemplar<'a> {
    pub(super) attributes: Vec<Entry<'a>>,
    /// 0 when it is missing.
    pub(super) time: UnixNanos,
    pub(super) value: Option<f64>,
    pub(super) trace_id: Option<TraceId>,
    pub(super) span_id: Option<SpanId>,
}

/// What reading a point's attributes needs.
pub(super) struct Context<'c> {
    pub(super) names: &'c mut LabelNames,
    /// The layout of the point before.
    pub(super) layout: &'c Layout,
    pub(super) budget: &'c mut Budget,
}

/// The field numbers of a [`Head`], which differ between the kinds.
struct HeadFields {
    attributes: u32,
    exemplars: u32,
    flags: u32,
}

impl<'a> Head<'a> {
    /// A head without attributes, and room for some.
    fn with_room(mut attributes: Vec<Entry<'a>>) -> Self {
        attributes.clear();
        Self { attributes, ..Self::default() }
    }

    /// Takes a field that belongs to the head, by its number in this kind of data point.
    fn take(&mut self, field: &Field<'a>, numbers: &HeadFields, context: &mut Context<'_>) -> Outcome<()> {
        match field.number {
            3 => self.time = time(field, "time_unix_nano")?,
            number if number == numbers.attributes => {
                let Context { names, layout, budget } = context;
                names.push(field, "attributes", layout, &mut self.attributes, budget)?;
            }
            number if number == numbers.flags => self.stale = field.uint32("flags")? & NO_RECORDED_VALUE != 0,
            number if number == numbers.exemplars => {
                context.budget.take(size_of::<RawExemplar<'_>>(), field.offset)?;
                let read = |reader| RawExemplar::read(reader, context);
                let exemplar = field.element("exemplars", self.exemplars.len(), read)?;
                self.exemplars.push(exemplar);
            }
            _ => {}
        }
        Ok(())
    }
}

impl<'a> RawExemplar<'a> {
    fn read(mut reader: Reader<'a>, context: &mut Context<'_>) -> Outcome<Self> {
        let Context { names, budget, .. } = context;
        let layout = Layout::default();
        let mut exemplar = Self::default();
        while let Some(field) = reader.next()? {
            match field.number {
                2 => exemplar.time = time(&field, "time_unix_nano")?,
                3 => exemplar.value = Some(field.double("as_double")?),
                4 => exemplar.span_id = span_id(&field, "span_id")?,
                5 => exemplar.trace_id = trace_id(&field, "trace_id")?,
                6 => exemplar.value = Some(field.fixed64("as_int")?.cast_signed() as f64),
                7 => names.push(&field, "filtered_attributes", &layout, &mut exemplar.attributes, budget)?,
                _ => {}
            }
        }
        Ok(exemplar)
    }
}

/// A point of a gauge or sum.
#[derive(Debug, Default)]
pub(super) struct NumberPoint<'a> {
    pub(super) head: Head<'a>,
    pub(super) value: Option<f64>,
}

impl<'a> NumberPoint<'a> {
    pub(super) fn read(mut reader: Reader<'a>, room: Vec<Entry<'a>>, mut context: Context<'_>) -> Outcome<Self> {
        const HEAD: HeadFields = HeadFields { attributes: 7, exemplars: 5, flags: 8 };
        let mut point = Self { head: Head::with_room(room), ..Self::default() };
        while let Some(field) = reader.next()? {
            match field.number {
                4 => point.value = Some(field.double("as_double")?),
                6 => point.value = Some(field.fixed64("as_int")?.cast_signed() as f64),
                _ => point.head.take(&field, &HEAD, &mut context)?,
            }
        }
        Ok(point)
    }
}

/// A point of a histogram with explicit bounds.
#[derive(Debug, Default)]
pub(super) struct HistogramPoint<'a> {
    pub(super) head: Head<'a>,
    pub(super) count: u64,
    pub(super) sum: Option<f64>,
    pub(super) counts: Vec<u64>,
    pub(super) bounds: Vec<f64>,
}

impl<'a> HistogramPoint<'a> {
    pub(super) fn read(mut reader: Reader<'a>, room: Vec<Entry<'a>>, mut context: Context<'_>) -> Outcome<Self> {
        const HEAD: HeadFields = HeadFields { attributes: 9, exemplars: 8, flags: 10 };
        let mut point = Self { head: Head::with_room(room), ..Self::default() };
        while let Some(field) = reader.next()? {
            match field.number {
                4 => point.count = field.fixed64("count")?,
                5 => point.sum = Some(field.double("sum")?),
                6 => field.fixed64s("bucket_counts", ENOUGH_BUCKETS, &mut point.counts)?,
                7 => field.doubles("explicit_bounds", ENOUGH_BUCKETS, &mut point.bounds)?,
                _ => point.head.take(&field, &HEAD, &mut context)?,
            }
        }
        Ok(point)
    }
}

/// A point of an exponential histogram.
#[derive(Debug, Default)]
pub(super) struct ExponentialPoint<'a> {
    pub(super) head: Head<'a>,
    pub(super) histogram: Exponential,
}

impl<'a> ExponentialPoint<'a> {
    pub(super) fn read(mut reader: Reader<'a>, room: Vec<Entry<'a>>, mut context: Context<'_>) -> Outcome<Self> {
        const HEAD: HeadFields = HeadFields { attributes: 1, exemplars: 11, flags: 10 };
        let mut point = Self { head: Head::with_room(room), ..Self::default() };
        let own = &mut point.histogram;
        while let Some(field) = reader.next()? {
            match field.number {
                4 => own.count = field.fixed64("count")?,
                5 => own.sum = Some(field.double("sum")?),
                6 => own.scale = field.sint32("scale")?,
                7 => own.zero_count = field.fixed64("zero_count")?,
                8 => field.nested("positive", |reader| merge_buckets(reader, &mut own.positive))?,
                9 => field.nested("negative", |reader| merge_buckets(reader, &mut own.negative))?,
                14 => own.zero_threshold = field.double("zero_threshold")?,
                _ => point.head.take(&field, &HEAD, &mut context)?,
            }
        }
        Ok(point)
    }
}

fn merge_buckets(mut reader: Reader<'_>, buckets: &mut DenseBuckets) -> Outcome<()> {
    while let Some(field) = reader.next()? {
        match field.number {
            1 => buckets.offset = field.sint32("offset")?,
            2 => field.varints("bucket_counts", ENOUGH_BUCKETS, &mut buckets.counts)?,
            _ => {}
        }
    }
    Ok(())
}

/// A point of a summary.
#[derive(Debug, Default)]
pub(super) struct SummaryPoint<'a> {
    pub(super) head: Head<'a>,
    pub(super) count: u64,
    pub(super) sum: f64,
    /// Quantile and value.
    pub(super) quantiles: Vec<(f64, f64)>,
}

impl<'a> SummaryPoint<'a> {
    pub(super) fn read(mut reader: Reader<'a>, room: Vec<Entry<'a>>, mut context: Context<'_>) -> Outcome<Self> {
        const HEAD: HeadFields = HeadFields { attributes: 7, exemplars: 0, flags: 8 };
        let mut point = Self { head: Head::with_room(room), ..Self::default() };
        while let Some(field) = reader.next()? {
            match field.number {
                4 => point.count = field.fixed64("count")?,
                5 => point.sum = field.double("sum")?,
                6 => {
                    let index = point.quantiles.len();
                    context.budget.take(size_of::<(f64, f64)>(), field.offset)?;
                    point.quantiles.push(field.element("quantile_values", index, read_quantile)?);
                }
                _ => point.head.take(&field, &HEAD, &mut context)?,
            }
        }
        Ok(point)
    }
}

fn read_quantile(mut reader: Reader<'_>) -> Outcome<(f64, f64)> {
    let (mut quantile, mut value) = (0.0, 0.0);
    while let Some(field) = reader.next()? {
        match field.number {
            1 => quantile = field.double("quantile")?,
            2 => value = field.double("value")?,
            _ => {}
        }
    }
    Ok((quantile, value))
}

/// The fault of a data point that is well-formed and wrong.
pub(super) fn refused(reader: &Reader<'_>, reason: String) -> Fault {
    Fault::unacceptable(reader.offset(), reason)
}
