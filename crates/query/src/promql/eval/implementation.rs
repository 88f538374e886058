//! How each function is computed. The match has no way out: a function without an entry here does not compile.

use super::column::Vector;
use super::compute::{Output, WindowFunction};
use super::{Evaluator, Expr, calendar, call, native_quantile, over_time, rate, regression};
use crate::error::QueryError;
use crate::promql::functions::Function;

/// How a function is computed.
pub(super) enum Implementation {
    /// A number at each step.
    Scalar(fn(&mut Evaluator<'_>, &[Expr]) -> Result<Vec<f64>, QueryError>),
    /// From each window of one range vector; whether the result is a sample of the series, which keeps its name, and
    /// whether it extrapolates to the ends of the window.
    Window { function: WindowFunction, keeps_name: bool, extrapolates: bool },
    /// From each number of one instant vector.
    Math(fn(f64) -> f64),
    /// From each number of an instant vector, or from the time of evaluation.
    Calendar(fn(f64) -> f64),
    /// In its own way.
    Vector(fn(&mut Evaluator<'_>, &[Expr]) -> Result<Vector, QueryError>),
}

/// A function of windows whose result is a new number.
const fn window(function: WindowFunction) -> Implementation {
    Implementation::Window { function, keeps_name: false, extrapolates: false }
}

/// A function of windows that extrapolates.
const fn change(function: WindowFunction) -> Implementation {
    Implementation::Window { function, keeps_name: false, extrapolates: true }
}

/// A function of windows that picks a sample.
const fn pick(function: WindowFunction) -> Implementation {
    Implementation::Window { function, keeps_name: true, extrapolates: false }
}

impl Implementation {
    pub(super) fn of(function: Function) -> Self {
        use Function as F;
        match function {
            F::Rate => change(|window| rate::extrapolated(window, true, true)),
            F::Increase => change(|window| rate::extrapolated(window, true, false)),
            F::Delta => change(|window| rate::extrapolated(window, false, false)),
            F::Irate => window(|window| rate::instant(window, true)),
            F::Idelta => window(|window| rate::instant(window, false)),
            F::Resets => window(rate::resets),
            F::Changes => window(rate::changes),
            F::Deriv => window(|window| regression::deriv(window).into()),
            F::AvgOverTime => window(|window| over_time::total(window, true)),
            F::SumOverTime => window(|window| over_time::total(window, false)),
            F::CountOverTime => window(over_time::count),
            F::PresentOverTime => window(|_| Output::Float(1.0)),
            F::MinOverTime => window(|window| over_time::extreme(window, |value, best| value < best).into()),
            F::MaxOverTime => window(|window| over_time::extreme(window, |value, best| value > best).into()),
            F::StddevOverTime => window(|window| over_time::variance(window).map(f64::sqrt).into()),
            F::StdvarOverTime => window(|window| over_time::variance(window).into()),
            F::MadOverTime => window(|window| over_time::mad(window).into()),
            F::LastOverTime => pick(over_time::last),
            F::FirstOverTime => pick(over_time::first),
            F::Minute => Self::Calendar(calendar::minute),
            F::Hour => Self::Calendar(calendar::hour),
            F::DayOfWeek => Self::Calendar(calendar::day_of_week),
            F::DayOfMonth => Self::Calendar(calendar::day_of_month),
            F::DayOfYear => Self::Calendar(calendar::day_of_year),
            F::DaysInMonth => Self::Calendar(calendar::month_length),
            F::Month => Self::Calendar(calendar::month),
            F::Year => Self::Calendar(calendar::year),
            F::Time => Self::Scalar(|evaluator, args| evaluator.times(args)),
            F::Scalar => Self::Scalar(|evaluator, args| evaluator.only_value(args)),
            F::Pi => Self::Scalar(|evaluator, _| Ok(evaluator.constant(std::f64::consts::PI))),
            F::Start => Self::Scalar(|evaluator, _| Ok(evaluator.constant(evaluator.query.0 as f64 / 1000.0))),
            F::End => Self::Scalar(|evaluator, _| Ok(evaluator.constant(evaluator.query.1 as f64 / 1000.0))),
            F::Range => Self::Scalar(|evaluator, _| {
                Ok(evaluator.constant((evaluator.query.1 - evaluator.query.0) as f64 / 1000.0))
            }),
            F::Step => Self::Scalar(|evaluator, _| Ok(evaluator.constant(evaluator.query_step as f64 / 1000.0))),
            F::Vector => Self::Vector(|evaluator, args| evaluator.vector_of_scalar(args)),
            F::Timestamp => Self::Vector(|evaluator, args| evaluator.timestamp(args)),
            F::Absent => Self::Vector(|evaluator, args| evaluator.absent(args)),
            F::AbsentOverTime => Self::Vector(|evaluator, args| evaluator.absent_over_time(args)),
            F::QuantileOverTime => Self::Vector(|evaluator, args| evaluator.quantile_over_time(args)),
            F::PredictLinear => Self::Vector(|evaluator, args| evaluator.predict_linear(args)),
            F::Clamp => Self::Vector(|evaluator, args| evaluator.clamp(args, Some(1), Some(2))),
            F::ClampMin => Self::Vector(|evaluator, args| evaluator.clamp(args, Some(1), None)),
            F::ClampMax => Self::Vector(|evaluator, args| evaluator.clamp(args, None, Some(1))),
            F::Round => Self::Vector(|evaluator, args| evaluator.round(args)),
            F::Sort => Self::Vector(|evaluator, args| evaluator.sorted(args, false)),
            F::SortDesc => Self::Vector(|evaluator, args| evaluator.sorted(args, true)),
            F::LabelReplace => Self::Vector(|evaluator, args| evaluator.label_replace(args)),
            F::LabelJoin => Self::Vector(|evaluator, args| evaluator.label_join(args)),
            F::HistogramQuantile => Self::Vector(|evaluator, args| evaluator.histogram_quantile(args)),
            F::HistogramFraction => Self::Vector(|evaluator, args| evaluator.histogram_fraction(args)),
            F::HistogramCount => {
                Self::Vector(|evaluator, args| evaluator.of_histograms(args, &|_, histogram| histogram.count))
            }
            F::HistogramSum => {
                Self::Vector(|evaluator, args| evaluator.of_histograms(args, &|_, histogram| histogram.sum))
            }
            F::HistogramAvg => Self::Vector(|evaluator, args| {
                evaluator.of_histograms(args, &|_, histogram| histogram.sum / histogram.count)
            }),
            F::Abs => Self::Math(f64::abs),
            F::Acos => Self::Math(f64::acos),
            F::Acosh => Self::Math(f64::acosh),
            F::Asin => Self::Math(f64::asin),
            F::Asinh => Self::Math(f64::asinh),
            F::Atan => Self::Math(f64::atan),
            F::Atanh => Self::Math(f64::atanh),
            F::Ceil => Self::Math(f64::ceil),
            F::Cos => Self::Math(f64::cos),
            F::Cosh => Self::Math(f64::cosh),
            F::Deg => Self::Math(|value| value * 180.0 / std::f64::consts::PI),
            F::Exp => Self::Math(f64::exp),
            F::Floor => Self::Math(f64::floor),
            F::Ln => Self::Math(f64::ln),
            F::Log10 => Self::Math(f64::log10),
            F::Log2 => Self::Math(f64::log2),
            F::Rad => Self::Math(|value| value * std::f64::consts::PI / 180.0),
            F::Sgn => Self::Math(call::sign),
            F::Sin => Self::Math(f64::sin),
            F::Sinh => Self::Math(f64::sinh),
            F::Sqrt => Self::Math(f64::sqrt),
            F::Tan => Self::Math(f64::tan),
            F::Tanh => Self::Math(f64::tanh),
            F::MinOf => Self::Scalar(|evaluator, args| evaluator.chosen(args, false)),
            F::MaxOf => Self::Scalar(|evaluator, args| evaluator.chosen(args, true)),
            F::DoubleExponentialSmoothing => Self::Vector(|evaluator, args| evaluator.smoothing(args)),
            F::TsOfFirstOverTime => window(|window| over_time::first_time(window).into()),
            F::TsOfLastOverTime => window(|window| over_time::last_time(window).into()),
            F::TsOfMaxOverTime => window(|window| over_time::time_of(window, |value, best| value >= best).into()),
            F::TsOfMinOverTime => window(|window| over_time::time_of(window, |value, best| value <= best).into()),
            F::SortByLabel => Self::Vector(|evaluator, args| evaluator.sorted_by_label(args, false)),
            F::SortByLabelDesc => Self::Vector(|evaluator, args| evaluator.sorted_by_label(args, true)),
            F::Info => Self::Vector(|evaluator, args| evaluator.info(args)),
            F::HistogramStddev => Self::Vector(|evaluator, args| {
                evaluator.of_histograms(args, &|_, histogram| native_quantile::variance(histogram).sqrt())
            }),
            F::HistogramStdvar => Self::Vector(|evaluator, args| {
                evaluator.of_histograms(args, &|_, histogram| native_quantile::variance(histogram))
            }),
            F::HistogramQuantiles => Self::Vector(|evaluator, args| evaluator.histogram_quantiles(args)),
            F::StartTimestamp => Self::Vector(|evaluator, args| evaluator.start_timestamp(args)),
        }
    }
}
