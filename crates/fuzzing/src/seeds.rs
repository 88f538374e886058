//! The inputs that corpora begin with: one or more good ones for each target, and edits of good files that each harm
//! something else.

use crate::columns::{encoded_logs, log_frame_bytes, metric_frame_bytes, trace_frame_bytes};
use crate::records::batch;
use clew_columns::frames::metrics::MetricFrameEncoder;
use clew_columns::metrics::encode_labels;
use clew_model::metrics::Labels;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyKind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
    summary_data_point::ValueAtQuantile,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;

const TIME: u64 = 1_700_000_000_000_000_000;

fn any(kind: AnyKind) -> AnyValue {
    AnyValue { value: Some(kind) }
}

fn attribute(key: &str, kind: AnyKind) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(any(kind)), ..KeyValue::default() }
}

fn text(text: &str) -> AnyKind {
    AnyKind::StringValue(text.to_owned())
}

fn attributes() -> Vec<KeyValue> {
    vec![
        attribute("request_id", text("req-0000002a")),
        attribute("count", AnyKind::IntValue(-3)),
        attribute("ratio", AnyKind::DoubleValue(0.1)),
        attribute("ok", AnyKind::BoolValue(true)),
        attribute("raw", AnyKind::BytesValue(vec![0, 255])),
        attribute("list", AnyKind::ArrayValue(ArrayValue { values: vec![any(text("a")), AnyValue::default()] })),
    ]
}

fn resource() -> Option<Resource> {
    Some(Resource { attributes: vec![attribute("service.name", text("api"))], ..Resource::default() })
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope { name: "lib".to_owned(), version: "1".to_owned(), ..InstrumentationScope::default() })
}

fn logs() -> Vec<u8> {
    let record = |body: AnyKind| LogRecord {
        time_unix_nano: TIME,
        observed_time_unix_nano: TIME + 1,
        severity_number: 17,
        severity_text: "ERROR".to_owned(),
        body: Some(any(body)),
        attributes: attributes(),
        trace_id: vec![7; 16],
        span_id: vec![8; 8],
        event_name: "e".to_owned(),
        ..LogRecord::default()
    };
    let log_records = vec![record(text("it failed after 12 ms")), record(AnyKind::IntValue(5)), LogRecord::default()];
    let scope_logs = vec![ScopeLogs { scope: scope(), log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { resource: resource(), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

fn traces() -> Vec<u8> {
    let span = Span {
        trace_id: vec![7; 16],
        span_id: vec![8; 8],
        parent_span_id: vec![9; 8],
        trace_state: "a=b".to_owned(),
        name: "GET /".to_owned(),
        kind: 2,
        start_time_unix_nano: TIME,
        end_time_unix_nano: TIME + 1_000,
        attributes: attributes(),
        events: vec![Event { time_unix_nano: TIME, name: "retry".to_owned(), ..Event::default() }],
        links: vec![Link { trace_id: vec![1; 16], span_id: vec![2; 8], ..Link::default() }],
        status: Some(Status { message: "no".to_owned(), code: 2 }),
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { scope: scope(), spans: vec![span; 2], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn metrics() -> Vec<u8> {
    let exemplars = vec![Exemplar {
        time_unix_nano: TIME,
        trace_id: vec![7; 16],
        value: Some(exemplar::Value::AsDouble(1.0)),
        ..Exemplar::default()
    }];
    let number = |value| NumberDataPoint {
        attributes: attributes(),
        time_unix_nano: TIME,
        start_time_unix_nano: TIME - 5,
        value: Some(value),
        exemplars: exemplars.clone(),
        ..NumberDataPoint::default()
    };
    let gauge = Data::Gauge(Gauge { data_points: vec![number(Number::AsDouble(1.5)), number(Number::AsInt(3))] });
    let sum =
        Data::Sum(Sum { data_points: vec![number(Number::AsInt(7))], aggregation_temporality: 2, is_monotonic: true });
    let histogram = Data::Histogram(Histogram {
        data_points: vec![HistogramDataPoint {
            time_unix_nano: TIME,
            count: 3,
            sum: Some(4.5),
            bucket_counts: vec![1, 1, 1],
            explicit_bounds: vec![0.5, 1.0],
            ..HistogramDataPoint::default()
        }],
        aggregation_temporality: 2,
    });
    let buckets = Some(Buckets { offset: -2, bucket_counts: vec![1, 0, 2] });
    let exponential = Data::ExponentialHistogram(ExponentialHistogram {
        data_points: vec![ExponentialHistogramDataPoint {
            time_unix_nano: TIME,
            count: 4,
            sum: Some(2.0),
            scale: 3,
            zero_count: 1,
            positive: buckets.clone(),
            negative: buckets,
            ..ExponentialHistogramDataPoint::default()
        }],
        aggregation_temporality: 2,
    });
    let summary = Data::Summary(Summary {
        data_points: vec![SummaryDataPoint {
            time_unix_nano: TIME,
            count: 2,
            sum: 3.0,
            quantile_values: vec![ValueAtQuantile { quantile: 0.5, value: 1.0 }],
            ..SummaryDataPoint::default()
        }],
    });
    let metric = |data| Metric {
        name: "http.server.duration".to_owned(),
        description: "d".to_owned(),
        unit: "ms".to_owned(),
        data: Some(data),
        ..Metric::default()
    };
    let all = [gauge, sum, histogram, exponential, summary];
    let scope_metrics =
        vec![ScopeMetrics { scope: scope(), metrics: all.map(metric).into(), ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { resource: resource(), scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

const OTLP_JSON: [&str; 3] = [
    r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"api"}}]},"scopeLogs":[{"scope":{"name":"l"},"logRecords":[{"timeUnixNano":"1700000000000000000","severityNumber":9,"body":{"stringValue":"hello"},"traceId":"5b8efff798038103d269b633813fc60c","attributes":[{"key":"n","value":{"intValue":"5"}},{"key":"a","value":{"arrayValue":{"values":[{"boolValue":true}]}}}]}]}]}]}"#,
    r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"s","kind":2,"startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000000000009","status":{"code":2},"events":[{"name":"e","timeUnixNano":1700000000000000001}]}]}]}]}"#,
    r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","unit":"s","sum":{"isMonotonic":true,"aggregationTemporality":2,"dataPoints":[{"asDouble":1e3,"timeUnixNano":"1700000000000000000","attributes":[]}]}},{"name":"h","histogram":{"aggregationTemporality":2,"dataPoints":[{"count":"2","sum":1.5,"bucketCounts":["1","1"],"explicitBounds":[0.5],"timeUnixNano":"1700000000000000000"}]}}]}]}]}"#,
];

