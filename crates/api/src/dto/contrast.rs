//! Two groups of traces set against each other, as JSON.

use clew_model::traces::{AttributeContrast, TraceContrast};
use serde::Serialize;
use utoipa::ToSchema;

/// What the selected traces have in common against the rest.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceContrastDto {
    /// Traces within the bounds.
    selected: u64,
    /// The other traces that match.
    rest: u64,
    /// How many of the selected were looked at: a sample where there are very many.
    looked_at_selected: u64,
    /// How many of the rest.
    looked_at_rest: u64,
    /// What is more frequent among the selected, what tells the two apart best first.
    attributes: Vec<AttributeContrastDto>,
    /// Whether there were more attributes than are told apart.
    truncated: bool,
    /// What may be missing; absent where nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// An attribute with its value, and how many traces have a span with it.
#[derive(Debug, Serialize, ToSchema)]
struct AttributeContrastDto {
    /// The service of the span.
    service: String,
    /// The key; `resource.` before it where it is one of the resource, `operation` and `status` for the span's own.
    key: String,
    /// The text of the value.
    value: String,
    /// Selected traces, of those looked at.
    selected: u64,
    /// Other traces, of those looked at.
    rest: u64,
}

impl From<AttributeContrast> for AttributeContrastDto {
    fn from(one: AttributeContrast) -> Self {
        let AttributeContrast { service, key, value, selected, rest } = one;
        Self { service, key, value, selected, rest }
    }
}

impl From<TraceContrast> for TraceContrastDto {
    fn from(contrast: TraceContrast) -> Self {
        Self {
            selected: contrast.selected,
            rest: contrast.rest,
            looked_at_selected: contrast.looked_at_selected,
            looked_at_rest: contrast.looked_at_rest,
            attributes: contrast.attributes.into_iter().map(AttributeContrastDto::from).collect(),
            truncated: contrast.truncated,
            warnings: contrast.warnings,
        }
    }
}
