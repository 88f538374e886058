//! Data points as they stand on the wire (`opentelemetry/proto/metrics/v1/metrics.proto`).

use super::native::{DenseBuckets, Exponential};
use crate::limits::MAX_HISTOGRAM_BUCKETS;
use crate::otlp::budget::Budget;
use crate::otlp::common::{push_attribute, span_id, time, trace_id};
use crate::otlp::fault::{Fault, Outcome};
use crate::otlp::wire::{Field, Reader};
use clew_model::{Attributes, SpanId, TraceId, UnixNanos};

/// `DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK`
const NO_RECORDED_VALUE: u32 = 1;

/// Buckets that are kept of a point: enough to see that it has too many.
const ENOUGH_BUCKETS: usize = MAX_HISTOGRAM_BUCKETS + 1;

/// What all kinds of data points have.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) attributes: Attributes,
    /// 0 when it is missing.
    pub(super) time: UnixNanos,
    /// The series ended: there is no value (`NO_RECORDED_VALUE`).
    pub(super) stale: bool,
    pub(super) exemplars: Vec<RawExemplar>,
}

/// An exemplar as sent.
#[derive(Debug, Default)]
pub(super) struct RawExemplar {
    pub(super) attributes: Attributes,
    /// 0 when it is missing.
    pub(super) time: UnixNanos,
    pub(super) value: Option<f64>,
    pub(super) trace_id: Option<TraceId>,
    pub(super) span_id: Option<SpanId>,
}

/// The field numbers of a [`Head`], which differ between the kinds.
struct HeadFields {
    attributes: u32,
    exemplars: u32,
    flags: u32,
}

impl Head {
    /// Takes a field that belongs to the head, by its number in this kind of data point.
    fn take(&mut self, field: &Field<'_>, numbers: &HeadFields, budget: &mut Budget) -> Outcome<()> {
        match field.number {
            3 => self.time = time(field, "time_unix_nano")?,
            number if number == numbers.attributes => {
                push_attribute(field, "attributes", &mut self.attributes, budget)?;
            }
            number if number == numbers.flags => self.stale = field.uint32("flags")? & NO_RECORDED_VALUE != 0,
            number if number == numbers.exemplars => {
                budget.take(size_of::<RawExemplar>(), field.offset)?;
                let read = |reader| RawExemplar::read(reader, budget);
                let exemplar = field.element("exemplars", self.exemplars.len(), read)?;
                self.exemplars.push(exemplar);
            }
            _ => {}
        }
        Ok(())
    }
}

impl RawExemplar {
    fn read(mut reader: Reader<'_>, budget: &mut Budget) -> Outcome<Self> {
        let mut exemplar = Self::default();
        while let Some(field) = reader.next()? {
            match field.number {
                2 => exemplar.time = time(&field, "time_unix_nano")?,
                3 => exemplar.value = Some(field.double("as_double")?),
                4 => exemplar.span_id = span_id(&field, "span_id")?,
                5 => exemplar.trace_id = trace_id(&field, "trace_id")?,
                6 => exemplar.value = Some(field.fixed64("as_int")?.cast_signed() as f64),
                7 => push_attribute(&field, "filtered_attributes", &mut exemplar.attributes, budget)?,
                _ => {}
            }
        }
        Ok(exemplar)
    }
}

/// A point of a gauge or sum.
#[derive(Debug, Default)]
pub(super) struct NumberPoint {
    pub(super) head: Head,
    pub(super) value: Option<f64>,
}

impl NumberPoint {
    pub(super) fn read(mut reader: Reader<'_>, budget: &mut Budget) -> Outcome<Self> {
        const HEAD: HeadFields = HeadFields { attributes: 7, exemplars: 5, flags: 8 };
        let mut point = Self::default();
        while let Some(field) = reader.next()? {
            match field.number {
                4 => point.value = Some(field.double("as_double")?),
                6 => point.value = Some(field.fixed64("as_int")?.cast_signed() as f64),
                _ => point.head.take(&field, &HEAD, budget)?,
            }
        }
        Ok(point)
    }
}

/// A point of a histogram with explicit bounds.
#[derive(Debug, Default)]
pub(super) struct HistogramPoint {
    pub(super) head: Head,
    pub(super) count: u64,
    pub(super) sum: Option<f64>,
    pub(super) counts: Vec<u64>,
    pub(super) bounds: Vec<f64>,
}

impl HistogramPoint {
    pub(super) fn read(mut reader: Reader<'_>, budget: &mut Budget) -> Outcome<Self> {
        const HEAD: HeadFields = HeadFields { attributes: 9, exemplars: 8, flags: 10 };
        let mut point = Self::default();
        while let Some(field) = reader.next()? {
            match field.number {
                4 => point.count = field.fixed64("count")?,
                5 => point.sum = Some(field.double("sum")?),
                6 => field.fixed64s("bucket_counts", ENOUGH_BUCKETS, &mut point.counts)?,
                7 => field.doubles("explicit_bounds", ENOUGH_BUCKETS, &mut point.bounds)?,
                _ => point.head.take(&field, &HEAD, budget)?,
            }
        }
        Ok(point)
    }
}

/// A point of an exponential histogram.
#[derive(Debug, Default)]
pub(super) struct ExponentialPoint {
    pub(super) head: Head,
    pub(super) histogram: Exponential,
}

impl ExponentialPoint {
    pub(super) fn read(mut reader: Reader<'_>, budget: &mut Budget) -> Outcome<Self> {
        const HEAD: HeadFields = HeadFields { attributes: 1, exemplars: 11, flags: 10 };
        let mut point = Self::default();
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
                _ => point.head.take(&field, &HEAD, budget)?,
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
pub(super) struct SummaryPoint {
    pub(super) head: Head,
    pub(super) count: u64,
    pub(super) sum: f64,
    /// Quantile and value.
    pub(super) quantiles: Vec<(f64, f64)>,
}

impl SummaryPoint {
    pub(super) fn read(mut reader: Reader<'_>, budget: &mut Budget) -> Outcome<Self> {
        const HEAD: HeadFields = HeadFields { attributes: 7, exemplars: 0, flags: 8 };
        let mut point = Self::default();
        while let Some(field) = reader.next()? {
            match field.number {
                4 => point.count = field.fixed64("count")?,
                5 => point.sum = field.double("sum")?,
                6 => {
                    let index = point.quantiles.len();
                    budget.take(size_of::<(f64, f64)>(), field.offset)?;
                    point.quantiles.push(field.element("quantile_values", index, read_quantile)?);
                }
                _ => point.head.take(&field, &HEAD, budget)?,
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
