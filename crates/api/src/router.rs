//! Which path is served by what.

use crate::around::{around, panics};
use crate::state::ApiState;
use crate::{
    correlate, log_context, log_tail, logs, openapi, operations, otlp, prometheus, readable_path, services, status,
    traces, web,
};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

/// Everything over HTTP: the REST API, the compatible APIs under their prefixes, OTLP/HTTP, operations.
pub fn main_router(state: ApiState) -> Router {
    around(main_routes(), state)
}

/// OTLP/HTTP alone, for port 4318.
pub fn otlp_http_router(state: ApiState) -> Router {
    around(otlp_http_routes(), state)
}

/// Prometheus' HTTP API at the root, for port 9090.
pub fn prometheus_router(state: ApiState) -> Router {
    around(prometheus_routes(), state)
}

/// OTLP/gRPC alone, for port 4317.
pub fn otlp_grpc_router(state: ApiState) -> Router {
    around(otlp::grpc_routes(), state)
}

fn main_routes() -> Router<ApiState> {
    Router::new()
        .route("/", get(web::root))
        .route("/api/v1/logs", get(logs::search).post(logs::ingest))
        .route("/api/v1/logs/histogram", get(logs::histogram))
        .route("/api/v1/logs/patterns", get(logs::patterns))
        .route("/api/v1/logs/fields", get(logs::fields))
        .route("/api/v1/logs/fields/{name}/values", get(logs::field_values))
        .route("/api/v1/logs/tail", get(log_tail::tail))
        .route("/api/v1/logs/{id}/context", get(log_context::context))
        .route("/api/v1/traces", get(traces::search))
        .route("/api/v1/traces/density", get(traces::density))
        .route("/api/v1/traces/contrast", get(traces::contrast))
        .route("/api/v1/traces/{id}", get(traces::trace))
        .route("/api/v1/services", get(services::list))
        .route("/api/v1/services/{name}", get(services::details))
        .route("/api/v1/service-map", get(services::map))
        .route("/api/v1/correlate/{id}", get(correlate::correlate))
        .route("/api/v1/resolve", get(correlate::resolve))
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/openapi.json", get(openapi::serve))
        .route("/-/healthy", get(operations::healthy))
        .route("/-/ready", get(operations::ready))
        .route("/-/reload", post(operations::reload).put(operations::reload))
        .route("/metrics", get(operations::metrics))
        .nest("/prometheus", prometheus::routes())
        .merge(otlp_routes())
        .fallback(page_or_nothing)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(readable_path::on_main_port))
}

fn otlp_http_routes() -> Router<ApiState> {
    otlp_routes()
        .route("/-/healthy", get(operations::healthy))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
}

fn prometheus_routes() -> Router<ApiState> {
    prometheus::routes()
        .route("/", get(operations::welcome))
        .route("/-/reload", post(operations::reload).put(operations::reload))
        .route("/metrics", get(operations::metrics))
        .layer(middleware::from_fn(readable_path::on_prometheus_port))
}

fn otlp_routes() -> Router<ApiState> {
    Router::new()
        .route("/v1/logs", post(otlp::logs))
        .route("/v1/metrics", post(otlp::metrics))
        .route("/v1/traces", post(otlp::traces))
        .layer(panics(otlp::panicked))
}

/// Assets and pages of the web UI, wherever no route stands.
async fn page_or_nothing(State(state): State<ApiState>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    match web::answer(&state, &method, &uri, &headers) {
        Some(response) => response,
        None => no_such_path(uri).await,
    }
}

async fn no_such_path(uri: Uri) -> Response {
    crate::error::ApiError {
        hint: Some("GET /api/v1/openapi.json lists the paths of this API".to_owned()),
        ..crate::error::ApiError::new(clew_model::ErrorKind::NotFound, format!("there is nothing at {}", uri.path()))
    }
    .into_response()
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    crate::error::ApiError::wrong_method(&method, &uri).into_response()
}

#[cfg(test)]
mod tests;
