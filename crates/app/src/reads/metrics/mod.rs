//! Questions about metrics.

mod cardinality;
mod exemplars;
mod labels;
mod metadata;
mod query;
mod read;

pub use cardinality::{CountSeries, CountedSeries, FindLast};
pub use exemplars::{Exemplars, FindExemplars};
pub use labels::{FindSeries, ListLabelNames, ListLabelValues, Listed, SelectSeries};
pub use metadata::{Families, ListMetadata};
pub use query::{InstantQuery, RangeQuery};
pub use read::ReadSeries;

/// The language of their texts.
const PROMQL: &str = "promql";
