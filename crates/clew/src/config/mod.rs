//! Clew's own configuration: a YAML file, then the environment, then flags, resolved once into plain types.
//!
//! [`settings::SETTINGS`] is the one definition of every key: the parser, the names of environment variables and
//! `docs/configuration.md` are made from it.

mod auth;
mod docs;
mod drop_in;
mod limits;
mod load;
mod read;
mod settings;
mod tenants;

pub(crate) use auth::Auth;
pub(crate) use docs::render_docs;
pub(crate) use drop_in::DropIn;
pub(crate) use load::{Loaded, Overrides, load};
pub(crate) use tenants::Tenants;

use clew_app::{Network, Outbound};
use clew_telemetry::logs::LogFormat;
use regex::Regex;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that can be configured, resolved.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Where to listen.
    pub server: Server,
    /// What is kept where and how long.
    pub storage: Storage,
    /// The prometheus.yml to scrape by.
    pub prometheus_config: Option<PathBuf>,
    /// Whether metrics are made of spans.
    pub span_metrics: bool,
    /// Fields whose values are IDs whatever they look like.
    pub correlation_fields: Vec<String>,
    /// Patterns of IDs inside messages.
    pub correlation_patterns: Vec<Regex>,
    /// Who may use the server.
    pub auth: Auth,
    /// Tenants.
    pub tenants: Tenants,
    /// What may be reached on behalf of the configuration.
    pub outbound: Outbound,
    /// Bounds.
    pub limits: Limits,
    /// What to log.
    pub log_level: String,
    /// How to write log lines.
    pub log_format: LogFormat,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// Everything over HTTP.
    pub http: Address,
    /// OTLP/gRPC.
    pub otlp_grpc: Address,
    /// OTLP/HTTP.
    pub otlp_http: Address,
    /// The replaced systems whose ports are opened too, on the host of `http`.
    pub drop_in: Vec<DropIn>,
    /// Names of the server beside those that are its own in any case.
    pub hosts: Vec<String>,
    /// Origins whose pages may send and ask.
    pub cors: Vec<String>,
    /// Networks of proxies that are believed whom they pass on.
    pub trusted_proxies: Vec<Network>,
    /// The files for TLS.
    pub tls: Tls,
}

/// The files for TLS: certificate and key are both there, or neither.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tls {
    /// The server's certificate.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// By whom clients' certificates must be vouched for.
    pub client_ca: Option<PathBuf>,
}

impl Server {
    /// The listeners that others than this machine can reach: key and host.
    #[must_use]
    pub(crate) fn exposed(&self) -> Vec<String> {
        let listeners =
            [("server.http", &self.http), ("server.otlp_grpc", &self.otlp_grpc), ("server.otlp_http", &self.otlp_http)];
        let beyond = listeners.into_iter().filter(|(_, address)| !address.is_loopback());
        beyond.map(|(key, address)| format!("{key} ({})", address.host)).collect()
    }
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// An IP address or a name.
    pub host: String,
    /// The port; 0 lets the system choose.
    pub port: u16,
}

impl Address {
    /// Reads `host:port`, `[::1]:port`.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (host, port) = text.rsplit_once(':').ok_or("it has no port")?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err("it has no host".to_owned());
        }
        let port = port.parse().map_err(|_| format!("{port:?} is not a port"))?;
        Ok(Self { host: host.to_owned(), port })
    }

    /// Whether only this machine can reach it.
    #[must_use]
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// What is kept where and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Storage {
    /// The data directory.
    pub dir: PathBuf,
    /// Bytes that all signals may take together.
    pub max_size: Option<u64>,
    /// Retention of logs.
    pub logs: Retention,
    /// Retention of traces.
    pub traces: Retention,
    /// Retention of metrics.
    pub metrics: Retention,
}

/// How long and how much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retention {
    /// How long; `None` for ever.
    pub age: Option<Duration>,
    /// How many bytes; `None` up to the limit of all signals.
    pub size: Option<u64>,
    /// Bytes that stay although other signals grow; `None` for a share of the limit of all signals.
    pub floor: Option<u64>,
}

/// Bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Memory of the whole server.
    pub memory: Memory,
    /// Memory of one query; `None` for an eighth of the server's.
    pub query_memory: Option<u64>,
    /// How long a query may take.
    pub query_timeout: Duration,
    /// From when on a query is told in the log; `None` for never.
    pub slow_query: Option<Duration>,
    /// Queries that run at once; `None` for one a core, two at least.
    pub query_concurrency: Option<usize>,
    /// Series that one query may read.
    pub query_series: Option<usize>,
    /// Samples that one query may read.
    pub query_samples: Option<usize>,
    /// Active series; `None` for what the memory allows.
    pub series: Option<usize>,
    /// Connections that one port serves at once.
    pub connections: Option<usize>,
    /// Largest body of an ingest request, decompressed.
    pub ingest_body: usize,
    /// Largest single log record.
    pub log_line: usize,
}

/// An amount of memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Memory {
    /// A share of what the machine or the container has, 0 to 1.
    Share(f64),
    /// Bytes.
    Bytes(u64),
}

impl Memory {
    /// The amount in bytes, of what there is.
    #[must_use]
    pub(crate) fn of(self, available: u64) -> u64 {
        match self {
            Memory::Share(share) => (available as f64 * share) as u64,
            Memory::Bytes(bytes) => bytes,
        }
    }
}
