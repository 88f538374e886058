//! `clew query metrics`: an expression at a moment or over a range.

use super::args::{Format, MetricsArgs};
use super::client::{Params, Server};
use super::error::QueryError;
use super::output::{Out, Style, note, warn_all};
use super::text::{Table, printable};
use crate::limits::QUERY_POINTS;
use clew_codec::time_text;
use clew_host::{Clock, SystemClock};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The envelope of the Prometheus API.
#[derive(Debug, Deserialize)]
struct Answer {
    data: Data,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Box<RawValue>,
}

/// `[seconds, "value"]`
type Point = (f64, String);

/// A series with a value, values, a histogram or histograms.
#[derive(Debug, Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    value: Option<Point>,
    #[serde(default)]
    values: Vec<Point>,
    histogram: Option<(f64, Histogram)>,
    #[serde(default)]
    histograms: Vec<(f64, Histogram)>,
}

#[derive(Debug, Deserialize)]
struct Histogram {
    count: String,
    sum: String,
}

impl Histogram {
    fn text(&self) -> String {
        format!("count {}, sum {}", self.count, self.sum)
    }
}

/// Runs the query.
///
/// # Errors
/// Nobody answers, the expression is refused, or the output is closed.
pub(super) async fn run(args: &MetricsArgs, server: &Server, out: &mut Out) -> Result<(), QueryError> {
    let expression = args.expression.as_str();
    let common = &args.common;
    if out.format == Format::Json && common.limit.is_some() {
        let text = "--limit does not cut a document: use --output ndjson, or topk() in the expression";
        return Err(QueryError::Usage(text.to_owned()));
    }
    let params = Params::default().with("query", expression);
    let (call, params) = match &common.start {
        Some(start) => {
            let end = common.end.as_deref().unwrap_or("now");
            let step = match &args.step {
                Some(step) => step.clone(),
                None => chosen_step(start, end)?,
            };
            ("query_range", params.with("start", start).with("end", end).with("step", step))
        }
        None => ("query", params.maybe("time", common.end.as_deref())),
    };
    let body = server.get(&["prometheus", "api", "v1", call], &params, expression).await?;
    let answer: Answer = serde_json::from_str(&body).map_err(unreadable)?;
    warn_all(&answer.warnings);
    answer.infos.iter().for_each(|info| note(&format!("info: {info}")));
    let limit = common.limit.map_or(usize::MAX, |limit| limit as usize);
    match out.format {
        Format::Json => out.line(&body)?,
        Format::Ndjson => write_lines(&answer.data, limit, out)?,
        Format::Table => write_table(&answer.data, limit, out)?,
    }
    out.flush()
}

fn unreadable(error: serde_json::Error) -> QueryError {
    QueryError::Unreadable(error.to_string())
}

/// A whole number of seconds that gives about [`QUERY_POINTS`] points.
fn chosen_step(start: &str, end: &str) -> Result<String, QueryError> {
    let now = SystemClock::new().now();
    let time = |text: &str| time_text::parse_time(text, now).map_err(|error| QueryError::Usage(error.to_string()));
    let seconds = time(end)?.saturating_sub(time(start)?) / 1_000_000_000;
    Ok(format!("{}s", (seconds / QUERY_POINTS).max(1)))
}

fn write_lines(data: &Data, limit: usize, out: &mut Out) -> Result<(), QueryError> {
    if matches!(data.result_type.as_str(), "vector" | "matrix") {
        let series: Vec<Box<RawValue>> = serde_json::from_str(data.result.get()).map_err(unreadable)?;
        say_cut(series.len(), limit);
        return out.ndjson(series.get(..limit.min(series.len())).unwrap_or_default());
    }
    out.line(data.result.get())
}

fn say_cut(count: usize, limit: usize) {
    if count > limit {
        note(&format!("{limit} of {count} series (--limit)"));
    }
}

