//! OTLP/HTTP (specification 1.5, "OTLP/HTTP"): protobuf and JSON, answers in the encoding of the request, errors as
//! `google.rpc.Status`.

use super::count_refusal;
use super::signals::{self, Encoding};
use crate::body::ContentEncoding;
use crate::error::ApiError;
use crate::intake;
use crate::state::ApiState;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, header};
use axum::response::{IntoResponse, Response};
use clew_app::Protocol;
use clew_codec::otlp::{self, Format};
use clew_model::{Caller, Signal};

/// `POST /v1/logs`
pub(crate) async fn logs(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Response {
    export(state, caller, Signal::Logs, request).await
}

/// `POST /v1/metrics`
pub(crate) async fn metrics(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Response {
    export(state, caller, Signal::Metrics, request).await
}

/// `POST /v1/traces`
pub(crate) async fn traces(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Response {
    export(state, caller, Signal::Traces, request).await
}

async fn export(state: ApiState, caller: Caller, signal: Signal, request: Request<Body>) -> Response {
    let encoding = match encoding(request.headers()) {
        Ok(encoding) => encoding,
        Err(error) => {
            count_refusal(&state, signal, Protocol::OtlpHttp, &error);
            // The encoding of the request is unknown, so the answer is in the one that people can read.
            return refusal(Encoding::Json, &error);
        }
    };
    match take(&state, caller, signal, encoding, request).await {
        Ok(answer) => respond(axum::http::StatusCode::OK, encoding, answer),
        Err(error) => {
            count_refusal(&state, signal, Protocol::OtlpHttp, &error);
            refusal(encoding, &error)
        }
    }
}

async fn take(
    state: &ApiState,
    caller: Caller,
    signal: Signal,
    encoding: Encoding,
    request: Request<Body>,
) -> Result<Vec<u8>, ApiError> {
    let content = ContentEncoding::of(request.headers())?;
    let (head, body) = request.into_parts();
    let (body, mut room) = intake::receive(state, &head.headers, body, 0).await?;
    state.app.observer().request_bytes(signal, Protocol::OtlpHttp.as_str(), body.len() as u64);
    let arrival = state.app.clock().now();
    let options = state.options.otlp_metrics.clone();
    let records = intake::decode(state, &mut room, signal, content, body, move |body, memory| {
        Ok((body.len(), signals::decode(signal, encoding, body, arrival, &options, memory)?))
    })
    .await?;
    let outcome = signals::write(state, &caller, Protocol::OtlpHttp, records).await?;
    Ok(otlp::encode_response(signal, outcome.rejected, &outcome.message(), format(encoding)))
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, ApiError> {
    let value = headers.get(header::CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or("?"));
    match value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/x-protobuf" | "application/protobuf" => Ok(Encoding::Protobuf),
        "application/json" => Ok(Encoding::Json),
        other => Err(ApiError::unsupported_media_type(format!(
            "the content type {other:?} is not OTLP; send application/x-protobuf or application/json"
        ))),
    }
}

fn format(encoding: Encoding) -> Format {
    match encoding {
        Encoding::Protobuf => Format::Protobuf,
        Encoding::Json => Format::Json,
    }
}

fn refusal(encoding: Encoding, error: &ApiError) -> Response {
    let body = otlp::encode_status(error.grpc_code(), &error.message, format(encoding));
    error.with_retry_after(respond(error.status(), encoding, body))
}

/// How a panic is answered: the request's encoding is not known any more.
pub(crate) fn panicked(error: ApiError) -> Response {
    refusal(Encoding::Json, &error)
}

/// How a request is refused that is not looked into: in its own encoding, where it names one.
pub(crate) fn refused(headers: &HeaderMap, error: &ApiError) -> Response {
    refusal(encoding(headers).unwrap_or(Encoding::Json), error)
}

fn respond(status: axum::http::StatusCode, encoding: Encoding, body: Vec<u8>) -> Response {
    let kind = match encoding {
        Encoding::Protobuf => "application/x-protobuf",
        Encoding::Json => "application/json",
    };
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}
