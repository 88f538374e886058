//! In which shape a request is refused before a handler sees it: each API has its own.

use crate::error::ApiError;
use crate::{otlp, prometheus};
use axum::extract::{OriginalUri, Request};
use axum::response::{IntoResponse, Response};

/// What is spoken on a port, as an extension of each of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// Everything over HTTP.
    Main,
    /// OTLP/HTTP.
    OtlpHttp,
    /// OTLP/gRPC.
    OtlpGrpc,
    /// Prometheus' API at the root.
    Prometheus,
}

impl Port {
    /// The port that a request came in at.
    pub(crate) fn of(request: &Request) -> Self {
        request.extensions().get().copied().unwrap_or(Port::Main)
    }

    /// The answer to a request that is refused.
    pub(crate) fn refuse(self, request: &Request, error: ApiError) -> Response {
        // Below a prefix a request's own path is what follows it.
        let original = request.extensions().get::<OriginalUri>().map(|OriginalUri(uri)| uri);
        let path = original.unwrap_or(request.uri()).path();
        match self {
            Port::OtlpGrpc => otlp::refused_call(error),
            Port::Main | Port::OtlpHttp if path.starts_with("/v1/") => otlp::refused(request.headers(), &error),
            Port::Prometheus => prometheus::failure(&error),
            Port::Main if path.starts_with("/prometheus/") => prometheus::failure(&error),
            Port::Main | Port::OtlpHttp => error.into_response(),
        }
    }
}
