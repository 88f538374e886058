//! OTLP/gRPC: the three `Export` calls. Messages stay bytes until our own decoders read them.

use super::signals::{self, Encoding};
use super::{count_refusal, decode_off_thread};
use crate::body::ContentEncoding;
use crate::error::ApiError;
use crate::state::ApiState;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use axum::response::IntoResponse;
use axum::routing::post;
use bytes::{Buf, BufMut, Bytes};
use clew_app::Protocol;
use clew_codec::otlp::{self, Format};
use clew_model::Signal;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};

/// The paths of the three services (opentelemetry-proto, `collector/*/v1`).
const PATHS: [(&str, Signal); 3] = [
    ("/opentelemetry.proto.collector.logs.v1.LogsService/Export", Signal::Logs),
    ("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", Signal::Metrics),
    ("/opentelemetry.proto.collector.trace.v1.TraceService/Export", Signal::Traces),
];

/// The routes of OTLP/gRPC; anything else is answered UNIMPLEMENTED.
pub fn router(state: ApiState) -> Router {
    let mut router = Router::new();
    for (path, signal) in PATHS {
        let handler = move |State(state): State<ApiState>, request: Request<Body>| export(state, signal, request);
        router = router.route(path, post(handler));
    }
    router.fallback(unimplemented_call).with_state(state)
}

async fn unimplemented_call(request: Request<Body>) -> impl IntoResponse {
    let message = format!(
        "{} is not served here; this port takes OTLP/gRPC (logs, metrics, traces). OTLP/HTTP goes to port 4318",
        request.uri().path()
    );
    Status::new(Code::Unimplemented, message).into_http::<Body>()
}

async fn export(state: ApiState, signal: Signal, request: Request<Body>) -> impl IntoResponse {
    let limit = state.options.ingest_body;
    let mut grpc = Grpc::new(RawCodec)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(limit);
    let registry = Arc::clone(state.app.observer().registry());
    let reached = Arc::new(AtomicBool::new(false));
    let call = Export { state: state.clone(), signal, reached: Arc::clone(&reached) };
    let mut response = grpc.unary(call, request).await;
    if !reached.load(Ordering::Relaxed) {
        response = refuse_unread(&state, signal, response);
    }
    // A trailers-only answer carries the status in its head; any other unary answer is a success.
    let code = response.headers().get("grpc-status").and_then(|value| value.to_str().ok()).unwrap_or("0");
    registry.counter(&clew_telemetry::table::GRPC_REQUESTS, [PATHS_METHOD, code]).inc();
    response
}

/// Counts a message that tonic could not read, and answers one that is too large so that its sender gives it up: tonic
/// says OUT_OF_RANGE, which OTLP takes for "try again" (specification 1.5, "Failures").
fn refuse_unread(
    state: &ApiState,
    signal: Signal,
    response: Response<tonic::body::Body>,
) -> Response<tonic::body::Body> {
    let status = Status::from_header_map(response.headers()).unwrap_or_else(|| Status::unknown("no status"));
    let is_too_large = matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted);
    if !is_too_large {
        count_refusal(state, signal, Protocol::OtlpGrpc, &ApiError::bad_request(status.message()));
        return response;
    }
    let error = crate::body::too_large(state.options.ingest_body);
    count_refusal(state, signal, Protocol::OtlpGrpc, &error);
    Status::resource_exhausted(error.message).into_http()
}

/// The method's label in Clew's own metrics: all three services have the one method.
const PATHS_METHOD: &str = "Export";

struct Export {
    state: ApiState,
    signal: Signal,
    /// Whether tonic could read the message and called.
    reached: Arc<AtomicBool>,
}

impl UnaryService<Bytes> for Export {
    type Response = Vec<u8>;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Vec<u8>>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (state, signal) = (self.state.clone(), self.signal);
        self.reached.store(true, Ordering::Relaxed);
        Box::pin(async move {
            match take(&state, signal, request.into_inner()).await {
                Ok(answer) => Ok(tonic::Response::new(answer)),
                Err(error) => {
                    count_refusal(&state, signal, Protocol::OtlpGrpc, &error);
                    Err(status(&error))
                }
            }
        })
    }
}

async fn take(state: &ApiState, signal: Signal, body: Bytes) -> Result<Vec<u8>, ApiError> {
    state.app.observer().request_bytes(signal, Protocol::OtlpGrpc.as_str(), body.len() as u64);
    let arrival = state.app.clock().now();
    let options = state.options.otlp_metrics.clone();
    let records = decode_off_thread(body.len(), ContentEncoding::Identity, move || {
        signals::decode(signal, Encoding::Protobuf, &body, arrival, &options)
    })
    .await?;
    let outcome = signals::write(state, Protocol::OtlpGrpc, records).await?;
    Ok(otlp::encode_response(signal, outcome.rejected, &outcome.message(), Format::Protobuf))
}

fn status(error: &ApiError) -> Status {
    Status::new(Code::from_i32(error.grpc_code()), error.message.clone())
}

/// Hands messages through as bytes.
#[derive(Debug, Clone, Copy)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self::Encoder {
        Self
    }

    fn decoder(&mut self) -> Self::Decoder {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, buffer: &mut EncodeBuf<'_>) -> Result<(), Self::Error> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Self::Error> {
        let length = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(length)))
    }
}
