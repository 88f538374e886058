//! The store as queries read it.

use super::store::TraceStore;
use super::{aggregate, edges, find, search, service};
use clew_model::traces::{ServiceDetails, ServiceEdge, ServiceSummary, SpanPage, TracePage, TraceQuery, TraceReader};
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
        let view = self.view();
        aggregate::services(&view, context, view.kept(range))
    }

    fn service(&self, context: &Context, name: &str, range: TimeRange, step: i64) -> Result<ServiceDetails, ReadError> {
        service::service(&self.view(), context, name, range, step)
    }

    fn service_edges(&self, context: &Context, range: TimeRange) -> Result<Vec<ServiceEdge>, ReadError> {
        let view = self.view();
        edges::service_edges(&view, context, view.kept(range))
    }

    fn find_ids(
        &self,
        context: &Context,
        ids: &[CanonicalId],
        range: TimeRange,
        limit: usize,
    ) -> Result<SpanPage, ReadError> {
        let view = self.view();
        find::find_ids(&view, context, ids, view.kept(range), limit)
    }
}
