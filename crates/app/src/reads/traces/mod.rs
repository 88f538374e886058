//! Questions about traces.

mod search;
mod trace;

pub use search::SearchTraces;
pub use trace::ShowTrace;