const JSON_LOGS: [&str; 3] = [
    r#"{"timestamp":"2023-11-14T22:13:20.5Z","level":"warn","message":"a \"b\" \u00e9","service":{"name":"x"},"n":1.0,"big":123456789012345678901234567890,"trace_id":"5b8efff798038103d269b633813fc60c","nested":{"a":[1,null,{"b":false}]}}"#,
    "{\"ts\":1700000000.25,\"msg\":\"one\"}\n{\"@timestamp\":1700000000123,\"log\":\"two\",\"severity\":17}\n",
    r#"[{"t":1700000000000000000,"event":"x","metadata":{"request_id":"r"}},{"time":"14/Nov/2023:22:13:20 +0000"}]"#,
];

const EXPOSITION: [&str; 2] = [
    "# HELP a_total Help \\\\ text\n# TYPE a_total counter\na_total{x=\"1\",y=\"a\\\"b\\n\"} 1.5 1700000000000\n{\"ü\",b=\"c\"} NaN\nb_bucket{le=\"+Inf\"} 3\n",
    "# TYPE a counter\n# UNIT a seconds\na_total 1 1.5 # {trace_id=\"abc\"} 0.5 2.5\n# TYPE h histogram\nh_bucket{le=\"1.0\"} 2 # {} 1\nh_count 2\nh_sum 1e-3\n# EOF\n",
];

const TIMES: [&str; 6] = [
    "2023-11-14T22:13:20.123456789+01:00",
    "1700000000.5",
    "now-1h",
    "2023-11-14 22:13:20,123",
    "14/Nov/2023:22:13:20 +0000",
    "Nov 14 22:13:20",
];

