//! Questions about traces: each is one or two scans of a view, and a sink that folds what they push.

mod contrast;
mod density;
mod durations;
mod newest;
mod ranked;
mod search;
mod sinks;
mod whole;

pub use contrast::{ContrastQuery, contrast};
pub use density::{DensityQuery, density};
pub use search::search;
pub use sinks::{find_ids, service, service_edges, services, trace};
