//! Questions about traces.

mod density;
mod search;
mod trace;

pub use density::ShowTraceDensity;
pub use search::SearchTraces;
pub use trace::ShowTrace;
