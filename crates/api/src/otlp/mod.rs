//! OTLP in, over HTTP and gRPC: both read the body, hand it to the same decoders, and answer partial success.

mod grpc;
mod http;
mod signals;

pub use grpc::router as grpc_router;
pub use http::{logs, metrics, traces};

use crate::body::ContentEncoding;
use crate::error::ApiError;
use crate::limits::INLINE_DECODE_BYTES;
use crate::state::ApiState;
use axum::http::{HeaderMap, header};
use clew_app::{AppError, Protocol};
use clew_model::{ErrorKind, Signal};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Decodes on this thread when the body is small, on the blocking pool when it is large or compressed enough to be.
///
/// # Errors
/// What the decoder answers.
pub async fn decode_off_thread<T: Send + 'static>(
    bytes: usize,
    encoding: ContentEncoding,
    decode: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let inline = if encoding == ContentEncoding::Identity { INLINE_DECODE_BYTES } else { INLINE_DECODE_BYTES / 8 };
    if bytes <= inline {
        return decode();
    }
    tokio::task::spawn_blocking(decode).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a decoder panicked");
        Err(ApiError::new(ErrorKind::Internal, "the request could not be decoded; the server's log says more"))
    })
}

/// Takes room for a request's body, so that many large ones at once wait instead of filling the memory. The length that
/// a client announces is reserved; without one, the largest allowed.
///
/// # Errors
/// The server is stopping.
pub async fn hold_body(state: &ApiState, headers: &HeaderMap) -> Result<OwnedSemaphorePermit, ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let most = state.options.ingest_body;
    let compressed = headers.contains_key(header::CONTENT_ENCODING);
    let bytes = match announced {
        Some(bytes) if compressed => bytes.saturating_mul(8).min(most),
        Some(bytes) => bytes.min(most),
        None => most,
    };
    let kilobytes = u32::try_from(bytes / 1024).unwrap_or(u32::MAX).max(1);
    let permits = Arc::clone(&state.bodies).acquire_many_owned(kilobytes).await;
    permits.map_err(|_| ApiError::from(AppError::Stopping))
}

/// Counts a request that was refused whole.
pub fn count_refusal(state: &ApiState, signal: Signal, protocol: Protocol, error: &ApiError) {
    let observer = state.app.observer();
    observer.rejected(signal.as_str(), protocol.as_str(), error.reason(), 1);
    if error.kind == ErrorKind::TooLarge {
        observer.limit_hit("ingest_body");
    }
}
