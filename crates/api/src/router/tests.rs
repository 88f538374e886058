//! What stands around handlers: requests have IDs, panics are answered, answers are compressed,
//! pages of other origins do nothing.

use super::*;
use crate::testing::{Answer, ask, state};
use axum::http::StatusCode;
use std::io::Read;
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn a_request_has_an_id_that_is_answered() {
    let state = state(|_, _| {});
    let router = main_router(state.clone());
    let id = async |sent: &[(&str, &str)]| {
        ask(&router, "GET", "/-/healthy", sent, "").await.header("x-request-id").to_owned()
    };
    let (one, two) = (id(&[]).await, id(&[]).await);
    assert!(!one.is_empty() && one != two, "{one} {two}");
    assert_eq!(id(&[("x-request-id", "req-7")]).await, "req-7");
    let (long, spoilt) = ("x".repeat(129), "a b");
    for unfit in [long.as_str(), spoilt, ""] {
        let given = id(&[("x-request-id", unfit)]).await;
        assert!(!given.is_empty() && given != unfit, "{given}");
    }
    state.app.stop();
}

#[tokio::test]
async fn a_panic_is_one_failed_request_in_the_shape_of_its_api() {
    let state = state(|_, _| {});
    async fn panics_now() -> StatusCode {
        panic!("a bug")
    }
    let own = around(Router::new().route("/bug", get(panics_now)), state.clone(), Port::Main);
    let answer = ask(&own, "GET", "/bug", &[("x-request-id", "req-8")], "").await;
    assert_eq!((answer.status.as_u16(), answer.header("x-request-id")), (500, "req-8"));
    assert!(
        answer.text().starts_with("{\"error\":{\"code\":\"internal\",\"message\":\"the request failed"),
        "{}",
        answer.text()
    );
    assert_eq!(ask(&own, "GET", "/bug", &[], "").await.status.as_u16(), 500, "the next one is answered too");
    let shaped = |layer: Router<ApiState>| around(layer, state.clone(), Port::Main);
    let bug = || Router::new().route("/bug", get(panics_now));
    let prometheus = shaped(bug().layer(panics(|error| prometheus::failure(&error))));
    let answer = ask(&prometheus, "GET", "/bug", &[], "").await;
    assert!(answer.text().starts_with("{\"status\":\"error\",\"errorType\":\"internal\""), "{}", answer.text());
    let otlp = shaped(bug().layer(panics(otlp::panicked)));
    let answer = ask(&otlp, "GET", "/bug", &[], "").await;
    assert!(answer.text().contains("\"code\":13"), "{}", answer.text());
    state.app.stop();
}

fn unpacked(answer: &Answer) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(&answer.body[..]).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn large_answers_are_compressed_for_whoever_takes_it() {
    let state = state(|_, _| {});
    let router = main_router(state.clone());
    let plain = ask(&router, "GET", "/api/v1/openapi.json", &[], "").await;
    assert_eq!(plain.header("content-encoding"), "");
    let packed = ask(&router, "GET", "/api/v1/openapi.json", &[("accept-encoding", "gzip, br")], "").await;
    assert_eq!(
        (packed.header("content-encoding"), packed.header("vary").to_ascii_lowercase().contains("accept-encoding")),
        ("gzip", true)
    );
    assert!(packed.body.len() * 4 < plain.body.len());
    assert_eq!(unpacked(&packed), plain.text());
    let small = ask(&router, "GET", "/-/healthy", &[("accept-encoding", "gzip")], "").await;
    assert_eq!(small.header("content-encoding"), "");
    state.app.stop();
}

#[tokio::test]
async fn answers_that_must_not_be_compressed_are_left_alone() {
    let state = state(|_, _| {});
    let large = || "x".repeat(100_000);
    let routes = Router::new()
        .route("/events", get(async move || ([("content-type", "text/event-stream")], large())))
        .route("/grpc", get(async move || ([("content-type", "application/grpc")], large())))
        .route("/tagged", get(async move || ([("etag", "\"1\"")], large())))
        .route("/packed", get(async move || ([("content-encoding", "br")], large())))
        .route("/text", get(async move || large()));
    let router = around(routes, state.clone(), Port::Main);
    for (path, encoding) in [("/events", ""), ("/grpc", ""), ("/tagged", ""), ("/packed", "br"), ("/text", "gzip")] {
        let answer = ask(&router, "GET", path, &[("accept-encoding", "gzip")], "").await;
        assert_eq!(answer.header("content-encoding"), encoding, "{path}");
    }
    state.app.stop();
}

const PAGE: &str = "https://shop.example";

