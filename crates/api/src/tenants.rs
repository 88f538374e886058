//! `/api/v1/tenants`: the tenants that the server knows, for those who see all of it.

use crate::error::{ApiError, ErrorBody};
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use clew_app::tenants::{Rate, TenantLimits};
use clew_app::{SignalStatus, TenantStatus};
use clew_model::ErrorKind;
use serde::Serialize;
use utoipa::ToSchema;

/// The tenants of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TenantsDto {
    /// Whether they are told apart; where not, there is none here.
    on: bool,
    /// How many there may be (`tenants.max`); absent where they are not told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<usize>,
    /// By name.
    tenants: Vec<TenantDto>,
}

/// One tenant: what came since the start of the process, and what is kept.
#[derive(Debug, Serialize, ToSchema)]
struct TenantDto {
    /// Its name.
    name: String,
    /// Logs, metrics, traces.
    signals: Vec<TenantSignalDto>,
    /// Series that took samples lately.
    active_series: u64,
    /// Log streams that sent within an hour, where they are limited.
    log_streams: usize,
    /// Queries under way.
    queries: usize,
    /// What it may use; what is absent has no limit of the tenant's.
    limits: TenantLimitsDto,
}

/// What a tenant has of a signal.
#[derive(Debug, Serialize, ToSchema)]
struct TenantSignalDto {
    /// `logs`, `metrics` or `traces`.
    signal: &'static str,
    /// Records taken since the start of the process.
    accepted: u64,
    /// Records refused since then.
    rejected: u64,
    /// Records in memory, not yet in a sealed part.
    hot_records: u64,
    /// Records in sealed parts.
    sealed_records: u64,
    /// Bytes of them on disk.
    sealed_bytes: u64,
}

/// What a tenant may use.
#[derive(Debug, Serialize, ToSchema)]
struct TenantLimitsDto {
    /// Records a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    ingest_records: Option<u64>,
    /// Bytes of bodies a second, decompressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    ingest_bytes: Option<u64>,
    /// Active series.
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<usize>,
    /// Log streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    streams: Option<usize>,
    /// Queries under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    queries: Option<usize>,
    /// Bytes that its queries hold together.
    #[serde(skip_serializing_if = "Option::is_none")]
    query_memory: Option<u64>,
}

impl From<TenantStatus> for TenantDto {
    fn from(status: TenantStatus) -> Self {
        Self {
            name: status.tenant.to_string(),
            signals: status.signals.iter().map(TenantSignalDto::from).collect(),
            active_series: status.active_series,
            log_streams: status.streams,
            queries: status.queries,
            limits: status.limits.into(),
        }
    }
}

impl From<&SignalStatus> for TenantSignalDto {
    fn from(status: &SignalStatus) -> Self {
        Self {
            signal: status.signal.as_str(),
            accepted: status.accepted,
            rejected: status.rejected,
            hot_records: status.hot.records,
            sealed_records: status.on_disk.records,
            sealed_bytes: status.on_disk.bytes,
        }
    }
}

impl From<TenantLimits> for TenantLimitsDto {
    fn from(limits: TenantLimits) -> Self {
        let a_second = |rate: Option<Rate>| rate.map(|rate| rate.per_second);
        let TenantLimits { records, bytes, series, streams, queries, query_memory } = limits;
        Self {
            ingest_records: a_second(records),
            ingest_bytes: a_second(bytes),
            series,
            streams,
            queries,
            query_memory,
        }
    }
}

/// The tenants that the server knows. Needs a user or token that may use all.
#[utoipa::path(
    get, path = "/api/v1/tenants", tag = "server", operation_id = "tenants",
    responses(
        (status = 200, description = "The tenants", body = TenantsDto),
        (status = 403, description = "The caller may use some tenants alone", body = ErrorBody),
    )
)]
pub(crate) async fn tenants(State(state): State<ApiState>) -> Result<Json<TenantsDto>, ApiError> {
    let max = state.app.options().tenants.as_ref().map(|tenants| tenants.max);
    let ask = tokio::task::spawn_blocking(move || state.app.status_by_tenant());
    let all = ask.await.map_err(|error| {
        tracing::error!(%error, "the tenants could not be gathered");
        ApiError::new(ErrorKind::Internal, "the tenants could not be gathered; the server's log says more")
    })?;
    Ok(Json(TenantsDto { on: max.is_some(), max, tenants: all.into_iter().map(TenantDto::from).collect() }))
}
