//! `clew serve`: start-up in order, signals, shutdown in order.

use crate::EXIT_USAGE;
use crate::cli::ServeArgs;
use crate::config::{DropIn, Server, Tls};
use crate::demo::{Demo, TemporaryFolder};
use crate::listeners::{self, BindError, Security, Sockets};
use crate::members::Opened;
use crate::reload::{self, Everything, Live, Reloader};
use crate::storage::{app_options, memory_shares};
use crate::terminal::complain;
use crate::watch::watch;
use crate::welcome::Addresses;
use anyhow::{Context, Result};
use clew_api::{
    ApiOptions, ApiState, ConfigStatus, HostNames, Http, Listener, LiveTls, main_router, otlp_grpc_router,
    otlp_http_router, prometheus_router,
};
use clew_app::access::{AuthMode, Oidc};
use clew_app::scrape::ScrapeManager;
use clew_app::tenants::LimitsByTenant;
use clew_app::{App, ScrapeSink};
use clew_host::{DiskFiles, OsRandom, SystemClock};
use clew_telemetry::logs::Logs;
use clew_telemetry::{BuildInfo, Registry};
use std::io::Write as _;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Threads for blocking work beside queries (decoding of large bodies, reloads, file look-ups of clients).
const BLOCKING_THREADS: usize = 64;

// A stop takes at most 10 s in all: the listeners drain (`clew_api`, 5 s), then these.

/// How long scrapes may take to end.
const SCRAPE_STOP: Duration = Duration::from_secs(1);

/// How long the write paths may take to finish what was accepted and to leave a merge.
const WRITE_STOP: Duration = Duration::from_secs(2);

/// How long queries may take to notice that they are cancelled.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// Runs the server until it is told to stop.
pub(crate) fn run(args: &ServeArgs) -> ExitCode {
    run_as(args, Role::Server)
}

/// Runs the server with the demo's story; in a temporary folder unless a data directory is given.
pub(crate) fn run_demo(mut args: ServeArgs) -> ExitCode {
    // It lives until the server has stopped.
    let mut folder = None;
    if args.data_dir.is_none() {
        match TemporaryFolder::new("clew-demo") {
            Ok(made) => args.data_dir = Some(folder.insert(made).path().to_owned()),
            Err(error) => {
                complain(&format!("cannot make a temporary folder: {error}; name a folder with --data-dir"));
                return ExitCode::FAILURE;
            }
        }
    }
    run_as(&args, Role::Demo { keeps_data: folder.is_none() })
}

/// What the server is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Others' records.
    Server,
    /// Made-up records beside others'.
    Demo {
        /// Whether the data outlives the run.
        keeps_data: bool,
    },
}

