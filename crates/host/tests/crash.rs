//! What a simulated disk keeps and what it forgets when the power fails, and how it fails on demand.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use clew_host::{Fault, Files, Operation, SimFiles, atomic_write};

const SEEDS: u64 = 300;

fn path(name: &str) -> &Path {
    Path::new(name)
}

#[allow(clippy::unwrap_used)]
fn read(files: &dyn Files, name: &str) -> Option<Vec<u8>> {
    let exists = files.exists(path(name)).unwrap();
    exists.then(|| files.open(path(name)).unwrap().read_at(0, 1 << 20).unwrap())
}

/// What a file may hold after a crash, over many seeds.
fn outcomes(prepare: impl Fn(&SimFiles), name: &str) -> BTreeSet<Option<Vec<u8>>> {
    let outcome = |seed| {
        let files = SimFiles::new();
        prepare(&files);
        read(&files.crash(seed), name)
    };
    (0..SEEDS).map(outcome).collect()
}

#[test]
fn synced_bytes_under_a_synced_name_survive() {
    let prepare = |files: &SimFiles| {
        let file = files.create(path("log")).unwrap();
        file.write_all(&[7; 2_000]).unwrap();
        file.sync().unwrap();
        files.sync_dir(path("/")).unwrap();
        file.write_all(&[9; 2_000]).unwrap();
    };
    for outcome in outcomes(prepare, "log") {
        let bytes = outcome.expect("the name was synced");
        assert_eq!(bytes.get(..2_000), Some(&[7; 2_000][..]));
        assert!(bytes.len() <= 4_000);
    }
}

#[test]
fn unsynced_bytes_may_be_lost_kept_torn_or_damaged() {
    let prepare = |files: &SimFiles| {
        let file = files.create(path("log")).unwrap();
        files.sync_dir(path("/")).unwrap();
        for _ in 0..4 {
            file.write_all(&[9; 700]).unwrap();
        }
    };
    let all = outcomes(prepare, "log");
    let has = |what: fn(&[u8]) -> bool| all.iter().flatten().any(|bytes| what(bytes));
    let clean = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 9);
    assert!(has(|bytes| bytes.is_empty()));
    assert!(all.contains(&Some(vec![9; 2_800])));
    assert!(
        all.iter()
            .flatten()
            .any(|bytes| clean(bytes) && bytes.len() % 700 != 0)
    );
    assert!(all.iter().flatten().any(|bytes| !clean(bytes)));
    assert!(all.iter().flatten().all(|bytes| bytes.len() <= 2_800));
}

#[test]
fn a_name_without_a_synced_directory_may_be_lost_even_if_the_file_was_synced() {
    let prepare = |files: &SimFiles| {
        let file = files.create(path("log")).unwrap();
        file.write_all(b"synced").unwrap();
        file.sync().unwrap();
    };
    let expected = BTreeSet::from([None, Some(b"synced".to_vec())]);
    assert_eq!(outcomes(prepare, "log"), expected);
}

#[test]
fn a_directory_is_lost_with_its_name_though_it_was_synced_itself() {
    let prepare = |files: &SimFiles| {
        files.create_dir_all(path("a/b")).unwrap();
        files.create(path("a/b/log")).unwrap().sync().unwrap();
        files.sync_dir(path("a/b")).unwrap();
        files.sync_dir(path("a")).unwrap();
    };
    let expected = BTreeSet::from([None, Some(Vec::new())]);
    assert_eq!(outcomes(prepare, "a/b/log"), expected);
}

