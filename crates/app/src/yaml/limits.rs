//! Bounds of what is read as YAML.

/// Largest document in bytes.
pub const MAX_DOCUMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Deepest nesting of lists and mappings.
pub(super) const MAX_DEPTH: usize = 64;

/// Most nodes of a document, those that aliases repeat counted each time ("billion laughs").
pub(super) const MAX_NODES: usize = 8_000_000;

/// Most faults that are kept; a file with more has one cause.
pub(super) const MAX_FAULTS: usize = 500;
