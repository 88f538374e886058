//! `status/…`: what Grafana, promtool and Prometheus' own page ask before anything else; what the server can do; what its
//! series cost.

use super::respond::{Answer, Failed, Success};
use crate::answers::Asker;
use crate::dto::rfc3339;
use crate::error::ApiError;
use crate::params::Params;
use crate::state::ApiState;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use clew_app::limits::CARDINALITY_SPAN;
use clew_app::reads::metrics::{CountSeries, CountedSeries};
use clew_model::Caller;
use clew_model::time::NANOS_PER_MILLI;
use clew_query::promql::ast::AggregateOp;
use clew_query::promql::{PromqlOptions, format_duration, functions};
use serde::Serialize;
use std::collections::BTreeMap;
use std::num::NonZero;

/// The Prometheus version whose API this is; Grafana chooses its calls by it.
const PROMETHEUS_VERSION: &str = "3.14.0";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildInfo {
    version: &'static str,
    revision: String,
    branch: &'static str,
    build_user: &'static str,
    build_date: &'static str,
    go_version: &'static str,
}

/// `GET /api/v1/status/buildinfo`
pub(super) async fn buildinfo(State(state): State<ApiState>) -> Response {
    let info = BuildInfo {
        version: PROMETHEUS_VERSION,
        revision: format!("clew {}", state.options.version),
        branch: "",
        build_user: "",
        build_date: "",
        go_version: "",
    };
    Answer::plain(Ok(info)).into_response()
}

/// Fields that are Go's own say what comes nearest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeInfo {
    start_time: String,
    server_time: String,
    #[serde(rename = "CWD")]
    cwd: String,
    hostname: String,
    reload_config_success: bool,
    last_config_time: String,
    /// Files that were found damaged.
    corruption_count: usize,
    /// Threads.
    goroutine_count: usize,
    #[serde(rename = "GOMAXPROCS")]
    cores: usize,
    /// Bytes of `limits.memory`.
    #[serde(rename = "GOMEMLIMIT")]
    memory: u64,
    #[serde(rename = "GOGC")]
    gogc: &'static str,
    #[serde(rename = "GODEBUG")]
    godebug: &'static str,
    storage_retention: String,
    config_warnings: Vec<String>,
}

/// `GET /api/v1/status/runtimeinfo`
pub(super) async fn runtimeinfo(State(state): State<ApiState>, Extension(caller): Extension<Caller>) -> Response {
    // Where the data are and what the configuration warns of is the operator's.
    let is_shown = !caller.is_confined();
    let only_shown = |text: String| if is_shown { text } else { String::new() };
    let (app, config) = (&state.app, &state.options.config);
    let info = RuntimeInfo {
        start_time: rfc3339(app.started()),
        server_time: rfc3339(app.clock().now()),
        cwd: only_shown(app.options().data_dir.display().to_string()),
        hostname: only_shown(std::env::var("HOSTNAME").unwrap_or_default()),
        reload_config_success: config.reload_succeeded(),
        last_config_time: rfc3339(app.started()),
        corruption_count: if is_shown { app.set_aside().len() } else { 0 },
        goroutine_count: 0,
        cores: std::thread::available_parallelism().map_or(1, NonZero::get),
        memory: app.memory_use().iter().map(|share| share.limit).sum(),
        gogc: "",
        godebug: "",
        storage_retention: retention(&state),
        config_warnings: if is_shown { config.warnings() } else { Vec::new() },
    };
    Answer::plain(Ok(info)).into_response()
}

fn retention(state: &ApiState) -> String {
    let days = |nanos: i64| format!("{}d", nanos / 86_400_000_000_000);
    state.app.options().metrics.retention.age.map_or_else(|| "unlimited".to_owned(), days)
}

/// `GET /api/v1/status/flags`: Prometheus' command line, as far as it says something of Clew.
pub(super) async fn flags(State(state): State<ApiState>) -> Response {
    let lookback = PromqlOptions::default().lookback_millis;
    let flags = BTreeMap::from([
        ("enable-feature", ENABLED.join(",")),
        ("query.lookback-delta", format_duration(lookback)),
        ("query.max-samples", PromqlOptions::default().max_samples.to_string()),
        ("storage.tsdb.retention.time", retention(&state)),
        ("web.enable-lifecycle", "true".to_owned()),
        ("web.enable-otlp-receiver", "true".to_owned()),
        ("web.enable-remote-write-receiver", "true".to_owned()),
    ]);
    Answer::plain(Ok(flags)).into_response()
}

