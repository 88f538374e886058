//! What stands along the way in: stages, taps, accumulators.

use crate::list_store::ListStore;
use crate::pipeline::{Fixture, start_in};
use clew_app::AppError;
use clew_app::ingest::{Accumulator, Rooms, Stage, Tap};
use clew_app::signal::StoreError;
use clew_host::SimFiles;
use clew_model::{ErrorKind, TenantId};
use clew_telemetry::table;
use fastrand::Rng;
use parking_lot::Mutex;
use std::sync::Arc;

const SEAL_BYTES: u64 = 64 << 10;

/// Drops odd numbers, and doubles the others.
struct Halver;

impl Stage<Vec<u32>> for Halver {
    fn name(&self) -> &'static str {
        "halver"
    }

    fn pass(&self, _: &TenantId, records: &mut Vec<u32>) -> u64 {
        let before = records.len();
        records.retain(|number| number % 2 == 0);
        records.iter_mut().for_each(|number| *number *= 2);
        (before - records.len()) as u64
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_changes_and_drops_records_before_they_are_durable() {
    let rooms = Rooms { stages: vec![Arc::new(Halver)], ..Rooms::default() };
    let fixture = start_in(SimFiles::new(), ListStore::default(), SEAL_BYTES, rooms).unwrap();
    fixture.write((0..10).collect()).await.unwrap();
    fixture.write(vec![1, 3]).await.unwrap();
    assert_eq!(fixture.store.all(), [0, 4, 8, 12, 16]);
    let dropped = fixture.registry.counter(&table::INGEST_STAGE_DROPPED, ["logs", "halver"]);
    assert_eq!(dropped.get(), 7);
    fixture.pipeline.stop();
    let again = start_in(fixture.files.crash(1), fixture.store.reopened(), SEAL_BYTES, Rooms::default()).unwrap();
    assert_eq!(again.store.all(), [0, 4, 8, 12, 16], "replay decides nothing anew");
    again.pipeline.stop();
}

/// Notes what it is told, and what was readable then.
struct Listener {
    store: ListStore,
    heard: Mutex<Vec<u32>>,
}

impl Tap<Vec<u32>> for Listener {
    fn published(&self, batch: &Vec<u32>) {
        let all = self.store.all();
        assert!(batch.iter().all(|number| all.contains(number)), "told before it was readable");
        self.heard.lock().extend(batch);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tap_hears_every_batch_in_order_once_it_is_readable() {
    let store = ListStore::default();
    let tap = Arc::new(Listener { store: store.clone(), heard: Mutex::default() });
    let rooms = Rooms { taps: vec![tap.clone() as Arc<dyn Tap<_>>], ..Rooms::default() };
    let fixture = start_in(SimFiles::new(), store, SEAL_BYTES, rooms).unwrap();
    let mut writes = tokio::task::JoinSet::new();
    for n in 0..100 {
        let pipeline = Arc::clone(&fixture.pipeline);
        writes.spawn(async move { pipeline.write(TenantId::default(), vec![n, n + 1_000]).await.unwrap() });
    }
    writes.join_all().await;
    assert_eq!(*tap.heard.lock(), fixture.store.all());
    assert_eq!(tap.heard.lock().len(), 200, "each acknowledged after the taps heard of it");
    fixture.pipeline.stop();
}

/// How many numbers came, and a digest that depends on their order.
#[derive(Default)]
struct Digest(Mutex<(u64, u64)>);

fn digest(numbers: impl IntoIterator<Item = u32>) -> (u64, u64) {
    numbers.into_iter().fold((0, 0), add)
}

fn add((count, digest): (u64, u64), number: u32) -> (u64, u64) {
    (count + 1, digest.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(u64::from(number) + 1))
}

impl Accumulator<Vec<u32>> for Digest {
    fn name(&self) -> &'static str {
        "digest"
    }

    fn add(&self, batch: &Vec<u32>) {
        let mut state = self.0.lock();
        *state = batch.iter().copied().fold(*state, add);
    }

    fn checkpoint(&self) -> Vec<u8> {
        let (count, digest) = *self.0.lock();
        [count.to_le_bytes(), digest.to_le_bytes()].concat()
    }

    fn restore(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let (words, []) = bytes.as_chunks::<8>() else { return Err(StoreError::new(ErrorKind::Corrupt, "no words")) };
        let [count, digest] = words else { return Err(StoreError::new(ErrorKind::Corrupt, "not two words")) };
        *self.0.lock() = (u64::from_le_bytes(*count), u64::from_le_bytes(*digest));
        Ok(())
    }
}

fn start_counting(files: SimFiles, store: ListStore, seal_bytes: u64) -> Result<(Fixture, Arc<Digest>), AppError> {
    let digest = Arc::new(Digest::default());
    let rooms = Rooms { accumulators: vec![digest.clone() as Arc<dyn Accumulator<_>>], ..Rooms::default() };
    Ok((start_in(files, store, seal_bytes, rooms)?, digest))
}

/// One history with power losses at random operations; after each the digest is that of everything that is durable.
async fn live(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let seal_bytes = if rng.bool() { 20 << 10 } else { 1 << 20 };
    let (mut files, mut store) = (SimFiles::new(), ListStore::default());
    let mut next = 0;
    for life in 0..6 {
        let started = start_counting(files.clone(), store.clone(), seal_bytes);
        let (fixture, counted) = match started {
            Err(_) if files.has_lost_power() => {
                (files, store) = (files.crash(rng.u64(..)), store.reopened());
                start_counting(files.clone(), store.clone(), seal_bytes).unwrap()
            }
            started => started.unwrap(),
        };
        let expected = digest(fixture.store.all());
        assert_eq!(*counted.0.lock(), expected, "seed {seed}, life {life}");
        fixture.files.lose_power_at(rng.u64(1..120));
        for _ in 0..rng.usize(1..20) {
            let count = rng.u32(1..40);
            let _ = fixture.write((next..next + count).collect()).await;
            next += count;
            if rng.u8(..4) == 0 {
                let pipeline = Arc::clone(&fixture.pipeline);
                let sealing = tokio::task::spawn_blocking(move || pipeline.maintenance().seal_now());
                let _ = tokio::time::timeout(std::time::Duration::from_secs(5), sealing).await;
            }
        }
        fixture.pipeline.stop();
        store = fixture.store.reopened();
        files = fixture.files.crash(rng.u64(..));
        if rng.u8(..3) == 0 {
            files.lose_power_at(rng.u64(1..20));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accumulator_counts_every_durable_batch_once_whatever_was_sealed_when_the_power_failed() {
    for seed in 0..60 {
        live(seed).await;
    }
}
