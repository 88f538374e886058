//! Services, their operations and their calls as JSON.

use super::time::rfc3339;
use clew_app::reads::services::{Service, ServiceMap, ServiceStory, Services};
use clew_model::traces::{OperationSummary, ServiceBucket, ServiceDetails, ServiceEdge};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The services seen in a range.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServicesDto {
    /// Sorted by name.
    services: Vec<ServiceDto>,
    /// Whether more services log than are listed; those listed have the most records.
    truncated: bool,
    /// The first instant of the range from which spans are kept, RFC 3339: rates count from there. Absent where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    covered_from: Option<String>,
    /// What is missing or damaged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// What is known of a service.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ServiceDto {
    name: String,
    /// Its spans.
    spans: u64,
    /// Its spans with status error.
    errors: u64,
    /// Its log records; zero where it only traces.
    logs: u64,
    /// Start of its newest span, RFC 3339; absent where it only logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
    /// Durations of its spans; absent where it only logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_nanos: Option<QuantilesDto>,
}

/// Quantiles of a duration, nanoseconds.
#[derive(Debug, Serialize, ToSchema)]
struct QuantilesDto {
    p50: i64,
    p95: i64,
    p99: i64,
}

impl From<[i64; 3]> for QuantilesDto {
    fn from([p50, p95, p99]: [i64; 3]) -> Self {
        Self { p50, p95, p99 }
    }
}

/// The quantiles of so many durations.
fn quantiles(spans: u64, quantiles: [i64; 3]) -> Option<QuantilesDto> {
    (spans > 0).then(|| QuantilesDto::from(quantiles))
}

impl From<Service> for ServiceDto {
    fn from(service: Service) -> Self {
        let Service { name, traced, logs } = service;
        match traced {
            Some(traced) => Self {
                name,
                spans: traced.spans,
                errors: traced.errors,
                logs,
                last_seen: Some(rfc3339(traced.last_seen)),
                duration_nanos: quantiles(traced.spans, traced.duration_quantiles),
            },
            None => Self { name, spans: 0, errors: 0, logs, last_seen: None, duration_nanos: None },
        }
    }
}

impl From<Services> for ServicesDto {
    fn from(services: Services) -> Self {
        let Services { services, truncated, covered_from, warnings } = services;
        let services = services.into_iter().map(ServiceDto::from).collect();
        Self { services, truncated, covered_from: covered_from.map(rfc3339), warnings }
    }
}

/// A service over time, by operation, and whom it talks to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceDetailsDto {
    name: String,
    /// First instant of the range, RFC 3339.
    start: String,
    /// Last instant of the range, RFC 3339.
    end: String,
    /// The first instant of the range from which spans are kept, RFC 3339: rates count from there. Absent where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    covered_from: Option<String>,
    /// Width of a bucket of the series in nanoseconds, as text.
    step_nanos: String,
    /// Its spans.
    spans: u64,
    /// Its spans with status error.
    errors: u64,
    /// Start of its newest span, RFC 3339; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
    /// Durations of its spans; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_nanos: Option<QuantilesDto>,
    /// Sorted by name and kind.
    operations: Vec<OperationDto>,
    /// Buckets in order, empty ones too.
    series: Vec<ServiceBucketDto>,
    /// Services that call it, sorted by name.
    callers: Vec<NeighbourDto>,
    /// Services that it calls, sorted by name.
    callees: Vec<NeighbourDto>,
    /// What may be missing; absent where nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// An operation of a service.
#[derive(Debug, Serialize, ToSchema)]
struct OperationDto {
    /// The name of its spans.
    name: String,
    /// Their role: `internal`, `server`, `client`, `producer`, `consumer`, `unspecified`.
    kind: &'static str,
    spans: u64,
    /// Spans with status error.
    errors: u64,
    duration_nanos: QuantilesDto,
}

/// Spans that start within one step.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceBucketDto {
    /// Its first instant, RFC 3339.
    start: String,
    /// Its first instant, nanoseconds since 1970, as text.
    start_unix_nano: String,
    spans: u64,
    /// Spans with status error.
    errors: u64,
    /// Absent where there are no spans.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_nanos: Option<QuantilesDto>,
}

