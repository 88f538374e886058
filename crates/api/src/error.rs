//! The one table from error kind to HTTP status, gRPC code and public error code, and the shape of our own errors.

use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use clew_app::AppError;
use clew_app::limits::RETRY_AFTER_SECONDS;
use clew_codec::error::DecodeError;
use clew_model::ErrorKind;
use serde::Serialize;
use utoipa::ToSchema;

/// A failed request, on its way to becoming a response in the shape its API has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// What the caller may do about it.
    pub kind: ErrorKind,
    /// The status, where it says more than the kind does (415, 405).
    pub status: Option<StatusCode>,
    /// What is wrong.
    pub message: String,
    /// Where in the query, in bytes.
    pub position: Option<usize>,
    /// What to write instead.
    pub hint: Option<String>,
    /// Seconds after which to try again, where that is known better than by the kind.
    pub retry: Option<u64>,
}

/// One row of the table.
struct Row {
    status: StatusCode,
    /// <https://grpc.io/docs/guides/status-codes/>
    grpc: i32,
    /// The `code` of our own API's errors.
    code: &'static str,
    /// The `errorType` of the Prometheus API.
    prometheus: &'static str,
    /// Its status; that of the first column but for what it calls `execution`, which is 422 there.
    prometheus_status: StatusCode,
}

/// What each kind of failure is on the wire.
fn row(kind: ErrorKind) -> Row {
    let row = |status, grpc, code, prometheus| Row { status, grpc, code, prometheus, prometheus_status: status };
    match kind {
        ErrorKind::InvalidInput => row(StatusCode::BAD_REQUEST, 3, "bad_request", "bad_data"),
        ErrorKind::NotFound => row(StatusCode::NOT_FOUND, 5, "not_found", "not_found"),
        ErrorKind::TooLarge => row(StatusCode::PAYLOAD_TOO_LARGE, 3, "too_large", "bad_data"),
        ErrorKind::LimitExceeded => row(StatusCode::UNPROCESSABLE_ENTITY, 8, "limit_exceeded", "execution"),
        // OTLP: RESOURCE_EXHAUSTED without RetryInfo is final, UNAVAILABLE is retried.
        ErrorKind::Unavailable => row(StatusCode::TOO_MANY_REQUESTS, 14, "unavailable", "unavailable"),
        ErrorKind::RateLimited => row(StatusCode::TOO_MANY_REQUESTS, 8, "rate_limited", "too_many_requests"),
        // 499: the client closed the request (nginx's convention, which Prometheus follows too).
        ErrorKind::Cancelled => {
            row(StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST), 1, "cancelled", "canceled")
        }
        ErrorKind::DeadlineExceeded => row(StatusCode::SERVICE_UNAVAILABLE, 4, "timeout", "timeout"),
        ErrorKind::Unauthenticated => row(StatusCode::UNAUTHORIZED, 16, "unauthenticated", "bad_data"),
        ErrorKind::PermissionDenied => row(StatusCode::FORBIDDEN, 7, "forbidden", "bad_data"),
        ErrorKind::Conflict => Row {
            prometheus_status: StatusCode::UNPROCESSABLE_ENTITY,
            ..row(StatusCode::CONFLICT, 10, "conflict", "execution")
        },
        ErrorKind::StorageFull => row(StatusCode::SERVICE_UNAVAILABLE, 14, "storage_full", "unavailable"),
        ErrorKind::Corrupt => row(StatusCode::INTERNAL_SERVER_ERROR, 15, "corrupt", "internal"),
        ErrorKind::Unsupported => row(StatusCode::UNPROCESSABLE_ENTITY, 12, "unsupported", "execution"),
        ErrorKind::Internal => row(StatusCode::INTERNAL_SERVER_ERROR, 13, "internal", "internal"),
    }
}

