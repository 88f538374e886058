//! The functions of PromQL and their types: names, arguments and results as in Prometheus 3.

use super::ast::ValueType::{self, Matrix, Scalar, Text, Vector};

/// A function's signature.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Types of the arguments; the last one repeats or may be missing as `arity` says.
    pub args: &'static [ValueType],
    /// How many arguments it takes.
    pub arity: Arity,
    /// The type of its result.
    pub returns: ValueType,
}

/// How many arguments a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// All that are listed.
    Exact,
    /// The last one may be missing.
    LastOptional,
    /// The last one may be missing, or be there up to this many times.
    LastUpTo(usize),
    /// The last one may be missing or repeat.
    LastRepeats,
}

impl Function {
    /// Fewest and most arguments.
    #[must_use]
    pub fn bounds(&self) -> (usize, Option<usize>) {
        let listed = self.args.len();
        match self.arity {
            Arity::Exact => (listed, Some(listed)),
            Arity::LastOptional => (listed - 1, Some(listed)),
            Arity::LastUpTo(times) => (listed, Some(listed - 1 + times)),
            Arity::LastRepeats => (listed - 1, None),
        }
    }
}

const fn exact(name: &'static str, args: &'static [ValueType], returns: ValueType) -> Function {
    Function { name, args, arity: Arity::Exact, returns }
}

const fn with(name: &'static str, args: &'static [ValueType], arity: Arity) -> Function {
    Function { name, args, arity, returns: Vector }
}

/// Functions of one instant vector.
const OF_VECTOR: [&str; 32] = [
    "abs",
    "absent",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "ceil",
    "cos",
    "cosh",
    "deg",
    "exp",
    "floor",
    "histogram_avg",
    "histogram_count",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
    "ln",
    "log10",
    "log2",
    "rad",
    "sgn",
    "sin",
    "sinh",
    "sort",
    "sort_desc",
    "sqrt",
    "tan",
    "tanh",
    "timestamp",
];

/// Functions of one range vector.
const OF_MATRIX: [&str; 24] = [
    "absent_over_time",
    "avg_over_time",
    "changes",
    "count_over_time",
    "delta",
    "deriv",
    "first_over_time",
    "idelta",
    "increase",
    "irate",
    "last_over_time",
    "mad_over_time",
    "max_over_time",
    "min_over_time",
    "present_over_time",
    "rate",
    "resets",
    "stddev_over_time",
    "stdvar_over_time",
    "sum_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
];

/// Functions of an optional instant vector, by default of the evaluation time.
const OF_TIME: [&str; 8] =
    ["day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year"];

const OTHERS: [Function; 24] = [
    exact("clamp", &[Vector, Scalar, Scalar], Vector),
    exact("clamp_max", &[Vector, Scalar], Vector),
    exact("clamp_min", &[Vector, Scalar], Vector),
    exact("double_exponential_smoothing", &[Matrix, Scalar, Scalar], Vector),
    exact("histogram_fraction", &[Scalar, Scalar, Vector], Vector),
    exact("histogram_quantile", &[Scalar, Vector], Vector),
    with("histogram_quantiles", &[Vector, Text, Scalar], Arity::LastUpTo(10)),
    with("info", &[Vector, Vector], Arity::LastOptional),
    with("label_join", &[Vector, Text, Text, Text], Arity::LastRepeats),
    exact("label_replace", &[Vector, Text, Text, Text, Text], Vector),
    exact("pi", &[], Scalar),
    exact("predict_linear", &[Matrix, Scalar], Vector),
    exact("quantile_over_time", &[Scalar, Matrix], Vector),
    with("round", &[Vector, Scalar], Arity::LastOptional),
    exact("scalar", &[Vector], Scalar),
    with("sort_by_label", &[Vector, Text], Arity::LastRepeats),
    with("sort_by_label_desc", &[Vector, Text], Arity::LastRepeats),
    exact("step", &[], Scalar),
    exact("time", &[], Scalar),
    exact("vector", &[Scalar], Vector),
    exact("start", &[], Scalar),
    exact("end", &[], Scalar),
    exact("range", &[], Scalar),
    with("integral", &[Matrix, Scalar], Arity::LastOptional),
];

/// The signature of a function; names are lowercase.
#[must_use]
pub fn find(name: &str) -> Option<Function> {
    if let Some(known) = OF_VECTOR.into_iter().find(|known| *known == name) {
        return Some(exact(known, &[Vector], Vector));
    }
    if let Some(known) = OF_MATRIX.into_iter().find(|known| *known == name) {
        return Some(exact(known, &[Matrix], Vector));
    }
    if let Some(known) = OF_TIME.into_iter().find(|known| *known == name) {
        return Some(with(known, &[Vector], Arity::LastOptional));
    }
    OTHERS.into_iter().find(|function| function.name == name)
}

/// Every function's name.
pub fn names() -> impl Iterator<Item = &'static str> {
    OF_VECTOR.into_iter().chain(OF_MATRIX).chain(OF_TIME).chain(OTHERS.into_iter().map(|function| function.name))
}

/// The known name nearest to a mistyped one, when it is near.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let limit = (name.len() / 3).clamp(1, 3);
    let aggregations = super::ast::AggregateOp::ALL.into_iter().map(super::ast::AggregateOp::as_str);
    names()
        .chain(aggregations)
        .map(|known| (edit_distance(&lower, known), !known.starts_with(&lower), known))
        .filter(|(distance, ..)| *distance <= limit)
        .min()
        .map(|(.., known)| known)
}

/// Levenshtein distance in bytes; long names are never near.
fn edit_distance(left: &str, right: &str) -> usize {
    const LONGEST: usize = 40;
    if left.len() > LONGEST || right.len() > LONGEST {
        return LONGEST;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = i;
        let mut previous = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(right.bytes()) {
            let above = *cell;
            *cell = (diagonal + usize::from(a != b)).min(above + 1).min(previous + 1);
            (diagonal, previous) = (above, *cell);
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
