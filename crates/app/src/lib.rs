//! The use-cases: ingest, reads, correlation, scraping, retention.

pub mod prometheus_config;
pub mod scrape;
pub mod yaml;
