//! Function calls: which function, and those of instant vectors.

use super::column::{ABSENT, Cell, Column, Strictness, Vector, is_absent};
use super::{Evaluated, Evaluator, Expr, ExprKind};
use super::{calendar, compute, native_histogram, native_quantile, over_time, quantile, regression};
use crate::error::QueryError;
use clew_model::metrics::Labels;
use std::cmp::Ordering;

impl Evaluator<'_> {
    pub(super) fn call(&mut self, name: &str, args: &[Expr]) -> Result<Evaluated, QueryError> {
        if let Some(values) = self.scalar_function(name, args)? {
            return Ok(Evaluated::Scalar(values));
        }
        self.vector_function(name, args).map(Evaluated::Vector)
    }

    fn scalar_function(&mut self, name: &str, args: &[Expr]) -> Result<Option<Vec<f64>>, QueryError> {
        let constant = match (name, args) {
            ("time", _) => return Ok(Some(self.steps.iter().map(|at| at as f64 / 1000.0).collect())),
            ("scalar", [arg]) => {
                let vector = self.vector(arg)?;
                return Ok(Some((0..self.steps.count).map(|step| only_value(&vector, step)).collect()));
            }
            ("pi", _) => std::f64::consts::PI,
            ("start", _) => self.query.0 as f64 / 1000.0,
            ("end", _) => self.query.1 as f64 / 1000.0,
            ("range", _) => (self.query.1 - self.query.0) as f64 / 1000.0,
            ("step", _) => self.query_step as f64 / 1000.0,
            _ => return Ok(None),
        };
        Ok(Some(vec![constant; self.steps.count]))
    }

    fn vector_function(&mut self, name: &str, args: &[Expr]) -> Result<Vector, QueryError> {
        if let ([arg], Some(function)) = (args, compute::find(name)) {
            self.hint_counter(name, arg);
            let range = self.range_vector(arg)?;
            return self.over_windows(range, over_time::keeps_name(name), false, &|_, window| function(window));
        }
        if let ([arg], Some(function)) = (args, math(name)) {
            return self.vector(arg)?.map_values(function, |_| None).merged(Strictness::PerStep);
        }
        if let Some(function) = calendar::find(name) {
            let vector = match args.first() {
                Some(arg) => self.vector(arg)?,
                None => self.time_vector()?,
            };
            return vector.map_values(function, |_| None).merged(Strictness::PerStep);
        }
        match (name, args) {
            ("vector", [arg]) => {
                let memory = self.reserve_columns(1)?;
                let values = self.scalar(arg)?;
                self.new_vector(vec![Column::new(Labels::empty(), values)], memory)
            }
            ("timestamp", [arg]) => self.timestamp(arg),
            ("absent", [arg]) => self.absent(arg),
            ("absent_over_time", [arg]) => self.absent_over_time(arg),
            ("quantile_over_time", [phi, range]) => self.quantile_over_time(phi, range),
            ("predict_linear", [range, seconds]) => self.predict_linear(range, seconds),
            ("clamp", [arg, low, high]) => self.clamp(arg, Some(low), Some(high)),
            ("clamp_min", [arg, low]) => self.clamp(arg, Some(low), None),
            ("clamp_max", [arg, high]) => self.clamp(arg, None, Some(high)),
            ("round", [arg]) => self.with_scalar(arg, None, |value, _| round(value, 1.0)),
            ("round", [arg, nearest]) => self.with_scalar(arg, Some(nearest), round),
            ("sort", [arg]) => self.sorted(arg, false),
            ("sort_desc", [arg]) => self.sorted(arg, true),
            ("label_replace", _) => self.label_replace(args),
            ("label_join", _) => self.label_join(args),
            ("histogram_quantile", [phi, arg]) => self.histogram_quantile(phi, arg),
            ("histogram_count", [arg]) => self.of_histograms(arg, |histogram| histogram.count),
            ("histogram_sum", [arg]) => self.of_histograms(arg, |histogram| histogram.sum),
            ("histogram_avg", [arg]) => self.of_histograms(arg, |histogram| histogram.sum / histogram.count),
            ("histogram_fraction", [low, high, arg]) => {
                let (low, high) = (self.scalar(low)?, self.scalar(high)?);
                self.of_histograms_at(arg, &|step, histogram| {
                    native_quantile::fraction(at(&low, step), at(&high, step), histogram)
                })
            }
            _ => Err(QueryError::unsupported(format!("the function {name}() is not supported yet"))),
        }
    }

    /// `rate` of something whose name does not say that it counts is often a mistake.
    fn hint_counter(&mut self, function: &str, arg: &Expr) {
        let ExprKind::Matrix { selector, .. } = &arg.unwrap_parens().kind else { return };
        let Some(name) = selector.metric_name().filter(|_| matches!(function, "rate" | "increase")) else { return };
        if !["_total", "_sum", "_count", "_bucket"].iter().any(|suffix| name.ends_with(suffix)) {
            self.annotations.info(format!(
                "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}"
            ));
        }
    }

    fn time_vector(&mut self) -> Result<Vector, QueryError> {
        let memory = self.reserve_columns(1)?;
        let values = self.steps.iter().map(|at| at as f64 / 1000.0).collect();
        self.new_vector(vec![Column::new(Labels::empty(), values)], memory)
    }

    fn timestamp(&mut self, arg: &Expr) -> Result<Vector, QueryError> {
        if let ExprKind::Selector(selector) = &arg.unwrap_parens().kind {
            let vector = self.instant_cells(selector, true)?;
            return vector.map_values(|seconds| seconds, |_| None).merged(Strictness::PerStep);
        }
        let times: Vec<f64> = self.steps.iter().map(|at| at as f64 / 1000.0).collect();
        let mut vector = self.vector(arg)?;
        for column in &mut vector.columns {
            column.labels = column.labels.without_name();
            for (step, time) in times.iter().enumerate() {
                let value = if column.is_present(step) { *time } else { ABSENT };
                column.clear(step);
                if let Some(cell) = column.values.get_mut(step) {
                    *cell = value;
                }
            }
        }
        vector.merged(Strictness::PerStep)
    }

    fn quantile_over_time(&mut self, phi: &Expr, range: &Expr) -> Result<Vector, QueryError> {
        let phi = self.scalar(phi)?;
        let range = self.range_vector(range)?;
        self.over_windows(range, false, true, &|step, window| {
            if window.values.is_empty() {
                return compute::Output::Nothing;
            }
            compute::Output::Float(quantile::quantile(at(&phi, step), &mut window.values.to_vec()))
        })
    }

    fn predict_linear(&mut self, range: &Expr, seconds: &Expr) -> Result<Vector, QueryError> {
        let seconds = self.scalar(seconds)?;
        let range = self.range_vector(range)?;
        self.over_windows(range, false, true, &|step, window| regression::predict(window, at(&seconds, step)).into())
    }

    fn clamp(&mut self, arg: &Expr, low: Option<&Expr>, high: Option<&Expr>) -> Result<Vector, QueryError> {
        let low = low.map(|low| self.scalar(low)).transpose()?;
        let high = high.map(|high| self.scalar(high)).transpose()?;
        let mut vector = self.vector(arg)?.map_values(|value| value, |_| None);
        for column in &mut vector.columns {
            for (step, value) in column.values.iter_mut().enumerate().filter(|(_, value)| !is_absent(**value)) {
                let low = low.as_ref().map_or(f64::NEG_INFINITY, |low| at(low, step));
                let high = high.as_ref().map_or(f64::INFINITY, |high| at(high, step));
                *value = if high < low { ABSENT } else { larger(low, smaller(high, *value)) };
            }
        }
        vector.merged(Strictness::PerStep)
    }

    fn with_scalar(
        &mut self,
        arg: &Expr,
        parameter: Option<&Expr>,
        function: fn(f64, f64) -> f64,
    ) -> Result<Vector, QueryError> {
        let parameter = parameter.map(|parameter| self.scalar(parameter)).transpose()?.unwrap_or_default();
        let mut vector = self.vector(arg)?.map_values(|value| value, |_| None);
        for column in &mut vector.columns {
            for (step, value) in column.values.iter_mut().enumerate().filter(|(_, value)| !is_absent(**value)) {
                *value = function(*value, at(&parameter, step));
            }
        }
        vector.merged(Strictness::PerStep)
    }

    /// Sorts by value for an instant query; a range query has no order.
    fn sorted(&mut self, arg: &Expr, descending: bool) -> Result<Vector, QueryError> {
        let mut vector = self.vector(arg)?;
        vector.columns.sort_by(|left, right| {
            let order = nan_last(left.value(0), right.value(0), descending);
            order.then_with(|| left.labels.cmp(&right.labels))
        });
        Ok(vector)
    }

    fn of_histograms(
        &mut self,
        arg: &Expr,
        function: fn(&clew_model::metrics::NativeHistogram) -> f64,
    ) -> Result<Vector, QueryError> {
        self.of_histograms_at(arg, &|_, histogram| function(histogram))
    }

    pub(super) fn of_histograms_at(
        &mut self,
        arg: &Expr,
        function: &dyn Fn(usize, &clew_model::metrics::NativeHistogram) -> f64,
    ) -> Result<Vector, QueryError> {
        let mut vector = self.vector(arg)?;
        for column in &mut vector.columns {
            native_histogram::to_floats(column, function);
        }
        vector.merged(Strictness::PerStep)
    }
}

