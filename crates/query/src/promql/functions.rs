//! The functions of PromQL and their types: names, arguments and results as in Prometheus 3.

use super::ast::ValueType::{self, Matrix, Scalar, Text, Vector};

/// What a function takes and answers.
#[derive(Debug, Clone, Copy)]
pub struct Signature {
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

impl Signature {
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

const fn exact(args: &'static [ValueType], returns: ValueType) -> Signature {
    Signature { args, arity: Arity::Exact, returns }
}

const fn with(args: &'static [ValueType], arity: Arity) -> Signature {
    Signature { args, arity, returns: Vector }
}

/// Of one instant vector.
const OF_VECTOR: Signature = exact(&[Vector], Vector);
/// Of one range vector.
const OF_MATRIX: Signature = exact(&[Matrix], Vector);
/// Of an optional instant vector, by default of the evaluation time.
const OF_TIME: Signature = with(&[Vector], Arity::LastOptional);
/// Of nothing.
const NUMBER: Signature = exact(&[], Scalar);

macro_rules! functions {
    ($($variant:ident $name:literal $signature:expr;)*) => {
        /// A function; its name says what it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum Function {
            $($variant,)*
        }

        impl Function {
            /// All of them.
            pub const ALL: &[Function] = &[$(Function::$variant,)*];

            /// Its name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Function::$variant => $name,)*
                }
            }

            /// What it takes and answers.
            #[must_use]
            pub fn signature(self) -> Signature {
                match self {
                    $(Function::$variant => $signature,)*
                }
            }
        }
    };
}

functions! {
    Abs "abs" OF_VECTOR;
    Absent "absent" OF_VECTOR;
    Acos "acos" OF_VECTOR;
    Acosh "acosh" OF_VECTOR;
    Asin "asin" OF_VECTOR;
    Asinh "asinh" OF_VECTOR;
    Atan "atan" OF_VECTOR;
    Atanh "atanh" OF_VECTOR;
    Ceil "ceil" OF_VECTOR;
    Cos "cos" OF_VECTOR;
    Cosh "cosh" OF_VECTOR;
    Deg "deg" OF_VECTOR;
    Exp "exp" OF_VECTOR;
    Floor "floor" OF_VECTOR;
    HistogramAvg "histogram_avg" OF_VECTOR;
    HistogramCount "histogram_count" OF_VECTOR;
    HistogramStddev "histogram_stddev" OF_VECTOR;
    HistogramStdvar "histogram_stdvar" OF_VECTOR;
    HistogramSum "histogram_sum" OF_VECTOR;
    Ln "ln" OF_VECTOR;
    Log10 "log10" OF_VECTOR;
    Log2 "log2" OF_VECTOR;
    Rad "rad" OF_VECTOR;
    Sgn "sgn" OF_VECTOR;
    Sin "sin" OF_VECTOR;
    Sinh "sinh" OF_VECTOR;
    Sort "sort" OF_VECTOR;
    SortDesc "sort_desc" OF_VECTOR;
    Sqrt "sqrt" OF_VECTOR;
    Tan "tan" OF_VECTOR;
    Tanh "tanh" OF_VECTOR;
    Timestamp "timestamp" OF_VECTOR;
    AbsentOverTime "absent_over_time" OF_MATRIX;
    AvgOverTime "avg_over_time" OF_MATRIX;
    Changes "changes" OF_MATRIX;
    CountOverTime "count_over_time" OF_MATRIX;
    Delta "delta" OF_MATRIX;
    Deriv "deriv" OF_MATRIX;
    FirstOverTime "first_over_time" OF_MATRIX;
    Idelta "idelta" OF_MATRIX;
    Increase "increase" OF_MATRIX;
    Irate "irate" OF_MATRIX;
    LastOverTime "last_over_time" OF_MATRIX;
    MadOverTime "mad_over_time" OF_MATRIX;
    MaxOverTime "max_over_time" OF_MATRIX;
    MinOverTime "min_over_time" OF_MATRIX;
    PresentOverTime "present_over_time" OF_MATRIX;
    Rate "rate" OF_MATRIX;
    Resets "resets" OF_MATRIX;
    StddevOverTime "stddev_over_time" OF_MATRIX;
    StdvarOverTime "stdvar_over_time" OF_MATRIX;
    SumOverTime "sum_over_time" OF_MATRIX;
    TsOfFirstOverTime "ts_of_first_over_time" OF_MATRIX;
    TsOfLastOverTime "ts_of_last_over_time" OF_MATRIX;
    TsOfMaxOverTime "ts_of_max_over_time" OF_MATRIX;
    TsOfMinOverTime "ts_of_min_over_time" OF_MATRIX;
    DayOfMonth "day_of_month" OF_TIME;
    DayOfWeek "day_of_week" OF_TIME;
    DayOfYear "day_of_year" OF_TIME;
    DaysInMonth "days_in_month" OF_TIME;
    Hour "hour" OF_TIME;
    Minute "minute" OF_TIME;
    Month "month" OF_TIME;
    Year "year" OF_TIME;
    Clamp "clamp" exact(&[Vector, Scalar, Scalar], Vector);
    ClampMax "clamp_max" exact(&[Vector, Scalar], Vector);
    ClampMin "clamp_min" exact(&[Vector, Scalar], Vector);
    DoubleExponentialSmoothing "double_exponential_smoothing" exact(&[Matrix, Scalar, Scalar], Vector);
    HistogramFraction "histogram_fraction" exact(&[Scalar, Scalar, Vector], Vector);
    HistogramQuantile "histogram_quantile" exact(&[Scalar, Vector], Vector);
    HistogramQuantiles "histogram_quantiles" with(&[Vector, Text, Scalar], Arity::LastUpTo(10));
    Info "info" with(&[Vector, Vector], Arity::LastOptional);
    LabelJoin "label_join" with(&[Vector, Text, Text, Text], Arity::LastRepeats);
    LabelReplace "label_replace" exact(&[Vector, Text, Text, Text, Text], Vector);
    Pi "pi" NUMBER;
    PredictLinear "predict_linear" exact(&[Matrix, Scalar], Vector);
    QuantileOverTime "quantile_over_time" exact(&[Scalar, Matrix], Vector);
    Round "round" with(&[Vector, Scalar], Arity::LastOptional);
    Scalar "scalar" exact(&[Vector], Scalar);
    SortByLabel "sort_by_label" with(&[Vector, Text], Arity::LastRepeats);
    SortByLabelDesc "sort_by_label_desc" with(&[Vector, Text], Arity::LastRepeats);
    Step "step" NUMBER;
    Time "time" NUMBER;
    Vector "vector" exact(&[Scalar], Vector);
    Start "start" NUMBER;
    End "end" NUMBER;
    Range "range" NUMBER;
    MinOf "min_of" exact(&[Scalar, Scalar], ValueType::Scalar);
    MaxOf "max_of" exact(&[Scalar, Scalar], ValueType::Scalar);
    StartTimestamp "start_timestamp" OF_VECTOR;
}

/// The function with this name; names are lowercase.
#[must_use]
pub fn find(name: &str) -> Option<Function> {
    Function::ALL.iter().copied().find(|function| function.name() == name)
}

/// Every function's name.
pub fn names() -> impl Iterator<Item = &'static str> {
    Function::ALL.iter().map(|function| function.name())
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
