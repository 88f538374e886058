//! The recent warnings and errors, for the status page.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::limits::{MAX_RECENT_LINE_BYTES, RECENT_LINES};
use crate::{Counter, Registry, table};

/// One warning or error.
#[derive(Debug, Clone)]
pub struct RecentLine {
    /// When it was written.
    pub time: SystemTime,
    /// `WARN` or `ERROR`.
    pub level: &'static str,
    /// The module that wrote it.
    pub target: &'static str,
    /// The message, then the fields as `name=value`.
    pub text: String,
}

/// The last [`RECENT_LINES`] warnings and errors, and the count of lines by level.
#[derive(Debug)]
pub struct RecentLines {
    lines: Mutex<VecDeque<RecentLine>>,
    errors: Counter,
    warnings: Counter,
    infos: Counter,
    others: Counter,
}

impl RecentLines {
    pub(super) fn new(registry: &Registry) -> Self {
        let counter = |level| registry.counter(&table::LOG_LINES, [level]);
        Self {
            lines: Mutex::default(),
            errors: counter("error"),
            warnings: counter("warn"),
            infos: counter("info"),
            others: counter("debug"),
        }
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> Vec<RecentLine> {
        self.lines.lock().iter().cloned().collect()
    }

    fn keep(&self, line: RecentLine) {
        let mut lines = self.lines.lock();
        if lines.len() >= RECENT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// The layer that fills [`RecentLines`].
pub(super) struct KeepRecent(pub(super) Arc<RecentLines>);

impl<S: Subscriber> Layer<S> for KeepRecent {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let (counter, level) = match *metadata.level() {
            Level::ERROR => (&self.0.errors, Some("ERROR")),
            Level::WARN => (&self.0.warnings, Some("WARN")),
            Level::INFO => (&self.0.infos, None),
            _ => (&self.0.others, None),
        };
        counter.inc();
        if let Some(level) = level {
            let mut text = Text::default();
            event.record(&mut text);
            self.0.keep(RecentLine { time: SystemTime::now(), level, target: metadata.target(), text: text.finish() });
        }
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn finish(self) -> String {
        let mut text = self.message + &self.fields;
        text.truncate(text.floor_char_boundary(MAX_RECENT_LINE_BYTES));
        text
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}
