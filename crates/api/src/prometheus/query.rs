//! `query`, `query_range` and `query_exemplars`.

use super::respond::{Answer, Failed};
use crate::error::ApiError;
use crate::params::{Params, parse_duration};
use crate::state::ApiState;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use clew_app::reads::metrics::{FindExemplars, InstantQuery, RangeQuery};
use clew_model::metrics::{ExemplarRow, Labels, NativeHistogram};
use clew_model::time::NANOS_PER_MILLI;
use clew_model::{Caller, UnixMillis};
use clew_query::promql::{self, Annotations, QueryResult, SampleValue, Value};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::time::Duration;

/// A label set as JSON.
pub(super) type LabelMap = BTreeMap<String, String>;

/// A label set as JSON.
pub(super) fn label_map(labels: &Labels) -> LabelMap {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// `data` of a query.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QueryData {
    result_type: &'static str,
    result: ResultData,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ResultData {
    Point(Point),
    Vector(Vec<VectorSample>),
    Matrix(Vec<MatrixSeries>),
}

/// `[seconds, "value"]`
#[derive(Debug, Serialize)]
struct Point(Box<RawValue>, String);

/// `[seconds, {histogram}]`
#[derive(Debug, Serialize)]
struct HistogramPoint(Box<RawValue>, HistogramData);

#[derive(Debug, Serialize)]
struct VectorSample {
    metric: LabelMap,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Point>,
    #[serde(skip_serializing_if = "Option::is_none")]
    histogram: Option<HistogramPoint>,
}

#[derive(Debug, Serialize)]
struct MatrixSeries {
    metric: LabelMap,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<Point>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    histograms: Vec<HistogramPoint>,
}

/// A native histogram: `buckets` are `[boundary rule, lower, upper, count]`.
#[derive(Debug, Serialize)]
struct HistogramData {
    count: String,
    sum: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    buckets: Vec<(u8, String, String, String)>,
}

/// `GET|POST /api/v1/query`
pub(super) async fn instant(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Result<Response, Failed> {
    let params = Params::of_request(request).await?;
    let question = InstantQuery {
        query: params.required("query")?.to_owned(),
        at: params.time("time", state.app.clock().now())?,
        lookback: params.duration("lookback_delta")?,
        timeout: timeout(&params)?,
    };
    Ok(state.app.ask(&caller, question, rendered).await?)
}

/// `GET|POST /api/v1/query_range`
pub(super) async fn range(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Result<Response, Failed> {
    let params = Params::of_request(request).await?;
    let now = state.app.clock().now();
    let time = |name| Ok::<_, ApiError>(params.required(name).and(params.time(name, now))?.unwrap_or(now));
    let question = RangeQuery {
        query: params.required("query")?.to_owned(),
        start: time("start")?,
        end: time("end")?,
        step: step(params.required("step")?)?,
        lookback: params.duration("lookback_delta")?,
        timeout: timeout(&params)?,
    };
    Ok(state.app.ask(&caller, question, rendered).await?)
}

/// A step in milliseconds: `15s`, `1m`, or a number of seconds.
fn step(text: &str) -> Result<i64, ApiError> {
    let millis = parse_duration(text).map(|nanos| nanos / NANOS_PER_MILLI);
    millis.or_else(|| promql::parse_duration(text).ok()).ok_or_else(|| {
        ApiError::bad_request(format!(
            "the parameter \"step\" has the value {text:?}: write it as 15s, 1m or a number of seconds"
        ))
    })
}

fn timeout(params: &Params) -> Result<Option<Duration>, ApiError> {
    let nanos = params.duration("timeout")?;
    Ok(nanos.map(|nanos| Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))))
}

/// The whole answer: millions of points are written out on the query's thread, not on one that serves connections.
fn rendered(result: QueryResult) -> Response {
    Answer(Ok(data(result))).into_response()
}

fn data(result: QueryResult) -> (QueryData, Annotations) {
    let data = match result.value {
        Value::Scalar(time, value) => {
            QueryData { result_type: "scalar", result: ResultData::Point(point(time, value)) }
        }
        Value::String(time, text) => {
            QueryData { result_type: "string", result: ResultData::Point(Point(seconds(time), text)) }
        }
        Value::Vector(samples) => QueryData {
            result_type: "vector",
            result: ResultData::Vector(
                samples
                    .into_iter()
                    .map(|sample| {
                        let (value, histogram) = match sample.value {
                            SampleValue::Float(value) => (Some(point(sample.time, value)), None),
                            SampleValue::Histogram(own) => (None, Some(histogram_point(sample.time, &own))),
                        };
                        VectorSample { metric: label_map(&sample.labels), value, histogram }
                    })
                    .collect(),
            ),
        },
        Value::Matrix(series) => QueryData {
            result_type: "matrix",
            result: ResultData::Matrix(
                series
                    .into_iter()
                    .map(|one| MatrixSeries {
                        metric: label_map(&one.labels),
                        values: one.floats.into_iter().map(|(time, value)| point(time, value)).collect(),
                        histograms: one.histograms.into_iter().map(|(time, own)| histogram_point(time, &own)).collect(),
                    })
                    .collect(),
            ),
        },
    };
    (data, result.annotations)
}

fn point(time: UnixMillis, value: f64) -> Point {
    Point(seconds(time), promql::format_value(value))
}

fn histogram_point(time: UnixMillis, histogram: &NativeHistogram) -> HistogramPoint {
    let buckets = histogram.buckets().into_iter();
    let data = HistogramData {
        count: promql::format_value(histogram.count),
        sum: promql::format_value(histogram.sum),
        buckets: buckets
            .map(|bucket| {
                // Boundaries: 0 open left (positive), 1 open right (negative), 3 closed both (zero bucket).
                let rule = if bucket.lower < 0.0 && bucket.upper > 0.0 { 3 } else { u8::from(bucket.upper <= 0.0) };
                (
                    rule,
                    promql::format_value(bucket.lower),
                    promql::format_value(bucket.upper),
                    promql::format_value(bucket.count),
                )
            })
            .collect(),
    };
    HistogramPoint(seconds(time), data)
}

/// Seconds with up to three decimals, as Prometheus writes them: `1435781451.781`, `1435781451`.
fn seconds(time: UnixMillis) -> Box<RawValue> {
    let sign = if time < 0 { "-" } else { "" };
    let (whole, millis) = (time.unsigned_abs() / 1000, time.unsigned_abs() % 1000);
    let text = if millis == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{millis:03}").trim_end_matches('0').to_owned()
    };
    RawValue::from_string(text).unwrap_or_default()
}

