//! What a query answers.

use crate::limits::MAX_ANNOTATIONS;
use clew_model::UnixMillis;
use clew_model::metrics::{Labels, NativeHistogram};
use std::sync::Arc;

/// The value of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number at a time.
    Scalar(UnixMillis, f64),
    /// A text at a time.
    String(UnixMillis, String),
    /// One sample for each series. Sorted by labels, or as `sort`, `topk` and their like order it.
    Vector(Vec<InstantSample>),
    /// Samples over time for each series, sorted by labels.
    Matrix(Vec<RangeSeries>),
}

/// A float or a histogram.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleValue {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<NativeHistogram>),
}

/// One series at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct InstantSample {
    /// Its labels.
    pub labels: Labels,
    /// The instant.
    pub time: UnixMillis,
    /// Its value then.
    pub value: SampleValue,
}

/// One series over time.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeSeries {
    /// Its labels.
    pub labels: Labels,
    /// Its numbers, in order of time.
    pub floats: Vec<(UnixMillis, f64)>,
    /// Its native histograms, in order of time.
    pub histograms: Vec<(UnixMillis, Arc<NativeHistogram>)>,
}

/// What a query says beside its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations {
    /// Parts of the answer that may be wrong or missing, each once.
    pub warnings: Vec<String>,
    /// Likely mistakes in the query, each once.
    pub infos: Vec<String>,
}

impl Annotations {
    pub(super) fn warn(&mut self, text: impl Into<String>) {
        add(&mut self.warnings, text.into());
    }

    pub(super) fn info(&mut self, text: impl Into<String>) {
        add(&mut self.infos, text.into());
    }
}

fn add(list: &mut Vec<String>, text: String) {
    if list.len() < MAX_ANNOTATIONS && !list.contains(&text) {
        list.push(text);
    }
}

/// What a query cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// Series that selectors loaded.
    pub series: u64,
    /// Samples that selectors loaded.
    pub samples: u64,
    /// Samples loaded and computed, as the limit of samples counts them.
    pub used: u64,
    /// How long it took.
    pub took: std::time::Duration,
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryResult {
    /// Its value.
    pub value: Value,
    /// What is to be said beside it.
    pub annotations: Annotations,
    /// What it cost.
    pub stats: QueryStats,
}
