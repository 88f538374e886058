//! From the configuration to the options of the program below the listeners.

use crate::config::{Config, Retention};
use clew_app::memory::{MemoryShares, available_memory};
use clew_app::reads::QueryLimits;
use clew_app::signal;
use clew_app::{AppOptions, SignalOptions};
use clew_model::correlation::CorrelationRules;
use std::sync::Arc;
use std::time::Duration;

/// Age at which hot log records are sealed however few there are: small parts cost more than a longer replay.
const LOGS_SEAL_AGE: Duration = Duration::from_secs(300);

/// Age at which hot spans are sealed: traces have long ended by then.
const TRACES_SEAL_AGE: Duration = Duration::from_secs(300);

/// Age at which hot samples are sealed: half an hour of 15 s samples make one good chunk a series.
const METRICS_SEAL_AGE: Duration = Duration::from_secs(1800);

/// How the memory that there is is shared out.
#[must_use]
pub(crate) fn memory_shares(config: &Config) -> MemoryShares {
    MemoryShares::of(config.limits.memory.of(available_memory()))
}

/// The options of the program, within the memory that there is.
#[must_use]
pub(crate) fn app_options(config: &Config) -> AppOptions {
    let shares = memory_shares(config);
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let fields = config.correlation_fields.iter().map(String::as_str);
    let rules = CorrelationRules::new(fields, config.correlation_patterns.iter().cloned());
    let options = |retention: Retention, seal_bytes: u64, seal_age: Duration| SignalOptions {
        retention: signal::Retention { age: retention.age.map(nanos), bytes: retention.size },
        floor: retention.floor,
        seal_bytes,
        seal_age,
    };
    AppOptions {
        data_dir: config.storage.dir.clone(),
        max_bytes: config.storage.max_size,
        max_series: config.limits.series.unwrap_or(shares.series),
        query_series: config.limits.query_series,
        query_samples: config.limits.query_samples.and_then(|samples| u64::try_from(samples).ok()),
        logs: options(config.storage.logs, shares.logs_hot, LOGS_SEAL_AGE),
        metrics: options(config.storage.metrics, shares.metrics_hot, METRICS_SEAL_AGE),
        traces: options(config.storage.traces, shares.traces_hot, TRACES_SEAL_AGE),
        rules: Arc::new(rules),
        queries: QueryLimits {
            concurrent: config.limits.query_concurrency.unwrap_or(cores.max(2)),
            timeout: config.limits.query_timeout,
            memory: config.limits.query_memory.unwrap_or(shares.query),
            slow: config.limits.slow_query,
        },
        memory: shares,
        keeps_reserve: true,
        span_metrics: config.span_metrics,
        tenants: config.tenants.options(),
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
