//! One pipeline over the list store.

use crate::list_store::ListStore;
use clew_app::ingest::{Pipeline, PipelineOptions, PipelineParts, Rooms};
use clew_app::maintenance::MaintenanceOptions;
use clew_app::observe::Observer;
use clew_app::signal::{Dropped, Retention};
use clew_app::{AppError, DataFolder, DiskUsage};
use clew_host::{Clock, Fault, Files, Operation, SeededRandom, SimClock, SimFiles};
use clew_journal::{Journal, JournalMetrics};
use clew_model::{ErrorKind, TenantId};
use clew_telemetry::{BuildInfo, Registry, table};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const SEAL_BYTES: u64 = 64 << 10;

pub(crate) struct Fixture {
    pub(crate) pipeline: Arc<Pipeline<ListStore>>,
    pub(crate) store: ListStore,
    journal: Arc<Journal>,
    pub(crate) files: SimFiles,
    pub(crate) registry: Arc<Registry>,
}

fn start_with(files: SimFiles, store: ListStore, seal_bytes: u64) -> Result<Fixture, AppError> {
    start_in(files, store, seal_bytes, Rooms::default())
}

/// A pipeline with these rooms.
pub(crate) fn start_in(
    files: SimFiles,
    store: ListStore,
    seal_bytes: u64,
    rooms: Rooms<ListStore>,
) -> Result<Fixture, AppError> {
    let registry = Arc::new(Registry::new(BuildInfo { version: "0", revision: "0" }));
    let metrics = JournalMetrics::new(&registry, "logs");
    let options = clew_journal::Options { segment_bytes: 4096, salvage: false };
    let random = Arc::new(SeededRandom::new(7));
    let (journal, _) = Journal::open(Arc::new(files.clone()), random, Path::new("/journal"), options, metrics)
        .map_err(|error| AppError::start("open the journal", error))?;
    let journal = Arc::new(journal);
    let clock: Arc<dyn Clock> = Arc::new(SimClock::new(1_800_000_000_000_000_000));
    let disk: Arc<dyn Files> = Arc::new(files.clone());
    let (folder, _) = DataFolder::open(&disk, Path::new("/"), &clock, false, DiskUsage::new(None, [None; 3]));
    let pipeline = Pipeline::start(
        PipelineParts {
            store: Arc::new(store.clone()),
            journal: Arc::clone(&journal),
            clock,
            observer: Arc::new(Observer::new(Arc::clone(&registry))),
            files: Arc::new(files.clone()),
            checkpoints: Path::new("/checkpoints").to_owned(),
            rooms,
            folder: Arc::new(folder),
            aside: Vec::new(),
            closed: None,
        },
        PipelineOptions {
            maintenance: MaintenanceOptions {
                seal_bytes,
                seal_age: Duration::from_secs(3600),
                retention: Retention::default(),
            },
        },
    )?;
    Ok(Fixture { pipeline: Arc::new(pipeline), store, journal, files, registry })
}

fn start() -> Fixture {
    start_with(SimFiles::new(), ListStore::default(), SEAL_BYTES).expect("a pipeline")
}

impl Fixture {
    pub(crate) async fn write(&self, records: Vec<u32>) -> Result<Dropped, AppError> {
        self.pipeline.write(TenantId::default(), records).await
    }

    fn spawn_write(&self, records: Vec<u32>) -> tokio::task::JoinHandle<Result<Dropped, AppError>> {
        let pipeline = Arc::clone(&self.pipeline);
        tokio::spawn(async move { pipeline.write(TenantId::default(), records).await })
    }

