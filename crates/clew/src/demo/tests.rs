//! The story holds together: every reference leads somewhere, and every number can be counted.

use super::generator::{Batch, Generator};
use super::incident::IncidentKind;
use clew_model::metrics::{Labels, is_stale};
use clew_model::traces::{Span, SpanKind, StatusCode};
use clew_model::value::find;
use clew_model::{SpanId, TraceId, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::OnceLock;

const SECOND: i64 = 1_000_000_000;

const SEED: u64 = 7;

/// 2027-01-15T08:00:00Z, a multiple of the incidents' period and of the scrape interval.
const START: i64 = 1_800_000_000 * SECOND;

/// A quarter of an hour, told in uneven steps, in which every incident comes; and all that it led to.
fn quarter_of_an_hour() -> &'static Batch {
    static TOLD: OnceLock<Batch> = OnceLock::new();
    TOLD.get_or_init(tell_quarter_of_an_hour)
}

fn tell_quarter_of_an_hour() -> Batch {
    let mut generator = Generator::new(SEED, START);
    let mut whole = Batch::default();
    for (number, second) in (1..=900).step_by(7).enumerate() {
        let part = generator.advance(START + second * SECOND + number as i64);
        take(&mut whole, part);
    }
    generator.end_requests();
    take(&mut whole, generator.advance(START + 1_800 * SECOND));
    whole
}

fn take(whole: &mut Batch, part: Batch) {
    whole.logs.extend(part.logs);
    whole.spans.extend(part.spans);
    whole.metrics.extend(part.metrics);
}

fn attribute(span: &Span, key: &str) -> String {
    find(&span.attributes, key).map(|value| value.display_text().into_owned()).unwrap_or_default()
}

#[test]
fn the_same_seed_tells_the_same_story_and_another_seed_another() {
    let told = |seed| Generator::new(seed, START).advance(START + 120 * SECOND);
    let (one, same, other) = (told(SEED), told(SEED), told(SEED + 1));
    assert!(one == same, "two tellings of one seed differ");
    assert!(one != other);
}

#[test]
fn how_often_one_asks_changes_nothing() {
    let mut patient = Generator::new(SEED, START);
    let mut hasty = Generator::new(SEED, START);
    let whole = patient.advance(START + 100 * SECOND);
    let mut parts = Batch::default();
    for half_second in 1..=200 {
        take(&mut parts, hasty.advance(START + half_second * SECOND / 2));
    }
    assert_eq!(parts.spans.len(), whole.spans.len());
    assert!(parts == whole);
}

#[test]
fn parents_links_and_the_spans_of_logs_exist_and_times_are_in_order() {
    let story = quarter_of_an_hour();
    let spans: HashMap<(TraceId, SpanId), &Span> =
        story.spans.iter().map(|span| ((span.trace_id, span.span_id), span)).collect();
    assert_eq!(spans.len(), story.spans.len(), "span IDs are unique");
    let traces: HashSet<TraceId> = story.spans.iter().map(|span| span.trace_id).collect();
    for span in &story.spans {
        assert!(span.start <= span.end, "{span:?}");
        assert!(span.events.iter().all(|event| (span.start..=span.end).contains(&event.time)), "{span:?}");
        if let Some(parent) = span.parent_span_id {
            let parent = spans.get(&(span.trace_id, parent)).expect("a parent in the same trace");
            assert!(parent.start <= span.start, "{span:?} begins before its parent {parent:?}");
        }
        for link in &span.links {
            let linked = spans.get(&(link.trace_id, link.span_id)).expect("a linked span");
            assert!(linked.start <= span.start, "{span:?} begins before {linked:?}");
        }
        let is_failed = span.status.code == StatusCode::Error;
        let has_exception = span.events.iter().any(|event| event.name == "exception");
        assert!(is_failed || !has_exception, "{span:?}");
    }
    let with_trace = story.logs.iter().filter_map(|log| Some((log, log.trace_id?)));
    let mut count = 0;
    for (log, trace) in with_trace {
        count += 1;
        assert!(traces.contains(&trace), "{log:?}");
        assert!(log.span_id.is_none_or(|span| spans.contains_key(&(trace, span))), "{log:?}");
    }
    assert!(count * 3 > story.logs.len() && count < story.logs.len(), "some logs know their trace, some do not");
    assert!(story.logs.is_sorted_by_key(|log| log.time));
    assert!(story.spans.is_sorted_by_key(|span| span.end));
}

