//! The promise "acknowledged means durable" on disks that lose what was not synced: the journal and the log store work
//! on one simulated disk, the power fails at a random operation, and after each restart every acknowledged record is
//! there exactly once.
//!
//! Killing a process proves replay only, since the page cache survives; this proves the syncs, of files and of
//! directory entries. Each crate's own tests go deeper; this one crosses their border: trim after seal, replay after
//! trim, positions that go on.

// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use clew_columns::frames::logs as frames;
use clew_host::{Files, SeededRandom, SimFiles};
use clew_journal::{Journal, JournalError, JournalMetrics, JournalPosition, Options};
use clew_logstore::{LogStore, LogStoreOptions};
use clew_model::correlation::CorrelationRules;
use clew_model::logs::{LogFilter, LogQuery, LogReader, LogRecord, Order};
use clew_model::{Attribute, Context, TenantId, TimeRange};
use clew_telemetry::{BuildInfo, Registry};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Crashes, each followed by a restart and a comparison.
const SEEDS: u64 = 1_000;

/// Lives of one disk: the last one ends without a crash.
const LIVES: usize = 3;

const DAY: i64 = 86_400_000_000_000;

/// What the test knows of the records: by their unique mark, whether they were acknowledged.
type Known = BTreeMap<u64, bool>;

struct Server {
    journal: Journal,
    store: LogStore,
    next_number: u64,
}

impl Server {
    /// Opens both and replays, in the order that the program does.
    fn start(files: &SimFiles, seed: u64) -> Result<Self, String> {
        let shared: Arc<dyn Files> = Arc::new(files.clone());
        let rules = Arc::new(CorrelationRules::default());
        let store = LogStore::open(Arc::clone(&shared), Path::new("data/store"), LogStoreOptions::default(), rules)
            .map_err(|error| error.to_string())?;
        let registry = Registry::new(BuildInfo { version: "0", revision: "0" });
        let options = Options { segment_bytes: 2_000, salvage: false };
        let random = Arc::new(SeededRandom::new(seed));
        let metrics = JournalMetrics::new(&registry, "logs");
        let (journal, _) = Journal::open(shared, random, Path::new("data/journal"), options, metrics)
            .map_err(|error| error.to_string())?;
        let sealed = store.sealed_position();
        let replayed = journal
            .replay(JournalPosition(sealed), |frame| {
                if frame.position.0 > sealed {
                    let decoded = frames::decode(frame.payload).unwrap();
                    let next = decoded.first_number + decoded.records;
                    let blocks: Vec<_> = decoded.blocks.into_iter().map(Arc::new).collect();
                    store.publish(frame.position.0, &decoded.tenant, next, &blocks);
                }
                Ok::<(), JournalError>(())
            })
            .map_err(|error| error.to_string())?;
        assert_eq!(replayed.missing, 0, "seed {seed}: the journal lacks frames that no part holds");
        journal.advance_past(JournalPosition(sealed)).map_err(|error| error.to_string())?;
        let next_number = store.next_record_number();
        Ok(Self { journal, store, next_number })
    }

    /// Writes a batch as the commit thread does; answers whether it was acknowledged.
    fn write(&mut self, records: &[LogRecord]) -> bool {
        let tenant = TenantId::default();
        let first = self.next_number;
        let mut blocks = self.store.encode(records);
        blocks.iter_mut().for_each(|block| block.rebase(first).unwrap());
        let appended = self.journal.append_with(1, |_, out| {
            frames::encode(out, &tenant, first, &blocks);
            Ok(())
        });
        self.next_number += records.len() as u64;
        let Ok(position) = appended else { return false };
        if self.journal.sync().is_err() {
            return false;
        }
        let blocks: Vec<_> = blocks.into_iter().map(Arc::new).collect();
        self.store.publish(position.0, &tenant, self.next_number, &blocks);
        true
    }

    /// Seals and trims as the keeper thread does.
    fn seal(&self) {
        if let Ok(report) = self.store.seal() {
            let _ = self.journal.trim(JournalPosition(report.position));
        }
    }

    /// The marks of all records that a search finds, oldest first.
    fn marks(&self) -> Vec<u64> {
        let query = LogQuery {
            filter: LogFilter::All,
            range: TimeRange::ALL,
            order: Order::Ascending,
            limit: 1_000_000,
            after: None,
        };
        let context = Context::new(Duration::from_secs(60), 1 << 30);
        let page = clew_query::logs::sinks::search(&context, &*self.store.view(&context), &query).unwrap();
        assert_eq!(page.warnings, Vec::<String>::new());
        page.rows.iter().map(|row| row.record.body.display_text().parse().unwrap()).collect()
    }
}

fn records(random: &mut fastrand::Rng, known: &mut Known) -> Vec<LogRecord> {
    let count = random.usize(1..6);
    (0..count)
        .map(|_| {
            let mark = known.len() as u64;
            known.insert(mark, false);
            LogRecord {
                time: random.i64(0..2) * DAY + mark as i64,
                body: mark.to_string().into(),
                attributes: vec![Attribute::new("task_id", format!("task:{mark:03}"))],
                ..LogRecord::default()
            }
        })
        .collect()
}

/// Works until the power fails or enough is done.
fn live(server: &mut Server, random: &mut fastrand::Rng, known: &mut Known) {
    for _ in 0..25 {
        match random.u8(0..10) {
            0..7 => {
                let batch = records(random, known);
                if server.write(&batch) {
                    for record in &batch {
                        known.insert(record.body.display_text().parse().unwrap(), true);
                    }
                }
            }
            7..9 => server.seal(),
            _ => {
                let _ = server.store.compact();
            }
        }
    }
}

/// Every acknowledged record once, no record twice, none that was never written.
fn check(server: &Server, known: &Known, seed: u64) {
    let mut marks = server.marks();
    marks.sort_unstable();
    let found = marks.len();
    marks.dedup();
    assert_eq!(marks.len(), found, "seed {seed}: a record is there twice");
    for (mark, acknowledged) in known {
        let is_there = marks.binary_search(mark).is_ok();
        assert!(is_there || !acknowledged, "seed {seed}: the acknowledged record {mark} is lost");
    }
    assert!(marks.iter().all(|mark| known.contains_key(mark)), "seed {seed}: a record that nobody wrote");
}

fn crash_and_recover(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut known = Known::new();
    let mut files = SimFiles::new();
    for life in 0..LIVES {
        let crashes = life + 1 < LIVES;
        if crashes {
            files.lose_power_at(files.operations() + random.u64(1..250));
        }
        // The power may fail during recovery too.
        match Server::start(&files, random.u64(..)) {
            Ok(mut server) => {
                if !files.has_lost_power() {
                    check(&server, &known, seed);
                }
                live(&mut server, &mut random, &mut known);
                if !crashes {
                    check(&server, &known, seed);
                }
            }
            Err(error) => assert!(files.has_lost_power(), "seed {seed}: {error}"),
        }
        if crashes {
            files = files.crash(random.u64(..));
            // What was not acknowledged may have survived; from now on it must neither vanish nor double, but this test
            // asks that only of what was acknowledged.
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_fails_at_any_operation() {
    for seed in 0..SEEDS {
        crash_and_recover(seed);
    }
}
