//! Log records of 200 message templates, about 320 bytes each as JSON, trace IDs on 60 %, 4 to 8 attributes.

use super::{HOSTS, SERVICES, attribute, hex, integer, request, resource, scope, text, time_of};
use fastrand::Rng;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message as _;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const SUBJECTS: [&str; 10] =
    ["request", "worker", "upstream", "cache", "session", "job", "query", "agent", "connection", "batch"];
const VERBS: [&str; 10] =
    ["accepted", "finished", "retried", "dispatched", "refreshed", "rejected", "opened", "closed", "resumed", "stored"];

/// A word that about one record in fifty has in its message.
pub const COMMON_WORD: &str = "timeout";

/// Words that stand in a row in about one message in a hundred.
pub const PHRASE: &str = "connection reset by peer";

// A template number t of 200 is drawn with the density -ln(t / 200) / 200: 1.8 % for 5, 1.0 % for 27.
const TIMEOUT_TEMPLATE: usize = 5;
const RESET_TEMPLATE: usize = 27;

/// One record before it is encoded.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// Nanoseconds since 1970, whole milliseconds.
    pub time: u64,
    /// `DEBUG`, `INFO`, `WARN` or `ERROR`.
    pub level: &'static str,
    /// One of the services.
    pub service: &'static str,
    /// Which host.
    pub host: usize,
    /// The message.
    pub message: String,
    /// The request it belongs to.
    pub request: u64,
    /// The IDs of that request and the span, on 60 %.
    pub trace: Option<(String, String)>,
    /// The correlation ID of the request.
    pub correlation: String,
    /// 2 to 6 more attributes.
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// A value of an attribute.
#[derive(Debug, Clone)]
pub enum Attribute {
    /// Text without characters that JSON escapes.
    Text(String),
    /// A number.
    Number(i64),
}

/// Makes `count` records of the hour before `end`; four of them, spread out, belong to each request.
#[must_use]
pub fn entries(seed: u64, count: usize, end: u64) -> Vec<LogEntry> {
    stream(seed, count, end).collect()
}

/// The same records one after the other, for corpora that do not fit in memory.
pub fn stream(seed: u64, count: usize, end: u64) -> impl Iterator<Item = LogEntry> {
    let mut rng = Rng::with_seed(seed);
    (0..count).map(move |index| entry(seed, index, count, end, &mut rng))
}

fn entry(seed: u64, index: usize, count: usize, end: u64, rng: &mut Rng) -> LogEntry {
    let number = (index / 16 * 4 + index % 4) as u64;
    let ids = request(seed, number);
    let with_trace = rng.u8(..100) < 60;
    let service = SERVICES[skewed(rng, SERVICES.len())];
    LogEntry {
        time: time_of(index, count, end, rng) / 1_000_000 * 1_000_000,
        level: match rng.u8(..100) {
            0..8 => "DEBUG",
            8..84 => "INFO",
            84..94 => "WARN",
            _ => "ERROR",
        },
        service,
        host: rng.usize(..HOSTS),
        message: message(rng),
        request: number,
        trace: with_trace.then(|| (hex(&ids.trace), format!("{:016x}", rng.u64(1..)))),
        correlation: ids.correlation,
        attributes: attributes(rng, service),
    }
}

/// Small numbers are more frequent.
fn skewed(rng: &mut Rng, below: usize) -> usize {
    let share = rng.f64() * rng.f64();
    ((share * below as f64) as usize).min(below - 1)
}

fn message(rng: &mut Rng) -> String {
    let template = skewed(rng, 200);
    let (subject, verb) = (SUBJECTS[template % 10], VERBS[template / 10 % 10]);
    let number = rng.u32(1..20_000);
    match (template / 100, template % 7) {
        (0, 0) => format!("{subject} {verb} after {number} ms"),
        (0, 1) => format!("{subject} {:08x} {verb}, {number} bytes written", rng.u32(..)),
        (0, 2) => format!("{subject} {verb} for tenant acme-{} on shard {}", number % 97, number % 16),
        (0, 3) => format!("{subject} {verb} from 10.{}.{}.{}:{number}", rng.u8(..8), rng.u8(..), rng.u8(..)),
        (0, 4) => format!("{subject} {verb} with status {} in {number} ms", 200 + 100 * rng.u32(..4)),
        (0, 5) if template == TIMEOUT_TEMPLATE => format!("{subject} {verb}: {COMMON_WORD} of {number} ms exceeded"),
        (0, 6) if template == RESET_TEMPLATE => {
            format!("{subject} {verb}: {PHRASE} 10.0.{}.{}", rng.u8(..), rng.u8(..))
        }
        (0, _) => format!("{subject} {verb} {} of {number} items", number / 2),
        _ => format!("{subject} number {number} {verb} by the {} of step {}", SUBJECTS[template % 9], template % 12),
    }
}

fn attributes(rng: &mut Rng, service: &str) -> Vec<(&'static str, Attribute)> {
    let mut all =
        vec![("duration_ms", Attribute::Number(rng.i64(1..5_000))), ("user_id", Attribute::Number(rng.i64(1..24_000)))];
    if rng.bool() {
        all.push(("pod", Attribute::Text(format!("{service}-5d8f7c{:02}", rng.u8(..100)))));
    }
    if rng.bool() {
        all.push(("region", Attribute::Text(format!("eu-west-{}", rng.u8(1..4)))));
    }
    if rng.bool() {
        all.push(("bytes", Attribute::Number(rng.i64(..1_000_000))));
    }
    if rng.bool() {
        all.push(("version", Attribute::Text(format!("2.{}.{}", rng.u8(..15), rng.u8(..10)))));
    }
    all
}

