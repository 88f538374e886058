//! A question: what is asked, as plain values, and what it takes to answer it.

use super::warned::Warned;
use crate::error::AppError;
use clew_model::correlation::CorrelationRules;
use clew_model::logs::LogReader;
use clew_model::metrics::MetricReader;
use clew_model::traces::TraceReader;
use clew_model::{Context, TimeRange, UnixNanos};
use std::time::Duration;

/// What the stores can be asked, by whom ever: an HTTP handler, a rule, a dashboard. Its fields are what the asker says,
/// `None` where it leaves the choice to the question; [`App::ask`](crate::App::ask) answers it.
pub trait Question {
    /// What it is answered with.
    type Answer: Warned + Send + 'static;

    /// Reads the texts and checks the bounds; nothing is read from a store yet. `now` is the present.
    ///
    /// # Errors
    /// A text that cannot be understood, or a bound that is exceeded.
    fn plan(self, now: UnixNanos) -> Result<Plan<Self::Answer>, AppError>;
}

/// The stores that a question reads.
pub struct Stores<'a> {
    /// Logs.
    pub logs: &'a dyn LogReader,
    /// Metrics.
    pub metrics: &'a dyn MetricReader,
    /// Traces.
    pub traces: &'a dyn TraceReader,
    /// What counts as an ID.
    pub rules: &'a CorrelationRules,
}

type Work<T> = Box<dyn Fn(&Context, &Stores<'_>) -> Result<T, AppError> + Send>;

/// A question that can be answered.
pub struct Plan<T> {
    /// What is asked.
    pub(super) about: About,
    /// How long it may take at most, where that is less than the limit of all queries.
    pub(super) timeout: Option<Duration>,
    /// What answers it, on a thread for queries.
    pub(super) work: Work<T>,
    /// How many rows, series or spans an answer has.
    pub(super) size: fn(&T) -> usize,
    /// Whether it is about several signals, and has an answer without one of them.
    pub(super) across: bool,
}

impl<T> Plan<T> {
    /// A plan; `work` answers it, more than once where it meets a file that was not known to be damaged.
    pub fn new(about: About, work: impl Fn(&Context, &Stores<'_>) -> Result<T, AppError> + Send + 'static) -> Self {
        Self { about, timeout: None, work: Box::new(work), size: |_| 0, across: false }
    }

    /// The same, with at most so much time.
    #[must_use]
    pub fn within(self, timeout: Option<Duration>) -> Self {
        Self { timeout, ..self }
    }

    /// The same, of a question about several signals: where one of them cannot be read, the answer is of the others and
    /// says so.
    #[must_use]
    pub fn across_signals(self) -> Self {
        Self { across: true, ..self }
    }

    /// The same, with the way to count what an answer has.
    #[must_use]
    pub fn counting(self, size: fn(&T) -> usize) -> Self {
        Self { size, ..self }
    }
}

impl<T: Warned + Send + 'static> Question for Plan<T> {
    type Answer = T;

    fn plan(self, _now: UnixNanos) -> Result<Self, AppError> {
        Ok(self)
    }
}

/// What a question asks, for Clew's own metrics and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// The language of its text; empty where it has none.
    pub language: &'static str,
    /// Its text, as the asker wrote it.
    pub text: String,
    /// The time it is about.
    pub range: Option<TimeRange>,
}

impl About {
    /// A question without a text.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, language: "", text: String::new(), range: None }
    }

    /// The same, asked in this language.
    #[must_use]
    pub fn text(self, language: &'static str, text: impl Into<String>) -> Self {
        Self { language, text: text.into(), ..self }
    }

    /// The same, about this time.
    #[must_use]
    pub fn during(self, range: TimeRange) -> Self {
        Self { range: Some(range), ..self }
    }
}
