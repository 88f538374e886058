//! The OpenAPI description of our own API, generated from the handlers.

use crate::dto::{TailDroppedDto, TailLogsDto, TailReadyDto, TailWarningDto};
use crate::error::ErrorBody;
use crate::{correlate, log_context, log_tail, logs, members, services, session, status, tenants, traces};
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Clew",
        description = "Logs, metrics and traces in one program: follow one ID through all three. The compatible APIs \
            (Prometheus, OTLP) are described by their own projects and not repeated here.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        logs::ingest,
        logs::search,
        logs::histogram,
        logs::patterns,
        logs::fields,
        logs::field_values,
        log_context::context,
        log_tail::tail,
        traces::search,
        traces::density,
        traces::contrast,
        traces::trace,
        services::list,
        services::details,
        services::map,
        correlate::correlate,
        correlate::resolve,
        status::status,
        tenants::tenants,
        members::users,
        members::add_user,
        members::change_user,
        members::remove_user,
        members::tokens,
        members::add_token,
        members::remove_token,
        members::audit,
        session::current,
        session::log_in,
        session::log_out,
    ),
    components(schemas(ErrorBody, TailReadyDto, TailLogsDto, TailDroppedDto, TailWarningDto)),
    tags(
        (name = "logs", description = "JSON logs in, log queries out"),
        (name = "traces", description = "Traces and their spans"),
        (name = "services", description = "Who sends telemetry"),
        (name = "correlation", description = "One ID through all signals"),
        (name = "server", description = "How the server is"),
    )
)]
struct Description;

/// The description as JSON.
///
/// # Errors
/// Never in practice: the description is made of plain values.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    Description::openapi().to_pretty_json()
}

/// `GET /api/v1/openapi.json`
pub(crate) async fn serve() -> Response {
    match openapi_json() {
        Ok(text) => ([(axum::http::header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => crate::error::ApiError::new(clew_model::ErrorKind::Internal, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_description_is_the_one_made_from_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/openapi.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        let current = super::openapi_json().unwrap();
        assert!(committed.trim_end() == current, "web/openapi.json is not current; run `make docs`");
    }
}