/// Features of Prometheus that are behind a switch there and always on here.
const ENABLED: [&str; 7] = [
    "delayed-name-removal",
    "exemplar-storage",
    "native-histograms",
    "promql-binop-fill-modifiers",
    "promql-duration-expr",
    "promql-experimental-functions",
    "promql-extended-range-selectors",
];

/// `GET /api/v1/features`: what this API and its language can do, by group.
pub(super) async fn features() -> Response {
    let all = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), true)).collect::<BTreeMap<_, _>>();
    let groups = BTreeMap::from([
        ("api", all(&["exemplars", "federation", "otlp_write_receiver", "query_stats", "remote_write_receiver"])),
        (
            "promql",
            all(&[
                "anchored",
                "at_modifier",
                "bool",
                "by",
                "delayed_name_removal",
                "duration_expr",
                "fill",
                "group_left",
                "group_right",
                "ignoring",
                "negative_offset",
                "offset",
                "on",
                "per_query_lookback_delta",
                "smoothed",
                "subqueries",
                "without",
            ]),
        ),
        ("promql_functions", functions::names().map(|name| (name.to_owned(), true)).collect()),
        ("promql_operators", AggregateOp::ALL.into_iter().map(|op| (op.as_str().to_owned(), true)).collect()),
    ]);
    Answer::plain(Ok(groups)).into_response()
}

/// `GET /api/v1/notifications`: there is nothing that Prometheus would notify of.
pub(super) async fn notifications() -> Response {
    Answer::plain(Ok(Vec::<String>::new())).into_response()
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Alertmanagers {
    active_alertmanagers: Vec<String>,
    dropped_alertmanagers: Vec<String>,
}

/// `GET /api/v1/alertmanagers`: none are told yet.
pub(super) async fn alertmanagers() -> Response {
    let none = Alertmanagers { active_alertmanagers: Vec::new(), dropped_alertmanagers: Vec::new() };
    Answer::plain(Ok(none)).into_response()
}

#[derive(Debug, Serialize)]
struct WalReplay {
    min: u64,
    max: u64,
    current: u64,
}

/// `GET /api/v1/status/walreplay`: it is done before anything is answered.
pub(super) async fn walreplay() -> Response {
    Answer::plain(Ok(WalReplay { min: 0, max: 0, current: 0 })).into_response()
}

/// Entries of each list, unless `limit` says otherwise.
const TSDB_ENTRIES: usize = 10;

/// Most entries that may be asked for.
const MOST_TSDB_ENTRIES: usize = 10_000;

#[derive(Debug, Serialize)]
struct Counted {
    name: String,
    value: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HeadStats {
    num_series: u64,
    num_label_pairs: u64,
    chunk_count: u64,
    min_time: i64,
    max_time: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tsdb {
    head_stats: HeadStats,
    series_count_by_metric_name: Vec<Counted>,
    label_value_count_by_label_name: Vec<Counted>,
    memory_in_bytes_by_label_name: Vec<Counted>,
    series_count_by_label_value_pair: Vec<Counted>,
}

/// `GET /api/v1/status/tsdb`: which metrics, labels and values make how many of the series that are written now.
pub(super) async fn tsdb(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, Failed> {
    let params = Params::of_query(request.uri().query());
    let limit = params.parse::<usize>("limit")?.unwrap_or(TSDB_ENTRIES);
    if !(1..=MOST_TSDB_ENTRIES).contains(&limit) {
        return Err(ApiError::bad_request(format!("limit must be between 1 and {MOST_TSDB_ENTRIES}")).into());
    }
    let now = state.app.clock().now() / NANOS_PER_MILLI;
    let shape = move |found: CountedSeries| {
        let CountedSeries { counts: found, warnings } = found;
        let listed = |all: Vec<(String, u64)>| all.into_iter().map(|(name, value)| Counted { name, value }).collect();
        let head_stats = HeadStats {
            num_series: found.series,
            num_label_pairs: found.label_pairs,
            chunk_count: found.series,
            min_time: now - CARDINALITY_SPAN / NANOS_PER_MILLI,
            max_time: now,
        };
        let data = Tsdb {
            head_stats,
            series_count_by_metric_name: listed(found.by_metric),
            label_value_count_by_label_name: listed(found.values_by_label),
            memory_in_bytes_by_label_name: listed(found.bytes_by_label),
            series_count_by_label_value_pair: listed(found.by_pair),
        };
        Success::warned(data, warnings)
    };
    Ok(asker.ask(CountSeries { limit }, shape).await?)
}
