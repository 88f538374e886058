//! Questions to a server that holds everything, one after the other over one connection.

use super::workload::{Requests, Workload};
use anyhow::{Result, ensure};
use clew_testkit::corpus::logs::{COMMON_WORD, PHRASE};
use clew_testkit::corpus::{COVERED_NANOS, hex, request};
use clew_testkit::http::encoded;
use clew_testkit::report::{figure, percentile, table};
use clew_testkit::server::Server;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often each question is asked.
const TIMES: u64 = 40;

/// Fills a server, starts it again with its default memory, and asks.
pub(crate) fn ask(binary: &Path, workloads: &[Workload], seed: u64, records: usize, end: u64) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let small = [("CLEW_LIMITS__MEMORY", "128MiB".to_owned())];
    let server = Server::start(binary, dir.path(), &small)?;
    let skipped = "logs, OTLP/HTTP";
    for workload in workloads.iter().filter(|workload| workload.name != skipped) {
        if matches!(workload.requests, Requests::Posted { .. }) {
            workload.send(&server, 4)?;
        }
    }
    server.rest(Duration::from_secs(60))?;
    server.stop()?;
    let server = Server::start(binary, dir.path(), &[])?;
    println!("started again with all of it, what was not sealed replayed, in {} ms", server.started_in.as_millis());
    server.rest(Duration::from_secs(60))?;
    let mut client = server.client()?;
    let mut rows = Vec::new();
    for question in questions(seed, records, end) {
        let mut times = Vec::new();
        let mut bytes = 0;
        for turn in 0..TIMES {
            let path = (question.path)(turn);
            let started = Instant::now();
            let answer = client.get(&path)?.text()?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
            ensure!(answer.contains(question.expected), "{path} answered {answer}");
            bytes = answer.len();
        }
        rows.push(vec![
            question.name.to_owned(),
            figure(percentile(times.iter().copied(), 50)),
            figure(percentile(times.iter().copied(), 95)),
            bytes.to_string(),
        ]);
    }
    println!("{TIMES} times each over one connection, answers whole in JSON, 2 to 4 million records and samples held");
    table(&["question", "median ms", "p95 ms", "bytes of the last answer"], &rows);
    server.stop()
}

struct Question {
    name: &'static str,
    path: Box<dyn Fn(u64) -> String>,
    /// Stands in every answer that is right.
    expected: &'static str,
}

fn questions(seed: u64, records: usize, end: u64) -> Vec<Question> {
    let range = format!("start={}&end={end}", end - COVERED_NANOS - 1_000_000_000);
    let seconds = end / 1_000_000_000;
    // Requests of the first three quarters of the corpus; every eighth log record begins a trace of the corpus.
    let ids = move |turn: u64| request(seed, (turn * 7_919) % (records as u64 / 8));
    let logs = {
        let range = range.clone();
        move |query: &str, limit: usize| format!("/api/v1/logs?query={}&limit={limit}&{range}", encoded(query))
    };
    let mut all: Vec<Question> = Vec::new();
    let mut add = |name, expected, path: Box<dyn Fn(u64) -> String>| all.push(Question { name, path, expected });
    {
        let logs = logs.clone();
        let needle = move |turn| logs(&format!("correlation_id:{}", ids(turn).correlation), 100);
        add("logs: needle by correlation ID", "req-", Box::new(needle));
    }
    for (name, query) in [
        ("logs: common word, newest 100", COMMON_WORD.to_owned()),
        ("logs: common word and service, newest 100", format!("{COMMON_WORD} service:ledger")),
        ("logs: phrase, newest 100", format!("\"{PHRASE}\"")),
    ] {
        let path = logs(&query, 100);
        add(name, "\"logs\":[{", Box::new(move |_| path.clone()));
    }
    let histogram = format!("/api/v1/logs/histogram?{range}");
    add("logs: histogram by severity, 1 h", "\"total\"", Box::new(move |_| histogram.clone()));
    add("correlate an ID", "req-", Box::new(move |turn| format!("/api/v1/correlate/{}", ids(turn).correlation)));
    add("trace by ID", "spans", Box::new(move |turn| format!("/api/v1/traces/{}", hex(&ids(turn).trace))));
    let slow = format!("/api/v1/traces?service=ledger&min_duration=200ms&limit=20&{range}");
    add("traces: service and duration, newest 20", "traces", Box::new(move |_| slow.clone()));
    let instant =
        format!("/prometheus/api/v1/query?query={}&time={seconds}", encoded("sum(rate(http_requests_total[5m]))"));
    add("PromQL: sum(rate(…[5m])) now", "\"value\":[", Box::new(move |_| instant.clone()));
    let by_code = encoded("sum by (code) (rate(http_requests_total[5m]))");
    let over_time =
        format!("/prometheus/api/v1/query_range?query={by_code}&start={}&end={seconds}&step=60", seconds - 2_700);
    add("PromQL: the same by code, 45 min at 60 s", "\"values\":[", Box::new(move |_| over_time.clone()));
    all
}
