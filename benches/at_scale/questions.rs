//! Questions to servers that hold the corpus, in turns.

use super::fill::{Filled, Signal};
use anyhow::{Context, Result, ensure};
use clew_testkit::corpus::logs::{COMMON_WORD, PHRASE};
use clew_testkit::corpus::{COVERED_NANOS, hex, request};
use clew_testkit::http::encoded;
use clew_testkit::process;
use clew_testkit::report::{figure, median, table};
use std::time::{Duration, Instant};

/// CPU that the askings of one round should take, so that steps of 10 ms matter little.
const ROUND_CPU: Duration = Duration::from_millis(120);

/// Most askings of one round.
const MOST_ASKINGS: u64 = 400;

/// How large the corpus is, and which.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub seed: u64,
    /// Log records.
    pub records: usize,
    /// Its newest instant, nanoseconds since 1970.
    pub end: u64,
}

struct Question {
    name: &'static str,
    /// The signals that must have been filled.
    needs: &'static [Signal],
    /// The aim of its CPU in milliseconds at 2 million records.
    aim: &'static str,
    path: Box<dyn Fn(u64) -> String>,
    /// Stands in every answer that is right.
    expected: &'static str,
    /// Whether the answer is the same bytes whatever the order of arrival.
    same: bool,
}

/// Asks every question of every server; answers go into a table.
pub(crate) fn ask(filled: &mut [Filled], scale: Scale, signals: &[Signal], runs: usize) -> Result<()> {
    let mut rows = Vec::new();
    for question in questions(scale) {
        if question.needs.iter().all(|signal| signals.contains(signal)) {
            rows.push(ask_one(&question, filled, runs)?);
        }
    }
    println!("CPU ms (wall ms) of one asking, each server in the order given; ratio of the first to the last");
    table(&["question", "servers", "first / last", "aim ms", "bytes"], &rows);
    for side in filled {
        let peak = process::peak_resident_bytes(side.server.pid())? as f64 / f64::from(1 << 20);
        println!("{}: peak RSS {} MiB while it was asked", side.name, figure(peak));
    }
    Ok(())
}

fn ask_one(question: &Question, filled: &[Filled], runs: usize) -> Result<Vec<String>> {
    let mut askings = Vec::new();
    let mut answers = Vec::new();
    for side in filled {
        // The first asking is not counted: it opens files.
        let (_, _, answer) = round(question, side, 0, 1)?;
        answers.push(answer);
        let (cpu, _, _) = round(question, side, 1, 5)?;
        let wanted = ROUND_CPU.as_secs_f64() * 1e3 / cpu.max(0.05);
        askings.push((wanted as u64).clamp(1, MOST_ASKINGS));
    }
    ensure!(
        !question.same || answers.windows(2).all(|pair| pair.first() == pair.last()),
        "{}: the binaries answer differently: {answers:?}",
        question.name
    );
    let mut measured = vec![Vec::new(); filled.len()];
    for _ in 0..runs {
        for (at, side) in filled.iter().enumerate() {
            let (cpu, wall, _) = round(question, side, 6, *askings.get(at).context("a count")?)?;
            measured.get_mut(at).context("a side")?.push((cpu, wall));
        }
    }
    let cpu: Vec<f64> = measured.iter().map(|runs| median(runs.iter().map(|run| run.0))).collect();
    let wall = measured.iter().map(|runs| median(runs.iter().map(|run| run.1)));
    let shown = cpu.iter().zip(wall).map(|(cpu, wall)| format!("{} ({})", figure(*cpu), figure(wall)));
    let ratio = cpu.first().zip(cpu.last()).map_or(f64::NAN, |(first, last)| first / last);
    Ok(vec![
        question.name.to_owned(),
        shown.collect::<Vec<_>>().join(" / "),
        figure(ratio),
        question.aim.to_owned(),
        answers.last().map_or(0, String::len).to_string(),
    ])
}

/// CPU and wall milliseconds of one asking, and the last answer.
fn round(question: &Question, side: &Filled, first: u64, askings: u64) -> Result<(f64, f64, String)> {
    let pid = side.server.pid();
    // A server closes connections on which nothing was asked while another one answered.
    let mut client = side.server.client()?;
    let (before, started) = (process::cpu_time(pid)?, Instant::now());
    let mut answer = String::new();
    for turn in first..first + askings {
        let path = (question.path)(turn);
        answer = client.get(&path)?.text().with_context(|| format!("{} asked {path}", side.name))?;
        ensure!(answer.contains(question.expected), "{} answered {path} with {answer}", side.name);
    }
    let wall = started.elapsed().as_secs_f64() * 1e3 / askings as f64;
    let cpu = process::cpu_time(pid)?.saturating_sub(before).as_secs_f64() * 1e3 / askings as f64;
    Ok((cpu, wall, answer))
}

fn questions(scale: Scale) -> Vec<Question> {
    let mut all = log_questions(scale);
    all.extend(trace_questions(scale));
    all.extend(metric_questions(scale));
    all
}

fn range(scale: Scale) -> String {
    format!("start={}&end={}", scale.end - COVERED_NANOS - 1_000_000_000, scale.end)
}

