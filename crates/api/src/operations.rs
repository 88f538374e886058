//! What operators and probes ask: health, readiness, reload, Clew's own metrics, a word of welcome.

use crate::error::ApiError;
use crate::members::record;
use crate::state::ApiState;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use clew_app::access::Deed;
use clew_model::{Caller, ErrorKind};
use clew_telemetry::Format;
use std::sync::Arc;

/// `GET /` where no page is served: where to send and what to ask.
pub(crate) async fn welcome(State(state): State<ApiState>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], state.options.welcome.clone()).into_response()
}

/// `GET /-/healthy`: the process runs.
pub(crate) async fn healthy() -> &'static str {
    "Clew is healthy.\n"
}

/// `GET /-/ready`: requests are taken and can be written.
pub(crate) async fn ready(State(state): State<ApiState>) -> Response {
    if state.is_ready() {
        return "Clew is ready.\n".into_response();
    }
    let failed: Vec<&str> = state.app.failed_signals().into_iter().map(|signal| signal.as_str()).collect();
    let why = if failed.is_empty() && state.app.is_disk_full() {
        "the disk is full: what is stored is served, and nothing is taken until there is room\n".to_owned()
    } else if let (true, Some((signal, refusal))) = (failed.is_empty(), state.app.refusals().first()) {
        format!("the disk refuses {signal}: {}; it is tried again with each request\n", refusal.cause)
    } else if failed.is_empty() {
        "Clew is stopping.\n".to_owned()
    } else {
        format!("the write path of {} failed; see the log, mend the disk, and restart Clew\n", failed.join(", "))
    };
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

/// `POST /-/trust-clock`: a person says that the clock is right, so that data are removed by their age again.
pub(crate) async fn trust_clock(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> &'static str {
    // What is believed is written down.
    let app = Arc::clone(&state.app);
    let trusted = tokio::task::spawn_blocking(move || app.trust_clock()).await.is_ok();
    let detail = if trusted { "believed" } else { "failed" };
    record(&state, request.extensions(), &caller.principal, Deed::TrustClock, detail).await;
    if trusted { "the clock is believed\n" } else { "the clock could not be believed; see the log\n" }
}

/// `POST /-/reload`: reads the configuration anew.
pub(crate) async fn reload(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let reload = state.options.reload.clone();
    let outcome = tokio::task::spawn_blocking(move || reload()).await;
    let outcome = outcome.unwrap_or_else(|_| Err("the reload failed unexpectedly; see the log".to_owned()));
    let detail = if outcome.is_ok() { "in force" } else { "refused" };
    record(&state, request.extensions(), &caller.principal, Deed::Reload, detail).await;
    match outcome {
        Ok(()) => "the configuration was read anew\n".into_response(),
        Err(faults) => {
            let text = format!("the new configuration is not usable, the old one stays in force:\n{faults}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}

/// `GET /metrics`: Clew's own telemetry.
pub(crate) async fn metrics(State(state): State<ApiState>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let format = Format::from_accept(accept);
    // Some gauges ask the stores and the disk.
    let render = tokio::task::spawn_blocking(move || state.app.observer().registry().render(format));
    match render.await {
        Ok(body) => ([(header::CONTENT_TYPE, format.content_type())], body).into_response(),
        Err(_) => ApiError::new(ErrorKind::Internal, "the metrics could not be rendered; see the log").into_response(),
    }
}
