//! The store as queries read it.

use super::store::TraceStore;
use super::{aggregate, edges, find, search};
use clew_model::traces::{OperationSummary, ServiceEdge, ServiceSummary, SpanPage, TracePage, TraceQuery, TraceReader};
use clew_model::{CanonicalId, Context, ReadError, TimeRange, TraceId};

impl TraceReader for TraceStore {
    fn search(&self, context: &Context, query: &TraceQuery) -> Result<TracePage, ReadError> {
        search::search(&self.view(), context, query)
    }

    fn trace(&self, context: &Context, id: TraceId) -> Result<SpanPage, ReadError> {
        let view = self.view();
        let runs = view.all_runs(&context.tenant)?;
        let spans = view.trace(context, &runs, id)?.spans;
        Ok(SpanPage { spans, ..SpanPage::default() })
    }

    fn services(&self, context: &Context, range: TimeRange) -> Result<Vec<ServiceSummary>, ReadError> {
        aggregate::services(&self.view(), context, range)
    }

    fn operations(
        &self,
        context: &Context,
        service: &str,
        range: TimeRange,
    ) -> Result<Vec<OperationSummary>, ReadError> {
        aggregate::operations(&self.view(), context, service, range)
    }

    fn service_edges(&self, context: &Context, range: TimeRange) -> Result<Vec<ServiceEdge>, ReadError> {
        edges::service_edges(&self.view(), context, range)
    }

    fn find_ids(
        &self,
        context: &Context,
        ids: &[CanonicalId],
        range: TimeRange,
        limit: usize,
    ) -> Result<SpanPage, ReadError> {
        find::find_ids(&self.view(), context, ids, range, limit)
    }
}
