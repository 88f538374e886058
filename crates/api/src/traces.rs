//! `/api/v1/traces`: searching traces, and one trace whole.

use crate::answers::Asker;
use crate::dto::{TraceContrastDto, TraceDensityDto, TraceDto, TracePageDto};
use crate::error::{ApiError, ErrorBody};
use crate::params::Params;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::Response;
use clew_app::reads::traces::{ContrastTraces, SearchTraces, ShowTrace, ShowTraceDensity};
use clew_model::logs::FieldTest;
use clew_model::traces::{
    AttributeTest, SpanKind, SpanPage, StatusCode, TraceBounds, TraceFilter, TraceKey, TraceOrder, TracePlace,
};
use clew_model::{CanonicalId, ErrorKind, TimeRange, TraceId, UnixNanos};

/// Searches traces.
#[utoipa::path(
    get, path = "/api/v1/traces", tag = "traces", operation_id = "search_traces",
    params(
        ("service" = Option<String>, Query, description = "A span of this service"),
        ("operation" = Option<String>, Query, description = "… with this name"),
        ("kind" = Option<String>, Query, description = "… of this kind: unspecified, internal, server, client, producer, consumer"),
        ("status" = Option<String>, Query, description = "… with this status: unset, ok, error"),
        ("min_duration" = Option<String>, Query, description = "… at least so long (`250ms`)"),
        ("max_duration" = Option<String>, Query, description = "… at most so long"),
        ("attribute" = Option<Vec<String>>, Query, description = "… with this attribute, `key=value` or `key`; may repeat"),
        ("start" = Option<String>, Query, description = "… that started at this time or later"),
        ("end" = Option<String>, Query, description = "… that started at this time or earlier"),
        ("min_trace_duration" = Option<String>, Query, description = "The whole trace took at least so long"),
        ("max_trace_duration" = Option<String>, Query, description = "… at most so long"),
        ("started_from" = Option<String>, Query, description = "Its first span started at this time or later"),
        ("started_to" = Option<String>, Query, description = "… at this time or earlier"),
        ("failed" = Option<bool>, Query, description = "Whether a span of it has status error"),
        ("sort" = Option<String>, Query, description = "By what all that match are sorted: `time` (the default: start \
            of the newest span that matches), `duration` of the whole trace, `spans`, `errors`"),
        ("order" = Option<String>, Query, description = "`desc` (the default) or `asc`"),
        ("limit" = Option<usize>, Query, description = "1 to 1000, default 20"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of traces, in the order asked for", body = TracePageDto),
        (status = 400, description = "A parameter cannot be understood", body = ErrorBody),
    )
)]
pub(crate) async fn search(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let now = state.app.clock().now();
    let order = TraceOrder {
        key: params.get("sort").map(key).transpose()?.unwrap_or_default(),
        ascending: params.get("order").map(ascending).transpose()?.unwrap_or_default(),
    };
    let question = SearchTraces {
        filter: filter(&params)?,
        period: params.period(now)?,
        bounds: bounds(&params, now)?,
        order,
        limit: params.parse("limit")?,
        after: params.get("cursor").map(|text| cursor(text, order)).transpose()?,
    };
    asker.ask(question, move |page| TracePageDto::new(page, order)).await
}

/// How the traces that match are spread over start and duration.
#[utoipa::path(
    get, path = "/api/v1/traces/density", tag = "traces", operation_id = "trace_density",
    params(
        ("service" = Option<String>, Query, description = "As for `/api/v1/traces`, as are those that follow"),
        ("operation" = Option<String>, Query, description = "Name of a span"),
        ("kind" = Option<String>, Query, description = "Its kind"),
        ("status" = Option<String>, Query, description = "Its status"),
        ("min_duration" = Option<String>, Query, description = "Its least duration"),
        ("max_duration" = Option<String>, Query, description = "Its greatest duration"),
        ("attribute" = Option<Vec<String>>, Query, description = "An attribute of it; may repeat"),
        ("start" = Option<String>, Query, description = "When it started at the earliest; default: an hour before `end`"),
        ("end" = Option<String>, Query, description = "… at the latest; default: now"),
        ("min_trace_duration" = Option<String>, Query, description = "Least duration of the trace"),
        ("max_trace_duration" = Option<String>, Query, description = "Greatest duration of the trace"),
        ("started_from" = Option<String>, Query, description = "When the trace started at the earliest"),
        ("started_to" = Option<String>, Query, description = "… at the latest"),
        ("failed" = Option<bool>, Query, description = "Whether a span of the trace has status error"),
        ("columns" = Option<usize>, Query, description = "Columns at most, 1 to 500, default 120"),
        ("rows" = Option<usize>, Query, description = "Rows at most, 1 to 100, default 24"),
    ),
    responses(
        (status = 200, description = "All traces that match, counted by when they started and how long they took", body = TraceDensityDto),
        (status = 400, description = "A parameter cannot be understood", body = ErrorBody),
    )
)]
pub(crate) async fn density(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let now = state.app.clock().now();
    let question = ShowTraceDensity {
        filter: filter(&params)?,
        period: params.period(now)?,
        bounds: bounds(&params, now)?,
        columns: params.parse("columns")?,
        rows: params.parse("rows")?,
    };
    asker.ask(question, TraceDensityDto::from).await
}

