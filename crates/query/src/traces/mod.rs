//! Questions about traces: each is one or two scans of a view, and a sink that folds what they push.

mod durations;
mod search;
mod sinks;

pub use search::search;
pub use sinks::{find_ids, service, service_edges, services, trace};
