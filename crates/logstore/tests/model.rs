//! Random histories of a store against a naive list of rows.

// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use clew_host::{Files, SimFiles};
use clew_logstore::{LogStore, LogStoreOptions};
use clew_model::logs::{LogArrivals, LogFilter, LogQuery, LogRow, Order};
use clew_model::{CanonicalId, TenantId, TimeRange};
use common::{DAY, Model, Questions, all_pages, context, filter, record, rules, spelt};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

struct World {
    files: Arc<dyn Files>,
    store: LogStore,
    model: Model,
    position: u64,
    number: u64,
    merged: usize,
}

fn open(files: &Arc<dyn Files>) -> LogStore {
    let options = LogStoreOptions {
        max_part_rows: 3_000,
        max_part_bytes: u64::MAX,
        page_cache_bytes: 64 * 1024,
        open_part_files: 2,
    };
    LogStore::open(Arc::clone(files), Path::new("data/logs"), options, rules()).unwrap()
}

impl World {
    fn new() -> Self {
        let files: Arc<dyn Files> = Arc::new(SimFiles::new());
        files.create_dir_all(Path::new("data")).unwrap();
        Self { store: open(&files), files, model: Model::default(), position: 0, number: 0, merged: 0 }
    }

    fn apply(&mut self, random: &mut fastrand::Rng) {
        let start = random.i64(0..3) * DAY;
        let count = random.usize(1..300);
        let mut at = |place: usize| {
            let time = start + place as i64 * 1_000 + random.i64(0..50_000);
            record(random, time)
        };
        let records: Vec<_> = (0..count).map(&mut at).collect();
        let first = self.number;
        self.number += records.len() as u64;
        self.position += 10;
        self.model.push(first, &records);
        self.store.apply(self.position, &TenantId::default(), first, records);
        // Another tenant's records are never seen.
        self.position += 10;
        let foreign = vec![record(random, start)];
        self.store.apply(self.position, &TenantId::new("other").unwrap(), self.number, foreign);
        self.number += 1;
    }

    fn step(&mut self, random: &mut fastrand::Rng) {
        match random.u8(..14) {
            0..=4 => self.apply(random),
            5..=8 => {
                let report = self.store.seal().unwrap();
                assert_eq!(report.position, self.position);
                assert_eq!(self.store.hot_stats().records, 0);
            }
            9 => loop {
                let report = self.store.compact().unwrap();
                if report.merged == 0 {
                    break;
                }
                self.merged += report.merged;
            },
            10 => {
                let cutoff = random.i64(-DAY..DAY / 2);
                self.store.retain(cutoff, None).unwrap();
                self.model.cutoff = Some(self.model.cutoff.map_or(cutoff, |own| own.max(cutoff)));
            }
            11 => {
                self.store.seal().unwrap();
                self.store = open(&self.files);
                assert_eq!(self.store.sealed_position(), self.position);
                assert_eq!(self.store.next_record_number(), self.number);
            }
            _ => {}
        }
        self.check(random);
    }

    fn check(&self, random: &mut fastrand::Rng) {
        let filter = filter(random);
        let range = match random.u8(..3) {
            0 => TimeRange::ALL,
            1 => TimeRange::new(random.i64(0..DAY), random.i64(DAY..3 * DAY)),
            _ => {
                let start = random.i64(0..3) * DAY + random.i64(0..400_000);
                TimeRange::new(start, start + random.i64(0..200_000))
            }
        };
        self.check_search(random, &filter, range);
        if range != TimeRange::ALL {
            let step = (range.end - range.start) / random.i64(1..50) + 1;
            let counted = self.store.histogram(&context(), &filter, range, step).unwrap();
            assert_eq!(counted.buckets, self.model.histogram(&filter, range, step), "{filter:?}");
        }
        self.check_arrivals(random, &filter);
        self.check_values(random, &filter, range);
        self.check_ids(random, range);
    }

