//! The envelope of the Prometheus API: `status`, `data`, `errorType`, `error`, `warnings`, `infos`.

use crate::error::ApiError;
use axum::Json;
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use clew_model::ErrorKind;
use clew_query::promql::Annotations;
use serde::Serialize;

/// A successful answer.
#[derive(Debug, Serialize)]
pub(super) struct Success<T> {
    status: &'static str,
    data: T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    infos: Vec<String>,
}

impl<T> Success<T> {
    /// Data with what a query says beside it.
    pub(super) fn new(data: T, notes: Annotations) -> Self {
        let Annotations { warnings, infos, .. } = notes;
        Self { status: "success", data, warnings, infos }
    }

    /// Data with what may be missing of it.
    pub(super) fn warned(data: T, warnings: Vec<String>) -> Self {
        Self::new(data, Annotations { warnings, ..Annotations::default() })
    }
}

/// A failed answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    status: &'static str,
    error_type: &'static str,
    error: String,
}

/// Data, or a failure, on its way to the envelope.
pub(super) struct Answer<T>(pub Result<(T, Annotations), ApiError>);

impl<T> Answer<T> {
    /// Data without annotations, or a failure.
    pub(super) fn plain(result: Result<T, ApiError>) -> Self {
        Self(result.map(|data| (data, Annotations::default())))
    }
}

impl<T> Answer<T> {}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match self.0 {
            Ok((data, notes)) => {
                let Annotations { warnings, infos, .. } = notes;
                Json(Success { status: "success", data, warnings, infos }).into_response()
            }
            Err(error) => failure(&error),
        }
    }
}

/// Why a call failed, on its way to the envelope.
pub(super) struct Failed(ApiError);

impl<E: Into<ApiError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        failure(&self.0)
    }
}

/// A path that this API does not have, or not yet.
pub(super) async fn no_such_path(uri: Uri) -> Response {
    failure(&ApiError::new(ErrorKind::NotFound, format!("the Prometheus API has nothing at {}", uri.path())))
}

/// A path that is asked by another method.
pub(super) async fn wrong_method(method: Method, uri: Uri) -> Response {
    failure(&ApiError::wrong_method(&method, &uri))
}

/// A failure in the envelope.
pub(crate) fn failure(error: &ApiError) -> Response {
    let mut text = error.message.clone();
    if let Some(hint) = &error.hint {
        text.push_str("; ");
        text.push_str(hint);
    }
    let is_parse_error = error.prometheus_type() == "bad_data";
    let text = match error.position.filter(|_| is_parse_error) {
        Some(position) => format!("{}: parse error: {text}", position_text(position)),
        None => text,
    };
    let body = Failure { status: "error", error_type: error.prometheus_type(), error: text };
    error.with_retry_after((error.prometheus_status(), Json(body)).into_response())
}

/// Prometheus counts columns from 1 on one line.
fn position_text(position: usize) -> String {
    format!("1:{}", position.saturating_add(1))
}
