//! The Prometheus HTTP API (<https://prometheus.io/docs/prometheus/latest/querying/api/>) under `/prometheus/api/v1`.

mod expression;
mod federate;
mod labels;
mod metadata;
mod query;
mod read;
mod respond;
mod status;
mod targets;
mod write;

pub(crate) use respond::failure;
pub(crate) use targets::scraped_for;

use crate::around::panics;
use crate::caller::{ingest, open, read};
use crate::otlp;
use crate::state::ApiState;
use axum::Router;
use axum::routing::{get, post};

/// The routes, to be nested under `/prometheus`.
pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/api/v1/query", read(get(query::instant).post(query::instant)))
        .route("/api/v1/query_range", read(get(query::range).post(query::range)))
        .route("/api/v1/query_exemplars", read(get(query::exemplars).post(query::exemplars)))
        .route("/api/v1/series", read(get(labels::series).post(labels::series)))
        .route("/api/v1/labels", read(get(labels::names).post(labels::names)))
        .route("/api/v1/label/{name}/values", read(get(labels::values)))
        .route("/api/v1/metadata", read(get(metadata::metadata)))
        .route("/api/v1/targets", read(get(targets::targets)))
        .route("/api/v1/scrape_pools", read(get(targets::scrape_pools)))
        .route("/api/v1/targets/metadata", read(get(targets::metadata)))
        .route("/api/v1/alertmanagers", read(get(status::alertmanagers)))
        .route("/api/v1/format_query", read(get(expression::format_query).post(expression::format_query)))
        .route("/api/v1/parse_query", read(get(expression::parse_query).post(expression::parse_query)))
        .route("/api/v1/status/buildinfo", read(get(status::buildinfo)))
        .route("/api/v1/status/runtimeinfo", read(get(status::runtimeinfo)))
        .route("/api/v1/status/flags", read(get(status::flags)))
        .route("/api/v1/status/tsdb", read(get(status::tsdb)))
        .route("/api/v1/status/walreplay", read(get(status::walreplay)))
        .route("/api/v1/features", read(get(status::features)))
        .route("/api/v1/notifications", read(get(status::notifications)))
        .route("/federate", read(get(federate::federate)))
        .route("/api/v1/read", read(post(read::read)))
        .route("/api/v1/write", ingest(post(write::write)))
        .route("/api/v1/otlp/v1/metrics", ingest(post(otlp::metrics)))
        .route("/-/healthy", open(get(crate::operations::healthy)))
        .route("/-/ready", open(get(crate::operations::ready)))
        .fallback(respond::no_such_path)
        .method_not_allowed_fallback(respond::wrong_method)
        .layer(panics(|error| failure(&error)))
}
