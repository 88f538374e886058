//! How a question reads a trace store: a view, and scans over it.

use super::batch::SpanBatch;
use super::query::TraceFilter;
use crate::context::Context;
use crate::correlation::CanonicalId;
use crate::error::ReadError;
use crate::id::TraceId;
use crate::scan::Sink;
use crate::time::{TimeRange, UnixNanos};

/// A store that trace questions can read.
pub trait TraceReader: Send + Sync {
    /// What the store holds now: one snapshot for a whole question, however many scans it makes.
    fn view(&self, context: &Context) -> Box<dyn TraceView>;
}

/// The spans of a store at one moment.
pub trait TraceView: Send + Sync {
    /// Pushes the spans that the scan asks for into the sink, in batches. Runs on the context's executor where the
    /// scan says that order does not matter; looks at the context at each block of spans.
    ///
    /// # Errors
    /// Cancelled, out of time or memory, a store that cannot be read, or what the sink answers.
    fn scan(&self, context: &Context, scan: &SpanScan<'_>, sink: &dyn Sink<dyn SpanBatch>) -> Result<(), ReadError>;

    /// About when the oldest span started that is kept: none that is kept started before; `None` where nothing is kept, or
    /// where the store does not know. A rate over a range that reaches further back is one over a part of it.
    fn oldest(&self, _context: &Context) -> Option<UnixNanos> {
        None
    }

    /// Of these traces those that may have spans which a scan by trace over the range does not bring, since they stand
    /// where the range does not reach. Whoever needs such a trace whole asks for it by its ID.
    ///
    /// # Errors
    /// Cancelled, out of time or memory, or a store that cannot be read.
    fn reaching_beyond(
        &self,
        _context: &Context,
        _range: TimeRange,
        traces: &[TraceId],
    ) -> Result<Vec<TraceId>, ReadError> {
        Ok(traces.to_vec())
    }
}

/// What a scan asks of a store.
#[derive(Debug, Clone, Copy)]
pub struct SpanScan<'q> {
    /// Among which spans.
    pub among: Among<'q>,
    /// When a selected span started.
    pub range: TimeRange,
    /// What a selected span satisfies; [`TraceFilter::matches`] is the definition.
    pub filter: &'q TraceFilter,
    /// In which order, and what stands together.
    pub order: SpanOrder,
    /// Whether the asker takes whole spans of what it is given: they are then decoded once, when they are found.
    pub whole: bool,
    /// How far rows may stand for several spans.
    pub grain: Grain,
}

impl<'q> SpanScan<'q> {
    /// A scan trace by trace over all spans that started in the range and pass.
    #[must_use]
    pub fn by_trace(range: TimeRange, filter: &'q TraceFilter, grain: Grain) -> Self {
        Self { among: Among::All, range, filter, order: SpanOrder::ByTrace, whole: false, grain }
    }
}

/// What the rows of a scan by trace may stand for ([`SpanBatch::weights`]), so that a store need not look at every span.
/// It holds for a filter that asks for a service at most; a store may hand out spans all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// One span each.
    Span,
    /// Spans of one service, either all failed or none, whose durations fall into one bucket
    /// ([`super::duration_bucket`]). The row starts with the last of them. Shortest and longest durations are told
    /// exactly, by rows of their own.
    Service,
    /// As `Service`, of one operation and kind, that start within one step: the same multiple of so many nanoseconds.
    Operation {
        /// The step, positive.
        step: i64,
    },
    /// Calls between two services ([`super::CallColumns`]), either all failed or none, as traces of two rows: a parent, not
    /// selected, in the calling service and a selected child in the called one.
    Calls,
}

/// Among which spans a scan looks.
#[derive(Debug, Clone, Copy)]
pub enum Among<'q> {
    /// All.
    All,
    /// Those of these traces. Their other spans come too, not selected.
    Traces(&'q [TraceId]),
    /// Those that carry one of these IDs as trace ID, span ID, the trace ID of a link, or the value of an attribute,
    /// event attribute or resource attribute that is a correlation field or looks like an ID.
    Carrying {
        /// The IDs.
        ids: &'q [CanonicalId],
        /// How many will do: the first by (start, trace ID, span ID, kind). A value that everything carries costs no more.
        first: usize,
    },
}

/// How a scan arranges what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanOrder {
    /// Batches in any order, on several threads at once. Each span comes once, in the version that is kept of it, and
    /// with those of the same trace that the scan met.
    ByTrace,
    /// One batch after the other, so that no span starts after [`SpanBatch::newest`] of a batch before: a sink with
    /// enough may stop. A span that was sent twice may come twice, in a version that is not kept: whoever needs it
    /// exactly asks for its trace.
    NewestFirst,
}
