//! What keeps metrics and spans: our own sealed tables beside fjall, redb and sled (docs/decisions/0001, 0007).
//!
//! Question: what does an engine cost that takes in chunks of many series in order of time, gives back one series, and
//! loses its oldest half?
//!
//! Corpus: chunks of 100 to 400 incompressible bytes of 20,000 series, all series at t0, then at t1, and so on, seeded.
//! The decision's table was made with 600,000 chunks in one table an engine; the default here is 400,000, so that it
//! ends within a minute. With few chunks fjall's journal, 64 MiB made in advance, is most of what it takes.
//!
//! Method: two partitions, one for each half of the time; a durable write for each 10,000 chunks. CPU of the whole
//! process by CLOCK_PROCESS_CPUTIME_ID; bytes written from /proc/self/io (`write_bytes`: pages made dirty, so rewriting
//! a page that is still in memory is not seen); disk as the length of the files after the last sync. Then 1,000 series
//! are read whole in random order; then the older partition is dropped in the way the engine is best at. Runs of the
//! engines take turns; figures are medians.
//!
//! "own tables" is the engine of `clew-kvstore` as it is shipped: a table for each durable write, eight of a partition
//! merged into one; "fjall in bulk" writes as that crate did before, by ingestion past fjall's journal.
//!
//! Limits: one thread writes; data fits in memory, so reads come from caches; fjall and sled work in the background, what
//! they have not finished one second after the last sync is not counted. Settings: `CLEW_BENCH_CHUNKS` (400000),
//! `CLEW_BENCH_RUNS` (3).

mod key_value {
    pub(crate) mod engines;
}

use anyhow::{Context, Result, ensure};
use clew_testkit::process::{directory_bytes, own_cpu_time};
use clew_testkit::report::{figure, median, micros, setting, table};
use fastrand::Rng;
use key_value::engines::{self, Engine};
use std::path::Path;
use std::time::Duration;

const SEED: u64 = 20_261_122;
const SERIES: usize = 20_000;
const BATCH: usize = 10_000;
const READS: usize = 1_000;

/// How long engines may tidy up in the background before sizes are read.
const SETTLE: Duration = Duration::from_secs(1);

/// A key: series, then time, both big-endian, so that a series' chunks stand together.
pub type Key = [u8; 8];

struct Measured {
    cpu: Duration,
    disk_per_logical: f64,
    write_amplification: f64,
    read_micros: f64,
    megabytes_before: f64,
    megabytes_dropped: f64,
    megabytes_compacted: Option<f64>,
}

fn main() -> Result<()> {
    if !clew_testkit::report::is_bench() {
        return Ok(());
    }
    let chunks = setting("CLEW_BENCH_CHUNKS", 400_000)?.max(2 * SERIES);
    let runs = setting("CLEW_BENCH_RUNS", 3)?;
    println!(
        "key-value engines: {chunks} chunks of 100 to 400 bytes of {SERIES} series, seed {SEED}, {runs} runs in turns"
    );
    let mut measured: Vec<(&str, Vec<Measured>)> = engines::NAMES.into_iter().map(|name| (name, Vec::new())).collect();
    for _ in 0..runs {
        for (name, runs) in &mut measured {
            let dir = tempfile::tempdir()?;
            let mut engine = engines::open(name, dir.path())?;
            runs.push(measure(&mut *engine, dir.path(), chunks).with_context(|| (*name).to_owned())?);
        }
    }
    let head = [
        "engine",
        "CPU s",
        "CPU µs a chunk",
        "disk / logical",
        "write amplification",
        "one series' chunks, CPU µs",
        "oldest half dropped, MB before → after",
        "then compacted",
    ];
    let rows: Vec<_> = measured.iter().map(|(name, runs)| row(name, runs, chunks)).collect();
    table(&head, &rows);
    Ok(())
}

fn row(name: &str, runs: &[Measured], chunks: usize) -> Vec<String> {
    let of = |value: &dyn Fn(&Measured) -> f64| median(runs.iter().map(value));
    let compacted = runs.iter().filter_map(|run| run.megabytes_compacted);
    let compacted = median(compacted);
    vec![
        name.to_owned(),
        figure(of(&|run| run.cpu.as_secs_f64())),
        figure(of(&|run| micros(run.cpu) / chunks as f64)),
        figure(of(&|run| run.disk_per_logical)),
        figure(of(&|run| run.write_amplification)),
        figure(of(&|run| run.read_micros)),
        format!("{:.0} → {:.0}", of(&|run| run.megabytes_before), of(&|run| run.megabytes_dropped)),
        if compacted.is_nan() { String::new() } else { format!("{compacted:.0}") },
    ]
}

fn measure(engine: &mut dyn Engine, dir: &Path, chunks: usize) -> Result<Measured> {
    let (cpu, written) = (own_cpu_time(), written_bytes()?);
    let logical = fill(engine, chunks)?;
    std::thread::sleep(SETTLE);
    let cpu = own_cpu_time().saturating_sub(cpu);
    let written = written_bytes()?.saturating_sub(written);
    let disk = directory_bytes(dir)?;
    let read_micros = read(engine, chunks / SERIES)?;
    engine.drop_older()?;
    std::thread::sleep(SETTLE);
    let dropped = directory_bytes(dir)?;
    let compacted = engine.compact()?.then(|| directory_bytes(dir)).transpose()?;
    let mega = |bytes: u64| bytes as f64 / 1e6;
    Ok(Measured {
        cpu,
        disk_per_logical: disk as f64 / logical as f64,
        write_amplification: written as f64 / logical as f64,
        read_micros,
        megabytes_before: mega(disk),
        megabytes_dropped: mega(dropped),
        megabytes_compacted: compacted.map(mega),
    })
}

/// Writes the chunks; answers the bytes of their keys and values. Making the noise is part of the time for all alike.
fn fill(engine: &mut dyn Engine, chunks: usize) -> Result<u64> {
    let mut rng = Rng::with_seed(SEED);
    let mut logical = 0;
    let mut batch: Vec<(Key, Vec<u8>)> = Vec::with_capacity(BATCH);
    let rounds = chunks / SERIES;
    for round in 0..rounds {
        for series in 0..SERIES {
            let mut value = vec![0; rng.usize(100..=400)];
            rng.fill(&mut value);
            logical += size_of::<Key>() + value.len();
            batch.push((key(series, round), value));
            if batch.len() == BATCH {
                engine.write(2 * round >= rounds, &batch)?;
                batch.clear();
            }
        }
    }
    Ok(logical as u64)
}

fn key(series: usize, round: usize) -> Key {
    let number = (series as u64) << 32 | round as u64;
    number.to_be_bytes()
}

fn read(engine: &dyn Engine, rounds: usize) -> Result<f64> {
    let mut rng = Rng::with_seed(SEED + 1);
    let before = own_cpu_time();
    for _ in 0..READS {
        let series = rng.usize(..SERIES);
        let found = engine.count(key(series, 0), key(series, u32::MAX as usize))?;
        ensure!(found == rounds, "series {series} has {found} chunks, {rounds} were written");
    }
    Ok(micros(own_cpu_time().saturating_sub(before)) / READS as f64)
}

fn written_bytes() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/io")?;
    let bytes = text.lines().find_map(|line| line.strip_prefix("write_bytes:")?.trim().parse().ok());
    bytes.context("no write_bytes in /proc/self/io")
}
