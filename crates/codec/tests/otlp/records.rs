//! Logs and spans in protobuf: every field against prost, and what is refused by itself.

use crate::roomy::{decode_logs, decode_traces};
use crate::{expected, generate};
use fastrand::Rng;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};
use prost::Message as _;
use std::sync::Arc;

pub(crate) fn one_resource_of_logs(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
}

pub(crate) fn one_resource_of_spans(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}

fn good_span() -> Span {
    Span { trace_id: vec![7; 16], span_id: vec![9; 8], ..Span::default() }
}

#[test]
fn every_field_of_a_log_record_arrives() {
    for seed in 0..400 {
        let mut rng = Rng::with_seed(seed);
        let request = generate::logs(&mut rng);
        let decoded = decode_logs(&request.encode_to_vec(), 1_700_000_000_000_000_000).unwrap();
        let expected = expected::logs(&request, 1_700_000_000_000_000_000);
        assert_eq!(decoded.records, expected, "seed {seed}");
        assert_eq!((decoded.accepted, decoded.rejected), (expected.len() as u64, 0), "seed {seed}");
    }
}

#[test]
fn every_field_of_a_span_arrives() {
    let mut kept = 0;
    for seed in 0..400 {
        let mut rng = Rng::with_seed(seed);
        let request = generate::traces(&mut rng);
        let decoded = decode_traces(&request.encode_to_vec()).unwrap();
        let (expected, refused) = expected::traces(&request);
        assert_eq!(decoded.records, expected, "seed {seed}");
        assert_eq!((decoded.accepted, decoded.rejected), (expected.len() as u64, refused), "seed {seed}");
        kept += expected.len();
    }
    assert!(kept > 300, "the generator makes good spans: {kept}");
}

#[test]
fn records_of_a_resource_share_it() {
    let request = one_resource_of_logs(vec![LogRecord::default(), LogRecord::default()]);
    let decoded = decode_logs(&request.encode_to_vec(), 5).unwrap();
    assert!(Arc::ptr_eq(&decoded.records[0].resource, &decoded.records[1].resource));
    assert!(Arc::ptr_eq(&decoded.records[0].scope, &decoded.records[1].scope));
}

#[test]
fn the_time_of_a_log_record_falls_back() {
    for (time, observed, expected) in [(3, 4, (3, 4)), (0, 4, (4, 4)), (3, 0, (3, 99)), (0, 0, (99, 99))] {
        let record = LogRecord { time_unix_nano: time, observed_time_unix_nano: observed, ..LogRecord::default() };
        let decoded = decode_logs(&one_resource_of_logs(vec![record]).encode_to_vec(), 99).unwrap();
        assert_eq!((decoded.records[0].time, decoded.records[0].observed_time), expected);
    }
}

#[test]
fn a_bad_log_record_is_refused_by_itself() {
    let good = LogRecord { severity_text: "good".to_owned(), ..LogRecord::default() };
    for (bad, reason) in [
        (
            LogRecord { trace_id: vec![1; 15], ..LogRecord::default() },
            "trace_id: expected 16 bytes (32 hex digits in JSON), found 15 bytes: 010101010101010101010101010101",
        ),
        (
            LogRecord { span_id: b"12345678abcdef00".to_vec(), ..LogRecord::default() },
            "span_id: expected 8 bytes (16 hex digits in JSON), found 16 bytes: 12345678abcdef00",
        ),
        (
            LogRecord { time_unix_nano: u64::MAX, ..LogRecord::default() },
            "time_unix_nano: the time 18446744073709551615 ns lies after the year 2262, expected at most \
             9223372036854775807",
        ),
    ] {
        let request = one_resource_of_logs(vec![good.clone(), bad, good.clone()]);
        let decoded = decode_logs(&request.encode_to_vec(), 1).unwrap();
        assert_eq!((decoded.records.len(), decoded.accepted, decoded.rejected), (2, 2, 1));
        assert_eq!((decoded.rejects[0].index, decoded.rejects[0].reason.as_str()), (1, reason));
    }
}

#[test]
fn a_bad_span_is_refused_by_itself() {
    let check = |spoil: &dyn Fn(&mut Span), reason: &str| {
        let mut bad = good_span();
        spoil(&mut bad);
        let request = one_resource_of_spans(vec![bad, good_span()]);
        let decoded = decode_traces(&request.encode_to_vec()).unwrap();
        assert_eq!((decoded.records.len(), decoded.rejected), (1, 1), "{reason}");
        assert_eq!(decoded.rejects[0].index, 0);
        assert!(decoded.rejects[0].reason.starts_with(reason), "{}", decoded.rejects[0].reason);
    };
    check(&|span| span.trace_id.clear(), "trace_id: missing or all zero, expected 16 bytes");
    check(&|span| span.span_id = vec![0; 8], "span_id: missing or all zero, expected 8 bytes");
    check(&|span| span.trace_id = vec![1; 8], "trace_id: expected 16 bytes");
    check(&|span| span.parent_span_id = vec![1; 7], "parent_span_id: expected 8 bytes");
    check(&|span| span.end_time_unix_nano = 1 << 63, "end_time_unix_nano: the time 9223372036854775808 ns");
    check(
        &|span| {
            span.events = vec![span::Event::default(), span::Event { time_unix_nano: 1 << 63, ..Default::default() }]
        },
        "events[1].time_unix_nano: the time",
    );
    check(
        &|span| span.links = vec![span::Link { trace_id: vec![1; 3], ..Default::default() }],
        "links[0].trace_id: expected 16 bytes",
    );
}

#[test]
fn all_refusals_are_counted_and_the_first_are_told() {
    let request = one_resource_of_spans(vec![Span::default(); 100]);
    let decoded = decode_traces(&request.encode_to_vec()).unwrap();
    assert_eq!((decoded.rejected, decoded.rejects.len()), (100, clew_codec::limits::MAX_REJECT_REASONS));
    let message = decoded.message();
    assert!(message.starts_with("record 0: trace_id: missing"), "{message}");
    assert!(message.ends_with("; and 84 more"), "{message}");
}

#[test]
fn fields_may_come_in_any_order() {
    // resource_logs { schema_url, scope_logs { schema_url, log_records, scope }, resource }, against the usual order
    let scope_logs = [&b"\x1a\x01u"[..], b"\x12\x05\x1a\x03WAR", b"\x0a\x03\x0a\x01n"].concat();
    let resource = b"\x0a\x04\x0a\x02\x0a\x00";
    let mut resource_logs = vec![0x1a, 1, b'r', 0x12, scope_logs.len() as u8];
    resource_logs.extend(&scope_logs);
    resource_logs.extend(resource);
    let mut body = vec![0x0a, resource_logs.len() as u8];
    body.extend(&resource_logs);
    let request = ExportLogsServiceRequest::decode(&body[..]).unwrap();
    let decoded = decode_logs(&body, 1).unwrap();
    assert_eq!(decoded.records, expected::logs(&request, 1));
    assert_eq!((decoded.records[0].scope.name.as_str(), decoded.records[0].resource.attributes.len()), ("n", 1));
}