#[test]
fn consumers_are_linked_to_what_they_take_by_queue_or_by_file() {
    let story = quarter_of_an_hour();
    let by_id: HashMap<SpanId, &Span> = story.spans.iter().map(|span| (span.span_id, span)).collect();
    let mut tellings: HashMap<String, u32> = HashMap::new();
    for log in &story.logs {
        let text = log.body.display_text();
        let last_word = text.rsplit(' ').next().unwrap_or_default();
        *tellings.entry(last_word.to_owned()).or_default() += 1;
    }
    let mut by_file = 0;
    for consumer in story.spans.iter().filter(|span| span.kind == SpanKind::Consumer) {
        let linked = by_id[&consumer.links.first().expect("a link").span_id];
        if linked.kind == SpanKind::Producer {
            assert_eq!(consumer.trace_id, linked.trace_id);
            assert_eq!(attribute(consumer, "task_id"), attribute(linked, "task_id"));
        } else {
            by_file += 1;
            assert_ne!(consumer.trace_id, linked.trace_id);
            let path = attribute(consumer, "file.path");
            assert_eq!(path, attribute(linked, "file.path"));
            assert_eq!(tellings[&path], 2, "both sides log the path {path}");
        }
    }
    assert!(by_file > 100, "{by_file}");
}

#[test]
fn ids_are_found_in_logs_in_all_their_spellings() {
    let story = quarter_of_an_hour();
    let field = |path: &[&str]| {
        let found = story.logs.iter().filter_map(|log| {
            let (last, way) = path.split_last()?;
            let mut attributes = &log.attributes;
            for key in way {
                let Some(Value::Map(inner)) = find(attributes, key) else { return None };
                attributes = inner;
            }
            Some((log, find(attributes, last)?.display_text().into_owned()))
        });
        found.collect::<Vec<_>>()
    };
    let decimals = field(&["context", "trace_id"]);
    assert!(decimals.len() > 500);
    for (log, text) in decimals {
        assert_eq!(text.parse::<u128>().unwrap().to_be_bytes(), log.trace_id.unwrap().0);
    }
    let uuids = field(&["request_id"]);
    assert!(uuids.len() > 500);
    let traces: HashSet<String> = story.spans.iter().map(|span| span.trace_id.to_string()).collect();
    for (log, text) in uuids {
        assert_eq!((text.len(), log.trace_id), (36, None));
        assert!(traces.contains(&text.replace('-', "")), "{text}");
    }
    let requests: BTreeSet<String> = story.spans.iter().map(|span| attribute(span, "correlation_id")).collect();
    let correlated = field(&["metadata", "correlation_id"]);
    assert!(correlated.len() > 500);
    assert!(correlated.iter().all(|(log, id)| log.trace_id.is_none() && requests.contains(id)));
    let tasks: BTreeSet<String> = story.spans.iter().map(|span| attribute(span, "task_id")).collect();
    assert!(field(&["task_id"]).iter().all(|(_, task)| task.starts_with("task:") && tasks.contains(task)));
    assert!(story.spans.iter().any(|span| attribute(span, "session_id").starts_with("sess-")));
}

/// The newest value of each series, staleness aside, by its labels.
fn last_values(story: &Batch) -> BTreeMap<String, (Labels, f64)> {
    let mut last = BTreeMap::new();
    for batch in &story.metrics {
        for sample in batch.samples.iter().filter(|sample| !is_stale(sample.value)) {
            let labels = batch.series.labels(sample.series as usize).unwrap();
            last.insert(format!("{labels:?}"), (labels, sample.value));
        }
    }
    last
}

fn sum(values: &BTreeMap<String, (Labels, f64)>, name: &str, wanted: &[(&str, &str)]) -> f64 {
    let matches = |labels: &Labels| {
        labels.metric_name() == name && wanted.iter().all(|(key, value)| labels.get(key) == Some(*value))
    };
    values.values().filter(|(labels, _)| matches(labels)).map(|(_, value)| value).sum()
}

