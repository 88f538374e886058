//! Responses, read back by prost and by serde_json.

use clew_codec::otlp::{Format, encode_response, encode_status};
use clew_model::Signal;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use serde_json::{Value, json};

/// `google.rpc.Status`
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

fn as_json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn full_success_is_an_empty_message() {
    for signal in Signal::ALL {
        assert_eq!(encode_response(signal, 0, "", Format::Protobuf), b"");
        assert_eq!(as_json(&encode_response(signal, 0, "", Format::Json)), json!({}));
    }
}

#[test]
fn partial_success_tells_number_and_reason() {
    for (rejected, message) in [(3, "why \"so\"\n"), (0, "a warning"), (u64::from(u32::MAX) * 2, "")] {
        let body = |signal| encode_response(signal, rejected, message, Format::Protobuf);
        let logs = ExportLogsServiceResponse::decode(&body(Signal::Logs)[..]).unwrap().partial_success.unwrap();
        assert_eq!((logs.rejected_log_records as u64, logs.error_message.as_str()), (rejected, message));
        let metrics =
            ExportMetricsServiceResponse::decode(&body(Signal::Metrics)[..]).unwrap().partial_success.unwrap();
        assert_eq!((metrics.rejected_data_points as u64, metrics.error_message.as_str()), (rejected, message));
        let traces = ExportTraceServiceResponse::decode(&body(Signal::Traces)[..]).unwrap().partial_success.unwrap();
        assert_eq!((traces.rejected_spans as u64, traces.error_message.as_str()), (rejected, message));
    }
    let json = |signal, rejected, message| as_json(&encode_response(signal, rejected, message, Format::Json));
    assert_eq!(
        json(Signal::Traces, 2, "a \"b\""),
        json!({"partialSuccess": {"rejectedSpans": "2", "errorMessage": "a \"b\""}})
    );
    assert_eq!(json(Signal::Logs, 1, ""), json!({"partialSuccess": {"rejectedLogRecords": "1"}}));
    assert_eq!(json(Signal::Metrics, 9, "x")["partialSuccess"]["rejectedDataPoints"], "9");
    assert_eq!(json(Signal::Logs, 0, "warning"), json!({"partialSuccess": {"errorMessage": "warning"}}));
}

#[test]
fn a_status_tells_code_and_message() {
    for (code, message) in [(3, "bad \u{1}\n"), (0, ""), (-1, "odd")] {
        let status = Status::decode(&encode_status(code, message, Format::Protobuf)[..]).unwrap();
        assert_eq!(status, Status { code, message: message.to_owned() });
        assert_eq!(as_json(&encode_status(code, message, Format::Json)), json!({"code": code, "message": message}));
    }
}
