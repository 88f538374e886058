//! `POST /api/v1/write`: remote write 1.0 and 2.0 (<https://prometheus.io/docs/specs/prw/>).

use crate::body::ContentEncoding;
use crate::error::ApiError;
use crate::intake;
use crate::otlp::count_refusal;
use crate::state::ApiState;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use clew_app::Protocol;
use clew_app::ingest::IngestOutcome;
use clew_app::tenants::Arrival;
use clew_codec::remote_write::{decode_v1, decode_v2};
use clew_model::{Caller, Signal};

/// What was written, in answers to version 2.0.
const WRITTEN: [HeaderName; 3] = [
    HeaderName::from_static("x-prometheus-remote-write-samples-written"),
    HeaderName::from_static("x-prometheus-remote-write-histograms-written"),
    HeaderName::from_static("x-prometheus-remote-write-exemplars-written"),
];

/// Which message a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// `prometheus.WriteRequest`
    V1,
    /// `io.prometheus.write.v2.Request`
    V2,
}

/// `POST /api/v1/write`
pub(super) async fn write(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Response {
    let version = version(request.headers());
    let outcome = match &version {
        Ok(version) => take(&state, &caller, *version, request).await,
        Err(error) => Err(error.clone()),
    };
    match (outcome, version) {
        (Ok(outcome), version) => answer(&outcome, version.unwrap_or(Version::V1)),
        (Err(error), version) => {
            count_refusal(&state, Signal::Metrics, Protocol::RemoteWrite, &error);
            let mut response = refusal(&error);
            if version == Ok(Version::V2) {
                put_written(&mut response, [0; 3]);
            }
            response
        }
    }
}

async fn take(
    state: &ApiState,
    caller: &Caller,
    version: Version,
    request: Request<Body>,
) -> Result<IngestOutcome, ApiError> {
    let encoding = encoding(request.headers())?;
    let (head, body) = request.into_parts();
    let (body, mut room) = intake::receive(state, &head.headers, body, 0).await?;
    state.app.observer().request_bytes(Signal::Metrics, Protocol::RemoteWrite.as_str(), body.len() as u64);
    let (bytes, decoded) = intake::decode(state, &mut room, Signal::Metrics, encoding, body, move |body, memory| {
        let decoded = match version {
            Version::V1 => decode_v1(body, memory)?,
            Version::V2 => decode_v2(body, memory)?,
        };
        Ok((body.len(), decoded))
    })
    .await?;
    let records = decoded.records.sample_count() as u64;
    let arrival = Arrival { signal: Signal::Metrics, records, bytes: bytes as u64 };
    let write = state.app.ingest_metrics(caller, Protocol::RemoteWrite, decoded);
    Ok(state.app.within_rates(caller, arrival, write).await?)
}

/// The message that the `Content-Type` names; without a `proto` parameter it is that of version 1.0.
fn version(headers: &HeaderMap) -> Result<Version, ApiError> {
    let value = headers.get(header::CONTENT_TYPE).map_or("application/x-protobuf", |own| own.to_str().unwrap_or("?"));
    let unsupported = || {
        ApiError::unsupported_media_type(format!(
            "the content type {value:?} is not remote write; send application/x-protobuf, with \
             proto=io.prometheus.write.v2.Request for version 2.0"
        ))
    };
    let mut parts = value.split(';').map(str::trim);
    if !parts.next().unwrap_or_default().eq_ignore_ascii_case("application/x-protobuf") {
        // Prometheus takes what is no protobuf at all for a request gone astray.
        return Err(ApiError { status: None, ..unsupported() });
    }
    let proto = parts.find_map(|part| part.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("proto")));
    match proto.map(|(_, message)| message.trim_matches('"')) {
        None | Some("prometheus.WriteRequest") => Ok(Version::V1),
        Some("io.prometheus.write.v2.Request") => Ok(Version::V2),
        Some(_) => Err(unsupported()),
    }
}

/// Both versions ask for snappy; one that says nothing means it too.
fn encoding(headers: &HeaderMap) -> Result<ContentEncoding, ApiError> {
    match headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim()) {
        None | Some("" | "snappy") => Ok(ContentEncoding::SnappyBlock),
        Some(other) => Err(ApiError::unsupported_media_type(format!(
            "the content encoding {other:?} is not that of remote write; send snappy (its block format)"
        ))),
    }
}

/// 204 where all was taken; otherwise 400 with what was not, which the specification asks senders not to send again.
fn answer(outcome: &IngestOutcome, version: Version) -> Response {
    let mut response = if outcome.rejected == 0 {
        StatusCode::NO_CONTENT.into_response()
    } else {
        (StatusCode::BAD_REQUEST, format!("{}\n", outcome.message())).into_response()
    };
    if version == Version::V2 {
        let samples = outcome.accepted.saturating_sub(outcome.histograms);
        put_written(&mut response, [samples, outcome.histograms, outcome.exemplars]);
    }
    response
}

fn put_written(response: &mut Response, counts: [u64; 3]) {
    for (name, count) in WRITTEN.into_iter().zip(counts) {
        response.headers_mut().insert(name, HeaderValue::from(count));
    }
}

/// Clients of this protocol log an answer's text as it is.
fn refusal(error: &ApiError) -> Response {
    error.with_retry_after((error.prometheus_status(), format!("{}\n", error.message)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_names_a_version_or_none_that_is_known() {
        // Remote write 2.0, "Content-Type": the default of `proto` is prometheus.WriteRequest.
        for (value, expected) in [
            ("application/x-protobuf", Some(Version::V1)),
            ("application/x-protobuf;proto=prometheus.WriteRequest", Some(Version::V1)),
            ("Application/X-Protobuf; proto=io.prometheus.write.v2.Request", Some(Version::V2)),
            ("application/x-protobuf;proto=\"io.prometheus.write.v2.Request\"", Some(Version::V2)),
            ("application/x-protobuf;proto=other", None),
            ("application/json", None),
            ("text/plain", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(version(&headers).ok(), expected, "{value}");
            let status = version(&headers).err().map(|error| error.prometheus_status().as_u16());
            let is_protobuf = value.contains("protobuf");
            assert_eq!(status, expected.is_none().then_some(if is_protobuf { 415 } else { 400 }), "{value}");
        }
        assert_eq!(version(&HeaderMap::new()).ok(), Some(Version::V1));
    }

    #[test]
    fn the_body_is_snappy_and_nothing_else() {
        for (value, expected) in [("snappy", true), ("", true), ("gzip", false), ("zstd", false)] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(encoding(&headers).is_ok(), expected, "{value}");
        }
    }

    #[test]
    fn what_was_written_is_told_to_version_two_alone() {
        let outcome =
            IngestOutcome { accepted: 5, histograms: 2, exemplars: 1, rejected: 1, ..IngestOutcome::default() };
        let response = answer(&outcome, Version::V2);
        let counts = WRITTEN.map(|name| response.headers().get(name).unwrap().to_str().unwrap().to_owned());
        assert_eq!((response.status(), counts), (StatusCode::BAD_REQUEST, ["3", "2", "1"].map(str::to_owned)));
        let response = answer(&IngestOutcome { rejected: 0, ..outcome }, Version::V1);
        assert_eq!((response.status(), response.headers().len()), (StatusCode::NO_CONTENT, 0));
    }
}
