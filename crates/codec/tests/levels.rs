//! The same record in every protocol has the same severity, and a resource without a name the same service.
#![allow(missing_docs, clippy::unwrap_used)]

use clew_codec::json_logs::{self, JsonLogOptions};
use clew_codec::limits::MAX_DECODED_BYTES;
use clew_codec::otlp::{
    OtlpMetricOptions, decode_logs, decode_logs_json, decode_metrics_json, decode_traces, decode_traces_json,
};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use serde_json::json;

fn in_protobuf(number: i32, text: &str) -> u8 {
    let record = LogRecord { severity_number: number, severity_text: text.to_owned(), ..LogRecord::default() };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let request =
        ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] };
    decode_logs(&request.encode_to_vec(), 1, MAX_DECODED_BYTES).unwrap().records[0].severity.number()
}

fn in_otlp_json(record: &serde_json::Value) -> u8 {
    let body = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]});
    decode_logs_json(body.to_string().as_bytes(), 1, MAX_DECODED_BYTES).unwrap().records[0].severity.number()
}

fn in_json(record: &serde_json::Value) -> u8 {
    let decoded = json_logs::decode(record.to_string().as_bytes(), 1, &JsonLogOptions::default()).unwrap();
    decoded.records[0].severity.number()
}

#[test]
fn a_severity_is_the_same_in_every_protocol() {
    for (number, text, severity) in [
        (0, "ERROR", 17),
        (0, "error", 17),
        (0, "Warning", 13),
        (0, "FTL", 21),
        (0, "VRB", 1),
        (0, "dpanic", 18),
        (0, "notice", 10),
        (0, "http", 7),
        (0, "Information", 9),
        (0, "\u{1b}[31mERROR\u{1b}[0m", 17),
        (0, "[ERROR]", 17),
        (0, "INFO+2", 11),
        (0, "3", 17),
        (0, "30", 9),
        (0, "high", 0),
        (0, "", 0),
        (9, "", 9),
        (9, "ERROR", 9),
        (24, "odd", 24),
    ] {
        let otlp = json!({"severityNumber": number, "severityText": text});
        let logs = json!({"severity_number": number, "severity_text": text});
        let found = [in_protobuf(number, text), in_otlp_json(&otlp), in_json(&logs)];
        assert_eq!(found, [severity; 3], "{number} {text:?}");
        if number == 0 && text.parse::<i64>().is_err() {
            for name in ["level", "severity", "lvl", "log.level", "LogLevel", "levelname", "@l"] {
                assert_eq!(in_json(&json!({name: text})), severity, "{name}: {text:?}");
            }
        }
    }
}

#[test]
fn a_level_that_stands_elsewhere_is_the_same_in_every_protocol() {
    for (members, severity) in [
        (json!({"level": "error", "msg": "boom"}), 17),
        (json!({"level": 50, "pid": 1, "hostname": "h"}), 17),
        (json!({"level": 400, "level_name": "ERROR", "channel": "app"}), 17),
        (json!({"levelno": 30, "levelname": "WARNING"}), 13),
        (json!({"severity": 4}), 13),
        (json!({"level": {"name": "INFO", "no": 20}}), 9),
        (json!({"level": "gold", "severity": "warn"}), 13),
        (json!({"message": "m", "PRIORITY": "3"}), 17),
        (json!({"message": "m", "PRIORITY": 6}), 9),
        (json!({"message": "m", "levelNum": 17}), 17),
        (json!({"PRIORITY": "3", "MESSAGE": "denied", "SYSLOG_IDENTIFIER": "sshd"}), 17),
        (json!({"s": "E", "t": {"$date": "2025-11-30T12:34:56Z"}, "msg": "gone"}), 17),
        (json!({"msg": "no level"}), 0),
        (json!({"level": "gold"}), 0),
    ] {
        let values = members.as_object().unwrap();
        let attributes: Vec<_> = values.iter().map(|(key, value)| json!({"key": key, "value": any(value)})).collect();
        let found = [
            in_json(&members),
            in_otlp_json(&json!({"attributes": attributes})),
            in_otlp_json(&json!({"body": {"kvlistValue": {"values": attributes}}})),
            // A line as a collector took it from a file.
            in_otlp_json(&json!({"body": {"stringValue": format!("{members}\n")}})),
            in_json(&json!({"log": format!("{members}\n"), "stream": "stderr"})),
        ];
        assert_eq!(found, [severity; 5], "{members}");
        // What the protocol's own fields say comes first.
        assert_eq!(in_otlp_json(&json!({"severityNumber": 1, "attributes": attributes})), 1);
        assert_eq!(in_otlp_json(&json!({"severityText": "debug", "attributes": attributes})), 5);
    }
}

