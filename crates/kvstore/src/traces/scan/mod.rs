//! Scans over a view: which blocks and batches hold what is asked for, and in which order sinks get it.

mod assembled_batch;
mod assembly;
mod beyond;
mod block_batch;
mod by_trace;
mod carrying;
mod gathered;
mod hot_rows;
mod newest;
mod parallel;
mod places;
mod selection;
mod summed;
mod summed_batch;
mod told;
mod whole;

pub(super) use gathered::Gathered;
pub(super) use places::TraceList;

use super::view::View;
use clew_model::traces::{Among, SpanBatch, SpanOrder, SpanScan, TraceView};
use clew_model::{Context, ReadError, Sink, TimeRange, TraceId, UnixNanos};
use selection::Selection;

impl TraceView for View {
    fn scan(&self, context: &Context, scan: &SpanScan<'_>, sink: &dyn Sink<dyn SpanBatch>) -> Result<(), ReadError> {
        let selection = Selection::new(scan.filter, self.kept(scan.range));
        if selection.range.is_empty() {
            return Ok(());
        }
        match (scan.among, scan.order) {
            (Among::Carrying { ids, first }, _) => carrying::scan(self, context, ids, first, &selection, sink),
            (Among::Traces(ids), _) if scan.whole => whole::scan(self, context, ids, &selection, sink),
            (Among::Traces(ids), _) => by_trace::scan_traces(self, context, ids, &selection, sink),
            (Among::All, SpanOrder::NewestFirst) => newest::scan(self, context, &selection, sink),
            (Among::All, SpanOrder::ByTrace) => match scan.grain {
                grain if selection.allows(grain) => summed::scan(self, context, &selection, grain, sink),
                _ => by_trace::scan(self, context, &selection, sink),
            },
        }
    }

    fn oldest(&self, context: &Context) -> Option<UnixNanos> {
        let sealed = self.snapshot.manifest().partitions.iter().filter(|(key, _)| key.tenant == context.tenant);
        let sealed = sealed.flat_map(|(_, partition)| &partition.runs).map(|run| run.min_time);
        let hot = self.batches(&context.tenant).into_iter().map(|batch| batch.range.start);
        sealed.chain(hot).min().map(|oldest| oldest.max(self.kept_from()))
    }

    fn reaching_beyond(
        &self,
        context: &Context,
        range: TimeRange,
        traces: &[TraceId],
    ) -> Result<Vec<TraceId>, ReadError> {
        beyond::find(self, context, self.kept(range), traces)
    }
}
