//! `/api/v1/logs/tail`: log records as they come, as server-sent events (WHATWG HTML, 9.2).

use crate::caller::StillMay;
use crate::dto::{TailDroppedDto, TailLogsDto, TailReadyDto, TailWarningDto};
use crate::error::{ApiError, ErrorBody};
use crate::limits::TAIL_KEEP_ALIVE;
use crate::log_context::record_id;
use crate::params::Params;
use crate::state::ApiState;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Request};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use clew_app::reads::logs::{LogTail, TailEvent, TailLogs};
use clew_model::{Caller, RecordId};
use futures_util::{Stream, StreamExt, stream};
use std::convert::Infallible;

/// The header with which a browser that lost the connection says what it saw last.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Tells proxies (nginx, and those that follow it) to hand events on as they come.
const BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Follows log records as they come.
#[utoipa::path(
    get, path = "/api/v1/logs/tail", tag = "logs", operation_id = "tail_logs",
    params(
        ("query" = Option<String>, Query, description = "As in `GET /api/v1/logs`"),
        ("after" = Option<String>, Query, description = "The `id` of a record: those that came after it are told first"),
        ("Last-Event-ID" = Option<String>, Header, description = "As `after`, and wins over it; browsers send it by \
            themselves when they connect again"),
    ),
    responses(
        (status = 200, description = "Server-sent events. `ready`: every matching record acknowledged from now on is \
            told or counted. `logs`: `{\"logs\":[…]}`, at most 500 records in the order of arrival, one batch each \
            quarter of a second; its `id` is that of its last record. `dropped`: `{\"dropped\":N,\"unchecked\":M}`, N \
            records were not told since they came too fast, or too many before the tail resumed; M of them at most \
            went by unread and may not match. `warning`: `{\"warnings\":[…]}`, records may be missing of those that came \
            before the tail resumed, since something that is kept is damaged.",
            body = String, content_type = "text/event-stream"),
        (status = 400, description = "The query or a parameter cannot be understood", body = ErrorBody),
        (status = 429, description = "As many tails as the server allows are open", body = ErrorBody),
    )
)]
pub(crate) async fn tail(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Extension(may): Extension<StillMay>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let last_event = request.headers().get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?").to_owned());
    let params = Params::of_request(request).await?;
    let question = TailLogs { query: params.text("query"), after: after(last_event.as_deref(), &params)? };
    let tail = state.app.tail_logs(&caller, question).await?;
    // A stopping server waits for open requests: a tail would never end by itself.
    let events = events(tail, may).take_until(state.stop.clone().cancelled_owned());
    let keep_alive = KeepAlive::new().interval(TAIL_KEEP_ALIVE).text("keep-alive");
    Ok(([BUFFERING], Sse::new(events).keep_alive(keep_alive)).into_response())
}

fn after(last_event: Option<&str>, params: &Params) -> Result<Option<RecordId>, ApiError> {
    let text = last_event.filter(|text| !text.is_empty()).or(params.get("after"));
    text.map(record_id).transpose()
}

fn events(tail: LogTail, may: StillMay) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((tail, may), |(mut tail, may)| async {
        // Errors were logged where they arose; the client connects again.
        let event = tail.next().await.ok()?;
        // Whoever was shown out since then is told nothing more.
        let event = may.holds().then(|| written(event).ok()).flatten()?;
        Some((Ok(event), (tail, may)))
    })
}

fn written(event: TailEvent) -> Result<Event, axum::Error> {
    match event {
        TailEvent::Ready => Event::default().event("ready").json_data(TailReadyDto {}),
        TailEvent::Dropped(missed) => Event::default().event("dropped").json_data(TailDroppedDto::from(missed)),
        TailEvent::Warning(warnings) => Event::default().event("warning").json_data(TailWarningDto::from(warnings)),
        TailEvent::Logs(rows) => {
            let last = rows.last().map(|row| row.id.to_string()).unwrap_or_default();
            Event::default().event("logs").id(last).json_data(TailLogsDto::from(rows))
        }
    }
}
