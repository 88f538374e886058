//! The store of a signal whose disk could not be used at the start: nothing of it is answered, which is never taken for
//! there being nothing.

use clew_model::logs::{LogReader, LogScan, LogSink, LogView, ScanReport};
use clew_model::metrics::{
    ExemplarRow, ExemplarScan, Metadata, MetricReader, MetricView, SeriesBatch, SeriesScan, SeriesSet,
};
use clew_model::traces::{SpanBatch, SpanScan, TraceReader, TraceView};
use clew_model::{Context, ErrorKind, ReadError, Signal, Sink, TimeRange, TraceId};
use std::sync::Arc;

/// A signal that cannot be read.
#[derive(Debug, Clone)]
pub(crate) struct Closed {
    pub(crate) signal: Signal,
    pub(crate) reason: Arc<str>,
    /// Whether the question has an answer without it, which then says so.
    pub(crate) is_dispensable: bool,
}

impl Closed {
    fn answer<T: Default>(&self, context: &Context) -> Result<T, ReadError> {
        let text = format!("{} cannot be read until Clew is restarted: {}", self.signal, self.reason);
        if self.is_dispensable {
            context.warnings.add(format!("the answer is not whole: {text}"));
            Ok(T::default())
        } else {
            Err(ReadError::new(ErrorKind::Unavailable, text))
        }
    }
}

impl LogReader for Closed {
    fn view(&self, _context: &Context) -> Box<dyn LogView> {
        Box::new(self.clone())
    }
}

impl LogView for Closed {
    fn scan(&self, context: &Context, _scan: &LogScan<'_>, _sink: &dyn LogSink) -> Result<ScanReport, ReadError> {
        self.answer(context)
    }
}

impl MetricReader for Closed {
    fn view(&self, _context: &Context) -> Box<dyn MetricView + '_> {
        Box::new(self.clone())
    }
}

impl MetricView for Closed {
    fn scan_samples(
        &self,
        context: &Context,
        _scan: &SeriesScan<'_>,
        _sink: &dyn Sink<SeriesBatch>,
    ) -> Result<(), ReadError> {
        self.answer(context)
    }

    fn scan_series(
        &self,
        context: &Context,
        _scan: &SeriesScan<'_>,
        _sink: &dyn Sink<dyn SeriesSet>,
    ) -> Result<(), ReadError> {
        self.answer(context)
    }

    fn scan_exemplars(
        &self,
        context: &Context,
        _scan: &ExemplarScan<'_>,
        _sink: &dyn Sink<[ExemplarRow]>,
    ) -> Result<(), ReadError> {
        self.answer(context)
    }

    fn scan_metadata(
        &self,
        context: &Context,
        _metric: Option<&str>,
        _sink: &dyn Sink<[Metadata]>,
    ) -> Result<(), ReadError> {
        self.answer(context)
    }
}

impl TraceReader for Closed {
    fn view(&self, _context: &Context) -> Box<dyn TraceView> {
        Box::new(self.clone())
    }
}

impl TraceView for Closed {
    fn scan(&self, context: &Context, _scan: &SpanScan<'_>, _sink: &dyn Sink<dyn SpanBatch>) -> Result<(), ReadError> {
        self.answer(context)
    }

    fn reaching_beyond(
        &self,
        context: &Context,
        _range: TimeRange,
        _traces: &[TraceId],
    ) -> Result<Vec<TraceId>, ReadError> {
        self.answer(context)
    }
}
