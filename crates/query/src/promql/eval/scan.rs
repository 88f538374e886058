//! Sinks that make something of each series, in parallel.

use super::column::{Column, Vector};
use super::compute::{Extended, Maker, Stage};
use super::notes::WindowNote;
use super::steps::Steps;
use super::{Evaluator, use_samples};
use crate::error::QueryError;
use crate::limits::MAX_ANNOTATIONS;
use crate::locks::{locked, unlocked};
use crate::promql::ast::Span;
use crate::promql::options::PromqlOptions;
use crate::promql::value::RangeSeries;
use clew_model::metrics::{Matcher, SeriesBatch, SeriesData, SeriesScan};
use clew_model::{Context, ErrorKind, Flow, ReadError, Reservation, Sink, SinkWorker, TimeRange, UnixMillis};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes a histogram is taken to hold, for budgets.
const HISTOGRAM_BYTES: u64 = 512;

/// Counts what the threads of a scan read and compute, against the limits of the query.
pub(super) struct Counter<'e> {
    options: &'e PromqlOptions,
    context: &'e Context,
    steps: u64,
    series: AtomicU64,
    samples: AtomicU64,
    used: AtomicU64,
    failure: Mutex<Option<QueryError>>,
    notes: Mutex<Vec<(WindowNote, String)>>,
    /// What is asked, for what is said of it.
    span: Span,
}

impl Counter<'_> {
    /// Counts a series that was read, and the steps of its column. An error is kept for the evaluator, which knows how to
    /// say it.
    pub(super) fn add(&self, series: &SeriesData) -> Result<(), ReadError> {
        let samples = series.sample_count();
        self.series.fetch_add(1, Ordering::Relaxed);
        self.samples.fetch_add(samples, Ordering::Relaxed);
        let used = self.used.fetch_add(samples + self.steps, Ordering::Relaxed).saturating_add(samples + self.steps);
        use_samples(used, self.options).map_err(|error| self.fail(error))
    }

    /// Keeps an error for the evaluator; answers one that ends the scan.
    pub(super) fn fail(&self, error: QueryError) -> ReadError {
        locked(&self.failure).get_or_insert(error);
        ReadError::new(ErrorKind::LimitExceeded, "the scan was ended")
    }

    /// Keeps what a thread has to tell.
    pub(super) fn tell(&self, notes: &[(WindowNote, String)]) {
        let mut all = locked(&self.notes);
        for note in notes {
            if all.len() < MAX_ANNOTATIONS && !all.contains(note) {
                all.push(note.clone());
            }
        }
    }

    /// Memory for what is kept of a series.
    pub(super) fn reserve(&self, bytes: u64) -> Result<Reservation, ReadError> {
        self.context.memory.reserve(bytes)
    }
}

