//! Reading the text of configuration files from the disk.

use clew_config::limits::MAX_DOCUMENT_BYTES;
use clew_config::yaml::{Fault, Origin, Severity, decode_text};
use std::path::Path;
use std::sync::Arc;

/// The text of a file, in UTF-8 or UTF-16. Blocks.
///
/// # Errors
/// A file that cannot be read, is no text, or is larger than a document may be.
pub fn read_document(file: &Path) -> Result<String, Fault> {
    let refused = |problem: String, remedy: &str| {
        let origin = Origin::File { file: Arc::from(file), line: 1, column: 1 };
        Fault { severity: Severity::Error, origin, path: String::new(), problem, remedy: remedy.to_owned() }
    };
    let size = std::fs::metadata(file).map(|metadata| metadata.len()).unwrap_or_default();
    if size > MAX_DOCUMENT_BYTES {
        return Err(refused(format!("has {size} bytes, the limit is {MAX_DOCUMENT_BYTES}"), "split it"));
    }
    let bytes = std::fs::read(file)
        .map_err(|error| refused(format!("cannot be read: {error}"), "check the path and its permissions"))?;
    let text = decode_text(&bytes).map_err(|problem| refused(problem, "save it as UTF-8"))?;
    Ok(text.into_owned())
}
