//! Relabelling: rules that rewrite, keep or drop label sets, and the labels of a target over those that it exposes.

mod labels;
mod read;
mod rule;
mod target_labels;

pub use labels::LabelBuilder;
pub(crate) use read::read_rules;
pub use rule::{RelabelAction, RelabelRule, relabel};
pub use target_labels::attach_target_labels;
