//! Directories that are still there after a power cut.

use super::Files;
use std::io;
use std::path::Path;

/// Makes a directory and those above it, as far as missing, and makes their names durable.
///
/// The directory's own name is synced even where it exists: a start that was killed may have made it without the sync.
/// So whoever makes nested directories calls this once for each level.
pub fn make_dir(files: &dyn Files, dir: &Path) -> io::Result<()> {
    let mut missing = Vec::new();
    for ancestor in dir.ancestors() {
        if ancestor.as_os_str().is_empty() || files.exists(ancestor)? {
            break;
        }
        missing.push(ancestor);
    }
    files.create_dir_all(dir)?;
    for made in missing.into_iter().skip(1).chain([dir]) {
        if let Some(parent) = made.parent() {
            files.sync_dir(parent)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SimFiles;

    #[test]
    fn a_directory_made_with_those_above_it_survives_every_crash() {
        for seed in 0..50 {
            let files = SimFiles::new();
            make_dir(&files, Path::new("a/b/c")).unwrap();
            let after = files.crash(seed);
            assert!(after.exists(Path::new("a/b/c")).unwrap(), "seed {seed}");
        }
    }

    #[test]
    fn a_name_that_was_made_without_a_sync_is_made_durable() {
        for seed in 0..50 {
            let files = SimFiles::new();
            files.create_dir_all(Path::new("a")).unwrap();
            make_dir(&files, Path::new("a")).unwrap();
            assert!(files.crash(seed).exists(Path::new("a")).unwrap(), "seed {seed}");
        }
    }
}
