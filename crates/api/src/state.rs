//! What every handler is given.

use crate::answers::Answers;
use crate::config_status::ConfigStatus;
use crate::expansion::Expansions;
use crate::host::HostNames;
use clew_app::App;
use clew_app::access::{Access, Members, Oidc};
use clew_app::scrape::ScrapeManager;
use clew_codec::otlp::OtlpMetricOptions;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// How the configuration is read anew; answers what went wrong.
pub type Reload = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Where the server listens, as people write it: `127.0.0.1:4300`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Everything over HTTP.
    pub http: String,
    /// OTLP/gRPC.
    pub otlp_grpc: String,
    /// OTLP/HTTP.
    pub otlp_http: String,
}

/// What the HTTP layer needs to know of the configuration.
#[derive(Clone)]
pub struct ApiOptions {
    /// Largest body of an ingest request, decompressed (`limits.ingest_body`).
    pub ingest_body: usize,
    /// Bytes of ingest bodies that may be held at once; more wait. One of the largest is always taken.
    pub ingest_room: u64,
    /// Largest single log record (`limits.log_line`).
    pub log_line: usize,
    /// The way through a provider of identities, where one is configured.
    pub oidc: Option<Arc<Oidc>>,
    /// Names by which the server may be asked, beside those that are its own in any case.
    pub hosts: HostNames,
    /// Origins whose pages may send and ask (`server.cors`).
    pub cors: Vec<String>,
    /// How OTLP metrics become series.
    pub otlp_metrics: OtlpMetricOptions,
    /// What is shown as version.
    pub version: &'static str,
    /// Where the server listens.
    pub addresses: Addresses,
    /// Whether `auth.mode` was written: an open server that is meant differs from one by default.
    pub auth_explicit: bool,
    /// Whether the data is made up by `clew demo`.
    pub demo: bool,
    /// Whether the data goes when the server stops.
    pub temporary: bool,
    /// What `/` tells: where to send and what to ask.
    pub welcome: String,
    /// What came of reading the configuration, for the status.
    pub config: Arc<ConfigStatus>,
    /// How `POST /-/reload` reads the configuration anew.
    pub reload: Reload,
}

/// The state of the HTTP layer.
#[derive(Clone)]
pub struct ApiState {
    /// The program below.
    pub app: Arc<App>,
    /// Scraping.
    pub scrape: Arc<ScrapeManager>,
    /// Who may use it.
    pub access: Arc<Access>,
    /// Those who may, and what they did.
    pub members: Arc<Members>,
    /// The options.
    pub options: Arc<ApiOptions>,
    /// Whether requests are still taken; false once the server is stopping.
    pub ready: Arc<AtomicBool>,
    /// Cancelled when the server stops: answers that never end by themselves end then.
    pub stop: CancellationToken,
    /// Kilobytes of ingest bodies that may be held at once.
    pub bodies: Arc<Semaphore>,
    /// Answers that are written and not yet sent.
    pub(crate) answers: Arc<Answers>,
    /// What bodies become when they are decoded.
    pub(crate) expansions: Arc<Expansions>,
    /// Turns to decode a large body: one for each core.
    pub decoders: Arc<Semaphore>,
}

impl ApiState {
    /// The state over a started program.
    #[must_use]
    pub fn new(app: Arc<App>, scrape: Arc<ScrapeManager>, members: Arc<Members>, options: ApiOptions) -> Self {
        Self {
            answers: Answers::new(app.memory().answers.clone()),
            app,
            scrape,
            access: Arc::clone(members.access()),
            members,
            expansions: Arc::default(),
            decoders: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(2, NonZero::get))),
            bodies: Arc::new(Semaphore::new(crate::intake::room_permits(options.ingest_room, options.ingest_body))),
            options: Arc::new(options),
            ready: Arc::new(AtomicBool::new(true)),
            stop: CancellationToken::new(),
        }
    }

    /// Whether requests are taken and everything can be written.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
            && self.app.failed_signals().is_empty()
            && self.app.refusals().is_empty()
            && !self.app.is_disk_full()
    }
}
