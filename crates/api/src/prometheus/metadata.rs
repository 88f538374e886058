//! `metadata`: what senders said about metric families.

use super::respond::Answer;
use crate::params::Params;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use clew_app::AppError;
use serde::Serialize;
use std::collections::BTreeMap;

/// What one sender said about a family.
#[derive(Debug, Serialize)]
struct MetadataEntry {
    r#type: &'static str,
    help: String,
    unit: String,
}

/// `GET /api/v1/metadata`
pub async fn metadata(State(state): State<ApiState>, request: Request<Body>) -> Response {
    let answer = async {
        let params = Params::of_request(request).await?;
        let metric = params.get("metric").map(str::to_owned);
        // Prometheus: a negative limit means none.
        let no_limit = |limit: &i64| *limit >= 0;
        let limit = params.parse::<i64>("limit")?.filter(no_limit).and_then(|limit| usize::try_from(limit).ok());
        let per_metric = params.parse::<i64>("limit_per_metric")?.filter(|limit| *limit > 0);
        let rows = state
            .app
            .query("prometheus_metadata", state.tenant(), None, move |context, stores| {
                stores.metrics.metadata(context, metric.as_deref()).map_err(AppError::from)
            })
            .await?;
        let mut families: BTreeMap<String, Vec<MetadataEntry>> = BTreeMap::new();
        for row in rows {
            if limit.is_some_and(|limit| families.len() >= limit && !families.contains_key(&row.metric)) {
                break;
            }
            let entry = MetadataEntry { r#type: row.metric_type.as_str(), help: row.help, unit: row.unit };
            let entries = families.entry(row.metric).or_default();
            if per_metric.is_none_or(|most| usize::try_from(most).is_ok_and(|most| entries.len() < most)) {
                entries.push(entry);
            }
        }
        Ok(families)
    };
    Answer::plain(answer.await).into_response()
}
