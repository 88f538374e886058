//! Errors that say what was tried, and on which path.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The message of a failed operation; the cause is part of the text, so it is no `source` beside it.
#[derive(Debug)]
struct Failed {
    operation: &'static str,
    path: PathBuf,
    cause: io::Error,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation,
            path,
            cause,
        } = self;
        write!(f, "cannot {operation} {}: {cause}", path.display())
    }
}

impl std::error::Error for Failed {}

/// Names the operation and the path in an error, keeping its kind.
pub(super) trait Context<T> {
    fn context(self, operation: &'static str, path: &Path) -> io::Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, operation: &'static str, path: &Path) -> io::Result<T> {
        self.map_err(|cause| {
            let kind = cause.kind();
            let path = path.to_owned();
            io::Error::new(
                kind,
                Failed {
                    operation,
                    path,
                    cause,
                },
            )
        })
    }
}
