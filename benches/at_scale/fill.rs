//! Fills a server with the corpus, then starts it again twice.

use super::questions::Scale;
use anyhow::{Context, Result, ensure};
use clew_testkit::corpus::{logs, metrics, traces};
use clew_testkit::http::Client;
use clew_testkit::process;
use clew_testkit::server::Server;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const CONNECTIONS: usize = 4;

/// Bodies that wait for a connection.
const WAITING: usize = 16;

/// How long sealing and compaction may go on after the last answer.
const REST: Duration = Duration::from_secs(300);

const INSTANCES: usize = 80;
const SERIES_PER_INSTANCE: usize = 250;
const ROUNDS: usize = 500;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Logs,
    /// The same records in the other format, to a server of their own: the questions are asked of the first.
    LogsOtlp,
    Spans,
    Samples,
}

impl Signal {
    pub(crate) const ALL: [Signal; 4] = [Signal::LogsOtlp, Signal::Logs, Signal::Spans, Signal::Samples];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Signal::Logs => "logs, NDJSON",
            Signal::LogsOtlp => "logs, OTLP/HTTP",
            Signal::Spans => "spans, OTLP/HTTP",
            Signal::Samples => "samples, OTLP/HTTP",
        }
    }

    /// The value of the label `signal` in the server's own metrics.
    fn label(self) -> &'static str {
        match self {
            Signal::Logs | Signal::LogsOtlp => "signal=\"logs\"",
            Signal::Spans => "signal=\"traces\"",
            Signal::Samples => "signal=\"metrics\"",
        }
    }
}

/// What a signal cost on its way in.
pub(crate) struct FilledSignal {
    pub signal: Signal,
    pub records: f64,
    pub sealed: f64,
    pub cpu: Duration,
    pub peak: u64,
}

/// A server that holds the corpus.
pub(crate) struct Filled {
    pub name: String,
    pub server: Server,
    pub signals: Vec<FilledSignal>,
    pub after_stop: Duration,
    pub after_kill: Duration,
    /// CPU until it was ready after the kill.
    pub start_cpu: Duration,
    pub disk: u64,
    /// Removed when this is dropped.
    _dir: tempfile::TempDir,
}

/// Fills a fresh server, kills and starts it, stops and starts it.
pub(crate) fn fill(binary: &Path, scale: Scale, signals: &[Signal]) -> Result<Filled> {
    let dir = tempfile::tempdir()?;
    let mut filled = Vec::new();
    if signals.contains(&Signal::LogsOtlp) {
        let apart = tempfile::tempdir()?;
        let server = Server::start(binary, apart.path(), &[])?;
        filled.push(fill_signal(&server, Signal::LogsOtlp, scale)?);
        server.stop()?;
    }
    let server = Server::start(binary, dir.path(), &[])?;
    for signal in signals.iter().filter(|signal| **signal != Signal::LogsOtlp) {
        filled.push(fill_signal(&server, *signal, scale)?);
    }
    // Killed first: an orderly stop may seal what a start after a kill has to read back.
    server.kill()?;
    let server = Server::start(binary, dir.path(), &[])?;
    let after_kill = server.started_in;
    let start_cpu = process::cpu_time(server.pid())?;
    server.rest(REST)?;
    server.stop()?;
    let server = Server::start(binary, dir.path(), &[])?;
    server.rest(REST)?;
    Ok(Filled {
        name: binary.display().to_string(),
        after_stop: server.started_in,
        after_kill,
        start_cpu,
        server,
        signals: filled,
        disk: process::directory_bytes(dir.path())?,
        _dir: dir,
    })
}

fn fill_signal(server: &Server, signal: Signal, scale: Scale) -> Result<FilledSignal> {
    let before = process::cpu_time(server.pid())?;
    let Scale { seed, records, end } = scale;
    match signal {
        Signal::Logs | Signal::LogsOtlp => {
            let mut entries = logs::stream(seed, records, end);
            let chunks = std::iter::from_fn(|| {
                let chunk: Vec<_> = entries.by_ref().take(1_000).collect();
                (!chunk.is_empty()).then_some(chunk)
            });
            if signal == Signal::Logs {
                let bodies = chunks.map(|chunk| logs::ndjson_body(chunk.iter()));
                send(server, "/api/v1/logs", "application/x-ndjson", bodies)?;
            } else {
                send(server, "/v1/logs", "application/x-protobuf", chunks.map(|chunk| logs::otlp_body(&chunk)))?;
            }
        }
        Signal::Spans => {
            let bodies = traces::otlp(seed, records / 4, 500, end);
            send(server, "/v1/traces", "application/x-protobuf", bodies.into_iter())?;
        }
        Signal::Samples => {
            let instance = |number| metrics::Instance::new(number, SERIES_PER_INSTANCE);
            let mut instances: Vec<_> = (0..INSTANCES).map(instance).collect();
            let bodies = metrics::stream(seed, &mut instances, ROUNDS, 4, end);
            send(server, "/v1/metrics", "application/x-protobuf", bodies)?;
        }
    }
    let cpu = server.rest(REST)?.saturating_sub(before);
    let accepted = server.metric("clew_ingest_records_accepted_total", signal.label())?;
    let rejected = server.metric("clew_ingest_records_rejected_total", signal.label())?;
    ensure!(accepted > 0.0 && rejected == 0.0, "{accepted} records were taken, {rejected} refused");
    Ok(FilledSignal {
        signal,
        records: accepted,
        sealed: server.metric("clew_store_sealed_records_total", signal.label())?,
        cpu,
        peak: process::peak_resident_bytes(server.pid())?,
    })
}

/// Posts bodies as they are made over some connections, each taking the next one when it is free.
fn send(server: &Server, path: &str, content_type: &str, bodies: impl Iterator<Item = Vec<u8>>) -> Result<()> {
    let (sender, receiver) = sync_channel::<Vec<u8>>(WAITING);
    let receiver = Mutex::new(receiver);
    std::thread::scope(|scope| {
        let posting = || post(server, path, content_type, &receiver);
        let senders: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(posting)).collect();
        for body in bodies {
            if sender.send(body).is_err() {
                break;
            }
        }
        drop(sender);
        senders.into_iter().try_for_each(|sender| sender.join().ok().context("a sender panicked")?)
    })
}

fn post(server: &Server, path: &str, content_type: &str, bodies: &Mutex<Receiver<Vec<u8>>>) -> Result<()> {
    let mut client = Client::connect(server.http)?;
    loop {
        let next = bodies.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(body) = next else { return Ok(()) };
        client.post(path, content_type, &body)?.text()?;
    }
}
