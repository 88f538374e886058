//! Sums of native histograms that keep what rounding loses.

use super::buckets::is_custom;
use super::compensated::Sum;
use super::layout::Layout;
use super::native_histogram::{Combination, divided};
use clew_model::metrics::{NativeHistogram, ResetHint};
use std::borrow::Cow;

/// A running sum.
#[derive(Debug, Clone)]
struct HistogramSum {
    layout: Layout<Sum>,
    count: Sum,
    sum: Sum,
    hint: ResetHint,
    /// Whether custom bounds differed.
    reconciled: bool,
    /// Whether a reset was known, and whether it was known that there was none.
    resets: [bool; 2],
}

impl HistogramSum {
    fn of(first: &NativeHistogram) -> Self {
        let mut own = Self {
            layout: Layout::of(first),
            count: Sum::default(),
            sum: Sum::default(),
            hint: first.reset_hint,
            reconciled: false,
            resets: [false; 2],
        };
        own.take_totals(first);
        own
    }

    /// Adds another; `false` where the buckets of the two cannot be combined.
    fn add(&mut self, other: &NativeHistogram) -> bool {
        let custom = is_custom(other);
        if (self.layout.schema == clew_model::metrics::CUSTOM_BUCKETS_SCHEMA) != custom {
            return false;
        }
        self.reconciled |= custom && self.layout.bounds != other.custom_bounds;
        self.layout.add(other, 1.0);
        self.hint = Combination::hint(self.hint, other.reset_hint).0;
        self.take_totals(other);
        true
    }

    fn take_totals(&mut self, other: &NativeHistogram) {
        for (seen, hint) in self.resets.iter_mut().zip([ResetHint::Reset, ResetHint::NoReset]) {
            *seen |= other.reset_hint == hint;
        }
        self.count.add(other.count);
        self.sum.add(other.sum);
    }

    fn finish(&self) -> NativeHistogram {
        NativeHistogram {
            count: self.count.total(),
            sum: self.sum.total(),
            reset_hint: self.hint,
            ..self.layout.to_histogram()
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
    let sum = summed(histograms.clone().map(Cow::Borrowed))?;
    let mut histogram = sum.finish();
    if mean {
        histogram = if has_overflown(&histogram) {
            // Each by itself is no larger than the largest of them.
            summed(histograms.map(|own| Cow::Owned(divided(own, by))))?.finish()
        } else {
            divided(&histogram, by)
        };
    }
    Some(Total { histogram, reconciled: sum.reconciled, collides: sum.resets == [true, true] })
}

fn summed<'a>(mut all: impl Iterator<Item = Cow<'a, NativeHistogram>>) -> Option<HistogramSum> {
    let first = all.next()?;
    let mut sum = HistogramSum::of(&first);
    all.all(|own| sum.add(&own)).then_some(sum)
}

fn has_overflown(own: &NativeHistogram) -> bool {
    let counts = own.positive_buckets.iter().chain(&own.negative_buckets);
    counts.chain([&own.zero_count, &own.count, &own.sum]).any(|value| value.is_infinite())
}
