//! Native histograms: exponential buckets by schema, as in Prometheus' `model/histogram` and OTLP's exponential
//! histograms.

use super::exponential_bounds::exponential_bound;

/// What is known of a reset of the counter between this histogram and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ResetHint {
    /// Nothing: compare the counts.
    #[default]
    Unknown,
    /// There was a reset.
    Reset,
    /// There was none.
    NoReset,
    /// The histogram is a gauge.
    Gauge,
}

/// A run of buckets that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Gap to the end of the previous run; the index of the first bucket for the first run.
    pub offset: i32,
    /// Buckets in the run.
    pub length: u32,
}

/// A histogram with exponential (schema -4 to 8) or custom buckets (schema -53). Counts are floats, so that both
/// integer and float histograms fit; integers up to 2^53 are exact.
///
/// Bucket `i` of schema `s` holds values in (base^(i-1), base^i] with base = 2^(2^-s).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NativeHistogram {
    /// Resolution; -53 for custom buckets.
    pub schema: i32,
    /// Width of the zero bucket: values in [-threshold, threshold].
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Sum of the observations; staleness marker when its bits are `STALE_NAN`.
    pub sum: f64,
    /// Runs of positive buckets.
    pub positive_spans: Vec<Span>,
    /// Counts of the positive buckets, absolute, in order of the runs.
    pub positive_buckets: Vec<f64>,
    /// Runs of negative buckets.
    pub negative_spans: Vec<Span>,
    /// Counts of the negative buckets, absolute, in order of the runs.
    pub negative_buckets: Vec<f64>,
    /// Upper bounds of custom buckets (schema -53), without +Inf.
    pub custom_bounds: Vec<f64>,
    /// What is known of a counter reset.
    pub reset_hint: ResetHint,
}

/// One bucket of a histogram with its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistogramBucket {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Observations in it.
    pub count: f64,
    /// Whether observations of the lower bound itself are in it.
    pub includes_lower: bool,
    /// Whether observations of the upper bound itself are in it.
    pub includes_upper: bool,
}

/// The schema of custom buckets.
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

impl NativeHistogram {
    /// The buckets that hold something, from the lowest to the highest, the zero bucket in its place. Where the zero bucket
    /// overlaps the bucket beside it, that one begins where the zero bucket ends.
    #[must_use]
    pub fn buckets(&self) -> Vec<HistogramBucket> {
        let is_custom = self.schema == CUSTOM_BUCKETS_SCHEMA;
        let bucket = |lower: f64, upper: f64, count: f64, is_first: bool| HistogramBucket {
            lower,
            upper,
            count,
            includes_lower: if is_custom { is_first } else { lower < 0.0 },
            includes_upper: is_custom || upper > 0.0,
        };
        let zero = self.zero_threshold;
        let mut all: Vec<HistogramBucket> = indexed(&self.negative_spans, &self.negative_buckets)
            .map(|(index, count)| {
                let (lower, upper) = (-self.upper_bound(index), -self.upper_bound(index.saturating_sub(1)));
                bucket(lower, if upper < 0.0 { upper.min(-zero) } else { upper }, count, false)
            })
            .collect();
        all.reverse();
        if self.zero_count > 0.0 {
            let (lower, upper, count) = (-zero, zero, self.zero_count);
            all.push(HistogramBucket { lower, upper, count, includes_lower: true, includes_upper: true });
        }
        all.extend(indexed(&self.positive_spans, &self.positive_buckets).map(|(index, count)| {
            let (lower, upper) = (self.upper_bound(index.saturating_sub(1)), self.upper_bound(index));
            bucket(if lower > 0.0 { lower.max(zero) } else { lower }, upper, count, index == 0)
        }));
        all.retain(|bucket| bucket.count != 0.0);
        all
    }

    /// The upper bound of the positive bucket with this index: that of the schema; custom bounds by their place, -Inf before the
    /// first and +Inf after the last.
    #[must_use]
    pub fn upper_bound(&self, index: i32) -> f64 {
        if self.schema != CUSTOM_BUCKETS_SCHEMA {
            return exponential_bound(index, self.schema);
        }
        match usize::try_from(index) {
            Err(_) => f64::NEG_INFINITY,
            Ok(index) => self.custom_bounds.get(index).copied().unwrap_or(f64::INFINITY),
        }
    }
}

/// The counts with the index of their buckets.
fn indexed<'a>(spans: &'a [Span], counts: &'a [f64]) -> impl Iterator<Item = (i32, f64)> {
    let mut next = 0i32;
    let indexes = spans.iter().flat_map(move |span| {
        let first = next.saturating_add(span.offset);
        next = first.saturating_add_unsigned(span.length);
        first..next
    });
    indexes.zip(counts.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_have_the_bounds_of_their_schema() {
        let histogram = NativeHistogram {
            schema: 0,
            zero_threshold: 0.001,
            zero_count: 2.0,
            positive_spans: vec![Span { offset: 0, length: 2 }, Span { offset: 1, length: 1 }],
            positive_buckets: vec![1.0, 0.0, 3.0],
            negative_spans: vec![Span { offset: 1, length: 1 }],
            negative_buckets: vec![4.0],
            ..NativeHistogram::default()
        };
        let buckets: Vec<_> = histogram.buckets().iter().map(|one| (one.lower, one.upper, one.count)).collect();
        // Schema 0: bucket i is (2^(i-1), 2^i].
        assert_eq!(buckets, [(-2.0, -1.0, 4.0), (-0.001, 0.001, 2.0), (0.5, 1.0, 1.0), (4.0, 8.0, 3.0)]);
    }

    #[test]
    fn bounds_tell_what_they_include() {
        let rules = |histogram: &NativeHistogram| -> Vec<_> {
            let all = histogram.buckets().into_iter();
            all.map(|one| (one.lower, one.upper, one.includes_lower, one.includes_upper)).collect()
        };
        let custom = NativeHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            custom_bounds: vec![-1.0, 1.0],
            positive_spans: vec![Span { offset: 0, length: 3 }],
            positive_buckets: vec![1.0, 1.0, 1.0],
            ..NativeHistogram::default()
        };
        // Custom buckets are (lower, upper]; the first begins with -Inf itself.
        let infinite = f64::INFINITY;
        assert_eq!(
            rules(&custom),
            [(-infinite, -1.0, true, true), (-1.0, 1.0, false, true), (1.0, infinite, false, true)]
        );
        let overlapping = NativeHistogram {
            zero_threshold: 1.5,
            zero_count: 1.0,
            positive_spans: vec![Span { offset: 1, length: 1 }],
            positive_buckets: vec![1.0],
            negative_spans: vec![Span { offset: 1, length: 1 }],
            negative_buckets: vec![1.0],
            ..NativeHistogram::default()
        };
        // The zero bucket is closed; (1, 2] and [-2, -1) begin where it ends.
        let expected = [(-2.0, -1.5, true, false), (-1.5, 1.5, true, true), (1.5, 2.0, false, true)];
        assert_eq!(rules(&overlapping), expected);
    }
}
