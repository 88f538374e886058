//! Which series of two vectors belong together.

use super::column::{Column, Vector};
use crate::promql::ast::Matching;
use clew_model::metrics::{Labels, METRIC_NAME};
use hashbrown::HashMap;

/// The labels by which series of the two sides find each other.
pub(super) fn signature(labels: &Labels, matching: &Matching) -> Labels {
    let listed = |name: &str| matching.labels.iter().any(|own| own == name);
    if matching.on { labels.filtered(listed) } else { labels.filtered(|name| name != METRIC_NAME && !listed(name)) }
}

/// Indexes of columns by signature.
pub(super) fn by_signature(vector: &Vector, matching: &Matching) -> HashMap<Labels, Vec<usize>> {
    let mut out: HashMap<Labels, Vec<usize>> = HashMap::with_capacity(vector.columns.len());
    for (index, column) in vector.columns.iter().enumerate() {
        out.entry(signature(&column.labels, matching)).or_default().push(index);
    }
    out
}

/// The columns at these indexes.
pub(super) fn columns<'a>(vector: &'a Vector, indexes: &'a [usize]) -> impl Iterator<Item = &'a Column> {
    indexes.iter().filter_map(|index| vector.columns.get(*index))
}
