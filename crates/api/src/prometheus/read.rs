//! `POST /api/v1/read`: remote read (<https://prometheus.io/docs/prometheus/latest/querying/remote_read_api/>), answered with
//! raw samples.

use crate::body::{self, ContentEncoding};
use crate::error::ApiError;
use crate::state::ApiState;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, header};
use axum::response::{IntoResponse, Response};
use clew_app::reads::metrics::{Listed, ReadSeries};
use clew_codec::remote_read::{ReadQuery, decode, encode_samples};
use clew_model::metrics::SeriesData;
use clew_model::{Caller, ErrorKind, TimeRange};

/// `POST /api/v1/read`
pub(super) async fn read(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request<Body>,
) -> Response {
    match answer(&state, &caller, request).await {
        Ok(body) => {
            let headers = [(header::CONTENT_TYPE, "application/x-protobuf"), (header::CONTENT_ENCODING, "snappy")];
            (headers, body).into_response()
        }
        // Clients of this protocol log an answer's text as it is.
        Err(error) => {
            error.with_retry_after((error.prometheus_status(), format!("{}\n", error.message)).into_response())
        }
    }
}

async fn answer(state: &ApiState, caller: &Caller, request: Request<Body>) -> Result<Vec<u8>, ApiError> {
    let encoding = encoding(request.headers())?;
    let limit = state.options.ingest_body;
    let sent = body::read(request.into_body(), limit).await?;
    let asked = decode(&body::decompress(encoding, sent, limit)?)?;
    if !asked.takes_samples {
        return Err(ApiError::bad_request(
            "none of the accepted_response_types is answered here; send SAMPLES among them",
        ));
    }
    let selection = |query: ReadQuery| (query.matchers, TimeRange::from_millis(query.start, query.end));
    let question = ReadSeries { selections: asked.queries.into_iter().map(selection).collect() };
    let (body, missing) = state
        .app
        .ask_and(caller, question, |found: Listed<Vec<SeriesData>>, _| Ok((packed(&found.items), found.warnings)))
        .await?;
    match missing.first() {
        None => body,
        // The answer has no place for what is missing, and must not pass for the whole.
        Some(missing) => Err(ApiError::new(ErrorKind::Corrupt, missing.clone())),
    }
}

fn packed(items: &[Vec<SeriesData>]) -> Result<Vec<u8>, ApiError> {
    let packed = snap::raw::Encoder::new().compress_vec(&encode_samples(items));
    packed.map_err(|error| ApiError::new(ErrorKind::LimitExceeded, format!("the answer is too large: {error}")))
}

/// As with remote write, who says nothing means snappy.
fn encoding(headers: &HeaderMap) -> Result<ContentEncoding, ApiError> {
    match headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim()) {
        None | Some("" | "snappy") => Ok(ContentEncoding::SnappyBlock),
        Some(other) => Err(ApiError::unsupported_media_type(format!(
            "the content encoding {other:?} is not that of remote read; send snappy (its block format)"
        ))),
    }
}
