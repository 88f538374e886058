//! Shared fixtures, the end-to-end tests in tests/ and the benches in benches/: never shipped.

pub mod corpus;
pub mod http;
pub mod process;
pub mod report;
pub mod server;
