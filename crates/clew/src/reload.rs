//! Reading the configuration anew while running: what changes takes effect, what cannot is said, and a bad one leaves
//! the old one in force.

use crate::cli::ServeArgs;
use crate::config::{Auth, Config, Loaded, Overrides, Tls, load};
use crate::listeners::{Security, with_tls_files};
use clew_api::{ConfigStatus, LiveTls, TlsError};
use clew_app::access::{Book, Deed, Members, OidcOptions};
use clew_app::prometheus_file;
use clew_app::scrape::ScrapeManager;
use clew_app::tenants::LimitsByTenant;
use clew_config::prometheus::PrometheusConfig;
use clew_config::yaml::{Fault, MentionedFile, Origin, Severity};
use clew_telemetry::logs::Logs;
use clew_telemetry::{Registry, table};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Everything that is configured: Clew's own file and the prometheus.yml it names.
pub(crate) struct Everything {
    /// Clew's own configuration.
    pub config: Config,
    /// What to scrape.
    pub prometheus: PrometheusConfig,
    /// Who may use the server.
    pub book: Book,
    /// The provider of identities, where one is asked.
    pub oidc: Option<OidcOptions>,
    /// Warnings of both.
    pub warnings: Vec<String>,
}

/// Levels of what Clew is built on: its news is not ours. A filter of the user's that names them wins.
const QUIET: &str = "tantivy=warn,hyper=warn,h2=warn,reqwest=warn,rustls=warn";

/// The filter of Clew's own log for a configured level.
#[must_use]
pub(crate) fn log_filter(level: &str) -> String {
    format!("{QUIET},{level}")
}

/// Reads everything that a server started with these arguments uses.
///
/// # Errors
/// Every fault of both files, the environment and the flags, a line each.
pub(crate) fn read(args: &ServeArgs) -> Result<Everything, String> {
    let overrides = Overrides { data_dir: args.data_dir.clone(), listen: args.listen.clone(), drop_in: args.drop_in };
    read_all(args.config.as_deref(), &overrides).map_err(|faults| lines(&faults))
}

/// Reads everything that a server uses: Clew's own file, the environment and the flags, then the files they name.
///
/// # Errors
/// Every fault, warnings among them.
pub(crate) fn read_all(file: Option<&Path>, overrides: &Overrides) -> Result<Everything, Vec<Fault>> {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let Loaded { config, mut warnings, files } = load(file, &environment, overrides)?;
    check_files(&config, &files, &mut warnings);
    let mut prometheus = PrometheusConfig::default();
    // That it is not there was told above, with the line that names it.
    if let Some(file) = config.prometheus_config.as_deref().filter(|file| std::fs::File::open(file).is_ok()) {
        let look_up = |name: &str| std::env::var(name).ok();
        match prometheus_file::load(file, &look_up) {
            Ok(loaded) => {
                prometheus = loaded.config;
                warnings.extend(loaded.warnings);
            }
            Err(faults) => warnings.extend(faults),
        }
    }
    let book = read_book(&config, &files, &mut warnings);
    let is_there = |file: &&MentionedFile| std::fs::File::open(&file.path).is_ok();
    let oidc = if files.iter().all(|file| is_there(&file)) { config.auth.provider() } else { Ok(None) };
    let oidc = oidc.unwrap_or_else(|more| {
        warnings.extend(more);
        None
    });
    if warnings.iter().any(|fault| fault.severity == Severity::Error) {
        return Err(warnings);
    }
    let warnings = warnings.iter().map(ToString::to_string).collect();
    Ok(Everything { config, prometheus, book, oidc, warnings })
}

/// All who may use the server; that a file of them is not there was told with the line that names it.
fn read_book(config: &Config, files: &[MentionedFile], faults: &mut Vec<Fault>) -> Book {
    if files.iter().any(|file| file.key == "auth.file" && std::fs::File::open(&file.path).is_err()) {
        return Book::default();
    }
    let book = config.auth.book(faults);
    book.unwrap_or_else(|more| {
        faults.extend(more);
        Book::default()
    })
}

