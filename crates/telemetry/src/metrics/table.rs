//! Every metric that Clew has: name, type, help, labels. Add a row here, then ask the registry for its series.
//!
//! Names follow <https://prometheus.io/docs/practices/naming/>: base units in the name, `_total` on counters.

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations by size class; the bounds rise and end before infinity.
    Histogram(&'static [f64]),
}

/// One row of the table.
#[derive(Debug)]
pub struct Descriptor {
    /// The full name.
    pub name: &'static str,
    /// One sentence on what is counted.
    pub help: &'static str,
    /// The kind of number.
    pub kind: Kind,
    /// The names of the labels.
    pub labels: &'static [&'static str],
}

/// A counter with `N` labels.
#[derive(Debug)]
pub struct CounterMetric<const N: usize>(pub(super) Descriptor);

/// A gauge with `N` labels.
#[derive(Debug)]
pub struct GaugeMetric<const N: usize>(pub(super) Descriptor);

/// A histogram with `N` labels.
#[derive(Debug)]
pub struct HistogramMetric<const N: usize>(pub(super) Descriptor);

/// Seconds, for what a disk or a query takes: 100 µs to a minute.
const DURATIONS: &[f64] =
    &[0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

macro_rules! metrics {
    ($(#[doc = $help:literal] $kind:ident $constant:ident = $name:literal [$($label:literal),*];)*) => {
        $(
            #[doc = $help]
            #[doc = concat!("\n\nMetric `", $name, "`", $(", label `", $label, "`",)* ".")]
            pub static $constant: metrics!(@type $kind [$($label),*]) = metrics!(@type $kind)(Descriptor {
                name: $name,
                help: $help.trim_ascii(),
                kind: metrics!(@kind $kind),
                labels: &[$($label),*],
            });
        )*
        /// Every row, in the order in which they are shown.
        pub static ALL: &[&Descriptor] = &[$(&$constant.0),*];
    };
    (@type counter $([$($label:literal),*])?) => { CounterMetric $(::<{ metrics!(@count $($label),*) }>)? };
    (@type gauge $([$($label:literal),*])?) => { GaugeMetric $(::<{ metrics!(@count $($label),*) }>)? };
    (@type histogram $([$($label:literal),*])?) => { HistogramMetric $(::<{ metrics!(@count $($label),*) }>)? };
    (@count $($label:literal),*) => { { let labels: &[&str] = &[$($label),*]; labels.len() } };
    (@kind counter) => { Kind::Counter };
    (@kind gauge) => { Kind::Gauge };
    (@kind histogram) => { Kind::Histogram(DURATIONS) };
}

metrics! {
    /// Always 1; the labels say which build is running.
    gauge BUILD_INFO = "clew_build_info" ["version", "revision"];
    /// Time since the server was started.
    gauge UPTIME = "clew_uptime_seconds" [];

    /// Records acknowledged: log records, spans, samples.
    counter INGEST_ACCEPTED = "clew_ingest_records_accepted_total" ["signal", "protocol"];
    /// Records refused, each reported to its sender with the reason.
    counter INGEST_REJECTED = "clew_ingest_records_rejected_total" ["signal", "protocol", "reason"];
    /// Records that a stage dropped on purpose before they were written; their senders are told that they were accepted.
    counter INGEST_STAGE_DROPPED = "clew_ingest_stage_dropped_records_total" ["signal", "stage"];
    /// Bytes of request bodies as they came, before decompression.
    counter INGEST_REQUEST_BYTES = "clew_ingest_request_bytes_total" ["signal", "protocol"];
    /// Time from the last byte of a request to its acknowledgement.
    histogram INGEST_DURATION = "clew_ingest_duration_seconds" ["signal"];

    /// Bytes appended to the journal, frame headers included.
    counter JOURNAL_APPENDED_BYTES = "clew_journal_appended_bytes_total" ["signal"];
    /// Frames appended to the journal.
    counter JOURNAL_APPENDED_FRAMES = "clew_journal_appended_frames_total" ["signal"];
    /// Time that a sync of the journal took.
    histogram JOURNAL_FSYNC_DURATION = "clew_journal_fsync_seconds" ["signal"];
    /// Appends and syncs of the journal that failed.
    counter JOURNAL_FAILURES = "clew_journal_failures_total" ["signal", "operation"];
    /// Segment files of the journal on disk.
    gauge JOURNAL_SEGMENTS = "clew_journal_segments" ["signal"];
    /// Bytes of the journal on disk.
    gauge JOURNAL_BYTES = "clew_journal_bytes" ["signal"];
    /// Frames read back from the journal, at start as a rule.
    counter JOURNAL_REPLAYED_FRAMES = "clew_journal_replayed_frames_total" ["signal"];
    /// Torn ends of the journal that were cut off at start.
    counter JOURNAL_TORN_TAILS = "clew_journal_torn_tails_total" ["signal"];
    /// Bytes of the journal that were found damaged and skipped, because salvage was asked for.
    counter JOURNAL_SKIPPED_BYTES = "clew_journal_skipped_bytes_total" ["signal"];

    /// Bytes of records in memory that no sealed part holds yet.
    gauge STORE_HOT_BYTES = "clew_store_hot_bytes" ["signal"];
    /// Time that sealing a generation took.
    histogram STORE_SEAL_DURATION = "clew_store_seal_duration_seconds" ["signal"];
    /// Records written to sealed parts, compaction not counted.
    counter STORE_SEALED_RECORDS = "clew_store_sealed_records_total" ["signal"];
    /// Bytes written to sealed parts, compaction not counted.
    counter STORE_SEALED_BYTES = "clew_store_sealed_bytes_total" ["signal"];
    /// Seals that failed; they are tried again.
    counter STORE_SEAL_FAILURES = "clew_store_seal_failures_total" ["signal"];
    /// Sealed parts on disk.
    gauge STORE_PARTS = "clew_store_parts" ["signal"];
    /// Bytes of sealed parts on disk.
    gauge STORE_BYTES = "clew_store_bytes" ["signal"];
    /// Records in sealed parts.
    gauge STORE_RECORDS = "clew_store_records" ["signal"];
    /// Files of stores and journals that are not read because they are damaged or missing.
    gauge STORE_SET_ASIDE_FILES = "clew_store_set_aside_files" ["signal"];
    /// Records in files that are not read because they are damaged or missing, as far as is known.
    gauge STORE_SET_ASIDE_RECORDS = "clew_store_set_aside_records" ["signal"];
    /// Acknowledged requests that a journal has lost since it was damaged, as the last start counted them.
    gauge JOURNAL_LOST_REQUESTS = "clew_journal_lost_requests" ["signal"];
    /// Series that took samples lately.
    gauge STORE_ACTIVE_SERIES = "clew_store_active_series" [];
    /// Compactions finished.
    counter STORE_COMPACTIONS = "clew_store_compactions_total" ["signal"];
    /// Time that a compaction took.
    histogram STORE_COMPACTION_DURATION = "clew_store_compaction_duration_seconds" ["signal"];
    /// Parts deleted because they were older, or all together bigger, than retention allows.
    counter RETENTION_DELETED_PARTS = "clew_retention_deleted_parts_total" ["signal", "reason"];
    /// Bytes given back by retention.
    counter RETENTION_DELETED_BYTES = "clew_retention_deleted_bytes_total" ["signal", "reason"];

    /// Queries answered.
    counter QUERIES = "clew_queries_total" ["api", "outcome"];
    /// Time that a query took.
    histogram QUERY_DURATION = "clew_query_duration_seconds" ["api"];
    /// Bytes of memory held by running queries.
    gauge QUERY_MEMORY_BYTES = "clew_query_memory_bytes" [];
    /// Queries running now.
    gauge QUERIES_RUNNING = "clew_queries_running" [];
    /// Bytes of outside data that are held, by share of the memory.
    gauge MEMORY_BYTES = "clew_memory_bytes" ["share"];
    /// Bytes that a share of the memory may hold.
    gauge MEMORY_LIMIT_BYTES = "clew_memory_limit_bytes" ["share"];
    /// Times that a limit refused or cut something short.
    counter LIMIT_HITS = "clew_limit_hits_total" ["limit"];

    /// HTTP requests answered.
    counter HTTP_REQUESTS = "clew_http_requests_total" ["route", "method", "status"];
    /// Time that an HTTP request took.
    histogram HTTP_DURATION = "clew_http_request_duration_seconds" ["route"];
    /// Connections that are open, by the port's name.
    gauge LISTENER_CONNECTIONS = "clew_listener_connections" ["listener"];
    /// Datagrams that were dropped, since more came than could be taken.
    counter LISTENER_DROPPED = "clew_listener_dropped_datagrams_total" ["listener"];
    /// Requests that were not let in, or whose caller may not do what they ask.
    counter AUTH_REFUSED = "clew_auth_refused_total" ["reason"];
    /// Passwords compared with their hash.
    counter AUTH_PASSWORD_CHECKS = "clew_auth_password_checks_total" [];
    /// gRPC requests answered.
    counter GRPC_REQUESTS = "clew_grpc_requests_total" ["method", "status"];

    /// Tenants that are known, those with limits of their own among them; 0 while tenants are not told apart.
    gauge TENANTS = "clew_tenants" [];
    /// Records acknowledged, by tenant.
    counter TENANT_ACCEPTED = "clew_tenant_records_accepted_total" ["tenant", "signal"];
    /// Bytes of request bodies, decompressed, by tenant.
    counter TENANT_BYTES = "clew_tenant_ingest_bytes_total" ["tenant", "signal"];
    /// Records and queries refused since their tenant is beyond a limit of its own.
    counter TENANT_REFUSED = "clew_tenant_refused_total" ["tenant", "signal", "reason"];
    /// Queries asked, by tenant.
    counter TENANT_QUERIES = "clew_tenant_queries_total" ["tenant"];
    /// Series that took samples lately, by tenant.
    gauge TENANT_ACTIVE_SERIES = "clew_tenant_active_series" ["tenant"];
    /// Log streams that sent lately, of tenants where they are limited.
    gauge TENANT_STREAMS = "clew_tenant_log_streams" ["tenant"];

    /// Targets by scrape pool and health.
    gauge SCRAPE_TARGETS = "clew_scrape_targets" ["pool", "health"];
    /// Scrapes done.
    counter SCRAPES = "clew_scrapes_total" ["pool", "outcome"];
    /// Time that a scrape took.
    histogram SCRAPE_DURATION = "clew_scrape_duration_seconds" ["pool"];

    /// Times that the configuration was read anew.
    counter CONFIG_RELOADS = "clew_config_reloads_total" ["outcome"];
    /// Log lines written by Clew itself.
    counter LOG_LINES = "clew_log_lines_total" ["level"];
    /// Label values that were counted under "other", because their metric had too many series.
    counter TELEMETRY_OVERFLOWS = "clew_telemetry_overflows_total" ["metric"];

    /// Processor time used, user and system.
    counter PROCESS_CPU = "process_cpu_seconds_total" [];
    /// Resident memory.
    gauge PROCESS_RESIDENT = "process_resident_memory_bytes" [];
    /// Virtual memory.
    gauge PROCESS_VIRTUAL = "process_virtual_memory_bytes" [];
    /// Open file descriptors.
    gauge PROCESS_OPEN_FDS = "process_open_fds" [];
    /// File descriptors that may be open at most.
    gauge PROCESS_MAX_FDS = "process_max_fds" [];
    /// Start of the process, in seconds since 1970.
    gauge PROCESS_START = "process_start_time_seconds" [];
    /// Threads of the process.
    gauge PROCESS_THREADS = "process_threads" [];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The naming law of <https://prometheus.io/docs/practices/naming/>.
    #[test]
    fn names_follow_the_law() {
        let mut names = BTreeSet::new();
        for Descriptor { name, help, kind, labels } in ALL {
            assert!(names.insert(name), "{name} twice");
            let is_name_char = |c: char| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit();
            assert!(name.chars().all(is_name_char), "{name}");
            assert!(name.starts_with("clew_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            if let Kind::Histogram(bounds) = kind {
                assert!(name.ends_with("_seconds"), "{name}");
                assert!(bounds.is_sorted() && bounds.iter().all(|bound| bound.is_finite()));
            }
            for reserved in ["_count", "_sum", "_bucket", "_created", "_info_total"] {
                assert!(!name.ends_with(reserved), "{name}");
            }
            for (index, label) in labels.iter().enumerate() {
                assert!(label.chars().all(is_name_char), "{name}: {label}");
                assert!(!["le", "quantile", "job", "instance"].contains(label));
                assert!(!labels[..index].contains(label), "{name}: {label} twice");
            }
            assert!(help.ends_with('.') && !help.starts_with(' '), "{name}");
        }
    }
}
