//! Reading request bodies: capped, decompressed under the same cap, within a time.

use crate::error::ApiError;
use crate::limits::BODY_TIMEOUT;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use clew_model::ErrorKind;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::io::Read;

/// How often its size a snappy block is at most when unpacked: three bytes stand for 64 (format description, 2.2).
const SNAPPY_GROWTH: usize = 22;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentEncoding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or bare RFC 1951 as some clients send it.
    Deflate,
    /// RFC 8878.
    Zstd,
    /// One block of snappy without framing, as Prometheus' remote protocols have it.
    SnappyBlock,
}

impl ContentEncoding {
    /// What the `Content-Encoding` header says.
    ///
    /// # Errors
    /// An encoding that is not known here, or several.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(Self::Identity) };
        match value.to_str().unwrap_or("?").trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            "zstd" => Ok(Self::Zstd),
            other => Err(ApiError::unsupported_media_type(format!(
                "the content encoding {other:?} is not supported; send gzip, deflate, zstd or no Content-Encoding"
            ))),
        }
    }
}

/// Reads a whole body of at most `limit` bytes as sent.
///
/// # Errors
/// A body over the limit, cut off, or too slow.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Ok(Err(error)) => Err(ApiError::bad_request(format!("the request's body could not be read: {error}"))),
        Err(_) => Err(ApiError {
            status: Some(axum::http::StatusCode::REQUEST_TIMEOUT),
            ..ApiError::bad_request(format!("the request's body did not arrive within {} s", BODY_TIMEOUT.as_secs()))
        }),
    }
}

/// The refusal of a body over the limit.
pub(crate) fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        ErrorKind::TooLarge,
        format!(
            "the request's body is larger than the limit of {limit} bytes (limits.ingest_body); send smaller batches"
        ),
    )
}

/// Undoes the compression; the result has at most `limit` bytes, and no more than that is ever held.
///
/// # Errors
/// Bytes that are not of the encoding, or more of them than the limit.
pub(crate) fn decompress(encoding: ContentEncoding, body: Bytes, limit: usize) -> Result<Bytes, ApiError> {
    let unpacked = match encoding {
        ContentEncoding::Identity => return Ok(body),
        ContentEncoding::Gzip => capped(flate2::read::MultiGzDecoder::new(&*body), body.len(), limit),
        ContentEncoding::Deflate if looks_like_zlib(&body) => {
            capped(flate2::read::ZlibDecoder::new(&*body), body.len(), limit)
        }
        ContentEncoding::Deflate => capped(flate2::read::DeflateDecoder::new(&*body), body.len(), limit),
        ContentEncoding::Zstd => {
            zstd::stream::read::Decoder::new(&*body).and_then(|decoder| capped(decoder, body.len(), limit))
        }
        ContentEncoding::SnappyBlock => match snap::raw::decompress_len(&body) {
            // More than its bytes can make is no length: the block is none.
            Ok(bytes) if bytes > body.len().saturating_mul(SNAPPY_GROWTH) => {
                Err(std::io::ErrorKind::InvalidData.into())
            }
            Ok(bytes) if bytes > limit => return Err(too_large(limit)),
            _ => snap::raw::Decoder::new().decompress_vec(&body).map_err(std::io::Error::from),
        },
    };
    match unpacked {
        Ok(bytes) if bytes.len() > limit => Err(too_large(limit)),
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => Err(ApiError::bad_request(format!(
            "the body is not what its Content-Encoding says ({encoding:?}): {error}"
        ))),
    }
}

/// RFC 1950, 2.2: the first two bytes, read as a number, are a multiple of 31, and the method is 8.
fn looks_like_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

/// Reads at most one byte more than the limit, so that the caller can tell "too large" from "just fits".
fn capped(reader: impl Read, compressed: usize, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(compressed.saturating_mul(4).min(limit));
    reader.take(limit as u64 + 1).read_to_end(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    fn zlib(bytes: &[u8]) -> Bytes {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    fn raw_deflate(bytes: &[u8]) -> Bytes {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn every_encoding_is_undone_and_capped() {
        let text = vec![b'a'; 100_000];
        let snappy = Bytes::from(snap::raw::Encoder::new().compress_vec(&text).unwrap());
        let zstd = Bytes::from(zstd::encode_all(&text[..], 1).unwrap());
        for (encoding, body) in [
            (ContentEncoding::Gzip, gzip(&text)),
            (ContentEncoding::Deflate, zlib(&text)),
            (ContentEncoding::Deflate, raw_deflate(&text)),
            (ContentEncoding::Zstd, zstd),
            (ContentEncoding::SnappyBlock, snappy),
        ] {
            assert_eq!(decompress(encoding, body.clone(), 100_000).unwrap(), text, "{encoding:?}");
            let error = decompress(encoding, body, 99_999).unwrap_err();
            assert_eq!(error.kind, ErrorKind::TooLarge, "{encoding:?}");
            assert!(error.message.contains("99999 bytes (limits.ingest_body)"), "{}", error.message);
        }
    }

    #[test]
    fn garbage_is_refused_with_its_encoding_named() {
        let all =
            [ContentEncoding::Gzip, ContentEncoding::Deflate, ContentEncoding::Zstd, ContentEncoding::SnappyBlock];
        for encoding in all {
            let error = decompress(encoding, Bytes::from_static(b"\xff\xff not compressed"), 100).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidInput);
            assert!(error.message.contains(&format!("{encoding:?}")), "{}", error.message);
        }
    }

    #[test]
    fn an_unknown_encoding_is_an_unsupported_media_type() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        assert_eq!(ContentEncoding::of(&headers).unwrap_err().status().as_u16(), 415);
    }
}
