//! prometheus.yml as it is (Prometheus 3.x): what scraping needs of it, read into plain types.
//!
//! Keys that change what is scraped and are not supported are errors that name them; keys of later capabilities are
//! accepted with a warning. `${NAME}` is replaced from the environment in `external_labels` only, as Prometheus does.

mod discovery;
mod global;
mod http_client;
mod job;
mod protocol;
mod read;
mod secret;
mod static_labels;
#[cfg(test)]
mod tests;

pub use discovery::{FileDiscovery, TargetGroup, read_target_groups};
pub use global::GlobalConfig;
pub use http_client::{Authentication, ExtraHeader, HttpClientConfig, SecretSource, TlsConfig, TlsVersion};
pub use job::{ScrapeConfig, ScrapeLimits};
pub use protocol::{EscapingScheme, NameValidation, ScrapeProtocol};
pub use read::{Environment, LoadedPrometheusConfig, PrometheusConfig, parse};
pub use secret::Secret;
pub use static_labels::{is_legacy_label_name, is_target_address};