impl<'a> Evaluator<'a> {
    /// Counts for the selector at `span`.
    pub(super) fn counter(&self, span: Span) -> Counter<'a> {
        Counter {
            options: self.options,
            context: self.context,
            steps: self.steps.count as u64,
            series: AtomicU64::new(0),
            samples: AtomicU64::new(0),
            used: AtomicU64::new(self.used_samples),
            failure: Mutex::new(None),
            notes: Mutex::new(Vec::new()),
            span,
        }
    }

    /// Scans the samples of `(first end - width, last end]` into a sink that counts with `counter`.
    pub(super) fn scan(
        &mut self,
        matchers: &[Matcher],
        ends: Steps,
        width: i64,
        sink: &dyn Sink<SeriesBatch>,
        counter: &Counter<'a>,
    ) -> Result<(), QueryError> {
        self.context.check()?;
        let from: UnixMillis = ends.first.saturating_sub(width).saturating_add(1);
        let scan = SeriesScan { matchers, range: TimeRange::from_millis(from, ends.last()) };
        let outcome = self.view.scan_samples(self.context, &scan, sink);
        if let Some(failure) = locked(&counter.failure).take() {
            return Err(failure);
        }
        outcome?;
        self.stats.series += counter.series.load(Ordering::Relaxed);
        self.stats.samples += counter.samples.load(Ordering::Relaxed);
        self.used_samples = counter.used.load(Ordering::Relaxed);
        let mut notes = std::mem::take(&mut *locked(&counter.notes));
        notes.sort_unstable_by(|left, right| (left.0 as u16, &left.1).cmp(&(right.0 as u16, &right.1)));
        notes.into_iter().for_each(|(note, metric)| self.note(&note.of(&metric), counter.span));
        Ok(())
    }

    /// The columns of all series that pass, sorted by labels.
    pub(super) fn scan_columns(
        &mut self,
        matchers: &[Matcher],
        (ends, width): (Steps, i64),
        stage: Stage<'_>,
        span: Span,
    ) -> Result<Vector, QueryError> {
        let steps = self.steps;
        let counter = self.counter(span);
        let extended = if let Stage::Windows(driven) = stage { driven.extension } else { None };
        let (read_ends, read_width) = Extended::around(extended, ends, width);
        let make = || {
            let mut maker = Maker::new(stage, steps, ends, width);
            let counter = &counter;
            move |series: &SeriesData| {
                let told = maker.notes.len();
                maker.make(series);
                if maker.notes.len() > told {
                    counter.tell(&maker.notes);
                }
                let column = maker.column();
                (!column.is_empty()).then(|| column.clone())
            }
        };
        let (mut columns, memory) = self.gather_with(matchers, read_ends, read_width, &make, &counter)?;
        columns.sort_unstable_by(|left, right| left.labels.cmp(&right.labels));
        Ok(Vector { columns, memory })
    }

    /// What `make` makes of the series that pass, in any order; each thread has a function of its own.
    pub(super) fn gather<T: Kept, F: FnMut(&SeriesData) -> Option<T> + Send>(
        &mut self,
        matchers: &[Matcher],
        (ends, width): (Steps, i64),
        make: &(dyn Fn() -> F + Sync),
        span: Span,
    ) -> Result<(Vec<T>, Vec<Reservation>), QueryError> {
        let counter = self.counter(span);
        self.gather_with(matchers, ends, width, make, &counter)
    }

    fn gather_with<T: Kept, F: FnMut(&SeriesData) -> Option<T> + Send>(
        &mut self,
        matchers: &[Matcher],
        ends: Steps,
        width: i64,
        make: &(dyn Fn() -> F + Sync),
        counter: &Counter<'a>,
    ) -> Result<(Vec<T>, Vec<Reservation>), QueryError> {
        let sink = Gather { make, counter, kept: Mutex::default() };
        self.scan(matchers, ends, width, &sink, counter)?;
        Ok(unlocked(sink.kept))
    }
}

/// What can be gathered.
pub(super) trait Kept: Send {
    /// Bytes that it takes.
    fn bytes(&self) -> u64;
}

impl Kept for Column {
    fn bytes(&self) -> u64 {
        let histograms = self.histograms.iter().flatten().count() as u64 * HISTOGRAM_BYTES;
        (size_of::<Self>() + self.values.len() * 8) as u64 + histograms
    }
}

impl Kept for RangeSeries {
    fn bytes(&self) -> u64 {
        (size_of::<Self>() + self.floats.len() * 16) as u64 + self.histograms.len() as u64 * HISTOGRAM_BYTES
    }
}

/// Gathers what is made of the series.
struct Gather<'g, 'e, T, F> {
    make: &'g (dyn Fn() -> F + Sync),
    counter: &'g Counter<'e>,
    kept: Mutex<(Vec<T>, Vec<Reservation>)>,
}

struct GatherWorker<'g, 'e, T, F> {
    sink: &'g Gather<'g, 'e, T, F>,
    make: F,
    kept: Vec<T>,
    memory: Vec<Reservation>,
    /// Bytes that are reserved and not taken yet.
    room: u64,
}

/// Bytes that a thread reserves at once.
const ROOM: u64 = 16 << 10;

impl<T: Kept, F: FnMut(&SeriesData) -> Option<T> + Send> Sink<SeriesBatch> for Gather<'_, '_, T, F> {
    fn worker(&self) -> Box<dyn SinkWorker<SeriesBatch> + '_> {
        Box::new(GatherWorker { sink: self, make: (self.make)(), kept: Vec::new(), memory: Vec::new(), room: 0 })
    }
}

impl<T: Kept, F: FnMut(&SeriesData) -> Option<T> + Send> SinkWorker<SeriesBatch> for GatherWorker<'_, '_, T, F> {
    fn take(&mut self, batch: &SeriesBatch) -> Result<Flow, ReadError> {
        if batch.series.is_empty() {
            return Ok(Flow::Continue);
        }
        self.sink.counter.add(&batch.series)?;
        if let Some(made) = (self.make)(&batch.series) {
            let bytes = made.bytes();
            if bytes > self.room {
                // Little for the first, so that a small answer needs little.
                let more = bytes.max(ROOM.min(self.kept.len() as u64 * bytes));
                self.memory.push(self.sink.counter.reserve(more)?);
                self.room += more;
            }
            self.room -= bytes;
            self.kept.push(made);
        }
        Ok(Flow::Continue)
    }

    fn merge(mut self: Box<Self>) -> Result<(), ReadError> {
        let mut all = locked(&self.sink.kept);
        all.0.append(&mut self.kept);
        all.1.append(&mut self.memory);
        Ok(())
    }
}
