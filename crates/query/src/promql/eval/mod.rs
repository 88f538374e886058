//! Evaluation, column by column: each selector is fetched once for all steps, then each series is taken through all
//! steps with windows that advance; operators work on whole columns.

mod absent;
mod aggregate;
mod binary;
mod buckets;
mod calendar;
mod call;
mod classic_histogram;
mod column;
mod compensated;
mod compute;
mod extended;
mod extended_histograms;
mod fold;
mod histogram_sum;
mod implementation;
mod info;
mod labels;
mod layout;
mod limited;
mod matching;
mod native_histogram;
mod native_quantile;
mod notes;
mod over_time;
mod quantile;
mod ranked;
mod rate;
mod regression;
mod result;
mod scan;
mod selector;
mod set_operator;
mod started;
mod steps;
mod subquery;
mod trim;
mod window;

pub(in crate::promql) use calendar::rfc3339;

use super::annotations::Note;
use super::ast::{Expr, ExprKind, Selector, Span, ValueType};
use super::durations::{self, QueryTimes};
use super::options::PromqlOptions;
use super::value::{Annotations, QueryResult, QueryStats, SampleValue, Value};
use crate::error::QueryError;
use clew_model::metrics::{Labels, Matcher, MetricReader, MetricView};
use clew_model::{Context, ErrorKind, Reservation, UnixMillis};
use column::{Column, Vector};
use compute::Shown;
use std::borrow::Cow;
use steps::Steps;

/// Evaluates an expression at one instant.
///
/// # Errors
/// What the expression asks for cannot be computed (duplicate label sets, many-to-many matching), is not supported, or
/// exceeds a limit; or the store cannot be read.
pub fn query_instant(
    reader: &dyn MetricReader,
    context: &Context,
    expr: &Expr,
    at: UnixMillis,
    options: &PromqlOptions,
) -> Result<QueryResult, QueryError> {
    let expr = &*with_durations(expr, QueryTimes { step: 0, range: 0 })?;
    let view = reader.view(context);
    let mut evaluator = Evaluator::new(&*view, context, options, Steps::instant(at));
    let value = match expr.value_type() {
        ValueType::Matrix => Value::Matrix(evaluator.raw_matrix(expr)?),
        _ => {
            let evaluated = evaluator.eval(expr)?.cleaned()?;
            result::instant(evaluated, expr, at)
        }
    };
    Ok(evaluator.finish(value))
}

/// Evaluates an expression at `start`, `start + step` … up to `end`, in milliseconds.
///
/// # Errors
/// As [`query_instant`]; also a step that is not positive, an end before the start, more steps than allowed, or an
/// expression that is neither a scalar nor an instant vector.
pub fn query_range(
    reader: &dyn MetricReader,
    context: &Context,
    expr: &Expr,
    start: UnixMillis,
    end: UnixMillis,
    step: i64,
    options: &PromqlOptions,
) -> Result<QueryResult, QueryError> {
    let kind = expr.value_type();
    if !matches!(kind, ValueType::Scalar | ValueType::Vector) {
        return Err(QueryError::invalid(format!(
            "invalid expression type {:?} for range query, must be scalar or instant vector",
            kind.describe()
        ))
        .at(expr.span.start, expr.span.end));
    }
    let steps = Steps::range(start, end, step, options.max_steps)?;
    let expr = &*with_durations(expr, QueryTimes { step, range: end.saturating_sub(start) })?;
    let view = reader.view(context);
    let mut evaluator = Evaluator::new(&*view, context, options, steps);
    let evaluated = evaluator.eval(expr)?.cleaned()?;
    let value = result::range(evaluated, &steps);
    Ok(evaluator.finish(value))
}

/// The last sample of a series before an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct LastSample {
    /// The series.
    pub labels: Labels,
    /// When the sample was, in milliseconds.
    pub time: UnixMillis,
    /// Its value.
    pub value: SampleValue,
}

