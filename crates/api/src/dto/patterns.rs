//! Groups of like messages as JSON.

use super::log::{LogDto, ValueCountDto};
use super::time::rfc3339;
use clew_app::reads::logs::LogGroups;
use clew_query::logs::sinks::PatternGroup;
use serde::Serialize;
use utoipa::ToSchema;

/// Log records grouped by what their messages have in common.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogPatternsDto {
    /// All records that match.
    records: u64,
    /// Groups there are; not all of them need be listed.
    patterns: usize,
    /// Records of patterns beyond those that are told apart: they are in no group. Usually 0.
    left_out: u64,
    /// Start of the first bucket, RFC 3339.
    start: String,
    /// Width of a bucket, nanoseconds.
    step_nanos: i64,
    /// The groups, in the order asked for.
    groups: Vec<LogPatternDto>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Records whose messages say the same but for what changes.
#[derive(Debug, Serialize, ToSchema)]
struct LogPatternDto {
    /// The message with `<*>` for what changes.
    pattern: String,
    /// The query of the search bar that, together with the one that was asked, finds exactly these records.
    query: String,
    records: u64,
    /// The services that sent them, the busiest first.
    services: Vec<ValueCountDto>,
    /// Time of the first, RFC 3339.
    first: String,
    /// Time of the last, RFC 3339.
    last: String,
    /// The newest record.
    newest: LogDto,
    /// Records in each bucket.
    counts: Vec<u64>,
}

impl From<PatternGroup> for LogPatternDto {
    fn from(group: PatternGroup) -> Self {
        let services = group.services.into_iter();
        Self {
            query: group.pattern.query(),
            pattern: group.pattern.text,
            records: group.records,
            services: services.map(|(value, records)| ValueCountDto { value, records }).collect(),
            first: rfc3339(group.first),
            last: rfc3339(group.newest.record.time),
            newest: LogDto::from(group.newest),
            counts: group.counts,
        }
    }
}

impl From<LogGroups> for LogPatternsDto {
    fn from(groups: LogGroups) -> Self {
        let LogGroups { found, patterns, step } = groups;
        Self {
            records: found.records,
            patterns,
            left_out: found.left_out,
            start: rfc3339(found.start),
            step_nanos: step,
            groups: found.groups.into_iter().map(LogPatternDto::from).collect(),
            warnings: found.warnings,
        }
    }
}
