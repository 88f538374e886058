//! OTLP in, over HTTP and gRPC: both read the body, hand it to the same decoders, and answer partial success.

mod grpc;
mod http;
mod signals;

pub(crate) use grpc::{refused_call, routes as grpc_routes};
pub(crate) use http::{logs, metrics, panicked, refused, traces};

use crate::body::ContentEncoding;
use crate::error::ApiError;
use crate::limits::INLINE_DECODE_BYTES;
use crate::state::ApiState;
use clew_app::{AppError, Protocol};
use clew_model::{ErrorKind, Signal};
use std::sync::Arc;

/// Decodes on this thread when the body is small, on the blocking pool when it is large or compressed enough to be: there
/// as many at once as there are cores, so that queries find threads too.
///
/// # Errors
/// What the decoder answers.
pub(crate) async fn decode_off_thread<T: Send + 'static>(
    state: &ApiState,
    bytes: usize,
    encoding: ContentEncoding,
    decode: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let inline = if encoding == ContentEncoding::Identity { INLINE_DECODE_BYTES } else { INLINE_DECODE_BYTES / 8 };
    if bytes <= inline {
        return decode();
    }
    let turn = Arc::clone(&state.decoders).acquire_owned().await.map_err(|_| ApiError::from(AppError::Stopping))?;
    let task = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        decode()
    });
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a decoder panicked");
        Err(ApiError::new(ErrorKind::Internal, "the request could not be decoded; the server's log says more"))
    })
}

/// Counts a request that was refused whole.
pub(crate) fn count_refusal(state: &ApiState, signal: Signal, protocol: Protocol, error: &ApiError) {
    let observer = state.app.observer();
    observer.rejected(signal, protocol, error.reason(), 1);
    observer.refused([error.message.as_str()]);
}
