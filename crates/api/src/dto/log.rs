//! Log records, their histogram and their fields as JSON.

use super::time::rfc3339;
use super::value::{AttributesDto, ValueDto};
use clew_app::ingest::{IngestOutcome, Rejection};
use clew_app::reads::logs::{LogContext, LogCounts};
use clew_model::logs::{FieldSummary, LogFieldValues, LogFields, LogPage, LogRow};
use clew_model::{Resource, Scope};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// The answer to `POST /api/v1/logs`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IngestDto {
    /// Records that are durable and readable.
    accepted: u64,
    /// Records that were refused.
    rejected: u64,
    /// The first reasons of refusal.
    errors: Vec<IngestErrorDto>,
    /// What was not understood of records that were taken, the first of them: a time that is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<IngestErrorDto>,
    /// How many records such a warning is said of; absent where of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    warned: Option<u64>,
}

/// What is said of a record.
#[derive(Debug, Serialize, ToSchema)]
struct IngestErrorDto {
    /// Which record of the request, from 0.
    index: u64,
    /// Why.
    reason: String,
}

impl From<IngestOutcome> for IngestDto {
    fn from(outcome: IngestOutcome) -> Self {
        let told = |list: Vec<Rejection>| {
            list.into_iter().map(|one| IngestErrorDto { index: one.index, reason: one.reason }).collect()
        };
        Self {
            accepted: outcome.accepted,
            rejected: outcome.rejected,
            errors: told(outcome.rejections),
            warnings: told(outcome.warnings),
            warned: Some(outcome.warned).filter(|warned| *warned > 0),
        }
    }
}

/// One log record.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LogDto {
    /// Stable ID: `<time in ns>-<number of arrival>`.
    id: String,
    /// When it happened, RFC 3339.
    time: String,
    /// When it happened, nanoseconds since 1970, as text so that JavaScript keeps all digits.
    time_unix_nano: String,
    /// When it was first seen by a collector or by Clew, RFC 3339.
    observed_time: String,
    /// `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR`, `FATAL`, or empty.
    severity: &'static str,
    /// OpenTelemetry's number, 0 to 24.
    severity_number: u8,
    /// The severity as the sender wrote it.
    severity_text: String,
    /// The message.
    message: ValueDto,
    /// The service or agent.
    service: String,
    /// The trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    /// The span.
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<String>,
    /// W3C trace flags.
    #[serde(skip_serializing_if = "is_zero")]
    flags: u32,
    /// OTLP event name.
    #[serde(skip_serializing_if = "String::is_empty")]
    event_name: String,
    /// Attributes in the order they were sent.
    attributes: AttributesDto,
    /// Attributes the sender says it dropped.
    #[serde(skip_serializing_if = "is_zero")]
    dropped_attributes_count: u32,
    /// What produced it.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<ResourceDto>,
    /// The library that produced it.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<ScopeDto>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(super) fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What produced a record.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ResourceDto {
    /// Attributes.
    attributes: AttributesDto,
    /// Schema URL.
    #[serde(skip_serializing_if = "String::is_empty")]
    schema_url: String,
    /// Attributes the sender says it dropped.
    #[serde(skip_serializing_if = "is_zero")]
    dropped_attributes_count: u32,
}

impl ResourceDto {
    /// The resource, unless it is empty.
    pub(super) fn of(resource: &Arc<Resource>) -> Option<Self> {
        (**resource != Resource::default()).then(|| Self {
            attributes: AttributesDto(resource.attributes.clone()),
            schema_url: resource.schema_url.to_string(),
            dropped_attributes_count: resource.dropped_attributes_count,
        })
    }
}

/// The library that produced a record.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ScopeDto {
    /// Name.
    name: String,
    /// Version.
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    /// Attributes.
    attributes: AttributesDto,
    /// Schema URL.
    #[serde(skip_serializing_if = "String::is_empty")]
    schema_url: String,
    /// Attributes the sender says it dropped.
    #[serde(skip_serializing_if = "is_zero")]
    dropped_attributes_count: u32,
}

impl ScopeDto {
    /// The scope, unless it is empty.
    pub(super) fn of(scope: &Arc<Scope>) -> Option<Self> {
        (**scope != Scope::default()).then(|| Self {
            name: scope.name.to_string(),
            version: scope.version.to_string(),
            attributes: AttributesDto(scope.attributes.clone()),
            schema_url: scope.schema_url.to_string(),
            dropped_attributes_count: scope.dropped_attributes_count,
        })
    }
}

impl From<LogRow> for LogDto {
    fn from(row: LogRow) -> Self {
        let record = row.record;
        Self {
            id: row.id.to_string(),
            time: rfc3339(record.time),
            time_unix_nano: record.time.to_string(),
            observed_time: rfc3339(record.observed_time),
            severity: record.severity.range_name(),
            severity_number: record.severity.number(),
            severity_text: record.severity_text.to_string(),
            message: ValueDto(record.body),
            service: record.service.to_string(),
            trace_id: record.trace_id.map(|id| id.to_string()),
            span_id: record.span_id.map(|id| id.to_string()),
            flags: record.flags,
            event_name: record.event_name.to_string(),
            attributes: AttributesDto(record.attributes),
            dropped_attributes_count: record.dropped_attributes_count,
            resource: ResourceDto::of(&record.resource),
            scope: ScopeDto::of(&record.scope),
        }
    }
}

