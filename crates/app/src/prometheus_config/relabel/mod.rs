//! Relabelling: rules that rewrite, keep or drop label sets.

mod labels;
mod read;
mod rule;

pub use labels::LabelBuilder;
pub(super) use read::read_rules;
pub use rule::{RelabelAction, RelabelRule, relabel};
