//! The events of a tail as JSON.

use super::log::LogDto;
use clew_app::reads::logs::Missed;
use clew_model::logs::LogRow;
use serde::Serialize;
use utoipa::ToSchema;

/// The data of the event `ready`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TailReadyDto {}

/// The data of the event `logs`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TailLogsDto {
    /// In the order of arrival.
    logs: Vec<LogDto>,
}

/// The data of the event `dropped`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TailDroppedDto {
    /// Records that were not told.
    dropped: u64,
    /// Of these, at most so many records that went by unread and may not match the query; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    unchecked: Option<u64>,
}

/// The data of the event `warning`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TailWarningDto {
    /// Why records may be missing of those that came before the tail resumed.
    warnings: Vec<String>,
}

impl From<Vec<String>> for TailWarningDto {
    fn from(warnings: Vec<String>) -> Self {
        Self { warnings }
    }
}

impl From<Vec<LogRow>> for TailLogsDto {
    fn from(rows: Vec<LogRow>) -> Self {
        Self { logs: rows.into_iter().map(LogDto::from).collect() }
    }
}

impl From<Missed> for TailDroppedDto {
    fn from(missed: Missed) -> Self {
        Self {
            dropped: missed.matching.saturating_add(missed.unchecked),
            unchecked: (missed.unchecked > 0).then_some(missed.unchecked),
        }
    }
}