#[test]
fn atomic_write_leaves_the_old_or_the_new_at_every_operation() {
    let run = |files: &SimFiles| {
        atomic_write(files, path("manifest"), &[1; 900])?;
        atomic_write(files, path("manifest"), &[2; 1_500])
    };
    let counter = SimFiles::new();
    run(&counter).unwrap();
    for operation in 1..=counter.operations() + 1 {
        for seed in 0..100 {
            let files = SimFiles::new();
            files.lose_power_at(operation);
            let result = run(&files);
            let found = read(&files.crash(seed), "manifest");
            match found.as_deref() {
                Some(bytes) if bytes == [2; 1_500] => {}
                Some(bytes) if bytes == [1; 900] => assert!(result.is_err()),
                None => assert!(operation <= counter.operations() / 2),
                other => panic!("operation {operation}, seed {seed}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_rename_without_a_synced_file_may_show_an_empty_one() {
    let prepare = |files: &SimFiles| {
        atomic_write(files, path("manifest"), b"old").unwrap();
        files
            .create(path("new"))
            .unwrap()
            .write_all(b"new")
            .unwrap();
        files.rename(path("new"), path("manifest")).unwrap();
    };
    let all = outcomes(prepare, "manifest");
    for expected in [&b"old"[..], b"new", b""] {
        assert!(all.contains(&Some(expected.to_vec())), "{expected:?}");
    }
    assert!(!all.contains(&None));
}

#[test]
fn a_removal_without_a_synced_directory_may_be_undone() {
    let prepare = |files: &SimFiles| {
        atomic_write(files, path("part"), b"x").unwrap();
        files.remove_file(path("part")).unwrap();
    };
    let expected = BTreeSet::from([None, Some(b"x".to_vec())]);
    assert_eq!(outcomes(prepare, "part"), expected);
}

#[test]
fn after_a_failed_sync_the_next_succeeds_and_the_bytes_are_gone() {
    let prepare = |files: &SimFiles| {
        let file = files.create(path("log")).unwrap();
        files.sync_dir(path("/")).unwrap();
        file.write_all(b"lost").unwrap();
        files.fail_next(Operation::Sync, Fault::Device);
        assert!(file.sync().is_err());
        assert_eq!(read(files, "log"), Some(b"lost".to_vec()));
        file.sync().unwrap();
    };
    assert_eq!(outcomes(prepare, "log"), BTreeSet::from([Some(Vec::new())]));
}

#[test]
fn a_full_disk_takes_what_fits_and_recovers_with_room() {
    let files = SimFiles::new();
    files.set_capacity(Some(10));
    let file = files.create(path("log")).unwrap();
    file.write_all(b"12345678").unwrap();
    assert_eq!(files.available_space(path("/")).unwrap(), 2);
    let error = file.write_all(b"abcd").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(file.len(), 8);
    file.truncate(8).unwrap();
    file.write_all(b"ab").unwrap();
    assert_eq!(read(&files, "log"), Some(b"12345678ab".to_vec()));
}

#[test]
fn the_numbered_operation_fails_and_no_other() {
    let files = SimFiles::new();
    files.fail_at(2, Fault::Device);
    let file = files.create(path("log")).unwrap();
    assert!(file.write_all(b"12345678").is_err());
    assert_eq!((file.len(), files.operations()), (0, 2));
    file.write_all(b"ok").unwrap();
    file.truncate(2).unwrap();
    assert_eq!(read(&files, "log"), Some(b"ok".to_vec()));
}

#[test]
fn nothing_works_without_power_and_the_survivor_works() {
    let files = SimFiles::new();
    let file = files.create(path("log")).unwrap();
    let reader = files.open(path("log")).unwrap();
    let _lock = files.lock(path("/")).unwrap();
    files.sync_dir(path("/")).unwrap();
    let survivor = files.crash(1);
    assert!(files.has_lost_power());
    assert!(file.write_all(b"x").is_err());
    assert!(file.sync().is_err());
    assert!(reader.len().is_err());
    assert!(files.exists(path("log")).is_err());
    survivor.lock(path("/")).unwrap();
    survivor
        .open_append(path("log"))
        .unwrap()
        .write_all(b"y")
        .unwrap();
    assert_eq!(read(&survivor, "log"), Some(b"y".to_vec()));
}

#[test]
fn a_seed_decides_what_survives() {
    let survive = |seed| {
        let files = SimFiles::new();
        for name in ["a", "b", "c"] {
            files
                .create(path(name))
                .unwrap()
                .write_all(&[5; 3_000])
                .unwrap();
        }
        let survivor = files.crash(seed);
        ["a", "b", "c"].map(|name| read(&survivor, name))
    };
    for seed in 0..50 {
        assert_eq!(survive(seed), survive(seed));
    }
}
