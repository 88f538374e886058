//! `metadata`: what senders said about metric families.

use super::respond::{Answer, Failed};
use crate::params::Params;
use crate::state::ApiState;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use clew_app::reads::metrics::{Families, ListMetadata};
use clew_model::Caller;
use clew_model::metrics::Metadata;
use serde::Serialize;
use std::collections::BTreeMap;

/// What one sender said about a family.
#[derive(Debug, Serialize)]
struct MetadataEntry {
    r#type: &'static str,
    help: String,
    unit: String,
}

impl From<Metadata> for MetadataEntry {
    fn from(row: Metadata) -> Self {
        Self { r#type: row.metric_type.as_str(), help: row.help, unit: row.unit }
    }
}

/// `GET /api/v1/metadata`
pub(super) async fn metadata(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Result<Response, Failed> {
    let params = Params::of_request(request).await?;
    // Prometheus: a negative limit means none; of the entries of a metric 0 does too.
    let most = |limit: i64| usize::try_from(limit).ok();
    let question = ListMetadata {
        metric: params.text("metric"),
        limit: params.parse("limit")?.and_then(most),
        per_metric: params.parse("limit_per_metric")?.and_then(most).filter(|most| *most > 0),
    };
    Ok(state.app.ask(&caller, question, written).await?)
}

fn written(found: Families) -> Response {
    let entries = |rows: Vec<Metadata>| rows.into_iter().map(MetadataEntry::from).collect::<Vec<_>>();
    let families: BTreeMap<String, Vec<MetadataEntry>> =
        found.by_name.into_iter().map(|(name, rows)| (name, entries(rows))).collect();
    Answer::warned(families, found.warnings).into_response()
}
