//! OTLP/JSON: the specification's shapes by hand, and equality with protobuf through a JSON writer of our own that
//! walks prost's structs.

use crate::generate;
use crate::roomy::{
    decode_logs, decode_logs_json, decode_metrics, decode_metrics_json, decode_traces, decode_traces_json,
};
use clew_codec::otlp::OtlpMetricOptions;
use clew_model::Value;
use clew_model::traces::{SpanKind, StatusCode};
use clew_model::value::find;
use fastrand::Rng;
use opentelemetry_proto::tonic as proto;
use proto::common::v1::{AnyValue, KeyValue, any_value};
use proto::metrics::v1::{exemplar, metric::Data, number_data_point};
use serde_json::{Value as Json, json};

/// One request in four writes names as the schema does, and one in two writes 64-bit integers as numbers.
struct Style {
    snake: bool,
    numbers: bool,
}

impl Style {
    fn key(&self, snake: &str) -> String {
        if self.snake {
            return snake.to_owned();
        }
        let mut words = snake.split('_');
        let first = words.next().unwrap().to_owned();
        words.fold(first, |key, word| key + &word[..1].to_uppercase() + &word[1..])
    }

    fn object(&self, fields: Vec<(&str, Json)>) -> Json {
        Json::Object(fields.into_iter().map(|(name, value)| (self.key(name), value)).collect())
    }

    fn u64(&self, number: u64) -> Json {
        if self.numbers { json!(number) } else { json!(number.to_string()) }
    }

    fn i64(&self, number: i64) -> Json {
        if self.numbers { json!(number) } else { json!(number.to_string()) }
    }

    fn any(&self, any: &AnyValue) -> Json {
        let Some(value) = &any.value else { return json!({}) };
        let (name, value) = match value {
            any_value::Value::StringValue(text) => ("string_value", json!(text)),
            any_value::Value::BoolValue(flag) => ("bool_value", json!(flag)),
            any_value::Value::IntValue(number) => ("int_value", self.i64(*number)),
            any_value::Value::DoubleValue(number) => ("double_value", double(*number)),
            any_value::Value::BytesValue(bytes) => ("bytes_value", json!(base64(bytes))),
            any_value::Value::ArrayValue(array) => {
                let values = array.values.iter().map(|item| self.any(item)).collect();
                ("array_value", self.object(vec![("values", Json::Array(values))]))
            }
            any_value::Value::KvlistValue(map) => {
                ("kvlist_value", self.object(vec![("values", self.attributes(&map.values))]))
            }
            any_value::Value::StringValueStrindex(_) => return json!({}),
        };
        self.object(vec![(name, value)])
    }

    fn attributes(&self, list: &[KeyValue]) -> Json {
        let one = |own: &KeyValue| {
            let value = own.value.as_ref().map_or(Json::Null, |value| self.any(value));
            self.object(vec![("key", json!(own.key)), ("value", value)])
        };
        Json::Array(list.iter().map(one).collect())
    }

    fn resource(&self, resource: Option<&proto::resource::v1::Resource>) -> Json {
        let Some(own) = resource else { return Json::Null };
        self.object(vec![
            ("attributes", self.attributes(&own.attributes)),
            ("dropped_attributes_count", json!(own.dropped_attributes_count)),
            ("entity_refs", json!([{"unknown": [1, {"deep": null}]}])),
        ])
    }

    fn scope(&self, scope: Option<&proto::common::v1::InstrumentationScope>) -> Json {
        let Some(own) = scope else { return Json::Null };
        self.object(vec![
            ("name", json!(own.name)),
            ("version", json!(own.version)),
            ("attributes", self.attributes(&own.attributes)),
            ("dropped_attributes_count", json!(own.dropped_attributes_count)),
        ])
    }

    fn logs(&self, request: &proto::collector::logs::v1::ExportLogsServiceRequest) -> Json {
        let record = |own: &proto::logs::v1::LogRecord| {
            self.object(vec![
                ("time_unix_nano", self.u64(own.time_unix_nano)),
                ("observed_time_unix_nano", self.u64(own.observed_time_unix_nano)),
                ("severity_number", json!(own.severity_number)),
                ("severity_text", json!(own.severity_text)),
                ("body", own.body.as_ref().map_or(Json::Null, |body| self.any(body))),
                ("attributes", self.attributes(&own.attributes)),
                ("dropped_attributes_count", json!(own.dropped_attributes_count)),
                ("flags", json!(own.flags)),
                ("trace_id", json!(hex(&own.trace_id))),
                ("span_id", json!(hex(&own.span_id))),
                ("event_name", json!(own.event_name)),
            ])
        };
        let by_scope = |own: &proto::logs::v1::ScopeLogs| {
            self.object(vec![
                ("scope", self.scope(own.scope.as_ref())),
                ("log_records", own.log_records.iter().map(record).collect()),
                ("schema_url", json!(own.schema_url)),
            ])
        };
        let by_resource = |own: &proto::logs::v1::ResourceLogs| {
            self.object(vec![
                ("resource", self.resource(own.resource.as_ref())),
                ("scope_logs", own.scope_logs.iter().map(by_scope).collect()),
                ("schema_url", json!(own.schema_url)),
            ])
        };
        self.object(vec![("resource_logs", request.resource_logs.iter().map(by_resource).collect())])
    }

