//! Which metrics a span or a happening moves.

use super::meter::{Example, Key, Meter};
use crate::demo::dice::SECOND;
use crate::demo::incident::{IncidentKind, incident_at};
use crate::demo::outages::Outages;
use crate::demo::story::Happening;
use crate::demo::system::{Instance, Service, instances};
use clew_model::Value;
use clew_model::metrics::{Labels, Metadata, MetricBatch, MetricType};
use clew_model::traces::{Span, SpanKind, StatusCode};
use clew_model::value::find;
use std::f64::consts::TAU;

/// Upper bounds of durations in seconds.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0];

/// Each family's name, type, unit and help.
const FAMILIES: [(&str, MetricType, &str, &str); 16] = [
    ("up", MetricType::Gauge, "", "Whether the last scrape reached the instance."),
    ("http_server_request_duration_seconds", MetricType::Histogram, "seconds", "Duration of HTTP requests."),
    ("agent_tasks_total", MetricType::Counter, "", "Attempts at tasks by outcome."),
    ("agent_task_duration_seconds", MetricType::Histogram, "seconds", "Duration of attempts at tasks."),
    ("agent_worker_restarts_total", MetricType::Counter, "", "Times that a worker died and was started again."),
    ("llm_requests_total", MetricType::Counter, "", "Calls of language models by outcome."),
    ("llm_request_duration_seconds", MetricType::Histogram, "seconds", "Duration of calls of language models."),
    ("llm_tokens_total", MetricType::Counter, "", "Tokens sent to and got from language models."),
    ("llm_cost_dollars_total", MetricType::Counter, "dollars", "What language models cost."),
    ("vector_store_query_duration_seconds", MetricType::Histogram, "seconds", "Duration of queries."),
    ("queue_depth", MetricType::Gauge, "", "Messages that wait in a queue."),
    ("queue_wait_seconds", MetricType::Histogram, "seconds", "How long messages waited in a queue."),
    ("queue_published_total", MetricType::Counter, "", "Messages that entered a queue."),
    ("queue_dead_letters_total", MetricType::Counter, "", "Messages that were set aside for good."),
    ("process_resident_memory_bytes", MetricType::Gauge, "bytes", "Resident memory size."),
    ("process_cpu_seconds_total", MetricType::Counter, "seconds", "CPU time used."),
];

/// All metrics of the played system.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    meter: Meter,
    /// When the last scrape was.
    scraped: Option<i64>,
}

impl Metrics {
    /// Counts a span that has ended.
    pub(crate) fn span(&mut self, span: &Span) {
        let Some(by) = instance_of(span) else { return };
        self.meter.add(Key::new(by, "process_cpu_seconds_total", &[]), 0.003);
        match (by.service, span.kind) {
            (Service::ApiGateway, SpanKind::Server) => {
                let labels = [
                    ("http_request_method", text(span, "http.request.method")),
                    ("http_route", text(span, "http.route")),
                    ("http_response_status_code", text(span, "http.response.status_code")),
                ];
                self.duration(by, "http_server_request_duration_seconds", &labels, span);
            }
            (Service::LlmGateway, SpanKind::Client) => self.model_call(by, span),
            (Service::VectorStore, SpanKind::Server) => {
                let labels = [("collection", text(span, "db.collection.name"))];
                self.duration(by, "vector_store_query_duration_seconds", &labels, span);
            }
            (_, SpanKind::Consumer) => {
                let labels =
                    [("queue", text(span, "messaging.destination.name")), ("outcome", text(span, "task.outcome"))];
                self.meter.add(key(by, "agent_tasks_total", &labels), 1.0);
                self.duration(by, "agent_task_duration_seconds", &labels, span);
            }
            _ => {}
        }
    }

    fn model_call(&mut self, by: Instance, span: &Span) {
        let model = ("model", text(span, "gen_ai.request.model"));
        let outcome = if span.status.code == StatusCode::Error { "timeout" } else { "ok" };
        self.meter.add(key(by, "llm_requests_total", &[model.clone(), ("outcome", outcome.to_owned())]), 1.0);
        self.duration(by, "llm_request_duration_seconds", std::slice::from_ref(&model), span);
        for (direction, attribute) in [("input", "gen_ai.usage.input_tokens"), ("output", "gen_ai.usage.output_tokens")]
        {
            let labels = [model.clone(), ("direction", direction.to_owned())];
            self.meter.add(key(by, "llm_tokens_total", &labels), number(span, attribute));
        }
        self.meter.add(key(by, "llm_cost_dollars_total", &[model]), number(span, "llm.cost_usd"));
    }