fn log_questions(scale: Scale) -> Vec<Question> {
    const LOGS: &[Signal] = &[Signal::Logs];
    let Scale { seed, records, .. } = scale;
    let range = range(scale);
    // Every fourth log record begins a request; every eighth span a trace. The older three quarters of what has both.
    let ids = move |turn: u64| request(seed, (turn * 7_919) % (records as u64 / 32));
    let logs = {
        let range = range.clone();
        move |query: &str, limit: usize| format!("/api/v1/logs?query={}&limit={limit}&{range}", encoded(query))
    };
    let counted = {
        let range = range.clone();
        move |query: &str| format!("/api/v1/logs/histogram?query={}&{range}", encoded(query))
    };
    let mut all: Vec<Question> = Vec::new();
    let mut add = |name, aim, expected, same, path: Box<dyn Fn(u64) -> String>| {
        all.push(Question { name, needs: LOGS, aim, path, expected, same });
    };
    let by = logs.clone();
    let needle = move |turn| by(&format!("correlation_id:{}", ids(turn).correlation), 100);
    add("needle by correlation ID", "1", "req-", false, Box::new(needle));
    let by = logs.clone();
    let needle = move |turn| by(&format!("trace_id:{}", hex(&ids(turn).trace)), 100);
    add("needle by trace ID", "1", "\"logs\"", false, Box::new(needle));
    let resolve = move |turn| format!("/api/v1/resolve?id={}", ids(turn).correlation);
    add("resolve an ID", "2", "\"logs\"", false, Box::new(resolve));
    let correlate = move |turn| format!("/api/v1/correlate/{}", ids(turn).correlation);
    add("correlate an ID", "10", "req-", false, Box::new(correlate));
    for (name, aim, query) in [
        ("a phrase over time by severity", "30", format!("\"{PHRASE}\"")),
        ("a word over time by severity", "30", COMMON_WORD.to_owned()),
        ("a regex over time by severity", "80", "/reset by (peer|host)/".to_owned()),
        ("all over time by severity", "12", String::new()),
    ] {
        let path = counted(&query);
        add(name, aim, "\"total\"", true, Box::new(move |_| path.clone()));
    }
    let fields = format!("/api/v1/logs/fields?{range}");
    // Of fields with very many values, how many are counted is the binary's own affair.
    add("the field list with top values", "150", "\"fields\"", false, Box::new(move |_| fields.clone()));
    let values = format!("/api/v1/logs/fields/host/values?{range}");
    add("top values of a field of 50 values", "15", "host-", true, Box::new(move |_| values.clone()));
    let newest = logs(&format!("{COMMON_WORD} service:ledger"), 100);
    add("newest 100 of word and service", "3", "\"logs\":[{", false, Box::new(move |_| newest.clone()));
    all
}

fn trace_questions(scale: Scale) -> Vec<Question> {
    const SPANS: &[Signal] = &[Signal::Spans];
    const BOTH: &[Signal] = &[Signal::Logs, Signal::Spans];
    let Scale { seed, records, end } = scale;
    let three_hours = format!("start={}&end={end}", end - 3 * COVERED_NANOS);
    let trace = move |turn: u64| {
        format!("/api/v1/traces/{}", hex(&request(seed, (turn * 7_919) % (records as u64 / 32)).trace))
    };
    let fixed = |path: String| -> Box<dyn Fn(u64) -> String> { Box::new(move |_| path.clone()) };
    let question = |name, needs, aim, expected, path| Question { name, needs, aim, path, expected, same: false };
    vec![
        question("services list, 3 h", BOTH, "5", "ledger", fixed(format!("/api/v1/services?{three_hours}"))),
        question("service map, 3 h", SPANS, "10", "ledger", fixed(format!("/api/v1/service-map?{three_hours}"))),
        question("one service, 3 h", SPANS, "15", "ledger", fixed(format!("/api/v1/services/ledger?{three_hours}"))),
        question("trace by ID", SPANS, "1", "spans", Box::new(trace)),
        question(
            "traces by service and duration, newest 20",
            SPANS,
            "",
            "traces",
            fixed(format!("/api/v1/traces?service=ledger&min_duration=200ms&limit=20&{}", range(scale))),
        ),
    ]
}

fn metric_questions(scale: Scale) -> Vec<Question> {
    const SAMPLES: &[Signal] = &[Signal::Samples];
    let seconds = scale.end / 1_000_000_000;
    let now = |query: &str| format!("/prometheus/api/v1/query?query={}&time={seconds}", encoded(query));
    let over = |query: &str| {
        let (query, start) = (encoded(query), seconds - 7_200);
        format!("/prometheus/api/v1/query_range?query={query}&start={start}&end={seconds}&step=60")
    };
    let rate = "sum by (code) (rate(http_requests_total[5m]))";
    let quantile = "histogram_quantile(0.9, sum by (le, route) (rate(latency_seconds_bucket[5m])))";
    [
        ("sum by (rate) now", "5", now(rate)),
        ("sum by (rate), 2 h at 60 s", "8", over(rate)),
        ("histogram_quantile, 2 h at 60 s", "40", over(quantile)),
    ]
    .into_iter()
    .map(|(name, aim, path)| Question {
        name,
        needs: SAMPLES,
        aim,
        path: Box::new(move |_| path.clone()),
        expected: "\"result\":[{",
        same: false,
    })
    .collect()
}