    fn span(&self, own: &proto::trace::v1::Span) -> Json {
        let event = |event: &proto::trace::v1::span::Event| {
            self.object(vec![
                ("time_unix_nano", self.u64(event.time_unix_nano)),
                ("name", json!(event.name)),
                ("attributes", self.attributes(&event.attributes)),
                ("dropped_attributes_count", json!(event.dropped_attributes_count)),
            ])
        };
        let link = |link: &proto::trace::v1::span::Link| {
            self.object(vec![
                ("trace_id", json!(hex(&link.trace_id))),
                ("span_id", json!(hex(&link.span_id))),
                ("trace_state", json!(link.trace_state)),
                ("attributes", self.attributes(&link.attributes)),
                ("dropped_attributes_count", json!(link.dropped_attributes_count)),
                ("flags", json!(link.flags)),
            ])
        };
        let status = |status: &proto::trace::v1::Status| {
            self.object(vec![("message", json!(status.message)), ("code", json!(status.code))])
        };
        self.object(vec![
            ("trace_id", json!(hex(&own.trace_id).to_uppercase())),
            ("span_id", json!(hex(&own.span_id))),
            ("trace_state", json!(own.trace_state)),
            ("parent_span_id", json!(hex(&own.parent_span_id))),
            ("flags", json!(own.flags)),
            ("name", json!(own.name)),
            ("kind", json!(own.kind)),
            ("start_time_unix_nano", self.u64(own.start_time_unix_nano)),
            ("end_time_unix_nano", self.u64(own.end_time_unix_nano)),
            ("attributes", self.attributes(&own.attributes)),
            ("dropped_attributes_count", json!(own.dropped_attributes_count)),
            ("events", own.events.iter().map(event).collect()),
            ("dropped_events_count", json!(own.dropped_events_count)),
            ("links", own.links.iter().map(link).collect()),
            ("dropped_links_count", json!(own.dropped_links_count)),
            ("status", own.status.as_ref().map_or(Json::Null, status)),
        ])
    }

    fn traces(&self, request: &proto::collector::trace::v1::ExportTraceServiceRequest) -> Json {
        let by_scope = |own: &proto::trace::v1::ScopeSpans| {
            self.object(vec![
                ("scope", self.scope(own.scope.as_ref())),
                ("spans", own.spans.iter().map(|span| self.span(span)).collect()),
                ("schema_url", json!(own.schema_url)),
            ])
        };
        let by_resource = |own: &proto::trace::v1::ResourceSpans| {
            self.object(vec![
                ("resource", self.resource(own.resource.as_ref())),
                ("scope_spans", own.scope_spans.iter().map(by_scope).collect()),
                ("schema_url", json!(own.schema_url)),
            ])
        };
        self.object(vec![("resource_spans", request.resource_spans.iter().map(by_resource).collect())])
    }

    fn exemplars(&self, list: &[proto::metrics::v1::Exemplar]) -> Json {
        let one = |own: &proto::metrics::v1::Exemplar| {
            let mut fields = vec![
                ("filtered_attributes", self.attributes(&own.filtered_attributes)),
                ("time_unix_nano", self.u64(own.time_unix_nano)),
                ("span_id", json!(hex(&own.span_id))),
                ("trace_id", json!(hex(&own.trace_id))),
            ];
            match own.value {
                Some(exemplar::Value::AsDouble(value)) => fields.push(("as_double", double(value))),
                Some(exemplar::Value::AsInt(value)) => fields.push(("as_int", self.i64(value))),
                None => {}
            }
            self.object(fields)
        };
        list.iter().map(one).collect()
    }

