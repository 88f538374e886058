//! What a running server costs, end to end: records per second, CPU, disk and memory for each signal, then queries.
//!
//! Question: how much CPU does the server spend on a record from the socket to the sealed part, and how long does a
//! person wait for an answer?
//!
//! Corpus (`clew_testkit::corpus`, seeded): logs of about 320 bytes of JSON in requests of 1,000; spans of about 220 bytes
//! of OTLP, 8 a trace, in requests of 500; metrics as OTLP, 20 instances of 250 series every 15 s, 1,000 samples a
//! request; scraped text of 5,000 series a target, 10 targets, every second.
//!
//! Method: bodies are encoded before; 4 kept connections send them one after the other, each waiting for its answer, so
//! that at most 4 requests share an fsync. The server is the release binary in a process of its own, with a fresh data
//! directory a run. Its CPU (user and system, of its process alone, from /proc) is read before the first request and
//! when it has come to rest. Sealing and compaction count as far as the corpus sets them off: `limits.memory` is small
//! enough that posted records are sealed several times. Scraping is measured under the default, which seals every half
//! hour and so not here, and without the first rounds, which meet new series. Runs of the workloads (and of several
//! binaries) take turns; figures are medians.
//!
//! Limits: sender and server share the machine's cores, so records per second are what this machine gives and no more
//! than a lower bound; loopback; bytes a record are those that seals wrote, before compaction, with their indexes;
//! journal and engine reserve files in advance, so the directory's size says little for a small corpus; CPU in steps of
//! 10 ms. Settings: `CLEW_BENCH_RECORDS` (300000), `CLEW_BENCH_RUNS` (3), `CLEW_BENCH_CONNECTIONS` (4),
//! `CLEW_BENCH_BINARIES` (paths with commas between them, to compare), `CLEW_BENCH_ONLY` (a part of a workload's name).

mod end_to_end {
    pub(crate) mod exporter;
    pub(crate) mod questions;
    pub(crate) mod workload;
}

use anyhow::{Context, Result, ensure};
use clew_testkit::corpus::traces::SPANS_PER_TRACE;
use clew_testkit::corpus::{logs, metrics, traces};
use clew_testkit::report::{figure, median, setting, table};
use clew_testkit::{process, server};
use end_to_end::workload::{Measured, Requests, Workload};
use end_to_end::{exporter, questions};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SEED: u64 = 20_261_122;

struct Plan {
    records: usize,
    runs: usize,
    connections: usize,
    binaries: Vec<PathBuf>,
    only: String,
}

impl Plan {
    fn read() -> Result<Self> {
        let binaries = match std::env::var("CLEW_BENCH_BINARIES") {
            Ok(list) => list.split(',').map(PathBuf::from).collect(),
            Err(_) => vec![server::binary()?],
        };
        Ok(Self {
            records: setting("CLEW_BENCH_RECORDS", 300_000)?,
            runs: setting("CLEW_BENCH_RUNS", 3)?,
            connections: setting("CLEW_BENCH_CONNECTIONS", 4)?,
            binaries,
            only: std::env::var("CLEW_BENCH_ONLY").unwrap_or_default(),
        })
    }
}

fn main() -> Result<()> {
    if !clew_testkit::report::is_bench() {
        return Ok(());
    }
    let plan = Plan::read()?;
    let end = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
    let all = workloads(plan.records, end);
    let workloads: Vec<&Workload> = all.iter().filter(|workload| workload.name.contains(&plan.only)).collect();
    ensure!(!workloads.is_empty(), "CLEW_BENCH_ONLY is {:?}: no workload has it in its name", plan.only);
    println!(
        "end to end: {} runs in turns, {} connections, seed {SEED}; CPU of the server's process alone, sealing included",
        plan.runs, plan.connections
    );
    let mut measured: Vec<Vec<Vec<Measured>>> = vec![vec![Vec::new(); workloads.len()]; plan.binaries.len()];
    for _ in 0..plan.runs {
        for (at, workload) in workloads.iter().enumerate() {
            for (binary, measured) in plan.binaries.iter().zip(&mut measured) {
                let one = workload.run(binary, plan.connections);
                let one = one.with_context(|| format!("{} by {}", workload.name, binary.display()))?;
                if let Some(runs) = measured.get_mut(at) {
                    runs.push(one);
                }
            }
        }
    }
    for (binary, measured) in plan.binaries.iter().zip(&measured) {
        println!("\n{}", binary.display());
        print_ingest(&workloads, measured);
        if plan.only.is_empty() {
            idle(binary)?;
            questions::ask(binary, &all, SEED, plan.records, end)?;
        }
    }
    Ok(())
}

