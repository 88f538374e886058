//! Bytes that no honest sender writes: cut, changed, nested, mistyped, amplifying.

use crate::generate;
use crate::records::{one_resource_of_logs, one_resource_of_spans};
use crate::roomy::{
    decode_logs, decode_logs_json, decode_metrics, decode_metrics_json, decode_traces, decode_traces_json,
};
use clew_codec::DecodeError;
use clew_codec::otlp::OtlpMetricOptions;
use clew_model::{ErrorKind, Value};
use fastrand::Rng;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

#[test]
fn a_body_cut_anywhere_is_an_error_or_a_shorter_message() {
    for seed in 0..12 {
        let mut rng = Rng::with_seed(seed);
        let logs = generate::logs(&mut rng).encode_to_vec();
        let whole = decode_logs(&logs, 1).unwrap().records;
        for length in 0..logs.len() {
            let cut = &logs[..length];
            match decode_logs(cut, 1) {
                Ok(decoded) => {
                    assert_eq!(decoded.records, whole[..decoded.records.len()], "seed {seed} length {length}")
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidInput),
            }
            assert_eq!(decode_logs(cut, 1).is_ok(), ExportLogsServiceRequest::decode(cut).is_ok(), "{seed} {length}");
        }
        let traces = generate::traces(&mut rng).encode_to_vec();
        let whole = decode_traces(&traces).unwrap().records;
        for length in 0..traces.len() {
            if let Ok(decoded) = decode_traces(&traces[..length]) {
                assert_eq!(decoded.records, whole[..decoded.records.len()], "seed {seed} length {length}");
            }
        }
        let metrics = generate::metrics(&mut rng).encode_to_vec();
        let options = OtlpMetricOptions::default();
        let whole = decode_metrics(&metrics, &options).unwrap().accepted;
        for length in 0..metrics.len() {
            if let Ok(decoded) = decode_metrics(&metrics[..length], &options) {
                assert!(decoded.accepted <= whole, "seed {seed} length {length}");
            }
        }
    }
}

#[test]
fn changed_bytes_never_panic_and_never_pass_what_prost_refuses() {
    let options = OtlpMetricOptions::default();
    let mut passed = 0;
    for seed in 0..6000 {
        let mut rng = Rng::with_seed(seed);
        let mut body = match seed % 3 {
            0 => generate::logs(&mut rng).encode_to_vec(),
            1 => generate::traces(&mut rng).encode_to_vec(),
            _ => generate::metrics(&mut rng).encode_to_vec(),
        };
        if body.is_empty() {
            continue;
        }
        for _ in 0..rng.usize(1..4) {
            let place = rng.usize(0..body.len());
            body[place] = rng.u8(..);
        }
        match seed % 3 {
            0 => passed += u32::from(decode_logs(&body, 1).is_ok()),
            1 => {
                let decoded = decode_traces(&body);
                // a refused span is not read to its end, so only a body without refusals says that all is well-formed
                if decoded.is_ok_and(|decoded| decoded.rejected == 0) {
                    assert!(ExportTraceServiceRequest::decode(&body[..]).is_ok(), "seed {seed}");
                    passed += 1;
                }
            }
            _ => passed += u32::from(decode_metrics(&body, &options).is_ok()),
        }
    }
    assert!(passed > 500, "changes inside texts still pass: {passed}");
}

