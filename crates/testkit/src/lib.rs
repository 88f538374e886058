//! Shared fixtures, the end-to-end tests in tests/ and the benches in benches/: never shipped.
