//! Sums of native histograms that keep what rounding loses.

use super::buckets::is_custom;
use super::compensated::Sum;
use super::native_histogram::{Combination, by_index, intersected, mapped_index, scaled, to_spans};
use clew_model::metrics::{NativeHistogram, ResetHint, exponential_bound};
use std::collections::BTreeMap;

/// Compensated counts by index.
type Sums = BTreeMap<i32, Sum>;

/// A running sum.
#[derive(Debug, Clone)]
pub(super) struct HistogramSum {
    /// The layout, and what is not counted.
    layout: NativeHistogram,
    zero_count: Sum,
    count: Sum,
    sum: Sum,
    positive: Sums,
    negative: Sums,
    /// Whether custom bounds differed.
    pub reconciled: bool,
    resets: [bool; 2],
}

impl HistogramSum {
    fn of(first: &NativeHistogram) -> Self {
        let layout = NativeHistogram {
            schema: first.schema,
            zero_threshold: first.zero_threshold,
            custom_bounds: first.custom_bounds.clone(),
            reset_hint: first.reset_hint,
            ..NativeHistogram::default()
        };
        let zero = Sum::default();
        let mut own = Self {
            layout,
            zero_count: zero,
            count: zero,
            sum: zero,
            positive: Sums::new(),
            negative: Sums::new(),
            reconciled: false,
            resets: [false; 2],
        };
        own.take(first);
        own
    }

    /// Adds another; `false` where the buckets of the two cannot be combined.
    fn add(&mut self, other: &NativeHistogram) -> bool {
        if is_custom(&self.layout) != is_custom(other) {
            return false;
        }
        if is_custom(other) {
            if self.layout.custom_bounds != other.custom_bounds {
                self.reconcile(&other.custom_bounds);
            }
        } else {
            self.coarsen(other.schema);
            self.widen(other);
        }
        self.layout.reset_hint = Combination::hint(self.layout.reset_hint, other.reset_hint).0;
        self.take(other);
        true
    }

    /// Adds the counts of a histogram whose layout is no coarser in any way.
    fn take(&mut self, other: &NativeHistogram) {
        for (seen, hint) in self.resets.iter_mut().zip([ResetHint::Reset, ResetHint::NoReset]) {
            *seen |= other.reset_hint == hint;
        }
        self.count.add(other.count);
        self.sum.add(other.sum);
        self.zero_count.add(other.zero_count);
        let sides = [
            (&mut self.positive, &other.positive_spans, &other.positive_buckets),
            (&mut self.negative, &other.negative_spans, &other.negative_buckets),
        ];
        for (sums, spans, counts) in sides {
            for (index, count) in by_index(spans, counts) {
                let index = mapped_index(index, other, &self.layout);
                let is_zero =
                    !is_custom(other) && exponential_bound(index, self.layout.schema) <= self.layout.zero_threshold;
                if is_zero { self.zero_count.add(count) } else { sums.entry(index).or_default().add(count) }
            }
        }
    }

    /// Takes over the bounds that both have.
    fn reconcile(&mut self, bounds: &[f64]) {
        self.reconciled = true;
        let before = self.layout.clone();
        self.layout.custom_bounds = intersected(&before.custom_bounds, bounds);
        self.remap(&before);
    }

    fn coarsen(&mut self, schema: i32) {
        if schema < self.layout.schema {
            let before = self.layout.clone();
            self.layout.schema = schema;
            self.remap(&before);
        }
    }

    fn remap(&mut self, before: &NativeHistogram) {
        for side in [&mut self.positive, &mut self.negative] {
            for (index, sum) in std::mem::take(side) {
                side.entry(mapped_index(index, before, &self.layout)).or_default().append(sum);
            }
        }
    }

    /// Widens the zero bucket to that of the other, and to the bounds of populated buckets that it cuts in either.
    fn widen(&mut self, other: &NativeHistogram) {
        let schema = self.layout.schema;
        let mut threshold = self.layout.zero_threshold.max(other.zero_threshold);
        let others =
            [(&other.positive_spans, &other.positive_buckets), (&other.negative_spans, &other.negative_buckets)];
        let mut populated: Vec<i32> = Vec::new();
        for (spans, counts) in others {
            let buckets = by_index(spans, counts).into_iter().filter(|(_, count)| *count != 0.0);
            populated.extend(buckets.map(|(index, _)| mapped_index(index, other, &self.layout)));
        }
        if threshold > self.layout.zero_threshold || threshold > other.zero_threshold {
            let own = self.positive.iter().chain(&self.negative).filter(|(_, sum)| sum.total() != 0.0);
            let all = own.map(|(index, _)| *index).chain(populated);
            for index in all {
                let (lower, upper) =
                    (exponential_bound(index.saturating_sub(1), schema), exponential_bound(index, schema));
                if lower < threshold && upper > threshold {
                    threshold = upper;
                }
            }
        }
        self.layout.zero_threshold = threshold;
        for side in [&mut self.positive, &mut self.negative] {
            while let Some(entry) = side.first_entry() {
                if exponential_bound(*entry.key(), schema) > threshold {
                    break;
                }
                self.zero_count.append(entry.remove());
            }
        }
    }

    fn finish(&self) -> NativeHistogram {
        let totals = |sums: &Sums| sums.iter().map(|(index, sum)| (*index, sum.total())).collect();
        let (positive_spans, positive_buckets) = to_spans(&totals(&self.positive));
        let (negative_spans, negative_buckets) = to_spans(&totals(&self.negative));
        NativeHistogram {
            zero_count: self.zero_count.total(),
            count: self.count.total(),
            sum: self.sum.total(),
            positive_spans,
            positive_buckets,
            negative_spans,
            negative_buckets,
            ..self.layout.clone()
        }
    }
}

/// What many histograms come to.
pub(super) struct Total {
    pub histogram: NativeHistogram,
    /// Whether custom bounds differed.
    pub reconciled: bool,
    /// Whether some are known to follow a reset, and others to follow none.
    pub collides: bool,
}

/// The sum, or the mean; `None` where there is none, or their buckets cannot be combined.
pub(super) fn total<'a>(histograms: impl Iterator<Item = &'a NativeHistogram> + Clone, mean: bool) -> Option<Total> {
    let by = if mean { histograms.clone().count() as f64 } else { 1.0 };
    let sum = summed(histograms.clone().map(std::borrow::Cow::Borrowed))?;
    let mut histogram = sum.finish();
    if mean {
        histogram = if has_overflown(&histogram) {
            // Each by itself is no larger than the largest of them.
            summed(histograms.map(|own| std::borrow::Cow::Owned(scaled(own, 1.0 / by))))?.finish()
        } else {
            scaled(&histogram, 1.0 / by)
        };
    }
    Some(Total { histogram, reconciled: sum.reconciled, collides: sum.resets == [true, true] })
}

fn summed<'a>(mut all: impl Iterator<Item = std::borrow::Cow<'a, NativeHistogram>>) -> Option<HistogramSum> {
    let first = all.next()?;
    let mut sum = HistogramSum::of(&first);
    all.all(|own| sum.add(&own)).then_some(sum)
}

fn has_overflown(own: &NativeHistogram) -> bool {
    let counts = own.positive_buckets.iter().chain(&own.negative_buckets);
    counts.chain([&own.zero_count, &own.count, &own.sum]).any(|value| value.is_infinite())
}
