//! Questions about traces.

mod contrast;
mod density;
mod search;
mod trace;

pub use contrast::ContrastTraces;
pub use density::ShowTraceDensity;
pub use search::SearchTraces;
pub use trace::ShowTrace;