/// The parameter's value at a step.
pub(super) fn at(values: &[f64], step: usize) -> f64 {
    values.get(step).copied().unwrap_or(f64::NAN)
}

fn only_value(vector: &Vector, step: usize) -> f64 {
    let mut present =
        vector.columns.iter().map(|column| column.cell(step)).filter(|cell| !matches!(cell, Cell::Absent));
    match (present.next(), present.next()) {
        (Some(Cell::Float(value)), None) => value,
        _ => f64::NAN,
    }
}

/// Order of values with NaN at the end in either direction.
pub(super) fn nan_last(left: f64, right: f64, descending: bool) -> Ordering {
    match (left.is_nan(), right.is_nan()) {
        (false, false) if descending => right.partial_cmp(&left).unwrap_or(Ordering::Equal),
        (false, false) => left.partial_cmp(&right).unwrap_or(Ordering::Equal),
        (left, right) => left.cmp(&right),
    }
}

/// Go's `math.Max`: NaN wins.
fn larger(left: f64, right: f64) -> f64 {
    if left.is_nan() || right.is_nan() { f64::NAN } else { left.max(right) }
}

/// Go's `math.Min`: NaN wins.
fn smaller(left: f64, right: f64) -> f64 {
    if left.is_nan() || right.is_nan() { f64::NAN } else { left.min(right) }
}

/// To the nearest multiple; halves go up. The inverse is multiplied, as Prometheus does, for exact results with 0.1.
fn round(value: f64, nearest: f64) -> f64 {
    let nearest = if nearest.is_nan() { 1.0 } else { nearest };
    let inverse = 1.0 / nearest;
    (value * inverse + 0.5).floor() / inverse
}

fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}

/// Functions of one number.
fn math(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "acos" => f64::acos,
        "acosh" => f64::acosh,
        "asin" => f64::asin,
        "asinh" => f64::asinh,
        "atan" => f64::atan,
        "atanh" => f64::atanh,
        "ceil" => f64::ceil,
        "cos" => f64::cos,
        "cosh" => f64::cosh,
        "deg" => |value| value * 180.0 / std::f64::consts::PI,
        "exp" => f64::exp,
        "floor" => f64::floor,
        "ln" => f64::ln,
        "log10" => f64::log10,
        "log2" => f64::log2,
        "rad" => |value| value * std::f64::consts::PI / 180.0,
        "sgn" => sign,
        "sin" => f64::sin,
        "sinh" => f64::sinh,
        "sqrt" => f64::sqrt,
        "tan" => f64::tan,
        "tanh" => f64::tanh,
        _ => return None,
    })
}
