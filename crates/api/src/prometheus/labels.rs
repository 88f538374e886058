//! `series`, `labels` and `label/…/values`.

use super::query::label_map;
use super::respond::{Answer, Failed};
use crate::error::ApiError;
use crate::params::Params;
use crate::state::ApiState;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use clew_app::reads::metrics::{FindSeries, ListLabelNames, ListLabelValues, Listed, SelectSeries};
use clew_model::Caller;
use clew_query::promql::{self, Annotations};
use serde::Serialize;

/// What the three calls ask in common.
async fn asked(state: &ApiState, request: Request<Body>) -> Result<SelectSeries, ApiError> {
    let params = Params::of_request(request).await?;
    Ok(SelectSeries {
        selectors: params.all("match[]").map(str::to_owned).collect(),
        period: params.period(state.app.clock().now())?,
        // Prometheus: 0 means no limit.
        limit: params.parse::<usize>("limit")?.filter(|limit| *limit > 0),
    })
}

fn written<T, S: Serialize>(list: Listed<T>, item: impl Fn(T) -> S) -> Response {
    let mut warnings = list.warnings;
    warnings.extend(list.truncated.then(|| "results truncated due to limit".to_owned()));
    let items: Vec<S> = list.items.into_iter().map(item).collect();
    Answer(Ok((items, Annotations { warnings, ..Annotations::default() }))).into_response()
}

/// `GET|POST /api/v1/series`
pub(super) async fn series(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Result<Response, Failed> {
    let asked = asked(&state, request).await?;
    if asked.selectors.is_empty() {
        return Err(ApiError::bad_request("no match[] parameter provided").into());
    }
    let written = |list| written(list, |labels| label_map(&labels));
    Ok(state.app.ask(&caller, FindSeries(asked), written).await?)
}

/// `GET|POST /api/v1/labels`
pub(super) async fn names(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Result<Response, Failed> {
    let question = ListLabelNames(asked(&state, request).await?);
    Ok(state.app.ask(&caller, question, |list| written(list, |name| name)).await?)
}

/// `GET /api/v1/label/{name}/values`
pub(super) async fn values(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Result<Response, Failed> {
    let question = ListLabelValues { name: promql::unescape_label_name(&name), of: asked(&state, request).await? };
    Ok(state.app.ask(&caller, question, |list| written(list, |value| value)).await?)
}
