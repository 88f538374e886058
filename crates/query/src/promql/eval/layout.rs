//! Buckets of native histograms by index, and what brings two histograms to one layout: the coarser schema, the custom bounds
//! that both have, a zero bucket that cuts no populated bucket of either.

use super::buckets::is_custom;
use super::compensated::Sum;
use clew_model::metrics::{BucketSpan, NativeHistogram, exponential_bound};

/// Something that counts.
pub(super) trait Count: Copy + Default {
    fn add(&mut self, value: f64);
    fn append(&mut self, other: Self);
    fn total(self) -> f64;
}

impl Count for f64 {
    fn add(&mut self, value: f64) {
        *self += value;
    }

    fn append(&mut self, other: Self) {
        *self += other;
    }

    fn total(self) -> f64 {
        self
    }
}

impl Count for Sum {
    fn add(&mut self, value: f64) {
        Sum::add(self, value);
    }

    fn append(&mut self, other: Self) {
        Sum::append(self, other);
    }

    fn total(self) -> f64 {
        Sum::total(self)
    }
}

/// Counts by index, in order of it.
pub(super) type Buckets<C> = Vec<(i32, C)>;

/// Counts with the index of their buckets: bucket `i` of the positive side has the upper bound `base^i`.
pub(super) fn indexed<'a>(spans: &'a [BucketSpan], counts: &'a [f64]) -> impl Iterator<Item = (i32, f64)> + Clone + 'a {
    let mut next = 0i32;
    let indexes = spans.iter().flat_map(move |span| {
        let first = next.saturating_add(span.offset);
        next = first.saturating_add_unsigned(span.length);
        first..next
    });
    indexes.zip(counts.iter().copied())
}

/// Those that hold something, as runs.
pub(super) fn to_spans<C: Count>(buckets: &[(i32, C)]) -> (Vec<BucketSpan>, Vec<f64>) {
    let (mut spans, mut counts) = (Vec::<BucketSpan>::new(), Vec::with_capacity(buckets.len()));
    let mut next = 0i32;
    for (index, count) in buckets.iter().map(|(index, count)| (*index, count.total())).filter(|own| own.1 != 0.0) {
        match spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => spans.push(BucketSpan { offset: index.saturating_sub(next), length: 1 }),
        }
        counts.push(count);
        next = index.saturating_add(1);
    }
    (spans, counts)
}

/// Adds `factor` times the counts of the other to those of the same index. Allocates only where an index is new.
pub(super) fn merge<C: Count>(own: &mut Buckets<C>, other: impl Iterator<Item = (i32, f64)> + Clone, factor: f64) {
    let mut place = 0;
    let mut has_new = false;
    for (index, _) in other.clone() {
        while own.get(place).is_some_and(|(own, _)| *own < index) {
            place += 1;
        }
        has_new |= own.get(place).is_none_or(|(own, _)| *own != index);
    }
    if has_new {
        let before = std::mem::take(own);
        own.reserve(before.len() + other.clone().count());
        let mut before = before.into_iter().peekable();
        for (index, _) in other.clone() {
            while let Some(earlier) = before.next_if(|(own, _)| *own < index) {
                own.push(earlier);
            }
            own.push(before.next_if(|(own, _)| *own == index).unwrap_or((index, C::default())));
        }
        own.extend(before);
    }
    let mut rest = own.iter_mut();
    for (index, count) in other {
        if let Some((_, own)) = rest.find(|(own, _)| *own == index) {
            own.add(factor * count);
        }
    }
}

/// A histogram's buckets and how they are laid out.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout<C> {
    pub schema: i32,
    pub bounds: Vec<f64>,
    pub zero_threshold: f64,
    pub zero_count: C,
    pub positive: Buckets<C>,
    pub negative: Buckets<C>,
}

impl<C: Count> Layout<C> {
    pub(super) fn of(histogram: &NativeHistogram) -> Self {
        let counted = |(index, count): (i32, f64)| {
            let mut own = C::default();
            own.add(count);
            (index, own)
        };
        let mut zero_count = C::default();
        zero_count.add(histogram.zero_count);
        Self {
            schema: histogram.schema,
            bounds: histogram.custom_bounds.clone(),
            zero_threshold: histogram.zero_threshold,
            zero_count,
            positive: indexed(&histogram.positive_spans, &histogram.positive_buckets).map(counted).collect(),
            negative: indexed(&histogram.negative_spans, &histogram.negative_buckets).map(counted).collect(),
        }
    }

    /// Whether the buckets of a histogram are laid out in the same way.
    pub(super) fn is_that_of(&self, other: &NativeHistogram) -> bool {
        self.schema == other.schema && self.zero_threshold == other.zero_threshold && self.bounds == other.custom_bounds
    }

