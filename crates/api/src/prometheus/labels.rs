//! `series`, `labels` and `label/…/values`.

use super::query::LabelMap;
use super::respond::{Failed, Success};
use crate::answers::Asker;
use crate::error::ApiError;
use crate::params::Params;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::Response;
use clew_app::reads::metrics::{FindSeries, ListLabelNames, ListLabelValues, Listed, SelectSeries};
use clew_model::metrics::Labels;
use clew_query::promql;
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

fn written<T: Serialize>(list: Listed<T>) -> Success<Vec<T>> {
    let mut warnings = list.warnings;
    warnings.extend(list.truncated.then(|| "results truncated due to limit".to_owned()));
    Success::warned(list.items, warnings)
}

/// `GET|POST /api/v1/series`
pub(super) async fn series(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, Failed> {
    let asked = asked(&state, request).await?;
    if asked.selectors.is_empty() {
        return Err(ApiError::bad_request("no match[] parameter provided").into());
    }
    let shape = |found: Listed<Labels>| {
        let Listed { items, truncated, warnings } = found;
        written(Listed { items: items.into_iter().map(LabelMap).collect(), truncated, warnings })
    };
    Ok(asker.ask(FindSeries(asked), shape).await?)
}

/// `GET|POST /api/v1/labels`
pub(super) async fn names(
    State(state): State<ApiState>,
    asker: Asker,
    request: Request<Body>,
) -> Result<Response, Failed> {
    let question = ListLabelNames(asked(&state, request).await?);
    Ok(asker.ask(question, written).await?)
}

/// `GET /api/v1/label/{name}/values`
pub(super) async fn values(
    State(state): State<ApiState>,
    asker: Asker,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Result<Response, Failed> {
    let question = ListLabelValues { name: promql::unescape_label_name(&name), of: asked(&state, request).await? };
    Ok(asker.ask(question, written).await?)
}
