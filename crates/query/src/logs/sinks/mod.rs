//! The questions about log records that are answered today, each a sink with the function that asks it of a view.

mod arrivals;
mod counts;
mod fields;
mod held;
mod newest;
mod patterns;
mod tally;
mod values;

#[cfg(test)]
mod samples;

pub use arrivals::arrivals;
pub use counts::histogram;
pub use fields::fields;
pub use newest::{find_ids, search};
pub use patterns::{PatternGroup, PatternGroups, PatternQuery, patterns};
pub use values::field_values;

use crate::locks::{locked, unlocked};
