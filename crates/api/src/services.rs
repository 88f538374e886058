//! `/api/v1/services` and `/api/v1/service-map`: who sends spans and logs, how each does, who calls whom.

use crate::answers::Asker;
use crate::dto::{ServiceDetailsDto, ServiceMapDto, ServicesDto};
use crate::error::{ApiError, ErrorBody};
use crate::params::Params;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::Response;
use clew_app::reads::services::{ListServices, ShowService, ShowServiceMap};

/// Lists services by their spans and their logs.
#[utoipa::path(
    get, path = "/api/v1/services", tag = "services", operation_id = "services",
    params(
        ("start" = Option<String>, Query, description = "Default: everything that is kept"),
        ("end" = Option<String>, Query, description = "As `start`"),
    ),
    responses(
        (status = 200, description = "The services, sorted by name", body = ServicesDto),
        (status = 400, description = "A parameter cannot be understood", body = ErrorBody),
    )
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let question = ListServices { period: params.period(state.app.clock().now())? };
    asker.ask(question, ServicesDto::from).await
}

/// One service over time, by operation, and whom it talks to.
#[utoipa::path(
    get, path = "/api/v1/services/{name}", tag = "services", operation_id = "service",
    params(
        ("name" = String, Path, description = "Its name"),
        ("start" = Option<String>, Query, description = "Default: an hour before `end`"),
        ("end" = Option<String>, Query, description = "Default: now"),
        ("step" = Option<String>, Query, description = "Width of a bucket (`30s`); default: about 60 buckets"),
    ),
    responses(
        (status = 200, description = "The service; without spans when it has none in the range", body = ServiceDetailsDto),
        (status = 400, description = "A parameter cannot be understood", body = ErrorBody),
    )
)]
pub(crate) async fn details(
    State(state): State<ApiState>,
    asker: Asker,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let (period, step) = (params.period(state.app.clock().now())?, params.duration("step")?);
    let question = ShowService { name, period, step };
    asker.ask(question, ServiceDetailsDto::from).await
}

/// Who calls whom.
#[utoipa::path(
    get, path = "/api/v1/service-map", tag = "services", operation_id = "service_map",
    params(
        ("start" = Option<String>, Query, description = "Default: an hour before `end`"),
        ("end" = Option<String>, Query, description = "Default: now"),
    ),
    responses(
        (status = 200, description = "The services and the calls between them", body = ServiceMapDto),
        (status = 400, description = "A parameter cannot be understood", body = ErrorBody),
    )
)]
pub(crate) async fn map(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let params = Params::of_request(request).await?;
    let question = ShowServiceMap { period: params.period(state.app.clock().now())? };
    asker.ask(question, ServiceMapDto::from).await
}