impl ApiError {
    /// An error of this kind.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, status: None, message: message.into(), position: None, hint: None, retry: None }
    }

    /// A request that is malformed.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// A body whose type is not understood.
    pub(crate) fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self { status: Some(StatusCode::UNSUPPORTED_MEDIA_TYPE), ..Self::bad_request(message) }
    }

    /// A path that is there, asked by a method that it does not answer.
    pub(crate) fn wrong_method(method: &Method, uri: &Uri) -> Self {
        let message = format!("{} does not answer {method}", uri.path());
        Self { status: Some(StatusCode::METHOD_NOT_ALLOWED), ..Self::bad_request(message) }
    }

    /// The HTTP status.
    #[must_use]
    pub(crate) fn status(&self) -> StatusCode {
        self.status.unwrap_or_else(|| row(self.kind).status)
    }

    /// The status in the Prometheus API.
    #[must_use]
    pub(crate) fn prometheus_status(&self) -> StatusCode {
        self.status.unwrap_or_else(|| row(self.kind).prometheus_status)
    }

    /// The gRPC code.
    #[must_use]
    pub(crate) fn grpc_code(&self) -> i32 {
        row(self.kind).grpc
    }

    /// The `errorType` of the Prometheus API.
    #[must_use]
    pub(crate) fn prometheus_type(&self) -> &'static str {
        row(self.kind).prometheus
    }

    /// The label value by which Clew's own metrics count refused requests.
    #[must_use]
    pub(crate) fn reason(&self) -> &'static str {
        match self.status {
            Some(StatusCode::UNSUPPORTED_MEDIA_TYPE) => "unsupported_media_type",
            Some(StatusCode::METHOD_NOT_ALLOWED) => "method_not_allowed",
            Some(StatusCode::REQUEST_TIMEOUT) => "request_timeout",
            _ => row(self.kind).code,
        }
    }

    /// `Retry-After` in seconds, where trying again makes sense.
    #[must_use]
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.kind.is_retryable().then(|| self.retry.unwrap_or(RETRY_AFTER_SECONDS))
    }

    /// The answer with `Retry-After`, where trying again makes sense.
    #[must_use]
    pub(crate) fn with_retry_after(&self, mut response: Response) -> Response {
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<AppError> for ApiError {
    fn from(error: AppError) -> Self {
        let kind = error.kind();
        let mut api = match &error {
            AppError::Query { position, hint, .. } => {
                Self { position: *position, hint: hint.clone(), ..Self::new(kind, error.to_string()) }
            }
            AppError::TenantLimit { retry_after, .. } => {
                Self { retry: Some(*retry_after), ..Self::new(kind, error.to_string()) }
            }
            _ => Self::new(kind, error.full_message()),
        };
        // A server that is stopping, or whose disk failed, is unavailable rather than overloaded.
        let is_overload =
            matches!(error, AppError::Overloaded { .. } | AppError::TooManyQueries(_) | AppError::TooManyTails(_));
        if kind == ErrorKind::Unavailable && !is_overload {
            api.status = Some(StatusCode::SERVICE_UNAVAILABLE);
        }
        // The others say what a caller did, or what was logged where it arose: that the disk is full, once a minute.
        if matches!(kind, ErrorKind::Internal | ErrorKind::Corrupt) {
            tracing::error!(error = %api.message, "a request failed");
        }
        api
    }
}

impl From<clew_query::QueryError> for ApiError {
    fn from(error: clew_query::QueryError) -> Self {
        AppError::from(error).into()
    }
}

impl From<DecodeError> for ApiError {
    fn from(error: DecodeError) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}

/// An error of our own API.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// What went wrong.
    error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorDetail {
    /// A word for programs: `bad_request`, `not_found`, `too_large`, `limit_exceeded`, `timeout` …
    code: &'static str,
    /// A sentence for people.
    message: String,
    /// Where in the query, in bytes from its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<usize>,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = if self.position.is_some() { "bad_query" } else { self.reason() };
        let Self { message, position, hint, .. } = self.clone();
        let body = ErrorBody { error: ErrorDetail { code, message, position, hint } };
        self.with_retry_after((self.status(), axum::Json(body)).into_response())
    }
}
