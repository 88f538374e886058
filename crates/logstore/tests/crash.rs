//! Power cuts at any operation of a seal, a compaction or a retention: afterwards the store and a replay of the
//! journal give every record exactly once.

// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use clew_host::{Files, SimFiles};
use clew_logstore::{LogStore, LogStoreError, LogStoreOptions};
use clew_model::logs::{LogFilter, LogQuery, LogRecord, LogRow, Order};
use clew_model::{TenantId, TimeRange};
use common::{DAY, Model, Questions, context, record, rules};
use std::path::Path;
use std::sync::Arc;

const SEEDS: u64 = 150;

/// A journal that never forgets: (position after the frame, first number, records).
type Journal = Vec<(u64, u64, Vec<LogRecord>)>;

fn open(files: &SimFiles) -> Result<LogStore, LogStoreError> {
    let files: Arc<dyn Files> = Arc::new(files.clone());
    LogStore::open(files, Path::new("data/logs"), LogStoreOptions::default(), rules())
}

fn append(random: &mut fastrand::Rng, journal: &mut Journal) {
    let (before, first) =
        journal.last().map_or((0, 0), |(position, first, records)| (*position, first + records.len() as u64));
    let day = random.i64(0..2) * DAY;
    let mut next = |at: usize| {
        let time = day + at as i64;
        record(random, time)
    };
    let records: Vec<LogRecord> = (0..5).map(&mut next).collect();
    journal.push((before + 7, first, records));
}

fn replay(store: &LogStore, journal: &Journal, from: u64) {
    for (position, first, records) in journal.iter().filter(|(position, ..)| *position > from) {
        store.apply(*position, &TenantId::default(), *first, records.clone());
    }
}

fn everything(store: &LogStore) -> Vec<LogRow> {
    let query = LogQuery {
        filter: LogFilter::All,
        range: TimeRange::ALL,
        order: Order::Ascending,
        limit: 100_000,
        after: None,
    };
    let page = store.search(&context(), &query).unwrap();
    assert_eq!(page.warnings, Vec::<String>::new());
    page.rows
}

fn check(store: &LogStore, journal: &Journal, cutoff: Option<i64>) {
    let mut model = Model { cutoff, ..Model::default() };
    journal.iter().for_each(|(_, first, records)| model.push(*first, records));
    assert_eq!(everything(store), model.passing(&LogFilter::All, TimeRange::ALL));
}

/// What was acknowledged when the power failed.
#[derive(Default)]
struct Acknowledged {
    position: u64,
    cutoff: Option<i64>,
    /// A cutoff that was asked for but not acknowledged.
    attempted: Option<i64>,
    merged: usize,
}

/// Does things until something fails.
fn live(store: &LogStore, random: &mut fastrand::Rng, journal: &mut Journal, known: &mut Acknowledged) {
    for _ in 0..40 {
        match random.u8(..9) {
            0..=2 => {
                append(random, journal);
                if let Some((position, first, records)) = journal.last() {
                    store.apply(*position, &TenantId::default(), *first, records.clone());
                }
            }
            3 | 4 | 7 => match store.seal() {
                Ok(report) => known.position = report.position,
                Err(_) => return,
            },
            5 | 6 => match store.compact() {
                Ok(report) => known.merged += report.merged,
                Err(_) => return,
            },
            _ => {
                let cutoff = random.i64(0..4);
                known.attempted = Some(cutoff);
                match store.retain(cutoff, None) {
                    Ok(_) => known.cutoff = Some(known.cutoff.map_or(cutoff, |own| own.max(cutoff))),
                    Err(_) => return,
                }
                known.attempted = None;
            }
        }
    }
}

#[test]
fn after_any_power_cut_store_and_replay_hold_every_record_once() {
    let (mut cuts, mut merged) = (0, 0);
    for seed in 0..SEEDS {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut files = SimFiles::new();
        files.create_dir_all(Path::new("data")).unwrap();
        files.sync_dir(Path::new("")).unwrap();
        let (mut journal, mut known) = (Journal::new(), Acknowledged::default());
        for life in 0..3u64 {
            files.lose_power_at(files.operations() + random.u64(1..120));
            if let Ok(store) = open(&files) {
                replay(&store, &journal, store.sealed_position());
                live(&store, &mut random, &mut journal, &mut known);
            }
            cuts += u64::from(files.has_lost_power());
            files = files.crash(seed * 10 + life);
            let store = open(&files).unwrap_or_else(|error| panic!("seed {seed} life {life}: {error}"));
            let sealed = store.sealed_position();
            assert!(sealed >= known.position, "seed {seed}: sealed {sealed}, acknowledged {}", known.position);
            // Of the parts alone, every record up to the sealed position and none after it; of a retention that was
            // cut off, all or nothing.
            let covered: Journal = journal.iter().filter(|(position, ..)| *position <= sealed).cloned().collect();
            let ended = |cutoff: Option<i64>| {
                let mut model = Model { cutoff, ..Model::default() };
                covered.iter().for_each(|(_, first, records)| model.push(*first, records));
                everything(&store) == model.passing(&LogFilter::All, TimeRange::ALL)
            };
            let after = known.attempted.map(|cutoff| known.cutoff.map_or(cutoff, |own| own.max(cutoff)));
            if !ended(known.cutoff) {
                assert!(after.is_some() && ended(after), "seed {seed} life {life}: parts are not what was sealed");
            }
            // Asking again settles what the cut left open.
            if let Some(cutoff) = after {
                store.retain(cutoff, None).unwrap();
                (known.cutoff, known.attempted) = (Some(cutoff), None);
            }
            replay(&store, &journal, 0);
            check(&store, &journal, known.cutoff);
            known.position = store.seal().unwrap().position;
            check(&store, &journal, known.cutoff);
        }
        merged += known.merged;
        let names = files.list(Path::new("data/logs")).unwrap();
        let is_kept = |name: &str| ["manifest", "manifest.copy"].contains(&name);
        assert!(names.iter().all(|entry| entry.is_dir || is_kept(&entry.name)), "{names:?}");
    }
    assert!(merged > 75, "compaction was hardly tried: {merged}");
    assert!(cuts > SEEDS, "power failed in too few lives: {cuts}");
}

#[test]
fn after_a_failed_seal_records_stay_readable_and_the_next_seal_writes_them() {
    for operation in 1..24 {
        let mut random = fastrand::Rng::with_seed(operation);
        let files = SimFiles::new();
        files.create_dir_all(Path::new("data")).unwrap();
        let store = open(&files).unwrap();
        let mut journal = Journal::new();
        for _ in 0..3 {
            append(&mut random, &mut journal);
        }
        replay(&store, &journal, 0);
        let fault = if random.bool() { clew_host::Fault::OutOfSpace } else { clew_host::Fault::Device };
        files.fail_at(files.operations() + operation, fault);
        let first = store.seal();
        check(&store, &journal, None);
        append(&mut random, &mut journal);
        replay(&store, &journal, 0);
        check(&store, &journal, None);
        // The fault may be met by the second seal instead; the third meets none.
        let report = store.seal().or_else(|_| store.seal()).unwrap();
        assert_eq!(report.position, journal.last().unwrap().0, "{first:?}");
        check(&store, &journal, None);
        drop(store);
        check(&open(&files).unwrap(), &journal, None);
    }
}
