//! Traces with a span that matches.

use crate::error::AppError;
use crate::limits::{DEFAULT_TRACES, MAX_TRACES};
use crate::reads::period::count;
use crate::reads::{About, Period, Plan, Question};
use clew_model::UnixNanos;
use clew_model::traces::{TraceBounds, TraceFilter, TraceOrder, TracePage, TracePlace, TraceQuery};
use clew_query::traces;

/// Which traces have a span that matches.
#[derive(Debug, Clone, Default)]
pub struct SearchTraces {
    /// The test that one span must pass.
    pub filter: TraceFilter,
    /// When it started; everything that is kept by default.
    pub period: Period,
    /// What the trace as a whole must satisfy.
    pub bounds: TraceBounds,
    /// In which order.
    pub order: TraceOrder,
    /// Traces at most.
    pub limit: Option<usize>,
    /// Where the page before ended.
    pub after: Option<TracePlace>,
}

impl Question for SearchTraces {
    type Answer = TracePage;

    fn plan(self, _now: UnixNanos) -> Result<Plan<TracePage>, AppError> {
        let query = TraceQuery {
            filter: self.filter,
            range: self.period.or_all()?,
            bounds: self.bounds,
            order: self.order,
            limit: count("limit", self.limit, DEFAULT_TRACES, 1..=MAX_TRACES)?,
            after: self.after,
        };
        let about = About::new("traces").text("filter", said(&query.filter, query.bounds)).during(query.range);
        let plan = Plan::new(about, move |context, stores| {
            Ok(traces::search(context, &*stores.traces.view(context), &query)?)
        });
        Ok(plan.counting(|page| page.traces.len()))
    }
}

/// The filter in words, for logs: what it says, and nothing of what it leaves open.
pub(super) fn said(filter: &TraceFilter, bounds: TraceBounds) -> String {
    let TraceFilter { service, operation, kind, status, min_duration, max_duration, attributes } = filter;
    let mut parts = Vec::new();
    parts.extend(service.iter().map(|name| format!("service={name}")));
    parts.extend(operation.iter().map(|name| format!("operation={name}")));
    parts.extend(kind.iter().map(|kind| format!("kind={}", kind.as_str())));
    parts.extend(status.iter().map(|status| format!("status={}", status.as_str())));
    parts.extend(min_duration.iter().map(|nanos| format!("duration>={nanos}ns")));
    parts.extend(max_duration.iter().map(|nanos| format!("duration<={nanos}ns")));
    parts.extend(attributes.iter().map(|attribute| format!("{} {:?}", attribute.key, attribute.test)));
    parts.extend(bounds.min_duration.iter().map(|nanos| format!("trace>={nanos}ns")));
    parts.extend(bounds.max_duration.iter().map(|nanos| format!("trace<={nanos}ns")));
    parts.extend(bounds.failed.iter().map(|failed| format!("failed={failed}")));
    parts.extend(bounds.started.iter().map(|range| format!("started={}..{}", range.start, range.end)));
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_model::logs::FieldTest;
    use clew_model::traces::AttributeTest;

    #[test]
    fn a_filter_is_told_by_what_it_says() {
        let http = AttributeTest { key: "http.route".to_owned(), test: FieldTest::Equals("/cart".to_owned()) };
        let filter = TraceFilter {
            service: Some("shop".to_owned()),
            min_duration: Some(250),
            attributes: vec![http],
            ..TraceFilter::default()
        };
        let bounds = TraceBounds { max_duration: Some(9), ..TraceBounds::default() };
        assert_eq!(said(&filter, bounds), "service=shop duration>=250ns http.route Equals(\"/cart\") trace<=9ns");
        assert_eq!(said(&TraceFilter::default(), TraceBounds::default()), "");
    }
}