    fn number_points(&self, list: &[proto::metrics::v1::NumberDataPoint]) -> Json {
        let one = |own: &proto::metrics::v1::NumberDataPoint| {
            let mut fields = vec![
                ("attributes", self.attributes(&own.attributes)),
                ("start_time_unix_nano", self.u64(own.start_time_unix_nano)),
                ("time_unix_nano", self.u64(own.time_unix_nano)),
                ("exemplars", self.exemplars(&own.exemplars)),
                ("flags", json!(own.flags)),
            ];
            match own.value {
                Some(number_data_point::Value::AsDouble(value)) => fields.push(("as_double", double(value))),
                Some(number_data_point::Value::AsInt(value)) => fields.push(("as_int", self.i64(value))),
                None => {}
            }
            self.object(fields)
        };
        list.iter().map(one).collect()
    }

    fn histogram_point(&self, own: &proto::metrics::v1::HistogramDataPoint) -> Json {
        self.object(vec![
            ("attributes", self.attributes(&own.attributes)),
            ("time_unix_nano", self.u64(own.time_unix_nano)),
            ("count", self.u64(own.count)),
            ("sum", own.sum.map_or(Json::Null, double)),
            ("bucket_counts", own.bucket_counts.iter().map(|count| self.u64(*count)).collect()),
            ("explicit_bounds", own.explicit_bounds.iter().map(|bound| double(*bound)).collect()),
            ("exemplars", self.exemplars(&own.exemplars)),
            ("flags", json!(own.flags)),
            ("min", own.min.map_or(Json::Null, double)),
            ("max", own.max.map_or(Json::Null, double)),
        ])
    }

    fn exponential_point(&self, own: &proto::metrics::v1::ExponentialHistogramDataPoint) -> Json {
        let buckets = |buckets: &proto::metrics::v1::exponential_histogram_data_point::Buckets| {
            self.object(vec![
                ("offset", json!(buckets.offset)),
                ("bucket_counts", buckets.bucket_counts.iter().map(|count| self.u64(*count)).collect()),
            ])
        };
        self.object(vec![
            ("attributes", self.attributes(&own.attributes)),
            ("time_unix_nano", self.u64(own.time_unix_nano)),
            ("count", self.u64(own.count)),
            ("sum", own.sum.map_or(Json::Null, double)),
            ("scale", json!(own.scale)),
            ("zero_count", self.u64(own.zero_count)),
            ("positive", own.positive.as_ref().map_or(Json::Null, buckets)),
            ("negative", own.negative.as_ref().map_or(Json::Null, buckets)),
            ("flags", json!(own.flags)),
            ("exemplars", self.exemplars(&own.exemplars)),
            ("zero_threshold", double(own.zero_threshold)),
        ])
    }

    fn summary_point(&self, own: &proto::metrics::v1::SummaryDataPoint) -> Json {
        let quantile = |own: &proto::metrics::v1::summary_data_point::ValueAtQuantile| {
            self.object(vec![("quantile", double(own.quantile)), ("value", double(own.value))])
        };
        self.object(vec![
            ("attributes", self.attributes(&own.attributes)),
            ("time_unix_nano", self.u64(own.time_unix_nano)),
            ("count", self.u64(own.count)),
            ("sum", double(own.sum)),
            ("quantile_values", own.quantile_values.iter().map(quantile).collect()),
            ("flags", json!(own.flags)),
        ])
    }

    fn metric(&self, own: &proto::metrics::v1::Metric) -> Json {
        let mut fields =
            vec![("name", json!(own.name)), ("description", json!(own.description)), ("unit", json!(own.unit))];
        let with_points = |points: Json, mut more: Vec<(&str, Json)>| {
            more.push(("data_points", points));
            self.object(more)
        };
        let temporality = |number: i32| ("aggregation_temporality", json!(number));
        fields.extend(own.data.as_ref().map(|data| match data {
            Data::Gauge(gauge) => ("gauge", with_points(self.number_points(&gauge.data_points), vec![])),
            Data::Sum(sum) => {
                let more = vec![temporality(sum.aggregation_temporality), ("is_monotonic", json!(sum.is_monotonic))];
                ("sum", with_points(self.number_points(&sum.data_points), more))
            }
            Data::Histogram(histogram) => {
                let points = histogram.data_points.iter().map(|point| self.histogram_point(point)).collect();
                ("histogram", with_points(points, vec![temporality(histogram.aggregation_temporality)]))
            }
            Data::ExponentialHistogram(histogram) => {
                let points = histogram.data_points.iter().map(|point| self.exponential_point(point)).collect();
                ("exponential_histogram", with_points(points, vec![temporality(histogram.aggregation_temporality)]))
            }
            Data::Summary(summary) => {
                let points = summary.data_points.iter().map(|point| self.summary_point(point)).collect();
                ("summary", with_points(points, vec![]))
            }
        }));
        self.object(fields)
    }

