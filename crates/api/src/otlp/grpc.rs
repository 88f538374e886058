//! OTLP/gRPC: the three `Export` calls. They are unary, so a call is one framed message in and one out
//! (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>); bodies are held, unpacked and decoded as those of
//! OTLP/HTTP.

use super::count_refusal;
use super::signals::{self, Encoding};
use crate::around::panics;
use crate::body::ContentEncoding;
use crate::caller::ingest;
use crate::error::ApiError;
use crate::intake;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Request, Response, header};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Extension, Router};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use clew_app::Protocol;
use clew_codec::otlp::{self, Format};
use clew_model::{Caller, ErrorKind, Signal};
use clew_telemetry::table;
use http_body_util::{BodyExt, Full};
use tonic::{Code, Status};

/// The paths of the three services (opentelemetry-proto, `collector/*/v1`).
const PATHS: [(&str, Signal); 3] = [
    ("/opentelemetry.proto.collector.logs.v1.LogsService/Export", Signal::Logs),
    ("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", Signal::Metrics),
    ("/opentelemetry.proto.collector.trace.v1.TraceService/Export", Signal::Traces),
];

/// The method's label in Clew's own metrics: all three services have the one method.
const METHOD: &str = "Export";

/// Before a message: a byte that says whether it is compressed, and its length.
const FRAME_HEADER: usize = 5;

/// The encodings that messages may come in.
const ACCEPTED: &str = "identity,gzip,deflate,zstd";

/// The routes of OTLP/gRPC; anything else is answered UNIMPLEMENTED.
pub(crate) fn routes() -> Router<ApiState> {
    let mut router = Router::new();
    for (path, signal) in PATHS {
        let handler = move |State(state): State<ApiState>,
                            Extension(caller): Extension<Caller>,
                            request: Request<Body>| { export(state, caller, signal, request) };
        router = router.route(path, ingest(post(handler)));
    }
    router.fallback(unimplemented_call).layer(panics(refused_call))
}

/// How a call is refused that is not looked into.
pub(crate) fn refused_call(error: ApiError) -> Response<Body> {
    with_accepted(refusal(error))
}

async fn unimplemented_call(request: Request<Body>) -> impl IntoResponse {
    let message = format!(
        "{} is not served here; this port takes OTLP/gRPC (logs, metrics, traces). OTLP/HTTP goes to port 4318",
        request.uri().path()
    );
    Status::new(Code::Unimplemented, message).into_http::<Body>()
}

async fn export(state: ApiState, caller: Caller, signal: Signal, request: Request<Body>) -> Response<Body> {
    let (code, response) = match take(&state, caller, signal, request).await {
        Ok(message) => (Code::Ok, success(&message)),
        Err(error) => {
            count_refusal(&state, signal, Protocol::OtlpGrpc, &error);
            (code(&error), refusal(error))
        }
    };
    let registry = state.app.observer().registry();
    registry.counter(&table::GRPC_REQUESTS, [METHOD, &i32::from(code).to_string()]).inc();
    with_accepted(response)
}

fn refusal(error: ApiError) -> Response<Body> {
    let code = code(&error);
    match error.retry_after().filter(|_| code == Code::ResourceExhausted) {
        Some(seconds) => {
            let details = otlp::encode_retry(i32::from(code), &error.message, seconds);
            Status::with_details(code, error.message, details.into()).into_http()
        }
        None => Status::new(code, error.message).into_http(),
    }
}

/// gRPC's own word for a message that is too large, and for a tenant beyond a limit: without RetryInfo OTLP takes it for final
/// (specification 1.5, "Failures").
fn code(error: &ApiError) -> Code {
    match error.kind {
        ErrorKind::TooLarge => Code::ResourceExhausted,
        _ => Code::from_i32(error.grpc_code()),
    }
}

/// Clients may compress what comes next.
fn with_accepted(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert("grpc-accept-encoding", HeaderValue::from_static(ACCEPTED));
    response
}

