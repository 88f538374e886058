//! `/api/v1/correlate/{id}` and `/api/v1/resolve`: one ID's whole story, and how much of it there is.

use crate::dto::CorrelationDto;
use crate::error::{ApiError, ErrorBody};
use crate::limits::{DEFAULT_CORRELATE_RECORDS, RESOLVE_RECORDS};
use crate::params::Params;
use crate::state::ApiState;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use clew_app::limits::{CORRELATE_DEPTH, CORRELATE_RECORDS};
use clew_app::reads::{self, CorrelateQuery, IdKind};
use clew_model::{CanonicalId, TimeRange};
use serde::Serialize;
use utoipa::ToSchema;

/// How far a correlation walks when the caller does not say.
const DEFAULT_DEPTH: usize = 2;

/// Everything that carries an ID, in all signals, as one timeline.
#[utoipa::path(
    get, path = "/api/v1/correlate/{id}", tag = "correlation", operation_id = "correlate",
    params(
        ("id" = String, Path, description = "A trace ID, a span ID, or the value of a correlation field, in any spelling"),
        ("depth" = Option<usize>, Query, description = "How often to follow what the records carry, 0 to 5, default 2"),
        ("limit" = Option<usize>, Query, description = "Records of each signal, 1 to 5000, default 1000"),
        ("start" = Option<String>, Query, description = "Default: everything that is kept"),
        ("end" = Option<String>, Query, description = "As `start`"),
    ),
    responses(
        (status = 200, description = "The story; empty when nothing carries the ID", body = CorrelationDto),
        (status = 400, description = "The ID or a parameter cannot be used", body = ErrorBody),
    )
)]
pub async fn correlate(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let depth = params.parse::<usize>("depth")?.unwrap_or(DEFAULT_DEPTH);
    if depth > CORRELATE_DEPTH {
        return Err(ApiError::bad_request(format!("the depth {depth} is over the limit of {CORRELATE_DEPTH}")));
    }
    let query = CorrelateQuery {
        id: canonical(&id)?,
        depth,
        limit: params.limit("limit", DEFAULT_CORRELATE_RECORDS, CORRELATE_RECORDS)?,
        range: params.range(state.app.clock().now(), TimeRange::ALL)?,
    };
    let story = state
        .app
        .query("correlate", state.tenant(), None, move |context, stores| {
            // Written out on the query's thread, not on one that serves connections.
            let story = reads::correlate(context, stores, query)?;
            Ok(Json(CorrelationDto::from(story)).into_response())
        })
        .await?;
    Ok(story)
}

/// How many records carry an ID.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResolutionDto {
    /// The ID in canonical form.
    id: String,
    /// What it looks like: `trace`, `span` or `correlation`.
    kind: &'static str,
    /// Log records that carry it.
    logs: u64,
    /// Spans that carry it.
    spans: u64,
    /// Exemplars that carry it.
    exemplars: u64,
    /// Whether a count stopped at its limit: read it as "or more".
    truncated: bool,
}

/// Says what a pasted text is: how many records of each signal carry it.
#[utoipa::path(
    get, path = "/api/v1/resolve", tag = "correlation", operation_id = "resolve",
    params(
        ("id" = String, Query, description = "The text"),
        ("start" = Option<String>, Query, description = "Default: everything that is kept"),
        ("end" = Option<String>, Query, description = "As `start`"),
    ),
    responses(
        (status = 200, description = "How many records carry it", body = ResolutionDto),
        (status = 400, description = "The ID or a parameter cannot be used", body = ErrorBody),
    )
)]
pub async fn resolve(State(state): State<ApiState>, request: Request<Body>) -> Result<Json<ResolutionDto>, ApiError> {
    let params = Params::of_request(request).await?;
    let id = canonical(params.required("id")?)?;
    let range = params.range(state.app.clock().now(), TimeRange::ALL)?;
    let found = state
        .app
        .query("resolve", state.tenant(), None, move |context, stores| {
            reads::resolve(context, stores, id, range, RESOLVE_RECORDS)
        })
        .await?;
    let kind = match found.kind {
        IdKind::Trace => "trace",
        IdKind::Span => "span",
        IdKind::Correlation => "correlation",
    };
    Ok(Json(ResolutionDto {
        id: found.id.to_string(),
        kind,
        logs: found.logs,
        spans: found.spans,
        exemplars: found.exemplars,
        truncated: found.truncated,
    }))
}

fn canonical(text: &str) -> Result<CanonicalId, ApiError> {
    CanonicalId::new(text).ok_or_else(|| ApiError::bad_request("the ID is empty or longer than 512 bytes"))
}