const PROMQL: [&str; 8] = [
    "sum by (job) (rate(requests_total{le=~\"0|1\",job!=\"b\"}[5m] offset -1m)) / ignoring(le) group_left 2",
    "histogram_quantile(0.9, sum without(job) (rate({__name__=\"latency_bucket\"}[5m:30s] @ end())))",
    "topk(3, -requests_total > bool 1 or absent(x) unless on() vector(1))",
    "label_replace(requests_total, \"a\", \"$1\", \"job\", \"(.*)\") and time() % 5 ^ 2 ^ 0x1F",
    "max_over_time(deriv(requests_total[1h30m])[10m:]) == Inf # comment\n",
    "quantile_over_time(scalar(vector(0.5)), {\"requests_total\", \"le\"=`1`}[1d])",
    "count_values(\"v\", round(requests_total, 0.1)) atan2 1e3",
    "predict_linear(requests_total[5m], 1h) @ 1700000000.5",
];

const LOG_QUERIES: [&str; 9] = [
    "request service:api -count:>5 (slow OR \"user 1\")",
    "{service_name=\"api\"} |= \"slow\" != \"x\" |~ \"r.q\" | count > 3",
    "request_id:req-0000000* AND NOT nested:true",
    "count:[2 TO 9} ratio:>=0.5 _exists_:trace_id",
    "/us[e]r-\\d/ level:error",
    "trace_id:01010101010101010101010101010101",
    "{job=~\"a.*\", x!~\"b\"} | json | line_format `{{.x}}`",
    "\"took 7 ms\" message:*",
    "\\u001b[31m \\\"q\\\" a\\:b:c",
];

const PASTED: [&str; 5] = [
    "traceparent: 00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01",
    "{\"request_id\":\"req-1\",\"trace\":{\"id\":\"5b8efff798038103d269b633813fc60c\"}}",
    "Traceback (most recent call last):\n  File \"a.py\", line 3, in f\nValueError: x 0b0d1b2c-1111-2222-3333-444455556666",
    "2023-11-14T22:13:20Z ERROR service: a b task_id=42 user=\"x y\"",
    "https://a.example/t/5b8efff798038103d269b633813fc60c?x=1",
];

const IDS: [&str; 9] = [
    "1700000000000000000-7",
    "5B8EFFF798038103d269b633813fc60c",
    "eee19b7ec3c1b174",
    "0b0d1b2c-1111-2222-3333-444455556666",
    "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90",
    "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
    "340282366920938463463374607431768211455",
    "-12.50e-3",
    "1h30m5s1ms",
];

const PROMETHEUS: &str = "global: {scrape_interval: 15s, external_labels: {a: b}}\nscrape_configs:\n  - job_name: x\n    \
    static_configs: [{targets: ['a:1', 'b'], labels: {c: d}}]\n    relabel_configs:\n      - source_labels: [__address__]\n        \
    regex: '(.*):.*'\n        target_label: host\n        replacement: ${1}\n  - job_name: y\n    http_sd_configs: [{url: 'http://a/'}]\n    \
    basic_auth: &auth {username: u, password: p}\nrule_files: ['*.yml']\nalerting: {alertmanagers: [{static_configs: [{targets: [m]}]}]}\n";
const RULES: &str = "groups:\n  - name: g\n    interval: 1m\n    rules:\n      - record: a:b\n        expr: sum(x)\n      - alert: A\n        \
    expr: up == 0\n        for: 5m\n        labels: {severity: page}\n        annotations: {summary: '{{ $labels.job }}'}\n";
const ALERTMANAGER: &str = "route: {receiver: r, group_by: ['...'], routes: [{matchers: ['a=\"b\"', c=~d], receiver: r}]}\n\
    receivers: [{name: r, webhook_configs: [{url: 'http://a/'}]}]\ninhibit_rules: [{source_matchers: [a=b], target_matchers: [c!=d], equal: [e]}]\n\
    time_intervals: [{name: n, time_intervals: [{times: [{start_time: '09:00', end_time: '17:00'}], weekdays: ['monday:friday']}]}]\n";
