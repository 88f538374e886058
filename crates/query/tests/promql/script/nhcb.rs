//! Classic histograms as native ones with custom buckets: what `load_with_nhcb` adds.

use super::literal::number;
use crate::naive_histogram::NaiveHistogram;
use crate::store::Stored;
use clew_model::metrics::{CUSTOM_BUCKETS_SCHEMA, Labels};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of one classic histogram at one time.
#[derive(Default)]
struct Parts {
    /// Bounds with what is at or below them, in order.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

impl Parts {
    fn to_histogram(&self) -> NaiveHistogram {
        let last = self.buckets.last().copied();
        let count = self.count.or(last.map(|(_, count)| count)).unwrap_or(0.0);
        let mut one =
            NaiveHistogram { schema: CUSTOM_BUCKETS_SCHEMA, count, sum: self.sum, ..NaiveHistogram::default() };
        let infinite = last.is_none_or(|(bound, _)| bound.is_finite()).then_some((f64::INFINITY, count));
        let mut before = 0.0;
        for (index, (bound, cumulative)) in (0..).zip(self.buckets.iter().copied().chain(infinite)) {
            if bound.is_finite() {
                one.bounds.push(bound);
            }
            if cumulative != before {
                one.positive.insert(index, cumulative - before);
            }
            before = cumulative;
        }
        one
    }
}

/// The native histograms of classic series.
pub(super) fn convert(series: &[(Labels, Vec<(i64, Stored)>)]) -> Vec<(Labels, i64, Stored)> {
    let mut all: BTreeMap<(Labels, i64), Parts> = BTreeMap::new();
    for (labels, samples) in series {
        let name = labels.get("__name__").unwrap_or_default();
        let Some((base, suffix)) = name.rsplit_once('_') else { continue };
        let bound = labels.get("le").and_then(|text| number(text).ok()).filter(|bound| !bound.is_nan());
        if !matches!(suffix, "bucket" | "count" | "sum") || (suffix == "bucket" && bound.is_none()) {
            continue;
        }
        let others = labels.iter().filter(|(name, _)| !matches!(*name, "__name__" | "le"));
        let native = Labels::new(others.chain([("__name__", base)])).unwrap();
        for (time, sample) in samples {
            let Stored::Float(value) = sample else { continue };
            if value.to_bits() == clew_model::metrics::STALE_NAN {
                continue;
            }
            let parts = all.entry((native.clone(), *time)).or_default();
            match (suffix, bound) {
                ("bucket", Some(bound)) => parts.buckets.push((bound, *value)),
                ("count", _) => parts.count = Some(*value),
                _ => parts.sum = *value,
            }
        }
    }
    let native = |((labels, time), mut parts): ((Labels, i64), Parts)| {
        parts.buckets.sort_by(|left, right| left.0.total_cmp(&right.0));
        parts.buckets.dedup_by(|later, first| later.0 == first.0);
        (labels, time, Stored::Histogram(Arc::new(parts.to_histogram().to_native())))
    };
    all.into_iter().map(native).collect()
}
