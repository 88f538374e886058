//! What the compiler does not see: manifests that bring their own versions or lints, files that grew too long, documents
//! that name files which are not there.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines after which a source file is split.
const MAX_LINES: usize = 700;

/// Checks every crate of the workspace.
pub(crate) fn check(root: &Path) -> Result<()> {
    let mut faults = Vec::new();
    for manifest in manifests(root)? {
        manifest_faults(&manifest, &mut faults)?;
    }
    let mut sources = Vec::new();
    for dir in ["crates", "xtask", "tests", "benches"] {
        rust_files(&root.join(dir), &mut sources)?;
    }
    for path in &sources {
        let lines = fs::read_to_string(path).with_context(|| path.display().to_string())?.lines().count();
        if lines > MAX_LINES {
            faults.push(format!("{}: {lines} lines; split it by concept ({MAX_LINES} at most)", path.display()));
        }
    }
    document_faults(root, &mut faults)?;
    if faults.is_empty() {
        println!("tidy: {} source files", sources.len());
        return Ok(());
    }
    bail!("{}", faults.join("\n"))
}

fn manifests(root: &Path) -> Result<Vec<PathBuf>> {
    let mut all = vec![root.join("xtask/Cargo.toml")];
    for entry in fs::read_dir(root.join("crates"))? {
        all.push(entry?.path().join("Cargo.toml"));
    }
    Ok(all)
}

/// Versions stand in the workspace's manifest alone, and every crate takes its lints.
fn manifest_faults(path: &Path, faults: &mut Vec<String>) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    if !text.contains("[lints]\nworkspace = true") {
        faults.push(format!("{}: add [lints] workspace = true", path.display()));
    }
    let mut in_dependencies = false;
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]");
        } else if in_dependencies && line.contains('=') && !line.contains("workspace = true") {
            faults.push(format!("{}:{}: take the version from the workspace: {line}", path.display(), number + 1));
        }
    }
    Ok(())
}

/// Source files that documents name, from the root or from `crates/`, are there.
fn document_faults(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(root.join("docs"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        // Every second piece between backquotes is code.
        for name in text.split('`').skip(1).step_by(2).filter(|code| is_source(code)) {
            if !root.join(name).is_file() && !root.join("crates").join(name).is_file() {
                faults.push(format!("{}: names {name}, which is not there", path.display()));
            }
        }
    }
    Ok(())
}

fn is_source(code: &str) -> bool {
    code.ends_with(".rs") && code.contains('/') && !code.contains(char::is_whitespace)
}

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) -> Result<()> {
    if !dir.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            rust_files(&path, out)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
    Ok(())
}
