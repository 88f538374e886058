//! The door: every route and method of every port, without credentials, with wrong ones, and with each scope.

use super::*;
use crate::peer::Peer;
use crate::testing::{self, state};
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use clew_app::access::{AuthMode, Book, PasswordHash, Token, TokenDigest, User, hash_password};
use clew_model::Scopes;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use tower::ServiceExt;

/// What each route needs, written down apart from the routes themselves. `-` is nothing.
const MAIN: &str = "
    GET / -
    GET /api/v1/logs read
    POST /api/v1/logs ingest
    GET /api/v1/logs/histogram read
    GET /api/v1/logs/patterns read
    GET /api/v1/logs/fields read
    GET /api/v1/logs/fields/{name}/values read
    GET /api/v1/logs/tail read
    GET /api/v1/logs/{id}/context read
    GET /api/v1/traces read
    GET /api/v1/traces/density read
    GET /api/v1/traces/contrast read
    GET /api/v1/traces/{id} read
    GET /api/v1/services read
    GET /api/v1/services/{name} read
    GET /api/v1/service-map read
    GET /api/v1/correlate/{id} read
    GET /api/v1/resolve read
    GET /api/v1/status read
    GET /api/v1/session -
    POST /api/v1/session -
    DELETE /api/v1/session -
    GET /api/v1/session/oidc -
    GET /api/v1/session/oidc/callback -
    GET /api/v1/users admin
    POST /api/v1/users admin
    PUT /api/v1/users/{name} admin
    DELETE /api/v1/users/{name} admin
    GET /api/v1/tokens admin
    POST /api/v1/tokens admin
    DELETE /api/v1/tokens/{name} admin
    GET /api/v1/audit admin
    GET /api/v1/openapi.json read
    GET /-/healthy -
    GET /-/ready -
    POST /-/reload admin
    PUT /-/reload admin
    POST /-/trust-clock admin
    GET /metrics read
";

const OTLP_HTTP: &str = "
    POST /v1/logs ingest
    POST /v1/metrics ingest
    POST /v1/traces ingest
";

const PROMETHEUS: &str = "
    GET /api/v1/query read
    POST /api/v1/query read
    GET /api/v1/query_range read
    POST /api/v1/query_range read
    GET /api/v1/query_exemplars read
    POST /api/v1/query_exemplars read
    GET /api/v1/series read
    POST /api/v1/series read
    GET /api/v1/labels read
    POST /api/v1/labels read
    GET /api/v1/label/{name}/values read
    GET /api/v1/metadata read
    GET /api/v1/targets read
    GET /api/v1/scrape_pools read
    GET /api/v1/status/buildinfo read
    GET /api/v1/status/runtimeinfo read
    GET /-/healthy -
    GET /-/ready -
";

const PROMETHEUS_PORT: &str = "
    GET / read
    POST /-/reload admin
    PUT /-/reload admin
    GET /metrics read
";

const GRPC: &str = "
    POST /opentelemetry.proto.collector.logs.v1.LogsService/Export ingest
    POST /opentelemetry.proto.collector.metrics.v1.MetricsService/Export ingest
    POST /opentelemetry.proto.collector.trace.v1.TraceService/Export ingest
";

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Route and method to what they need.
type Needs = BTreeMap<(String, String), String>;

fn needs(prefix: &str, table: &str) -> Needs {
    let rows = table.lines().map(str::trim).filter(|row| !row.is_empty());
    let row = |row: &str| {
        let mut words = row.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        ((format!("{prefix}{path}"), method), words.next().unwrap())
    };
    rows.map(row).collect()
}

/// Every path that the sources give to `route`, and those of the gRPC services.
fn written_paths() -> BTreeSet<String> {
    let sources = [include_str!("../router.rs"), include_str!("../prometheus/mod.rs"), include_str!("../otlp/grpc.rs")];
    let literals = sources.into_iter().flat_map(|source| source.split('"').skip(1).step_by(2));
    let paths = literals.filter(|text| text.starts_with('/') && !text.contains(' ')).map(str::to_owned);
    paths.filter(|path| path != "/prometheus").collect()
}