/// `data` of `query_exemplars`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExemplarSeries {
    series_labels: LabelMap,
    exemplars: Vec<ExemplarPoint>,
}

#[derive(Debug, Serialize)]
struct ExemplarPoint {
    labels: LabelMap,
    value: String,
    timestamp: Box<RawValue>,
}

/// `GET|POST /api/v1/query_exemplars`
pub(super) async fn exemplars(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Result<Response, Failed> {
    let params = Params::of_request(request).await?;
    let question =
        FindExemplars { query: params.required("query")?.to_owned(), period: params.period(state.app.clock().now())? };
    Ok(state
        .app
        .ask(&caller, question, |found| Answer::warned(by_series(found.rows), found.warnings).into_response())
        .await?)
}

fn by_series(rows: Vec<ExemplarRow>) -> Vec<ExemplarSeries> {
    let mut series: BTreeMap<Labels, Vec<ExemplarPoint>> = BTreeMap::new();
    for row in rows {
        let point = ExemplarPoint {
            labels: label_map(&row.labels),
            value: promql::format_value(row.value),
            timestamp: seconds(row.time),
        };
        series.entry(row.series).or_default().push(point);
    }
    let all = series.into_iter();
    all.map(|(labels, exemplars)| ExemplarSeries { series_labels: label_map(&labels), exemplars }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_with_the_decimals_they_need() {
        for (millis, text) in
            [(1_435_781_451_781, "1435781451.781"), (1_435_781_451_000, "1435781451"), (1_500, "1.5"), (-1, "-0.001")]
        {
            assert_eq!(seconds(millis).get(), text);
        }
    }
}