fn workloads(records: usize, end: u64) -> Vec<Workload> {
    let entries = logs::entries(SEED, records, end);
    let mut instances: Vec<metrics::Instance> = (0..20).map(|number| metrics::Instance::new(number, 250)).collect();
    let series: usize = instances.iter().map(|instance| instance.series() + 1).sum();
    let rounds = (records * 3 / series).clamp(1, 230);
    let posted = |path, content_type, bodies| Requests::Posted { path, content_type, bodies };
    let protobuf = "application/x-protobuf";
    vec![
        Workload {
            name: "logs, NDJSON",
            signal: "logs",
            records,
            memory: "128MiB",
            requests: posted("/api/v1/logs", "application/x-ndjson", logs::ndjson(&entries, 1_000)),
        },
        Workload {
            name: "logs, OTLP/HTTP",
            signal: "logs",
            records,
            memory: "128MiB",
            requests: posted("/v1/logs", protobuf, logs::otlp(&entries, 1_000)),
        },
        Workload {
            name: "spans, OTLP/HTTP",
            signal: "traces",
            records: records / SPANS_PER_TRACE * SPANS_PER_TRACE,
            memory: "128MiB",
            requests: posted("/v1/traces", protobuf, traces::otlp(SEED, records, 500, end)),
        },
        Workload {
            name: "samples, OTLP/HTTP",
            signal: "metrics",
            records: rounds * series,
            memory: "32MiB",
            requests: posted("/v1/metrics", protobuf, metrics::otlp(SEED, &mut instances, rounds, 4, end)),
        },
        Workload {
            name: "samples, scraped text",
            signal: "metrics",
            records: 0,
            memory: "25%",
            requests: Requests::Scraped(exporter::Pages::new(SEED, 10, 5_000)),
        },
    ]
}

fn print_ingest(workloads: &[&Workload], measured: &[Vec<Measured>]) {
    let row = |workload: &Workload, runs: &[Measured]| {
        let of = |value: fn(&Measured) -> f64| figure(median(runs.iter().map(value)));
        let cpu: Vec<f64> = runs.iter().map(Measured::cpu_micros).collect();
        let least = cpu.iter().copied().fold(f64::INFINITY, f64::min);
        let most = cpu.iter().copied().fold(0.0, f64::max);
        vec![
            workload.name.to_owned(),
            format!("{:.0}", median(runs.iter().map(|run| run.records))),
            format!("{:.0}", median(runs.iter().map(|run| run.records / run.wall.as_secs_f64()))),
            format!("{} ({}–{})", of(Measured::cpu_micros), figure(least), figure(most)),
            of(|run| run.sent_bytes as f64 / run.records),
            if runs.iter().all(|run| run.sealed_records > 0.0) {
                of(|run| run.sealed_bytes / run.sealed_records)
            } else {
                "none sealed".to_owned()
            },
            format!("{:.0} %", median(runs.iter().map(|run| 100.0 * run.sealed_records / run.records))),
            of(|run| run.disk_bytes as f64 / f64::from(1 << 20)),
            of(|run| run.peak as f64 / f64::from(1 << 20)),
        ]
    };
    let head = [
        "workload",
        "records",
        "records/s",
        "CPU s per million records",
        "bytes sent a record",
        "bytes a sealed record",
        "sealed",
        "data directory MiB, journals reserved in advance",
        "peak RSS MiB",
    ];
    let rows: Vec<_> = workloads.iter().zip(measured).map(|(workload, runs)| row(workload, runs)).collect();
    table(&head, &rows);
}

/// An idle server: nothing sent, default settings.
fn idle(binary: &std::path::Path) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let server = server::Server::start(binary, dir.path(), &[])?;
    std::thread::sleep(Duration::from_secs(1));
    let before = process::cpu_time(server.pid())?;
    std::thread::sleep(Duration::from_secs(5));
    let cpu = process::cpu_time(server.pid())?.saturating_sub(before);
    let resident = process::resident_bytes(server.pid())? as f64 / f64::from(1 << 20);
    println!(
        "idle: {} MiB resident, {} ms CPU in 5 s, ready {} ms after its start",
        figure(resident),
        cpu.as_millis(),
        server.started_in.as_millis()
    );
    server.stop()
}