/// What came of a request, whatever its API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Unauthenticated,
    Forbidden,
    NotThere,
    Through,
}

fn verdict(response: &Response<Body>) -> Verdict {
    let grpc = response.headers().get("grpc-status").and_then(|status| status.to_str().ok());
    match (response.status(), grpc) {
        (_, Some("16")) | (StatusCode::UNAUTHORIZED, _) => {
            let ways: Vec<_> = response.headers().get_all(header::WWW_AUTHENTICATE).iter().collect();
            assert_eq!(ways, ["Bearer realm=\"clew\"", "Basic realm=\"clew\", charset=\"UTF-8\""]);
            Verdict::Unauthenticated
        }
        (_, Some("7")) | (StatusCode::FORBIDDEN, _) => Verdict::Forbidden,
        (_, Some("12")) | (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _) => Verdict::NotThere,
        (StatusCode::INTERNAL_SERVER_ERROR, _) | (_, Some("13")) => panic!("it failed"),
        _ => Verdict::Through,
    }
}

/// Each from an address of its own, so that no wrong guess slows the next.
async fn ask(router: &Router, method: &str, path: &str, credentials: Option<&str>) -> Response<Body> {
    static LAST: AtomicU32 = AtomicU32::new(1 << 24);
    let address = IpAddr::V4(Ipv4Addr::from_bits(LAST.fetch_add(1, Ordering::Relaxed)));
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    if let Some(credentials) = credentials {
        request = request.header(header::AUTHORIZATION, credentials);
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer { address: SocketAddr::new(address, 1), is_tls: false });
    router.clone().oneshot(request).await.unwrap()
}

fn guarded(mode: AuthMode) -> ApiState {
    let hash = PasswordHash::parse(&hash_password("s3cret").unwrap()).unwrap();
    let user = User { name: "ada".to_owned(), hash, scopes: Scopes::READ };
    let tokens = Scopes::NAMED.into_iter().chain([("nothing", Scopes::NONE)]).map(|(name, scopes)| Token {
        name: name.to_owned(),
        digest: TokenDigest::of(name),
        scopes,
    });
    testing::guarded(state(|_, _| {}), mode, Book::new([user], tokens))
}

#[tokio::test]
async fn every_route_of_every_port_lets_in_who_may_and_nobody_else() {
    let state = guarded(AuthMode::Token);
    let with = |mut all: Needs, more: Needs| {
        all.extend(more);
        all
    };
    let main = with(with(needs("", MAIN), needs("", OTLP_HTTP)), needs("/prometheus", PROMETHEUS));
    let ports = [
        (main_router(state.clone()), main),
        (otlp_http_router(state.clone()), with(needs("", OTLP_HTTP), needs("", "GET /-/healthy -"))),
        (prometheus_router(state.clone()), with(needs("", PROMETHEUS), needs("", PROMETHEUS_PORT))),
        (otlp_grpc_router(state.clone()), needs("", GRPC)),
    ];
    let mut unknown = written_paths();
    assert!(unknown.len() > 30, "{unknown:?}");
    for (_, needs) in &ports {
        for (path, _) in needs.keys() {
            unknown.remove(path);
            unknown.remove(path.trim_start_matches("/prometheus"));
        }
    }
    assert!(unknown.is_empty(), "the table does not say what {unknown:?} need");
    let paths: BTreeSet<String> =
        ports.iter().flat_map(|(_, needs)| needs.keys().map(|(path, _)| path.clone())).collect();
    for (n, (router, needs)) in ports.iter().enumerate() {
        for path in &paths {
            for method in METHODS {
                let known = if method == "HEAD" { "GET" } else { method };
                let need = needs.get(&(path.clone(), known.to_owned())).map(String::as_str);
                check(router, method, path, need, n).await;
            }
        }
    }
    state.app.stop();
}