fn any(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Number(number) => json!({"intValue": number}),
        serde_json::Value::Object(map) => {
            let values: Vec<_> = map.iter().map(|(key, value)| json!({"key": key, "value": any(value)})).collect();
            json!({"kvlistValue": {"values": values}})
        }
        other => json!({"stringValue": other}),
    }
}

#[test]
fn a_text_that_is_no_object_says_no_level() {
    for text in [
        "error: {}",
        r#"{"level":"error""#,
        r#"{"level":"error"} more"#,
        r#"["level","error"]"#,
        "{level: error}",
        "{}",
    ] {
        let found = [in_json(&json!({"message": text})), in_otlp_json(&json!({"body": {"stringValue": text}}))];
        assert_eq!(found, [0; 2], "{text}");
    }
    let long = json!({"level": "error", "text": "x".repeat(100_000)}).to_string();
    assert_eq!(in_otlp_json(&json!({"body": {"stringValue": long}})), 0);
}

#[test]
fn a_resource_without_a_name_is_the_unknown_service_in_every_signal() {
    for (value, service) in [
        (None, "unknown_service"),
        (Some(json!({"stringValue": ""})), "unknown_service"),
        (Some(json!({"stringValue": "  "})), "unknown_service"),
        (Some(json!({"intValue": "42"})), "unknown_service"),
        (Some(json!({"boolValue": true})), "unknown_service"),
        (Some(json!({"arrayValue": {"values": [{"stringValue": "shop"}]}})), "unknown_service"),
        (Some(json!({})), "unknown_service"),
        (Some(json!({"stringValue": "shop"})), "shop"),
    ] {
        let attributes: Vec<_> = value.iter().map(|value| json!({"key": "service.name", "value": value})).collect();
        let resource = json!({"attributes": attributes});
        let logs = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [{}]}]}]});
        let span = json!({"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174"});
        let spans = json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]});
        let gauge = json!({"name": "g", "gauge": {"dataPoints": [{"timeUnixNano": "5000000", "asInt": "1"}]}});
        let metrics = json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [gauge]}]}]});
        let log = &decode_logs_json(logs.to_string().as_bytes(), 1, MAX_DECODED_BYTES).unwrap().records[0];
        let span = &decode_traces_json(spans.to_string().as_bytes(), MAX_DECODED_BYTES).unwrap().records[0];
        let options = OtlpMetricOptions { target_info: false, ..OtlpMetricOptions::default() };
        let metrics = decode_metrics_json(metrics.to_string().as_bytes(), &options, MAX_DECODED_BYTES).unwrap().records;
        let series = metrics.series.labels(0).unwrap();
        assert_eq!(
            (log.service.as_str(), span.service(), series.get("job")),
            (service, service, Some(service)),
            "{value:?}"
        );
    }
}

#[test]
fn protobuf_without_a_resource_is_the_unknown_service() {
    let empty = any_value::Value::StringValue(String::new());
    let named = KeyValue {
        key: "service.name".to_owned(),
        value: Some(AnyValue { value: Some(empty) }),
        ..KeyValue::default()
    };
    for resource in [None, Some(Resource { attributes: vec![named], ..Resource::default() })] {
        let scope_logs = vec![ScopeLogs { log_records: vec![LogRecord::default()], ..ScopeLogs::default() }];
        let logs = ResourceLogs { resource: resource.clone(), scope_logs, ..ResourceLogs::default() };
        let logs = ExportLogsServiceRequest { resource_logs: vec![logs] };
        assert_eq!(
            decode_logs(&logs.encode_to_vec(), 1, MAX_DECODED_BYTES).unwrap().records[0].service,
            "unknown_service"
        );
        let span = Span { trace_id: vec![1; 16], span_id: vec![2; 8], ..Span::default() };
        let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
        let spans = ResourceSpans { resource, scope_spans, ..ResourceSpans::default() };
        let spans = ExportTraceServiceRequest { resource_spans: vec![spans] };
        assert_eq!(
            decode_traces(&spans.encode_to_vec(), MAX_DECODED_BYTES).unwrap().records[0].service(),
            "unknown_service"
        );
    }
}
