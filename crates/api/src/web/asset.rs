//! Assets inside the binary, and how one is answered.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A file of the built page.
pub struct Asset {
    /// Its path on the server, beginning with `/`.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// A hash of its bytes.
    pub hash: &'static str,
    /// Its bytes.
    pub plain: &'static [u8],
    /// The same compressed with brotli, where that is smaller.
    pub brotli: Option<&'static [u8]>,
    /// The same compressed with gzip, where that is smaller.
    pub gzip: Option<&'static [u8]>,
}

/// Every file of `web/dist`, sorted by path; made by build.rs.
pub static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/web_assets.rs"));

/// Files below this path have a hash of their content in their name: they never change.
const IMMUTABLE: &str = "/_app/immutable/";

/// Answers an asset in the smallest encoding that the client takes, or that it has it already.
#[must_use]
pub fn respond(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let (encoding, body) = variant(asset, headers);
    let tag =
        if encoding.is_empty() { format!("\"{}\"", asset.hash) } else { format!("\"{}-{encoding}\"", asset.hash) };
    let is_known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(Bytes::from_static(body)))
    };
    let is_immutable = asset.path.starts_with(IMMUTABLE);
    let caching = if is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let own = response.headers_mut();
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    own.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    own.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        own.insert(header::ETAG, tag);
    }
    if !encoding.is_empty() && !is_known {
        own.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

fn variant(asset: &'static Asset, headers: &HeaderMap) -> (&'static str, &'static [u8]) {
    let variants = [("br", asset.brotli), ("gzip", asset.gzip)];
    variants
        .into_iter()
        .filter(|(encoding, _)| takes(headers, encoding))
        .find_map(|(encoding, bytes)| Some((encoding, bytes?)))
        .unwrap_or(("", asset.plain))
}

/// Whether the client takes this encoding by name (RFC 9110, 12.5.3); `;q=0` means that it does not.
fn takes(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
        name.trim().eq_ignore_ascii_case(encoding) && weight.is_ok_and(|weight| weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    static SCRIPT: Asset = Asset {
        path: "/_app/immutable/entry/start.js",
        content_type: "text/javascript; charset=utf-8",
        hash: "0123456789abcdef",
        plain: b"plain",
        brotli: Some(b"br"),
        gzip: Some(b"gz"),
    };
    static ICON: Asset = Asset { path: "/favicon.svg", brotli: None, gzip: None, ..SCRIPT };

    fn ask(asset: &'static Asset, name: header::HeaderName, value: &'static str) -> Response {
        respond(asset, &HeaderMap::from_iter([(name, HeaderValue::from_static(value))]))
    }

    fn text<'a>(response: &'a Response, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn the_client_gets_the_best_encoding_that_it_takes() {
        for (accept, encoding, tag) in [
            ("gzip, deflate, br, zstd", "br", "\"0123456789abcdef-br\""),
            ("gzip;q=1.0, br;q=0", "gzip", "\"0123456789abcdef-gzip\""),
            ("identity", "", "\"0123456789abcdef\""),
            ("brotli", "", "\"0123456789abcdef\""),
        ] {
            let response = ask(&SCRIPT, header::ACCEPT_ENCODING, accept);
            assert_eq!((text(&response, "content-encoding"), text(&response, "etag")), (encoding, tag), "{accept}");
            assert_eq!(text(&response, "vary"), "Accept-Encoding");
        }
        assert_eq!(text(&ask(&ICON, header::ACCEPT_ENCODING, "br"), "content-encoding"), "");
    }

    #[test]
    fn hashed_assets_never_change_and_others_are_asked_for_again() {
        let hashed = ask(&SCRIPT, header::ACCEPT_ENCODING, "");
        assert_eq!(text(&hashed, "cache-control"), "public, max-age=31536000, immutable");
        let icon = ask(&ICON, header::IF_NONE_MATCH, "\"other\"");
        assert_eq!((icon.status(), text(&icon, "cache-control")), (StatusCode::OK, "no-cache"));
        for known in ["\"0123456789abcdef\"", "\"x\", W/\"0123456789abcdef\""] {
            assert_eq!(ask(&ICON, header::IF_NONE_MATCH, known).status(), StatusCode::NOT_MODIFIED);
        }
    }
}
