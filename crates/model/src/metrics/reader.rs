//! How queries read a metric store: one view a question, scans of it, sinks that take in what they find.

use super::histogram::NativeHistogram;
use super::labels::Labels;
use super::matcher::Matcher;
use super::sample::Metadata;
use crate::context::Context;
use crate::correlation::CanonicalId;
use crate::error::ReadError;
use crate::scan::Sink;
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
    /// Start timestamps of the float samples: empty when none has one, else as many as `times`, 0 where there is none.
    pub starts: Vec<UnixMillis>,
    /// Start timestamps of the histograms, likewise.
    pub histogram_starts: Vec<UnixMillis>,
}

impl Default for SeriesData {
    fn default() -> Self {
        Self {
            labels: Labels::empty(),
            times: Arc::from([]),
            values: Vec::new(),
            histograms: Vec::new(),
            starts: Vec::new(),
            histogram_starts: Vec::new(),
        }
    }
}

impl SeriesData {
    /// Whether there is no sample of either kind.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty() && self.histograms.is_empty()
    }

    /// Samples of both kinds.
    #[must_use]
    pub fn sample_count(&self) -> u64 {
        (self.times.len() + self.histograms.len()) as u64
    }
}

/// What is asked of the series of a store.
#[derive(Debug, Clone, Copy)]
pub struct SeriesScan<'a> {
    /// What the labels must pass, all of them.
    pub matchers: &'a [Matcher],
    /// When.
    pub range: TimeRange,
}

/// What a scan of samples hands to a sink: one series.
///
/// The series that match stand in an order that is the store's own, and the same for every scan of one view, however
/// many threads scan. They are cut into *runs* of a fixed length; a run goes whole and in order to one worker, so that a
/// sum by run, and then over the runs in their order, does not depend on the threads.
#[derive(Debug, Default)]
pub struct SeriesBatch {
    /// The run's number, from 0 on.
    pub run: usize,
    /// Whether the run ends with it. Every run ends, with an empty series where there is nothing else to end it with.
    pub ends_run: bool,
    /// The series. One without samples in the range is left out, unless it ends a run.
    pub series: SeriesData,
}

/// What a scan of names hands to a sink: some of the series that match, with what an index knows about them.
pub trait SeriesSet {
    /// Visits the label set of each series.
    ///
    /// # Errors
    /// That of `visit`.
    fn label_sets(&self, visit: &mut dyn FnMut(&Labels) -> Result<(), ReadError>) -> Result<(), ReadError>;

    /// Visits the names of their labels, each at least once.
    ///
    /// # Errors
    /// That of `visit`.
    fn label_names(&self, visit: &mut dyn FnMut(&str) -> Result<(), ReadError>) -> Result<(), ReadError>;

    /// Visits the values that a label has among them, each at least once.
    ///
    /// # Errors
    /// That of `visit`.
    fn label_values(&self, name: &str, visit: &mut dyn FnMut(&str) -> Result<(), ReadError>) -> Result<(), ReadError>;
}

impl SeriesSet for Vec<Labels> {
    fn label_sets(&self, visit: &mut dyn FnMut(&Labels) -> Result<(), ReadError>) -> Result<(), ReadError> {
        self.iter().try_for_each(visit)
    }

    fn label_names(&self, visit: &mut dyn FnMut(&str) -> Result<(), ReadError>) -> Result<(), ReadError> {
        self.iter().flat_map(Labels::iter).try_for_each(|(name, _)| visit(name))
    }

    fn label_values(&self, name: &str, visit: &mut dyn FnMut(&str) -> Result<(), ReadError>) -> Result<(), ReadError> {
        self.iter().filter_map(|labels| labels.get(name)).try_for_each(visit)
    }
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

/// Which exemplars are asked for.
#[derive(Debug, Clone, Copy)]
pub enum ExemplarsOf<'a> {
    /// Those of the series that pass all matchers.
    Series(&'a [Matcher]),
    /// Those with one of the IDs among their label values, by the reverse index.
    Carrying(&'a [CanonicalId]),
}

/// What is asked of the exemplars of a store.
#[derive(Debug, Clone, Copy)]
pub struct ExemplarScan<'a> {
    /// Which.
    pub of: ExemplarsOf<'a>,
    /// When.
    pub range: TimeRange,
}

/// One consistent state of a store: everything that was written before it was taken, and nothing later, however many
/// scans a question makes. Scans block; they check the context as they go, run on its executor, and take what they hold
/// from its memory budget.
pub trait MetricView: Send + Sync {
    /// The series that pass all matchers, with their samples in the range.
    ///
    /// # Errors
    /// Cancelled, out of time or memory, more series or samples than a query may read, a store that cannot be read, or
    /// what the sink answers.
    fn scan_samples(
        &self,
        context: &Context,
        scan: &SeriesScan<'_>,
        sink: &dyn Sink<SeriesBatch>,
    ) -> Result<(), ReadError>;

    /// The series that pass all matchers and have data in a partition the range touches; the same series may come more
    /// than once.
    ///
    /// # Errors
    /// As [`MetricView::scan_samples`].
    fn scan_series(
        &self,
        context: &Context,
        scan: &SeriesScan<'_>,
        sink: &dyn Sink<dyn SeriesSet>,
    ) -> Result<(), ReadError>;

    /// Exemplars, in any order; one that was sent again may come again.
    ///
    /// # Errors
    /// As [`MetricView::scan_samples`].
    fn scan_exemplars(
        &self,
        context: &Context,
        scan: &ExemplarScan<'_>,
        sink: &dyn Sink<[ExemplarRow]>,
    ) -> Result<(), ReadError>;

    /// What senders said about metric families, sorted by name; of one family when `metric` is given.
    ///
    /// # Errors
    /// As [`MetricView::scan_samples`].
    fn scan_metadata(
        &self,
        context: &Context,
        metric: Option<&str>,
        sink: &dyn Sink<[Metadata]>,
    ) -> Result<(), ReadError>;
}

/// A store that metric queries can read.
pub trait MetricReader: Send + Sync {
    /// The state of the store as it is now, as far as the context's tenant is concerned.
    fn view(&self, context: &Context) -> Box<dyn MetricView + '_>;
}
