//! Function calls: which function, and those of instant vectors.

use super::column::{ABSENT, Column, Vector, is_absent};
use super::compute::{Driven, Output, Shown, Window};
use super::implementation::Implementation;
use super::{Evaluated, Evaluator, Expr, ExprKind};
use super::{native_histogram, over_time, quantile, regression};
use crate::error::QueryError;
use crate::promql::annotations::Note;
use crate::promql::ast::{Extension, Span};
use crate::promql::functions::Function;
use clew_model::metrics::{Labels, NativeHistogram};
use std::cmp::Ordering;

impl Evaluator<'_> {
    pub(super) fn call(&mut self, function: Function, args: &[Expr]) -> Result<Evaluated, QueryError> {
        let vector = match Implementation::of(function) {
            Implementation::Scalar(values) => return values(self, args).map(Evaluated::Scalar),
            Implementation::Window { function: of_window, keeps_name, extrapolates } => {
                let arg = first(args)?;
                check_extension(function, arg)?;
                let of_counters = matches!(function, Function::Rate | Function::Increase);
                let function = |_: usize, window: &Window<'_>| of_window(window);
                self.over_windows(arg, Driven { keeps_name, extrapolates, of_counters, ..Driven::new(&function) })
            }
            Implementation::Math(math) => self.vector(first(args)?)?.map_values(math, |_| None).merged(),
            Implementation::Calendar(part) => {
                let vector = match args.first() {
                    Some(arg) => self.vector(arg)?,
                    None => self.time_vector()?,
                };
                vector.map_values(part, |_| None).merged()
            }
            Implementation::Vector(vector) => vector(self, args),
        };
        vector.map(Evaluated::Vector)
    }

    /// The same number at each step.
    pub(super) fn constant(&self, value: f64) -> Vec<f64> {
        vec![value; self.steps.count]
    }

    pub(super) fn times(&mut self, _args: &[Expr]) -> Result<Vec<f64>, QueryError> {
        Ok(self.steps.iter().map(|at| at as f64 / 1000.0).collect())
    }

    pub(super) fn only_value(&mut self, args: &[Expr]) -> Result<Vec<f64>, QueryError> {
        let vector = self.vector(first(args)?)?;
        Ok((0..self.steps.count).map(|step| only_value(&vector, step)).collect())
    }

    pub(super) fn vector_of_scalar(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let memory = self.reserve_columns(1)?;
        let values = self.scalar(first(args)?)?;
        self.new_vector(vec![Column::new(Labels::empty(), values)], memory)
    }

    pub(super) fn round(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        match args {
            [arg, nearest] => self.with_scalar(arg, Some(nearest), round),
            _ => self.with_scalar(first(args)?, None, |value, _| round(value, 1.0)),
        }
    }

    fn time_vector(&mut self) -> Result<Vector, QueryError> {
        let memory = self.reserve_columns(1)?;
        let values = self.steps.iter().map(|at| at as f64 / 1000.0).collect();
        self.new_vector(vec![Column::new(Labels::empty(), values)], memory)
    }

    pub(super) fn timestamp(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let arg = first(args)?;
        if let ExprKind::Selector(selector) = &arg.unwrap_parens().kind {
            let vector = self.instant_cells(selector, Shown::Time, arg.span)?;
            return vector.map_values(|seconds| seconds, |_| None).merged();
        }
        let times: Vec<f64> = self.steps.iter().map(|at| at as f64 / 1000.0).collect();
        let mut vector = self.vector(arg)?;
        for column in &mut vector.columns {
            column.drop_name = true;
            for (step, time) in times.iter().enumerate() {
                let value = if column.is_present(step) { *time } else { ABSENT };
                column.clear(step);
                if let Some(cell) = column.values.get_mut(step) {
                    *cell = value;
                }
            }
        }
        vector.merged()
    }

    /// The start timestamps of what a selector finds; what is computed has none.
    pub(super) fn start_timestamp(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let arg = first(args)?;
        let vector = match &arg.unwrap_parens().kind {
            ExprKind::Selector(selector) => self.instant_cells(selector, Shown::Start, arg.span)?,
            _ => self.vector(arg)?.map_values(|_| ABSENT, |_| None),
        };
        vector.map_values(|seconds| seconds, |_| None).merged()
    }

    pub(super) fn quantile_over_time(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let [phi_arg, range] = args else { return Err(missing()) };
        check_extension(Function::QuantileOverTime, range)?;
        let phi = self.scalar(phi_arg)?;
        let function = |step: usize, window: &Window<'_>| {
            if window.values.is_empty() {
                return Output::Nothing;
            }
            window.ignores_histograms();
            Output::Float(quantile::quantile(at(&phi, step), &mut window.values.to_vec()))
        };
        let vector = self.over_windows(range, Driven { by_step: true, ..Driven::new(&function) })?;
        self.check_quantiles(&phi, &vector, phi_arg.span);
        Ok(vector)
    }

    /// Tells of quantiles outside of 0 to 1 at steps where there is something.
    pub(super) fn check_quantiles(&mut self, phi: &[f64], vector: &Vector, span: Span) {
        for (step, phi) in phi.iter().enumerate().filter(|(_, phi)| !(0.0..=1.0).contains(*phi)) {
            if vector.columns.iter().any(|column| column.is_present(step)) {
                self.note(&Note::InvalidQuantile(*phi), span);
            }
        }
    }

    pub(super) fn predict_linear(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let [range, seconds] = args else { return Err(missing()) };
        check_extension(Function::PredictLinear, range)?;
        let seconds = self.scalar(seconds)?;
        let function = |step: usize, window: &Window<'_>| regression::predict(window, at(&seconds, step)).into();
        self.over_windows(range, Driven { by_step: true, ..Driven::new(&function) })
    }

    /// Bounds by the arguments at these places.
    pub(super) fn clamp(
        &mut self,
        args: &[Expr],
        low: Option<usize>,
        high: Option<usize>,
    ) -> Result<Vector, QueryError> {
        let bound = |evaluator: &mut Self, place: Option<usize>| {
            place.and_then(|place| args.get(place)).map(|bound| evaluator.scalar(bound)).transpose()
        };
        let low = bound(self, low)?;
        let high = bound(self, high)?;
        let mut vector = self.vector(first(args)?)?.map_values(|value| value, |_| None);
        for column in &mut vector.columns {
            for (step, value) in column.values.iter_mut().enumerate().filter(|(_, value)| !is_absent(**value)) {
                let low = low.as_ref().map_or(f64::NEG_INFINITY, |low| at(low, step));
                let high = high.as_ref().map_or(f64::INFINITY, |high| at(high, step));
                *value = if high < low { ABSENT } else { larger(low, smaller(high, *value)) };
            }
        }
        vector.merged()
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
        vector.merged()
    }

    /// `double_exponential_smoothing`, with the factors for the level and for the trend.
    pub(super) fn smoothing(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let [range, level, trend] = args else { return Err(missing()) };
        check_extension(Function::DoubleExponentialSmoothing, range)?;
        let factors = [("smoothing", "sf", level), ("trend", "tf", trend)].map(|(what, short, arg)| {
            let values = self.scalar(arg)?;
            match values.iter().find(|value| !(**value > 0.0 && **value < 1.0)) {
                Some(value) => Err(QueryError::execution(format!(
                    "invalid {what} factor. Expected: 0 < {short} < 1, got: {value:.6}"
                ))
                .at(arg.span.start, arg.span.end)),
                None => Ok(values),
            }
        });
        let [level, trend] = factors;
        let (level, trend) = (level?, trend?);
        let function = |step: usize, window: &Window<'_>| {
            over_time::double_exponential(window, at(&level, step), at(&trend, step)).into()
        };
        self.over_windows(range, Driven { by_step: true, ..Driven::new(&function) })
    }

    /// The lesser or the greater of two numbers.
    pub(super) fn chosen(&mut self, args: &[Expr], greatest: bool) -> Result<Vec<f64>, QueryError> {
        let [left, right] = args else { return Err(missing()) };
        let (left, right) = (self.scalar(left)?, self.scalar(right)?);
        let choose = |(left, right): (&f64, &f64)| {
            if greatest { larger(*left, *right) } else { smaller(*left, *right) }
        };
        Ok(left.iter().zip(&right).map(choose).collect())
    }

    /// Sorts by labels, numbers in them by their value.
    pub(super) fn sorted_by_label(&mut self, args: &[Expr], descending: bool) -> Result<Vector, QueryError> {
        let mut vector = self.vector(first(args)?)?;
        let names = args.iter().skip(1).map(|name| self.text(name)).collect::<Result<Vec<_>, _>>()?;
        vector.columns.sort_by(|left, right| {
            let of = |column: &Column, name: &str| column.labels.get(name).unwrap_or_default().to_owned();
            let orders = names.iter().map(|name| natural_order(&of(left, name), &of(right, name)));
            let order = orders.fold(Ordering::Equal, Ordering::then).then_with(|| left.labels.cmp(&right.labels));
            if descending { order.reverse() } else { order }
        });
        Ok(vector)
    }

    /// Sorts by value for an instant query; a range query has no order.
    pub(super) fn sorted(&mut self, args: &[Expr], descending: bool) -> Result<Vector, QueryError> {
        let mut vector = self.vector(first(args)?)?;
        // Histograms have no order.
        vector.columns.iter_mut().for_each(|column| column.histograms.clear());
        vector.columns.retain(|column| !column.is_empty());
        vector.columns.sort_by(|left, right| {
            let order = nan_last(left.value(0), right.value(0), descending);
            order.then_with(|| left.labels.cmp(&right.labels))
        });
        Ok(vector)
    }

    /// A number from each native histogram.
    pub(super) fn of_histograms(
        &mut self,
        args: &[Expr],
        function: &dyn Fn(usize, &NativeHistogram) -> f64,
    ) -> Result<Vector, QueryError> {
        let mut vector = self.vector(first(args)?)?;
        for column in &mut vector.columns {
            native_histogram::to_floats(column, function);
        }
        vector.merged()
    }
}

