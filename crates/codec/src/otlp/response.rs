//! Answers to OTLP exports: `Export*ServiceResponse` and `google.rpc.Status`, in protobuf and JSON.

use clew_model::Signal;
use clew_model::value::write_json_string;
use std::fmt::Write as _;

/// The encoding of a request, and so of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

/// The name of the partial success field that counts refused records, in JSON.
fn rejected_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Logs => "rejectedLogRecords",
        Signal::Metrics => "rejectedDataPoints",
        Signal::Traces => "rejectedSpans",
    }
}

/// The body of an `Export{Logs,Metrics,Trace}ServiceResponse`. `partial_success` is left out when nothing was refused
/// and there is no message, as the OTLP specification asks ("Full Success").
#[must_use]
pub fn encode_response(signal: Signal, rejected: u64, message: &str, format: Format) -> Vec<u8> {
    let full = rejected == 0 && message.is_empty();
    match format {
        Format::Protobuf if full => Vec::new(),
        Format::Protobuf => {
            let mut partial = Vec::new();
            put_varint_field(1, rejected, &mut partial);
            put_bytes_field(2, message.as_bytes(), &mut partial);
            let mut out = Vec::new();
            put_bytes_field(1, &partial, &mut out);
            out
        }
        Format::Json if full => b"{}".to_vec(),
        Format::Json => {
            let mut out = String::from("{\"partialSuccess\":{");
            if rejected > 0 {
                // 64-bit integers are strings in the JSON mapping of protobuf
                let _ = write!(out, "\"{}\":\"{rejected}\"", rejected_name(signal));
            }
            if !message.is_empty() {
                out.push_str(if rejected > 0 { ",\"errorMessage\":" } else { "\"errorMessage\":" });
                write_json_string(message, &mut out);
            }
            out.push_str("}}");
            out.into_bytes()
        }
    }
}

/// The body of a `google.rpc.Status`, which OTLP/HTTP answers errors with; `code` is a gRPC status code.
#[must_use]
pub fn encode_status(code: i32, message: &str, format: Format) -> Vec<u8> {
    match format {
        Format::Protobuf => {
            let mut out = Vec::new();
            put_varint_field(1, i64::from(code).cast_unsigned(), &mut out);
            put_bytes_field(2, message.as_bytes(), &mut out);
            out
        }
        Format::Json => {
            let mut out = format!("{{\"code\":{code},\"message\":");
            write_json_string(message, &mut out);
            out.push('}');
            out.into_bytes()
        }
    }
}

/// A `google.rpc.Status` as protobuf whose details say when to try again (`google.rpc.RetryInfo`), for gRPC: without it OTLP takes
/// RESOURCE_EXHAUSTED for final (specification 1.5, "Failures").
#[must_use]
pub fn encode_retry(code: i32, message: &str, seconds: u64) -> Vec<u8> {
    let nested = |number: u64, inner: &[u8]| {
        let mut out = Vec::new();
        put_bytes_field(number, inner, &mut out);
        out
    };
    let mut duration = Vec::new();
    put_varint_field(1, seconds, &mut duration);
    let retry_info = nested(1, &duration);
    let mut any = nested(1, b"type.googleapis.com/google.rpc.RetryInfo");
    put_bytes_field(2, &retry_info, &mut any);
    let mut out = encode_status(code, message, Format::Protobuf);
    put_bytes_field(3, &any, &mut out);
    out
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a varint field; zero is the default and left out.
fn put_varint_field(number: u64, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        put_varint(number << 3, out);
        put_varint(value, out);
    }
}

/// Appends a length-delimited field; an empty one is the default and left out.
fn put_bytes_field(number: u64, bytes: &[u8], out: &mut Vec<u8>) {
    if !bytes.is_empty() {
        put_varint(number << 3 | 2, out);
        put_varint(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }
}
