//! `/api/v1/logs/{id}/context`: a log record with those before and after it.

use crate::answers::Asker;
use crate::dto::LogContextDto;
use crate::error::{ApiError, ErrorBody};
use crate::params::Params;
use axum::body::Body;
use axum::extract::Path;
use axum::http::Request;
use axum::response::Response;
use clew_app::reads::logs::{ContextScope, LogContext, LogContextQuery};
use clew_model::{ErrorKind, RecordId};

/// A log record with those before and after it.
#[utoipa::path(
    get, path = "/api/v1/logs/{id}/context", tag = "logs", operation_id = "log_context",
    params(
        ("id" = String, Path, description = "The record: `id` of a log"),
        ("before" = Option<usize>, Query, description = "Records before it, 0 to 1000, default 50"),
        ("after" = Option<usize>, Query, description = "Records after it, 0 to 1000, default 50"),
        ("scope" = Option<String>, Query, description = "Among which: `service` (default, those of its service) or `all`"),
    ),
    responses(
        (status = 200, description = "The record and its neighbours", body = LogContextDto),
        (status = 400, description = "Not the ID of a record, or a parameter cannot be understood", body = ErrorBody),
        (status = 404, description = "No such record is kept", body = ErrorBody),
        (status = 500, description = "The record may be kept, but something that is damaged hides it", body = ErrorBody),
    )
)]
pub(crate) async fn context(
    asker: Asker,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let id = record_id(&id)?;
    let question =
        LogContextQuery { id, before: params.parse("before")?, after: params.parse("after")?, scope: scope(&params)? };
    let missing = move || ApiError::new(ErrorKind::NotFound, format!("no log record {id} is kept"));
    let shape = move |found: Option<LogContext>| found.map(LogContextDto::from).ok_or_else(missing);
    asker.find(question, shape).await
}

/// A record's ID as answers write it.
///
/// # Errors
/// Text that is none.
pub(crate) fn record_id(text: &str) -> Result<RecordId, ApiError> {
    RecordId::parse(text).ok_or_else(|| {
        let shown: String = text.chars().take(80).collect();
        ApiError::bad_request(format!(
            "{shown:?} is not the ID of a log record: write the `id` of an answer, <time in ns>-<number>"
        ))
    })
}

fn scope(params: &Params) -> Result<ContextScope, ApiError> {
    match params.get("scope") {
        None | Some("service") => Ok(ContextScope::Service),
        Some("all") => Ok(ContextScope::All),
        Some(other) => Err(ApiError::bad_request(format!("the scope {other:?} is neither service nor all"))),
    }
}
