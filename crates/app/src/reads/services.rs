//! Questions about services: who sends spans and logs, how each does, who calls whom.

use super::period::step;
use super::{About, Period, Plan, Question};
use crate::error::AppError;
use crate::limits::MAX_FIELD_VALUES;
use clew_model::logs::LogFilter;
use clew_model::traces::{ServiceDetails, ServiceEdge, ServiceSummary, TraceView};
use clew_model::{Context, TimeRange, UnixNanos};
use clew_query::logs::sinks;
use clew_query::traces;
use std::collections::HashMap;

/// Which services send spans or logs.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListServices {
    /// When; everything that is kept by default.
    pub period: Period,
}

/// The services, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Services {
    /// Each once.
    pub services: Vec<Service>,
    /// Whether more services log than are listed; those listed have the most records.
    pub truncated: bool,
    /// The first instant of the range from which spans are kept: rates count from there. `None` where no span is.
    pub covered_from: Option<UnixNanos>,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

/// A service by its spans and its logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// What its spans say; `None` where it only logs.
    pub traced: Option<ServiceSummary>,
    /// Its log records.
    pub logs: u64,
}

impl Question for ListServices {
    type Answer = Services;

    fn plan(self, _now: UnixNanos) -> Result<Plan<Services>, AppError> {
        let range = self.period.or_all()?;
        let plan = Plan::new(About::new("services").during(range), move |context, stores| {
            let view = stores.traces.view(context);
            let traced = traces::services(context, &*view, range)?;
            let covered_from = covered_from(context, &*view, range);
            let logged = sinks::field_values(
                context,
                &*stores.logs.view(context),
                "service",
                &LogFilter::All,
                range,
                MAX_FIELD_VALUES,
            )?;
            let truncated = logged.field.top.len() >= MAX_FIELD_VALUES;
            let logs = logged.field.top.into_iter().map(|value| (value.value, value.records)).collect();
            Ok(Services { services: together(traced, logs), truncated, covered_from, warnings: logged.warnings })
        });
        Ok(plan.across_signals().counting(|services| services.services.len()))
    }
}

/// The first instant of the range from which spans are kept.
fn covered_from(context: &Context, view: &dyn TraceView, range: TimeRange) -> Option<UnixNanos> {
    view.oldest(context).map(|oldest| oldest.clamp(range.start, range.end))
}

/// Services by spans and by log records, each once, sorted by name.
fn together(traced: Vec<ServiceSummary>, mut logs: HashMap<String, u64>) -> Vec<Service> {
    let mut all = Vec::with_capacity(traced.len());
    for summary in traced {
        let records = logs.remove(&summary.name).unwrap_or(0);
        all.push(Service { name: summary.name.clone(), traced: Some(summary), logs: records });
    }
    all.extend(logs.into_iter().map(|(name, logs)| Service { name, traced: None, logs }));
    all.sort_by(|one, two| one.name.cmp(&two.name));
    all
}

/// How one service does over time, by operation, and whom it talks to.
#[derive(Debug, Clone, Default)]
pub struct ShowService {
    /// Its name.
    pub name: String,
    /// When; the last hour by default.
    pub period: Period,
    /// Width of a bucket in nanoseconds.
    pub step: Option<i64>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceStory {
    /// The service itself.
    pub details: ServiceDetails,
    /// All calls of the range, those of others among them.
    pub edges: Vec<ServiceEdge>,
    /// The range.
    pub range: TimeRange,
    /// As in [`Services`].
    pub covered_from: Option<UnixNanos>,
    /// Width of a bucket in nanoseconds.
    pub step: i64,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

impl Question for ShowService {
    type Answer = ServiceStory;

    fn plan(self, now: UnixNanos) -> Result<Plan<ServiceStory>, AppError> {
        let range = self.period.or_recent(now)?;
        let step = step(self.step, range)?;
        let about = About::new("service").text("name", self.name.clone()).during(range);
        let plan = Plan::new(about, move |context, stores| {
            let view = stores.traces.view(context);
            let details = traces::service(context, &*view, &self.name, range, step)?;
            let edges = traces::service_edges(context, &*view, range)?;
            let covered_from = covered_from(context, &*view, range);
            Ok(ServiceStory { details, edges, range, covered_from, step, warnings: Vec::new() })
        });
        Ok(plan.counting(|story| story.details.operations.len()))
    }
}

/// Who calls whom.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShowServiceMap {
    /// When; the last hour by default.
    pub period: Period,
}

/// The services and the calls between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceMap {
    /// Those with spans in the range, sorted by name.
    pub services: Vec<ServiceSummary>,
    /// The calls, sorted by client and server.
    pub edges: Vec<ServiceEdge>,
    /// As in [`Services`].
    pub covered_from: Option<UnixNanos>,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

impl Question for ShowServiceMap {
    type Answer = ServiceMap;

    fn plan(self, now: UnixNanos) -> Result<Plan<ServiceMap>, AppError> {
        let range = self.period.or_recent(now)?;
        let plan = Plan::new(About::new("service_map").during(range), move |context, stores| {
            let view = stores.traces.view(context);
            let services = traces::services(context, &*view, range)?;
            let covered_from = covered_from(context, &*view, range);
            let edges = traces::service_edges(context, &*view, range)?;
            Ok(ServiceMap { services, edges, covered_from, warnings: Vec::new() })
        });
        Ok(plan.counting(|map| map.edges.len()))
    }
}
