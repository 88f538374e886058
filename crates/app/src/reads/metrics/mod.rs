//! Questions about metrics.

mod exemplars;
mod labels;
mod metadata;
mod query;

pub use exemplars::{Exemplars, FindExemplars};
pub use labels::{FindSeries, ListLabelNames, ListLabelValues, Listed, SelectSeries};
pub use metadata::{Families, ListMetadata};
pub use query::{InstantQuery, RangeQuery};

/// The language of their texts.
const PROMQL: &str = "promql";
