//! What is done to a data directory.

use crate::trial::SIGNALS;
use clew_host::Files;
use fastrand::Rng;
use std::path::{Path, PathBuf};

/// Bytes of a page.
const PAGE: usize = 4096;

/// Something that was done.
pub(crate) struct Harm {
    /// What was done to which kind of file, for the table of what was met.
    pub name: String,
    /// The signals that may have lost records, as places in their list.
    pub signals: Vec<usize>,
}

impl Harm {
    /// How many kinds of harm there are.
    pub(crate) const KINDS: usize = 7;

    /// Does something to one file or folder (to two files where they change places) below `dir`.
    pub(crate) fn of(rng: &mut Rng, files: &dyn Files, dir: &Path) -> Self {
        let mut all = Vec::new();
        list(files, dir, &mut all);
        // Kinds of files are met equally often, however many there are of each.
        let kinds: std::collections::BTreeSet<String> = all.iter().map(|path| kind(dir, path)).collect();
        let kinds: Vec<String> = kinds.into_iter().collect();
        let wanted = rng.choice(&kinds).unwrap();
        let own: Vec<&PathBuf> = all.iter().filter(|path| kind(dir, path) == *wanted).collect();
        let path = *rng.choice(&own).unwrap();
        let (what, mut signals) = match rng.usize(..Self::KINDS) {
            0 => (flip(rng, files, path, 1), vec![]),
            1 => (zero_page(rng, files, path), vec![]),
            2 => (cut(rng, files, path), vec![]),
            3 => (grow(rng, files, path), vec![]),
            4 => {
                files.remove_file(path).unwrap();
                ("a missing file", vec![])
            }
            5 => {
                let folder = path.parent().unwrap();
                // Without its root there is no directory to start on.
                if folder == dir {
                    (flip(rng, files, path, 8), vec![])
                } else {
                    files.remove_dir_all(folder).unwrap();
                    ("a missing folder", vec![])
                }
            }
            _ => {
                let other = rng.choice(&all).unwrap();
                swap(files, path, other);
                ("swapped files", signal_of(dir, other))
            }
        };
        signals.extend(signal_of(dir, path));
        Self { name: format!("{what} of {wanted}"), signals }
    }
}

/// Files that hold something, in order; what is set aside and locks are none.
fn list(files: &dyn Files, dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in files.list(dir).unwrap() {
        let path = dir.join(&entry.name);
        if entry.is_dir {
            list(files, &path, into);
        } else if entry.name != "LOCK" {
            into.push(path);
        }
    }
}

/// The kind of a file: its place without names and numbers.
fn kind(dir: &Path, path: &Path) -> String {
    let below = path.strip_prefix(dir).unwrap();
    let name = below.file_name().unwrap().to_string_lossy();
    let shown = match name.rsplit_once('.') {
        Some((_, ending)) => format!("*.{ending}"),
        None => name.into_owned(),
    };
    below.parent().unwrap().join(shown).display().to_string()
}

fn signal_of(dir: &Path, path: &Path) -> Vec<usize> {
    let below = path.strip_prefix(dir).unwrap();
    let first = below.iter().next().unwrap().to_string_lossy().into_owned();
    let is_own = |signal: &&str| first == **signal || first == format!("{signal}.mark");
    SIGNALS.iter().position(is_own).into_iter().collect()
}

fn read(files: &dyn Files, path: &Path) -> Vec<u8> {
    files.open(path).unwrap().read_at(0, 1 << 30).unwrap()
}

fn write(files: &dyn Files, path: &Path, bytes: &[u8]) {
    let file = files.create(path).unwrap();
    file.write_all(bytes).unwrap();
    file.sync().unwrap();
}

fn flip(rng: &mut Rng, files: &dyn Files, path: &Path, bits: usize) -> &'static str {
    let mut bytes = read(files, path);
    for _ in 0..bits {
        if !bytes.is_empty() {
            let at = rng.usize(..bytes.len());
            bytes[at] ^= 1 << rng.u8(..8);
        }
    }
    write(files, path, &bytes);
    "flipped bits"
}

fn zero_page(rng: &mut Rng, files: &dyn Files, path: &Path) -> &'static str {
    let mut bytes = read(files, path);
    let page = rng.usize(..bytes.len().div_ceil(PAGE).max(1));
    bytes.iter_mut().skip(page * PAGE).take(PAGE).for_each(|byte| *byte = 0);
    write(files, path, &bytes);
    "a page of zeros"
}

fn cut(rng: &mut Rng, files: &dyn Files, path: &Path) -> &'static str {
    let bytes = read(files, path);
    let length = match rng.u8(..3) {
        0 => 0,
        1 => bytes.len() / 2,
        _ => rng.usize(..bytes.len().max(1)),
    };
    write(files, path, &bytes[..length]);
    "a cut"
}

fn grow(rng: &mut Rng, files: &dyn Files, path: &Path) -> &'static str {
    let mut bytes = read(files, path);
    bytes.extend((0..rng.usize(1..5000)).map(|_| rng.u8(..)));
    write(files, path, &bytes);
    "bytes added"
}

fn swap(files: &dyn Files, one: &Path, other: &Path) {
    let (first, second) = (read(files, one), read(files, other));
    write(files, one, &second);
    write(files, other, &first);
}