/// What the traces within some bounds have in common against the rest.
#[utoipa::path(
    get, path = "/api/v1/traces/contrast", tag = "traces", operation_id = "trace_contrast",
    params(
        ("service" = Option<String>, Query, description = "As for `/api/v1/traces`, as are those that follow: which \
            traces are in either group"),
        ("operation" = Option<String>, Query, description = "Name of a span"),
        ("kind" = Option<String>, Query, description = "Its kind"),
        ("status" = Option<String>, Query, description = "Its status"),
        ("min_duration" = Option<String>, Query, description = "Its least duration"),
        ("max_duration" = Option<String>, Query, description = "Its greatest duration"),
        ("attribute" = Option<Vec<String>>, Query, description = "An attribute of it; may repeat"),
        ("start" = Option<String>, Query, description = "When it started at the earliest; default: an hour before `end`"),
        ("end" = Option<String>, Query, description = "… at the latest; default: now"),
        ("min_trace_duration" = Option<String>, Query, description = "Least duration of the selected traces"),
        ("max_trace_duration" = Option<String>, Query, description = "Greatest duration of the selected traces"),
        ("started_from" = Option<String>, Query, description = "When the selected traces started at the earliest"),
        ("started_to" = Option<String>, Query, description = "… at the latest"),
        ("failed" = Option<bool>, Query, description = "Whether a span of the selected traces has status error"),
        ("limit" = Option<usize>, Query, description = "Attributes listed, 1 to 200, default 20"),
    ),
    responses(
        (status = 200, description = "The attributes that set the selected traces apart, ranked", body = TraceContrastDto),
        (status = 400, description = "A parameter cannot be understood", body = ErrorBody),
    )
)]
pub(crate) async fn contrast(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let now = state.app.clock().now();
    let question = ContrastTraces {
        filter: filter(&params)?,
        period: params.period(now)?,
        selected: bounds(&params, now)?,
        limit: params.parse("limit")?,
    };
    asker.ask(question, TraceContrastDto::from).await
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
pub(crate) async fn trace(asker: Asker, Path(id): Path<String>) -> Result<Response, ApiError> {
    let id = trace_id(&id)?;
    let shape = move |page: SpanPage| {
        let warnings = page.warnings.clone();
        TraceDto::new(page).ok_or_else(|| {
            // What cannot be read may have been it.
            let (kind, doubt) = match warnings.as_slice() {
                [] => (ErrorKind::NotFound, String::new()),
                said => (ErrorKind::Corrupt, format!("; {}", said.join("; "))),
            };
            ApiError::new(kind, format!("no span of the trace {id} is kept{doubt}"))
        })
    };
    asker.find(ShowTrace { id }, shape).await
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

/// What the trace as a whole must satisfy.
fn bounds(params: &Params, now: UnixNanos) -> Result<TraceBounds, ApiError> {
    let (from, to) = (params.time("started_from", now)?, params.time("started_to", now)?);
    let started = TimeRange::new(from.unwrap_or(TimeRange::ALL.start), to.unwrap_or(TimeRange::ALL.end));
    Ok(TraceBounds {
        min_duration: params.duration("min_trace_duration")?,
        max_duration: params.duration("max_trace_duration")?,
        started: (started != TimeRange::ALL).then_some(started),
        failed: params.parse("failed")?,
    })
}

fn key(text: &str) -> Result<TraceKey, ApiError> {
    match text {
        "time" => Ok(TraceKey::Time),
        "duration" => Ok(TraceKey::Duration),
        "spans" => Ok(TraceKey::Spans),
        "errors" => Ok(TraceKey::Errors),
        _ => {
            Err(ApiError::bad_request(format!("traces are sorted by none of time, duration, spans, errors: {text:?}")))
        }
    }
}

fn ascending(text: &str) -> Result<bool, ApiError> {
    match text {
        "desc" => Ok(false),
        "asc" => Ok(true),
        _ => Err(ApiError::bad_request(format!("the order {text:?} is neither asc nor desc"))),
    }
}

fn kind(text: &str) -> Result<SpanKind, ApiError> {
    let kinds = [
        SpanKind::Unspecified,
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ];
    kinds.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
        ApiError::bad_request(format!(
            "the kind {text:?} is none of unspecified, internal, server, client, producer, consumer"
        ))
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

/// The place after which an answer in this order goes on; a cursor of another order says nothing here.
fn cursor(text: &str, order: TraceOrder) -> Result<TracePlace, ApiError> {
    let fault = || {
        ApiError::bad_request(
            "the cursor is not one that an earlier answer to the same question, with the same sort and order, gave as \
             next_cursor",
        )
    };
    let rest = text.strip_prefix(&TracePageDto::cursor_start(order)).ok_or_else(fault)?;
    let mut parts = rest.splitn(3, '_');
    let mut number = || parts.next()?.parse().ok();
    let place = number().zip(number()).zip(parts.next().and_then(TraceId::from_hex));
    let place = place.map(|((value, newest_match), trace_id)| TracePlace { value, newest_match, trace_id });
    place.ok_or_else(fault)
}
