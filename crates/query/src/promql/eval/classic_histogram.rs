//! `histogram_quantile` over classic buckets: series that differ in `le` alone.

use super::call::{at, missing};
use super::column::{ABSENT, Column, Strictness, Vector, is_absent};
use super::{Evaluator, Expr, native_histogram, native_quantile};
use crate::error::QueryError;
use crate::promql::number::parse_float;
use clew_model::metrics::{BUCKET_LABEL, Labels, METRIC_NAME};
use hashbrown::HashMap;

/// Relative difference of cumulative counts that is taken for rounding (Prometheus' `smallDeltaTolerance`).
const SMALL_DELTA: f64 = 1e-12;

/// The bucket columns of one histogram.
struct Buckets {
    labels: Labels,
    /// Upper bound and index of the column, sorted by bound.
    bounds: Vec<(f64, usize)>,
}

/// One bucket at one step.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    upper: f64,
    /// Cumulative.
    count: f64,
}

impl Evaluator<'_> {
    pub(super) fn histogram_quantile(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let [phi, arg] = args else { return Err(missing()) };
        let phi = self.scalar(phi)?;
        if phi.iter().any(|phi| !(0.0..=1.0).contains(phi)) {
            self.annotations.warn("PromQL warning: quantile value should be between 0 and 1");
        }
        let mut vector = self.vector(arg)?;
        let groups = self.group_buckets(&vector);
        let memory = self.reserve_columns(groups.len())?;
        let mut columns = Vec::with_capacity(groups.len());
        for group in groups {
            self.context.check()?;
            columns.push(self.bucket_column(&group, &vector, &phi));
        }
        let mut memory = vec![memory];
        memory.append(&mut vector.memory);
        for mut column in vector.columns.into_iter().filter(|column| !column.histograms.is_empty()) {
            native_histogram::to_floats(&mut column, &|step, histogram| {
                native_quantile::quantile(at(&phi, step), histogram)
            });
            columns.push(column);
        }
        Vector { columns, memory }.merged(Strictness::PerStep)
    }

    fn group_buckets(&mut self, vector: &Vector) -> Vec<Buckets> {
        let mut index: HashMap<Labels, usize> = HashMap::new();
        let mut groups: Vec<Buckets> = Vec::new();
        for (position, column) in vector.columns.iter().enumerate() {
            if column.values.iter().all(|value| is_absent(*value)) {
                continue;
            }
            let Some(upper) = column.labels.get(BUCKET_LABEL).and_then(parse_float) else {
                self.annotations.warn(format!(
                    "PromQL warning: bucket label \"le\" is missing or has a malformed value of {:?}",
                    column.labels.get(BUCKET_LABEL).unwrap_or_default()
                ));
                continue;
            };
            let labels = column.labels.filtered(|name| name != BUCKET_LABEL && name != METRIC_NAME);
            let at = *index.entry(labels.clone()).or_insert(groups.len());
            if at == groups.len() {
                groups.push(Buckets { labels, bounds: Vec::new() });
            }
            if let Some(group) = groups.get_mut(at) {
                group.bounds.push((upper, position));
            }
        }
        groups.iter_mut().for_each(|group| group.bounds.sort_by(|left, right| left.0.total_cmp(&right.0)));
        groups
    }

    fn bucket_column(&mut self, group: &Buckets, vector: &Vector, phi: &[f64]) -> Column {
        let mut values = Vec::with_capacity(phi.len());
        let mut buckets = Vec::with_capacity(group.bounds.len());
        let mut forced = false;
        for (step, phi) in phi.iter().enumerate() {
            buckets.clear();
            for (upper, position) in &group.bounds {
                let count = vector.columns.get(*position).map_or(ABSENT, |column| column.value(step));
                if !is_absent(count) {
                    buckets.push(Bucket { upper: *upper, count });
                }
            }
            values.push(if buckets.is_empty() { ABSENT } else { bucket_quantile(*phi, &mut buckets, &mut forced) });
        }
        if forced {
            self.annotations.info(
                "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see \
                 https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)",
            );
        }
        Column::new(group.labels.clone(), values)
    }
}

/// The φ-quantile by linear interpolation within the bucket that holds the rank. The lowest bucket starts at 0 unless
/// its bound is negative; in the highest, its lower bound is the answer. NaN without a `+Inf` bucket, without a second
/// bucket, or without observations.
fn bucket_quantile(phi: f64, buckets: &mut Vec<Bucket>, forced: &mut bool) -> f64 {
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    if phi.is_nan() || buckets.last().is_none_or(|last| last.upper != f64::INFINITY) {
        return f64::NAN;
    }
    coalesce(buckets);
    *forced |= make_monotonic(buckets);
    let [finite @ .., last] = buckets.as_slice() else { return f64::NAN };
    let Some(highest) = finite.last() else { return f64::NAN };
    if last.count == 0.0 || last.count.is_nan() {
        return f64::NAN;
    }
    let rank = phi * last.count;
    let index = finite.partition_point(|bucket| bucket.count < rank);
    let Some(bucket) = finite.get(index) else { return highest.upper };
    match index.checked_sub(1).and_then(|below| finite.get(below)) {
        None if bucket.upper <= 0.0 => bucket.upper,
        None => bucket.upper * (rank / bucket.count),
        Some(below) => {
            below.upper + (bucket.upper - below.upper) * ((rank - below.count) / (bucket.count - below.count))
        }
    }
}

/// Buckets with equal bounds (written differently, `1` and `1.0`) are one.
fn coalesce(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|later, kept| {
        let same = later.upper == kept.upper;
        if same {
            kept.count += later.count;
        }
        same
    });
}

/// Cumulative counts never fall: tiny differences are rounding, others are forced, which is told.
fn make_monotonic(buckets: &mut [Bucket]) -> bool {
    let mut forced = false;
    let mut previous: Option<f64> = None;
    for bucket in buckets {
        if let Some(before) = previous {
            let nearly = (bucket.count - before).abs() <= SMALL_DELTA * (bucket.count.abs() + before.abs());
            if nearly || bucket.count < before {
                forced |= !nearly;
                bucket.count = before;
            }
        }
        previous = Some(bucket.count);
    }
    forced
}
