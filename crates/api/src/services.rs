//! `/api/v1/services` and `/api/v1/service-map`: who sends spans and logs, how each does, who calls whom.

use crate::dto::{ServiceDetailsDto, ServiceDto, ServiceMapDto, ServicesDto};
use crate::error::{ApiError, ErrorBody};
use crate::limits::MAX_FIELD_VALUES;
use crate::params::Params;
use crate::state::ApiState;
use crate::time_range::{recent_range, step};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use clew_app::AppError;
use clew_model::TimeRange;
use clew_model::logs::LogFilter;
use clew_query::logs::sinks;
use clew_query::traces;
use std::collections::HashMap;

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
pub async fn list(State(state): State<ApiState>, request: Request<Body>) -> Result<Json<ServicesDto>, ApiError> {
    let params = Params::of_request(request).await?;
    let range = params.range(state.app.clock().now(), TimeRange::ALL)?;
    let services = state
        .app
        .query("services", state.tenant(), None, move |context, stores| {
            let view = stores.traces.view(context);
            let traced = traces::services(context, &*view, range)?;
            let logged = sinks::field_values(
                context,
                &*stores.logs.view(context),
                "service",
                &LogFilter::All,
                range,
                MAX_FIELD_VALUES,
            )?;
            let (logged, warnings) = (logged.field, logged.warnings);
            let truncated = logged.top.len() >= MAX_FIELD_VALUES;
            let mut logs: HashMap<String, u64> =
                logged.top.into_iter().map(|value| (value.value, value.records)).collect();
            let mut all: Vec<ServiceDto> = traced
                .into_iter()
                .map(|service| {
                    let records = logs.remove(&service.name).unwrap_or(0);
                    ServiceDto::traced(service, records)
                })
                .collect();
            all.extend(logs.into_iter().map(|(name, records)| ServiceDto::logged(name, records)));
            Ok::<_, AppError>(ServicesDto::new(all, truncated, warnings))
        })
        .await?;
    Ok(Json(services))
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
pub async fn details(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Result<Json<ServiceDetailsDto>, ApiError> {
    let params = Params::of_request(request).await?;
    let range = recent_range(&state, &params)?;
    let step = step(&params, range)?;
    let details = state
        .app
        .query("service", state.tenant(), None, move |context, stores| {
            let view = stores.traces.view(context);
            let details = traces::service(context, &*view, &name, range, step)?;
            let edges = traces::service_edges(context, &*view, range)?;
            Ok::<_, AppError>(ServiceDetailsDto::new(details, edges, range, step))
        })
        .await?;
    Ok(Json(details))
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
pub async fn map(State(state): State<ApiState>, request: Request<Body>) -> Result<Json<ServiceMapDto>, ApiError> {
    let params = Params::of_request(request).await?;
    let range = recent_range(&state, &params)?;
    let map = state
        .app
        .query("service_map", state.tenant(), None, move |context, stores| {
            let view = stores.traces.view(context);
            let services = traces::services(context, &*view, range)?;
            Ok::<_, AppError>(ServiceMapDto::new(services, traces::service_edges(context, &*view, range)?))
        })
        .await?;
    Ok(Json(map))
}
