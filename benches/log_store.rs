//! The log store beside one tantivy document a record: CPU, bytes, and the time of a few questions.
//!
//! Question: what do blocks of records under a term index gain over the textbook layout?
//!
//! Corpus: `clew_testkit::corpus::logs`, seeded, about 320 bytes of JSON a record, decoded before the clock starts; the cost
//! of decoding is told beside. Both sides get the same records in batches of 1,000 and make a part (a segment) of each
//! 100,000; neither merges them. The baseline (`log_store/documents.rs`) indexes every word with positions and every
//! `path=value`, has fast fields for time and severity, and keeps the JSON text in blocks of 16 KiB under zstd-1. It
//! works in memory without any sync, the log store on the disk with its own: that favours the baseline.
//!
//! Method: CPU of this process by CLOCK_PROCESS_CPUTIME_ID; runs take turns; figures are medians. Questions run on one
//! thread, files in the page cache, and both sides must give the same counts and times, or the bench fails. The words of
//! the phrase stand in every block, so that no index can spare the log store reading them all.
//!
//! Limits: 300,000 records are few: what costs one step a segment or a block hardly shows; synthetic text of 200 templates; one tenant; one hour. Settings: `CLEW_BENCH_RECORDS` (300000),
//! `CLEW_BENCH_RUNS` (3).

mod log_store {
    pub(crate) mod blocks;
    pub(crate) mod documents;
}

use anyhow::{Result, ensure};
use clew_codec::json_logs::{self, JsonLogOptions};
use clew_model::TimeRange;
use clew_model::logs::LogRecord;
use clew_testkit::corpus::{COVERED_NANOS, SERVICES, logs, request};
use clew_testkit::process::own_cpu_time;
use clew_testkit::report::{figure, median, micros, setting, table};
use log_store::{blocks, documents};
use std::time::{Duration, Instant};

const SEED: u64 = 20_261_122;

/// The corpus ends here, so that runs on other days see the same bytes.
const END: u64 = 1_795_348_800_000_000_000;

const BATCH: usize = 1_000;
const BATCHES_PER_PART: usize = 100;

/// How often each question is asked.
const TIMES: usize = 30;

/// One batch.
pub struct Batch {
    /// The decoded records.
    pub records: Vec<LogRecord>,
    /// The same as NDJSON.
    pub json: Vec<u8>,
}

/// What both sides can be asked. Times are in nanoseconds since 1970.
pub trait Contender {
    /// For the table's head.
    fn name(&self) -> &'static str;
    /// The times of all records with this correlation ID, in order of time.
    fn needle(&self, correlation: &str) -> Result<Vec<i64>>;
    /// The times of the newest records of a service with this word.
    fn word_and_service(&self, word: &str, service: &str, limit: usize) -> Result<Vec<i64>>;
    /// How many records have these words in a row.
    fn phrase_count(&self, phrase: &str) -> Result<u64>;
    /// Counts by time in steps and by severity range.
    fn histogram(&self, range: TimeRange, step: i64) -> Result<Vec<[u64; 7]>>;
}

/// What building cost.
pub struct Built {
    /// CPU time of the whole process.
    pub cpu: Duration,
    /// What stands on the disk, or would.
    pub bytes: u64,
}

fn main() -> Result<()> {
    if !clew_testkit::report::is_bench() {
        return Ok(());
    }
    let records = setting("CLEW_BENCH_RECORDS", 300_000)?;
    let runs = setting("CLEW_BENCH_RUNS", 3)?;
    let entries = logs::entries(SEED, records, END);
    let bodies = logs::ndjson(&entries, BATCH);
    let raw: usize = bodies.iter().map(Vec::len).sum();
    let before = own_cpu_time();
    let batches = bodies.into_iter().map(decode).collect::<Result<Vec<_>>>()?;
    let decoding = own_cpu_time().saturating_sub(before);
    println!(
        "log store: {records} records, {} bytes of JSON each, seed {SEED}, {runs} runs in turns; decoding JSON {} µs/record",
        raw / records.max(1),
        figure(micros(decoding) / records as f64)
    );
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..runs {
        let dir = tempfile::tempdir()?;
        let (blocks, built) = blocks::build(dir.path(), &batches, BATCHES_PER_PART)?;
        ours.push(built);
        let (documents, built) = documents::build(&batches, BATCHES_PER_PART)?;
        theirs.push(built);
        last = Some((dir, blocks, documents));
    }
    let row = |name: &str, built: &[Built]| {
        let cpu = built.iter().map(|one| micros(one.cpu) / records as f64);
        let bytes = median(built.iter().map(|one| one.bytes as f64));
        vec![name.to_owned(), figure(median(cpu)), figure(bytes / records as f64), format!("{:.3}", bytes / raw as f64)]
    };
    let head = ["", "CPU µs/record", "bytes/record", "bytes/raw byte"];
    table(&head, &[row("log store (apply and seal)", &ours), row("one tantivy document a record", &theirs)]);
    if let Some((_dir, blocks, documents)) = &last {
        ask(&[blocks, documents], records)?;
    }
    Ok(())
}

fn decode(json: Vec<u8>) -> Result<Batch> {
    let decoded = json_logs::decode(&json, END as i64, &JsonLogOptions::default())?;
    ensure!(decoded.rejected == 0, "the corpus has faults: {}", decoded.message());
    Ok(Batch { records: decoded.records, json })
}

fn ask(sides: &[&dyn Contender; 2], records: usize) -> Result<()> {
    let range = TimeRange::new((END - COVERED_NANOS) as i64, END as i64);
    let correlation = |turn: usize| request(SEED, (turn * 7_919 % (records / 4).max(1)) as u64).correlation;
    let service = |turn: usize| SERVICES.get(turn % 8).copied().unwrap_or_default();
    let minute = 60_000_000_000;
    let rows = [
        compare("needle by correlation ID", sides, |side, turn| side.needle(&correlation(turn)))?,
        compare("common word and service, newest 100", sides, |side, turn| {
            side.word_and_service(logs::COMMON_WORD, service(turn), 100)
        })?,
        compare("phrase count", sides, |side, _| side.phrase_count(logs::PHRASE))?,
        compare("histogram by minute and severity", sides, |side, _| side.histogram(range, minute))?,
    ];
    let head: Vec<&str> = std::iter::once("question, median ms").chain(sides.iter().map(|side| side.name())).collect();
    table(&head, &rows);
    Ok(())
}

/// Asks both sides in turns and compares what they say.
fn compare<T: PartialEq + std::fmt::Debug>(
    question: &str,
    sides: &[&dyn Contender; 2],
    ask: impl Fn(&dyn Contender, usize) -> Result<T>,
) -> Result<Vec<String>> {
    let mut times: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for turn in 0..TIMES {
        let mut answers = Vec::new();
        for (side, times) in sides.iter().zip(&mut times) {
            let started = Instant::now();
            answers.push(ask(*side, turn)?);
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        ensure!(answers.first() == answers.last(), "{question}: the answers differ: {answers:?}");
    }
    let medians = times.into_iter().map(|times| figure(median(times)));
    Ok(std::iter::once(question.to_owned()).chain(medians).collect())
}
