//! `query`, `query_range` and `query_exemplars`.

use super::respond::{Failed, Success};
use crate::answers::Asker;
use crate::error::ApiError;
use crate::params::{Params, parse_duration};
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use clew_app::reads::metrics::{Exemplars, FindExemplars, InstantQuery, RangeQuery};
use clew_model::UnixMillis;
use clew_model::metrics::{ExemplarRow, HistogramBucket, Labels, NativeHistogram};
use clew_model::time::NANOS_PER_MILLI;
use clew_query::promql::{self, InstantSample, QueryResult, QueryStats, RangeSeries, SampleValue, Value};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A label set as JSON.
#[derive(Debug)]
pub(super) struct LabelMap(pub Labels);

impl Serialize for LabelMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

/// `data` of a query. Points are written one by one: as values of their own they would take many times the memory of the
/// result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QueryData {
    result_type: &'static str,
    result: ResultData,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
}

/// What a query cost, where it is asked for.
#[derive(Debug, Serialize)]
struct Stats {
    timings: Timings,
    samples: SampleStats,
}

/// Seconds. A query is prepared, sorted and evaluated in one, so that all its time is that of the evaluation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Timings {
    eval_total_time: f64,
    result_sort_time: f64,
    query_preparation_time: f64,
    inner_eval_time: f64,
    exec_queue_time: f64,
    exec_total_time: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SampleStats {
    total_queryable_samples: u64,
    samples_read: u64,
    peak_samples: u64,
}

impl From<QueryStats> for Stats {
    fn from(stats: QueryStats) -> Self {
        let seconds = stats.took.as_secs_f64();
        Self {
            timings: Timings {
                eval_total_time: seconds,
                result_sort_time: 0.0,
                query_preparation_time: 0.0,
                inner_eval_time: seconds,
                exec_queue_time: 0.0,
                exec_total_time: seconds,
            },
            samples: SampleStats {
                total_queryable_samples: stats.samples,
                samples_read: stats.samples,
                peak_samples: stats.used,
            },
        }
    }
}

/// How an answer is shown.
#[derive(Debug, Clone, Copy)]
struct Shown {
    /// With what it cost.
    stats: bool,
    /// Series at most.
    limit: usize,
}

impl Shown {
    fn of(params: &Params) -> Result<Self, ApiError> {
        let limit = params.parse::<usize>("limit")?.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        Ok(Self { stats: params.get("stats").is_some(), limit })
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ResultData {
    Scalar(Point),
    Text((Seconds, String)),
    Vector(Vec<VectorSample>),
    Matrix(Vec<MatrixSeries>),
}

/// Seconds with up to three decimals, as Prometheus writes them: `1435781451.781`, `1435781451`.
#[derive(Debug, Clone, Copy)]
struct Seconds(UnixMillis);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Whole milliseconds survive a number of 64 bits for a quarter of a million years, and its shortest text is theirs.
        if self.0 % 1000 == 0 {
            serializer.serialize_i64(self.0 / 1000)
        } else {
            serializer.serialize_f64(self.0 as f64 / 1000.0)
        }
    }
}

/// `[seconds, "value"]`
#[derive(Debug, Clone, Copy)]
struct Point(UnixMillis, f64);

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (Seconds(self.0), promql::format_value(self.1)).serialize(serializer)
    }
}

/// `[[seconds, "value"], …]`
#[derive(Debug)]
struct Points(Vec<(UnixMillis, f64)>);

impl Points {
    fn are_none(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Points {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(time, value)| Point(*time, *value)))
    }
}

/// `[[seconds, {histogram}], …]`
#[derive(Debug)]
struct HistogramPoints(Vec<(UnixMillis, Arc<NativeHistogram>)>);

impl HistogramPoints {
    fn are_none(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for HistogramPoints {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(time, own)| (Seconds(*time), HistogramData::from(&**own))))
    }
}

#[derive(Debug, Serialize)]
struct VectorSample {
    metric: LabelMap,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Point>,
    #[serde(skip_serializing_if = "Option::is_none")]
    histogram: Option<(Seconds, HistogramData)>,
}

#[derive(Debug, Serialize)]
struct MatrixSeries {
    metric: LabelMap,
    #[serde(skip_serializing_if = "Points::are_none")]
    values: Points,
    #[serde(skip_serializing_if = "HistogramPoints::are_none")]
    histograms: HistogramPoints,
}

/// A native histogram: `buckets` are `[boundary rule, lower, upper, count]`.
#[derive(Debug, Serialize)]
struct HistogramData {
    count: String,
    sum: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    buckets: Vec<(u8, String, String, String)>,
}