    fn duration(&mut self, by: Instance, family: &'static str, labels: &[(&'static str, String)], span: &Span) {
        let ids = [("trace_id", span.trace_id.to_string()), ("span_id", span.span_id.to_string())];
        let labels_of_example = Labels::new(ids).unwrap_or_else(|_| Labels::empty());
        let example = Example { at: span.end, labels: labels_of_example };
        let seconds = span.duration() as f64 / SECOND as f64;
        self.meter.observe(key(by, family, labels), &SECONDS, seconds, Some(example));
    }

    /// Counts what no span shows.
    pub(crate) fn happening(&mut self, happening: Happening) {
        let broker = Instance::first(Service::Queue);
        match happening {
            Happening::Enqueued(queue) => {
                self.meter.add(Key::new(broker, "queue_depth", &[("queue", queue)]), 1.0);
                self.meter.add(Key::new(broker, "queue_published_total", &[("queue", queue)]), 1.0);
            }
            Happening::Dequeued(queue, wait) => {
                self.meter.add(Key::new(broker, "queue_depth", &[("queue", queue)]), -1.0);
                let key = Key::new(broker, "queue_wait_seconds", &[("queue", queue)]);
                self.meter.observe(key, &SECONDS, wait as f64 / SECOND as f64, None);
            }
            Happening::DeadLettered(queue) => {
                self.meter.add(Key::new(broker, "queue_dead_letters_total", &[("queue", queue)]), 1.0);
            }
            Happening::Crashed(worker) => {
                self.meter.add(Key::new(worker, "agent_worker_restarts_total", &[]), 1.0);
            }
        }
    }

    /// What a scrape of all instances reads at this moment.
    pub(crate) fn scrape(&mut self, at: i64, outages: &Outages) -> MetricBatch {
        let down: Vec<Instance> = instances().filter(|one| outages.is_down(*one, at)).collect();
        let since = self.scraped.map_or(0, |before| at - before) as f64 / SECOND as f64;
        for one in instances() {
            self.meter.set(Key::new(one, "up", &[]), if down.contains(&one) { 0.0 } else { 1.0 });
            self.meter.set(Key::new(one, "process_resident_memory_bytes", &[]), memory(one, at));
            self.meter.add(Key::new(one, "process_cpu_seconds_total", &[]), since * 0.004);
        }
        let is_first = self.scraped.replace(at).is_none();
        let mut batch = self.meter.scrape(at, &down);
        if is_first {
            batch.metadata = metadata();
        }
        batch
    }
}

fn metadata() -> Vec<Metadata> {
    let metadata = |(metric, metric_type, unit, help): (&str, MetricType, &str, &str)| Metadata {
        metric: metric.to_owned(),
        metric_type,
        help: help.to_owned(),
        unit: unit.to_owned(),
    };
    FAMILIES.into_iter().map(metadata).collect()
}

/// Memory that swings slowly, and that of a bad release as it fills.
fn memory(one: Instance, at: i64) -> f64 {
    let mebibytes = 90.0 + 35.0 * (one.service as usize) as f64 + 7.0 * one.number as f64;
    let phase = (at / SECOND) as f64 / 900.0 + one.number as f64;
    let is_filling = one == Instance { service: Service::Coder, number: 2 };
    let leak = match incident_at(at) {
        Some(incident) if is_filling && incident.kind == IncidentKind::CrashLoop => {
            ((at - incident.from) % (20 * SECOND)) as f64 / SECOND as f64 * 90.0
        }
        _ => 0.0,
    };
    ((mebibytes * (1.0 + 0.08 * (phase * TAU).sin()) + leak) * 1024.0).round() * 1024.0
}

fn key(by: Instance, family: &'static str, labels: &[(&'static str, String)]) -> Key {
    let labels: Vec<(&'static str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Key::new(by, family, &labels)
}

/// The instance that a span's resource names.
fn instance_of(span: &Span) -> Option<Instance> {
    let Some(Value::String(name)) = find(&span.resource.attributes, "service.instance.id") else { return None };
    instances().find(|one| one.name() == name.as_str())
}

fn text(span: &Span, attribute: &str) -> String {
    find(&span.attributes, attribute).map(|value| value.display_text().into_owned()).unwrap_or_default()
}

fn number(span: &Span, attribute: &str) -> f64 {
    find(&span.attributes, attribute).and_then(Value::as_f64).unwrap_or_default()
}
