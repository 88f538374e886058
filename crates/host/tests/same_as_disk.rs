//! Without crashes and faults the simulated disk behaves as the real one does.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use clew_host::{DirEntry, DiskFiles, Files, SimFiles};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Create(Name, Vec<Vec<u8>>),
    Append(Name, Vec<u8>),
    AppendThenCut(Name, Vec<u8>, u64),
    Read(Name, u64, usize),
    ReadExact(Name, u64, usize),
    Rename(Name, Name),
    Remove(Name),
    RemoveDirAll(Name),
    CreateDirAll(Name),
    List(Name),
    Exists(Name),
    SyncDir(Name),
    Truncate(Name, u64),
}

/// A path of one to three parts out of few, so that steps meet.
type Name = Vec<&'static str>;

fn name() -> impl Strategy<Value = Name> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4)
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        3 => (name(), prop::collection::vec(bytes(), 0..3)).prop_map(|(n, b)| Step::Create(n, b)),
        2 => (name(), bytes()).prop_map(|(n, b)| Step::Append(n, b)),
        1 => (name(), bytes(), 0..60_u64).prop_map(|(n, b, l)| Step::AppendThenCut(n, b, l)),
        2 => (name(), 0..60_u64, 0..60_usize).prop_map(|(n, o, l)| Step::Read(n, o, l)),
        2 => (name(), 0..60_u64, 0..60_usize).prop_map(|(n, o, l)| Step::ReadExact(n, o, l)),
        2 => (name(), name()).prop_map(|(a, b)| Step::Rename(a, b)),
        1 => name().prop_map(Step::Remove),
        1 => name().prop_map(Step::RemoveDirAll),
        4 => name().prop_map(Step::CreateDirAll),
        2 => name().prop_map(Step::List),
        1 => name().prop_map(Step::Exists),
        1 => name().prop_map(Step::SyncDir),
        1 => (name(), 0..60_u64).prop_map(|(n, l)| Step::Truncate(n, l)),
    ]
}

/// What a step answered.
#[derive(Debug, PartialEq)]
enum Answer {
    Done,
    Length(u64),
    Bytes(Vec<u8>),
    Entries(Vec<DirEntry>),
    Found(bool),
    Failed(ErrorKind),
}

fn run(files: &dyn Files, root: &Path, step: &Step) -> Answer {
    let at = |name: &Name| root.join(name.iter().collect::<PathBuf>());
    let answer = || -> io::Result<Answer> {
        Ok(match step {
            Step::Create(name, writes) => {
                let file = files.create(&at(name))?;
                for bytes in writes {
                    file.write_all(bytes)?;
                }
                file.sync()?;
                Answer::Length(file.len())
            }
            Step::Append(name, bytes) => {
                let file = files.open_append(&at(name))?;
                file.write_all(bytes)?;
                Answer::Length(file.len())
            }
            Step::AppendThenCut(name, bytes, len) => {
                let file = files.open_append(&at(name))?;
                file.write_all(bytes)?;
                file.truncate(*len)?;
                file.write_all(b"end")?;
                Answer::Length(file.len())
            }
            Step::Read(name, offset, len) => {
                Answer::Bytes(files.open(&at(name))?.read_at(*offset, *len)?)
            }
            Step::ReadExact(name, offset, len) => {
                let mut buffer = vec![0; *len];
                files.open(&at(name))?.read_exact_at(&mut buffer, *offset)?;
                Answer::Bytes(buffer)
            }
            Step::Rename(from, to) => {
                files.rename(&at(from), &at(to))?;
                Answer::Done
            }
            Step::Remove(name) => {
                files.remove_file(&at(name))?;
                Answer::Done
            }
            Step::RemoveDirAll(name) => {
                files.remove_dir_all(&at(name))?;
                Answer::Done
            }
            Step::CreateDirAll(name) => {
                files.create_dir_all(&at(name))?;
                Answer::Done
            }
            Step::List(name) => Answer::Entries(files.list(&at(name))?),
            Step::Exists(name) => Answer::Found(files.exists(&at(name))?),
            Step::SyncDir(name) => {
                files.sync_dir(&at(name))?;
                Answer::Done
            }
            Step::Truncate(name, len) => {
                files.truncate(&at(name), *len)?;
                Answer::Done
            }
        })
    };
    answer().unwrap_or_else(|error| Answer::Failed(error.kind()))
}

/// Renames of directories are promised only within their parent and onto free names; what a rename onto a directory
/// above answers is the file system's choice of two errors.
fn is_promised(files: &dyn Files, root: &Path, step: &Step) -> bool {
    let Step::Rename(from, to) = step else {
        return true;
    };
    let at = |name: &Name| root.join(name.iter().collect::<PathBuf>());
    let is_dir = files.list(&at(from)).is_ok();
    let same_parent = from[..from.len() - 1] == to[..to.len() - 1];
    !from.starts_with(to) && !is_dir || (same_parent && !files.exists(&at(to)).unwrap_or(true))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_step_answers_the_same(steps in prop::collection::vec(step(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let sim = SimFiles::new();
        sim.create_dir_all(folder.path()).unwrap();
        for step in &steps {
            if is_promised(&sim, folder.path(), step) {
                let real = run(&DiskFiles, folder.path(), step);
                prop_assert_eq!(run(&sim, folder.path(), step), real, "{:?}", step);
            }
        }
    }
}

/// Runs a check on a fresh folder of either kind.
#[allow(clippy::unwrap_used)]
fn on_both(check: fn(&dyn Files, &Path)) {
    let folder = tempfile::tempdir().unwrap();
    check(&DiskFiles, folder.path());
    let sim = SimFiles::new();
    sim.create_dir_all(Path::new("/data")).unwrap();
    check(&sim, Path::new("/data"));
}

#[test]
fn a_second_lock_is_refused_until_the_first_is_dropped() {
    on_both(|files, dir| {
        let lock = files.lock(dir).unwrap();
        let refusal = files.lock(dir).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::WouldBlock);
        let message = refusal.to_string();
        assert!(message.contains("another process is using it"), "{message}");
        assert!(message.contains(dir.to_str().unwrap()), "{message}");
        drop(lock);
        files.lock(dir).unwrap();
    });
}

#[test]
fn errors_name_the_operation_and_the_path_and_keep_their_kind() {
    on_both(|files, dir| {
        let path = dir.join("missing");
        let error = files.open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let start = format!("cannot open {}: ", path.display());
        assert!(error.to_string().starts_with(&start), "{error}");
    });
}

#[test]
fn atomic_write_replaces_a_file_and_leaves_no_other() {
    on_both(|files, dir| {
        let path = dir.join("manifest");
        for content in [&b"first"[..], b"second, longer", b""] {
            clew_host::atomic_write(files, &path, content).unwrap();
            let found = files.open(&path).unwrap().read_at(0, 100).unwrap();
            assert_eq!(found, content);
        }
        assert_eq!(files.list(dir).unwrap().len(), 1);
    });
}

#[test]
fn there_is_room_on_the_disk() {
    on_both(|files, dir| assert!(files.available_space(dir).unwrap() > 0));
}

#[test]
fn a_removed_file_is_still_read_through_its_handle() {
    on_both(|files, dir| {
        let path = dir.join("part");
        files
            .create(&path)
            .unwrap()
            .write_all(b"still here")
            .unwrap();
        let reader = files.open(&path).unwrap();
        files.remove_file(&path).unwrap();
        assert_eq!(reader.read_at(6, 4).unwrap(), b"here");
    });
}
