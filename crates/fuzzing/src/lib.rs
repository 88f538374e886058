//! What the fuzzers do with their bytes: one [`Target`] for each decoder, parser and file reader of outside data, with what
//! must hold of it. `fuzz/` hands them to cargo-fuzz, `tests/corpus.rs` goes through the kept corpus and mutations of it with
//! any toolchain.
//!
//! Of every target holds: no panic, and an answer in time and memory that the input's length bounds. What each asserts
//! beside that stands at its function.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod codec;
mod columns;
mod config;
mod query;
mod records;
pub mod seeds;
mod stores;
mod template;

/// A reader of outside data.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: that of the fuzzer and of its folder below `fuzz/corpus`.
    pub name: &'static str,
    /// Takes an input. Panics where something does not hold that should.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "otlp_logs", run: codec::otlp_logs },
    Target { name: "otlp_metrics", run: codec::otlp_metrics },
    Target { name: "otlp_traces", run: codec::otlp_traces },
    Target { name: "otlp_json", run: codec::otlp_json },
    Target { name: "json_logs", run: codec::json_logs },
    Target { name: "exposition", run: codec::exposition },
    Target { name: "times", run: codec::times },
    Target { name: "promql", run: query::promql },
    Target { name: "log_query", run: query::log_query },
    Target { name: "pasted", run: query::pasted },
    Target { name: "ids", run: query::ids },
    Target { name: "log_frame", run: columns::log_frame },
    Target { name: "trace_frame", run: columns::trace_frame },
    Target { name: "metric_frame", run: columns::metric_frame },
    Target { name: "log_block", run: columns::log_block },
    Target { name: "span_block", run: columns::span_block },
    Target { name: "metric_columns", run: columns::metric_columns },
    Target { name: "indexes", run: columns::indexes },
    Target { name: "config", run: config::config },
    Target { name: "journal", run: stores::journal },
    Target { name: "log_store", run: stores::log_store },
    Target { name: "metric_store", run: stores::metric_store },
    Target { name: "trace_store", run: stores::trace_store },
];

/// The target of a name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Runs the target of a name.
pub fn run(name: &str, data: &[u8]) {
    let target = target(name).unwrap_or_else(|| panic!("there is no target {name}"));
    (target.run)(data);
}

/// The first byte, which chooses what the others are for, and those.
fn choice(data: &[u8]) -> (usize, &[u8]) {
    match data.split_first() {
        Some((first, rest)) => (usize::from(*first), rest),
        None => (0, data),
    }
}
