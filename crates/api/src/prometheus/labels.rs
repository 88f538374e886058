//! `series`, `labels` and `label/…/values`.

use super::query::{LabelMap, label_map};
use super::respond::Answer;
use crate::error::ApiError;
use crate::params::Params;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use clew_app::AppError;
use clew_model::TimeRange;
use clew_model::metrics::{Labels, Matcher};
use clew_query::promql::{self, Annotations};
use std::collections::BTreeSet;

/// What the three calls ask in common.
struct Asked {
    matchers: Vec<Vec<Matcher>>,
    range: TimeRange,
    limit: usize,
}

impl Asked {
    async fn of(state: &ApiState, request: Request<Body>) -> Result<Self, ApiError> {
        let params = Params::of_request(request).await?;
        let range = params.range(state.app.clock().now(), TimeRange::ALL)?;
        let matchers = params.all("match[]").map(matchers).collect::<Result<_, _>>()?;
        // Prometheus: 0 means no limit.
        let limit = params.parse::<usize>("limit")?.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        Ok(Self { matchers, range, limit })
    }

    /// Cuts a sorted list to the limit, and says so.
    fn cut<T>(limit: usize, mut list: Vec<T>) -> (Vec<T>, Annotations) {
        let mut notes = Annotations::default();
        if list.len() > limit {
            list.truncate(limit);
            notes.warnings.push("results truncated due to limit".to_owned());
        }
        (list, notes)
    }
}

fn matchers(selector: &str) -> Result<Vec<Matcher>, ApiError> {
    promql::parse_selector(selector).map_err(ApiError::from)
}

/// `GET|POST /api/v1/series`
pub async fn series(State(state): State<ApiState>, request: Request<Body>) -> Response {
    let answer = async {
        let asked = Asked::of(&state, request).await?;
        if asked.matchers.is_empty() {
            return Err(ApiError::bad_request("no match[] parameter provided"));
        }
        let (matchers, range, limit) = (asked.matchers, asked.range, asked.limit);
        let found: BTreeSet<Labels> = state
            .app
            .query("prometheus_series", state.tenant(), None, move |context, stores| {
                let mut all = BTreeSet::new();
                for set in &matchers {
                    all.extend(stores.metrics.series(context, set, range)?);
                }
                Ok::<_, AppError>(all)
            })
            .await?;
        let list: Vec<LabelMap> = found.iter().map(label_map).collect();
        Ok(Asked::cut(limit, list))
    };
    Answer(answer.await).into_response()
}

/// `GET|POST /api/v1/labels`
pub async fn names(State(state): State<ApiState>, request: Request<Body>) -> Response {
    let answer = async {
        let asked = Asked::of(&state, request).await?;
        let (matchers, range, limit) = (every_set(asked.matchers), asked.range, asked.limit);
        let found: BTreeSet<String> = state
            .app
            .query("prometheus_labels", state.tenant(), None, move |context, stores| {
                let mut all = BTreeSet::new();
                for set in &matchers {
                    all.extend(stores.metrics.label_names(context, set, range)?);
                }
                Ok::<_, AppError>(all)
            })
            .await?;
        Ok(Asked::cut(limit, found.into_iter().collect()))
    };
    Answer(answer.await).into_response()
}

/// `GET /api/v1/label/{name}/values`
pub async fn values(State(state): State<ApiState>, Path(name): Path<String>, request: Request<Body>) -> Response {
    let answer = async {
        let asked = Asked::of(&state, request).await?;
        let (matchers, range, limit) = (every_set(asked.matchers), asked.range, asked.limit);
        let name = promql::unescape_label_name(&name);
        let found: BTreeSet<String> = state
            .app
            .query("prometheus_label_values", state.tenant(), None, move |context, stores| {
                let mut all = BTreeSet::new();
                for set in &matchers {
                    all.extend(stores.metrics.label_values(context, &name, set, range)?);
                }
                Ok::<_, AppError>(all)
            })
            .await?;
        Ok(Asked::cut(limit, found.into_iter().collect()))
    };
    Answer(answer.await).into_response()
}

/// Without matchers, everything.
fn every_set(matchers: Vec<Vec<Matcher>>) -> Vec<Vec<Matcher>> {
    if matchers.is_empty() { vec![Vec::new()] } else { matchers }
}
