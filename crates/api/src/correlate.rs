//! `/api/v1/correlate/{id}` and `/api/v1/resolve`: one ID's whole story, and how much of it there is.

use crate::dto::CorrelationDto;
use crate::error::{ApiError, ErrorBody};
use crate::params::Params;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use clew_app::reads::{Correlate, IdKind, Resolution, Resolve};
use clew_model::{Caller, CanonicalId};
use serde::Serialize;
use utoipa::ToSchema;

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
pub(crate) async fn correlate(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let question = Correlate {
        id: canonical(&id)?,
        depth: params.parse("depth")?,
        limit: params.parse("limit")?,
        period: params.period(state.app.clock().now())?,
    };
    Ok(state.app.ask(&caller, question, |story| Json(CorrelationDto::from(story)).into_response()).await?)
}

/// How many records carry an ID.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResolutionDto {
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
pub(crate) async fn resolve(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Result<Json<ResolutionDto>, ApiError> {
    let params = Params::of_request(request).await?;
    let id = canonical(params.required("id")?)?;
    let question = Resolve { id, period: params.period(state.app.clock().now())? };
    Ok(state.app.ask(&caller, question, |found| Json(ResolutionDto::from(found))).await?)
}

impl From<Resolution> for ResolutionDto {
    fn from(found: Resolution) -> Self {
        let kind = match found.kind {
            IdKind::Trace => "trace",
            IdKind::Span => "span",
            IdKind::Correlation => "correlation",
        };
        Self {
            id: found.id.to_string(),
            kind,
            logs: found.logs,
            spans: found.spans,
            exemplars: found.exemplars,
            truncated: found.truncated,
        }
    }
}

fn canonical(text: &str) -> Result<CanonicalId, ApiError> {
    CanonicalId::new(text).ok_or_else(|| {
        ApiError::bad_request("the ID is empty, a placeholder such as `none` or zeros, or longer than 512 bytes")
    })
}
