//! The records of a canary: how each signal's are written and where they are read back.

use super::ledger::Written;
use crate::query::{Params, QueryError, Server};
use serde_json::{Value, json};

/// Spans of one trace.
const SPANS_OF_A_TRACE: u64 = 50;

/// Records of a page of logs.
const PAGE: &str = "10000";

/// The name of the metric, and of the service.
const METRIC: &str = "clew_canary_number";
const SERVICE: &str = "clew-canary";

/// A signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Logs,
    Metrics,
    Traces,
}

impl Kind {
    pub(super) const ALL: [Kind; 3] = [Kind::Logs, Kind::Metrics, Kind::Traces];

    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Logs => "logs",
            Kind::Metrics => "metrics",
            Kind::Traces => "traces",
        }
    }

    /// The body that holds one record, for `/v1/<signal>`.
    pub(super) fn body(self, run: &str, number: u64, millis: i64) -> String {
        let nanos = format!("{millis}000000");
        let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": SERVICE}}]});
        let attributes = json!([
            {"key": "canary_run", "value": {"stringValue": run}},
            {"key": "canary_number", "value": {"intValue": number.to_string()}},
        ]);
        let body = match self {
            Kind::Logs => json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [{
                "timeUnixNano": nanos,
                "severityNumber": 9,
                "body": {"stringValue": format!("canary {number}")},
                "attributes": attributes,
            }]}]}]}),
            // The number is the value: each run is one series.
            Kind::Metrics => json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [{
                "name": METRIC,
                "gauge": {"dataPoints": [{
                    "timeUnixNano": nanos,
                    "asDouble": number,
                    "attributes": [{"key": "canary_run", "value": {"stringValue": run}}],
                }]},
            }]}]}]}),
            Kind::Traces => json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [{
                "traceId": trace_id(run, number),
                "spanId": format!("{:016x}", number + 1),
                "name": "canary",
                "kind": 1,
                "startTimeUnixNano": nanos,
                "endTimeUnixNano": format!("{}000000", millis + 1),
                "attributes": attributes,
            }]}]}]}),
        };
        body.to_string()
    }

    /// The sequence numbers that the server has of these records, in the order of its answers.
    ///
    /// # Errors
    /// The server does not answer, or says that its answer is not whole.
    pub(super) async fn find(self, server: &Server, run: &str, written: &[Written]) -> Result<Vec<u64>, QueryError> {
        let (Some(first), Some(last)) = (written.first(), written.last()) else { return Ok(Vec::new()) };
        match self {
            Kind::Logs => logs(server, run, (first.millis, last.millis)).await,
            Kind::Metrics => samples(server, run, (first.millis, last.millis)).await,
            Kind::Traces => spans(server, run, (first.number, last.number)).await,
        }
    }
}

fn trace_id(run: &str, number: u64) -> String {
    format!("{run}{:016x}", number / SPANS_OF_A_TRACE + 1)
}

fn parsed(text: &str) -> Result<Value, QueryError> {
    let value: Value = serde_json::from_str(text).map_err(|error| QueryError::Unreadable(error.to_string()))?;
    match value.get("warnings").and_then(Value::as_array).and_then(|warnings| warnings.first()) {
        Some(warning) => Err(QueryError::Unreadable(format!("the server says: {warning}"))),
        None => Ok(value),
    }
}

fn rows<'v>(value: &'v Value, name: &str) -> Result<&'v [Value], QueryError> {
    let rows = value.get(name).and_then(Value::as_array);
    rows.map(Vec::as_slice).ok_or_else(|| QueryError::Unreadable(format!("an answer without {name}")))
}

async fn logs(server: &Server, run: &str, (first, last): (i64, i64)) -> Result<Vec<u64>, QueryError> {
    let mut numbers = Vec::new();
    let mut cursor = None;
    loop {
        let params = Params::default()
            .with("query", format!("canary_run:{run}"))
            .with("start", format!("{first}000000"))
            .with("end", format!("{last}999999"))
            .with("order", "asc")
            .with("limit", PAGE)
            .maybe("cursor", cursor);
        let page = parsed(&server.get(&["api", "v1", "logs"], &params, "").await?)?;
        for row in rows(&page, "logs")? {
            let number = row.pointer("/attributes/canary_number").and_then(Value::as_u64);
            numbers.push(number.ok_or_else(|| QueryError::Unreadable("a record without its number".to_owned()))?);
        }
        cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            return Ok(numbers);
        }
    }
}

async fn samples(server: &Server, run: &str, (first, last): (i64, i64)) -> Result<Vec<u64>, QueryError> {
    // A range is open on its left.
    let query = format!("{METRIC}{{canary_run=\"{run}\"}}[{}ms]", last - first + 1);
    let time = format!("{}.{:03}", last / 1_000, last % 1_000);
    let params = Params::default().with("query", query.clone()).with("time", time);
    let answer = parsed(&server.get(&["prometheus", "api", "v1", "query"], &params, &query).await?)?;
    let data = answer.get("data").unwrap_or(&Value::Null);
    let mut numbers = Vec::new();
    for series in rows(data, "result")? {
        for sample in rows(series, "values")? {
            let number = sample.get(1).and_then(Value::as_str).and_then(|text| text.parse().ok());
            numbers.push(number.ok_or_else(|| QueryError::Unreadable("a sample without its value".to_owned()))?);
        }
    }
    Ok(numbers)
}

async fn spans(server: &Server, run: &str, (first, last): (u64, u64)) -> Result<Vec<u64>, QueryError> {
    let mut numbers = Vec::new();
    for trace in first / SPANS_OF_A_TRACE..=last / SPANS_OF_A_TRACE {
        let id = trace_id(run, trace * SPANS_OF_A_TRACE);
        let answer = match server.get(&["api", "v1", "traces", &id], &Params::default(), "").await {
            Err(QueryError::Refused(refusal)) if refusal.status == 404 => continue,
            answer => parsed(&answer?)?,
        };
        for span in rows(&answer, "spans")? {
            let id = span.get("span_id").and_then(Value::as_str);
            let number = id.and_then(|id| u64::from_str_radix(id, 16).ok()?.checked_sub(1));
            let number = number.ok_or_else(|| QueryError::Unreadable("a span without its ID".to_owned()))?;
            numbers.extend(Some(number).filter(|number| (first..=last).contains(number)));
        }
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_otlp_that_a_decoder_takes() {
        let run = "00112233445566aa";
        let options = clew_codec::otlp::OtlpMetricOptions::default();
        for number in [0, 49, 50, 1_000_000] {
            let body = |kind: Kind| kind.body(run, number, 1_700_000_000_123);
            let logs = clew_codec::otlp::decode_logs_json(body(Kind::Logs).as_bytes(), 0, 1 << 20).unwrap();
            assert_eq!((logs.accepted, logs.records[0].time), (1, 1_700_000_000_123_000_000));
            let spans = clew_codec::otlp::decode_traces_json(body(Kind::Traces).as_bytes(), 1 << 20).unwrap();
            let span = &spans.records[0];
            assert_eq!((span.trace_id.to_string(), span.end - span.start), (trace_id(run, number), 1_000_000));
            let metrics = clew_codec::otlp::decode_metrics_json(body(Kind::Metrics).as_bytes(), &options, 1 << 20);
            let batch = metrics.unwrap().records;
            assert!(batch.samples.iter().any(|sample| sample.value == number as f64));
        }
        assert_eq!(trace_id(run, 49), trace_id(run, 0));
        assert_ne!(trace_id(run, 50), trace_id(run, 49));
    }
}
