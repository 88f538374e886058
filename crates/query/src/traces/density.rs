//! Traces by start and duration, counted in cells: a plot of all that match, however many there are.

use super::sinks::Extent;
use super::whole::{Wanted, extents};
use clew_model::traces::{DensityCell, TraceBounds, TraceDensity, TraceFilter, TraceView};
use clew_model::{Context, ReadError, TimeRange};
use std::collections::BTreeMap;

/// What a density is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct DensityQuery {
    /// What a span must satisfy.
    pub filter: TraceFilter,
    /// When it must have started; the columns divide this, as far as the bounds let traces start there.
    pub range: TimeRange,
    /// What its trace must satisfy.
    pub bounds: TraceBounds,
    /// Columns at most.
    pub columns: usize,
    /// Rows at most.
    pub rows: usize,
}

/// Counts the traces that match. Columns are equally wide, whole milliseconds; rows are equally high on a logarithmic scale
/// from the shortest to the longest, or fewer where there are not so many nanoseconds between them.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub fn density(context: &Context, view: &dyn TraceView, query: &DensityQuery) -> Result<TraceDensity, ReadError> {
    let wanted = Wanted { filter: &query.filter, range: query.range, bounds: query.bounds };
    let (found, _memory) = extents(context, view, wanted)?;
    Ok(counted(&found, query))
}

fn counted(found: &[Extent], query: &DensityQuery) -> TraceDensity {
    let starts = || found.iter().map(|extent| extent.start);
    // Where traces may start; without bounds it is as wide as what is there.
    let started = query.bounds.started.unwrap_or(query.range);
    let (least, most) = (started.start.max(query.range.start), started.end.min(query.range.end));
    let start = if least > i64::MIN / 2 { least } else { starts().min().unwrap_or(0) };
    let end = if most < i64::MAX / 2 { most } else { starts().max().unwrap_or(start) }.max(start);
    let step = step(end.saturating_sub(start), query.columns);
    let columns = usize::try_from(end.saturating_sub(start) / step + 1).unwrap_or(1);
    let mut density = TraceDensity { start, step, columns, ..TraceDensity::default() };
    let durations = || found.iter().map(|extent| extent.duration.max(1));
    let Some((least, most)) = durations().min().zip(durations().max()) else { return density };
    density.durations = edges(least, most, query.rows);
    let rows = density.durations.len() - 1;
    let mut cells: BTreeMap<(u32, u32), (u64, u64)> = BTreeMap::new();
    for extent in found {
        let column = (extent.start.saturating_sub(start) / step).clamp(0, columns as i64 - 1);
        let above = density.durations.partition_point(|edge| *edge <= extent.duration.max(1));
        let row = above.saturating_sub(1).min(rows - 1);
        let cell = cells.entry((column as u32, row as u32)).or_default();
        let failed = u64::from(extent.errors > 0);
        (cell.0, cell.1) = (cell.0 + 1, cell.1 + failed);
        density.traces += 1;
        density.failed += failed;
        density.started_before += u64::from(extent.start < start);
    }
    let cell = |((column, row), (traces, failed))| DensityCell { column, row, traces, failed };
    density.cells = cells.into_iter().map(cell).collect();
    density
}

/// The width of a column: whole milliseconds.
fn step(width: i64, columns: usize) -> i64 {
    const MILLI: i64 = clew_model::time::NANOS_PER_MILLI;
    let columns = i64::try_from(columns.max(1)).unwrap_or(i64::MAX);
    ((width / columns / MILLI).saturating_add(1)).saturating_mul(MILLI)
}

/// The least durations of rows, equally apart on a logarithmic scale, and above them the greatest of all.
fn edges(least: i64, most: i64, rows: usize) -> Vec<i64> {
    let rows = rows.max(1);
    let (low, high) = ((least as f64).ln(), (most as f64).ln());
    let edge = |row: usize| (low + (high - low) * row as f64 / rows as f64).exp().round() as i64;
    let mut edges: Vec<i64> = (0..rows).map(|row| edge(row).clamp(least, most)).collect();
    edges.dedup();
    edges.push(most);
    // Where all take as long there is one row.
    if edges.len() > 2 && edges.get(edges.len() - 2) == Some(&most) {
        edges.pop();
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::sinks::testing::{Fake, context, span};
    use clew_model::traces::{Span, StatusCode};

    const SECOND: i64 = 1_000_000_000;

    fn ask(spans: Vec<Span>, range: TimeRange, bounds: TraceBounds) -> TraceDensity {
        let query = DensityQuery { filter: TraceFilter::default(), range, bounds, columns: 10, rows: 4 };
        density(&context(), &Fake::new(spans, 2), &query).unwrap()
    }

    #[test]
    fn each_trace_is_in_the_cell_whose_bounds_hold_it() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut spans: Vec<Span> = (1..200u8)
            .map(|trace| {
                let start = random.i64(0..100 * SECOND);
                span(trace, 1, "front", start, start + (random.i64(1..60 * SECOND) >> random.u32(0..30)).max(1))
            })
            .collect();
        for trace in [3, 50, 120] {
            spans[trace].status.code = StatusCode::Error;
        }
        // It began before the range; a span of it matches.
        spans.push(span(250, 1, "front", -5 * SECOND, 0));
        spans.push(span(250, 2, "front", 5 * SECOND, 6 * SECOND));
        let range = TimeRange::new(0, 100 * SECOND - 1);
        let found = ask(spans.clone(), range, TraceBounds::default());
        assert_eq!((found.traces, found.failed, found.started_before), (200, 3, 1));
        assert_eq!(found.cells.iter().map(|cell| cell.traces).sum::<u64>(), 200);
        assert_eq!(found.cells.iter().map(|cell| cell.failed).sum::<u64>(), 3);
        assert_eq!(found.durations.len(), 5);
        // Each cell is what a search within its bounds finds.
        for cell in &found.cells {
            let (column, row) = (i64::from(cell.column), cell.row as usize);
            let from = if column == 0 { i64::MIN } else { found.start + column * found.step };
            let is_last = row + 2 == found.durations.len();
            let bounds = TraceBounds {
                min_duration: Some(found.durations[row]),
                max_duration: Some(found.durations[row + 1] - i64::from(!is_last)),
                started: Some(TimeRange::new(from, found.start + (column + 1) * found.step - 1)),
                failed: None,
            };
            let own = ask(spans.clone(), range, bounds);
            assert_eq!((own.traces, own.failed), (cell.traces, cell.failed), "{cell:?}");
        }
    }

    #[test]
    fn traces_of_one_duration_are_one_row_and_none_are_no_rows() {
        let spans = vec![span(1, 1, "front", 0, 7), span(2, 1, "front", SECOND, SECOND + 7)];
        let found = ask(spans, TimeRange::ALL, TraceBounds::default());
        assert_eq!((found.durations.clone(), found.start, found.traces), (vec![7, 7], 0, 2));
        assert_eq!(found.cells.len(), 2);
        let none = ask(Vec::new(), TimeRange::new(0, 10), TraceBounds::default());
        assert_eq!((none.traces, none.durations, none.cells), (0, Vec::new(), Vec::new()));
    }
}
