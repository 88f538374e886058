//! Traces with a span that matches.

use crate::error::AppError;
use crate::limits::{DEFAULT_TRACES, MAX_TRACES};
use crate::reads::period::count;
use crate::reads::{About, Period, Plan, Question};
use clew_model::traces::{TraceFilter, TracePage, TraceQuery};
use clew_model::{TraceId, UnixNanos};
use clew_query::traces;

/// Which traces have a span that matches, newest first.
#[derive(Debug, Clone, Default)]
pub struct SearchTraces {
    /// The test that one span must pass.
    pub filter: TraceFilter,
    /// When it started; everything that is kept by default.
    pub period: Period,
    /// Traces at most.
    pub limit: Option<usize>,
    /// Where the page before ended.
    pub after: Option<(UnixNanos, TraceId)>,
}

impl Question for SearchTraces {
    type Answer = TracePage;

    fn plan(self, _now: UnixNanos) -> Result<Plan<TracePage>, AppError> {
        let query = TraceQuery {
            filter: self.filter,
            range: self.period.or_all()?,
            limit: count("limit", self.limit, DEFAULT_TRACES, 1..=MAX_TRACES)?,
            after: self.after,
        };
        let about = About::new("traces").text("filter", said(&query.filter)).during(query.range);
        let plan = Plan::new(about, move |context, stores| {
            Ok(traces::search(context, &*stores.traces.view(context), &query)?)
        });
        Ok(plan.counting(|page| page.traces.len()))
    }
}

/// The filter in words, for logs: what it says, and nothing of what it leaves open.
fn said(filter: &TraceFilter) -> String {
    let TraceFilter { service, operation, kind, status, min_duration, max_duration, attributes } = filter;
    let mut parts = Vec::new();
    parts.extend(service.iter().map(|name| format!("service={name}")));
    parts.extend(operation.iter().map(|name| format!("operation={name}")));
    parts.extend(kind.iter().map(|kind| format!("kind={}", kind.as_str())));
    parts.extend(status.iter().map(|status| format!("status={}", status.as_str())));
    parts.extend(min_duration.iter().map(|nanos| format!("duration>={nanos}ns")));
    parts.extend(max_duration.iter().map(|nanos| format!("duration<={nanos}ns")));
    parts.extend(attributes.iter().map(|attribute| format!("{} {:?}", attribute.key, attribute.test)));
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
        assert_eq!(said(&filter), "service=shop duration>=250ns http.route Equals(\"/cart\")");
        assert_eq!(said(&TraceFilter::default()), "");
    }
}
