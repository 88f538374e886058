//! Files that are read anew when they change: certificates are renewed and tokens are added while the server runs.

use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What tells one state of a file from another. A mounted secret is a link whose target is exchanged: another inode.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    inode: u64,
    modified: (i64, i64),
    bytes: u64,
}

fn marks(files: &[PathBuf]) -> Vec<Option<Mark>> {
    use std::os::unix::fs::MetadataExt as _;
    let mark = |file: &PathBuf| {
        let meta = std::fs::metadata(file).ok()?;
        Some(Mark { inode: meta.ino(), modified: (meta.mtime(), meta.mtime_nsec()), bytes: meta.len() })
    };
    files.iter().map(mark).collect()
}

/// Calls `changed` after one of these files did, until `stop`.
pub(crate) async fn watch(files: Vec<PathBuf>, stop: CancellationToken, changed: impl Fn() + Send + Sync + 'static) {
    if files.is_empty() {
        return;
    }
    let changed = std::sync::Arc::new(changed);
    let mut applied = marks(&files);
    let mut before = applied.clone();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let looked = files.clone();
        let Ok(now) = tokio::task::spawn_blocking(move || marks(&looked)).await else { return };
        // Certificate and key are two files, and one may be half written: they must stay as they are for a while.
        if now == before && now != applied {
            let changed = std::sync::Arc::clone(&changed);
            let _ = tokio::task::spawn_blocking(move || changed()).await;
            applied = now.clone();
        }
        before = now;
    }
}
