//! `targets`, `scrape_pools`: what is scraped and how it went.

use super::respond::Answer;
use crate::dto::rfc3339;
use crate::error::ApiError;
use crate::params::Params;
use crate::state::ApiState;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use clew_app::scrape::{ActiveTarget, DroppedTarget, ScrapeStatus};
use clew_model::{Caller, TenantId};
use clew_query::promql::{self, Annotations};
use serde::Serialize;
use std::collections::BTreeMap;

/// The time that Prometheus shows for a target not scraped yet.
const NEVER: &str = "0001-01-01T00:00:00Z";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Targets {
    active_targets: Vec<Active>,
    dropped_targets: Vec<Dropped>,
    dropped_target_counts: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Active {
    discovered_labels: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    scrape_pool: String,
    scrape_url: String,
    global_url: String,
    last_error: String,
    last_scrape: String,
    /// Seconds.
    last_scrape_duration: f64,
    health: &'static str,
    scrape_interval: String,
    scrape_timeout: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dropped {
    discovered_labels: BTreeMap<String, String>,
    scrape_pool: String,
}

impl From<ActiveTarget> for Active {
    fn from(target: ActiveTarget) -> Self {
        Self {
            discovered_labels: target.discovered_labels.into_iter().collect(),
            labels: target.labels.into_iter().collect(),
            scrape_pool: target.scrape_pool,
            scrape_url: target.scrape_url,
            global_url: target.global_url,
            last_error: target.last_error,
            last_scrape: target.last_scrape.map_or_else(|| NEVER.to_owned(), rfc3339),
            last_scrape_duration: target.last_scrape_duration.as_secs_f64(),
            health: target.health.as_str(),
            scrape_interval: target.scrape_interval,
            scrape_timeout: target.scrape_timeout,
        }
    }
}

impl From<DroppedTarget> for Dropped {
    fn from(target: DroppedTarget) -> Self {
        Self { discovered_labels: target.discovered_labels.into_iter().collect(), scrape_pool: target.scrape_pool }
    }
}

/// What is scraped of the caller's tenant: everything is written to the tenant `default`.
pub(crate) fn scraped_for(state: &ApiState, caller: &Caller) -> ScrapeStatus {
    if caller.tenant == TenantId::default() { state.scrape.status() } else { ScrapeStatus::default() }
}

/// `GET /api/v1/targets`; `state` is `active`, `dropped` or `any`.
pub(super) async fn targets(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Response {
    let params = Params::of_query(request.uri().query());
    let status = scraped_for(&state, &caller);
    let wanted = params.get("state").unwrap_or("any");
    let pool = params.get("scrapePool");
    let in_pool = |name: &str| pool.is_none_or(|pool| pool == name);
    let show = |kind: &str| wanted == "any" || wanted == kind;
    let active = status.active.into_iter().filter(|target| show("active") && in_pool(&target.scrape_pool));
    let dropped = status.dropped.into_iter().filter(|target| show("dropped") && in_pool(&target.scrape_pool));
    let problems = status
        .jobs
        .iter()
        .filter(|job| in_pool(&job.name))
        .flat_map(|job| job.problems.iter().map(|problem| format!("job {:?}: {problem}", job.name)));
    let notes = Annotations { warnings: problems.collect(), ..Annotations::default() };
    let targets = Targets {
        active_targets: active.map(Active::from).collect(),
        dropped_targets: dropped.map(Dropped::from).collect(),
        dropped_target_counts: status.dropped_counts,
    };
    Answer(Ok((targets, notes))).into_response()
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ScrapePools {
    scrape_pools: Vec<String>,
}

/// `GET /api/v1/scrape_pools`: the names of all jobs, sorted.
pub(super) async fn scrape_pools(State(state): State<ApiState>, Extension(caller): Extension<Caller>) -> Response {
    let mut scrape_pools: Vec<String> = scraped_for(&state, &caller).jobs.into_iter().map(|job| job.name).collect();
    scrape_pools.sort();
    Answer::plain(Ok(ScrapePools { scrape_pools })).into_response()
}

#[derive(Debug, Serialize)]
struct TargetFamily {
    target: BTreeMap<String, String>,
    metric: String,
    r#type: &'static str,
    help: String,
    unit: String,
}

/// `GET /api/v1/targets/metadata`: what targets say of their families; `match_target`, `metric` and `limit` choose.
pub(super) async fn metadata(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Response {
    Answer::plain(target_families(&state, &caller, request.uri().query())).into_response()
}

fn target_families(state: &ApiState, caller: &Caller, query: Option<&str>) -> Result<Vec<TargetFamily>, ApiError> {
    let params = Params::of_query(query);
    let matchers = params.get("match_target").map(promql::parse_selector).transpose()?.unwrap_or_default();
    let limit = params.parse::<i64>("limit")?.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    if caller.tenant != TenantId::default() {
        return Ok(Vec::new());
    }
    let passes = |labels: &[(String, String)]| {
        let value = |name: &str| labels.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value);
        matchers.iter().all(|matcher| matcher.matches(value(&matcher.name)))
    };
    let metric = params.get("metric");
    // Where targets are chosen, all are looked at.
    let most = if matchers.is_empty() { limit } else { usize::MAX };
    let found = state.scrape.families(metric, most).into_iter().filter(|(labels, _)| passes(labels)).take(limit);
    let shown = found.map(|(labels, family)| TargetFamily {
        target: labels.into_iter().collect(),
        metric: if metric.is_some() { String::new() } else { family.metric },
        r#type: family.metric_type.as_str(),
        help: family.help,
        unit: family.unit,
    });
    Ok(shown.collect())
}