impl From<&NativeHistogram> for HistogramData {
    fn from(histogram: &NativeHistogram) -> Self {
        let bucket = |bucket: HistogramBucket| {
            let rule = match (bucket.includes_lower, bucket.includes_upper) {
                (false, true) => 0,
                (true, false) => 1,
                (false, false) => 2,
                (true, true) => 3,
            };
            let [lower, upper, count] = [bucket.lower, bucket.upper, bucket.count].map(promql::format_value);
            (rule, lower, upper, count)
        };
        Self {
            count: promql::format_value(histogram.count),
            sum: promql::format_value(histogram.sum),
            buckets: histogram.buckets().into_iter().map(bucket).collect(),
        }
    }
}

/// `GET|POST /api/v1/query`
pub(super) async fn instant(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, Failed> {
    let params = Params::of_request(request).await?;
    let question = InstantQuery {
        query: params.required("query")?.to_owned(),
        at: params.time("time", state.app.clock().now())?,
        lookback: params.duration("lookback_delta")?,
        timeout: timeout(&params)?,
    };
    let shown = Shown::of(&params)?;
    Ok(asker.ask(question, move |result| rendered(result, shown)).await?)
}

/// `GET|POST /api/v1/query_range`
pub(super) async fn range(
    State(state): State<ApiState>,
    asker: Asker,
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
    let shown = Shown::of(&params)?;
    Ok(asker.ask(question, move |result| rendered(result, shown)).await?)
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

fn rendered(mut result: QueryResult, shown: Shown) -> Success<QueryData> {
    let stats = shown.stats.then(|| Stats::from(result.stats));
    let series = match &result.value {
        Value::Vector(samples) => samples.len(),
        Value::Matrix(series) => series.len(),
        Value::Scalar(..) | Value::String(..) => 0,
    };
    if series > shown.limit {
        match &mut result.value {
            Value::Vector(samples) => samples.truncate(shown.limit),
            Value::Matrix(series) => series.truncate(shown.limit),
            Value::Scalar(..) | Value::String(..) => {}
        }
        result.annotations.warnings.push("results truncated due to limit".to_owned());
    }
    let data = |result_type, result| QueryData { result_type, result, stats };
    let data = match result.value {
        Value::Scalar(time, value) => data("scalar", ResultData::Scalar(Point(time, value))),
        Value::String(time, text) => data("string", ResultData::Text((Seconds(time), text))),
        Value::Vector(samples) => {
            data("vector", ResultData::Vector(samples.into_iter().map(VectorSample::from).collect()))
        }
        Value::Matrix(series) => {
            data("matrix", ResultData::Matrix(series.into_iter().map(MatrixSeries::from).collect()))
        }
    };
    Success::new(data, result.annotations)
}

impl From<InstantSample> for VectorSample {
    fn from(sample: InstantSample) -> Self {
        let (value, histogram) = match sample.value {
            SampleValue::Float(value) => (Some(Point(sample.time, value)), None),
            SampleValue::Histogram(own) => (None, Some((Seconds(sample.time), HistogramData::from(&*own)))),
        };
        Self { metric: LabelMap(sample.labels), value, histogram }
    }
}

impl From<RangeSeries> for MatrixSeries {
    fn from(one: RangeSeries) -> Self {
        Self { metric: LabelMap(one.labels), values: Points(one.floats), histograms: HistogramPoints(one.histograms) }
    }
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
    timestamp: Seconds,
}

/// `GET|POST /api/v1/query_exemplars`
pub(super) async fn exemplars(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, Failed> {
    let params = Params::of_request(request).await?;
    let question =
        FindExemplars { query: params.required("query")?.to_owned(), period: params.period(state.app.clock().now())? };
    let shape = |found: Exemplars| Success::warned(by_series(found.rows), found.warnings);
    Ok(asker.ask(question, shape).await?)
}

fn by_series(rows: Vec<ExemplarRow>) -> Vec<ExemplarSeries> {
    let mut series: BTreeMap<Labels, Vec<ExemplarPoint>> = BTreeMap::new();
    for row in rows {
        let point = ExemplarPoint {
            labels: LabelMap(row.labels),
            value: promql::format_value(row.value),
            timestamp: Seconds(row.time),
        };
        series.entry(row.series).or_default().push(point);
    }
    let all = series.into_iter();
    all.map(|(labels, exemplars)| ExemplarSeries { series_labels: LabelMap(labels), exemplars }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_with_the_decimals_they_need() {
        for (millis, text) in
            [(1_435_781_451_781, "1435781451.781"), (1_435_781_451_000, "1435781451"), (1_500, "1.5"), (-1, "-0.001")]
        {
            assert_eq!(serde_json::to_string(&Seconds(millis)).unwrap(), text);
        }
    }
}
