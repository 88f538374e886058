//! The door: every route and method of every port, without credentials, with wrong ones, and with each scope.

use super::*;
use crate::peer::Peer;
use crate::testing::{self, state};
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use clew_app::access::{AccessOptions, AuthMode, Book, PasswordHash, Tenancy, Token, TokenDigest, User, hash_password};
use clew_app::tenants::{LimitsByTenant, TenantOptions};
use clew_model::{Scopes, TenantId, TenantSet};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use tower::ServiceExt;

/// What each route needs and what it is about, one tenant or the whole server; written down apart from the routes themselves.
/// `-` is nothing.
pub(super) const MAIN: &str = "
    GET / - -
    GET /api/v1/logs read tenant
    POST /api/v1/logs ingest tenant
    GET /api/v1/logs/histogram read tenant
    GET /api/v1/logs/patterns read tenant
    GET /api/v1/logs/fields read tenant
    GET /api/v1/logs/fields/{name}/values read tenant
    GET /api/v1/logs/tail read tenant
    GET /api/v1/logs/{id}/context read tenant
    GET /api/v1/traces read tenant
    GET /api/v1/traces/density read tenant
    GET /api/v1/traces/contrast read tenant
    GET /api/v1/traces/{id} read tenant
    GET /api/v1/services read tenant
    GET /api/v1/services/{name} read tenant
    GET /api/v1/service-map read tenant
    GET /api/v1/correlate/{id} read tenant
    GET /api/v1/resolve read tenant
    GET /api/v1/status read tenant
    GET /api/v1/session - -
    POST /api/v1/session - -
    DELETE /api/v1/session - -
    GET /api/v1/session/oidc - -
    GET /api/v1/session/oidc/callback - -
    GET /api/v1/users admin server
    POST /api/v1/users admin server
    PUT /api/v1/users/{name} admin server
    DELETE /api/v1/users/{name} admin server
    GET /api/v1/tokens admin server
    POST /api/v1/tokens admin server
    DELETE /api/v1/tokens/{name} admin server
    GET /api/v1/tenants read server
    GET /api/v1/audit admin server
    GET /api/v1/openapi.json read tenant
    GET /-/healthy - -
    GET /-/ready - -
    POST /-/reload admin server
    PUT /-/reload admin server
    POST /-/trust-clock admin server
    GET /metrics read server
";

pub(super) const OTLP_HTTP: &str = "
    POST /v1/logs ingest tenant
    POST /v1/metrics ingest tenant
    POST /v1/traces ingest tenant
";

pub(super) const PROMETHEUS: &str = "
    GET /api/v1/query read tenant
    POST /api/v1/query read tenant
    GET /api/v1/query_range read tenant
    POST /api/v1/query_range read tenant
    GET /api/v1/query_exemplars read tenant
    POST /api/v1/query_exemplars read tenant
    GET /api/v1/series read tenant
    POST /api/v1/series read tenant
    GET /api/v1/labels read tenant
    POST /api/v1/labels read tenant
    GET /api/v1/label/{name}/values read tenant
    GET /api/v1/metadata read tenant
    GET /api/v1/targets read tenant
    GET /api/v1/scrape_pools read tenant
    GET /api/v1/targets/metadata read tenant
    GET /api/v1/alertmanagers read tenant
    GET /api/v1/format_query read tenant
    POST /api/v1/format_query read tenant
    GET /api/v1/parse_query read tenant
    POST /api/v1/parse_query read tenant
    GET /api/v1/status/flags read tenant
    GET /api/v1/status/tsdb read tenant
    GET /api/v1/status/walreplay read tenant
    GET /api/v1/features read tenant
    GET /api/v1/notifications read tenant
    GET /federate read tenant
    GET /api/v1/status/buildinfo read tenant
    GET /api/v1/status/runtimeinfo read tenant
    POST /api/v1/read read tenant
    POST /api/v1/write ingest tenant
    POST /api/v1/otlp/v1/metrics ingest tenant
    GET /-/healthy - -
    GET /-/ready - -
";

pub(super) const PROMETHEUS_PORT: &str = "
    GET / read tenant
    POST /-/reload admin server
    PUT /-/reload admin server
    GET /metrics read server