impl LogEntry {
    /// Appends the record as one line of JSON.
    pub fn write_json(&self, out: &mut String) {
        // Writing to a string does not fail.
        let _ = write!(
            out,
            r#"{{"timestamp":"{}","level":"{}","service":"{}","host":"host-{:02}","message":"{}","correlation_id":"{}""#,
            rfc3339(self.time),
            self.level,
            self.service,
            self.host,
            self.message,
            self.correlation
        );
        if let Some((trace, span)) = &self.trace {
            let _ = write!(out, r#","trace_id":"{trace}","span_id":"{span}""#);
        }
        out.push_str(r#","context":{"#);
        for (index, (key, value)) in self.attributes.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = match value {
                Attribute::Text(value) => write!(out, r#"{comma}"{key}":"{value}""#),
                Attribute::Number(value) => write!(out, r#"{comma}"{key}":{value}"#),
            };
        }
        out.push_str("}}\n");
    }

    fn otlp(&self) -> LogRecord {
        let mut attributes: Vec<KeyValue> = vec![attribute("correlation_id", text(self.correlation.as_str()))];
        attributes.extend(self.attributes.iter().map(|(key, value)| match value {
            Attribute::Text(value) => attribute(key, text(value.as_str())),
            Attribute::Number(value) => attribute(key, integer(*value)),
        }));
        LogRecord {
            time_unix_nano: self.time,
            observed_time_unix_nano: self.time,
            severity_number: match self.level {
                "DEBUG" => 5,
                "INFO" => 9,
                "WARN" => 13,
                _ => 17,
            },
            severity_text: self.level.to_owned(),
            body: Some(text(self.message.as_str())),
            attributes,
            trace_id: self.trace.as_ref().map(|(trace, _)| bytes_of_hex(trace)).unwrap_or_default(),
            span_id: self.trace.as_ref().map(|(_, span)| bytes_of_hex(span)).unwrap_or_default(),
            ..LogRecord::default()
        }
    }
}

fn rfc3339(time: u64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(time)).map(|time| time.to_string()).unwrap_or_default()
}

fn bytes_of_hex(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).filter_map(|at| u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()).collect()
}

/// Bodies of NDJSON with `per_body` records each.
#[must_use]
pub fn ndjson(entries: &[LogEntry], per_body: usize) -> Vec<Vec<u8>> {
    entries.chunks(per_body).map(|chunk| ndjson_body(chunk.iter())).collect()
}

/// One body of NDJSON.
pub fn ndjson_body<'a>(entries: impl Iterator<Item = &'a LogEntry>) -> Vec<u8> {
    let mut out = String::new();
    entries.for_each(|entry| entry.write_json(&mut out));
    out.into_bytes()
}

/// OTLP requests with `per_body` records each.
#[must_use]
pub fn otlp(entries: &[LogEntry], per_body: usize) -> Vec<Vec<u8>> {
    entries.chunks(per_body).map(otlp_body).collect()
}

/// One OTLP request, its records grouped by service and host as a collector does.
#[must_use]
pub fn otlp_body(entries: &[LogEntry]) -> Vec<u8> {
    let mut groups: BTreeMap<(&str, usize), Vec<LogRecord>> = BTreeMap::new();
    for entry in entries {
        // Ten hosts a service keeps groups of a size that collectors send.
        groups.entry((entry.service, entry.host % 10)).or_default().push(entry.otlp());
    }
    let resource_logs = groups
        .into_iter()
        .map(|((service, host), log_records)| ResourceLogs {
            resource: Some(resource(service, host)),
            scope_logs: vec![ScopeLogs { scope: Some(scope()), log_records, ..ScopeLogs::default() }],
            ..ResourceLogs::default()
        })
        .collect();
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: u64 = 1_800_000_000_000_000_000;

    #[test]
    fn the_same_seed_gives_the_same_bodies_and_another_seed_others() {
        let of = |seed| ndjson(&entries(seed, 500, END), 100);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert_eq!(of(1).len(), 5);
    }

    #[test]
    fn records_have_the_size_and_the_words_that_the_benches_state() {
        let entries = entries(7, 20_000, END);
        let bytes: usize = ndjson(&entries, 1_000).iter().map(Vec::len).sum();
        assert!((300..400).contains(&(bytes / entries.len())), "{} bytes a record", bytes / entries.len());
        let with = |words: &str| entries.iter().filter(|entry| entry.message.contains(words)).count();
        assert!((200..1_000).contains(&with(COMMON_WORD)), "{}", with(COMMON_WORD));
        assert!((100..600).contains(&with(PHRASE)), "{}", with(PHRASE));
        let traced = entries.iter().filter(|entry| entry.trace.is_some()).count();
        assert!((11_500..12_500).contains(&traced), "{traced}");
        assert!(
            entries.iter().all(|entry| (END - super::super::COVERED_NANOS - 1_000_000..=END).contains(&entry.time))
        );
    }
}
