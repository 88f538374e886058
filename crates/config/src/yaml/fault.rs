//! What is wrong with a document, where, and what to write instead.

use crate::limits::MAX_FAULTS;
use std::cell::RefCell;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// At a place in a file; lines and columns count from 1, columns in characters.
    File {
        /// The file as it was named.
        file: Arc<Path>,
        /// The line.
        line: u32,
        /// The column.
        column: u32,
    },
    /// In this environment variable.
    Environment(String),
    /// In this command-line flag.
    Flag(String),
    /// Nowhere: the built-in default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { file, line, column } => write!(formatter, "{}:{line}:{column}", file.display()),
            Origin::Environment(name) => write!(formatter, "environment variable {name}"),
            Origin::Flag(name) => write!(formatter, "flag {name}"),
            Origin::Default => formatter.write_str("default"),
        }
    }
}

/// How much a fault matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The document is accepted, but something in it has no effect.
    Warning,
    /// The document is refused.
    Error,
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Whether the document is refused for it.
    pub severity: Severity,
    /// Where it stands.
    pub origin: Origin,
    /// The path of keys that leads there (`scrape_configs[0].scheme`), empty at the top.
    pub path: String,
    /// What is wrong, with the value; lowercase, no final dot.
    pub problem: String,
    /// What to write instead; empty where there is nothing to say.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.origin)?;
        if self.severity == Severity::Warning {
            formatter.write_str("warning: ")?;
        }
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.problem)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(formatter, "; {}", self.remedy) }
    }
}

/// Collects the faults of one or more documents while they are read. Keeps the first 500 of each document set.
#[derive(Debug, Default)]
pub struct Faults {
    list: RefCell<Vec<Fault>>,
}

impl Faults {
    /// An empty collector.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fault; beyond the bound only an error that is the first of its kind still counts.
    pub fn push(&self, fault: Fault) {
        let mut list = self.list.borrow_mut();
        let first_error = fault.severity == Severity::Error && !list.iter().any(|own| own.severity == Severity::Error);
        if list.len() < MAX_FAULTS || first_error {
            list.push(fault);
        }
    }

    /// Adds the faults that another collector holds.
    pub(super) fn append(&self, other: Self) {
        other.list.into_inner().into_iter().for_each(|fault| self.push(fault));
    }

    /// Whether the document must be refused.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.borrow().iter().any(|fault| fault.severity == Severity::Error)
    }

    /// The faults in the order of files, lines and columns; those without a place come last.
    #[must_use]
    pub fn into_sorted(self) -> Vec<Fault> {
        let mut list = self.list.into_inner();
        list.sort_by_key(place);
        list
    }
}

fn place(fault: &Fault) -> (bool, Option<Arc<Path>>, u32, u32) {
    match &fault.origin {
        Origin::File { file, line, column } => (false, Some(file.clone()), *line, *column),
        _ => (true, None, 0, 0),
    }
}