#[tokio::test]
async fn a_page_of_another_origin_does_nothing() {
    let reloaded = Arc::new(Mutex::new(0));
    let count = Arc::clone(&reloaded);
    let state = state(|_, api| {
        api.reload = Arc::new(move || {
            *count.lock().unwrap() += 1;
            Ok(())
        });
    });
    for router in [main_router(state.clone()), prometheus_router(state.clone())] {
        let answer = ask(&router, "POST", "/-/reload", &[("origin", PAGE)], "").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
        assert!(answer.text().contains("server.cors"), "{}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    let logs = ask(
        &main_router(state.clone()),
        "POST",
        "/api/v1/logs",
        &[("origin", PAGE), ("content-type", "text/plain")],
        "{}",
    )
    .await;
    assert_eq!(logs.status, StatusCode::FORBIDDEN);
    let ours = ask(&main_router(state.clone()), "POST", "/-/reload", &[("origin", "http://clew:4300")], "").await;
    assert_eq!((ours.status, *reloaded.lock().unwrap()), (StatusCode::OK, 1));
    state.app.stop();
}

#[tokio::test]
async fn a_page_of_a_listed_origin_may_send_and_ask() {
    let state = state(|_, api| api.cors = vec![PAGE.to_owned()]);
    let router = main_router(state.clone());
    let preflight = [
        ("origin", PAGE),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-request-id"),
    ];
    let answer = ask(&router, "OPTIONS", "/v1/traces", &preflight, "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (StatusCode::OK, PAGE));
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    assert_eq!(answer.header("access-control-allow-headers"), "content-type,x-request-id");
    let sent = [("origin", PAGE), ("sec-fetch-site", "cross-site"), ("content-type", "application/json")];
    let answer = ask(&router, "POST", "/v1/traces", &sent, "{}").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (StatusCode::OK, PAGE));
    let other = [("origin", "https://other.example"), ("content-type", "application/json")];
    let answer = ask(&router, "POST", "/v1/traces", &other, "{}").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (StatusCode::FORBIDDEN, ""));
    state.app.stop();
}

#[tokio::test]
async fn a_preflight_allows_no_page_anything_where_none_is_listed() {
    let state = state(|_, _| {});
    let router = main_router(state.clone());
    let asked = [("origin", "https://other.example"), ("access-control-request-method", "POST")];
    for (path, status) in [("/prometheus/api/v1/query", StatusCode::NO_CONTENT), ("/v1/traces", StatusCode::FORBIDDEN)]
    {
        let answer = ask(&router, "OPTIONS", path, &asked, "").await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (status, ""), "{path}");
    }
    state.app.stop();
}

#[tokio::test]
async fn a_name_that_is_not_the_servers_is_answered_nowhere() {
    let state = state(|_, api| api.hosts.listed = vec!["clew.example.com".to_owned()]);
    let ports = [
        (main_router(state.clone()), "/api/v1/logs", "\"code\":\"forbidden\""),
        (main_router(state.clone()), "/", "\"code\":\"forbidden\""),
        (main_router(state.clone()), "/metrics", "server.hosts"),
        (main_router(state.clone()), "/prometheus/api/v1/labels", "\"status\":\"error\""),
        (otlp_http_router(state.clone()), "/v1/logs", "\"code\":7"),
        (prometheus_router(state.clone()), "/api/v1/labels", "\"status\":\"error\""),
    ];
    for (router, path, says) in &ports {
        for method in ["GET", "POST", "OPTIONS", "DELETE"] {
            let (evil, own) = (format!("http://evil.example{path}"), format!("http://clew.example.com{path}"));
            let answer = ask(router, method, &evil, &[], "").await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
            assert!(answer.text().contains(says), "{}", answer.text());
            assert_ne!(ask(router, method, &own, &[], "").await.status, StatusCode::FORBIDDEN, "{method} {path}");
        }
    }
    let grpc = otlp_grpc_router(state.clone());
    let call = "http://evil.example/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    assert_eq!(ask(&grpc, "POST", call, &[], "").await.header("grpc-status"), "7");
    state.app.stop();
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let state = state(|_, _| {});
    for (router, method, path) in [
        (main_router(state.clone()), "GET", "/api/v1/logs"),
        (main_router(state.clone()), "GET", "/"),
        (main_router(state.clone()), "GET", "/nothing"),
        (main_router(state.clone()), "POST", "/v1/logs"),
        (main_router(state.clone()), "GET", "http://evil.example/"),
        (main_router(state.clone()), "DELETE", "/metrics"),
        (otlp_http_router(state.clone()), "GET", "/-/healthy"),
        (prometheus_router(state.clone()), "GET", "/api/v1/labels"),
        (otlp_grpc_router(state.clone()), "POST", "/nothing"),
    ] {
        let answer = ask(&router, method, path, &[], "").await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{method} {path}");
        }
    }
    state.app.stop();
}