#[test]
fn random_bytes_and_changed_json_never_panic() {
    let options = OtlpMetricOptions::default();
    let json = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","kind":2,"attributes":[{"key":"a","value":{"arrayValue":{"values":[{"intValue":"1"},{"doubleValue":1.5}]}}}]}]}]}]}"#;
    assert_eq!(decode_traces_json(json).unwrap().accepted, 1);
    for seed in 0..4000 {
        let mut rng = Rng::with_seed(seed);
        let bytes: Vec<u8> = (0..rng.usize(0..60)).map(|_| rng.u8(..)).collect();
        let _ = (decode_logs(&bytes, 1), decode_traces(&bytes), decode_metrics(&bytes, &options));
        let mut changed = json.to_vec();
        changed.truncate(rng.usize(1..=json.len()));
        for _ in 0..rng.usize(0..3) {
            let place = rng.usize(0..changed.len());
            changed[place] = *rng.choice(br#"{}[]":,0a\"#).unwrap();
        }
        let _ = (decode_traces_json(&changed), decode_logs_json(&changed, 1), decode_metrics_json(&changed, &options));
    }
}

fn nested_list(depth: usize) -> AnyValue {
    (0..depth).fold(AnyValue::default(), |inner, _| AnyValue {
        value: Some(any_value::Value::ArrayValue(ArrayValue { values: vec![inner] })),
    })
}

fn nested_map(depth: usize) -> AnyValue {
    (0..depth).fold(AnyValue::default(), |inner, _| AnyValue {
        value: Some(any_value::Value::KvlistValue(KeyValueList {
            values: vec![KeyValue { key: "k".to_owned(), value: Some(inner), ..KeyValue::default() }],
        })),
    })
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.first().map_or(0, depth),
        Value::Map(items) => 1 + items.first().map_or(0, |item| depth(&item.value)),
        _ => 0,
    }
}

#[test]
fn values_may_nest_as_deep_as_the_model_and_no_deeper() {
    for nested in [nested_list, nested_map] {
        for (levels, kept) in [(64, true), (65, false), (5_000, false)] {
            let record = LogRecord { body: Some(nested(levels)), ..LogRecord::default() };
            let request = one_resource_of_logs(vec![record, LogRecord::default()]);
            let decoded = decode_logs(&request.encode_to_vec(), 1).unwrap();
            assert_eq!(decoded.rejected == 0, kept, "{levels}");
            if kept {
                assert_eq!(depth(&decoded.records[0].body), levels);
            } else {
                let reason = &decoded.rejects[0].reason;
                assert!(reason.ends_with("arrays and maps are nested deeper than 64"), "{reason}");
                assert_eq!(decoded.accepted, 1);
            }
            std::mem::forget(request);
        }
    }
}

/// A value of so many levels in OTLP/JSON.
fn nested_json(levels: usize, [open, close]: [&str; 2]) -> String {
    format!(r#"{}{{"intValue":1}}{}"#, open.repeat(levels), close.repeat(levels))
}

const JSON_LIST: [&str; 2] = [r#"{"arrayValue":{"values":["#, "]}}"];
const JSON_MAP: [&str; 2] = [r#"{"kvlistValue":{"values":[{"key":"k","value":"#, "}]}}"];

#[test]
fn json_nests_as_deep_as_the_model_and_what_is_deeper_spoils_its_record_alone() {
    for shape in [JSON_LIST, JSON_MAP] {
        for levels in [64, 65, 66, 80, 90, 130, 10_000, 100_000] {
            let deep = nested_json(levels, shape);
            let logs =
                format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{}},{{"body":{deep}}},{{}}]}}]}}]}}"#);
            let decoded = decode_logs_json(logs.as_bytes(), 1).unwrap();
            if levels == 64 {
                assert_eq!((decoded.accepted, depth(&decoded.records[1].body)), (3, 64));
                continue;
            }
            let check = |signal: &str, accepted: u64, rejected: u64, rejects: &[clew_codec::Reject]| {
                assert_eq!((accepted, rejected), (2, 1), "{signal} {levels}");
                assert_eq!(rejects[0].index, 1, "{signal} {levels}");
                let reason = &rejects[0].reason;
                assert!(reason.ends_with("arrays and maps are nested deeper than 64"), "{signal} {levels}: {reason}");
            };
            check("logs", decoded.accepted, decoded.rejected, &decoded.rejects);
            let ids = r#""traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174""#;
            let attributes = format!(r#""attributes":[{{"key":"deep","value":{deep}}}]"#);
            for inside in [
                attributes.clone(),
                format!(r#""events":[{{{attributes}}}]"#),
                format!(r#""links":[{{{attributes}}}]"#),
            ] {
                let spans = format!(
                    r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{ids}}},{{{ids},{inside}}},{{{ids}}}]}}]}}]}}"#
                );
                let decoded = decode_traces_json(spans.as_bytes()).unwrap();
                check("spans", decoded.accepted, decoded.rejected, &decoded.rejects);
            }
            let point = r#""timeUnixNano":"1000000","asInt":"1""#;
            let metrics = format!(
                r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"g","gauge":{{"dataPoints":[{{{point}}},{{{point},{attributes}}},{{{point}}}]}}}}]}}]}}]}}"#
            );
            let decoded = decode_metrics_json(metrics.as_bytes(), &OtlpMetricOptions::default()).unwrap();
            check("metrics", decoded.accepted, decoded.rejected, &decoded.rejects);
        }
    }
    let unknown = format!(r#"{{"unknown":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    assert!(decode_logs_json(unknown.as_bytes(), 1).is_ok(), "what is ignored is not recursed into");
}

