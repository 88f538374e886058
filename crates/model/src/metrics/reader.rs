//! How queries read a metric store.

use super::histogram::NativeHistogram;
use super::labels::Labels;
use super::matcher::Matcher;
use super::sample::Metadata;
use crate::context::Context;
use crate::correlation::CanonicalId;
use crate::error::ReadError;
use crate::time::{TimeRange, UnixMillis};
use std::sync::Arc;

/// The samples of one series in a time range, in order of time, one per instant.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesData {
    /// The label set.
    pub labels: Labels,
    /// Times of the float samples. Series scraped together may share one array: the same pointer means the same times,
    /// so that window bounds are computed once for all of them.
    pub times: Arc<[UnixMillis]>,
    /// Values of the float samples, as many as `times`; staleness markers are among them.
    pub values: Vec<f64>,
    /// Native histogram samples, in order of time; a series may hold both kinds.
    pub histograms: Vec<(UnixMillis, Arc<NativeHistogram>)>,
}

/// An exemplar with the series it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct ExemplarRow {
    /// The series.
    pub series: Labels,
    /// The exemplar's own labels.
    pub labels: Labels,
    /// The measured value.
    pub value: f64,
    /// When.
    pub time: UnixMillis,
}

/// A name and how many series have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardinalityEntry {
    /// A metric, a label, or a `label=value` pair.
    pub name: String,
    /// Series that have it.
    pub series: u64,
}

/// A store that metric queries can read. Calls block; they check the context as they go and take what they hold from
/// its memory budget.
pub trait MetricReader: Send + Sync {
    /// The series that pass all matchers and have a sample in the range, with those samples, sorted by labels.
    ///
    /// # Errors
    /// Cancelled, out of time or memory, more series or samples than a query may read, or a store that cannot be read.
    fn select(&self, context: &Context, matchers: &[Matcher], range: TimeRange) -> Result<Vec<SeriesData>, ReadError>;

    /// Label sets of the series that pass all matchers and have data in a partition the range touches, sorted.
    ///
    /// # Errors
    /// As [`MetricReader::select`].
    fn series(&self, context: &Context, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Labels>, ReadError>;

    /// Names of the labels of those series, sorted.
    ///
    /// # Errors
    /// As [`MetricReader::select`].
    fn label_names(&self, context: &Context, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, ReadError>;

    /// Values of one label among those series, sorted.
    ///
    /// # Errors
    /// As [`MetricReader::select`].
    fn label_values(
        &self,
        context: &Context,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, ReadError>;

    /// What senders said about metric families, sorted by name; one family when `metric` is given.
    ///
    /// # Errors
    /// As [`MetricReader::select`].
    fn metadata(&self, context: &Context, metric: Option<&str>) -> Result<Vec<Metadata>, ReadError>;

    /// Exemplars of the series that pass all matchers, in order of time.
    ///
    /// # Errors
    /// As [`MetricReader::select`].
    fn exemplars(
        &self,
        context: &Context,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<ExemplarRow>, ReadError>;

    /// Exemplars with one of the IDs among their label values, in order of time, at most `limit`; and whether there are
    /// more.
    ///
    /// # Errors
    /// As [`MetricReader::select`].
    fn find_ids(
        &self,
        context: &Context,
        ids: &[CanonicalId],
        range: TimeRange,
        limit: usize,
    ) -> Result<(Vec<ExemplarRow>, bool), ReadError>;
}