/// A page of log records.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogPageDto {
    /// The records, in the order asked for.
    logs: Vec<LogDto>,
    /// Give it as `cursor` to get the next page; absent when these were all.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// What is missing or damaged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// Why nothing was found, as far as that can be told: fields and values that no recent record has, with what is near
    /// them, or that the query is of another language, with the form that is valid here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<String>,
}

impl From<LogPage> for LogPageDto {
    fn from(page: LogPage) -> Self {
        Self {
            logs: page.rows.into_iter().map(LogDto::from).collect(),
            next_cursor: page.next.map(|id| id.to_string()),
            warnings: page.warnings,
            hints: page.hints,
        }
    }
}

/// A log record with those before and after it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogContextDto {
    /// The record.
    log: LogDto,
    /// Those before it, oldest first.
    before: Vec<LogDto>,
    /// Those after it, oldest first.
    after: Vec<LogDto>,
    /// Whether there are more before these.
    has_more_before: bool,
    /// Whether there are more after these.
    has_more_after: bool,
    /// What is missing or damaged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl From<LogContext> for LogContextDto {
    fn from(context: LogContext) -> Self {
        let rows = |rows: Vec<LogRow>| rows.into_iter().map(LogDto::from).collect();
        Self {
            log: LogDto::from(context.row),
            before: rows(context.before),
            after: rows(context.after),
            has_more_before: context.more_before,
            has_more_after: context.more_after,
            warnings: context.warnings,
        }
    }
}

/// Counts over time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistogramDto {
    /// Width of a bucket in nanoseconds, as text.
    step_nanos: String,
    /// The buckets in order, empty ones too.
    buckets: Vec<HistogramBucketDto>,
    /// Records in all buckets.
    total: u64,
    /// What is missing or damaged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// One bucket.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HistogramBucketDto {
    /// Its first instant, RFC 3339.
    start: String,
    /// Its first instant, nanoseconds since 1970, as text.
    start_unix_nano: String,
    /// Its records.
    total: u64,
    /// Its records by severity.
    counts: SeverityCountsDto,
}

/// Records by severity.
#[derive(Debug, Serialize, ToSchema)]
struct SeverityCountsDto {
    unspecified: u64,
    trace: u64,
    debug: u64,
    info: u64,
    warn: u64,
    error: u64,
    fatal: u64,
}

impl From<LogCounts> for HistogramDto {
    fn from(counts: LogCounts) -> Self {
        let LogCounts { histogram, step } = counts;
        let buckets: Vec<HistogramBucketDto> = histogram
            .buckets
            .into_iter()
            .map(|bucket| {
                let [unspecified, trace, debug, info, warn, error, fatal] = bucket.counts;
                HistogramBucketDto {
                    start: rfc3339(bucket.start),
                    start_unix_nano: bucket.start.to_string(),
                    total: bucket.counts.iter().sum(),
                    counts: SeverityCountsDto { unspecified, trace, debug, info, warn, error, fatal },
                }
            })
            .collect();
        Self {
            step_nanos: step.to_string(),
            total: buckets.iter().map(|bucket| bucket.total).sum(),
            buckets,
            warnings: histogram.warnings,
        }
    }
}

/// The fields that occur.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldsDto {
    /// Most frequent first.
    fields: Vec<FieldDto>,
    /// What is missing or damaged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// The values of one field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldValuesDto {
    #[serde(flatten)]
    field: FieldDto,
    /// What is missing or damaged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// A field that occurs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldDto {
    /// Its dotted path.
    name: String,
    /// Records that have it.
    records: u64,
    /// Distinct values; absent where there are too many to count.
    #[serde(skip_serializing_if = "Option::is_none")]
    distinct: Option<u64>,
    /// Its most frequent values.
    values: Vec<ValueCountDto>,
}

/// A value and its frequency.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ValueCountDto {
    pub value: String,
    pub records: u64,
}

impl From<FieldSummary> for FieldDto {
    fn from(field: FieldSummary) -> Self {
        let values = field.top.into_iter();
        Self {
            name: field.name,
            records: field.records,
            distinct: field.distinct,
            values: values.map(|one| ValueCountDto { value: one.value, records: one.records }).collect(),
        }
    }
}

impl From<LogFields> for FieldsDto {
    fn from(fields: LogFields) -> Self {
        Self { fields: fields.fields.into_iter().map(FieldDto::from).collect(), warnings: fields.warnings }
    }
}

impl From<LogFieldValues> for FieldValuesDto {
    fn from(values: LogFieldValues) -> Self {
        Self { field: FieldDto::from(values.field), warnings: values.warnings }
    }
}
