//! Measures the metric store on scrapes of many series: frames, applying, sealing, compacting, selecting.
//!
//! Times are CPU times of the calling thread.
//!
//! `cargo run --release -p clew-kvstore --example metrics_path [SERIES] [SCRAPES]`

use clew_columns::frames::metrics::{MetricFrameDecoder, MetricFrameEncoder, SeriesNumbers};
use clew_host::DiskFiles;
use clew_kvstore::metrics::{MetricStore, MetricStoreOptions};
use clew_model::metrics::{Labels, MatchOp, Matcher, MetricBatch, MetricReader, Sample};
use clew_model::{Context, TenantId, TimeRange};
use clew_query::metrics::samples;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// CPU time of this thread where the system tells it (Linux), else time on the clock: other work on the machine should
/// not count.
struct Cpu {
    cpu: Option<u64>,
    clock: Instant,
}

impl Cpu {
    fn now() -> Self {
        Self { cpu: Self::read(), clock: Instant::now() }
    }

    fn read() -> Option<u64> {
        std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
    }

    fn elapsed(&self) -> Duration {
        match (self.cpu, Self::read()) {
            (Some(before), Some(now)) => Duration::from_nanos(now.saturating_sub(before)),
            _ => self.clock.elapsed(),
        }
    }
}

const SERIES_PER_TARGET: usize = 400;
const SCRAPE_MILLIS: i64 = 15_000;
const SCRAPES_PER_SEAL: usize = 120;

fn labels(number: usize) -> Result<Labels, Box<dyn Error>> {
    let (target, metric) = (number / SERIES_PER_TARGET, number % SERIES_PER_TARGET);
    Ok(Labels::new([
        ("__name__", format!("http_server_metric_number_{}_total", metric / 10)),
        ("instance", format!("10.0.{}.{}:9100", target / 250, target % 250)),
        ("job", format!("service-{}", target % 9)),
        ("method", ["GET", "POST", "PUT", "DELETE"][metric % 4].to_owned()),
        ("code", ["200", "404", "500"][metric % 3].to_owned()),
        ("handler", format!("/api/v1/handler/{}", metric % 10)),
        ("region", "eu-central-1".to_owned()),
    ])?)
}

/// 60 in 100 counters, 25 gauges with two decimals, 5 sums of seconds, 10 constants.
fn step(level: f64, number: usize, random: &mut fastrand::Rng) -> f64 {
    match number % 20 {
        0..=11 => level + f64::from(random.u32(0..200)),
        12..=16 => f64::from(random.i32(-50_000..50_000)) / 100.0,
        17 => level + random.f64(),
        _ => 1.0,
    }
}

