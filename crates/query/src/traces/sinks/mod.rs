//! What questions do with batches of spans, one sink a file.

mod candidates;
mod contrast;
mod edges;
mod extents;
mod names;
mod service;
mod services;
mod spans;
mod summaries;

pub(super) use candidates::Candidates;
pub(super) use contrast::{Contrast, Counted, Counts, Item};
pub use edges::service_edges;
pub(super) use extents::{Extent, Extents};
pub use service::service;
pub use services::services;
pub use spans::{find_ids, trace};
pub(super) use summaries::Summaries;

use crate::locks::locked;

#[cfg(test)]
pub(super) mod testing;
