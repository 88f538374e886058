//! The store against a naive list of spans, under random seals, merges, retention and restarts.

mod cases;
mod naive;
mod random;
mod summed;

use super::*;
use clew_host::DiskFiles;
use clew_model::correlation::CorrelationRules;
use clew_model::traces::{
    ServiceDetails, ServiceEdge, ServiceSummary, Span, SpanKind, SpanPage, SpanStatus, StatusCode, TracePage,
    TraceQuery, TraceReader, TraceView,
};
use clew_model::{Attribute, CanonicalId, Context, ReadError, Resource, SpanId, TimeRange, TraceId};
use clew_query::traces as questions;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Width of a partition in these tests.
const WIDTH: i64 = 1_000_000;

fn open(dir: &Path) -> TraceStore {
    let options = TraceStoreOptions { partition_width: WIDTH, ..TraceStoreOptions::default() };
    TraceStore::open(Arc::new(DiskFiles), dir, options, Arc::new(CorrelationRules::default())).unwrap()
}

fn context() -> Context {
    Context::new(Duration::from_secs(60), 1 << 30)
}

/// Questions to a store, by the sinks that answer them.
struct Ask<'a> {
    view: Box<dyn TraceView>,
    context: &'a Context,
}

fn ask<'a>(store: &TraceStore, context: &'a Context) -> Ask<'a> {
    Ask { view: store.view(context), context }
}

impl Ask<'_> {
    fn search(&self, query: &TraceQuery) -> Result<TracePage, ReadError> {
        questions::search(self.context, &*self.view, query)
    }

    fn trace(&self, id: TraceId) -> Result<SpanPage, ReadError> {
        questions::trace(self.context, &*self.view, id)
    }

    fn services(&self, range: TimeRange) -> Result<Vec<ServiceSummary>, ReadError> {
        questions::services(self.context, &*self.view, range)
    }

    fn service(&self, name: &str, range: TimeRange, step: i64) -> Result<ServiceDetails, ReadError> {
        questions::service(self.context, &*self.view, name, range, step)
    }

    fn service_edges(&self, range: TimeRange) -> Result<Vec<ServiceEdge>, ReadError> {
        questions::service_edges(self.context, &*self.view, range)
    }

    fn find_ids(&self, ids: &[CanonicalId], range: TimeRange, limit: usize) -> Result<SpanPage, ReadError> {
        questions::find_ids(self.context, &*self.view, ids, range, limit)
    }
}

fn trace_id(number: u32) -> TraceId {
    let mut id = [0xab; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    TraceId(id)
}

fn span_id(number: u32) -> SpanId {
    let mut id = [0xcd; 8];
    id[4..].copy_from_slice(&number.to_be_bytes());
    SpanId(id)
}

fn service(name: &str) -> Arc<Resource> {
    let attributes = vec![Attribute::new("service.name", name), Attribute::new("host.name", format!("host-{name}"))];
    Arc::new(Resource { attributes, ..Resource::default() })
}

/// A span of a trace, at a time.
fn span(trace: u32, number: u32, start: i64) -> Span {
    Span {
        name: "work".into(),
        kind: SpanKind::Internal,
        start,
        end: start + 10,
        status: SpanStatus { code: StatusCode::Unset, message: "".into() },
        resource: service("front"),
        ..Span::new(trace_id(trace), span_id(number))
    }
}
