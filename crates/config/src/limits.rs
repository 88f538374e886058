//! Bounds of what is read as configuration.

/// Largest document in bytes; who reads a file for this crate keeps to it.
pub const MAX_DOCUMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Deepest nesting of lists and mappings.
pub(crate) const MAX_DEPTH: usize = 64;

/// Most nodes of a document, those that aliases repeat counted each time ("billion laughs").
pub(crate) const MAX_NODES: usize = 8_000_000;

/// Most faults that are kept; a file with more has one cause.
pub(crate) const MAX_FAULTS: usize = 500;

/// Most scrape configurations of a prometheus.yml.
pub(crate) const MAX_JOBS: usize = 10_000;

/// Most files that one pattern of a prometheus.yml may include.
pub const MAX_INCLUDED_FILES: usize = 1000;