    fn metrics(&self, request: &proto::collector::metrics::v1::ExportMetricsServiceRequest) -> Json {
        let by_scope = |own: &proto::metrics::v1::ScopeMetrics| {
            self.object(vec![
                ("scope", self.scope(own.scope.as_ref())),
                ("metrics", own.metrics.iter().map(|metric| self.metric(metric)).collect()),
                ("schema_url", json!(own.schema_url)),
            ])
        };
        let by_resource = |own: &proto::metrics::v1::ResourceMetrics| {
            self.object(vec![
                ("resource", self.resource(own.resource.as_ref())),
                ("scope_metrics", own.scope_metrics.iter().map(by_scope).collect()),
                ("schema_url", json!(own.schema_url)),
            ])
        };
        self.object(vec![("resource_metrics", request.resource_metrics.iter().map(by_resource).collect())])
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

fn double(number: f64) -> Json {
    if number.is_nan() {
        json!("NaN")
    } else if number.is_infinite() {
        json!(if number > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        json!(number)
    }
}

fn style(rng: &mut Rng) -> Style {
    Style { snake: rng.u8(0..4) == 0, numbers: rng.bool() }
}

/// Compares by text, which tells NaN and the sign of zero apart; shows the first difference.
fn assert_same<T: std::fmt::Debug>(left: &T, right: &T, seed: u64) {
    let (left, right) = (format!("{left:?}"), format!("{right:?}"));
    if let Some(place) = left.bytes().zip(right.bytes()).position(|(one, other)| one != other) {
        let around =
            |text: &str| String::from_utf8_lossy(&text.as_bytes()[place.saturating_sub(150)..])[..200].to_owned();
        panic!("seed {seed}\n left {}\nright {}", around(&left), around(&right));
    }
    assert_eq!(left.len(), right.len(), "seed {seed}");
}

#[test]
fn json_and_protobuf_mean_the_same() {
    use prost::Message as _;
    let options = OtlpMetricOptions::default();
    for seed in 0..250 {
        let mut rng = Rng::with_seed(seed);
        let style = style(&mut rng);
        let logs = generate::logs(&mut rng);
        let text = style.logs(&logs).to_string();
        assert_same(&decode_logs_json(text.as_bytes(), 7), &decode_logs(&logs.encode_to_vec(), 7), seed);
        let traces = generate::traces(&mut rng);
        let text = style.traces(&traces).to_string();
        assert_same(&decode_traces_json(text.as_bytes()), &decode_traces(&traces.encode_to_vec()), seed);
        let metrics = generate::metrics(&mut rng);
        let text = style.metrics(&metrics).to_string();
        let in_json = decode_metrics_json(text.as_bytes(), &options);
        assert_same(&in_json, &decode_metrics(&metrics.encode_to_vec(), &options), seed);
    }
}

#[test]
fn the_shape_of_the_specification_is_read() {
    let text = br#"{
      "resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]},
        "scopeSpans": [{
          "scope": {"name": "my.library", "version": "1.0.0",
                    "attributes": [{"key": "my.scope.attribute", "value": {"stringValue": "some scope attribute"}}]},
          "spans": [{
            "traceId": "5B8EFFF798038103D269B633813FC60C",
            "spanId": "EEE19B7EC3C1B174",
            "parentSpanId": "EEE19B7EC3C1B173",
            "name": "I'm a server span",
            "startTimeUnixNano": "1544712660000000000",
            "endTimeUnixNano": "1544712661000000000",
            "kind": 2,
            "status": {"code": "STATUS_CODE_ERROR"},
            "attributes": [{"key": "my.span.attr", "value": {"stringValue": "some value"}}]
          }]
        }]
      }]
    }"#;
    let decoded = decode_traces_json(text).unwrap();
    let span = &decoded.records[0];
    assert_eq!(span.trace_id.to_string(), "5b8efff798038103d269b633813fc60c");
    assert_eq!(span.parent_span_id.unwrap().to_string(), "eee19b7ec3c1b173");
    assert_eq!((span.start, span.duration(), span.kind), (1_544_712_660_000_000_000, 1_000_000_000, SpanKind::Server));
    assert_eq!((span.service(), span.scope.version.as_str()), ("my.service", "1.0.0"));
    assert_eq!(span.status.code, StatusCode::Error);
    assert_eq!(find(&span.attributes, "my.span.attr"), Some(&Value::from("some value")));
}

