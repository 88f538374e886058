//! A real server in its own process, on free ports and a directory of its own.

use crate::http::Client;
use crate::process;
use anyhow::{Context, Result, bail, ensure};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to drain and end after SIGTERM.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// The `clew` binary beside the running test or bench: built in the same profile.
///
/// # Errors
/// It is not built; the message says how.
pub fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe().context("where this program lies")?;
    let target = own.parent().and_then(Path::parent).context("this program lies outside a target directory")?;
    let binary = target.join("clew");
    ensure!(binary.is_file(), "{} is missing: run `cargo build --release` first", binary.display());
    Ok(binary)
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where everything over HTTP is.
    pub http: SocketAddr,
    /// From the start of the process to its being ready.
    pub started_in: Duration,
}

impl Server {
    /// Starts `binary` on free ports with its data in `dir`; `settings` are environment variables (`CLEW_…`). Answers
    /// when it is ready.
    ///
    /// # Errors
    /// It ended before it was ready; its own message is on standard error.
    pub fn start(binary: &Path, dir: &Path, settings: &[(&str, String)]) -> Result<Self> {
        let started = Instant::now();
        let mut command = Command::new(binary);
        for port in ["CLEW_SERVER__HTTP", "CLEW_SERVER__OTLP_GRPC", "CLEW_SERVER__OTLP_HTTP"] {
            command.env(port, "127.0.0.1:0");
        }
        command.env("CLEW_LOG__LEVEL", "warn").envs(settings.iter().map(|(key, value)| (key, value)));
        command.arg("serve").arg("--data-dir").arg(dir).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("start {}", binary.display()))?;
        let stdout = child.stdout.take().context("the server's standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = lines
            .find_map(|line| line.ok()?.trim().strip_prefix("open ")?.trim().strip_prefix("http://")?.parse().ok());
        let Some(http) = address else {
            let _ = child.kill();
            bail!("the server ended before it was ready: {}", child.wait()?);
        };
        let server = Self { child, http, started_in: started.elapsed() };
        // The rest of the lines follows at once; a full pipe would stop the server.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(server)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A new connection to its main port.
    ///
    /// # Errors
    /// It does not listen any more.
    pub fn client(&self) -> Result<Client> {
        Client::connect(self.http)
    }

    /// The sum over all label sets of one of Clew's own metrics; with `label` (`signal="logs"`) only those that have it.
    ///
    /// # Errors
    /// The page cannot be read.
    pub fn metric(&self, name: &str, label: &str) -> Result<f64> {
        let page = self.client()?.get("/metrics")?.text()?;
        let values = page.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let (labels, value) = rest.rsplit_once(' ')?;
            (labels.is_empty() || labels.starts_with('{')).then_some(())?;
            labels.contains(label).then(|| value.parse::<f64>().ok())?
        });
        Ok(values.sum())
    }

    /// Waits until it does nothing any more (sealing and compaction done), at most `timeout`; answers its CPU time.
    ///
    /// # Errors
    /// It ended, or it never came to rest.
    pub fn rest(&self, timeout: Duration) -> Result<Duration> {
        let deadline = Instant::now() + timeout;
        let mut before = process::cpu_time(self.pid())?;
        while Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(400));
            let now = process::cpu_time(self.pid())?;
            if now.saturating_sub(before) <= Duration::from_millis(10) {
                return Ok(now);
            }
            before = now;
        }
        bail!("the server was still busy after {timeout:?}")
    }

    /// Kills it as a power switch would its process (SIGKILL), and waits until it is gone.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop with SIGTERM and waits until it ended well.
    ///
    /// # Errors
    /// It did not end, or said that something failed.
    pub fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw).context("a process ID")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("the server did not end within {STOP_TIMEOUT:?}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