/// Functions that know what to do with samples outside of the range.
fn check_extension(function: Function, arg: &Expr) -> Result<(), QueryError> {
    use Function::{Changes, Delta, Increase, Rate, Resets};
    let ExprKind::Matrix { selector, .. } = &arg.unwrap_parens().kind else { return Ok(()) };
    let (able, names) = match selector.extension {
        None => return Ok(()),
        Some(Extension::Anchored) => {
            (matches!(function, Changes | Delta | Increase | Rate | Resets), "changes, delta, increase, rate, resets")
        }
        Some(Extension::Smoothed) => (matches!(function, Delta | Increase | Rate), "delta, increase, rate"),
    };
    if able {
        return Ok(());
    }
    let word = selector.extension.map_or("", Extension::as_str);
    Err(QueryError::execution(format!("{word} modifier can only be used with: {names} - not with {}", function.name()))
        .at(arg.span.start, arg.span.end))
}

/// The parser has counted the arguments; should one be missing all the same, this says so.
pub(super) fn missing() -> QueryError {
    QueryError::invalid("an argument is missing")
}

/// The first argument.
pub(super) fn first(args: &[Expr]) -> Result<&Expr, QueryError> {
    args.first().ok_or_else(missing)
}

/// The parameter's value at a step.
pub(super) fn at(values: &[f64], step: usize) -> f64 {
    values.get(step).copied().unwrap_or(f64::NAN)
}

