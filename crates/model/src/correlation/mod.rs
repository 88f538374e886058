//! Correlation: the canonical form of IDs, and which values of a record count as IDs it carries.

mod id;
mod rules;

pub use id::CanonicalId;
pub use rules::{CarriedId, CorrelationRules, IdSource, looks_like_id};
