//! Pages of other origins: a browser lets any page send requests here, with the reader's cookies and from the reader's
//! network. What such a page asks is refused before it does anything, unless `server.cors` lists its origin.

use crate::error::ApiError;
use crate::shape::Port;
use crate::state::ApiState;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use clew_model::ErrorKind;

/// Where the page stands that asks: `same-origin`, `same-site`, `cross-site`, `none` (Fetch Metadata, W3C).
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// How it asks: `navigate` is a person who follows a link.
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// What it asks for: `document` is a page of its own, `iframe` a part of another.
const DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// The host that a proxy was asked for. No page can set it elsewhere without being asked first (CORS).
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Refuses what pages of other origins ask.
pub(crate) async fn guard(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let authority = request.uri().authority().map(Authority::as_str);
    if is_allowed(request.method(), request.headers(), authority, &state.options.cors) {
        if is_foreign(request.headers(), authority) {
            leave_ambient_credentials(request.headers_mut());
        }
        return next.run(request).await;
    }
    if *request.method() == Method::OPTIONS && Port::of(&request).is_prometheus(&request) {
        // As Prometheus answers; a browser goes on only where the answer names its page, and this one names none.
        return StatusCode::NO_CONTENT.into_response();
    }
    let message = "pages of another origin may not use this server";
    let hint = "if this page is meant to, list its origin in server.cors";
    let error = ApiError { hint: Some(hint.to_owned()), ..ApiError::new(ErrorKind::PermissionDenied, message) };
    Port::of(&request).refuse(&request, error)
}

/// Whether a URL is of the host that was asked.
fn is_own(url: &str, headers: &HeaderMap, authority: Option<&str>) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let own = [authority, text(header::HOST), text(FORWARDED_HOST)];
    let host = url.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    host.is_some_and(|host| own.into_iter().flatten().any(|own| own.eq_ignore_ascii_case(host)))
}

/// Whether a page of another origin asks, one that is listed.
fn is_foreign(headers: &HeaderMap, authority: Option<&str>) -> bool {
    let origin = headers.get(header::ORIGIN);
    origin.is_some_and(|origin| !origin.to_str().is_ok_and(|origin| is_own(origin, headers, authority)))
}

/// Takes away what a browser sends by itself, a session's cookie or a remembered password: a listed page acts with a token that
/// it was given, or as nobody, never as its reader.
fn leave_ambient_credentials(headers: &mut HeaderMap) {
    headers.remove(header::COOKIE);
    let is_basic =
        |value: &HeaderValue| value.as_bytes().get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic "));
    if headers.get(header::AUTHORIZATION).is_some_and(is_basic) {
        headers.remove(header::AUTHORIZATION);
    }
}

/// Programs name neither origin nor site: they are no pages. `authority` is what the request line names (HTTP/2).
fn is_allowed(method: &Method, headers: &HeaderMap, authority: Option<&str>, listed: &[String]) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_page = headers.contains_key(header::ORIGIN);
    let origin = text(header::ORIGIN);
    if origin.is_some_and(|origin| listed.iter().any(|one| one == origin)) {
        return true;
    }
    match text(SITE) {
        Some("same-origin" | "none") => return true,
        // Nothing is changed by looking at it.
        Some(_) => {
            let is_whole = text(DESTINATION).is_none_or(|destination| destination == "document");
            return *method == Method::GET && is_whole && text(MODE) == Some("navigate");
        }
        None => {}
    }
    let is_own = |url: &str| is_own(url, headers, authority);
    if is_page {
        return origin.is_some_and(is_own);
    }
    // Old browsers tell of a form's page by nothing else.
    *method == Method::GET || text(header::REFERER).is_none_or(is_own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_listed_page_acts_never_as_its_reader() {
        let asked = |origin: &'static str, authorization: &'static str| {
            let mut headers = headers(&[
                ("host", "clew:4300"),
                ("origin", origin),
                ("cookie", "a=b"),
                ("authorization", authorization),
            ]);
            if is_foreign(&headers, None) {
                leave_ambient_credentials(&mut headers);
            }
            (headers.contains_key("cookie"), headers.contains_key("authorization"))
        };
        assert_eq!(asked("https://shop.example", "Basic eDp5"), (false, false));
        assert_eq!(asked("https://shop.example", "bAsIc eDp5"), (false, false));
        assert_eq!(asked("https://shop.example", "Bearer x"), (false, true));
        assert_eq!(asked("http://clew:4300", "Basic eDp5"), (true, true));
    }

    #[test]
    fn pages_of_other_origins_may_do_nothing_unless_they_are_listed() {
        let listed = ["https://shop.example".to_owned()];
        let (get, post) = (Method::GET, Method::POST);
        for (method, pairs, allowed) in [
            // Programs.
            (&post, &[("host", "clew:4300")][..], true),
            // The own page, in browsers old and new, straight and through proxies.
            (&post, &[("host", "clew:4300"), ("origin", "http://clew:4300")], true),
            (
                &post,
                &[("host", "inner:80"), ("sec-fetch-site", "same-origin"), ("origin", "https://clew.example")],
                true,
            ),
            (
                &post,
                &[("host", "inner:80"), ("x-forwarded-host", "clew.example"), ("origin", "https://clew.example")],
                true,
            ),
            (&get, &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")], true),
            // A link from elsewhere.
            (&get, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], true),
            (
                &get,
                &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
                true,
            ),
            (&get, &[("host", "clew:4300"), ("referer", "http://wiki.example/a")], true),
            (&post, &[("host", "clew:4300"), ("referer", "http://clew:4300/logs")], true),
            // Other pages.
            (
                &get,
                &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
                false,
            ),
            (&post, &[("host", "clew:4300"), ("referer", "http://evil.example/clew:4300/")], false),
            (&post, &[("host", "clew:4300"), ("referer", "http://clew:4300.evil.example/")], false),
            (&post, &[("host", "clew:4300"), ("origin", "http://evil.example")], false),
            (&get, &[("host", "clew:4300"), ("origin", "http://evil.example")], false),
            (&post, &[("host", "clew:4300"), ("origin", "http://clew:8080")], false),
            (&post, &[("host", "clew:4300"), ("origin", "null")], false),
            (&post, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], false),
            (&get, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], false),
            (&get, &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")], false),
            // One that is listed, and one that only looks like it.
            (&post, &[("sec-fetch-site", "cross-site"), ("origin", "https://shop.example")], true),
            (&post, &[("sec-fetch-site", "cross-site"), ("origin", "https://shop.example.evil")], false),
        ] {
            assert_eq!(is_allowed(method, &headers(pairs), None, &listed), allowed, "{method} {pairs:?}");
        }
        let http2 = headers(&[("origin", "https://clew:4300")]);
        assert!(is_allowed(&post, &http2, Some("clew:4300"), &[]));
        assert!(!is_allowed(&post, &http2, Some("clew:4301"), &[]));
    }
}
