//! `/api/v1/correlate/{id}` and `/api/v1/resolve`: one ID's whole story, and how much of it there is.

use crate::answers::Asker;
use crate::dto::CorrelationDto;
use crate::error::{ApiError, ErrorBody};
use crate::params::Params;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::Response;
use clew_app::reads::{Correlate, Named, NamedKind, Resolution, Resolve};
use serde::Serialize;
use utoipa::ToSchema;

/// Everything that carries an ID, in all signals, as one timeline.
#[utoipa::path(
    get, path = "/api/v1/correlate/{id}", tag = "correlation", operation_id = "correlate",
    params(
        ("id" = String, Path, description = "A trace ID, a span ID, or the value of a correlation field, in any spelling, \
         as it was pasted: of a text with several IDs, the one that most likely is meant"),
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
    asker: Asker,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let question = Correlate {
        text: id,
        depth: params.parse("depth")?,
        limit: params.parse("limit")?,
        period: params.period(state.app.clock().now())?,
    };
    asker.ask(question, CorrelationDto::from).await
}

/// Something that a pasted text names.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NamedDto {
    /// The ID in canonical form, or the name of the service or metric.
    id: String,
    /// `trace`, `span` or `correlation` for an ID (what it looks like where nothing carries it), `service`, `metric`.
    kind: &'static str,
    /// Log records that carry it.
    logs: u64,
    /// Spans that carry it.
    spans: u64,
    /// Exemplars that carry it; of a metric, its series.
    exemplars: u64,
    /// Whether a count stopped at its limit: read it as "or more".
    truncated: bool,
}

/// What a pasted text names: the most likely thing, and all of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResolutionDto {
    #[serde(flatten)]
    best: NamedDto,
    /// What exists first, then what looks most like an ID; at most 33.
    candidates: Vec<NamedDto>,
    /// What may be missing; absent where nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Says what a pasted text names: which IDs stand in it and how many records of each signal carry each, a service, a
/// metric. Any text will do: an ID with its quotes, `key=value`, JSON, a header, a link, a log line.
#[utoipa::path(
    get, path = "/api/v1/resolve", tag = "correlation", operation_id = "resolve",
    params(
        ("id" = String, Query, description = "The text, of which the first 16 KiB are looked through"),
        ("start" = Option<String>, Query, description = "Default: everything that is kept"),
        ("end" = Option<String>, Query, description = "As `start`"),
    ),
    responses(
        (status = 200, description = "What it names", body = ResolutionDto),
        (status = 400, description = "Nothing in the text can be an ID, or a parameter cannot be used", body = ErrorBody),
    )
)]
pub(crate) async fn resolve(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let text = params.required("id")?.to_owned();
    let question = Resolve { text, period: params.period(state.app.clock().now())? };
    asker.ask(question, ResolutionDto::from).await
}

impl From<Resolution> for ResolutionDto {
    fn from(found: Resolution) -> Self {
        Self {
            best: NamedDto::from(&found.best),
            candidates: found.named.iter().map(NamedDto::from).collect(),
            warnings: found.warnings,
        }
    }
}

impl From<&Named> for NamedDto {
    fn from(named: &Named) -> Self {
        let kind = match named.kind {
            NamedKind::Trace => "trace",
            NamedKind::Span => "span",
            NamedKind::Correlation => "correlation",
            NamedKind::Service => "service",
            NamedKind::Metric => "metric",
        };
        let Named { id, logs, spans, exemplars, truncated, .. } = named;
        Self { id: id.clone(), kind, logs: *logs, spans: *spans, exemplars: *exemplars, truncated: *truncated }
    }
}
