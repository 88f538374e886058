//! `histogram_quantile` over classic buckets: series that differ in `le` alone.

use super::call::{at, missing};
use super::column::{ABSENT, Column, Vector, is_absent};
use super::{Evaluator, Expr, native_histogram, native_quantile};
use crate::error::QueryError;
use crate::promql::annotations::{Forced, Note};
use crate::promql::ast::Span;
use crate::promql::number::parse_float;
use clew_model::UnixMillis;
use clew_model::metrics::{BUCKET_LABEL, Labels};
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
        let [phi_arg, arg] = args else { return Err(missing()) };
        let phi = self.scalar(phi_arg)?;
        let mut vector = self.vector(arg)?;
        for phi in phi.iter().filter(|phi| !(0.0..=1.0).contains(*phi)) {
            self.note(&Note::InvalidQuantile(*phi), phi_arg.span);
        }
        let groups = self.group_buckets(&vector, arg.span);
        let memory = self.reserve_columns(groups.len())?;
        let mut columns = Vec::with_capacity(groups.len());
        for group in groups {
            self.context.check()?;
            columns.push(self.bucket_column(&group, &vector, &phi, arg.span));
        }
        let mut memory = vec![memory];
        memory.append(&mut vector.memory);
        for mut column in vector.columns.into_iter().filter(|column| !column.histograms.is_empty()) {
            native_histogram::to_floats(&mut column, &|step, histogram| {
                native_quantile::quantile(at(&phi, step), histogram)
            });
            columns.push(column);
        }
        Vector { columns, memory }.merged()
    }

    fn group_buckets(&mut self, vector: &Vector, span: Span) -> Vec<Buckets> {
        let mut index: HashMap<Labels, usize> = HashMap::new();
        let mut groups: Vec<Buckets> = Vec::new();
        for (position, column) in vector.columns.iter().enumerate() {
            if column.values.iter().all(|value| is_absent(*value)) {
                continue;
            }
            let Some(upper) = column.labels.get(BUCKET_LABEL).and_then(parse_float) else {
                let metric = column.labels.metric_name().to_owned();
                let value = column.labels.get(BUCKET_LABEL).unwrap_or_default().to_owned();
                self.note(&Note::BadBucketLabel { metric, value }, span);
                continue;
            };
            let labels = column.labels.filtered(|name| name != BUCKET_LABEL);
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

    fn bucket_column(&mut self, group: &Buckets, vector: &Vector, phi: &[f64], span: Span) -> Column {
        let mut values = Vec::with_capacity(phi.len());
        let mut buckets = Vec::with_capacity(group.bounds.len());
        let mut forced: Option<Forced> = None;
        let times: Vec<UnixMillis> = self.steps.iter().collect();
        for (step, phi) in phi.iter().enumerate() {
            buckets.clear();
            for (upper, position) in &group.bounds {
                let count = vector.columns.get(*position).map_or(ABSENT, |column| column.value(step));
                if !is_absent(count) {
                    buckets.push(Bucket { upper: *upper, count });
                }
            }
            let mut raised = None;
            values.push(if buckets.is_empty() { ABSENT } else { bucket_quantile(*phi, &mut buckets, &mut raised) });
            if let Some((least_bucket, greatest_bucket, most)) = raised {
                let at = times.get(step).copied().unwrap_or_default();
                let own = Forced { least_bucket, greatest_bucket, most, samples: 1, first: at, last: at };
                match &mut forced {
                    Some(all) => all.merge(own),
                    None => forced = Some(own),
                }
            }
        }
        if let Some(forced) = forced {
            let metric = group.labels.metric_name().to_owned();
            self.note(&Note::ForcedMonotonicity { metric, forced }, span);
        }
        Column::new(group.labels.clone(), values).unnamed()
    }
}

/// The φ-quantile by linear interpolation within the bucket that holds the rank. The lowest bucket starts at 0 unless
/// its bound is negative; in the highest, its lower bound is the answer. NaN without a `+Inf` bucket, without a second
/// bucket, or without observations.
fn bucket_quantile(phi: f64, buckets: &mut Vec<Bucket>, raised: &mut Option<Raised>) -> f64 {
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
    *raised = make_monotonic(buckets);
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

/// The bounds of the first and the last bucket that was raised, and by how much at most.
type Raised = (f64, f64, f64);

/// Cumulative counts never fall: tiny differences are rounding, others are forced, which is told.
fn make_monotonic(buckets: &mut [Bucket]) -> Option<Raised> {
    let mut raised: Option<Raised> = None;
    let mut previous: Option<f64> = None;
    for bucket in buckets {
        if let Some(before) = previous {
            let nearly = (bucket.count - before).abs() <= SMALL_DELTA * (bucket.count.abs() + before.abs());
            if nearly {
                bucket.count = before;
            } else if bucket.count < before {
                let (least, _, most) = raised.unwrap_or((bucket.upper, bucket.upper, 0.0));
                raised = Some((least, bucket.upper, most.max(before - bucket.count)));
                bucket.count = before;
            }
        }
        previous = Some(bucket.count);
    }
    raised
}
