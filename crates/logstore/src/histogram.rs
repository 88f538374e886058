//! Counts over time by severity, from the columns of time and severity alone where no filter asks for more.

use crate::error::LogStoreError;
use crate::limits::MAX_HISTOGRAM_BUCKETS;
use crate::store::LogStore;
use crate::walk::{Visitor, Warnings, rows_in, walk};
use clew_columns::logs::{Evaluator, LogBlock, needs};
use clew_model::logs::{LogFilter, LogHistogram, LogHistogramBucket, Order, Severity};
use clew_model::{Context, ErrorKind, ReadError, TimeRange, UnixNanos};

pub(crate) fn count(
    store: &LogStore,
    context: &Context,
    filter: &LogFilter,
    range: TimeRange,
    step: i64,
) -> Result<LogHistogram, LogStoreError> {
    if step <= 0 {
        return Err(ReadError::new(ErrorKind::InvalidInput, "the step of a histogram must be positive").into());
    }
    if range.is_empty() {
        return Ok(LogHistogram::default());
    }
    let first = range.start.div_euclid(step);
    // In 128 bits, since the whole of time in steps of a nanosecond overflows.
    let buckets = i128::from(range.end.div_euclid(step)) - i128::from(first) + 1;
    let buckets = usize::try_from(buckets).ok().filter(|_| buckets <= i128::from(MAX_HISTOGRAM_BUCKETS));
    let buckets = buckets.ok_or_else(|| {
        let message = format!("the range has more than {MAX_HISTOGRAM_BUCKETS} buckets; use a longer step");
        ReadError::new(ErrorKind::LimitExceeded, message)
    })?;
    let bucket = |index: usize| LogHistogramBucket {
        start: first.saturating_add(index as i64).saturating_mul(step),
        counts: [0; 7],
    };
    let _memory = context.memory.reserve((buckets * size_of::<LogHistogramBucket>()) as u64)?;
    let snapshot = store.snapshot(&context.tenant, range);
    let evaluator = (*filter != LogFilter::All).then(|| Evaluator::new(filter));
    let mut counts =
        Counts { filter: evaluator, range: snapshot.range, step, first, buckets: (0..buckets).map(bucket).collect() };
    let mut warnings = Warnings::default();
    walk(&snapshot, context, Order::Ascending, &needs(filter), &mut warnings, &mut counts)?;
    Ok(LogHistogram { buckets: counts.buckets, warnings: warnings.list })
}

struct Counts<'a> {
    /// `None` when every record passes.
    filter: Option<Evaluator<'a>>,
    range: TimeRange,
    step: i64,
    first: i64,
    buckets: Vec<LogHistogramBucket>,
}

impl Visitor for Counts<'_> {
    fn wants(&self, _: UnixNanos) -> bool {
        true
    }

    fn visit(&mut self, block: &LogBlock) -> Result<(), LogStoreError> {
        let mut passing = rows_in(block, &self.range)?;
        if let Some(filter) = self.filter.as_ref().filter(|_| !passing.is_empty()) {
            passing.intersect(&filter.evaluate(block)?);
        }
        if passing.is_empty() {
            return Ok(());
        }
        let times = block.times()?;
        for (row, severity) in block.severities()?.enumerate() {
            if !passing.contains(row) {
                continue;
            }
            let index = times.get(row).map(|time| time.div_euclid(self.step).saturating_sub(self.first));
            let bucket = index.and_then(|index| usize::try_from(index).ok()).and_then(|at| self.buckets.get_mut(at));
            if let Some(count) = bucket.and_then(|bucket| bucket.counts.get_mut(range_of(severity))) {
                *count += 1;
            }
        }
        Ok(())
    }
}

/// The place of a severity's range: unspecified, TRACE, DEBUG, INFO, WARN, ERROR, FATAL.
fn range_of(severity: Severity) -> usize {
    usize::from(severity.number()).div_ceil(4)
}
