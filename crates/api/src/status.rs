//! `/api/v1/status`: what the server is, holds and has taken.

use crate::dto::StatusDto;
use crate::error::{ApiError, ErrorBody};
use crate::state::ApiState;
use axum::extract::State;
use axum::{Extension, Json};
use clew_model::{Caller, ErrorKind};

/// What the server is, holds and has taken since its start.
#[utoipa::path(
    get, path = "/api/v1/status", tag = "server", operation_id = "status",
    responses(
        (status = 200, description = "The status", body = StatusDto),
        (status = 500, description = "The stores could not be asked", body = ErrorBody),
    )
)]
pub(crate) async fn status(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<StatusDto>, ApiError> {
    // Stores and disk are asked, and not on the query pool: a busy server still tells how it is.
    let ask = tokio::task::spawn_blocking(move || StatusDto::new(&state, &caller));
    let status = ask.await.map_err(|error| {
        tracing::error!(%error, "the status could not be gathered");
        ApiError::new(ErrorKind::Internal, "the status could not be gathered; the server's log says more")
    })?;
    Ok(Json(status))
}