#[test]
fn values_of_all_kinds_are_read() {
    let check = |json: &str, expected: Value| {
        let text = format!(r#"{{"resource_logs":[{{"scopeLogs":[{{"logRecords":[{{"body":{json}}}]}}]}}]}}"#);
        let decoded = decode_logs_json(text.as_bytes(), 1).unwrap();
        assert_eq!(format!("{:?}", decoded.records[0].body), format!("{expected:?}"), "{json}");
    };
    check(r#"{"intValue":"9223372036854775807"}"#, Value::Int(i64::MAX));
    check(r#"{"intValue":-5}"#, Value::Int(-5));
    check(r#"{"intValue":1e3}"#, Value::Int(1000));
    check(r#"{"int_value":"-1.0"}"#, Value::Int(-1));
    check(r#"{"doubleValue":"NaN"}"#, Value::Double(f64::NAN));
    check(r#"{"doubleValue":"-Infinity"}"#, Value::Double(f64::NEG_INFINITY));
    check(r#"{"doubleValue":"1.5"}"#, Value::Double(1.5));
    check(r#"{"doubleValue":3}"#, Value::Double(3.0));
    check(r#"{"bytesValue":"aGkh+/8="}"#, Value::Bytes(vec![0x68, 0x69, 0x21, 0xfb, 0xff]));
    check(r#"{"bytesValue":"aGkh-_8"}"#, Value::Bytes(vec![0x68, 0x69, 0x21, 0xfb, 0xff]));
    check(r#"{"boolValue":true,"unknown":{"a":[1]}}"#, Value::Bool(true));
    check(r#"{"stringValue":"\u00fc\ud83d\ude00\n"}"#, Value::from("ü😀\n"));
    check(r#"{"arrayValue":{}}"#, Value::Array(vec![]));
    check(r#"{"stringValue":null}"#, Value::Null);
    check("null", Value::Null);
}

#[test]
fn enums_are_numbers_or_names() {
    for (json, number) in [("9", 9), ("\"SEVERITY_NUMBER_WARN2\"", 14), ("\"17\"", 17), ("null", 0), ("99", 0)] {
        let text = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"severityNumber":{json}}}]}}]}}]}}"#);
        let decoded = decode_logs_json(text.as_bytes(), 1).unwrap();
        assert_eq!(decoded.records[0].severity.number(), number, "{json}");
    }
}

#[test]
fn an_id_that_is_not_hex_refuses_its_record() {
    let text = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[
        {"traceId":"W47/95gDgQPSabYzgT/GDA=="},{"traceId":"0123"},{"spanId":"seven.."},{"spanId":""}]}]}]}"#;
    let decoded = decode_logs_json(text, 1).unwrap();
    let reasons: Vec<_> = decoded.rejects.iter().map(|reject| (reject.index, reject.reason.as_str())).collect();
    assert_eq!(decoded.accepted, 1);
    assert!(reasons[0].1.ends_with(r#"not hex digits: "W47/95gDgQPSabYzgT/GDA==""#), "{reasons:?}");
    assert!(reasons[1].1.ends_with("found 2 bytes: 0123"), "{reasons:?}");
    assert!(reasons[2].1.ends_with(r#"not hex digits: "seven..""#), "{reasons:?}");
    assert_eq!(reasons.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn errors_tell_line_and_field() {
    let check = |text: &str, expected: &str| {
        let error = decode_logs_json(text.as_bytes(), 1).unwrap_err();
        assert_eq!(error.to_string(), format!("malformed OTLP JSON at {expected}"), "{text}");
    };
    check("", "line 1 column 0: EOF while parsing a value");
    check("[]", "line 1 column 0: invalid type: sequence, expected an object");
    check("{\n\"resourceLogs\": 5}", "line 2 column 17 in resourceLogs: expected a list, found 5");
    check(
        "{\"resourceLogs\": [{\"scopeLogs\": [{}, {\"logRecords\": [{\n  \"timeUnixNano\": \"soon\"}]}]}]}",
        "line 2 column 24 in resourceLogs[0].scopeLogs[1].logRecords[0].timeUnixNano: \
         expected an integer, found \"soon\"",
    );
    check(r#"{"resourceLogs":[null]}"#, "line 1 column 21 in resourceLogs[0]: expected a value, found null");
    check(
        r#"{"resourceLogs":[{"resource":[]}]}"#,
        "line 1 column 31 in resourceLogs[0].resource: expected one value, found a list",
    );
    check(
        r#"{"resourceLogs":[{"schemaUrl":5}]}"#,
        "line 1 column 31 in resourceLogs[0].schemaUrl: expected a string, found 5",
    );
    check(
        r#"{"resourceLogs":[{"resource":{"droppedAttributesCount":4294967296}}]}"#,
        "line 1 column 65 in resourceLogs[0].resource.droppedAttributesCount: \
         4294967296 is out of range for its 32-bit type",
    );
    check("{} x", "line 1 column 4: trailing characters");
}