async fn check(router: &Router, method: &str, path: &str, need: Option<&str>, port: usize) {
    let asked = path.replace("{id}", "4bf92f3577b34da6a3ce929d0e0e4736").replace("{name}", "x");
    let wrong = ["Bearer guess", "Bearer", "Basic !", "Basic YWRhOnMzY3JldA==", "Digest username=ada", "Bearer READ"];
    let right = ["Bearer read", "Bearer ingest", "Bearer admin", "Bearer nothing", "Basic eDpyZWFk"];
    let shown = [None].into_iter().chain(wrong.into_iter().chain(right).map(Some));
    for credentials in shown {
        let found = verdict(&ask(router, method, &asked, credentials).await);
        let scope = match credentials {
            Some("Basic eDpyZWFk") => Some("read"),
            Some(text) if right.contains(&text) => text.strip_prefix("Bearer "),
            _ => None,
        };
        let expected = match (need, scope) {
            (None, _) => Verdict::NotThere,
            // Everybody may ask who they are; what they show must be theirs.
            (Some("-"), None) if found == Verdict::Unauthenticated && path == "/api/v1/session" => found,
            (Some("-"), _) => Verdict::Through,
            (Some(_), None) => Verdict::Unauthenticated,
            (Some(need), Some(scope)) if need != scope => Verdict::Forbidden,
            // What is asked for may not be there, but it was looked for.
            (Some(_), Some(_)) if found == Verdict::NotThere => Verdict::NotThere,
            (Some(_), Some(_)) => Verdict::Through,
        };
        assert_eq!(found, expected, "port {port}: {method} {path} with {credentials:?}");
    }
}

#[tokio::test]
async fn passwords_open_the_door_where_the_mode_takes_them() {
    for (mode, status) in [(AuthMode::Basic, 200), (AuthMode::Token, 401), (AuthMode::None, 200)] {
        let state = guarded(mode);
        let router = main_router(state.clone());
        let answer = ask(&router, "GET", "/api/v1/status", Some("Basic YWRhOnMzY3JldA==")).await;
        assert_eq!(answer.status().as_u16(), status, "{mode:?}");
        state.app.stop();
    }
}

async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn whoever_is_not_let_in_reads_it_in_the_shape_of_the_api() {
    let state = guarded(AuthMode::Basic);
    let main = main_router(state.clone());
    let own = text(ask(&main, "GET", "/api/v1/logs", None).await).await;
    assert!(own.starts_with("{\"error\":{\"code\":\"unauthenticated\",\"message\":\"this server asks who"), "{own}");
    let scope = text(ask(&main, "POST", "/api/v1/logs", Some("Bearer read")).await).await;
    assert!(
        scope.contains("\"code\":\"forbidden\"") && scope.contains("needs the scope ingest; token:read has read"),
        "{scope}"
    );
    let prometheus = text(ask(&main, "GET", "/prometheus/api/v1/query", None).await).await;
    assert!(prometheus.starts_with("{\"status\":\"error\",\"errorType\":"), "{prometheus}");
    let otlp = text(ask(&main, "POST", "/v1/logs", None).await).await;
    assert!(otlp.contains("\"code\":16"), "{otlp}");
    let grpc = otlp_grpc_router(state.clone());
    let call = ask(&grpc, "POST", "/opentelemetry.proto.collector.logs.v1.LogsService/Export", None).await;
    assert_eq!((call.status().as_u16(), call.headers()["content-type"].as_bytes()), (200, &b"application/grpc"[..]));
    state.app.stop();
}

#[tokio::test]
async fn the_browser_asks_for_a_password_by_itself_only_where_a_person_navigates() {
    let state = guarded(AuthMode::Basic);
    let router = main_router(state.clone());
    for (mode, ways) in [("cors", 1), ("same-origin", 1), ("navigate", 2)] {
        let request = Request::builder().uri("/api/v1/status").header("sec-fetch-mode", mode);
        let request = request.header("sec-fetch-site", "same-origin").body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.headers().get_all(header::WWW_AUTHENTICATE).iter().count(), ways, "{mode}");
    }
    state.app.stop();
}