fn only_value(vector: &Vector, step: usize) -> f64 {
    let mut floats = vector.columns.iter().map(|column| column.value(step)).filter(|value| !is_absent(*value));
    match (floats.next(), floats.next()) {
        (Some(value), None) => value,
        _ => f64::NAN,
    }
}

/// Order of texts in which runs of digits count as numbers: `a2` before `a10`.
fn natural_order(left: &str, right: &str) -> Ordering {
    let (mut left_rest, mut right_rest) = (left, right);
    loop {
        let ((a, a_digits, after_a), (b, b_digits, after_b)) = (natural_part(left_rest), natural_part(right_rest));
        let order = match (a_digits, b_digits) {
            (true, true) => {
                let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
                a.len().cmp(&b.len()).then_with(|| a.cmp(b))
            }
            _ => a.cmp(b),
        };
        if order != Ordering::Equal || (after_a.is_empty() && after_b.is_empty()) {
            return order.then_with(|| left.cmp(right));
        }
        (left_rest, right_rest) = (after_a, after_b);
    }
}

/// The leading run of digits, or of anything else; whether it is digits; and the rest.
fn natural_part(text: &str) -> (&str, bool, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    let (part, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (part, digits, rest)
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

/// -1, 0 or 1; zeros and NaN as they are.
pub(super) fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}
