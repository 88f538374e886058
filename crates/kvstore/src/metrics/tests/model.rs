//! Random work on the store and on a map of maps; after each step they must answer alike.

use super::*;
use clew_model::metrics::STALE_NAN;
use std::collections::BTreeMap;

const GRID: i64 = WIDTH / 50;

struct World {
    dir: tempfile::TempDir,
    store: Option<MetricStore>,
    journal: Vec<(u64, MetricBatch)>,
    model: BTreeMap<Labels, BTreeMap<i64, u64>>,
    bound: i64,
    now: i64,
    random: fastrand::Rng,
}

fn series(number: usize) -> Labels {
    let instance = format!("host-{}", number / 5);
    let metric = ["up", "http_requests_total", "latency_seconds", "memory_bytes", "odd"][number % 5];
    let mut pairs = vec![("__name__", metric), ("instance", instance.as_str())];
    if number.is_multiple_of(3) {
        pairs.push(("zone", if number.is_multiple_of(2) { "a" } else { "b" }));
    }
    labels(&pairs)
}

impl World {
    fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Some(open(dir.path()));
        let random = fastrand::Rng::with_seed(seed);
        Self { dir, store, journal: Vec::new(), model: BTreeMap::new(), bound: i64::MIN, now: 5 * WIDTH, random }
    }

    fn store(&self) -> &MetricStore {
        self.store.as_ref().unwrap()
    }

    fn step(&mut self) {
        match self.random.u8(0..20) {
            0..=11 => self.apply(),
            12..=14 => {
                let applied = self.journal.last().map_or(0, |(position, _)| *position);
                assert_eq!(self.store().seal().unwrap().position, applied);
                assert_eq!(self.store().sealed_position(), applied);
            }
            15 | 16 => {
                self.store().compact().unwrap();
            }
            17 => self.retain(),
            _ => self.reopen(),
        }
        self.compare();
    }

    fn random_value(&mut self) -> f64 {
        match self.random.u8(0..12) {
            0 => f64::from_bits(STALE_NAN),
            1 => -0.0,
            2 => f64::NAN,
            3 => self.random.f64(),
            4..=6 => f64::from(self.random.u32(0..10_000)) / 100.0,
            _ => f64::from(self.random.u32(0..1000)),
        }
    }

    fn apply(&mut self) {
        let rounds = self.random.usize(1..30);
        let mut batch = MetricBatch::default();
        for _ in 0..rounds {
            self.now += self.random.i64(0..WIDTH / 40);
            let time = match self.random.u8(0..8) {
                0 => self.now - self.random.i64(0..4 * WIDTH),
                1 => self.now - self.random.i64(0..WIDTH / 20),
                _ => self.now,
            };
            // On a grid, so that the same series and time come again, in other batches and after seals.
            let time = time / GRID * GRID;
            let first = self.random.usize(0..20);
            for number in first..first + self.random.usize(1..12) {
                let value = self.random_value();
                batch.series.push(&series(number));
                batch.samples.push(Sample { series: batch.series.len() as u32 - 1, time, value });
            }
        }
        let mut expected = (0, 0, 0, 0);
        for sample in &batch.samples {
            let labels = batch.series.labels(sample.series as usize).unwrap();
            if sample.time < self.bound {
                expected.3 += 1;
                continue;
            }
            match self.model.entry(labels).or_default().entry(sample.time) {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(sample.value.to_bits());
                    expected.0 += 1;
                }
                std::collections::btree_map::Entry::Occupied(known) if *known.get() == sample.value.to_bits() => {
                    expected.1 += 1;
                }
                _ => expected.2 += 1,
            }
        }
        let position = self.journal.last().map_or(0, |(position, _)| *position) + self.random.u64(1..50);
        let report = self.store().apply(position, &TenantId::default(), &batch).unwrap();
        // Duplicates of what is sealed are settled when reading, so fewer may be reported; never more.
        assert_eq!(report.too_old, expected.3);
        assert!(report.duplicates <= expected.1 && report.conflicting <= expected.2, "{report:?} {expected:?}");
        assert_eq!(report.appended + report.duplicates + report.conflicting, expected.0 + expected.1 + expected.2);
        self.journal.push((position, batch));
    }

    fn retain(&mut self) {
        let cutoff = self.now - self.random.i64(2 * WIDTH..8 * WIDTH);
        let report = self.store().retain(cutoff, None).unwrap();
        self.bound = self.bound.max(report.bound);
        assert_eq!(report.bound, self.bound);
        self.model.values_mut().for_each(|samples| *samples = samples.split_off(&self.bound));
    }

    fn reopen(&mut self) {
        self.store = None;
        let store = open(self.dir.path());
        let sealed = store.sealed_position();
        for (position, batch) in &self.journal {
            let report = store.apply(*position, &TenantId::default(), batch).unwrap();
            assert_eq!(report.replayed, *position <= sealed);
        }
        self.store = Some(store);
    }

    fn compare(&mut self) {
        let (start, end) = match self.random.u8(0..3) {
            0 => (i64::MIN / 2_000_000, i64::MAX / 2_000_000),
            _ => {
                let start = self.now - self.random.i64(-WIDTH..5 * WIDTH);
                (start, start + self.random.i64(0..3 * WIDTH))
            }
        };
        let matchers = self.matchers();
        let passes = |labels: &Labels| matchers.iter().all(|matcher| matcher.matches_labels(labels));
        let mut expected = Vec::new();
        for (labels, samples) in self.model.iter().filter(|(labels, _)| passes(labels)) {
            let found: Vec<(i64, u64)> = samples.range(start..=end).map(|(time, bits)| (*time, *bits)).collect();
            if !found.is_empty() {
                expected.push((labels.clone(), found));
            }
        }
        let found: Vec<(Labels, Vec<(i64, u64)>)> = select(self.store(), &matchers, start, end)
            .into_iter()
            .map(|data| {
                (data.labels, data.times.iter().copied().zip(data.values.iter().map(|v| v.to_bits())).collect())
            })
            .collect();
        assert_eq!(found.len(), expected.len(), "series for {matchers:?} in {start}..={end}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "for {matchers:?} in {start}..={end}");
        }
        let (context, range) = (context(), TimeRange::from_millis(start, end));
        let names = metrics::series(&context, &*self.store().view(&context), &matchers, range).unwrap();
        assert!(expected.iter().all(|(labels, _)| names.contains(labels)));
        assert!(names.iter().all(passes));
    }

    fn matchers(&mut self) -> Vec<Matcher> {
        let choices = [
            ("__name__", MatchOp::Equal, "up"),
            ("__name__", MatchOp::Regex, "http.*|odd"),
            ("instance", MatchOp::NotEqual, "host-2"),
            ("zone", MatchOp::Equal, ""),
            ("zone", MatchOp::NotEqual, ""),
            ("zone", MatchOp::Regex, "a?"),
            ("zone", MatchOp::NotRegex, "b|"),
            ("absent", MatchOp::NotRegex, ".+"),
        ];
        let count = self.random.usize(0..3);
        (0..count)
            .map(|_| self.random.choice(choices).unwrap())
            .map(|(name, op, value)| matcher(name, op, value))
            .collect()
    }
}

#[test]
fn the_store_answers_as_a_map_of_maps_whatever_is_done_to_it() {
    // Most of the time is spent waiting for the disk, so worlds run side by side.
    std::thread::scope(|scope| {
        for seed in 0..6 {
            scope.spawn(move || {
                let mut world = World::new(seed);
                for _ in 0..40 {
                    world.step();
                }
                world.reopen();
                world.compare();
            });
        }
    });
}
