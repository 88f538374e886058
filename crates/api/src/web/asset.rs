//! Assets inside the binary, and how one is answered.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::fmt::Write as _;

/// The built page with its compressed variants, as they are committed: no build compresses anything, and none runs npm.
/// Nothing where `web/dist` was not there when this was compiled.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
pub(super) struct Dist;

/// Files below this path have a hash of their content in their name: they never change.
const IMMUTABLE: &str = "/_app/immutable/";

/// What the names of compressed variants end with: of brotli and of gzip.
const BROTLI: &str = ".br";
const GZIP: &str = ".gz";

/// Bytes of the SHA-256 that make an entity tag: enough to tell two builds of a file apart.
const TAG_BYTES: usize = 8;

/// A file of the built page.
#[derive(Clone)]
pub(super) struct Asset {
    /// Its path on the server, beginning with `/`.
    pub(super) path: String,
    /// The SHA-256 of its bytes.
    pub(super) hash: [u8; 32],
    /// Its bytes.
    pub(super) plain: Bytes,
    /// The same compressed with brotli, where that is smaller.
    pub(super) brotli: Option<Bytes>,
    /// The same compressed with gzip, where that is smaller.
    pub(super) gzip: Option<Bytes>,
}

/// The file of the built page at this path. A compressed variant is no file of its own.
pub(super) fn find(path: &str) -> Option<Asset> {
    if path.ends_with(BROTLI) || path.ends_with(GZIP) {
        return None;
    }
    let name = path.strip_prefix('/')?;
    let file = Dist::get(name)?;
    let variant = |ending: &str| Dist::get(&format!("{name}{ending}")).map(|file| bytes(file.data));
    Some(Asset {
        path: path.to_owned(),
        hash: file.metadata.sha256_hash(),
        plain: bytes(file.data),
        brotli: variant(BROTLI),
        gzip: variant(GZIP),
    })
}

/// What is embedded is sent from where it stands in the binary.
fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    }
}

/// Answers an asset in the smallest encoding that the client takes, or that it has it already.
pub(super) fn respond(asset: &Asset, headers: &HeaderMap) -> Response {
    let (encoding, body) = variant(asset, headers);
    let tag = tag(&asset.hash, encoding);
    let is_known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag));
    let mut response =
        if is_known { StatusCode::NOT_MODIFIED.into_response() } else { Response::new(Body::from(body.clone())) };
    let is_immutable = asset.path.starts_with(IMMUTABLE);
    let caching = if is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let own = response.headers_mut();
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    own.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    own.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(&asset.path)));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        own.insert(header::ETAG, tag);
    }
    if !encoding.is_empty() && !is_known {
        own.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// The entity tag of an asset in this encoding (RFC 9110, 8.8.3: each encoding has its own).
fn tag(hash: &[u8; 32], encoding: &str) -> String {
    let mut tag = String::from("\"");
    for byte in hash.iter().take(TAG_BYTES) {
        // Writing to a text does not fail.
        let _ = write!(tag, "{byte:02x}");
    }
    if !encoding.is_empty() {
        tag.push('-');
        tag.push_str(encoding);
    }
    tag.push('"');
    tag
}

fn variant<'a>(asset: &'a Asset, headers: &HeaderMap) -> (&'static str, &'a Bytes) {
    let variants = [("br", &asset.brotli), ("gzip", &asset.gzip)];
    variants
        .into_iter()
        .filter(|(encoding, _)| takes(headers, encoding))
        .find_map(|(encoding, bytes)| Some((encoding, bytes.as_ref()?)))
        .unwrap_or(("", &asset.plain))
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

/// The media type by the file's extension.
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::io::Read as _;

    fn script() -> Asset {
        Asset {
            path: "/_app/immutable/entry/start.js".to_owned(),
            hash: [0xab; 32],
            plain: Bytes::from_static(b"plain"),
            brotli: Some(Bytes::from_static(b"br")),
            gzip: Some(Bytes::from_static(b"gz")),
        }
    }

    fn icon() -> Asset {
        Asset { path: "/favicon.svg".to_owned(), brotli: None, gzip: None, ..script() }
    }

    fn ask(asset: &Asset, name: header::HeaderName, value: &'static str) -> Response {
        respond(asset, &HeaderMap::from_iter([(name, HeaderValue::from_static(value))]))
    }

    fn text<'a>(response: &'a Response, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn the_client_gets_the_best_encoding_that_it_takes() {
        for (accept, encoding, tag) in [
            ("gzip, deflate, br, zstd", "br", "\"abababababababab-br\""),
            ("gzip;q=1.0, br;q=0", "gzip", "\"abababababababab-gzip\""),
            ("identity", "", "\"abababababababab\""),
            ("brotli", "", "\"abababababababab\""),
        ] {
            let response = ask(&script(), header::ACCEPT_ENCODING, accept);
            assert_eq!((text(&response, "content-encoding"), text(&response, "etag")), (encoding, tag), "{accept}");
            assert_eq!(text(&response, "vary"), "Accept-Encoding");
            assert_eq!(text(&response, "content-type"), "text/javascript; charset=utf-8");
        }
        assert_eq!(text(&ask(&icon(), header::ACCEPT_ENCODING, "br"), "content-encoding"), "");
    }

    #[test]
    fn hashed_assets_never_change_and_others_are_asked_for_again() {
        let hashed = ask(&script(), header::ACCEPT_ENCODING, "");
        assert_eq!(text(&hashed, "cache-control"), "public, max-age=31536000, immutable");
        let icon = icon();
        let other = ask(&icon, header::IF_NONE_MATCH, "\"other\"");
        assert_eq!((other.status(), text(&other, "cache-control")), (StatusCode::OK, "no-cache"));
        for known in ["\"abababababababab\"", "\"x\", W/\"abababababababab\""] {
            assert_eq!(ask(&icon, header::IF_NONE_MATCH, known).status(), StatusCode::NOT_MODIFIED);
        }
    }

    #[test]
    fn every_file_of_the_built_page_is_found_with_variants_that_hold_the_same_bytes() {
        // Where the page was not built there is nothing to find; CI builds it and asks that it is what is committed.
        let names: Vec<_> = Dist::iter().collect();
        let files = names.iter().filter(|name| !name.ends_with(BROTLI) && !name.ends_with(GZIP));
        let mut compressed = 0;
        for name in files.clone() {
            let asset = find(&format!("/{name}")).unwrap();
            if let Some(bytes) = &asset.gzip {
                let mut plain = Vec::new();
                flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
                assert!(plain == asset.plain && bytes.len() < plain.len(), "{name}.gz");
                compressed += 1;
            }
            if let Some(bytes) = &asset.brotli {
                let mut plain = Vec::new();
                brotli::Decompressor::new(&bytes[..], 4096).read_to_end(&mut plain).unwrap();
                assert!(plain == asset.plain && bytes.len() < plain.len(), "{name}.br");
                compressed += 1;
            }
        }
        assert_eq!(files.count() + compressed, names.len(), "a variant has no file that it is of");
        let variant = names.iter().find(|name| name.ends_with(GZIP));
        assert!(variant.is_none_or(|name| find(&format!("/{name}")).is_none()));
    }
}
