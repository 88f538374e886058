//! Bounds of what a prometheus.yml may ask for.

/// Most scrape configurations of a file.
pub(super) const MAX_JOBS: usize = 10_000;

/// Largest compiled regular expression of a relabel rule, in bytes of its automaton.
pub(super) const MAX_REGEX_BYTES: usize = 1024 * 1024;
