//! Chance that repeats with its seed.

use clew_model::{SpanId, TraceId};
use fastrand::Rng;

/// Nanoseconds in a millisecond.
pub(super) const MS: i64 = 1_000_000;

/// Nanoseconds in a second.
pub(super) const SECOND: i64 = 1_000 * MS;

/// A source of chance; the same seed gives the same sequence.
#[derive(Debug, Clone)]
pub(super) struct Dice(Rng);

impl Dice {
    /// Dice that follow from `seed` alone.
    pub(super) fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.i64(low..=high.max(low))
    }

    /// From 0 to 1.
    pub(super) fn fraction(&mut self) -> f64 {
        self.0.f64()
    }

    /// True in `share` of all throws.
    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.fraction() < share
    }

    /// One of the items; the type's default for an empty list.
    pub(super) fn pick<T: Copy + Default>(&mut self, items: &[T]) -> T {
        items.get(self.0.usize(0..items.len().max(1))).copied().unwrap_or_default()
    }

    /// A duration in nanoseconds around a median in milliseconds, with the long tail that real ones have (log-normal,
    /// σ ≈ 0.45; the normal is the sum of twelve uniforms).
    pub(super) fn around(&mut self, median_ms: f64) -> i64 {
        let normal: f64 = (0..12).map(|_| self.fraction()).sum::<f64>() - 6.0;
        ((median_ms * (0.45 * normal).exp()) * MS as f64) as i64
    }

    /// The time until the next of events that come independently, `rate` of them a second.
    pub(super) fn wait(&mut self, rate: f64) -> i64 {
        let seconds = -(1.0 - self.fraction()).ln() / rate.max(0.001);
        (seconds * SECOND as f64) as i64
    }

    /// So many lowercase hex digits.
    pub(super) fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from_digit(self.0.u32(0..16), 16).unwrap_or('0')).collect()
    }

    /// A random trace ID with a letter in its hex digits, as nearly all have.
    pub(super) fn trace_id(&mut self) -> TraceId {
        TraceId(self.0.u128(1 << 120..).to_be_bytes())
    }

    /// A random span ID.
    pub(super) fn span_id(&mut self) -> SpanId {
        SpanId(self.0.u64(1..).to_be_bytes())
    }
}
