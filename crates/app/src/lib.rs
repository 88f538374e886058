//! The use-cases: ingest, reads, correlation, scraping, retention.

pub mod yaml;