/// The last sample of each series that passes a selector, within the lookback before an instant and not stale, sorted by
/// labels: what federation shows.
///
/// # Errors
/// As [`query_instant`].
pub fn query_last(
    reader: &dyn MetricReader,
    context: &Context,
    matchers: &[Matcher],
    at: UnixMillis,
    options: &PromqlOptions,
) -> Result<Vec<LastSample>, QueryError> {
    let view = reader.view(context);
    let mut evaluator = Evaluator::new(&*view, context, options, Steps::instant(at));
    let selector = Selector { matchers: matchers.to_vec(), ..Selector::default() };
    let values = evaluator.instant_cells(&selector, Shown::Value, Span::default())?;
    let times = evaluator.instant_cells(&selector, Shown::Time, Span::default())?;
    let both = values.columns.into_iter().zip(times.columns);
    let one = |(column, times): (Column, Column)| {
        let time = (times.value(0) * 1000.0).round() as UnixMillis;
        let value = result::value(&column)?;
        Some(LastSample { labels: column.labels, time, value })
    };
    Ok(both.filter_map(one).collect())
}

/// The expression with its durations computed.
fn with_durations(expr: &Expr, times: QueryTimes) -> Result<Cow<'_, Expr>, QueryError> {
    if !durations::has_computed(expr) {
        return Ok(Cow::Borrowed(expr));
    }
    let mut own = expr.clone();
    durations::compute(&mut own, times)?;
    Ok(Cow::Owned(own))
}

/// The value of an expression at all steps.
enum Evaluated {
    /// One number a step.
    Scalar(Vec<f64>),
    Text(String),
    Vector(Vector),
}

impl Evaluated {
    /// What is the answer, without the labels that are to go.
    fn cleaned(self) -> Result<Self, QueryError> {
        match self {
            Evaluated::Vector(vector) => vector.cleaned().map(Evaluated::Vector),
            other => Ok(other),
        }
    }
}

struct Evaluator<'a> {
    view: &'a dyn MetricView,
    context: &'a Context,
    options: &'a PromqlOptions,
    /// First and last step of the whole query: what `start()` and `end()` mean, also inside subqueries.
    query: (UnixMillis, UnixMillis),
    /// Step of the whole query.
    query_step: i64,
    /// The steps of the expression being evaluated.
    steps: Steps,
    annotations: Annotations,
    stats: QueryStats,
    /// Samples loaded and computed, against `max_samples`.
    used_samples: u64,
}

impl<'a> Evaluator<'a> {
    fn new(view: &'a dyn MetricView, context: &'a Context, options: &'a PromqlOptions, steps: Steps) -> Self {
        Self {
            view,
            context,
            options,
            query: (steps.first, steps.last()),
            query_step: steps.step,
            steps,
            annotations: Annotations::default(),
            stats: QueryStats::default(),
            used_samples: 0,
        }
    }

    /// Says something about the expression at `span`.
    fn note(&mut self, note: &Note, span: Span) {
        self.annotations.note(note, span);
    }

    fn finish(self, value: Value) -> QueryResult {
        let stats = QueryStats { used: self.used_samples, ..self.stats };
        QueryResult { value, annotations: self.annotations, stats }
    }

