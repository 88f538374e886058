//! `/api/v1/services`: who sends spans and logs.

use crate::dto::{ServiceDto, ServicesDto};
use crate::error::{ApiError, ErrorBody};
use crate::limits::MAX_FIELD_VALUES;
use crate::params::Params;
use crate::state::ApiState;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use clew_app::AppError;
use clew_model::TimeRange;
use clew_model::logs::LogFilter;
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
    let (services, truncated) = state
        .app
        .query("services", state.tenant(), None, move |context, stores| {
            let traced = stores.traces.services(context, range)?;
            let logged = stores.logs.field_values(context, "service", &LogFilter::All, range, MAX_FIELD_VALUES)?;
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
            Ok::<_, AppError>((all, truncated))
        })
        .await?;
    Ok(Json(ServicesDto::new(services, truncated)))
}