fn write_table(data: &Data, limit: usize, out: &mut Out) -> Result<(), QueryError> {
    let is_range = data.result_type == "matrix";
    if !is_range && data.result_type != "vector" {
        let (_, text): Point = serde_json::from_str(data.result.get()).map_err(unreadable)?;
        return out.line(&printable(&text));
    }
    let all: Vec<Series> = serde_json::from_str(data.result.get()).map_err(unreadable)?;
    if all.is_empty() {
        note("no series");
        return Ok(());
    }
    say_cut(all.len(), limit);
    let header: &[&str] =
        if is_range { &["SERIES", "POINTS", "MIN", "MAX", "LAST", "COURSE"] } else { &["SERIES", "VALUE"] };
    let mut table = Table::new(header);
    for series in all.iter().take(limit) {
        let name = (Style::Plain, printable(&series_name(&series.metric)));
        table.row(if is_range { range_row(name, series) } else { vec![name, (Style::Bold, instant_text(series))] });
    }
    table.lines(out).iter().try_for_each(|line| out.line(line))
}

fn instant_text(series: &Series) -> String {
    match (&series.value, &series.histogram) {
        (Some((_, value)), _) => value.clone(),
        (None, Some((_, histogram))) => histogram.text(),
        (None, None) => String::new(),
    }
}

fn range_row(name: (Style, String), series: &Series) -> Vec<(Style, String)> {
    let last = series.values.last().map(|(_, value)| value.clone());
    let last = last.or_else(|| series.histograms.last().map(|(_, histogram)| histogram.text()));
    let points = series.values.len() + series.histograms.len();
    let mut row = vec![name, (Style::Dim, points.to_string())];
    let values: Vec<f64> = series.values.iter().filter_map(|(_, text)| prometheus_number(text)).collect();
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let low = finite().reduce(f64::min);
    let high = finite().reduce(f64::max);
    for bound in [low, high] {
        row.push((Style::Plain, bound.map(short_number).unwrap_or_default()));
    }
    row.push((Style::Bold, last.map(|text| prometheus_number(&text).map_or(text, short_number)).unwrap_or_default()));
    row.push((Style::Info, low.zip(high).map(|bounds| course(&values, bounds)).unwrap_or_default()));
    row
}

/// A value as the Prometheus API writes it.
fn prometheus_number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok(),
    }
}

/// Four digits or so.
fn short_number(value: f64) -> String {
    if value != 0.0 && (value.abs() >= 1e6 || value.abs() < 1e-3) {
        format!("{value:.3e}")
    } else {
        let text = format!("{value:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// The course of values as a line of blocks.
fn course(values: &[f64], (low, high): (f64, f64)) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let width = usize::try_from(QUERY_POINTS).unwrap_or(60);
    let every = values.len().div_ceil(width).max(1);
    let block = |value: &f64| {
        if !value.is_finite() {
            return ' ';
        }
        let share = if high > low { (value - low) / (high - low) } else { 0.0 };
        BLOCKS.get((share * 7.0).round() as usize).copied().unwrap_or('█')
    };
    values.iter().step_by(every).map(block).collect()
}

/// `name{label="value"}`, as it would be written in a query.
pub(super) fn series_name(labels: &BTreeMap<String, String>) -> String {
    let name = labels.get("__name__").map(String::as_str).unwrap_or_default();
    let others: Vec<String> = labels
        .iter()
        .filter(|(label, _)| *label != "__name__")
        .map(|(label, value)| format!("{label}={value:?}"))
        .collect();
    if others.is_empty() && !name.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", others.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_named_as_in_queries() {
        let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        assert_eq!(series_name(&labels(&[("__name__", "up")])), "up");
        assert_eq!(series_name(&labels(&[])), "{}");
        assert_eq!(series_name(&labels(&[("job", "a\"b"), ("__name__", "up")])), "up{job=\"a\\\"b\"}");
    }

    #[test]
    fn a_course_goes_from_the_lowest_to_the_highest_value() {
        assert_eq!(course(&[0.0, 5.0, 10.0, f64::NAN, 0.0], (0.0, 10.0)), "▁▅█ ▁");
        assert_eq!(course(&[3.0, 3.0], (3.0, 3.0)), "▁▁");
        assert_eq!(course(&[1.0; 600], (0.0, 1.0)).chars().count(), 60);
    }

    #[test]
    fn numbers_are_short_and_steps_follow_the_range() {
        for (value, text) in [(0.0, "0"), (12.3456, "12.346"), (1_234_567.0, "1.235e6"), (0.0001, "1.000e-4")] {
            assert_eq!(short_number(value), text);
        }
        assert_eq!(chosen_step("now-1h", "now").unwrap(), "60s");
        assert_eq!(chosen_step("now-5s", "now").unwrap(), "1s");
        assert!(chosen_step("soon", "now").is_err());
    }
}
