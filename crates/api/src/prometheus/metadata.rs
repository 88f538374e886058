//! `metadata`: what senders said about metric families.

use super::respond::{Failed, Success};
use crate::answers::Asker;
use crate::params::Params;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use clew_app::reads::metrics::{Families, ListMetadata};
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
pub(super) async fn metadata(asker: Asker, request: Request<Body>) -> Result<Response, Failed> {
    let params = Params::of_request(request).await?;
    // Prometheus: a negative limit means none; of the entries of a metric 0 does too.
    let most = |limit: i64| usize::try_from(limit).ok();
    let question = ListMetadata {
        metric: params.text("metric"),
        limit: params.parse("limit")?.and_then(most),
        per_metric: params.parse("limit_per_metric")?.and_then(most).filter(|most| *most > 0),
    };
    Ok(asker.ask(question, written).await?)
}

fn written(found: Families) -> Success<BTreeMap<String, Vec<MetadataEntry>>> {
    let entries = |rows: Vec<Metadata>| rows.into_iter().map(MetadataEntry::from).collect::<Vec<_>>();
    let families = found.by_name.into_iter().map(|(name, rows)| (name, entries(rows))).collect();
    Success::warned(families, found.warnings)
}
