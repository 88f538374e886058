//! What a record costs on its way in and what a question costs, while many records are held: CPU of the server's process.
//!
//! Question: does the cost of an answer grow with what matches, or with what is held? Run it at two sizes
//! (`CLEW_BENCH_RECORDS=2000000`, then `8000000`) and compare.
//!
//! Corpus (`clew_testkit::corpus`, seeded, streamed): log records of about 320 bytes of JSON with 4 to 8 attributes and 200
//! templates, as NDJSON in requests of 1,000; the same records as OTLP, about 243 bytes, grouped by service and host, to a
//! server of their own; a quarter as many spans of about 220 bytes of OTLP, 8 a trace, in requests of 500; 80 instances of
//! 250 series (counters, gauges, classic histograms) every 15 s as OTLP, 500 rounds, which the number of records does not
//! change. Default configuration, so part of it is sealed and part is not, as the table says.
//!
//! Method: each binary gets a fresh directory and is filled over 4 connections, signal by signal; the CPU of its process
//! counts from the first request until it has come to rest, sealing and compaction included. Then it is killed and
//! started, stopped and started. Then the questions, whole answers over HTTP: the binaries take turns, `CLEW_BENCH_RUNS`
//! rounds of as many askings as take about a tenth of a second of CPU; figures are medians of the rounds. Where the answer does not depend on
//! the order of arrival, all binaries must give the same bytes.
//!
//! Limits: sender and servers share the machine's cores; loopback; CPU in steps of 10 ms, hence the many askings.
//! Settings: `CLEW_BENCH_RECORDS` (2000000), `CLEW_BENCH_RUNS` (5), `CLEW_BENCH_BINARIES` (paths with commas between them;
//! the first is what ratios refer to), `CLEW_BENCH_ONLY` (a part of a signal's name: logs, spans, samples).

mod at_scale {
    pub(crate) mod fill;
    pub(crate) mod questions;
}

use anyhow::Result;
use at_scale::fill::{Filled, Signal, fill};
use at_scale::questions::{self, Scale};
use clew_testkit::report::{figure, setting, table};
use clew_testkit::{process, server};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

const SEED: u64 = 20_261_130;

fn main() -> Result<()> {
    if !clew_testkit::report::is_bench() {
        return Ok(());
    }
    let records = setting("CLEW_BENCH_RECORDS", 2_000_000)?;
    let runs = setting("CLEW_BENCH_RUNS", 5)?;
    let only = std::env::var("CLEW_BENCH_ONLY").unwrap_or_default();
    let binaries: Vec<PathBuf> = match std::env::var("CLEW_BENCH_BINARIES") {
        Ok(list) => list.split(',').map(PathBuf::from).collect(),
        Err(_) => vec![server::binary()?],
    };
    let end = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
    let scale = Scale { seed: SEED, records, end };
    let signals: Vec<Signal> = Signal::ALL.into_iter().filter(|signal| signal.name().contains(&only)).collect();
    println!("at scale: {records} log records, seed {SEED}, {runs} rounds in turns; CPU of the server's process alone");
    let mut filled = Vec::new();
    for binary in &binaries {
        filled.push(fill(binary, scale, &signals)?);
    }
    print_filled(&filled);
    questions::ask(&mut filled, scale, &signals, runs)
}

fn print_filled(filled: &[Filled]) {
    let head = ["binary", "signal", "records", "CPU µs/record", "not sealed", "peak RSS MiB so far"];
    let rows = filled.iter().flat_map(|side| {
        side.signals.iter().map(|signal| {
            vec![
                side.name.clone(),
                signal.signal.name().to_owned(),
                format!("{:.0}", signal.records),
                figure(signal.cpu.as_secs_f64() * 1e6 / signal.records),
                format!("{:.0}", signal.records - signal.sealed),
                figure(signal.peak as f64 / f64::from(1 << 20)),
            ]
        })
    });
    table(&head, &rows.collect::<Vec<_>>());
    let head =
        ["binary", "ready after a kill, ms (CPU)", "ready after a stop, ms", "MiB on disk", "RSS MiB after the start"];
    let rows = filled.iter().map(|side| {
        let resident = process::resident_bytes(side.server.pid()).unwrap_or(0);
        vec![
            side.name.clone(),
            format!("{} ({})", side.after_kill.as_millis(), side.start_cpu.as_millis()),
            side.after_stop.as_millis().to_string(),
            figure(side.disk as f64 / f64::from(1 << 20)),
            figure(resident as f64 / f64::from(1 << 20)),
        ]
    });
    table(&head, &rows.collect::<Vec<_>>());
}
