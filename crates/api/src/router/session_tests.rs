//! Logging in and out of the page.

use super::*;
use crate::peer::Peer;
use crate::testing::{self, Answer, ask, state};
use axum::http::{Request, header};
use clew_app::access::{AuthMode, Book, PasswordHash, User, hash_password};
use clew_model::{Scopes, TenantSet};
use tower::ServiceExt;

const LOGIN: &str = r#"{"name":"ada","password":"s3cret"}"#;
const JSON: (&str, &str) = ("content-type", "application/json");

fn guarded() -> ApiState {
    let hash = PasswordHash::parse(&hash_password("s3cret").unwrap()).unwrap();
    let user = User { name: "ada".to_owned(), hash, scopes: Scopes::READ, tenants: TenantSet::default() };
    testing::guarded(state(|_, _| {}), AuthMode::Basic, Book::new([user], []))
}

async fn log_in(router: &Router, headers: &[(&str, &str)]) -> Answer {
    ask(router, "POST", "/api/v1/session", &[headers, &[JSON]].concat(), LOGIN).await
}

/// The cookie as a browser sends it back.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_login_opens_what_its_scopes_open_until_the_logout() {
    let state = guarded();
    let router = main_router(state.clone());
    let before = ask(&router, "GET", "/api/v1/session", &[], "").await.text();
    assert_eq!(before, r#"{"mode":"basic","ways":["password","token"],"scopes":[]}"#);
    let answer = log_in(&router, &[]).await;
    assert_eq!(answer.text(), r#"{"mode":"basic","ways":["password","token"],"principal":"ada","scopes":["read"]}"#);
    let cookie = cookie(&answer);
    let shown = [("cookie", cookie.as_str())];
    let status = async |method, path, headers| ask(&router, method, path, headers, "").await.status.as_u16();
    assert_eq!(status("GET", "/api/v1/status", &shown).await, 200);
    assert_eq!(status("POST", "/-/reload", &shown).await, 403);
    let wrong = [("cookie", cookie.as_str()), ("authorization", "Bearer guess")];
    assert_eq!(status("GET", "/api/v1/status", &wrong).await, 401, "what is written wins");
    assert!(ask(&router, "GET", "/api/v1/session", &shown, "").await.text().contains("\"principal\":\"ada\""));
    let out = ask(&router, "DELETE", "/api/v1/session", &shown, "").await;
    assert_eq!(out.status.as_u16(), 204);
    assert!(out.header("set-cookie").starts_with("clew_session=; Path=/; Max-Age=0;"), "{}", out.header("set-cookie"));
    assert_eq!(status("GET", "/api/v1/status", &shown).await, 401);
    state.app.stop();
}

#[tokio::test]
async fn the_cookie_is_for_no_script_and_no_other_site_and_never_goes_in_the_clear() {
    let state = guarded();
    let router = main_router(state.clone());
    let plain = log_in(&router, &[]).await;
    let attributes = "; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict";
    assert!(plain.header("set-cookie").ends_with(attributes), "{}", plain.header("set-cookie"));
    assert_eq!(plain.header("cache-control"), "no-store");
    let forwarded = log_in(&router, &[("x-forwarded-proto", "https")]).await;
    assert!(forwarded.header("set-cookie").ends_with("; Secure"));
    let mut request = Request::builder()
        .method("POST")
        .uri("/api/v1/session")
        .header(JSON.0, JSON.1)
        .body(axum::body::Body::from(LOGIN))
        .unwrap();
    request.extensions_mut().insert(Peer { address: ([127, 0, 0, 1], 1).into(), is_tls: true });
    let encrypted = router.clone().oneshot(request).await.unwrap();
    let given = encrypted.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(given.starts_with("__Host-clew_session=") && given.ends_with("; Secure"), "{given}");
    assert!(cookie(&plain).starts_with("clew_session=") && cookie(&forwarded).starts_with("__Host-clew_session="));
    // Under the plain name another host of the domain could put its own session: over an encrypted connection it is none.
    let planted = cookie(&forwarded).replace("__Host-", "");
    for (shown, proto, status) in
        [(&cookie(&forwarded), "https", 200), (&planted, "https", 401), (&cookie(&forwarded), "http", 401)]
    {
        let headers = [("cookie", shown.as_str()), ("x-forwarded-proto", proto)];
        let answer = ask(&router, "GET", "/api/v1/status", &headers, "").await;
        assert_eq!(answer.status.as_u16(), status, "{proto}");
    }
    assert_ne!(cookie(&plain), cookie(&forwarded));
    let again = log_in(&router, &[("cookie", &cookie(&plain))]).await;
    let left = ask(&router, "GET", "/api/v1/status", &[("cookie", &cookie(&plain))], "").await;
    assert_eq!((again.status.as_u16(), left.status.as_u16()), (200, 401), "a new login ends the session before");
    state.app.stop();
}

#[tokio::test]
async fn a_login_that_is_none_is_refused_and_shows_nothing_of_itself() {
    let state = guarded();
    let router = main_router(state.clone());
    for (headers, body, status) in [
        (&[JSON][..], r#"{"name":"ada","password":"hunter2"}"#, 401),
        (&[JSON], r#"{"name":"eve","password":"hunter2"}"#, 401),
        (&[JSON], r#"{"token":"hunter2"}"#, 401),
        (&[JSON], r#"{"name":"ada"}"#, 400),
        (&[JSON], r#"{"name":"ada","password":"hunter2","token":"x"}"#, 400),
        (&[JSON], r#"{"name":["hunter2"]}"#, 400),
        (&[JSON], "hunter2", 400),
        (&[("content-type", "text/plain")], LOGIN, 415),
        (&[("content-type", "application/x-www-form-urlencoded")], "name=ada&password=s3cret", 415),
        (&[JSON, ("origin", "http://evil.example")], LOGIN, 403),
        (&[JSON, ("sec-fetch-site", "cross-site")], LOGIN, 403),
    ] {
        let answer = ask(&router, "POST", "/api/v1/session", headers, body).await;
        assert_eq!(answer.status.as_u16(), status, "{body} {headers:?}");
        assert!(answer.header("set-cookie").is_empty() && !answer.text().contains("hunter2"), "{}", answer.text());
    }
    state.app.stop();
}
