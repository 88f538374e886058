//! The whole of Clew below its listeners on some disk.

use clew_app::memory::MemoryShares;
use clew_app::reads::QueryLimits;
use clew_app::signal::Retention;
use clew_app::{App, AppError, AppOptions, SignalOptions};
use clew_host::{Clock, Files, SeededRandom};
use clew_model::correlation::CorrelationRules;
use clew_telemetry::{BuildInfo, Registry};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Starts on what a disk has.
pub(crate) fn start(
    files: Arc<dyn Files>,
    dir: &Path,
    clock: Arc<dyn Clock>,
    seed: u64,
    (retention, seal_bytes): (i64, u64),
) -> Result<Arc<App>, AppError> {
    let signal = SignalOptions {
        retention: Retention { age: Some(retention), bytes: None },
        floor: None,
        seal_bytes,
        seal_age: Duration::from_secs(3600),
    };
    let options = AppOptions {
        data_dir: dir.to_owned(),
        max_bytes: None,
        max_series: 100_000,
        query_series: None,
        query_samples: None,
        logs: signal,
        metrics: signal,
        traces: signal,
        rules: Arc::new(CorrelationRules::default()),
        queries: QueryLimits { concurrent: 2, timeout: Duration::from_secs(60), memory: 512 << 20, slow: None },
        memory: MemoryShares::of(2 << 30),
        keeps_reserve: false,
        span_metrics: true,
        tenants: None,
    };
    let registry = Arc::new(Registry::new(BuildInfo { version: "0", revision: "0" }));
    App::start(options, files, clock, Arc::new(SeededRandom::new(seed)), registry)
}

/// Stops and gives up everything, whether the disk still answers or not.
pub(crate) async fn stop(app: Arc<App>) {
    tokio::task::spawn_blocking(move || app.stop()).await.unwrap();
}

/// Seals one signal, compacts and retains it as far as that is due; answers whether it was sealed.
pub(crate) async fn seal(app: &Arc<App>, signal: usize) -> bool {
    let app = Arc::clone(app);
    let sealed = tokio::task::spawn_blocking(move || match signal {
        0 => (app.logs().maintenance().seal_now(), app.logs().maintenance().tidy_now()),
        1 => (app.metrics().maintenance().seal_now(), app.metrics().maintenance().tidy_now()),
        _ => (app.traces().maintenance().seal_now(), app.traces().maintenance().tidy_now()),
    });
    sealed.await.unwrap().0
}