    async fn wait_for_queue(&self, waiting: usize) {
        while self.pipeline.status().waiting < waiting {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// What a start after a power failure finds.
    fn restarted(&self, seed: u64) -> Result<Fixture, AppError> {
        start_with(self.files.crash(seed), self.store.reopened(), SEAL_BYTES)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_readable_and_survives_a_power_failure_exactly_once() {
    let fixture = start();
    let writes: Vec<_> = (0..300).map(|n| fixture.spawn_write(vec![2 * n, 2 * n + 1])).collect();
    for (n, write) in (0..).zip(writes) {
        write.await.unwrap().unwrap();
        assert!(fixture.store.all().contains(&(2 * n)), "{n} was acknowledged before it was readable");
    }
    let before = fixture.store.all();
    // Each power failure meets what the start after the one before has found: a failed disk has nothing to give twice.
    let mut last = fixture.restarted(0).unwrap();
    for seed in 1..20 {
        assert_eq!(last.store.all(), before, "before seed {seed}: the journal's order is the order of the hot tail");
        let next = last.restarted(seed).unwrap();
        std::mem::replace(&mut last, next).pipeline.stop();
    }
    assert_eq!(last.store.all(), before);
    last.pipeline.stop();
    fixture.pipeline.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_together_share_one_sync() {
    let fixture = start();
    fixture.store.hold(true);
    let first = fixture.spawn_write(vec![0]);
    while fixture.journal.last_position().0 < 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let rest: Vec<_> = (1..=20).map(|n| fixture.spawn_write(vec![n])).collect();
    fixture.wait_for_queue(20).await;
    let operations = fixture.files.operations();
    fixture.store.hold(false);
    first.await.unwrap().unwrap();
    for write in rest {
        write.await.unwrap().unwrap();
    }
    // Twenty appends and one sync.
    assert_eq!(fixture.files.operations() - operations, 21);
    fixture.pipeline.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_is_told_to_all_of_its_group_and_nothing_more_is_taken() {
    let fixture = start();
    fixture.store.hold(true);
    let first = fixture.spawn_write(vec![0]);
    while fixture.journal.last_position().0 < 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let group: Vec<_> = (1..=3).map(|n| fixture.spawn_write(vec![n])).collect();
    fixture.wait_for_queue(3).await;
    fixture.files.fail_next(Operation::Sync, Fault::Device);
    fixture.store.hold(false);
    first.await.unwrap().unwrap();
    for write in group {
        let error = write.await.unwrap().unwrap_err();
        assert!(matches!(error, AppError::Journal { .. }), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "the sender should keep it and come back");
    }
    assert_eq!(fixture.registry.counter(&table::JOURNAL_FAILURES, ["logs", "sync"]).get(), 1);
    assert!(fixture.pipeline.status().failed);
    assert!(fixture.write(vec![9]).await.is_err(), "a later sync could succeed without the lost frames");
    assert_eq!(fixture.store.all(), [0], "what was not acknowledged is not shown");
    fixture.pipeline.stop();
    assert_eq!(fixture.restarted(1).unwrap().store.all().first(), Some(&0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_what_is_written_later_can_be_replayed() {
    // The first frame of a segment is the one that fails, so the encoder's state is ahead of an empty segment.
    let fixture = start();
    fixture.files.set_capacity(Some(2_000));
    let error = fixture.write((0..5_000).collect()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(!fixture.pipeline.status().failed, "it may pass");
    fixture.write(vec![70_000, 70_001]).await.unwrap();
    fixture.pipeline.stop();
    assert_eq!(fixture.restarted(1).unwrap().store.all(), [70_000, 70_001]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_sends_its_senders_away_and_forgets_those_who_left() {
    let fixture = start();
    fixture.store.hold(true);
    // Three requests that each take the whole queue (16 MiB): one is being applied, the others wait for room.
    let size = 17 << 10;
    let first = fixture.spawn_write((0..size).collect());
    while fixture.journal.last_position().0 < 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let left = fixture.spawn_write(vec![1]);
    left.abort();
    let error = fixture.write(vec![2]).await.unwrap_err();
    assert!(matches!(error, AppError::Overloaded { retry_after: 1.., .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    fixture.store.hold(false);
    first.await.unwrap().unwrap();
    fixture.write(vec![3]).await.unwrap();
    assert_eq!(fixture.pipeline.status().waiting, 0);
    fixture.pipeline.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_tail_that_cannot_be_sealed_refuses_with_the_cause_until_it_can() {
    let fixture = start();
    fixture.store.state.lock().fails_to_seal = true;
    // Three times what is worth a seal may be held.
    let refused = loop {
        match tokio::time::timeout(Duration::from_secs(10), fixture.write(vec![1; 32])).await.expect("an answer") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(refused.kind(), ErrorKind::StorageFull);
    assert!(refused.to_string().contains("no space left on device"), "{refused}");
    let held = fixture.store.all().len() as u64 * 1024;
    assert!((SEAL_BYTES * 3..SEAL_BYTES * 4).contains(&held), "{held}");
    fixture.store.state.lock().fails_to_seal = false;
    assert!(fixture.pipeline.maintenance().seal_now());
    fixture.write(vec![2]).await.unwrap();
    fixture.pipeline.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_seals_on_the_way_and_a_seal_lets_the_journal_go() {
    let fixture = start_with(SimFiles::new(), ListStore::default(), 1 << 30).unwrap();
    for n in 0..40 {
        fixture.write((n * 100..n * 100 + 100).collect()).await.unwrap();
    }
    fixture.pipeline.stop();
    let expected: Vec<u32> = (0..4_000).collect();
    // Nothing was sealed as far as this start knows: everything is replayed, and sealed whenever it is worth it.
    let again = start_with(fixture.files.crash(3), ListStore::default(), SEAL_BYTES).unwrap();
    assert!(again.store.state.lock().hot.len() as u64 * 1024 <= SEAL_BYTES + 100 * 1024);
    assert!(again.store.state.lock().sealed.len() > 3_000);
    assert_eq!(again.store.all(), expected);
    assert!(again.pipeline.maintenance().seal_now());
    assert_eq!(again.journal.stats().segments, 1, "only the current segment stays");
    again.write(vec![4_000]).await.unwrap();
    again.pipeline.stop();
    assert_eq!(again.restarted(4).unwrap().store.all(), (0..=4_000).collect::<Vec<u32>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_journal_goes_on_behind_what_is_sealed() {
    let fixture = start();
    fixture.write(vec![1, 2, 3]).await.unwrap();
    assert!(fixture.pipeline.maintenance().seal_now());
    fixture.pipeline.stop();
    let again = start_with(SimFiles::new(), fixture.store.reopened(), SEAL_BYTES).unwrap();
    again.write(vec![4]).await.unwrap();
    again.pipeline.stop();
    assert_eq!(again.restarted(5).unwrap().store.all(), [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_was_accepted_and_answers_everybody() {
    let fixture = start();
    let writes: Vec<_> = (0..500).map(|n| fixture.spawn_write(vec![n])).collect();
    tokio::time::sleep(Duration::from_millis(2)).await;
    let pipeline = Arc::clone(&fixture.pipeline);
    tokio::task::spawn_blocking(move || pipeline.stop()).await.unwrap();
    let mut acknowledged = BTreeSet::new();
    for (n, write) in (0..).zip(writes) {
        match write.await.unwrap() {
            Ok(_) => drop(acknowledged.insert(n)),
            Err(error) => assert!(matches!(error, AppError::Stopping), "{error:?}"),
        }
    }
    let kept = fixture.restarted(6).unwrap().store.all();
    assert_eq!(kept.iter().copied().collect::<BTreeSet<u32>>(), acknowledged);
    assert_eq!(kept.len(), acknowledged.len(), "each once");
    assert!(matches!(fixture.write(vec![1]).await, Err(AppError::Stopping)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_store_ends_its_write_path_loudly() {
    let fixture = start();
    fixture.store.state.lock().poison = Some(13);
    let error = fixture.write(vec![13]).await.unwrap_err();
    assert!(matches!(error, AppError::Stopping | AppError::WritePathFailed { .. }), "{error:?}");
    while !fixture.pipeline.status().failed {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let error = fixture.write(vec![14]).await.unwrap_err();
    assert!(matches!(error, AppError::WritePathFailed { .. }), "{error:?}");
    fixture.pipeline.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_an_unknown_kind_stops_the_start_and_says_which() {
    let fixture = start();
    fixture.write(vec![1, 2]).await.unwrap();
    fixture.pipeline.stop();
    let position = fixture.journal.append(9, b"from a newer Clew").unwrap();
    fixture.journal.sync().unwrap();
    let Err(error) = fixture.restarted(1) else { panic!("it started") };
    let text = format!("{error:?}");
    for part in ["kind 9", &format!("position {}", position.0), "newer Clew"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}
