//! The use-cases of Clew: ingest, reads, correlation, scraping, rules, retention. Knows no HTTP; tokio begins here.
//!
//! A record's way in: [`ingest`] (limits, journal, hot tail), then [`maintenance`] (sealing, compaction, retention).
//! Its way out: [`reads`]. What Clew fetches itself: [`scrape`].

pub mod access;
mod data_dir;
mod data_folder;
mod disk_usage;
pub mod documents;
mod error;
mod file_patterns;
pub mod ingest;
mod inventory;
mod limit_named;
pub mod limits;
pub mod maintenance;
pub mod memory;
pub mod observe;
mod outbound;
pub mod prometheus_file;
pub mod reads;
mod room;
pub mod rule_file;
pub mod scrape;
mod scrape_sink;
mod server;
pub mod signal;
mod start;
mod status;
mod status_of_tenant;
pub mod tenants;
mod trusted_clock;

pub use data_folder::DataFolder;
pub use disk_usage::DiskUsage;
pub use error::AppError;
pub use outbound::{Forbidden, Network, Outbound};
pub use scrape_sink::ScrapeSink;
pub use server::{App, AppOptions, Protocol, SignalOptions};
pub use status::{SignalStatus, Status};
pub use status_of_tenant::TenantStatus;
pub use trusted_clock::Doubt;
