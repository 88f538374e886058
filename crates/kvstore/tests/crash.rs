//! The power fails at every single operation of a store's life, and the disk forgets what was not synced: what exists
//! afterwards is what the last change published, or the one that was going on, and nothing in between.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use clew_host::{Fault, Files, SimFiles};
use clew_kvstore::KvError;
use clew_kvstore::engine::{Edit, Engine, EngineOptions, Manifest, Run, RunSpan, Snapshot};
use clew_model::TenantId;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const DIR: &str = "/store";
const WIDTH: i64 = 100;

/// What a store holds, as plain maps: the partitions' rows, and what is published with them.
#[derive(Clone, PartialEq, Eq, Default)]
struct Content {
    position: u64,
    bound: i64,
    value: Option<Vec<u8>>,
    /// By start of the partition and place of the run.
    runs: BTreeMap<(i64, usize), BTreeMap<Vec<u8>, Vec<u8>>>,
}

fn open(files: &SimFiles) -> Result<Engine, KvError> {
    Engine::open(Arc::new(files.clone()), Path::new(DIR), EngineOptions::new("metrics", WIDTH))
}

fn rows(seed: u64) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let row = |number: u64| {
        let mut value = vec![0; rng.usize(0..2_000)];
        rng.fill(&mut value);
        (number.to_be_bytes().to_vec(), value)
    };
    (0..30).map(row).collect()
}

fn write(edit: &mut Edit<'_>, time: i64, rows: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(i64, Run), KvError> {
    let (key, _) = edit.partition_of(&TenantId::default(), time);
    let run = edit.write_run(&key, |writer| {
        rows.iter().try_for_each(|(key, value)| writer.put(key, value))?;
        Ok(RunSpan { min_time: time, max_time: time, rows: rows.len() as u64 })
    })?;
    Ok((key.start, run))
}

/// The changes of a store's life; each is one commit.
const CHANGES: [&str; 7] = ["seal", "seal", "name", "seal", "merge", "retain", "seal"];

/// Makes a change; says before the commit what it will have made of the content.
fn change(engine: &Engine, number: usize, content: &Content, next: &mut Option<Content>) -> Result<(), KvError> {
    let mut edit = engine.edit();
    let mut planned = content.clone();
    match CHANGES[number] {
        "seal" => {
            for time in [10, 150] {
                let rows = rows(number as u64 * 1_000 + time as u64);
                if time < planned.bound {
                    continue;
                }
                let (start, run) = write(&mut edit, time, &rows)?;
                let key = edit.partition_of(&TenantId::default(), time).0;
                edit.add_run(&key, run);
                let place = planned.runs.range((start, 0)..(start + 1, 0)).count();
                planned.runs.insert((start, place), rows);
            }
            planned.position += 10;
            edit.set_sealed_position(planned.position);
        }
        "name" => {
            let value = vec![number as u8; 50_000];
            edit.set_meta_value("metadata", value.clone());
            planned.value = Some(value);
        }
        "merge" => {
            let merged: BTreeMap<_, _> =
                content.runs.range((0, 0)..(WIDTH, 0)).flat_map(|(_, rows)| rows.clone()).collect();
            let generations: Vec<u64> =
                runs(edit.manifest()).filter(|(start, _)| *start == 0).map(|(_, run)| run.generation).collect();
            let (_, run) = write(&mut edit, 10, &merged)?;
            let key = edit.partition_of(&TenantId::default(), 10).0;
            edit.replace_runs(&key, &generations, run);
            planned.runs.retain(|(start, _), _| *start != 0);
            planned.runs.insert((0, 0), merged);
        }
        _ => {
            let key = edit.partition_of(&TenantId::default(), 10).0;
            edit.drop_partition(&key);
            edit.raise_retention_bound(WIDTH);
            planned.runs.retain(|(start, _), _| *start != 0);
            planned.bound = WIDTH;
        }
    }
    *next = Some(planned);
    edit.commit().map(drop)
}

fn runs(manifest: &Manifest) -> impl Iterator<Item = (i64, &Run)> {
    manifest.partitions.iter().flat_map(|(key, partition)| partition.runs.iter().map(|run| (key.start, run)))
}

