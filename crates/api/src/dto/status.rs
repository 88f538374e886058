//! What the server is, holds and has taken, as JSON.

use super::time::rfc3339;
use crate::prometheus::scraped_for;
use crate::state::{Addresses, ApiState};
use clew_app::ingest::Source;
use clew_app::limits::MAX_LISTED_FILES;
use clew_app::memory::ShareUse;
use clew_app::scrape::JobStatus;
use clew_app::{Doubt, SignalStatus, Status};
use clew_model::{Caller, SetAside};
use serde::Serialize;
use utoipa::ToSchema;

/// The answer to `GET /api/v1/status`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusDto {
    /// The version of the program.
    version: &'static str,
    /// When the server had started, RFC 3339.
    started: String,
    /// Seconds since then.
    uptime_seconds: u64,
    /// Whether requests are taken and everything can be written.
    ready: bool,
    /// Where it listens.
    addresses: AddressesDto,
    /// The tenant that `signals`, `sources` and `scrape_jobs` are about; absent where tenants are not told apart. Then what is of
    /// the whole server (`data_dir`, memory, files that are set aside, warnings) is shown only to who may use all.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    /// Where everything is kept, as configured; empty where it is not shown.
    data_dir: String,
    /// Resident memory of the process in bytes; absent where the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    /// Outside data in memory by who holds it: `ingest`, `hot`, `queries`, `answers`, `scraping`, `caches`.
    memory_shares: Vec<MemoryShareDto>,
    /// What all signals may take on disk together (`storage.max_size`); absent when unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<u64>,
    /// Who may use the server.
    auth: AuthDto,
    /// Logs, metrics, traces.
    signals: Vec<SignalStatusDto>,
    /// Who brought something since the start; others are left out.
    sources: Vec<SourceDto>,
    /// Files of the data directory itself that were damaged or missing at the start; those of signals stand with them.
    set_aside: Vec<SetAsideDto>,
    /// Whether the disk is full: what is stored is served, and nothing is taken until there is room.
    disk_full: bool,
    /// Why nothing is removed by its age, where the clock is not believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_doubt: Option<ClockDoubtDto>,
    /// What the configuration warns of.
    config_warnings: Vec<String>,
    /// The jobs that are scraped, in the order of the configuration.
    scrape_jobs: Vec<ScrapeJobDto>,
    /// Whether the data is made up by `clew demo`.
    demo: bool,
    /// Whether the data goes when the server stops.
    temporary: bool,
}

/// One share of the memory (`limits.memory`).
#[derive(Debug, Serialize, ToSchema)]
struct MemoryShareDto {
    /// Its name.
    name: &'static str,
    /// Bytes that it holds.
    bytes: u64,
    /// Bytes that it may hold.
    limit: u64,
}

/// Listeners as host and port; a wildcard is shown as localhost.
#[derive(Debug, Serialize, ToSchema)]
struct AddressesDto {
    /// Everything over HTTP.
    http: String,
    /// OTLP/gRPC.
    otlp_grpc: String,
    /// OTLP/HTTP.
    otlp_http: String,
}

/// Who may use the server.
#[derive(Debug, Serialize, ToSchema)]
struct AuthDto {
    /// `none`
    mode: &'static str,
    /// Whether the mode was written in the configuration on purpose.
    explicit: bool,
}

/// One signal: what came since the start of the process, and what is kept.
#[derive(Debug, Serialize, ToSchema)]
struct SignalStatusDto {
    /// `logs`, `metrics` or `traces`.
    signal: &'static str,
    /// Records (log records, samples, spans) taken since the start of the process.
    accepted: u64,
    /// Records refused since the start of the process; a request that could not be read at all counts as one.
    rejected: u64,
    /// Records in memory and in the journal, not yet in a sealed part.
    hot_records: u64,
    /// Bytes of memory they take.
    hot_bytes: u64,
    /// Records in sealed parts, where the store knows.
    sealed_records: u64,
    /// Bytes of the sealed parts on disk.
    sealed_bytes: u64,
    /// Sealed parts or partitions.
    parts: u64,
    /// Records older than so many nanoseconds go; absent when kept for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_nanos: Option<i64>,
    /// Beyond so many bytes on disk the oldest go; absent when only `max_bytes` bounds them.
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_bytes: Option<u64>,
    /// Whether nothing more is taken until a restart.
    failed: bool,
    /// Why nothing is taken and answered until a restart; absent where its disk could be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<String>,
    /// Files that are not read because they are damaged or missing; the first hundred.
    set_aside: Vec<SetAsideDto>,
    /// How many there are.
    set_aside_files: usize,
    /// Records that they held and that cannot be read, as far as is known.
    set_aside_records: u64,
    /// Acknowledged requests that the journal has lost, as the last start counted them.
    lost_requests: u64,
}

/// A clock that is not believed.
#[derive(Debug, Serialize, ToSchema)]
struct ClockDoubtDto {
    /// Seconds that it is ahead of what it should show.
    ahead_seconds: i64,
    /// Seconds until it is believed, unless `POST /-/trust-clock` says before that it is right.
    wait_seconds: u64,
}

impl From<Doubt> for ClockDoubtDto {
    fn from(doubt: Doubt) -> Self {
        Self { ahead_seconds: doubt.ahead / clew_model::time::NANOS_PER_SECOND, wait_seconds: doubt.wait.as_secs() }
    }
}

/// A file that is not read because it is damaged or missing.
#[derive(Debug, Serialize, ToSchema)]
struct SetAsideDto {
    /// Where it is; most stay where they were, so that a good copy put there is read at the next start.
    file: String,
    /// What is wrong with it.
    reason: String,
    /// Records that it held and that cannot be read; absent where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u64>,
    /// Acknowledged requests that it held and that cannot be read, for a file of a journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<u64>,
}

