//! Traces by start and duration, counted in cells, as JSON.

use super::time::rfc3339;
use clew_model::traces::{DensityCell, TraceDensity};
use serde::Serialize;
use utoipa::ToSchema;

/// How the traces that match are spread over start and duration.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceDensityDto {
    /// All that match.
    traces: u64,
    /// Those with a span of status error.
    failed: u64,
    /// Those that started before the first column, and are counted in it.
    started_before: u64,
    /// Start of the first column, RFC 3339.
    start: String,
    /// Width of a column, milliseconds.
    step_millis: i64,
    /// Columns there are.
    columns: usize,
    /// The least durations of the rows in nanoseconds, growing, and behind them the greatest of all; a row holds what is
    /// below the next one. Empty where no trace matches.
    durations: Vec<i64>,
    /// The cells that hold a trace: column, row, traces, those with an error.
    cells: Vec<[u64; 4]>,
    /// What may be missing; absent where nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl From<TraceDensity> for TraceDensityDto {
    fn from(density: TraceDensity) -> Self {
        let cell = |cell: DensityCell| [cell.column.into(), cell.row.into(), cell.traces, cell.failed];
        Self {
            traces: density.traces,
            failed: density.failed,
            started_before: density.started_before,
            start: rfc3339(density.start),
            step_millis: density.step / clew_model::time::NANOS_PER_MILLI,
            columns: density.columns,
            durations: density.durations,
            cells: density.cells.into_iter().map(cell).collect(),
            warnings: density.warnings,
        }
    }
}
