//! Whether values are those that a script wants.

use super::literal::{self, Point};
use crate::store::Stored;
use clew_model::metrics::{HistogramBucket, Labels, NativeHistogram};
use clew_query::promql::{RangeSeries, SampleValue, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Relative difference that is taken for rounding, as promqltest allows.
const TOLERANCE: f64 = 1e-6;

fn near(left: f64, right: f64) -> bool {
    if left == right || (left.is_nan() && right.is_nan()) {
        return true;
    }
    let (size, difference) = (left.abs() + right.abs(), (left - right).abs());
    if left == 0.0 || right == 0.0 || size < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / size.min(f64::MAX) < TOLERANCE
}

/// The values below an eval.
#[derive(Debug)]
pub(super) enum Wanted {
    Scalar(f64),
    /// Series in their order, each with its points.
    Series(Vec<(Labels, Vec<Option<Point>>)>),
}

impl Wanted {
    pub(super) fn read(lines: &[&str]) -> Result<Self, String> {
        let mut series = Vec::new();
        for line in lines {
            if let Ok(value) = literal::number(line.split('#').next().unwrap_or(line).trim()) {
                return Ok(Self::Scalar(value));
            }
            let (labels, values) = literal::split_series(line);
            series.push((literal::labels(labels)?, literal::values(values)?));
        }
        Ok(Self::Series(series))
    }

    pub(super) fn check_instant(&self, got: &Value, is_ordered: bool) -> Result<(), String> {
        match (self, got) {
            (Self::Scalar(want), Value::Scalar(_, got)) if near(*want, *got) => Ok(()),
            // Our scripts, which promtool can check as well, write a scalar as a series without labels.
            (Self::Series(want), Value::Scalar(_, got)) => {
                check_vector(want, &[(&Labels::empty(), Stored::Float(*got))], is_ordered)
            }
            (Self::Series(want), Value::Vector(got)) => {
                let got = got.iter().map(|one| (&one.labels, sample(&one.value))).collect::<Vec<_>>();
                check_vector(want, &got, is_ordered)
            }
            _ => Err("another value, or kind of value".to_owned()),
        }
    }

    /// One step of the answer to a range query.
    pub(super) fn check_step(&self, got: &Value, at: i64) -> Result<(), String> {
        let Value::Matrix(series) = got else { return Err(format!("{got:?}")) };
        let points = series.iter().filter_map(|one| Some((&one.labels, points(one).remove(&at)?))).collect::<Vec<_>>();
        match (self, &points[..]) {
            (Self::Series(want), got) => check_vector(want, got, false),
            (Self::Scalar(want), [(_, Stored::Float(got))]) if near(*want, *got) => Ok(()),
            (Self::Scalar(want), got) => Err(format!("want {want}, got {got:?}")),
        }
    }

    /// Series whose points begin at `from`.
    pub(super) fn check_matrix(&self, got: &Value, from: i64, step: i64) -> Result<(), String> {
        let (Self::Series(want), Value::Matrix(got)) = (self, got) else {
            return Err("another kind of value".to_owned());
        };
        let mut left: BTreeMap<&Labels, BTreeMap<i64, Point>> = BTreeMap::new();
        for (labels, values) in want {
            let points = (0..).zip(values).filter_map(|(index, point)| Some((from + index * step, point.clone()?)));
            left.insert(labels, points.collect());
        }
        for series in got {
            let want = left.remove(&series.labels).ok_or(format!("unexpected series {}", series.labels))?;
            let got = points(series);
            if !want.keys().eq(got.keys()) {
                return Err(format!("{}: values at other times", series.labels));
            }
            for (time, point) in &want {
                check_value(point, &got[time]).map_err(|reason| format!("{} at {time}: {reason}", series.labels))?;
            }
        }
        match left.into_iter().find(|(_, points)| !points.is_empty()) {
            Some((labels, _)) => Err(format!("no series {labels}")),
            None => Ok(()),
        }
    }
}

fn check_vector(
    want: &[(Labels, Vec<Option<Point>>)],
    got: &[(&Labels, Stored)],
    is_ordered: bool,
) -> Result<(), String> {
    let mut left: BTreeMap<&Labels, (usize, &Point)> = BTreeMap::new();
    for (place, (labels, values)) in want.iter().enumerate() {
        match &values[..] {
            [Some(point)] => drop(left.insert(labels, (place, point))),
            [None] | [] => {}
            _ => return Err(format!("{labels}: more values than one")),
        }
    }
    for (place, (labels, value)) in got.iter().enumerate() {
        let (wanted_place, point) = left.remove(labels).ok_or(format!("unexpected series {labels}"))?;
        if is_ordered && wanted_place != place {
            return Err(format!("{labels} stands at another place"));
        }
        check_value(point, value).map_err(|reason| format!("{labels}: {reason}"))?;
    }
    left.into_keys().next().map_or(Ok(()), |labels| Err(format!("no series {labels}")))
}

fn sample(value: &SampleValue) -> Stored {
    match value {
        SampleValue::Float(value) => Stored::Float(*value),
        SampleValue::Histogram(histogram) => Stored::Histogram(Arc::clone(histogram)),
    }
}

fn points(series: &RangeSeries) -> BTreeMap<i64, Stored> {
    let floats = series.floats.iter().map(|(time, value)| (*time, Stored::Float(*value)));
    let histograms = series.histograms.iter().map(|(time, one)| (*time, Stored::Histogram(Arc::clone(one))));
    floats.chain(histograms).collect()
}

fn check_value(want: &Point, got: &Stored) -> Result<(), String> {
    match (&want.value, got) {
        (Stored::Float(want), Stored::Float(got)) if near(*want, *got) => Ok(()),
        (Stored::Histogram(one), Stored::Histogram(other)) => check_histogram(one, other, want.has_hint),
        (want, got) => Err(format!("want {want:?}, got {got:?}")),
    }
}

/// Count, sum and buckets as the API shows them: those that hold something, with their bounds.
fn check_histogram(want: &NativeHistogram, got: &NativeHistogram, has_hint: bool) -> Result<(), String> {
    let (wanted, buckets) = (shown(want), shown(got));
    let is_same = near(want.count, got.count)
        && near(want.sum, got.sum)
        && wanted.len() == buckets.len()
        && wanted.iter().zip(&buckets).all(|(one, other)| {
            near(one.lower, other.lower) && near(one.upper, other.upper) && near(one.count, other.count)
        })
        && (!has_hint || want.reset_hint == got.reset_hint);
    if is_same { Ok(()) } else { Err(format!("want {want:?}\n    got  {got:?}")) }
}

fn shown(histogram: &NativeHistogram) -> Vec<HistogramBucket> {
    let is_shown = |one: &HistogramBucket| one.count > 0.0 || one.lower != -histogram.zero_threshold;
    histogram.buckets().into_iter().filter(is_shown).collect()
}