#[test]
fn a_resource_or_scope_that_is_too_deep_costs_its_own_records_alone() {
    for levels in [65, 10_000] {
        let deep = format!(r#"{{"attributes":[{{"key":"deep","value":{}}}]}}"#, nested_json(levels, JSON_MAP));
        let span = r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}"#;
        let gauge = r#"{"name":"g","gauge":{"dataPoints":[{"timeUnixNano":"1000000","asInt":"1"}]}}"#;
        let request = |resources: &str, scopes: &str, records: &str, record: &str| {
            format!(
                r#"{{"{resources}":[
                    {{"resource":{deep},"{scopes}":[{{"{records}":[{record}]}}]}},
                    {{"{scopes}":[{{"scope":{deep},"{records}":[{record}]}},{{"{records}":[{record}]}}]}},
                    {{"{scopes}":[{{"{records}":[{record}]}}]}}]}}"#
            )
        };
        let logs = decode_logs_json(request("resourceLogs", "scopeLogs", "logRecords", "{}").as_bytes(), 1).unwrap();
        let spans = decode_traces_json(request("resourceSpans", "scopeSpans", "spans", span).as_bytes()).unwrap();
        let options = OtlpMetricOptions::default();
        let metrics = request("resourceMetrics", "scopeMetrics", "metrics", gauge);
        let metrics = decode_metrics_json(metrics.as_bytes(), &options).unwrap();
        for (accepted, rejected, rejects) in [
            (logs.accepted, logs.rejected, logs.rejects),
            (spans.accepted, spans.rejected, spans.rejects),
            (metrics.accepted, metrics.rejected, metrics.rejects),
        ] {
            assert_eq!((accepted, rejected), (2, 2), "{levels}: {rejects:?}");
            assert_eq!(rejects.iter().map(|own| own.index).collect::<Vec<_>>(), [0, 1]);
            assert!(rejects.iter().all(|own| own.reason.ends_with("nested deeper than 64")), "{rejects:?}");
        }
    }
}

#[test]
fn text_that_is_not_utf8_names_its_place() {
    let mut body = one_resource_of_spans(vec![Span {
        trace_id: vec![7; 16],
        span_id: vec![9; 8],
        name: "aXb".to_owned(),
        ..Span::default()
    }])
    .encode_to_vec();
    let place = body.iter().position(|byte| *byte == b'X').unwrap();
    body[place] = 0xff;
    let error = decode_traces(&body).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "malformed OTLP protobuf at byte {place} in resource_spans[0].scope_spans[0].spans[0].name: \
             expected a string in UTF-8, found other bytes"
        )
    );
}