/// Looks whether the files that settings name can be read, and whether what they hold can be used.
fn check_files(config: &Config, files: &[MentionedFile], faults: &mut Vec<Fault>) {
    let mut missing = false;
    for file in files {
        if let Err(error) = std::fs::File::open(&file.path) {
            missing = true;
            faults.push(Fault {
                severity: Severity::Error,
                origin: file.origin.clone(),
                path: file.key.clone(),
                problem: format!("the file {} cannot be read: {error}", file.path.display()),
                remedy: "check the path and its permissions".to_owned(),
            });
        }
    }
    let mut fault = |path: &str, problem: String| {
        let origin = files.iter().find(|file| file.key == path).map(|file| file.origin.clone());
        faults.push(Fault {
            severity: Severity::Error,
            origin: origin.unwrap_or(Origin::Default),
            path: path.to_owned(),
            problem,
            remedy: String::new(),
        });
    };
    if let Err(error) = Security::of(config)
        && !missing
    {
        match error.downcast::<TlsError>() {
            Ok(error) => fault(error.setting, error.problem),
            Err(error) => fault("server.tls", format!("{error:#}")),
        }
    }
    if let Err(error) = clew_telemetry::logs::check_filter(&log_filter(&config.log_level)) {
        fault("log.level", error.to_string());
    }
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What a reload changes while it runs.
pub(crate) struct Live {
    /// What came of reading the configuration.
    pub status: Arc<ConfigStatus>,
    /// Scraping.
    pub scrape: Arc<ScrapeManager>,
    /// Who may use the server.
    pub members: Arc<Members>,
    /// Puts other limits of tenants in force.
    pub limit_tenants: Box<dyn Fn(LimitsByTenant) + Send + Sync>,
    /// TLS, where it is configured.
    pub tls: Option<Arc<LiveTls>>,
    /// The log.
    pub logs: Logs,
}

/// Reads the configuration anew and puts it in force.
pub(crate) struct Reloader {
    args: ServeArgs,
    /// Resolved settings that only a restart changes, as they were at the start.
    fixed: String,
    live: Live,
    /// Who may use the server, as it was read last.
    auth: Mutex<Auth>,
    /// The files of TLS at the start.
    tls: Tls,
    runtime: Handle,
    registry: Arc<Registry>,
    /// One reload at a time.
    turn: Mutex<()>,
}

impl Reloader {
    /// A reloader for a server started with these arguments and this configuration.
    #[must_use]
    pub(crate) fn new(args: ServeArgs, config: &Config, live: Live, runtime: Handle, registry: Arc<Registry>) -> Self {
        let (fixed, auth) = (fixed(config), Mutex::new(config.auth.clone()));
        let tls = config.server.tls.clone();
        Self { args, fixed, live, auth, tls, runtime, registry, turn: Mutex::new(()) }
    }

    /// Reads certificates anew, which changed; ones that cannot be used leave the last ones in force.
    pub(crate) fn reread_certificates(&self) {
        let Some(tls) = &self.live.tls else { return };
        let read = with_tls_files(&self.tls, |files| Ok(tls.replace(files)?));
        self.record(Deed::CertificatesRead, read.is_ok());
        match read {
            Ok(_) => tracing::info!("the certificates were read anew"),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(error, "the new certificates are not usable; the last ones stay in force");
            }
        }
    }

    /// Reads `auth.file` anew, which changed; one that cannot be used leaves the last one in force.
    pub(crate) fn reread_auth_file(&self) {
        let _turn = self.turn.lock();
        let mut warnings = Vec::new();
        let book = self.auth.lock().book(&mut warnings);
        self.record(Deed::AuthFileRead, book.is_ok());
        match book {
            Ok(book) => {
                self.live.members.configure(book);
                tracing::info!("auth.file was read anew");
            }
            Err(faults) => {
                let faults = lines(&faults);
                tracing::error!(%faults, "auth.file is not usable; the last one stays in force");
            }
        }
    }

    fn record(&self, deed: Deed, is_used: bool) {
        let detail = if is_used { "in force" } else { "refused" };
        self.live.members.audit().record("clew", "server", deed, detail);
    }

    /// Reloads because a signal said so. Blocks; logs its own faults.
    pub(crate) fn reload_by_signal(&self) {
        let detail = if self.reload().is_ok() { "in force" } else { "refused" };
        self.live.members.audit().record("?", "signal", Deed::Reload, detail);
    }

    /// Reads and applies. Blocks; not to be called on a runtime's thread.
    ///
    /// # Errors
    /// Every fault; the old configuration stays in force.
    pub(crate) fn reload(&self) -> Result<(), String> {
        let _turn = self.turn.lock();
        let outcome = self.read_and_apply().inspect_err(|faults| {
            tracing::error!(%faults, "the new configuration is not usable; the old one stays in force");
        });
        let (label, outcome) = match outcome {
            Ok(warnings) => {
                self.live.status.reloaded(warnings);
                ("ok", Ok(()))
            }
            Err(faults) => {
                self.live.status.reload_failed();
                ("failed", Err(faults))
            }
        };
        self.registry.counter(&table::CONFIG_RELOADS, [label]).inc();
        outcome
    }

    /// Answers the warnings of what is in force now.
    fn read_and_apply(&self) -> Result<Vec<String>, String> {
        let mut everything = read(&self.args)?;
        self.live
            .logs
            .set_filter(&log_filter(&everything.config.log_level))
            .map_err(|error| format!("log.level: {error}"))?;
        self.reread_certificates();
        self.live.members.configure(std::mem::take(&mut everything.book));
        self.auth.lock().clone_from(&everything.config.auth);
        (self.live.limit_tenants)(everything.config.tenants.limits());
        self.runtime.block_on(self.live.scrape.apply(&everything.prometheus));
        if fixed(&everything.config) != self.fixed {
            everything.warnings.push(
                "some changed settings take effect at the next start: all but log.level, scraping, users, tokens and limits of tenants do"
                    .to_owned(),
            );
        }
        for warning in &everything.warnings {
            tracing::warn!(%warning, "configuration");
        }
        tracing::info!(jobs = everything.prometheus.jobs.len(), "the configuration was read anew");
        Ok(everything.warnings)
    }
}

/// The settings that only a restart changes, in one comparable text.
fn fixed(config: &Config) -> String {
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {}",
        config.server,
        config.storage,
        config.correlation_fields,
        config.correlation_patterns,
        config.limits,
        config.log_format,
        config.auth.options(config.tenants.tenancy()),
        config.auth.file,
        config.outbound,
        config.auth.oidc,
        config.tenants.max
    )
}