    fn check_search(&self, random: &mut fastrand::Rng, filter: &LogFilter, range: TimeRange) {
        let expected = self.model.passing(filter, range);
        let order = if random.bool() { Order::Ascending } else { Order::Descending };
        let limit = random.usize(1..500);
        let query = LogQuery { filter: filter.clone(), range, order, limit, after: None };
        let mut found = if random.u8(..4) == 0 {
            all_pages(&self.store, query)
        } else {
            let page = self.store.search(&context(), &query).unwrap();
            assert_eq!(page.next.is_some(), expected.len() > limit);
            page.rows
        };
        let mut wanted = expected;
        if order == Order::Descending {
            wanted.reverse();
        }
        wanted.truncate(found.len().max(limit));
        let ids = |rows: &[LogRow]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
        assert_eq!(ids(&found), ids(&wanted), "{filter:?} {range:?} {order:?}");
        found.truncate(50);
        wanted.truncate(50);
        assert_eq!(found, wanted);
    }

    fn check_arrivals(&self, random: &mut fastrand::Rng, filter: &LogFilter) {
        let start = random.u64(0..=self.number);
        let numbers = start..random.u64(start..=self.number);
        let limit = random.usize(1..500);
        let mut wanted = self.model.passing(filter, TimeRange::ALL);
        wanted.retain(|row| numbers.contains(&row.id.number));
        wanted.sort_by_key(|row| row.id.number);
        let left_out = wanted.len().saturating_sub(limit);
        let wanted =
            LogArrivals { rows: wanted.split_off(left_out), left_out: left_out as u64, ..LogArrivals::default() };
        assert_eq!(self.store.arrivals(&context(), filter, numbers, limit).unwrap(), wanted, "{filter:?}");
    }

    fn check_values(&self, random: &mut fastrand::Rng, filter: &LogFilter, range: TimeRange) {
        let names = ["host", "task_id", "level", "service", "tags", "cloud.region", "http.status", "context.n", "no"];
        let name = names[random.usize(..names.len())];
        let summary = self.store.field_values(&context(), name, filter, range, usize::MAX).unwrap().field;
        let (records, values) = self.model.values(name, filter, range);
        let found: BTreeMap<String, u64> = summary.top.into_iter().map(|count| (count.value, count.records)).collect();
        assert_eq!((summary.records, found), (records, values), "{name} {filter:?}");
        let fields = self.store.fields(&context(), filter, range, usize::MAX).unwrap().fields;
        let mut expected = self.model.fields(filter, range);
        for field in fields {
            let values = field.top.into_iter().map(|count| (count.value, count.records)).collect();
            assert_eq!(expected.remove(&field.name), Some((field.records, values)), "{} {filter:?}", field.name);
        }
        assert!(expected.is_empty(), "{expected:?}");
    }

    fn check_ids(&self, random: &mut fastrand::Rng, range: TimeRange) {
        let n = random.u32(..40);
        let id = match random.u8(..8) {
            0 => format!("task:{n:03}"),
            1 => format!("{:08x}00004000800000000000{n:04x}", n % 8),
            2 => format!("job-{n}"),
            3 => format!("region-{}", n % 4),
            5.. => spelt(n % 8, random.u8(..9)),
            _ => "01".repeat(16).replace('1', &random.u8(1..9).to_string()),
        };
        let ids = CanonicalId::readings(&id);
        let found = self.store.find_ids(&context(), &ids, range, 1_000_000).unwrap();
        assert_eq!(found.rows, self.model.carrying(&ids, range, &rules()), "{id}");
    }
}

#[test]
fn the_store_agrees_with_a_list_of_rows() {
    let mut merged = 0;
    for seed in 0..10 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = World::new();
        for _ in 0..50 {
            world.step(&mut random);
        }
        merged += world.merged;
    }
    assert!(merged > 20, "compaction was hardly tried: {merged}");
}