const DASHBOARD: &str = r#"{"title":"d","schemaVersion":39,"panels":[{"type":"timeseries","gridPos":{"x":0,"y":0,"w":12,"h":8},"targets":[{"expr":"up","refId":"A"}]}],"templating":{"list":[{"name":"j","type":"query","query":"label_values(job)"}]}}"#;
const WEB_CONFIG: &str = "tls_server_config: {cert_file: a, key_file: b}\nbasic_auth_users: {u: $2y$10$abc}\nhttp_server_config: {http2: true}\n";
const TARGETS: &str = "- targets: ['a:1']\n  labels: {x: y}\n";
const TARGETS_JSON: &str = r#"[{"targets":["a:1"],"labels":{"__meta_x":"y"}}]"#;
const YAML: &str =
    "a: &x {b: [1, 'two', \"thr\\u00e9e\", ~]}\nc: *x\nd: {<<: *x, e: 5m}\nf: |\n  text\n   more\n---\nsecond\n";

/// An input whose first byte chooses what the rest is for.
fn chosen(choice: u8, rest: &[u8]) -> Vec<u8> {
    [&[choice], rest].concat()
}

/// Every seed: its target, its number among those of the target, its bytes.
#[must_use]
pub fn all() -> Vec<(&'static str, usize, Vec<u8>)> {
    let mut all: Vec<(&'static str, usize, Vec<u8>)> = Vec::new();
    let mut put = |target: &'static str, seeds: Vec<Vec<u8>>| {
        all.extend(seeds.into_iter().enumerate().map(|(number, bytes)| (target, number, bytes)));
    };
    let texts = |texts: &[&str]| -> Vec<Vec<u8>> { texts.iter().map(|text| text.as_bytes().to_vec()).collect() };
    let numbered = |texts: &[&str]| -> Vec<Vec<u8>> {
        (0..).zip(texts).map(|(number, text)| chosen(number, text.as_bytes())).collect()
    };
    put("otlp_logs", vec![logs()]);
    put("otlp_traces", vec![traces()]);
    put("otlp_metrics", vec![metrics()]);
    put("otlp_json", numbered(&OTLP_JSON));
    put("json_logs", texts(&JSON_LOGS));
    put("exposition", numbered(&EXPOSITION));
    put("times", texts(&TIMES));
    put("promql", texts(&PROMQL));
    put("log_query", texts(&LOG_QUERIES));
    put("pasted", texts(&PASTED));
    put("ids", texts(&IDS));
    put("log_frame", vec![chosen(0, &log_frame_bytes()), chosen(1, &[0, 0, 9, 1])]);
    put("trace_frame", vec![chosen(0, &trace_frame_bytes()), chosen(1, &[0, 0, 9, 1])]);
    let metric_frame = metric_frame_bytes(&mut MetricFrameEncoder::new(), &batch(0..8));
    put("metric_frame", vec![chosen(0, &metric_frame), chosen(1, &[0, 0, 9, 1]), chosen(2, &[0, 0, 9, 1])]);
    let block = encoded_logs(0..9).bytes;
    put(
        "log_block",
        vec![
            chosen(0, &block),
            chosen(1, &block),
            chosen(2, &[0x20, 128, 0, 1, 7, 0, 0, 0]),
            chosen(3, &[0x20, 128, 0, 1]),
        ],
    );
    let edits = |choices: std::ops::Range<u8>| -> Vec<Vec<u8>> {
        let scripts: [&[u8]; 3] = [&[0x20, 90, 0, 1], &[0x10, 0, 9, 4], &[0x23, 200, 0, 0]];
        choices.flat_map(|choice| scripts.map(|script| chosen(choice, script))).collect()
    };
    put("span_block", edits(1..6));
    let labels = [Labels::new([("__name__", "m"), ("a", "b")]).unwrap(), Labels::new([("c", "d")]).unwrap()];
    let mut columns = edits(1..8);
    columns.push(chosen(0, &encode_labels(&labels)));
    columns.push(chosen(6, &[1.5f64, -0.0, f64::NAN, 1e300].map(f64::to_le_bytes).concat()));
    put("metric_columns", columns);
    put("indexes", edits(0..9));
    put(
        "config",
        numbered(&[PROMETHEUS, RULES, RULES, ALERTMANAGER, DASHBOARD, WEB_CONFIG, TARGETS, TARGETS_JSON, YAML]),
    );
    for store in ["journal", "log_store", "metric_store", "trace_store"] {
        put(store, edits(0..8));
    }
    all
}