fn read(engine: &Engine) -> Content {
    let snapshot: Arc<Snapshot> = engine.snapshot();
    let manifest = snapshot.manifest();
    let mut content = Content {
        position: manifest.sealed_position,
        bound: manifest.retention_bound.max(0),
        value: engine.meta_value("metadata").unwrap().map(|value| value.to_vec()),
        runs: BTreeMap::new(),
    };
    for (key, partition) in &manifest.partitions {
        for (place, run) in partition.runs.iter().enumerate() {
            let entries = snapshot.scan(run, &[], None).unwrap().map(Result::unwrap);
            let rows = entries.map(|entry| (entry.key().to_vec(), entry.value.to_vec())).collect();
            content.runs.insert((key.start, place), rows);
        }
    }
    content
}

/// No file is there that nothing lists.
fn check_files(files: &SimFiles, engine: &Engine) {
    let snapshot = engine.snapshot();
    let listed = runs(snapshot.manifest()).count() + snapshot.manifest().values.len();
    assert_eq!(files.list(&Path::new(DIR).join("tables")).unwrap().len(), listed);
    let held: u64 = files.list(&Path::new(DIR).join("tables")).unwrap().iter().map(|entry| entry.len).sum();
    assert_eq!(held, engine.disk_bytes());
}

/// A life until something fails; answers what was published, and what was going on.
fn live(files: &SimFiles) -> (Content, Option<Content>) {
    let mut content = Content::default();
    let Ok(engine) = open(files) else { return (content, None) };
    for number in 0..CHANGES.len() {
        let mut next = None;
        if change(&engine, number, &content, &mut next).is_err() {
            return (content, next);
        }
        content = next.unwrap();
    }
    (content, None)
}

fn operations() -> u64 {
    let files = SimFiles::new();
    let (content, unfinished) = live(&files);
    assert!(unfinished.is_none() && content.position == 40, "the life ends by itself");
    files.operations()
}

#[test]
fn whenever_the_power_fails_the_store_holds_what_was_published_and_goes_on() {
    for operation in 1..=operations() {
        for seed in 0..12 {
            let files = SimFiles::new();
            files.lose_power_at(operation);
            let (published, unfinished) = live(&files);
            // The start after it may be cut off as well, which changes nothing.
            let files = files.crash(seed);
            files.lose_power_at(1 + seed * 3);
            drop(open(&files));
            let files = files.crash(seed + 1);
            let engine = open(&files).unwrap_or_else(|error| panic!("operation {operation}, seed {seed}: {error}"));
            let found = read(&engine);
            let is_expected = found == published || Some(&found) == unfinished.as_ref();
            assert!(is_expected, "operation {operation}, seed {seed}: at position {}", found.position);
            check_files(&files, &engine);
            let mut next = None;
            change(&engine, 0, &found, &mut next).unwrap();
            drop(engine);
            let files = files.crash(seed + 2);
            assert!(read(&open(&files).unwrap()) == next.unwrap(), "operation {operation}, seed {seed}");
        }
    }
}

#[test]
fn whatever_the_disk_refuses_the_store_goes_on_and_gives_the_room_back() {
    for operation in 1..=operations() {
        for (seed, fault) in [(1, Fault::OutOfSpace), (2, Fault::Device)] {
            let files = SimFiles::new();
            files.fail_at(operation, fault);
            let mut content = Content::default();
            let engine = match open(&files) {
                Ok(engine) => engine,
                Err(_) => open(&files).unwrap(),
            };
            for number in 0..CHANGES.len() {
                let mut next = None;
                if change(&engine, number, &content, &mut next).is_err() {
                    assert!(read(&engine) == content, "operation {operation}: {fault:?}");
                    change(&engine, number, &content, &mut next).unwrap();
                }
                content = next.unwrap();
                assert!(read(&engine) == content, "operation {operation}: {fault:?}");
            }
            let leftovers = files.list(&Path::new(DIR).join("tables")).unwrap().len();
            let listed = runs(engine.snapshot().manifest()).count() + 1;
            // A file whose removal the disk refused stays until the next start.
            assert!(leftovers <= listed + 1, "operation {operation}: {fault:?}");
            drop(engine);
            let files = files.crash(seed);
            let engine = open(&files).unwrap();
            assert!(read(&engine) == content, "operation {operation}: {fault:?}");
            check_files(&files, &engine);
        }
    }
}
