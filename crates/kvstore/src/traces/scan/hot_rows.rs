//! A batch of the hot tail as a list of spans.

use crate::traces::hot::Batch;
use clew_model::traces::Span;
use std::sync::Arc;

/// The spans of one applied frame.
pub(super) struct HotRows(pub Arc<Batch>);

impl AsRef<[Span]> for HotRows {
    fn as_ref(&self) -> &[Span] {
        &self.0.spans
    }
}
