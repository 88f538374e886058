//! `/api/v1/logs`: JSON logs in, log queries out.

use crate::answers::Asker;
use crate::body::ContentEncoding;
use crate::dto::{FieldValuesDto, FieldsDto, HistogramDto, IngestDto, LogPageDto, LogPatternsDto};
use crate::error::{ApiError, ErrorBody};
use crate::intake;
use crate::params::Params;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, header};
use axum::response::Response;
use axum::{Extension, Json};
use clew_app::Protocol;
use clew_app::reads::logs::{CountLogs, GroupLogs, ListLogFieldValues, ListLogFields, SearchLogs};
use clew_app::tenants::Arrival;
use clew_codec::json_logs::{self, JsonLogOptions};
use clew_model::logs::Order;
use clew_model::{Caller, RecordId, Signal};

/// Takes JSON logs.
#[utoipa::path(
    post, path = "/api/v1/logs", tag = "logs", operation_id = "send_logs",
    request_body(content = serde_json::Value, description = "One JSON object, an array of objects, or NDJSON; \
        Content-Encoding gzip, zstd or deflate"),
    responses(
        (status = 200, description = "The good records are durable and readable", body = IngestDto),
        (status = 400, description = "Nothing could be read", body = ErrorBody),
        (status = 413, description = "The body is over limits.ingest_body", body = ErrorBody),
        (status = 415, description = "Not JSON, or an unknown Content-Encoding", body = ErrorBody),
        (status = 422, description = "The tenant is new, and there are as many as there may be", body = ErrorBody),
        (status = 429, description = "The server cannot keep up, or the tenant is beyond a limit; send again after \
            Retry-After", body = ErrorBody),
    )
)]
pub(crate) async fn ingest(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Result<Json<IngestDto>, ApiError> {
    let outcome = take(&state, caller, request).await;
    if let Err(error) = &outcome {
        crate::otlp::count_refusal(&state, Signal::Logs, Protocol::JsonLogs, error);
    }
    outcome
}

async fn take(state: &ApiState, caller: Caller, request: Request<Body>) -> Result<Json<IngestDto>, ApiError> {
    json_content(request.headers())?;
    let encoding = ContentEncoding::of(request.headers())?;
    let (head, body) = request.into_parts();
    let (body, mut room) = intake::receive(state, &head.headers, body, 0).await?;
    state.app.observer().request_bytes(Signal::Logs, Protocol::JsonLogs.as_str(), body.len() as u64);
    let arrival = state.app.clock().now();
    let max_record_bytes = state.options.log_line;
    let (bytes, decoded) = intake::decode(state, &mut room, Signal::Logs, encoding, body, move |body, memory| {
        Ok((body.len(), json_logs::decode(body, arrival, &JsonLogOptions { max_record_bytes, memory })?))
    })
    .await?;
    let records = decoded.records.len() as u64;
    let arrival = Arrival { signal: Signal::Logs, records, bytes: bytes as u64 };
    let write = state.app.ingest_logs(&caller, Protocol::JsonLogs, decoded);
    let outcome = state.app.within_rates(&caller, arrival, write).await?;
    Ok(Json(IngestDto::from(outcome)))
}

/// Bodies are JSON; a missing type and what `curl -d` sends by itself are taken for it.
fn json_content(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let value = value.to_str().unwrap_or("?").to_ascii_lowercase();
    let kind = value.split(';').next().unwrap_or_default().trim();
    let known = [
        "application/json",
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/json-lines",
        "application/x-www-form-urlencoded",
        "application/octet-stream",
        "text/plain",
        "text/json",
        "",
    ];
    if known.contains(&kind) || kind.ends_with("+json") {
        return Ok(());
    }
    Err(ApiError::unsupported_media_type(format!(
        "the content type {kind:?} is not JSON; send application/json or application/x-ndjson"
    )))
}

/// Searches log records.
#[utoipa::path(
    get, path = "/api/v1/logs", tag = "logs", operation_id = "search_logs",
    params(
        ("query" = Option<String>, Query, description = "Search-bar language, or LogQL when it starts with `{`; \
            everything when absent"),
        ("start" = Option<String>, Query, description = "RFC 3339, Unix s, ms, µs, ns, or relative (`now-1h`)"),
        ("end" = Option<String>, Query, description = "As `start`; included"),
        ("limit" = Option<usize>, Query, description = "1 to 10000, default 100"),
        ("order" = Option<String>, Query, description = "`desc` (default, newest first) or `asc`"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of records", body = LogPageDto),
        (status = 400, description = "The query or a parameter cannot be understood", body = ErrorBody),
    )
)]
pub(crate) async fn search(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let question = SearchLogs {
        query: params.text("query"),
        period: params.period(state.app.clock().now())?,
        order: order(&params)?,
        limit: params.parse("limit")?,
        after: cursor(&params)?,
    };
    asker.ask(question, LogPageDto::from).await
}

