//! `/api/v1/traces`: searching traces, and one trace whole.

use crate::dto::{TraceDto, TracePageDto};
use crate::error::{ApiError, ErrorBody};
use crate::params::Params;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::{Extension, Json};
use clew_app::reads::traces::{SearchTraces, ShowTrace};
use clew_model::logs::FieldTest;
use clew_model::traces::{AttributeTest, SpanKind, StatusCode, TraceFilter};
use clew_model::{Caller, CanonicalId, ErrorKind, TraceId, UnixNanos};

/// Searches traces.
#[utoipa::path(
    get, path = "/api/v1/traces", tag = "traces", operation_id = "search_traces",
    params(
        ("service" = Option<String>, Query, description = "A span of this service"),
        ("operation" = Option<String>, Query, description = "… with this name"),
        ("kind" = Option<String>, Query, description = "… of this kind: internal, server, client, producer, consumer"),
        ("status" = Option<String>, Query, description = "… with this status: unset, ok, error"),
        ("min_duration" = Option<String>, Query, description = "… at least so long (`250ms`)"),
        ("max_duration" = Option<String>, Query, description = "… at most so long"),
        ("attribute" = Option<Vec<String>>, Query, description = "… with this attribute, `key=value` or `key`; may repeat"),
        ("start" = Option<String>, Query, description = "… that started at this time or later"),
        ("end" = Option<String>, Query, description = "… that started at this time or earlier"),
        ("limit" = Option<usize>, Query, description = "1 to 1000, default 20"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of traces, newest first", body = TracePageDto),
        (status = 400, description = "A parameter cannot be understood", body = ErrorBody),
    )
)]
pub(crate) async fn search(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Result<Json<TracePageDto>, ApiError> {
    let params = Params::of_request(request).await?;
    let question = SearchTraces {
        filter: filter(&params)?,
        period: params.period(state.app.clock().now())?,
        limit: params.parse("limit")?,
        after: params.get("cursor").map(cursor).transpose()?,
    };
    Ok(state.app.ask(&caller, question, |page| Json(TracePageDto::from(page))).await?)
}

/// One trace with all its spans.
#[utoipa::path(
    get, path = "/api/v1/traces/{id}", tag = "traces", operation_id = "trace",
    params(("id" = String, Path, description = "The trace ID: 32 hex digits, a UUID, a traceparent, or the 128-bit \
        decimal that Python logs")),
    responses(
        (status = 200, description = "The trace with all its spans", body = TraceDto),
        (status = 400, description = "Not a trace ID", body = ErrorBody),
        (status = 404, description = "No span of this trace is kept", body = ErrorBody),
    )
)]
pub(crate) async fn trace(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<TraceDto>, ApiError> {
    let id = trace_id(&id)?;
    let found = state.app.ask(&caller, ShowTrace { id }, |page| TraceDto::new(page).map(Json)).await?;
    found.ok_or_else(|| ApiError::new(ErrorKind::NotFound, format!("no span of the trace {id} is kept")))
}

/// A trace ID in any of its spellings.
///
/// # Errors
/// Text that is none.
pub(crate) fn trace_id(text: &str) -> Result<TraceId, ApiError> {
    CanonicalId::new(text).and_then(|id| id.as_trace_id()).ok_or_else(|| {
        let shown: String = text.chars().take(80).collect();
        ApiError::bad_request(format!("{shown:?} is not a trace ID: write its 32 hex digits"))
    })
}

fn filter(params: &Params) -> Result<TraceFilter, ApiError> {
    Ok(TraceFilter {
        service: params.get("service").map(str::to_owned),
        operation: params.get("operation").map(str::to_owned),
        kind: params.get("kind").map(kind).transpose()?,
        status: params.get("status").map(status).transpose()?,
        min_duration: params.duration("min_duration")?,
        max_duration: params.duration("max_duration")?,
        attributes: params.all("attribute").map(attribute).collect(),
    })
}

fn kind(text: &str) -> Result<SpanKind, ApiError> {
    let kinds = [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];
    kinds.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
        ApiError::bad_request(format!("the kind {text:?} is none of internal, server, client, producer, consumer"))
    })
}

fn status(text: &str) -> Result<StatusCode, ApiError> {
    let codes = [StatusCode::Unset, StatusCode::Ok, StatusCode::Error];
    codes
        .into_iter()
        .find(|code| code.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| ApiError::bad_request(format!("the status {text:?} is none of unset, ok, error")))
}

fn attribute(text: &str) -> AttributeTest {
    match text.split_once('=') {
        Some((key, value)) => AttributeTest { key: key.to_owned(), test: FieldTest::Equals(value.to_owned()) },
        None => AttributeTest { key: text.to_owned(), test: FieldTest::Exists },
    }
}

fn cursor(text: &str) -> Result<(UnixNanos, TraceId), ApiError> {
    let parts = text.rsplit_once('-').and_then(|(start, id)| Some((start.parse().ok()?, TraceId::from_hex(id)?)));
    parts.ok_or_else(|| ApiError::bad_request("the cursor is not one that an earlier answer gave as next_cursor"))
}
