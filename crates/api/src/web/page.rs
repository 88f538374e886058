//! The page itself: it finds its assets relative to the path it was asked at, so that it works under any prefix that a
//! proxy strips.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// What stands in the built page for the way up to the root.
const ROOT: &str = "%clew.root%";

/// Answers the built page, or one that says how to build it.
#[must_use]
pub(super) fn respond(built: Option<&[u8]>, path: &str, welcome: &str) -> Response {
    let html = match built {
        Some(page) => String::from_utf8_lossy(page).replace(ROOT, &way_up(path)),
        None => how_to_build(welcome),
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "Accept"),
    ];
    (headers, html).into_response()
}

/// From a path up to the root, relative: `.` from `/logs`, `../..` from `/a/b/c`.
fn way_up(path: &str) -> String {
    match path.matches('/').count() {
        0 | 1 => ".".to_owned(),
        slashes => vec![".."; slashes - 1].join("/"),
    }
}

fn how_to_build(welcome: &str) -> String {
    let welcome = welcome.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Clew</title></head>\n<body>\n\
         <h1>Clew</h1>\n<p>This build is without the web page. Build it with Node.js, then Clew again:</p>\n\
         <pre>cd web &amp;&amp; npm ci &amp;&amp; npm run build &amp;&amp; cd ..\ntouch crates/api/src/web/asset.rs\n\
         cargo build --release</pre>\n<p>Everything else is there:</p>\n<pre>{welcome}</pre>\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_finds_its_assets_from_any_depth() {
        // What a browser resolves `<way>/favicon.svg` to (RFC 3986, 5.2) must be the root's.
        for (path, way) in
            [("/", "."), ("/logs", "."), ("/traces/abc", ".."), ("/services/", ".."), ("/a/b/c", "../..")]
        {
            assert_eq!(way_up(path), way, "{path}");
        }
    }

    #[test]
    fn without_a_built_page_the_answer_says_how_to_build_it() {
        let html = how_to_build("curl -d '<a>&'");
        assert!(html.contains("npm run build") && html.contains("curl -d '&lt;a&gt;&amp;'"), "{html}");
    }
}