impl From<SetAside> for SetAsideDto {
    fn from(aside: SetAside) -> Self {
        let SetAside { file, reason, records, requests } = aside;
        Self { file: file.display().to_string(), reason, records, requests }
    }
}

/// What one protocol brought of one signal since the start of the process.
#[derive(Debug, Serialize, ToSchema)]
struct SourceDto {
    /// `logs`, `metrics` or `traces`.
    signal: &'static str,
    /// `otlp_grpc`, `otlp_http`, `json_logs`, `remote_write`, `scrape` or `demo`.
    protocol: &'static str,
    /// Records that are durable and readable.
    accepted: u64,
    /// Records that were refused.
    rejected: u64,
    /// When records were last taken, RFC 3339; absent where all were refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_received: Option<String>,
}

/// A job that is scraped.
#[derive(Debug, Serialize, ToSchema)]
struct ScrapeJobDto {
    /// Its name.
    name: String,
    /// How many targets it has.
    targets: usize,
    /// How many of them were up the last time.
    up: usize,
    /// What is wrong with finding its targets: a discovery that is not built, a list that cannot be asked.
    problems: Vec<String>,
}

impl From<JobStatus> for ScrapeJobDto {
    fn from(job: JobStatus) -> Self {
        Self { name: job.name, targets: job.targets, up: job.up, problems: job.problems }
    }
}

impl StatusDto {
    /// The answer of a server.
    #[must_use]
    pub(crate) fn new(state: &ApiState, caller: &Caller) -> Self {
        let status = Self::status(state, caller);
        let (app, options) = (&state.app, &state.options);
        // Of the machine and of others nothing is told to who is to know of some tenants alone.
        let is_shown = !caller.is_confined();
        let tenant = app.tenants().map(|_| caller.tenant.to_string());
        Self {
            tenant,
            version: options.version,
            started: rfc3339(app.started()),
            uptime_seconds: app.uptime().as_secs(),
            ready: state.is_ready(),
            addresses: AddressesDto::from(&options.addresses),
            data_dir: if is_shown { app.options().data_dir.display().to_string() } else { String::new() },
            memory_bytes: clew_telemetry::resident_bytes().filter(|_| is_shown),
            memory_shares: shown(is_shown, || app.memory_use().into_iter().map(MemoryShareDto::from).collect()),
            max_bytes: app.options().max_bytes.filter(|_| is_shown),
            auth: AuthDto { mode: state.access.mode().as_str(), explicit: options.auth_explicit },
            signals: status.signals.into_iter().map(SignalStatusDto::from).collect(),
            sources: status.sources.into_iter().map(SourceDto::from).collect(),
            set_aside: status.set_aside.into_iter().map(SetAsideDto::from).collect(),
            disk_full: status.disk_full,
            clock_doubt: status.clock_doubt.map(ClockDoubtDto::from),
            config_warnings: shown(is_shown, || options.config.warnings()),
            scrape_jobs: scraped_for(state, caller).jobs.into_iter().map(ScrapeJobDto::from).collect(),
            demo: options.demo,
            temporary: options.temporary,
        }
    }
}

impl StatusDto {
    /// What is held and came, of the caller's tenant where tenants are told apart. What is damaged is added for who sees all.
    fn status(state: &ApiState, caller: &Caller) -> Status {
        if state.app.tenants().is_none() {
            return state.app.status();
        }
        let mut own = state.app.status_of(&caller.tenant);
        if !caller.is_confined() {
            let all = state.app.status();
            (own.set_aside, own.clock_doubt) = (all.set_aside, all.clock_doubt);
            for (own, all) in own.signals.iter_mut().zip(all.signals) {
                (own.set_aside, own.closed, own.retention) = (all.set_aside, all.closed, all.retention);
            }
        }
        own
    }
}

fn shown<T>(is_shown: bool, list: impl FnOnce() -> Vec<T>) -> Vec<T> {
    if is_shown { list() } else { Vec::new() }
}

impl From<ShareUse> for MemoryShareDto {
    fn from(share: ShareUse) -> Self {
        Self { name: share.name, bytes: share.used, limit: share.limit }
    }
}

impl From<&Addresses> for AddressesDto {
    fn from(addresses: &Addresses) -> Self {
        let Addresses { http, otlp_grpc, otlp_http } = addresses.clone();
        Self { http, otlp_grpc, otlp_http }
    }
}

impl From<SignalStatus> for SignalStatusDto {
    fn from(status: SignalStatus) -> Self {
        Self {
            signal: status.signal.as_str(),
            accepted: status.accepted,
            rejected: status.rejected,
            hot_records: status.hot.records,
            hot_bytes: status.hot.bytes,
            sealed_records: status.on_disk.records,
            sealed_bytes: status.on_disk.bytes,
            parts: status.on_disk.parts,
            retention_nanos: status.retention.age,
            retention_bytes: status.retention.bytes,
            failed: status.failed,
            closed: status.closed,
            set_aside_files: status.set_aside.len(),
            set_aside_records: status.set_aside.iter().filter_map(|aside| aside.records).sum(),
            lost_requests: status.set_aside.iter().filter_map(|aside| aside.requests).sum(),
            set_aside: status.set_aside.into_iter().take(MAX_LISTED_FILES).map(SetAsideDto::from).collect(),
        }
    }
}

impl From<Source> for SourceDto {
    fn from(source: Source) -> Self {
        Self {
            signal: source.signal.as_str(),
            protocol: source.protocol.as_str(),
            accepted: source.accepted,
            rejected: source.rejected,
            last_received: source.last_received.map(rfc3339),
        }
    }
}