#[test]
fn malformed_bytes_say_where_and_what() {
    for (bytes, text) in [
        (&b"\x08"[..], "at byte 1: the bytes end inside a varint"),
        (b"\x0a\x05\x0a", "at byte 2: expected 5 bytes, 1 are left"),
        (b"\x08\x01", "at byte 0 in resource_logs: expected a message, found a varint"),
        (b"\x00\x01", "at byte 0: the field number is 0, expected 1 to 536870911"),
        (b"\x17", "at byte 0: field 2 has wire type 7, expected 0, 1, 2, 3 or 5"),
        (b"\x14", "at byte 0: field 2 ends a group that is not open"),
        (b"\x13\x08\x01", "at byte 0: the group of field 2 has no end"),
        (b"\x13\x1c", "at byte 1: field 3 ends a group that is not open"),
        (b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "at byte 1: a varint is longer than 64 bits"),
        (b"\x0a\x02\x1a\x05", "at byte 4 in resource_logs[0]: expected 5 bytes, 0 are left"),
        (b"\x0a\x04\x12\x02\x12\x01", "at byte 6 in resource_logs[0].scope_logs[0]: expected 1 bytes, 0 are left"),
    ] {
        let error = decode_logs(bytes, 1).unwrap_err();
        assert_eq!(error.to_string(), format!("malformed OTLP protobuf {text}"), "{bytes:?}");
    }
}

#[test]
fn unknown_fields_and_groups_are_skipped() {
    let request = one_resource_of_logs(vec![LogRecord { severity_text: "x".to_owned(), ..LogRecord::default() }]);
    let known = request.encode_to_vec();
    // field 100 as varint, 8 bytes, bytes, group with a group inside, 4 bytes
    let unknown =
        b"\xa0\x06\x96\x01\xa1\x06\0\0\0\0\0\0\0\0\xa2\x06\x02hi\xa3\x06\x0b\x08\x01\x0c\xa4\x06\xa5\x06\0\0\0\0";
    let body = [&unknown[..], &known, unknown].concat();
    assert_eq!(decode_logs(&body, 1).unwrap(), decode_logs(&known, 1).unwrap());
    let groups = vec![0x0b; 1000];
    assert!(matches!(decode_logs(&groups, 1), Err(DecodeError::LimitExceeded { limit: 64, .. })));
}

/// A resource whose service name is long, and many records that each carry it.
#[test]
fn a_long_service_name_cannot_be_multiplied_without_bound() {
    let name = "n".repeat(1 << 20);
    let resource = format!(r#"{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{name}"}}}}]}}"#);
    let points = r#"{"timeUnixNano":1,"asInt":1},"#.repeat(2_000);
    let body = format!(
        r#"{{"resourceMetrics":[{{"resource":{resource},"scopeMetrics":[{{"metrics":[{{"name":"m","gauge":
        {{"dataPoints":[{points}{{}}]}}}}]}}]}}]}}"#
    );
    let error = decode_metrics_json(body.as_bytes(), &OtlpMetricOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(matches!(error, DecodeError::Memory { .. }), "{error}");
}

#[test]
fn bodies_whose_records_take_more_than_there_is_are_refused_whatever_they_are_made_of() {
    use clew_codec::limits::MAX_DECODED_BYTES;
    use clew_codec::otlp;
    use clew_model::ErrorKind;
    let field = |number: u8, bytes: &[u8]| {
        let mut out = vec![number << 3 | 2];
        let mut length = bytes.len();
        while length >= 128 {
            out.push((length & 127) as u8 | 128);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend(bytes);
        out
    };
    // Two bytes a record: a resource of one scope of empty records; and one record of empty attributes.
    let empty = field(2, b"").repeat(50_000);
    let records = field(1, &field(2, &empty));
    let attributes = field(1, &field(2, &field(2, &field(6, b"").repeat(50_000))));
    for body in [&records, &attributes] {
        let refused = |memory| otlp::decode_logs(body, 1, memory).err().map(|error| error.kind());
        assert_eq!((refused(1 << 20), refused(MAX_DECODED_BYTES)), (Some(ErrorKind::TooLarge), None));
    }
    let spans = otlp::decode_traces(&records, 1 << 20).unwrap_err();
    assert_eq!(spans, DecodeError::Memory { limit: 1 << 20 });
    let json = format!("{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{}{{}}]}}]}}]}}", "{},".repeat(50_000));
    let refused = |memory| otlp::decode_logs_json(json.as_bytes(), 1, memory).err().map(|error| error.kind());
    assert_eq!((refused(1 << 20), refused(MAX_DECODED_BYTES)), (Some(ErrorKind::TooLarge), None));
}
