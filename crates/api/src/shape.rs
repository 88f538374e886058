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

    /// Whether a request is one of Prometheus' API.
    pub(crate) fn is_prometheus(self, request: &Request) -> bool {
        self == Port::Prometheus || (self == Port::Main && path(request).starts_with("/prometheus/"))
    }

    /// The answer to a request that is refused.
    pub(crate) fn refuse(self, request: &Request, error: ApiError) -> Response {
        match self {
            Port::OtlpGrpc => otlp::refused_call(error),
            Port::Main | Port::OtlpHttp if path(request).starts_with("/v1/") => {
                otlp::refused(request.headers(), &error)
            }
            _ if self.is_prometheus(request) => prometheus::failure(&error),
            _ => error.into_response(),
        }
    }
}

/// The whole path: below a prefix a request's own is what follows it.
fn path(request: &Request) -> &str {
    let original = request.extensions().get::<OriginalUri>().map(|OriginalUri(uri)| uri);
    original.unwrap_or(request.uri()).path()
}