/// A service that calls or is called.
#[derive(Debug, Serialize, ToSchema)]
struct NeighbourDto {
    service: String,
    calls: u64,
    /// Calls whose span in the called service has status error.
    errors: u64,
}

impl From<OperationSummary> for OperationDto {
    fn from(operation: OperationSummary) -> Self {
        Self {
            name: operation.name,
            kind: operation.kind.as_str(),
            spans: operation.spans,
            errors: operation.errors,
            duration_nanos: QuantilesDto::from(operation.duration_quantiles),
        }
    }
}

impl From<ServiceBucket> for ServiceBucketDto {
    fn from(bucket: ServiceBucket) -> Self {
        Self {
            start: rfc3339(bucket.start),
            start_unix_nano: bucket.start.to_string(),
            spans: bucket.spans,
            errors: bucket.errors,
            duration_nanos: quantiles(bucket.spans, bucket.duration_quantiles),
        }
    }
}

impl From<ServiceStory> for ServiceDetailsDto {
    fn from(story: ServiceStory) -> Self {
        let ServiceStory { details, edges, range, covered_from, step, warnings } = story;
        let ServiceDetails { summary, operations, series } = details;
        let (mut callers, mut callees) = (Vec::new(), Vec::new());
        for ServiceEdge { client, server, calls, errors } in edges {
            if server == summary.name {
                callers.push(NeighbourDto { service: client, calls, errors });
            } else if client == summary.name {
                callees.push(NeighbourDto { service: server, calls, errors });
            }
        }
        Self {
            name: summary.name,
            start: rfc3339(range.start),
            end: rfc3339(range.end),
            covered_from: covered_from.map(rfc3339),
            step_nanos: step.to_string(),
            spans: summary.spans,
            errors: summary.errors,
            last_seen: (summary.spans > 0).then(|| rfc3339(summary.last_seen)),
            duration_nanos: quantiles(summary.spans, summary.duration_quantiles),
            operations: operations.into_iter().map(OperationDto::from).collect(),
            series: series.into_iter().map(ServiceBucketDto::from).collect(),
            callers,
            callees,
            warnings,
        }
    }
}

/// Who calls whom.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceMapDto {
    /// Sorted by name.
    nodes: Vec<ServiceNodeDto>,
    /// Sorted by client and server.
    edges: Vec<ServiceEdgeDto>,
    /// The first instant of the range from which spans are kept, RFC 3339: rates count from there. Absent where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    covered_from: Option<String>,
    /// What may be missing; absent where nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// A service with spans in the range, or one that calls another from a span before it.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceNodeDto {
    name: String,
    spans: u64,
    /// Spans with status error.
    errors: u64,
}

/// Calls from one service to another: spans whose parent belongs to another service.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceEdgeDto {
    /// The calling service.
    client: String,
    /// The called service.
    server: String,
    calls: u64,
    /// Calls whose span in the called service has status error.
    errors: u64,
}

impl From<ServiceMap> for ServiceMapDto {
    /// A caller whose own spans lie outside the range is a node without spans.
    fn from(map: ServiceMap) -> Self {
        let ServiceMap { services, edges, covered_from, warnings } = map;
        let mut nodes: BTreeMap<String, (u64, u64)> =
            services.into_iter().map(|service| (service.name, (service.spans, service.errors))).collect();
        for edge in &edges {
            nodes.entry(edge.client.clone()).or_default();
            nodes.entry(edge.server.clone()).or_default();
        }
        let node = |(name, (spans, errors))| ServiceNodeDto { name, spans, errors };
        let edge = |ServiceEdge { client, server, calls, errors }| ServiceEdgeDto { client, server, calls, errors };
        Self {
            nodes: nodes.into_iter().map(node).collect(),
            edges: edges.into_iter().map(edge).collect(),
            covered_from: covered_from.map(rfc3339),
            warnings,
        }
    }
}