";

const GRPC: &str = "
    POST /opentelemetry.proto.collector.logs.v1.LogsService/Export ingest tenant
    POST /opentelemetry.proto.collector.metrics.v1.MetricsService/Export ingest tenant
    POST /opentelemetry.proto.collector.trace.v1.TraceService/Export ingest tenant
";

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Route and method to what they need.
pub(super) type Needs = BTreeMap<(String, String), Need>;

/// What a route needs, and what it is about.
#[derive(Debug, Clone)]
pub(super) struct Need {
    scope: String,
    of: String,
}

pub(super) fn needs(prefix: &str, table: &str) -> Needs {
    let rows = table.lines().map(str::trim).filter(|row| !row.is_empty());
    let row = |row: &str| {
        let mut words = row.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let need = Need { scope: words.next().unwrap(), of: words.next().unwrap() };
        ((format!("{prefix}{path}"), method), need)
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
    ask_with(router, method, path, credentials, &[]).await
}

async fn ask_with(
    router: &Router,
    method: &str,
    path: &str,
    credentials: Option<&str>,
    headers: &[(&str, &str)],
) -> Response<Body> {
    static LAST: AtomicU32 = AtomicU32::new(1 << 24);
    let address = IpAddr::V4(Ipv4Addr::from_bits(LAST.fetch_add(1, Ordering::Relaxed)));
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    if let Some(credentials) = credentials {
        request = request.header(header::AUTHORIZATION, credentials);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer { address: SocketAddr::new(address, 1), is_tls: false });
    router.clone().oneshot(request).await.unwrap()
}

fn guarded(mode: AuthMode) -> ApiState {
    let hash = PasswordHash::parse(&hash_password("s3cret").unwrap()).unwrap();
    let user = User { name: "ada".to_owned(), hash, scopes: Scopes::READ, tenants: TenantSet::default() };
    let tokens = Scopes::NAMED.into_iter().chain([("nothing", Scopes::NONE)]).map(|(name, scopes)| Token {
        name: name.to_owned(),
        digest: TokenDigest::of(name),
        scopes,
        tenants: TenantSet::default(),
    });
    testing::guarded(state(|_, _| {}), mode, Book::new([user], tokens))
}

/// Every port with what its routes need.
fn ports(state: &ApiState) -> [(Router, Needs); 4] {
    let with = |mut all: Needs, more: Needs| {
        all.extend(more);
        all
    };
    let main = with(with(needs("", MAIN), needs("", OTLP_HTTP)), needs("/prometheus", PROMETHEUS));
    [
        (main_router(state.clone()), main),
        (otlp_http_router(state.clone()), with(needs("", OTLP_HTTP), needs("", "GET /-/healthy - -"))),
        (prometheus_router(state.clone()), with(needs("", PROMETHEUS), needs("", PROMETHEUS_PORT))),
        (otlp_grpc_router(state.clone()), needs("", GRPC)),
    ]
}

#[tokio::test]
async fn every_route_of_every_port_lets_in_who_may_and_nobody_else() {
    let state = guarded(AuthMode::Token);
    let ports = ports(&state);
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
                let need = needs.get(&(path.clone(), known.to_owned())).map(|need| need.scope.as_str());
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

/// Tokens of every scope, of one tenant, of two, and of all.
fn apart(mode: AuthMode, tenancy: Tenancy) -> ApiState {
    let sets = [("a", &["a"][..]), ("ab", &["a", "b"]), ("any", &["*"]), ("none", &[])];
    let tokens = sets.into_iter().flat_map(|(of, names)| {
        Scopes::NAMED.into_iter().map(move |(scope, scopes)| Token {
            name: format!("{scope}-{of}"),
            digest: TokenDigest::of(&format!("{scope}-{of}")),
            scopes,
            tenants: TenantSet::parse(names.iter().copied()).unwrap(),
        })
    });
    let options = TenantOptions { max: 10, limits: LimitsByTenant::default() };
    let state = state(|app, _| app.tenants = Some(options));
    testing::guarded_with(state, AccessOptions { tenancy, ..AccessOptions::of(mode) }, Book::new([], tokens))
}

/// Each route, asked with the scope that it needs by a token of these tenants and with these headers.
async fn expect(state: &ApiState, of: &str, headers: &[(&str, &str)], tenant: Verdict, server: Verdict) {
    for (n, (router, needs)) in ports(state).iter().enumerate() {
        for ((path, method), Need { scope, of: about }) in needs.iter().filter(|(_, need)| need.scope != "-") {
            let asked = path.replace("{id}", "4bf92f3577b34da6a3ce929d0e0e4736").replace("{name}", "x");
            let token = format!("Bearer {scope}-{of}");
            let response = ask_with(router, method, &asked, Some(&token), headers).await;
            let found = match (response.status(), response.headers().get("grpc-status")) {
                (_, Some(status)) if status == "16" => Verdict::Unauthenticated,
                (StatusCode::UNAUTHORIZED, _) => Verdict::Unauthenticated,
                (_, Some(status)) if status == "7" => Verdict::Forbidden,
                (StatusCode::FORBIDDEN, _) => Verdict::Forbidden,
                (StatusCode::INTERNAL_SERVER_ERROR, _) => panic!("{method} {path} failed"),
                _ => Verdict::Through,
            };
            let expected = if about == "server" { server } else { tenant };
            assert_eq!(found, expected, "port {n}: {method} {path} by {of} with {headers:?}");
        }
    }
}

#[tokio::test]
async fn every_route_is_of_one_tenant_or_of_the_whole_server() {
    use Verdict::{Forbidden, Through, Unauthenticated};
    let refused = apart(AuthMode::Token, Tenancy { is_on: true, missing: None });
    let assumed = apart(AuthMode::Token, Tenancy { is_on: true, missing: TenantId::new("b") });
    for (state, of, names, tenant, server) in [
        (&refused, "a", &[][..], Through, Forbidden),
        (&refused, "a", &["a"], Through, Forbidden),
        (&refused, "a", &["b"], Forbidden, Forbidden),
        (&refused, "a", &["default"], Forbidden, Forbidden),
        (&refused, "ab", &[], Unauthenticated, Forbidden),
        (&refused, "ab", &["b"], Through, Forbidden),
        (&refused, "any", &[], Unauthenticated, Through),
        (&refused, "any", &["whichever"], Through, Through),
        (&refused, "none", &[], Through, Forbidden),
        (&refused, "none", &["a"], Forbidden, Forbidden),
        (&assumed, "ab", &[], Through, Forbidden),
        (&assumed, "any", &[], Through, Through),
        (&assumed, "a", &[], Through, Forbidden),
        (&assumed, "a", &["b"], Forbidden, Forbidden),
    ] {
        let headers: Vec<(&str, &str)> = names.iter().map(|name| ("x-scope-orgid", *name)).collect();
        expect(state, of, &headers, tenant, server).await;
    }
    // A choice of the page's opens nothing.
    expect(&refused, "a", &[("cookie", "clew_tenant=b")], Through, Forbidden).await;
    let own = ask_with(&main_router(refused.clone()), "GET", "/api/v1/status", Some("Bearer read-a"), &[]).await;
    assert!(text(own).await.contains("\"tenant\":\"a\""));
    refused.app.stop();
    assumed.app.stop();
}

#[tokio::test]
async fn names_that_are_none_are_refused_on_every_port_in_the_shape_of_its_api() {
    let state = apart(AuthMode::None, Tenancy { is_on: true, missing: None });
    let (main, grpc) = (main_router(state.clone()), otlp_grpc_router(state.clone()));
    let call = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    for (names, status, code, part) in [
        (&[][..], 401, "16", "no org id"),
        (&[""], 401, "16", "no org id"),
        (&["a|b"], 400, "3", "names several tenants"),
        (&["a", "b"], 400, "3", "names several tenants"),
        (&["../a"], 400, "3", "is no tenant"),
        (&["a b"], 400, "3", "1 to 64"),
    ] {
        let headers: Vec<(&str, &str)> = names.iter().map(|name| ("X-Scope-OrgID", *name)).collect();
        for path in ["/api/v1/logs", "/prometheus/api/v1/labels", "/v1/logs"] {
            let method = if path == "/v1/logs" { "POST" } else { "GET" };
            let answer = ask_with(&main, method, path, None, &headers).await;
            assert_eq!(answer.status().as_u16(), status, "{path} {names:?}");
            let text = text(answer).await;
            assert!(text.contains(part), "{path}: {text}");
        }
        let answer = ask_with(&grpc, "POST", call, None, &headers).await;
        assert_eq!(answer.headers()["grpc-status"], code, "{names:?}");
    }
    let named = ask_with(&main, "GET", "/api/v1/logs", None, &[("x-scope-orgid", "a")]).await;
    assert_eq!(named.status().as_u16(), 200);
    // A reader of the page is shown a tenant in any case, and may choose another.
    for (cookie, tenant) in [("x=y", "default"), ("clew_tenant=b", "b"), ("clew_tenant=a|b", "default")] {
        let headers = [("sec-fetch-site", "same-origin"), ("cookie", cookie)];
        let answer = text(ask_with(&main, "GET", "/api/v1/status", None, &headers).await).await;
        assert!(answer.contains(&format!("\"tenant\":\"{tenant}\"")), "{cookie}: {answer}");
        let session = text(ask_with(&main, "GET", "/api/v1/session", None, &headers).await).await;
        let expected = format!("\"tenants\":{{\"current\":\"{tenant}\",\"names\":[],\"any\":true}}");
        assert!(session.contains(&expected), "{session}");
    }
    state.app.stop();
}

#[tokio::test]
async fn an_admin_of_one_tenant_is_told_nothing_of_the_server_and_of_others() {
    let state = apart(AuthMode::Token, Tenancy { is_on: true, missing: None });
    let main = main_router(state.clone());
    let send = |tenant: &'static str| {
        let main = main.clone();
        async move {
            let request = Request::builder().method("POST").uri("/api/v1/logs").header("x-scope-orgid", tenant);
            let request = request.header(header::AUTHORIZATION, "Bearer ingest-any");
            let request = request.body(Body::from("{\"message\": \"m\"}\n{\"message\": \"n\"}")).unwrap();
            assert_eq!(main.oneshot(request).await.unwrap().status().as_u16(), 200);
        }
    };
    send("b").await;
    send("b").await;
    send("a").await;
    let status = |token: &'static str, tenant: &'static str| {
        let main = main.clone();
        async move {
            let headers = [("x-scope-orgid", tenant)];
            let answer = ask_with(&main, "GET", "/api/v1/status", Some(token), &headers).await;
            serde_json::from_str::<serde_json::Value>(&text(answer).await).unwrap()
        }
    };
    let own = status("Bearer read-a", "a").await;
    assert_eq!((&own["signals"][0]["accepted"], &own["signals"][0]["hot_records"]), (&2.into(), &2.into()));
    assert_eq!((&own["sources"][0]["accepted"], &own["data_dir"]), (&2.into(), &"".into()));
    for empty in ["memory_shares", "config_warnings", "scrape_jobs", "set_aside"] {
        assert_eq!(own[empty].as_array().map(Vec::len), Some(0), "{empty}");
    }
    assert!(own.get("max_bytes").is_none() && own.get("memory_bytes").is_none());
    let all = status("Bearer read-any", "b").await;
    assert_eq!((&all["signals"][0]["accepted"], &all["data_dir"]), (&4.into(), &"/data".into()));
    assert!(!all["memory_shares"].as_array().unwrap().is_empty());
    let tenants = text(ask(&main, "GET", "/api/v1/tenants", Some("Bearer read-any")).await).await;
    let tenants: serde_json::Value = serde_json::from_str(&tenants).unwrap();
    let rows = tenants["tenants"].as_array().unwrap().iter();
    let rows: Vec<_> = rows.map(|row| (row["name"].as_str().unwrap(), &row["signals"][0]["accepted"])).collect();
    assert_eq!(rows, [("a", &2.into()), ("b", &4.into()), ("default", &0.into())]);
    state.app.stop();
}