fn report(what: &str, elapsed: Duration, count: u64) {
    println!(
        "{what}: {:.1} ns each, {:.1} ms in all",
        elapsed.as_nanos() as f64 / count as f64,
        elapsed.as_secs_f64() * 1e3
    );
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let series = arguments.next().transpose()?.unwrap_or(20_000);
    let scrapes = arguments.next().transpose()?.unwrap_or(480);
    let dir = std::env::temp_dir().join(format!("clew-metrics-path-{}", std::process::id()));
    let options = MetricStoreOptions { compact_runs: 4, ..MetricStoreOptions::default() };
    let store = MetricStore::open(Arc::new(DiskFiles), &dir, options, Arc::default())?;
    let all: Vec<Labels> = (0..series).map(labels).collect::<Result<_, _>>()?;
    let (mut encoder, mut decoder) = (MetricFrameEncoder::new(), MetricFrameDecoder::new());
    let mut random = fastrand::Rng::with_seed(1);
    let mut levels = vec![1000.0; series];
    let tenant = TenantId::default();
    let (mut encoding, mut decoding, mut applying, mut first, mut sealing) =
        <(Duration, Duration, Duration, Duration, Duration)>::default();
    let (mut position, mut frame_bytes, mut sealed_bytes) = (0, 0, 0);
    for scrape in 0..scrapes {
        let time = 1_700_000_000_000 + scrape as i64 * SCRAPE_MILLIS;
        for (target, chunk) in all.chunks(SERIES_PER_TARGET).enumerate() {
            let from = target * SERIES_PER_TARGET;
            let samples = levels.iter_mut().skip(from).take(chunk.len()).enumerate().map(|(at, level)| {
                *level = step(*level, from + at, &mut random);
                Sample { series: at as u32, time, value: *level }
            });
            let batch = MetricBatch { samples: samples.collect(), series: chunk.into(), ..MetricBatch::default() };
            let mut frame = Vec::new();
            let started = Cpu::now();
            let series = store.resolve(&tenant, &batch.series);
            let numbers = SeriesNumbers { table: series.table, numbers: &series.numbers };
            encoder.encode(position / 4_000, &tenant, &batch, numbers, &mut frame)?;
            encoding += started.elapsed();
            let started = Cpu::now();
            decoder.decode(position / 4_000, &frame)?;
            decoding += started.elapsed();
            frame_bytes += frame.len();
            position += 1;
            let started = Cpu::now();
            store.apply_resolved(position, &tenant, &batch, series)?;
            *(if scrape == 0 { &mut first } else { &mut applying }) += started.elapsed();
        }
        if (scrape + 1) % SCRAPES_PER_SEAL == 0 {
            let stats = store.hot_stats();
            println!(
                "head: {:.1} B of samples a series, {:.1} B of index",
                stats.sample_bytes as f64 / stats.series as f64,
                stats.index_bytes as f64 / stats.series as f64
            );
            let started = Cpu::now();
            sealed_bytes += store.seal()?.bytes;
            sealing += started.elapsed();
        }
    }
    let samples = (series * scrapes) as u64;
    report("frame encode, a sample", encoding, samples);
    report("frame decode, a sample", decoding, samples);
    println!("frames: {:.2} B a sample", frame_bytes as f64 / samples as f64);
    report("apply, a series seen first", first, series as u64);
    report("apply, a sample", applying, samples - series as u64);
    report("seal, a sample", sealing, samples);
    println!("sealed: {:.2} B a sample", sealed_bytes as f64 / samples as f64);
    query(&store, "sealed in runs")?;
    let started = Cpu::now();
    let compaction = store.compact()?;
    report("compact, a sample", started.elapsed(), compaction.samples.max(1));
    println!("compacted: {:.2} B a sample", compaction.bytes_after as f64 / compaction.samples.max(1) as f64);
    query(&store, "compacted")?;
    drop(store);
    let started = Cpu::now();
    let store = MetricStore::open(Arc::new(DiskFiles), &dir, MetricStoreOptions::default(), Arc::default())?;
    println!("open: {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
    query(&store, "after opening, first with an empty cache")?;
    drop(store);
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

fn query(store: &MetricStore, state: &str) -> Result<(), Box<dyn Error>> {
    let context = Context::new(Duration::from_secs(60), 8 << 30);
    let wide = [Matcher::new("method", MatchOp::NotEqual, "DELETE")?];
    let narrow = [Matcher::new("__name__", MatchOp::Equal, "http_server_metric_number_7_total")?];
    for (what, matchers) in [("3/4 of all", &wide), ("one metric", &narrow)] {
        for _ in 0..3 {
            let started = Cpu::now();
            let found = samples(&context, &*store.view(&context), matchers, TimeRange::ALL)?;
            let elapsed = started.elapsed();
            let read: u64 = found.iter().map(|one| one.times.len() as u64).sum();
            println!(
                "select {what}, {state}: {} series, {read} samples, {:.2} ms, {:.2} ns a sample",
                found.len(),
                elapsed.as_secs_f64() * 1e3,
                elapsed.as_nanos() as f64 / read.max(1) as f64
            );
        }
    }
    Ok(())
}