    fn eval(&mut self, expr: &Expr) -> Result<Evaluated, QueryError> {
        let value = match &expr.kind {
            ExprKind::Number(number) => Evaluated::Scalar(vec![number.0; self.steps.count]),
            ExprKind::Text(text) => Evaluated::Text(text.clone()),
            ExprKind::Paren(inner) => self.eval(inner)?,
            ExprKind::Unary { negative, expr } => self.unary(*negative, expr)?,
            ExprKind::Binary(binary) => {
                self.binary(binary, expr.span).map_err(|error| error.at(expr.span.start, expr.span.end))?
            }
            ExprKind::Aggregate(aggregate) => Evaluated::Vector(
                self.aggregate(aggregate, expr.span).map_err(|error| error.at(expr.span.start, expr.span.end))?,
            ),
            ExprKind::Call { function, args } => {
                if function.name().starts_with("sort") && self.query.0 != self.query.1 {
                    self.note(&Note::SortInRange, expr.span);
                }
                self.call(*function, args).map_err(|error| error.at(expr.span.start, expr.span.end))?
            }
            ExprKind::Selector(selector) => Evaluated::Vector(self.instant_selector(selector, expr.span)?),
            ExprKind::Matrix { .. } | ExprKind::Subquery(_) => {
                return Err(QueryError::invalid("a range vector is only allowed as the argument of a function")
                    .at(expr.span.start, expr.span.end));
            }
        };
        Ok(value)
    }

    fn vector(&mut self, expr: &Expr) -> Result<Vector, QueryError> {
        match self.eval(expr)? {
            Evaluated::Vector(vector) => Ok(vector),
            _ => Err(QueryError::invalid("expected an instant vector").at(expr.span.start, expr.span.end)),
        }
    }

    fn scalar(&mut self, expr: &Expr) -> Result<Vec<f64>, QueryError> {
        match self.eval(expr)? {
            Evaluated::Scalar(values) => Ok(values),
            _ => Err(QueryError::invalid("expected a scalar").at(expr.span.start, expr.span.end)),
        }
    }

    fn text(&mut self, expr: &Expr) -> Result<String, QueryError> {
        match self.eval(expr)? {
            Evaluated::Text(text) => Ok(text),
            _ => Err(QueryError::invalid("expected a string").at(expr.span.start, expr.span.end)),
        }
    }

    fn unary(&mut self, negative: bool, expr: &Expr) -> Result<Evaluated, QueryError> {
        match self.eval(expr)? {
            Evaluated::Scalar(mut values) => {
                if negative {
                    values.iter_mut().for_each(|value| *value = -*value);
                }
                Ok(Evaluated::Scalar(values))
            }
            Evaluated::Vector(vector) if negative => {
                let vector =
                    vector.map_values(|value| -value, |histogram| Some(native_histogram::scaled(histogram, -1.0)));
                Ok(Evaluated::Vector(vector.merged()?))
            }
            other => Ok(other),
        }
    }

    /// Counts samples against the limit.
    fn use_samples(&mut self, samples: u64) -> Result<(), QueryError> {
        self.used_samples = self.used_samples.saturating_add(samples);
        use_samples(self.used_samples, self.options)
    }

    /// A vector of columns that were made within `memory`.
    fn new_vector(&mut self, columns: Vec<Column>, memory: Reservation) -> Result<Vector, QueryError> {
        self.use_samples((columns.len() as u64).saturating_mul(self.steps.count as u64))?;
        Ok(Vector { columns, memory: vec![memory] })
    }

    /// Memory for so many columns; taken before they are made.
    fn reserve_columns(&self, columns: usize) -> Result<Reservation, QueryError> {
        let bytes = (self.steps.count as u64).saturating_mul(8).saturating_add(size_of::<Column>() as u64);
        Ok(self.context.memory.reserve(bytes.saturating_mul(columns as u64))?)
    }

    /// Evaluates with other steps: inside subqueries.
    fn with_steps<T>(
        &mut self,
        steps: Steps,
        run: impl FnOnce(&mut Self) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let outer = std::mem::replace(&mut self.steps, steps);
        let result = run(self);
        self.steps = outer;
        result
    }
}

/// Whether a query may use so many samples.
fn use_samples(used: u64, options: &PromqlOptions) -> Result<(), QueryError> {
    if used <= options.max_samples {
        return Ok(());
    }
    Err(QueryError::new(
        ErrorKind::LimitExceeded,
        format!(
            "query processing would load too many samples into memory in query execution: the limit is {}",
            options.max_samples
        ),
    )
    .hint("narrow the time range or the selection, or take a longer step"))
}