/// Counts log records over time.
#[utoipa::path(
    get, path = "/api/v1/logs/histogram", tag = "logs", operation_id = "log_histogram",
    params(
        ("query" = Option<String>, Query, description = "As in `GET /api/v1/logs`"),
        ("start" = Option<String>, Query, description = "Default: an hour before `end`"),
        ("end" = Option<String>, Query, description = "Default: now"),
        ("step" = Option<String>, Query, description = "Width of a bucket (`30s`); default: about 60 buckets"),
    ),
    responses(
        (status = 200, description = "The counts", body = HistogramDto),
        (status = 400, description = "The query or a parameter cannot be understood", body = ErrorBody),
    )
)]
pub(crate) async fn histogram(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let question = CountLogs {
        query: params.text("query"),
        period: params.period(state.app.clock().now())?,
        step: params.duration("step")?,
    };
    asker.ask(question, HistogramDto::from).await
}

/// Groups log records by what their messages have in common.
#[utoipa::path(
    get, path = "/api/v1/logs/patterns", tag = "logs", operation_id = "log_patterns",
    params(
        ("query" = Option<String>, Query, description = "As in `GET /api/v1/logs`"),
        ("start" = Option<String>, Query, description = "Default: an hour before `end`"),
        ("end" = Option<String>, Query, description = "Default: now"),
        ("step" = Option<String>, Query, description = "Width of a bucket (`30s`); default: about 60 buckets"),
        ("limit" = Option<usize>, Query, description = "Groups listed, 1 to 1000, default 100"),
        ("sort" = Option<String>, Query, description = "`records` (the default: the largest first) or `newest`"),
    ),
    responses(
        (status = 200, description = "The groups", body = LogPatternsDto),
        (status = 400, description = "The query or a parameter cannot be understood", body = ErrorBody),
    )
)]
pub(crate) async fn patterns(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let newest_first = match params.get("sort") {
        None | Some("records") => false,
        Some("newest") => true,
        Some(other) => {
            return Err(ApiError::bad_request(format!("patterns are sorted by records or newest: {other:?}")));
        }
    };
    let question = GroupLogs {
        query: params.text("query"),
        period: params.period(state.app.clock().now())?,
        step: params.duration("step")?,
        limit: params.parse("limit")?,
        newest_first,
    };
    asker.ask(question, LogPatternsDto::from).await
}

/// Lists the fields of log records with their top values.
#[utoipa::path(
    get, path = "/api/v1/logs/fields", tag = "logs", operation_id = "log_fields",
    params(
        ("query" = Option<String>, Query, description = "As in `GET /api/v1/logs`"),
        ("start" = Option<String>, Query, description = "Default: an hour before `end`"),
        ("end" = Option<String>, Query, description = "Default: now"),
        ("top" = Option<usize>, Query, description = "Values listed for each field, default 5"),
    ),
    responses(
        (status = 200, description = "The fields, most frequent first", body = FieldsDto),
        (status = 400, description = "The query or a parameter cannot be understood", body = ErrorBody),
    )
)]
pub(crate) async fn fields(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let question = ListLogFields {
        query: params.text("query"),
        period: params.period(state.app.clock().now())?,
        top: params.parse("top")?,
    };
    asker.ask(question, FieldsDto::from).await
}

/// Lists the values of one field.
#[utoipa::path(
    get, path = "/api/v1/logs/fields/{name}/values", tag = "logs", operation_id = "log_field_values",
    params(
        ("name" = String, Path, description = "The field: a dotted path, or a well-known name"),
        ("query" = Option<String>, Query, description = "As in `GET /api/v1/logs`"),
        ("start" = Option<String>, Query, description = "Default: an hour before `end`"),
        ("end" = Option<String>, Query, description = "Default: now"),
        ("limit" = Option<usize>, Query, description = "1 to 1000, default 100"),
    ),
    responses(
        (status = 200, description = "The field with its most frequent values", body = FieldValuesDto),
        (status = 400, description = "The query or a parameter cannot be understood", body = ErrorBody),
    )
)]
pub(crate) async fn field_values(
    State(state): State<ApiState>,
    asker: Asker,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let question = ListLogFieldValues {
        name,
        query: params.text("query"),
        period: params.period(state.app.clock().now())?,
        limit: params.parse("limit")?,
    };
    asker.ask(question, FieldValuesDto::from).await
}

fn order(params: &Params) -> Result<Order, ApiError> {
    match params.get("order") {
        None | Some("desc") => Ok(Order::Descending),
        Some("asc") => Ok(Order::Ascending),
        Some(other) => Err(ApiError::bad_request(format!("the order {other:?} is neither asc nor desc"))),
    }
}

fn cursor(params: &Params) -> Result<Option<RecordId>, ApiError> {
    let Some(text) = params.get("cursor") else { return Ok(None) };
    match RecordId::parse(text) {
        Some(id) => Ok(Some(id)),
        None => Err(ApiError::bad_request("the cursor is not one that an earlier answer gave as next_cursor")),
    }
}
