//! Correlation: the canonical form of IDs, and which values of a record count as IDs it carries.

mod id;
mod names;
mod propagation;
mod rules;

pub use id::CanonicalId;
pub use names::{ContextField, context_field};
pub use propagation::PropagatedContext;
pub use rules::{CarriedId, CorrelationRules, IdField, IdSource, looks_like_id};
