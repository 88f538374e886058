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

/// How long targets are scraped before it counts, and then.
const SCRAPE_BEFORE: Duration = Duration::from_millis(2_600);
const SCRAPE_FOR: Duration = Duration::from_secs(10);

const ACCEPTED: &str = "clew_ingest_records_accepted_total";

/// What is sent.
pub(crate) struct Workload {
    pub name: &'static str,
    pub signal: &'static str,
    /// How many log records, spans or samples the bodies hold; 0 where only the server can tell.
    pub records: usize,
    /// `limits.memory`: decides how much is held before it is sealed.
    pub memory: &'static str,
    pub requests: Requests,
}

/// How it reaches the server.
pub(crate) enum Requests {
    Posted { path: &'static str, content_type: &'static str, bodies: Vec<Vec<u8>> },
    Scraped(Pages),
}

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub records: f64,
    /// From the first request to the last answer.
    pub wall: Duration,
    pub cpu: Duration,
    pub sent_bytes: usize,
    pub sealed_records: f64,
    /// What the seals wrote, indexes included, before any compaction.
    pub sealed_bytes: f64,
    pub disk_bytes: u64,
    pub peak: u64,
}

impl Measured {
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.records
    }
}

impl Workload {
    /// Sends everything to a fresh server.
    pub(crate) fn run(&self, binary: &Path, connections: usize) -> Result<Measured> {
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
        let measured = match &exporter {
            Some(exporter) => self.scraped(&server, &data, exporter)?,
            None => self.posted(&server, &data, connections)?,
        };
        server.stop()?;
        Ok(measured)
    }

    fn posted(&self, server: &Server, data: &Path, connections: usize) -> Result<Measured> {
        let (cpu, started) = (process::cpu_time(server.pid())?, Instant::now());
        let sent_bytes = self.send(server, connections)?;
        let wall = started.elapsed();
        let cpu = server.rest(REST)?.saturating_sub(cpu);
        let measured = self.measure(server, data, wall, cpu, sent_bytes)?;
        ensure!(
            self.records as f64 == measured.records,
            "{} records were sent, the server counted {}",
            self.records,
            measured.records
        );
        Ok(measured)
    }

    /// Counts from the third round on: the first ones meet series that are new.
    fn scraped(&self, server: &Server, data: &Path, exporter: &Exporter) -> Result<Measured> {
        std::thread::sleep(SCRAPE_BEFORE);
        let records = server.metric(ACCEPTED, &self.signal())?;
        let (cpu, started, sent_bytes) = (process::cpu_time(server.pid())?, Instant::now(), exporter.served_bytes());
        std::thread::sleep(SCRAPE_FOR);
        let (wall, sent_bytes) = (started.elapsed(), exporter.served_bytes() - sent_bytes);
        let cpu = process::cpu_time(server.pid())?.saturating_sub(cpu);
        let measured = self.measure(server, data, wall, cpu, sent_bytes)?;
        Ok(Measured { records: measured.records - records, ..measured })
    }

    fn signal(&self) -> String {
        format!("signal=\"{}\"", self.signal)
    }

    fn measure(
        &self,
        server: &Server,
        data: &Path,
        wall: Duration,
        cpu: Duration,
        sent_bytes: usize,
    ) -> Result<Measured> {
        let signal = self.signal();
        let records = server.metric(ACCEPTED, &signal)?;
        let rejected = server.metric("clew_ingest_records_rejected_total", &signal)?;
        ensure!(rejected == 0.0, "{rejected} records were refused");
        Ok(Measured {
            records,
            wall,
            cpu,
            sent_bytes,
            sealed_records: server.metric("clew_store_sealed_records_total", &signal)?,
            sealed_bytes: server.metric("clew_store_sealed_bytes_total", &signal)?,
            disk_bytes: process::directory_bytes(data)?,
            peak: process::peak_resident_bytes(server.pid())?,
        })
    }

    /// Posts the bodies over some connections, in order, each taking the next one when it is free; answers the bytes.
    pub(crate) fn send(&self, server: &Server, connections: usize) -> Result<usize> {
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
