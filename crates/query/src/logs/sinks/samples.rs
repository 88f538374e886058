//! Records for the tests of sinks, in views that cut them differently.

use clew_model::correlation::CorrelationRules;
use clew_model::logs::{LogRecord, LogRow, RowsView, Severity};
use clew_model::{Attribute, Context, RecordId, TraceId, Value};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn context() -> Context {
    Context::new(Duration::from_secs(60), 1 << 30)
}

/// Rows with these numbers, the first at `time`.
pub(super) fn rows(numbers: Range<u64>, time: i64) -> Vec<LogRow> {
    let first = numbers.start;
    numbers.map(|number| row(number, time + (number - first) as i64 * 10)).collect()
}

fn row(number: u64, time: i64) -> LogRow {
    let mut attributes = vec![Attribute::new("task_id", format!("task:{}", number % 13))];
    if number.is_multiple_of(3) {
        attributes.push(Attribute::new("tags", Value::Array(vec!["a".into(), format!("b{}", number % 4).into()])));
        attributes.push(Attribute::new("context", Value::Map(vec![Attribute::new("n", (number % 5) as i64)])));
    }
    let record = LogRecord {
        time,
        body: format!("message {number}").into(),
        severity: Severity::from_number((number % 25) as i64),
        severity_text: if number.is_multiple_of(7) { "Notice".into() } else { "".into() },
        service: if number.is_multiple_of(2) { format!("svc-{}", number % 4).into() } else { "".into() },
        trace_id: number.is_multiple_of(5).then(|| TraceId([(number % 9) as u8 + 1; 16])),
        attributes,
        ..LogRecord::default()
    };
    LogRow { id: RecordId { time, number }, record }
}

/// Rows of which each has another request, and one of two halves.
pub(super) fn ids(numbers: Range<u64>, time: i64) -> Vec<LogRow> {
    let row = |number: u64| {
        let attributes = vec![
            Attribute::new("request_id", format!("req-{number:08x}")),
            Attribute::new("half", (number % 2) as i64),
        ];
        LogRow { id: RecordId { time, number }, record: LogRecord { time, attributes, ..LogRecord::default() } }
    };
    numbers.map(row).collect()
}

pub(super) fn view(batches: Vec<Vec<LogRow>>) -> RowsView {
    RowsView::new(batches, Arc::new(CorrelationRules::new(["task_id"], [])))
}

/// The same rows in several cuts: whole, one by one, and in pieces whose times overlap.
pub(super) fn views() -> Vec<(Vec<LogRow>, RowsView)> {
    let mut all = rows(0..150, 0);
    all.extend(rows(150..300, 700));
    let single = all.iter().map(|row| vec![row.clone()]).collect();
    let mut pieces: Vec<Vec<LogRow>> = vec![Vec::new(); 11];
    for (at, row) in all.iter().enumerate() {
        pieces[at * 7 % 11].push(row.clone());
    }
    [vec![all.clone()], single, pieces].into_iter().map(|batches| (all.clone(), view(batches))).collect()
}