    /// Adds `factor` times the counts of another, which may change the layout. Both have custom bounds, or neither has.
    pub(super) fn add(&mut self, other: &NativeHistogram, factor: f64) {
        if self.is_that_of(other) {
            self.zero_count.add(factor * other.zero_count);
            merge(&mut self.positive, indexed(&other.positive_spans, &other.positive_buckets), factor);
            merge(&mut self.negative, indexed(&other.negative_spans, &other.negative_buckets), factor);
            return;
        }
        let mut layout = Layout::<f64>::of(other);
        if is_custom(other) {
            let bounds = intersected(&self.bounds, &layout.bounds);
            self.keep_bounds(&bounds);
            layout.keep_bounds(&bounds);
        } else {
            self.share_zero(&mut layout);
            let schema = self.schema.min(layout.schema);
            self.coarsen(schema);
            layout.coarsen(schema);
        }
        self.zero_count.add(factor * layout.zero_count);
        merge(&mut self.positive, layout.positive.iter().copied(), factor);
        merge(&mut self.negative, layout.negative.iter().copied(), factor);
    }

    /// Widens the zero buckets of both until they are the same.
    fn share_zero<D: Count>(&mut self, other: &mut Layout<D>) {
        // Each turn ends at the bound of a populated bucket that lies higher than the one before.
        while self.zero_threshold < other.zero_threshold || other.zero_threshold < self.zero_threshold {
            let wider = self.zero_threshold.max(other.zero_threshold);
            self.widen(wider);
            other.widen(self.zero_threshold);
        }
    }

    /// Widens the zero bucket, and further to the end of a populated bucket that it would cut.
    pub(super) fn widen(&mut self, wanted: f64) {
        if wanted.partial_cmp(&self.zero_threshold) != Some(std::cmp::Ordering::Greater) {
            return;
        }
        let (schema, mut threshold) = (self.schema, wanted);
        let lower = |index: i32| exponential_bound(index.saturating_sub(1), schema);
        loop {
            let before = threshold;
            for (index, count) in self.positive.iter().chain(&self.negative) {
                let upper = exponential_bound(*index, schema);
                if count.total() != 0.0 && lower(*index) < threshold && upper > threshold {
                    threshold = upper;
                }
            }
            if threshold == before {
                break;
            }
        }
        for side in [&mut self.positive, &mut self.negative] {
            let inside = side.partition_point(|(index, _)| lower(*index) < threshold);
            side.drain(..inside).for_each(|(_, count)| self.zero_count.append(count));
        }
        self.zero_threshold = threshold;
    }

    /// Merges exponential buckets to those of a coarser schema.
    pub(super) fn coarsen(&mut self, schema: i32) {
        let shift = u32::try_from(self.schema.saturating_sub(schema)).unwrap_or(0).min(31);
        if shift > 0 {
            // Bucket i holds (base^(i-1), base^i]: i-1 is halved, rounding down.
            self.remap(|index| (index.saturating_sub(1) >> shift).saturating_add(1));
            self.schema = schema;
        }
    }

    /// Merges custom buckets so that only these bounds are left.
    fn keep_bounds(&mut self, kept: &[f64]) {
        let own = std::mem::replace(&mut self.bounds, kept.to_vec());
        self.remap(|index| {
            let bound = usize::try_from(index).ok().and_then(|index| own.get(index));
            let place = bound.map_or(kept.len(), |bound| kept.partition_point(|kept| kept < bound));
            i32::try_from(place).unwrap_or(i32::MAX)
        });
    }

    fn remap(&mut self, index: impl Fn(i32) -> i32) {
        for side in [&mut self.positive, &mut self.negative] {
            side.iter_mut().for_each(|own| own.0 = index(own.0));
            side.dedup_by(|later, kept| {
                let is_same = later.0 == kept.0;
                if is_same {
                    kept.1.append(later.1);
                }
                is_same
            });
        }
    }

    /// The histogram with these buckets, and without count and sum.
    pub(super) fn to_histogram(&self) -> NativeHistogram {
        let (positive_spans, positive_buckets) = to_spans(&self.positive);
        let (negative_spans, negative_buckets) = to_spans(&self.negative);
        NativeHistogram {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count.total(),
            positive_spans,
            positive_buckets,
            negative_spans,
            negative_buckets,
            custom_bounds: self.bounds.clone(),
            ..NativeHistogram::default()
        }
    }
}

/// The bounds that both have.
fn intersected(left: &[f64], right: &[f64]) -> Vec<f64> {
    let mut right = right.iter().peekable();
    let has = |bound: &&f64| {
        while right.next_if(|own| *own < *bound).is_some() {}
        right.peek().is_some_and(|own| *own == *bound)
    };
    left.iter().filter(has).copied().collect()
}
