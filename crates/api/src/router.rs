//! Which path is served by what.

use crate::around::{around, panics};
use crate::caller::{admin, ingest, open, read, read_server};
use crate::shape::Port;
use crate::state::ApiState;
use crate::{
    correlate, log_context, log_tail, logs, members, oidc, openapi, operations, otlp, prometheus, readable_path,
    services, session, status, tenants, traces, web,
};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};

/// Everything over HTTP: the REST API, the compatible APIs under their prefixes, OTLP/HTTP, operations.
pub fn main_router(state: ApiState) -> Router {
    around(main_routes(), state, Port::Main)
}

/// OTLP/HTTP alone, for port 4318.
pub fn otlp_http_router(state: ApiState) -> Router {
    around(otlp_http_routes(), state, Port::OtlpHttp)
}

/// Prometheus' HTTP API at the root, for port 9090.
pub fn prometheus_router(state: ApiState) -> Router {
    around(prometheus_routes(), state, Port::Prometheus)
}

/// OTLP/gRPC alone, for port 4317.
pub fn otlp_grpc_router(state: ApiState) -> Router {
    around(otlp::grpc_routes(), state, Port::OtlpGrpc)
}

fn main_routes() -> Router<ApiState> {
    Router::new()
        .route("/", open(get(web::root)))
        .route("/api/v1/logs", read(get(logs::search)).merge(ingest(post(logs::ingest))))
        .route("/api/v1/logs/histogram", read(get(logs::histogram)))
        .route("/api/v1/logs/patterns", read(get(logs::patterns)))
        .route("/api/v1/logs/fields", read(get(logs::fields)))
        .route("/api/v1/logs/fields/{name}/values", read(get(logs::field_values)))
        .route("/api/v1/logs/tail", read(get(log_tail::tail)))
        .route("/api/v1/logs/{id}/context", read(get(log_context::context)))
        .route("/api/v1/traces", read(get(traces::search)))
        .route("/api/v1/traces/density", read(get(traces::density)))
        .route("/api/v1/traces/contrast", read(get(traces::contrast)))
        .route("/api/v1/traces/{id}", read(get(traces::trace)))
        .route("/api/v1/services", read(get(services::list)))
        .route("/api/v1/services/{name}", read(get(services::details)))
        .route("/api/v1/service-map", read(get(services::map)))
        .route("/api/v1/correlate/{id}", read(get(correlate::correlate)))
        .route("/api/v1/resolve", read(get(correlate::resolve)))
        .route("/api/v1/status", read(get(status::status)))
        .route("/api/v1/session", open(get(session::current).post(session::log_in).delete(session::log_out)))
        .route("/api/v1/session/oidc", open(get(oidc::begin)))
        .route("/api/v1/session/oidc/callback", open(get(oidc::callback)))
        .route("/api/v1/users", admin(get(members::users).post(members::add_user)))
        .route("/api/v1/users/{name}", admin(put(members::change_user).delete(members::remove_user)))
        .route("/api/v1/tokens", admin(get(members::tokens).post(members::add_token)))
        .route("/api/v1/tokens/{name}", admin(delete(members::remove_token)))
        .route("/api/v1/tenants", read_server(get(tenants::tenants)))
        .route("/api/v1/audit", admin(get(members::audit)))
        .route("/api/v1/openapi.json", read(get(openapi::serve)))
        .route("/-/healthy", open(get(operations::healthy)))
        .route("/-/ready", open(get(operations::ready)))
        .route("/-/reload", admin(post(operations::reload).put(operations::reload)))
        .route("/-/trust-clock", admin(post(operations::trust_clock)))
        .route("/metrics", read_server(get(operations::metrics)))
        .nest("/prometheus", prometheus::routes())
        .merge(otlp_routes())
        .fallback(page_or_nothing)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(readable_path::on_main_port))
}

fn otlp_http_routes() -> Router<ApiState> {
    otlp_routes()
        .route("/-/healthy", open(get(operations::healthy)))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
}

fn prometheus_routes() -> Router<ApiState> {
    prometheus::routes()
        .route("/", read(get(operations::welcome)))
        .route("/-/reload", admin(post(operations::reload).put(operations::reload)))
        .route("/metrics", read_server(get(operations::metrics)))
        .layer(middleware::from_fn(readable_path::on_prometheus_port))
}

fn otlp_routes() -> Router<ApiState> {
    Router::new()
        .route("/v1/logs", ingest(post(otlp::logs)))
        .route("/v1/metrics", ingest(post(otlp::metrics)))
        .route("/v1/traces", ingest(post(otlp::traces)))
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
mod apart_tests;
#[cfg(test)]
mod door_tests;
#[cfg(test)]
mod session_tests;
#[cfg(test)]
mod tests;
