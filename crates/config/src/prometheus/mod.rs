//! prometheus.yml as it is (Prometheus 3.x): what scraping needs of it, read into plain types.
//!
//! What Prometheus loads is loaded: each key has its effect, or a warning with its line says that it has none. What
//! Prometheus refuses, an unknown key above all, is an error with its line, also in sections whose capability is not
//! built. `${NAME}` is replaced from the environment in `external_labels` only, as Prometheus does.

mod discovery;
mod global;
mod http_client;
mod job;
mod other_discoveries;
mod other_sections;
mod protocol;
mod read;
mod secret;
mod shapes;
mod static_labels;
#[cfg(test)]
mod tests;

pub use crate::shown_url::shown_url;
pub use discovery::{
    DnsDiscovery, DnsRecord, FileDiscovery, HttpDiscovery, TargetGroup, read_json_target_groups, read_target_groups,
};
pub use global::GlobalConfig;
pub use http_client::{
    Authentication, ExtraHeader, HttpClientConfig, OAuth2Config, ProxyConfig, SecretSource, TlsConfig, TlsVersion,
};
pub use job::{ScrapeConfig, ScrapeLimits};
pub use protocol::{EscapingScheme, NameValidation, ScrapeProtocol};
pub use read::{
    Environment, IncludedFile, Inclusion, LoadedPrometheusConfig, PrometheusConfig, parse, parse_including,
};
pub use secret::Secret;
pub use static_labels::{is_legacy_label_name, is_target_address};
