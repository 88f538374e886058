//! Quantiles and fractions of histograms: of classic ones, which are series that differ in `le` alone, and of native ones
//! among them.

use super::call::{at, missing};
use super::column::{ABSENT, Column, Vector, is_absent};
use super::native_quantile::NanNote;
use super::{Evaluator, Expr, native_quantile};
use crate::error::QueryError;
use crate::promql::annotations::{Forced, Note};
use crate::promql::ast::Span;
use crate::promql::number::{format_openmetrics, parse_float};
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

/// Histograms of both kinds at all steps.
struct Histograms {
    vector: Vector,
    classic: Vec<Buckets>,
}

/// What is asked of each histogram.
#[derive(Clone, Copy)]
enum Asked<'a> {
    Quantile(&'a [f64]),
    Fraction(&'a [f64], &'a [f64]),
}

impl Evaluator<'_> {
    pub(super) fn histogram_quantile(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let [phi_arg, arg] = args else { return Err(missing()) };
        let phi = self.scalar(phi_arg)?;
        self.note_quantiles(&phi, phi_arg.span);
        let all = self.histograms(arg)?;
        self.ask(all, &[(None, Asked::Quantile(&phi))], arg.span)
    }

    pub(super) fn histogram_quantiles(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let [arg, label, phis @ ..] = args else { return Err(missing()) };
        let label = self.text(label)?;
        if label.is_empty() {
            return Err(QueryError::execution("invalid quantile label name in histogram_quantiles(): \"\""));
        }
        let mut quantiles = Vec::with_capacity(phis.len());
        for phi_arg in phis {
            let phi = self.scalar(phi_arg)?;
            self.note_quantiles(&phi, phi_arg.span);
            quantiles.push(phi);
        }
        let all = self.histograms(arg)?;
        let named = |phi: &Vec<f64>| format_openmetrics(phi.first().copied().unwrap_or(f64::NAN));
        let values: Vec<String> = quantiles.iter().map(named).collect();
        let asked: Vec<_> = values
            .iter()
            .zip(&quantiles)
            .map(|(value, phi)| (Some((label.as_str(), value.as_str())), Asked::Quantile(phi)))
            .collect();
        self.ask(all, &asked, arg.span)
    }

    pub(super) fn histogram_fraction(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let [low, high, arg] = args else { return Err(missing()) };
        let (low, high) = (self.scalar(low)?, self.scalar(high)?);
        let all = self.histograms(arg)?;
        self.ask(all, &[(None, Asked::Fraction(&low, &high))], arg.span)
    }

    fn note_quantiles(&mut self, phi: &[f64], span: Span) {
        for phi in phi.iter().filter(|phi| !(0.0..=1.0).contains(*phi)) {
            self.note(&Note::InvalidQuantile(*phi), span);
        }
    }

    /// The histograms of a vector. Where a classic and a native one have the same labels at a step, neither counts there.
    fn histograms(&mut self, arg: &Expr) -> Result<Histograms, QueryError> {
        let mut vector = self.vector(arg)?;
        let classic = self.group_buckets(&vector, arg.span);
        let clashes = self.clashes(&vector, &classic);
        for (native, place, step) in clashes {
            let buckets = classic.get(place).map(|group| group.bounds.as_slice()).unwrap_or_default();
            for at in buckets.iter().map(|(_, at)| *at).chain([native]) {
                if let Some(column) = vector.columns.get_mut(at) {
                    column.clear(step);
                }
            }
            let metric = vector.columns.get(native).map_or("", |column| column.labels.metric_name()).to_owned();
            self.note(&Note::MixedClassicNative { metric }, arg.span);
        }
        Ok(Histograms { vector, classic })
    }

    /// Where there is a native histogram beside buckets of the same labels: its column, the place of the buckets, the step.
    fn clashes(&self, vector: &Vector, classic: &[Buckets]) -> Vec<(usize, usize, usize)> {
        let places: HashMap<&Labels, &Buckets> = classic.iter().map(|group| (&group.labels, group)).collect();
        let place_of = |group: &Buckets| classic.iter().position(|own| std::ptr::eq(own, group));
        let mut clashes = Vec::new();
        for (native, column) in vector.columns.iter().enumerate().filter(|(_, column)| !column.histograms.is_empty()) {
            let Some((group, place)) = places.get(&column.labels).and_then(|group| Some((*group, place_of(group)?)))
            else {
                continue;
            };
            for step in (0..self.steps.count).filter(|step| column.histogram(*step).is_some()) {
                let column = |at: &usize| vector.columns.get(*at);
                if group.bounds.iter().any(|(_, at)| column(at).is_some_and(|one| !is_absent(one.value(step)))) {
                    clashes.push((native, place, step));
                }
            }
        }
        clashes
    }

    /// Answers each question for each histogram, with a label that tells the questions apart where there is one.
    fn ask(
        &mut self,
        all: Histograms,
        questions: &[(Option<(&str, &str)>, Asked<'_>)],
        span: Span,
    ) -> Result<Vector, QueryError> {
        let Histograms { vector, classic } = all;
        let native = vector.columns.iter().filter(|column| !column.histograms.is_empty()).count();
        let memory = self.reserve_columns((classic.len() + native) * questions.len())?;
        let mut columns = Vec::with_capacity(classic.len() + native);
        for (label, asked) in questions {
            let labelled = |labels: &Labels| match label {
                Some((name, value)) => labels.with(name, value),
                None => labels.clone(),
            };
            for group in &classic {
                self.context.check()?;
                let values = self.ask_classic(group, &vector, *asked, span);
                columns.push(Column::new(labelled(&group.labels), values).unnamed());
            }
            for column in vector.columns.iter().filter(|column| !column.histograms.is_empty()) {
                self.context.check()?;
                let values = self.ask_native(column, *asked, span);
                columns.push(Column::new(labelled(&column.labels), values).unnamed());
            }
        }
        let mut held = vec![memory];
        held.extend(vector.memory);
        Vector { columns, memory: held }.merged()
    }

    fn ask_native(&mut self, column: &Column, asked: Asked<'_>, span: Span) -> Vec<f64> {
        let mut noted: Vec<NanNote> = Vec::new();
        let mut of = |step: usize| {
            let Some(histogram) = column.histogram(step).filter(|_| is_absent(column.value(step))) else {
                return ABSENT;
            };
            let (value, note) = match asked {
                Asked::Quantile(phi) => native_quantile::quantile(at(phi, step), histogram),
                Asked::Fraction(low, high) => native_quantile::fraction(at(low, step), at(high, step), histogram),
            };
            noted.extend(note.filter(|note| !noted.contains(note)));
            value
        };
        let values = (0..self.steps.count).map(&mut of).collect();
        for note in noted {
            let metric = column.labels.metric_name().to_owned();
            let note = match note {
                NanNote::IsNan => Note::QuantileIsNan { metric },
                NanNote::IsSkewed => Note::QuantileIsSkewed { metric },
                NanNote::AreLeftOut => Note::FractionWithoutNan { metric },
            };
            self.note(&note, span);
        }
        values
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

    fn ask_classic(&mut self, group: &Buckets, vector: &Vector, asked: Asked<'_>, span: Span) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.steps.count);
        let mut buckets = Vec::with_capacity(group.bounds.len());
        let mut forced: Option<Forced> = None;
        let times: Vec<UnixMillis> = self.steps.iter().collect();
        for (step, time) in times.into_iter().enumerate() {
            buckets.clear();
            for (upper, position) in &group.bounds {
                let count = vector.columns.get(*position).map_or(ABSENT, |column| column.value(step));
                if !is_absent(count) {
                    buckets.push(Bucket { upper: *upper, count });
                }
            }
            let mut raised = None;
            values.push(match asked {
                _ if buckets.is_empty() => ABSENT,
                Asked::Quantile(phi) => bucket_quantile(at(phi, step), &mut buckets, &mut raised),
                Asked::Fraction(low, high) => bucket_fraction(at(low, step), at(high, step), &mut buckets),
            });
            if let Some((least_bucket, greatest_bucket, most)) = raised {
                let own = Forced { least_bucket, greatest_bucket, most, samples: 1, first: time, last: time };
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
        values
    }
}

/// The part of the observations between two values, by linear interpolation within buckets. NaN without a `+Inf` bucket or
/// without observations.
fn bucket_fraction(low: f64, high: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if buckets.last().is_none_or(|last| last.upper != f64::INFINITY) {
        return f64::NAN;
    }
    coalesce(buckets);
    let count = buckets.last().map_or(0.0, |last| last.count);
    if count == 0.0 || low.is_nan() || high.is_nan() {
        return f64::NAN;
    }
    if low >= high {
        return 0.0;
    }
    let below = |value: f64| below(value, buckets).unwrap_or(count).min(count);
    (below(high) - below(low)) / count
}

/// How many observations lie below a value; `None` where it lies above all buckets.
fn below(value: f64, buckets: &[Bucket]) -> Option<f64> {
    let begins_at_zero = buckets.first().is_some_and(|first| first.upper > 0.0);
    let mut lower = if begins_at_zero { 0.0 } else { f64::NEG_INFINITY };
    let mut rank = 0.0;
    for bucket in buckets {
        if lower >= value {
            return Some(rank);
        }
        if bucket.upper > value {
            let is_open = lower == f64::NEG_INFINITY;
            let part = (value - lower) / (bucket.upper - lower);
            return Some(if is_open { bucket.count } else { rank + (bucket.count - rank) * part });
        }
        (lower, rank) = (bucket.upper, bucket.count);
    }
    None
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
    if last.count == 0.0 {
        return f64::NAN;
    }
    let rank = phi * last.count;
    // Of counts that are NaN none reaches the rank.
    let reaches = |bucket: &Bucket| bucket.count >= rank;
    let index = finite.partition_point(|bucket| !reaches(bucket));
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