#[test]
fn metrics_count_the_very_spans() {
    let story = quarter_of_an_hour();
    let values = last_values(story);
    let spans = |test: &dyn Fn(&Span) -> bool| story.spans.iter().filter(|span| test(span)).count() as f64;
    for outcome in ["ok", "retry", "dead_letter"] {
        let counted = spans(&|span| span.kind == SpanKind::Consumer && attribute(span, "task.outcome") == outcome);
        assert!(counted > 0.0, "{outcome}");
        assert_eq!(sum(&values, "agent_tasks_total", &[("outcome", outcome)]), counted, "{outcome}");
        assert_eq!(sum(&values, "agent_task_duration_seconds_count", &[("outcome", outcome)]), counted, "{outcome}");
    }
    let requests = spans(&|span| span.service() == "api-gateway" && span.kind == SpanKind::Server);
    assert_eq!(sum(&values, "http_server_request_duration_seconds_count", &[]), requests);
    assert_eq!(sum(&values, "http_server_request_duration_seconds_bucket", &[("le", "+Inf")]), requests);
    let calls = |span: &Span| span.name.starts_with("chat ");
    let lost = spans(&|span| calls(span) && span.status.code == StatusCode::Error);
    assert_eq!(sum(&values, "llm_requests_total", &[("outcome", "timeout")]), lost);
    assert_eq!(sum(&values, "llm_requests_total", &[]), spans(&calls));
    let tokens: f64 = story
        .spans
        .iter()
        .filter_map(|span| find(&span.attributes, "gen_ai.usage.output_tokens").and_then(Value::as_f64))
        .sum();
    assert_eq!(sum(&values, "llm_tokens_total", &[("direction", "output")]), tokens);
    let seconds: f64 = story.spans.iter().filter(|span| calls(span)).map(|span| span.duration() as f64 / 1e9).sum();
    assert!((sum(&values, "llm_request_duration_seconds_sum", &[]) - seconds).abs() < 1e-3);
    let published = spans(&|span| span.kind == SpanKind::Producer);
    let again = spans(&|span| attribute(span, "task.outcome") == "retry");
    assert_eq!(sum(&values, "queue_published_total", &[]), published + again);
    assert_eq!(sum(&values, "queue_depth", &[]), 0.0, "in the end every queue is empty");
}

#[test]
fn gauges_and_counters_behave_as_such() {
    let story = quarter_of_an_hour();
    let mut counters: HashMap<String, f64> = HashMap::new();
    let mut deepest: f64 = 0.0;
    let mut downs = 0;
    for batch in &story.metrics {
        let mut met = HashSet::new();
        for sample in &batch.samples {
            assert!(met.insert(sample.series), "one sample a series and scrape");
            assert_eq!(sample.time % 15_000, 0);
            let labels = batch.series.labels(sample.series as usize).unwrap();
            let name = labels.metric_name();
            match name {
                "up" if sample.value == 0.0 => downs += 1,
                "queue_depth" => {
                    assert!(sample.value >= 0.0, "{labels:?}");
                    deepest = deepest.max(sample.value);
                }
                _ if name.ends_with("_total") && !is_stale(sample.value) => {
                    let before = counters.insert(format!("{labels:?}"), sample.value).unwrap_or(0.0);
                    assert!(before <= sample.value, "{labels:?}");
                }
                _ => {}
            }
        }
        for exemplar in &batch.exemplars {
            let series = batch.series.labels(exemplar.series as usize).unwrap();
            assert!(exemplar.value <= series.get("le").unwrap().parse().unwrap());
        }
    }
    assert!(deepest >= 3.0, "queues grow while the language model is slow");
    assert!(downs >= 2, "a crashed worker is seen down");
    let traces: HashSet<String> = story.spans.iter().map(|span| span.trace_id.to_string()).collect();
    let mut exemplars = story.metrics.iter().flat_map(|batch| &batch.exemplars);
    assert!(exemplars.all(|one| traces.contains(one.labels.get("trace_id").unwrap())));
}

#[test]
fn every_incident_can_be_found() {
    let story = quarter_of_an_hour();
    let exceptions: BTreeSet<String> = story.spans.iter().map(|span| attribute(span, "error.type")).collect();
    for kind in ["DeadlineExceeded", "WorkerLostError", "json.decoder.JSONDecodeError"] {
        assert!(exceptions.contains(kind), "{kind} in {exceptions:?}");
    }
    let mut generator = Generator::new(SEED, START);
    generator.advance(START + 900 * SECOND);
    let headline = generator.headline(START + 900 * SECOND).expect("something to see").clone();
    assert_eq!(headline.trouble, IncidentKind::PoisonedTask);
    let of_it = |span: &&Span| attribute(span, "correlation_id") == headline.id;
    let attempts = story.spans.iter().filter(of_it).filter(|span| span.name == "process tasks.research");
    assert!(attempts.filter(|span| span.status.code == StatusCode::Error).count() >= 4);
}

#[test]
fn the_rate_is_modest_and_a_gap_leaves_nothing_behind() {
    let story = quarter_of_an_hour();
    let requests = story.spans.iter().filter(|span| span.name == "POST /v1/requests").count();
    assert!((600..1_500).contains(&requests), "{requests} in 900 s");
    let mut generator = Generator::new(SEED, START);
    generator.advance(START + 10 * SECOND);
    let later = START + 36_000 * SECOND;
    generator.skip_to(later);
    let batch = generator.advance(later + SECOND);
    let begun_in_gap =
        |span: &&Span| (START + 11 * SECOND..later).contains(&span.start) && span.parent_span_id.is_none();
    let roots: Vec<&Span> = batch.spans.iter().filter(begun_in_gap).filter(|span| span.links.is_empty()).collect();
    assert!(roots.len() < 40, "polls of the first seconds alone: {}", roots.len());
    assert!(batch.metrics.len() <= 1);
}
