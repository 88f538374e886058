//! Clew's own log: lines to standard error, and the recent warnings in memory.

mod recent;

use std::fmt;
use std::io::IsTerminal;
use std::str::FromStr;
use std::sync::Arc;

use tracing::Subscriber;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, reload};

pub use self::recent::{RecentLine, RecentLines};
use crate::Registry;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = LogsError;

    fn from_str(text: &str) -> Result<Self, LogsError> {
        match text {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            other => Err(LogsError::UnknownFormat(other.to_owned())),
        }
    }
}

/// The log of a running server.
#[derive(Debug, Clone)]
pub struct Logs {
    recent: Arc<RecentLines>,
    filter: reload::Handle<EnvFilter, tracing_subscriber::Registry>,
}

impl Logs {
    /// Sends the process's log to standard error, filtered as [`set_filter`](Self::set_filter) says. Once a process.
    pub fn install(format: LogFormat, filter: &str, registry: &Registry) -> Result<Self, LogsError> {
        let colours = std::io::stderr().is_terminal();
        let (subscriber, logs) = build(format, filter, registry, std::io::stderr, colours)?;
        let installed = subscriber.try_init();
        installed.map_err(|_| LogsError::AlreadyInstalled)?;
        Ok(logs)
    }

    /// Changes which lines are written: a level (`info`), or levels by target (`info,clew_app=debug`).
    pub fn set_filter(&self, filter: &str) -> Result<(), LogsError> {
        let filter = parse(filter)?;
        self.filter.reload(filter).map_err(|_| LogsError::NotInstalled)
    }

    /// The recent warnings and errors.
    pub fn recent(&self) -> &Arc<RecentLines> {
        &self.recent
    }
}

/// Why the log could not be set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogsError {
    /// The filter cannot be read.
    BadFilter {
        /// The filter as written.
        filter: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no such format.
    UnknownFormat(String),
    /// The process has a log already.
    AlreadyInstalled,
    /// The log is gone.
    NotInstalled,
}

impl fmt::Display for LogsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadFilter { filter, problem } => write!(
                f,
                "bad log filter {filter:?}: {problem}; write a level (error, warn, info, debug, trace) or \
                 `info,clew_app=debug`"
            ),
            Self::UnknownFormat(format) => {
                write!(f, "unknown log format {format:?}: write human or json")
            }
            Self::AlreadyInstalled => f.write_str("the process has a log already"),
            Self::NotInstalled => f.write_str("the log is not installed any more"),
        }
    }
}

impl std::error::Error for LogsError {}

/// Whether a filter can be read.
///
/// # Errors
/// What is wrong with it.
pub fn check_filter(filter: &str) -> Result<(), LogsError> {
    parse(filter).map(drop)
}

fn parse(filter: &str) -> Result<EnvFilter, LogsError> {
    EnvFilter::try_new(filter)
        .map_err(|problem| LogsError::BadFilter { filter: filter.to_owned(), problem: problem.to_string() })
}

/// The subscriber, not yet installed, writing to `writer`.
fn build<W>(
    format: LogFormat,
    filter: &str,
    registry: &Registry,
    writer: W,
    colours: bool,
) -> Result<(impl Subscriber + Send + Sync + 'static, Logs), LogsError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(parse(filter)?);
    let recent = Arc::new(RecentLines::new(registry));
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match format {
        LogFormat::Human => lines.with_ansi(colours).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let subscriber =
        tracing_subscriber::registry().with(filter).with(recent::KeepRecent(Arc::clone(&recent))).with(lines);
    let logs = Logs { recent, filter: handle };
    Ok((subscriber, logs))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use parking_lot::Mutex;

    use super::*;
    use crate::limits::{MAX_RECENT_LINE_BYTES, RECENT_LINES};
    use crate::{BuildInfo, table};

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn registry() -> Registry {
        Registry::new(BuildInfo { version: "0", revision: "none" })
    }

    /// What is written and remembered while `log` runs.
    fn capture(format: LogFormat, filter: &str, log: impl FnOnce(&Logs)) -> (String, Logs) {
        let memory = Memory::default();
        let writer = memory.clone();
        let (subscriber, logs) = build(format, filter, &registry(), move || writer.clone(), false).unwrap();
        tracing::subscriber::with_default(subscriber, || log(&logs));
        let text = String::from_utf8(memory.0.lock().clone()).unwrap();
        (text, logs)
    }

    #[test]
    fn json_lines_are_objects_with_their_fields() {
        let (text, _) = capture(LogFormat::Json, "info", |_| {
            tracing::warn!(segment = 7, "torn tail cut off");
            tracing::debug!("unseen");
        });
        assert_eq!(text.lines().count(), 1);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "torn tail cut off");
        assert_eq!(line["segment"], 7);
        assert!(line["timestamp"].is_string());
    }

    #[test]
    fn human_lines_have_level_and_message() {
        let (text, _) = capture(LogFormat::Human, "info", |_| {
            tracing::info!(port = 4300, "listening");
        });
        assert!(text.contains(" INFO ") && text.contains("listening port=4300"), "{text}");
    }

    #[test]
    fn warnings_and_errors_are_remembered_with_their_fields() {
        let (_, logs) = capture(LogFormat::Human, "info", |_| {
            tracing::info!("not kept");
            tracing::warn!(bytes = 12, path = %"a/b", "torn tail");
            tracing::error!("disk full");
        });
        let recent = logs.recent().lines();
        let short: Vec<_> = recent.iter().map(|line| (line.level, line.text.as_str())).collect();
        let expected = [("WARN", "torn tail bytes=12 path=a/b"), ("ERROR", "disk full")];
        assert_eq!(short, expected);
    }

    #[test]
    fn memory_is_bounded_in_lines_and_bytes() {
        let (_, logs) = capture(LogFormat::Human, "info", |_| {
            for number in 0..RECENT_LINES + 5 {
                tracing::warn!("{number} {}", "é".repeat(MAX_RECENT_LINE_BYTES));
            }
        });
        let lines = logs.recent().lines();
        assert_eq!(lines.len(), RECENT_LINES);
        assert!(lines[0].text.starts_with("5 é"));
        assert!(lines.iter().all(|line| line.text.len() <= MAX_RECENT_LINE_BYTES));
    }

    #[test]
    fn the_filter_can_be_changed_and_a_bad_one_changes_nothing() {
        let (text, _) = capture(LogFormat::Human, "warn", |logs| {
            tracing::info!("one");
            logs.set_filter("info,clew_telemetry=debug").unwrap();
            tracing::debug!("two");
            let error = logs.set_filter("info,=,=").unwrap_err();
            assert!(error.to_string().contains("bad log filter \"info,=,=\""));
            tracing::debug!("three");
        });
        assert!(!text.contains("one"));
        assert!(text.contains("two") && text.contains("three"), "{text}");
    }

    #[test]
    fn lines_are_counted_by_level() {
        let registry = registry();
        let (subscriber, _logs) = build(LogFormat::Human, "info", &registry, io::sink, false).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!("a");
            tracing::warn!("b");
            tracing::info!("c");
        });
        let count = |level| registry.counter(&table::LOG_LINES, [level]).get();
        assert_eq!((count("warn"), count("info"), count("error")), (2, 1, 0));
    }

    #[test]
    fn formats_have_names() {
        assert_eq!("human".parse(), Ok(LogFormat::Human));
        assert_eq!("json".parse(), Ok(LogFormat::Json));
        let error = "xml".parse::<LogFormat>().unwrap_err();
        assert_eq!(error.to_string(), "unknown log format \"xml\": write human or json");
    }
}
