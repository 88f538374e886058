//! `status/buildinfo` and `status/runtimeinfo`: what Grafana and promtool ask before anything else.

use super::respond::Answer;
use crate::state::ApiState;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use clew_model::Caller;
use serde::Serialize;

/// The Prometheus version whose API this is; Grafana chooses its calls by it.
const PROMETHEUS_VERSION: &str = "3.0.0";

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

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeInfo {
    #[serde(rename = "CWD")]
    cwd: String,
    reload_config_success: bool,
    storage_retention: String,
    config_warnings: Vec<String>,
}

/// `GET /api/v1/status/runtimeinfo`
pub(super) async fn runtimeinfo(State(state): State<ApiState>, Extension(caller): Extension<Caller>) -> Response {
    // Where the data are and what the configuration warns of is the operator's.
    let is_shown = !caller.is_confined();
    let age = state.app.options().metrics.retention.age;
    let days = |nanos: i64| format!("{}d", nanos / 86_400_000_000_000);
    let info = RuntimeInfo {
        cwd: if is_shown { state.app.options().data_dir.display().to_string() } else { String::new() },
        reload_config_success: state.options.config.reload_succeeded(),
        storage_retention: age.map_or_else(|| "unlimited".to_owned(), days),
        config_warnings: if is_shown { state.options.config.warnings() } else { Vec::new() },
    };
    Answer::plain(Ok(info)).into_response()
}
