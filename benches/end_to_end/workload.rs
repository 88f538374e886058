//! One signal over one protocol, sent to a fresh server.

use super::exporter::{Exporter, Pages};
use anyhow::{Context, Result, ensure};
use clew_testkit::http::Client;
use clew_testkit::process;
use clew_testkit::server::Server;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long sealing and compaction may go on after the last answer.
const REST: Duration = Duration::from_secs(60);

/// How long targets are scraped.
const SCRAPE_FOR: Duration = Duration::from_secs(12);

/// What is sent.
pub struct Workload {
    pub name: &'static str,
    pub signal: &'static str,
    /// How many log records, spans or samples the bodies hold; 0 where only the server can tell.
    pub records: usize,
    /// `limits.memory`: decides how much is held before it is sealed.
    pub memory: &'static str,
    pub requests: Requests,
}

/// How it reaches the server.
pub enum Requests {
    Posted { path: &'static str, content_type: &'static str, bodies: Vec<Vec<u8>> },
    Scraped(Pages),
}

/// One run.
#[derive(Debug, Clone)]
pub struct Measured {
    pub records: f64,
    /// From the first request to the last answer.
    pub wall: Duration,
    pub cpu: Duration,
    pub sent_bytes: usize,
    pub sealed_records: f64,
    /// Of the store's files, index and manifests included.
    pub sealed_bytes: f64,
    pub disk_bytes: u64,
    pub peak: u64,
}

impl Measured {
    pub fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.records
    }
}

impl Workload {
    /// Sends everything to a fresh server.
    pub fn run(&self, binary: &Path, connections: usize) -> Result<Measured> {
        let dir = tempfile::tempdir()?;
        let data = dir.path().join("data");
        let mut settings = vec![("CLEW_LIMITS__MEMORY", self.memory.to_owned())];
        let exporter = match &self.requests {
            Requests::Scraped(pages) => {
                let exporter = Exporter::start(pages)?;
                let file = dir.path().join("prometheus.yml");
                std::fs::write(&file, exporter.config(pages))?;
                settings.push(("CLEW_PROMETHEUS__CONFIG_FILE", file.display().to_string()));
                Some(exporter)
            }
            Requests::Posted { .. } => None,
        };
        let server = Server::start(binary, &data, &settings)?;
        let before = if exporter.is_some() { Duration::ZERO } else { process::cpu_time(server.pid())? };
        let started = Instant::now();
        let sent_bytes = match (&self.requests, &exporter) {
            (Requests::Posted { .. }, _) => self.send(&server, connections)?,
            (Requests::Scraped(_), Some(exporter)) => {
                std::thread::sleep(SCRAPE_FOR);
                exporter.served_bytes()
            }
            (Requests::Scraped(_), None) => 0,
        };
        let wall = started.elapsed();
        let cpu = match exporter {
            Some(_) => process::cpu_time(server.pid())?,
            None => server.rest(REST)?,
        };
        let measured = self.measure(&server, &data, wall, cpu.saturating_sub(before), sent_bytes)?;
        server.stop()?;
        Ok(measured)
    }

    fn measure(
        &self,
        server: &Server,
        data: &Path,
        wall: Duration,
        cpu: Duration,
        sent_bytes: usize,
    ) -> Result<Measured> {
        let signal = format!("signal=\"{}\"", self.signal);
        let records = server.metric("clew_ingest_records_accepted_total", &signal)?;
        let rejected = server.metric("clew_ingest_records_rejected_total", &signal)?;
        ensure!(rejected == 0.0, "{rejected} records were refused");
        ensure!(
            self.records == 0 || self.records as f64 == records,
            "{} records were sent, the server counted {records}",
            self.records
        );
        Ok(Measured {
            records,
            wall,
            cpu,
            sent_bytes,
            sealed_records: server.metric("clew_store_records", &signal)?,
            sealed_bytes: server.metric("clew_store_bytes", &signal)?,
            disk_bytes: process::directory_bytes(data)?,
            peak: process::peak_resident_bytes(server.pid())?,
        })
    }

    /// Posts the bodies over some connections, in order, each taking the next one when it is free; answers the bytes.
    pub fn send(&self, server: &Server, connections: usize) -> Result<usize> {
        let Requests::Posted { path, content_type, bodies } = &self.requests else { return Ok(0) };
        let next = AtomicUsize::new(0);
        let post = || -> Result<()> {
            let mut client = Client::connect(server.http)?;
            while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                client.post(path, content_type, body)?.text()?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let senders: Vec<_> = (0..connections).map(|_| scope.spawn(post)).collect();
            senders.into_iter().try_for_each(|sender| sender.join().ok().context("a sender panicked")?)
        })?;
        Ok(bodies.iter().map(Vec::len).sum())
    }
}