async fn take(state: &ApiState, caller: Caller, signal: Signal, request: Request<Body>) -> Result<Vec<u8>, ApiError> {
    let (head, body) = request.into_parts();
    let (framed, mut room) = intake::receive(state, &head.headers, body, FRAME_HEADER).await?;
    state.app.observer().request_bytes(signal, Protocol::OtlpGrpc.as_str(), framed.len() as u64);
    let (is_compressed, message) = unframe(framed)?;
    let encoding = if is_compressed { encoding(&head.headers)? } else { ContentEncoding::Identity };
    let arrival = state.app.clock().now();
    let options = state.options.otlp_metrics.clone();
    let records = intake::decode(state, &mut room, signal, encoding, message, move |message, memory| {
        Ok((message.len(), signals::decode(signal, Encoding::Protobuf, message, arrival, &options, memory)?))
    })
    .await?;
    let outcome = signals::write(state, &caller, Protocol::OtlpGrpc, records).await?;
    Ok(otlp::encode_response(signal, outcome.rejected, &outcome.message(), Format::Protobuf))
}

/// The one message of a unary call, and whether it is compressed.
fn unframe(mut framed: Bytes) -> Result<(bool, Bytes), ApiError> {
    if framed.len() < FRAME_HEADER {
        return Err(ApiError::bad_request("the call carries no message"));
    }
    let flag = framed.get_u8();
    let length = framed.get_u32() as usize;
    if flag > 1 {
        return Err(ApiError::bad_request(format!("the compressed-flag is {flag}; it is 0 or 1")));
    }
    if length != framed.len() {
        let there = framed.len();
        return Err(ApiError::bad_request(format!("the message announces {length} bytes, {there} came")));
    }
    Ok((flag == 1, framed))
}

fn encoding(headers: &HeaderMap) -> Result<ContentEncoding, ApiError> {
    let name = headers.get("grpc-encoding").map_or("identity", |value| value.to_str().unwrap_or("?"));
    match name {
        "gzip" => Ok(ContentEncoding::Gzip),
        "deflate" => Ok(ContentEncoding::Deflate),
        "zstd" => Ok(ContentEncoding::Zstd),
        "identity" => Err(ApiError::bad_request("the message is marked compressed, but grpc-encoding names no way")),
        other => Err(ApiError::new(ErrorKind::Unsupported, format!("the compression {other:?} is none of {ACCEPTED}"))),
    }
}

/// A message, then the status in trailers.
fn success(message: &[u8]) -> Response<Body> {
    let mut framed = BytesMut::with_capacity(FRAME_HEADER + message.len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    let trailers = HeaderMap::from_iter([(Status::GRPC_STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(framed.freeze()).with_trailers(std::future::ready(Some(Ok(trailers))));
    ([(header::CONTENT_TYPE, "application/grpc")], Body::new(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_carries_exactly_one_framed_message() {
        let check = |bytes: &'static [u8], expected: Result<(bool, &'static [u8]), &str>| match (
            unframe(Bytes::from_static(bytes)),
            expected,
        ) {
            (Ok((compressed, message)), Ok(expected)) => assert_eq!((compressed, &message[..]), expected),
            (Err(error), Err(part)) => assert!(error.message.contains(part), "{}", error.message),
            (answer, _) => panic!("{bytes:?}: {answer:?}"),
        };
        check(b"\0\0\0\0\0", Ok((false, b"")));
        check(b"\x01\0\0\0\x02ab", Ok((true, b"ab")));
        check(b"", Err("no message"));
        check(b"\0\0\0\0", Err("no message"));
        check(b"\x02\0\0\0\0", Err("compressed-flag is 2"));
        check(b"\0\0\0\0\x03ab", Err("announces 3 bytes, 2 came"));
        check(b"\0\0\0\0\x01ab", Err("announces 1 bytes, 2 came"));
    }
}
