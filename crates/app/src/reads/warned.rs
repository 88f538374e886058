//! Where each answer says what of it may be missing.

use super::logs::{LogContext, LogCounts, LogGroups};
use super::metrics::{CountedSeries, Exemplars, Families, Listed};
use super::services::{ServiceMap, ServiceStory, Services};
use super::{Correlation, Resolution};
use clew_model::logs::{LogFieldValues, LogFields, LogHistogram, LogPage};
use clew_model::traces::{SpanPage, TraceContrast, TraceDensity, TracePage};
use clew_query::logs::sinks::PatternGroups;
use clew_query::promql::QueryResult;

/// An answer that can say what of it may be missing.
pub trait Warned {
    /// Adds to what is said.
    fn warn(&mut self, warnings: Vec<String>);
}

impl<T: Warned> Warned for Option<T> {
    fn warn(&mut self, warnings: Vec<String>) {
        if let Some(answer) = self {
            answer.warn(warnings);
        }
    }
}

/// What an answer says already stays first; nothing is said twice.
fn add(said: &mut Vec<String>, more: Vec<String>) {
    for text in more {
        if !said.contains(&text) {
            said.push(text);
        }
    }
}

macro_rules! warned {
    ($($answer:ty),* $(,)?) => {
        $(impl Warned for $answer {
            fn warn(&mut self, warnings: Vec<String>) {
                add(&mut self.warnings, warnings);
            }
        })*
    };
}

warned!(
    LogPage,
    LogHistogram,
    LogFields,
    LogFieldValues,
    LogContext,
    PatternGroups,
    TracePage,
    SpanPage,
    TraceDensity,
    TraceContrast,
    Services,
    ServiceStory,
    ServiceMap,
    Correlation,
    Resolution,
    Exemplars,
    Families,
    CountedSeries,
);

impl<T> Warned for Listed<T> {
    fn warn(&mut self, warnings: Vec<String>) {
        add(&mut self.warnings, warnings);
    }
}

impl Warned for LogCounts {
    fn warn(&mut self, warnings: Vec<String>) {
        self.histogram.warn(warnings);
    }
}

impl Warned for LogGroups {
    fn warn(&mut self, warnings: Vec<String>) {
        self.found.warn(warnings);
    }
}

impl Warned for QueryResult {
    fn warn(&mut self, warnings: Vec<String>) {
        add(&mut self.annotations.warnings, warnings);
    }
}
