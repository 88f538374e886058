//! What questions do with series, one sink a file.

mod cardinality;
mod exemplars;
mod held;
mod metadata;
mod names;
mod samples;

pub use cardinality::{Cardinality, cardinality};
pub use exemplars::{exemplars, find_ids};
pub use metadata::metadata;
pub use names::{label_names, label_values, series};
pub use samples::samples;

#[cfg(test)]
pub(super) mod testing;
