//! The web page: the assets inside the binary, and the one page that answers wherever a browser asks for one.

mod asset;
mod page;

use crate::state::ApiState;
use crate::tenancy;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};

/// The page that every route of the UI begins with.
const PAGE: &str = "/index.html";

/// First parts of paths that belong to APIs, built or to come, and to assets: there a missing path is an error, whatever
/// the client accepts.
const NOT_PAGES: [&str; 13] = [
    "/_app",
    "/-",
    "/alertmanager",
    "/api",
    "/elasticsearch",
    "/favicon.ico",
    "/jaeger",
    "/loki",
    "/metrics",
    "/prometheus",
    "/tempo",
    "/v1",
    "/zipkin",
];

/// What a browser may do with what it is sent. Everything comes from this server; small images may stand in style sheets.
const SECURITY: [(HeaderName, HeaderValue); 2] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
             frame-ancestors 'none'",
        ),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// What the web page answers to this request: an asset, or the page itself; `None` where neither is meant.
#[must_use]
pub(crate) fn answer(state: &ApiState, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let found = asset::find(uri.path()).filter(|asset| asset.path != PAGE);
    let response = match found {
        Some(asset) => asset::respond(&asset, headers),
        None if wants_page(uri.path(), headers) => {
            let built = asset::find(PAGE).map(|asset| asset.plain);
            let mut page = page::respond(built.as_deref(), uri.path(), &state.options.welcome);
            // Browsers tell that a page asks over TLS and at home alone: it says of which tenant it is until its reader chooses.
            let cookie = state.access.page_tenant().and_then(|tenant| tenancy::first_choice(headers, &tenant));
            cookie.and_then(|cookie| page.headers_mut().insert(header::SET_COOKIE, cookie));
            page
        }
        None => return None,
    };
    Some(secured(response))
}

fn secured(mut response: Response) -> Response {
    SECURITY.into_iter().for_each(|(name, value)| {
        response.headers_mut().insert(name, value);
    });
    response
}

/// `GET /`: the page for browsers, a word of welcome for everything else.
pub(crate) async fn root(
    axum::extract::State(state): axum::extract::State<ApiState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::VARY, "Accept")];
    answer(&state, &method, &uri, &headers).unwrap_or_else(|| (plain, state.options.welcome.clone()).into_response())
}

/// Whether a browser that navigates here means a page of the UI.
fn wants_page(path: &str, headers: &HeaderMap) -> bool {
    let is_page = !NOT_PAGES
        .iter()
        .any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    is_page && accepts.flat_map(|value| value.split(',')).any(|kind| kind.trim_start().starts_with("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_the_page_where_no_api_and_no_asset_is_meant() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (path, accept, page) in [
            ("/", browser, true),
            ("/logs", browser, true),
            ("/traces/4bf92f3577b34da6a3ce929d0e0e4736", browser, true),
            ("/id/req-1%2F2", browser, true),
            ("/apiary", browser, true),
            ("/api", browser, false),
            ("/api/v1/nothing", browser, false),
            ("/prometheus/graph", browser, false),
            ("/v1/logs", browser, false),
            ("/_app/immutable/gone.js", browser, false),
            ("/metrics", browser, false),
            ("/", "*/*", false),
            ("/logs", "application/json", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(wants_page(path, &headers), page, "{path} {accept}");
        }
        assert!(!wants_page("/logs", &HeaderMap::new()));
    }
}
