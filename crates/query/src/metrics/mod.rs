//! Questions about series, beside PromQL: each is one scan of a view, and a sink that takes in what it pushes.

mod nothing;
mod sinks;

pub use nothing::why_nothing;
pub use sinks::{Cardinality, cardinality, exemplars, find_ids, label_names, label_values, metadata, samples, series};