fn run_as(args: &ServeArgs, role: Role) -> ExitCode {
    let everything = match reload::read(args) {
        Ok(everything) => everything,
        Err(faults) => {
            complain(&format!("the configuration is not usable:\n{faults}"));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let build =
        BuildInfo { version: env!("CARGO_PKG_VERSION"), revision: option_env!("CLEW_REVISION").unwrap_or("unknown") };
    let registry = Arc::new(Registry::new(build));
    let filter = reload::log_filter(&everything.config.log_level);
    let logs = match Logs::install(everything.config.log_format, &filter, &registry) {
        Ok(logs) => logs,
        Err(error) => {
            complain(&format!("log.level: {error}"));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    crate::open_files::raise_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("clew-io")
        .max_blocking_threads(BLOCKING_THREADS.saturating_add(app_options(&everything.config).queries.concurrent))
        .build();
    let outcome = runtime.context("cannot start the runtime").and_then(|runtime| {
        let outcome = runtime.block_on(run_until_stopped(args, role, everything, registry, logs));
        runtime.shutdown_timeout(STOP_GRACE);
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run_until_stopped(
    args: &ServeArgs,
    role: Role,
    mut everything: Everything,
    registry: Arc<Registry>,
    logs: Logs,
) -> Result<()> {
    // Signals first: one that comes while the journals are replayed must not kill the process half-way.
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let sockets = listeners::bind(&everything.config.server).await.map_err(in_one)?;
    let security = Security::of(&everything.config).context("the configuration of TLS is not usable")?;
    let addresses = Addresses::of(&sockets, security.scheme());
    let data_dir = everything.config.storage.dir.display().to_string();

    let app = start_app(&everything, Arc::clone(&registry)).await?;
    let book = std::mem::take(&mut everything.book);
    let opened = match Opened::open(&everything.config, book, &app).await {
        Ok(opened) => opened,
        Err(error) => {
            let _ = tokio::task::spawn_blocking(move || app.stop()).await;
            return Err(error);
        }
    };
    let scrape = start_scraping(&app, &everything, &registry).await;
    let config_status = Arc::new(ConfigStatus::new(everything.warnings.clone()));
    let live = Live {
        status: Arc::clone(&config_status),
        scrape: Arc::clone(&scrape),
        members: Arc::clone(&opened.members),
        limit_tenants: limit_tenants(&app),
        tls: security.tls.clone(),
        logs,
    };
    let runtime = tokio::runtime::Handle::current();
    let reloader = Arc::new(Reloader::new(args.clone(), &everything.config, live, runtime, registry));
    let oidc = provider(&mut everything).await?;
    let state = ApiState::new(
        Arc::clone(&app),
        Arc::clone(&scrape),
        Arc::clone(&opened.members),
        api_options(&everything, role, &addresses, config_status, Arc::clone(&reloader), security.tls.clone(), oidc),
    );

    watch_files(&everything, &reloader, &state.stop);
    let span_metrics = tokio::spawn(Arc::clone(&app).keep_writing_span_metrics());
    let mut running = Running { app, opened, scrape, span_metrics, state, servers: JoinSet::new(), demo: None };
    let start = Start { role, everything: &everything, addresses: &addresses, security, data_dir: &data_dir };
    let served = running.serve(sockets, start, signals.wait_for_stop(&reloader)).await;
    // Whatever kept it from serving: what was opened is closed in order.
    let stopped = running.stop().await;
    served.and(stopped)
}

/// How a reload puts other limits of tenants in force.
fn limit_tenants(app: &Arc<App>) -> Box<dyn Fn(LimitsByTenant) + Send + Sync> {
    let app = Arc::downgrade(app);
    Box::new(move |limits| {
        let app = app.upgrade();
        app.iter().filter_map(|app| app.tenants()).for_each(|tenants| tenants.configure(limits.clone()));
    })
}

/// All faults in one, each on its line.
fn in_one(faults: Vec<BindError>) -> anyhow::Error {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    anyhow::anyhow!(lines.join("\n"))
}

/// What a start says and does once everything is open.
struct Start<'a> {
    role: Role,
    everything: &'a Everything,
    addresses: &'a Addresses,
    security: Security,
    data_dir: &'a str,
}

/// What must be stopped in order.
struct Running {
    app: Arc<App>,
    opened: Opened,
    scrape: Arc<ScrapeManager>,
    span_metrics: JoinHandle<()>,
    state: ApiState,
    servers: JoinSet<Result<(), clew_api::ServeError>>,
    demo: Option<JoinHandle<()>>,
}

impl Running {
    /// Listens and serves until `told` to stop, which may come while a demo writes its history.
    async fn serve(
        &mut self,
        sockets: Sockets<TcpSocket>,
        start: Start<'_>,
        told: impl Future<Output = ()>,
    ) -> Result<()> {
        let sockets = sockets.listen().map_err(in_one)?;
        if start.role == Role::Server {
            // The sockets listen: whoever reads this may connect, and is answered in a moment.
            print_start(&start.addresses.start_lines(start.data_dir));
        }
        self.servers = start_listeners(sockets, start.security, &self.state, &self.state.stop);
        for warning in &start.everything.warnings {
            tracing::warn!(%warning, "configuration");
        }
        say_exposure(start.everything);
        let mut told = pin!(told);
        self.demo = tokio::select! {
            demo = begin_demo(start.role, &self.app, start.addresses, start.data_dir, &self.state.stop) => demo?,
            () = &mut told => return Ok(()),
        };
        told.await;
        Ok(())
    }

    async fn stop(mut self) -> Result<()> {
        tracing::info!("stopping: finishing what was accepted");
        // Whoever writes a last word needs room for it.
        self.app.make_room();
        self.state.ready.store(false, Ordering::Relaxed);
        self.state.stop.cancel();
        if let Some(demo) = self.demo {
            // It ends at its next tick, or with the write that is under way.
            let _ = timeout(STOP_GRACE, demo).await;
        }
        while let Some(ended) = self.servers.join_next().await {
            if let Ok(Err(error)) = ended {
                tracing::warn!(%error, "a listener did not drain");
            }
        }
        if timeout(SCRAPE_STOP, self.scrape.stop()).await.is_err() {
            tracing::warn!("scrapes still run; they are cut off");
        }
        self.span_metrics.abort();
        if timeout(STOP_GRACE, self.opened.close()).await.is_err() {
            tracing::warn!("the catalog is still written; it is not waited for");
        }
        let app = self.app;
        match timeout(WRITE_STOP, tokio::task::spawn_blocking(move || app.stop())).await {
            Ok(stopped) => stopped.context("the write paths did not stop cleanly")?,
            // What was acknowledged is in the journals; a merge that is cut off is begun anew.
            Err(_) => tracing::warn!("the disk is still at work; it is not waited for"),
        }
        tracing::info!("stopped");
        Ok(())
    }
}

/// Writes a demo's history, prints where everything is, and lets the demo go on beside the server.
async fn begin_demo(
    role: Role,
    app: &Arc<App>,
    addresses: &Addresses,
    data_dir: &str,
    stop: &CancellationToken,
) -> Result<Option<JoinHandle<()>>> {
    let Role::Demo { keeps_data } = role else { return Ok(None) };
    let demo = Demo::begin(Arc::clone(app)).await?;
    let note = if keeps_data { "" } else { " (removed at the end)" };
    let mut lines = addresses.start_lines(&format!("{data_dir}{note}"));
    lines.push_str(&addresses.demo_lines(demo.headline().as_ref()));
    print_start(&lines);
    Ok(Some(tokio::spawn(demo.run(stop.clone()))))
}

async fn start_app(everything: &Everything, registry: Arc<Registry>) -> Result<Arc<App>> {
    let options = app_options(&everything.config);
    let start = move || {
        App::start(options, Arc::new(DiskFiles), Arc::new(SystemClock::new()), Arc::new(OsRandom::new()), registry)
            .map_err(|error| anyhow::anyhow!(error.full_message()))
    };
    tokio::task::spawn_blocking(start).await.context("the start failed unexpectedly")?
}

async fn start_scraping(app: &Arc<App>, everything: &Everything, registry: &Arc<Registry>) -> Arc<ScrapeManager> {
    let sink = Arc::new(ScrapeSink::new(Arc::clone(app)));
    let (memory, outbound) = (app.memory().scraping.clone(), everything.config.outbound.clone());
    let scrape = ScrapeManager::new(sink, Arc::clone(app.clock()), Arc::clone(registry), memory, outbound);
    let scrape = Arc::new(scrape);
    scrape.apply(&everything.prometheus).await;
    let gauges = Arc::downgrade(&scrape);
    registry.before_render(move || {
        if let Some(scrape) = gauges.upgrade() {
            scrape.refresh_gauges();
        }
    });
    scrape
}

fn api_options(
    everything: &Everything,
    role: Role,
    addresses: &Addresses,
    config: Arc<ConfigStatus>,
    reloader: Arc<Reloader>,
    tls: Option<Arc<LiveTls>>,
    oidc: Option<Arc<Oidc>>,
) -> ApiOptions {
    let limits = everything.config.limits;
    ApiOptions {
        oidc,
        hosts: HostNames { listed: host_names(&everything.config.server), tls },
        cors: everything.config.server.cors.clone(),
        ingest_body: limits.ingest_body,
        ingest_room: memory_shares(&everything.config).bodies,
        log_line: limits.log_line,
        otlp_metrics: clew_api::OtlpMetricOptions::default(),
        version: env!("CARGO_PKG_VERSION"),
        addresses: addresses.for_api(),
        auth_explicit: everything.config.auth.is_written,
        demo: matches!(role, Role::Demo { .. }),
        temporary: role == Role::Demo { keeps_data: false },
        welcome: addresses.welcome(),
        config,
        reload: Arc::new(move || reloader.reload()),
    }
}

fn start_listeners(
    sockets: Sockets<TcpListener>,
    security: Security,
    state: &ApiState,
    stop: &CancellationToken,
) -> JoinSet<Result<(), clew_api::ServeError>> {
    let mut servers = JoinSet::new();
    let listen = |name, socket, router| {
        Listener::streams(name, socket, security.tls.clone(), Http::new(router, security.proxies.clone()))
            .bounded(security.connections)
    };
    let listeners = [
        listen("http", sockets.http, main_router(state.clone())),
        listen("otlp_grpc", sockets.otlp_grpc, otlp_grpc_router(state.clone())),
        listen("otlp_http", sockets.otlp_http, otlp_http_router(state.clone())),
    ];
    let drop_in = sockets.drop_in.into_iter().map(|(system, socket)| {
        let router = match system {
            DropIn::Prometheus => prometheus_router(state.clone()),
        };
        listen(system.name(), socket, router)
    });
    for listener in listeners.into_iter().chain(drop_in) {
        let (registry, stop) = (Arc::clone(state.app.observer().registry()), stop.clone());
        servers.spawn(async move { listener.serve(&registry, stop).await });
    }
    servers
}

/// The way through the provider of identities.
async fn provider(everything: &mut Everything) -> Result<Option<Arc<Oidc>>> {
    let Some(options) = everything.oidc.take() else { return Ok(None) };
    let outbound = everything.config.outbound.clone();
    // It reads certificates.
    let made = tokio::task::spawn_blocking(move || Oidc::new(options, outbound)).await?;
    Ok(Some(Arc::new(made.map_err(anyhow::Error::msg)?)))
}

/// What is read anew when it changes: certificates, users and tokens.
fn watch_files(everything: &Everything, reloader: &Arc<Reloader>, stop: &CancellationToken) {
    let (config, auth) = (&everything.config, Arc::clone(reloader));
    let files = config.auth.file.iter().cloned().collect();
    tokio::spawn(watch(files, stop.clone(), move || auth.reread_auth_file()));
    let (Tls { cert, key, client_ca }, tls) = (config.server.tls.clone(), Arc::clone(reloader));
    let files = [cert, key, client_ca].into_iter().flatten().collect();
    tokio::spawn(watch(files, stop.clone(), move || tls.reread_certificates()));
}

/// Names that the configuration gives the server, and the machine's own.
fn host_names(server: &Server) -> Vec<String> {
    let listens = [&server.http, &server.otlp_grpc, &server.otlp_http].map(|address| address.host.to_ascii_lowercase());
    let machine = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
    server.hosts.iter().cloned().chain(listens).chain([machine]).collect()
}

/// An open server was meant (the configuration refuses others); whoever reads the log may not know.
fn say_exposure(everything: &Everything) {
    let server = &everything.config.server;
    let listeners = server.exposed().join(", ");
    if listeners.is_empty() {
    } else if everything.config.auth.mode == AuthMode::None {
        tracing::warn!(%listeners, "auth.mode is none: whoever reaches these may read and write everything");
    } else if server.tls.cert.is_none() {
        tracing::warn!(
            %listeners,
            "passwords and tokens come in unencrypted: set server.tls, or let nobody but a proxy that speaks TLS reach these"
        );
    }
}

/// A closed standard output is no reason not to serve.
fn print_start(lines: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
}

/// The signals that the server answers.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Reloads on SIGHUP, until SIGTERM or Ctrl-C.
    async fn wait_for_stop(&mut self, reloader: &Arc<Reloader>) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => {
                    let reloader = Arc::clone(reloader);
                    // The reload logs its own faults.
                    tokio::task::spawn_blocking(move || reloader.reload_by_signal());
                }
            }
        }
    }
}
