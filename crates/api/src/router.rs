//! Which path is served by what.

use crate::state::ApiState;
use crate::{
    caller, correlate, log_context, log_tail, logs, openapi, operations, otlp, prometheus, readable_path, services,
    status, traces, web,
};
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use clew_telemetry::table;
use std::time::Instant;

/// Everything over HTTP: the REST API, the compatible APIs under their prefixes, OTLP/HTTP, operations.
pub fn main_router(state: ApiState) -> Router {
    Router::new()
        .route("/", get(web::root))
        .route("/api/v1/logs", get(logs::search).post(logs::ingest))
        .route("/api/v1/logs/histogram", get(logs::histogram))
        .route("/api/v1/logs/fields", get(logs::fields))
        .route("/api/v1/logs/fields/{name}/values", get(logs::field_values))
        .route("/api/v1/logs/tail", get(log_tail::tail))
        .route("/api/v1/logs/{id}/context", get(log_context::context))
        .route("/api/v1/traces", get(traces::search))
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
        .layer(middleware::from_fn(caller::identify))
        .layer(middleware::from_fn_with_state(state.clone(), count))
        // Bodies are capped where they are read, each by its own limit.
        .layer(DefaultBodyLimit::disable())
        .with_state(state)
}

/// OTLP/HTTP alone, for port 4318.
pub fn otlp_http_router(state: ApiState) -> Router {
    otlp_routes()
        .route("/-/healthy", get(operations::healthy))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(caller::identify))
        .layer(middleware::from_fn_with_state(state.clone(), count))
        .layer(DefaultBodyLimit::disable())
        .with_state(state)
}

/// Prometheus' HTTP API at the root, for port 9090.
pub fn prometheus_router(state: ApiState) -> Router {
    prometheus::routes()
        .route("/", get(operations::welcome))
        .route("/-/reload", post(operations::reload).put(operations::reload))
        .route("/metrics", get(operations::metrics))
        .layer(middleware::from_fn(readable_path::on_prometheus_port))
        .layer(middleware::from_fn(caller::identify))
        .layer(middleware::from_fn_with_state(state.clone(), count))
        .layer(DefaultBodyLimit::disable())
        .with_state(state)
}

/// OTLP/gRPC alone, for port 4317.
pub fn otlp_grpc_router(state: ApiState) -> Router {
    otlp::grpc_router(state).layer(middleware::from_fn(caller::identify)).layer(DefaultBodyLimit::disable())
}

fn otlp_routes() -> Router<ApiState> {
    Router::new()
        .route("/v1/logs", post(otlp::logs))
        .route("/v1/metrics", post(otlp::metrics))
        .route("/v1/traces", post(otlp::traces))
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

/// Counts requests by route, never by path: a path may hold anything.
async fn count(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = known_method(request.method());
    let response = next.run(request).await;
    let registry = state.app.observer().registry();
    registry.counter(&table::HTTP_REQUESTS, [&route, method, response.status().as_str()]).inc();
    registry.histogram(&table::HTTP_DURATION, [&route]).observe_duration(started.elapsed());
    response
}

fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
