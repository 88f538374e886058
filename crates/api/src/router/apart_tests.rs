//! No answer of one tenant holds a byte of another's: tenants with random names write records of all signals that share IDs,
//! services, series and sessions, and each carry a word that no other writes; stores are sealed, merged and started again in
//! between; then every route is asked as each tenant, by somebody with every scope in that tenant alone.
//!
//! `CLEW_TENANT_SEEDS` sets how many histories are gone through, `CLEW_TENANT_FIRST` the first seed.

use super::door_tests::{MAIN, OTLP_HTTP, PROMETHEUS, PROMETHEUS_PORT, needs};
use super::*;
use crate::testing::{self, NOW};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use clew_app::access::{AccessOptions, AuthMode, Book, Tenancy, Token, TokenDigest};
use clew_app::tenants::{LimitsByTenant, TenantLimits, TenantOptions};
use clew_host::{SimClock, SimFiles};
use clew_model::{Scopes, TenantId, TenantSet};
use fastrand::Rng;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tower::ServiceExt;

/// Histories without the variable: some seconds on two cores.
const SEEDS: u64 = 6;
const STEPS: usize = 40;
const MILLI: i64 = 1_000_000;

/// What all tenants share.
const TRACES: [&str; 3] =
    ["4bf92f3577b34da6a3ce929d0e0e4736", "11111111111111112222222222222222", "0000000000000000a3ce929d0e0e4736"];
const SESSIONS: [&str; 2] = ["session-of-all", "req-7f3a9b"];
const SERVICES: [&str; 2] = ["shop", "cart"];

/// A tenant, and a word that nobody else writes.
#[derive(Debug, Clone)]
struct Own {
    name: String,
    word: String,
}

struct World {
    seed: u64,
    rng: Rng,
    files: SimFiles,
    clock: SimClock,
    tenants: Vec<Own>,
    /// Who has written which signals: logs, metrics, traces.
    wrote: BTreeSet<(usize, usize)>,
    written: u64,
    /// None between a stop and a start.
    state: Option<ApiState>,
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect(name))
}

/// A word of letters that no text of the server's own has in this order.
fn word(rng: &mut Rng) -> String {
    (0..9).map(|_| char::from(*rng.choice(b"bcdfgjkqvwxz").unwrap())).collect()
}

fn start(files: &SimFiles, clock: &SimClock, tenants: &[Own]) -> ApiState {
    let limits = TenantLimits { series: Some(10_000), streams: Some(1_000), ..TenantLimits::default() };
    let options = TenantOptions { max: 50, limits: LimitsByTenant { usual: limits, ..LimitsByTenant::default() } };
    let state = testing::state_on(files.clone(), clock.clone(), |app, _| app.tenants = Some(options));
    let tokens = tenants.iter().map(|own| Token {
        name: format!("token-{}", own.word),
        digest: TokenDigest::of(&own.word),
        scopes: Scopes::ALL,
        tenants: TenantSet::of(TenantId::new(&own.name)),
    });
    let tenancy = Tenancy { is_on: true, missing: None };
    let access = AccessOptions { tenancy, ..AccessOptions::of(AuthMode::Token) };
    testing::guarded_with(state, access, Book::new([], tokens))
}

/// Status, headers and body as one text; of what never ends the beginning.
async fn ask(router: &Router, own: &Own, method: &str, path: &str, body: Option<&Value>) -> (StatusCode, String) {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    request = request.header(header::AUTHORIZATION, format!("Bearer {}", own.word));
    let body = body.map(|body| body.to_string());
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let request = request.body(body.map_or_else(Body::empty, Body::from)).unwrap();
    let (head, mut body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let is_endless = path.starts_with("/api/v1/logs/tail");
    let wait = if is_endless { Duration::from_millis(250) } else { Duration::from_secs(60) };
    let mut text = format!("{:?}\n", head.headers);
    while let Ok(Some(frame)) = tokio::time::timeout(wait, body.frame()).await {
        if let Ok(data) = frame.expect("a body").into_data() {
            text.push_str(&String::from_utf8_lossy(&data));
        }
    }
    (head.status, text)
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
        let names = (0..rng.usize(2..5)).map(|n| {
            let word = word(&mut rng);
            // Names that begin alike, and one of old.
            let name = if n == 0 { "default".to_owned() } else { format!("team-{word}") };
            Own { name, word }
        });
        let tenants: Vec<Own> = names.collect();
        let state = Some(start(&files, &clock, &tenants));
        Self { seed, rng, files, clock, tenants, wrote: BTreeSet::new(), written: 0, state }
    }

    async fn live(&mut self) {
        for step in 0..STEPS {
            match self.rng.u8(..20) {
                0..=10 => self.write().await,
                11..=13 => self.seal().await,
                14 => self.state().app.write_span_metrics().await.unwrap(),
                15 => self.restart().await,
                _ => self.clock.advance(Duration::from_secs(self.rng.u64(1..120))),
            }
            if step % 20 == 10 {
                self.check().await;
            }
        }
        self.check().await;
        self.restart().await;
        self.check().await;
        self.stop().await;
    }

    fn state(&self) -> &ApiState {
        self.state.as_ref().unwrap()
    }

    /// Stops, and waits until nobody holds the data directory any more.
    async fn stop(&mut self) {
        let app = std::sync::Arc::clone(&self.state.take().unwrap().app);
        let held = std::sync::Arc::downgrade(&app);
        tokio::task::spawn_blocking(move || app.stop()).await.unwrap();
        while held.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn restart(&mut self) {
        self.stop().await;
        self.state = Some(start(&self.files, &self.clock, &self.tenants));
    }

    async fn seal(&mut self) {
        let (app, signal) = (std::sync::Arc::clone(&self.state().app), self.rng.u8(..3));
        let seal = tokio::task::spawn_blocking(move || match signal {
            0 => (app.logs().maintenance().seal_now(), app.logs().maintenance().tidy_now()),
            1 => (app.metrics().maintenance().seal_now(), app.metrics().maintenance().tidy_now()),
            _ => (app.traces().maintenance().seal_now(), app.traces().maintenance().tidy_now()),
        });
        seal.await.unwrap();
    }

    async fn write(&mut self) {
        let at = self.rng.usize(..self.tenants.len());
        let own = self.tenants[at].clone();
        let (signal, time) = (self.rng.usize(..3), NOW - self.rng.i64(0..3_600) * 1_000 * MILLI);
        let (path, body) = match (signal, self.rng.bool()) {
            (0, true) => ("/api/v1/logs", self.json_log(&own, time)),
            (0, false) => ("/v1/logs", self.otlp_logs(&own, time)),
            (1, _) => ("/v1/metrics", self.metrics(&own, time)),
            _ => ("/v1/traces", self.spans(&own, time)),
        };
        let (status, text) = ask(&main_router(self.state().clone()), &own, "POST", path, Some(&body)).await;
        assert_eq!(status.as_u16(), 200, "seed {}: {path}: {text}", self.seed);
        self.wrote.insert((at, signal));
    }

    fn shared<'a>(&mut self, all: &[&'a str]) -> &'a str {
        let at = self.rng.usize(..all.len());
        all[at]
    }

    fn number(&mut self) -> u64 {
        self.written += 1;
        self.written
    }

    fn json_log(&mut self, own: &Own, time: i64) -> Value {
        let (number, word) = (self.number(), &own.word);
        let (service, session, trace) = (self.shared(&SERVICES), self.shared(&SESSIONS), self.shared(&TRACES));
        json!({
            "timestamp": time, "level": self.shared(&["info", "error", "warn"]), "service": service, "session_id": session,
            "trace_id": trace, "message": format!("order {number} of {word} placed in {session}"), "whose": word,
            format!("key_{word}"): {"nested": [format!("item {word}")]}, "correlation_id": format!("{session}-{word}"),
        })
    }

    fn resource(&mut self, own: &Own) -> Value {
        let service = self.shared(&SERVICES);
        json!({"attributes": [text("service.name", service), text("host.name", &format!("host-{}", own.word))]})
    }

    fn otlp_logs(&mut self, own: &Own, time: i64) -> Value {
        let (word, number) = (&own.word, self.number());
        let (session, trace) = (self.shared(&SESSIONS), self.shared(&TRACES));
        json!({"resourceLogs": [{"resource": self.resource(own), "scopeLogs": [{
            "scope": {"name": format!("scope-{word}")},
            "logRecords": [{
                "timeUnixNano": time.to_string(), "severityNumber": 9, "severityText": format!("info {word}"),
                "body": {"stringValue": format!("step {number} of {word} for {session}")}, "traceId": trace,
                "spanId": "00f067aa0ba902b7", "eventName": format!("event.{word}"),
                "attributes": [text("session_id", session), text("whose", word), text(&format!("key.{word}"), "v")],
            }],
        }]}]})
    }

    fn metrics(&mut self, own: &Own, time: i64) -> Value {
        let (word, number) = (&own.word, self.number());
        let (session, trace) = (self.shared(&SESSIONS), self.shared(&TRACES));
        let at = time.to_string();
        let point = json!({
            "timeUnixNano": at, "asInt": number.to_string(),
            "attributes": [text("whose", word), text("session_id", session)],
            "exemplars": [{
                "timeUnixNano": at, "asDouble": 1.5, "traceId": trace, "spanId": "00f067aa0ba902b7",
                "filteredAttributes": [text("exemplar", word)],
            }],
        });
        let alike = json!({"timeUnixNano": at, "asDouble": number as f64, "attributes": [text("of", "all")]});
        let metric = |name: String, points: Vec<Value>| {
            let sum = json!({"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": points});
            json!({"name": name, "description": format!("what {word} counts"), "unit": format!("{{{word}}}"), "sum": sum})
        };
        json!({"resourceMetrics": [{"resource": self.resource(own), "scopeMetrics": [{
            "scope": {"name": format!("scope-{word}")},
            "metrics": [metric("orders".to_owned(), vec![point.clone(), alike]), metric(format!("own_{word}"), vec![point])],
        }]}]})
    }

    fn spans(&mut self, own: &Own, time: i64) -> Value {
        let (word, trace, session) = (&own.word, self.shared(&TRACES), self.shared(&SESSIONS));
        // The same span IDs in all, of some traces the same parents.
        let id = self.rng.u64(1..9);
        let parent = if self.rng.bool() { format!("{:016x}", self.rng.u64(1..9)) } else { String::new() };
        let (start, end) = (time.to_string(), (time + self.rng.i64(1..500) * MILLI).to_string());
        json!({"resourceSpans": [{"resource": self.resource(own), "scopeSpans": [{
            "scope": {"name": format!("scope-{word}")},
            "spans": [{
                "traceId": trace, "spanId": format!("{id:016x}"), "parentSpanId": parent, "name": format!("do {word}"),
                "kind": self.rng.u8(1..5), "startTimeUnixNano": start, "endTimeUnixNano": end,
                "traceState": format!("of={word}"), "status": {"code": self.rng.u8(..3), "message": format!("status {word}")},
                "attributes": [text("session_id", session), text("whose", word), text(&format!("key.{word}"), "v")],
                "events": [{
                    "timeUnixNano": start, "name": format!("event {word}"), "attributes": [text("whose", word)],
                }],
                "links": [{"traceId": TRACES[0], "spanId": "00f067aa0ba902b7", "attributes": [text("link", word)]}],
            }],
        }]}]})
    }

    /// Asks everything as each.
    async fn check(&mut self) {
        let state = self.state().clone();
        let main = main_router(state.clone());
        let records = self.record_ids(&main).await;
        let mut answered: BTreeMap<String, u32> = BTreeMap::new();
        for (at, own) in self.tenants.clone().iter().enumerate() {
            let mut seen = String::new();
            for (router, method, route, path) in questions(&state, own, &records) {
                let (status, text) = ask(&router, own, method, &path, None).await;
                assert!(status != StatusCode::INTERNAL_SERVER_ERROR, "seed {}: {path}: {text}", self.seed);
                for other in self.tenants.iter().filter(|other| other.word != own.word) {
                    let found = text.find(&other.word);
                    let around =
                        found.map(|at| text.chars().skip(at.saturating_sub(200)).take(400).collect::<String>());
                    assert!(
                        found.is_none(),
                        "seed {}: {} reads a word of {} by {method} {path}: …{}…",
                        self.seed,
                        own.name,
                        other.name,
                        around.unwrap_or_default()
                    );
                }
                *answered.entry(route).or_default() += u32::from(status.is_success());
                if status.is_success() {
                    seen.push_str(&format!("{path}\n{text}\n"));
                }
            }
            // What somebody has written they read, so that what is asked can show it.
            for (signal, part) in [format!("of {}", own.word), format!("own_{}", own.word), format!("do {}", own.word)]
                .into_iter()
                .enumerate()
            {
                assert_eq!(
                    seen.contains(&part),
                    self.wrote.contains(&(at, signal)),
                    "seed {}: {} and {part}",
                    self.seed,
                    own.name
                );
            }
        }
        let silent: Vec<&String> = answered.iter().filter(|(_, times)| **times == 0).map(|(route, _)| route).collect();
        // Of the whole server nothing is shown to them; a story may not be there yet.
        let shown_to_nobody = |route: &str| {
            ["/-/reload", "/-/trust-clock", "/metrics", "/api/v1/users", "/api/v1/tokens", "/api/v1/audit"]
                .iter()
                .any(|of_server| route.contains(of_server))
                || route.contains("/api/v1/tenants")
                || route.contains("/oidc")
        };
        let early = self.wrote.len() < self.tenants.len() * 3;
        let silent: Vec<_> = silent.into_iter().filter(|route| !shown_to_nobody(route)).collect();
        assert!(early || silent.is_empty(), "seed {}: nobody was answered by {silent:?}", self.seed);
    }

    /// The IDs of log records and the cursors of pages, of whoever's.
    async fn record_ids(&self, main: &Router) -> Vec<String> {
        let mut ids = Vec::new();
        for own in &self.tenants {
            let path = format!("/api/v1/logs?limit=3&start={}&end={}", NOW - 86_400_000 * MILLI, NOW + 600_000 * MILLI);
            let (_, text) = ask(main, own, "GET", &path, None).await;
            let Some((_, body)) = text.split_once('\n') else { continue };
            let page: Value = serde_json::from_str(body).unwrap();
            let rows = page["logs"].as_array().into_iter().flatten();
            ids.extend(rows.filter_map(|row| row["id"].as_str().map(str::to_owned)));
            ids.extend(page["next_cursor"].as_str().map(str::to_owned));
        }
        ids
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Every route of every port that answers something, with parameters by which it shows as much as it can: router, method, the
/// route as it is written, the path to ask.
fn questions(state: &ApiState, own: &Own, records: &[String]) -> Vec<(Router, &'static str, String, String)> {
    let tables = [
        (main_router(state.clone()), needs("", MAIN), "main"),
        (main_router(state.clone()), needs("/prometheus", PROMETHEUS), "main"),
        (main_router(state.clone()), needs("", OTLP_HTTP), "main"),
        (prometheus_router(state.clone()), needs("", PROMETHEUS), "prometheus"),
        (prometheus_router(state.clone()), needs("", PROMETHEUS_PORT), "prometheus"),
        (otlp_http_router(state.clone()), needs("", "GET /-/healthy - -"), "otlp"),
    ];
    let mut all = Vec::new();
    for (router, needs, port) in tables {
        for (route, method) in needs.keys() {
            let method = match method.as_str() {
                "GET" => "GET",
                // Sending is not asking, and who is shown out asks no more.
                // Remote read has no parameters but a body; its answers are those of the same view as a query's.
                "POST" if route.ends_with("/api/v1/read") => continue,
                "POST" if route.ends_with("/write") || route.contains("/otlp/") => continue,
                "POST" if route.contains("/prometheus/") || (port == "prometheus" && route.contains("query")) => "POST",
                _ => continue,
            };
            for path in paths(route, own, records) {
                all.push((router.clone(), method, format!("{port} {method} {route}"), path));
            }
        }
    }
    all
}

/// A route's path with what can stand in it, and with parameters.
fn paths(route: &str, own: &Own, records: &[String]) -> Vec<String> {
    let limit = if route.ends_with("/contrast") { 100 } else { 1_000 };
    let range = format!("start={}&end={}&limit={limit}", NOW - 86_400_000 * MILLI, NOW + 600_000 * MILLI);
    let seconds = NOW / 1_000 / MILLI;
    let names: Vec<String> = if route.contains("/logs/{id}") {
        records.to_vec()
    } else if route.contains("/traces/{id}") {
        TRACES.iter().map(|&id| id.to_owned()).collect()
    } else if route.contains("{id}") {
        let own_session = format!("{}-{}", SESSIONS[0], own.word);
        TRACES.iter().chain(&SESSIONS).map(|&id| id.to_owned()).chain([own_session]).collect()
    } else if route.contains("/fields/{name}") {
        ["service", "message", "level", "session_id", "whose", "trace_id", "host.name", "scope.name", "event_name"]
            .map(str::to_owned)
            .to_vec()
    } else if route.contains("/services/{name}") {
        SERVICES.iter().map(|&name| name.to_owned()).collect()
    } else if route.contains("/label/{name}") {
        ["__name__", "whose", "session_id", "job", "instance", "service", "span_name", "exemplar"]
            .map(str::to_owned)
            .to_vec()
    } else {
        vec![String::new()]
    };
    let everything = escaped("{__name__=~\".+\"}");
    let queries: Vec<String> = if route.ends_with("/query") {
        vec![
            format!("query={everything}&time={seconds}"),
            format!("query={}&time={seconds}", escaped("last_over_time({__name__=~\".+\"}[2h])")),
        ]
    } else if route.ends_with("/query_range") || route.ends_with("/query_exemplars") {
        vec![format!("query={everything}&start={}&end={}&step=30", seconds - 7_200, seconds + 60)]
    } else if route.ends_with("/format_query") || route.ends_with("/parse_query") {
        vec!["query=up".to_owned()]
    } else if route.ends_with("/federate") {
        vec![format!("match[]={everything}"), String::new()]
    } else if route.contains("/api/v1/series") || route.contains("/label") {
        vec![format!("match[]={everything}&start={}&end={}", seconds - 86_400, seconds + 60), "limit=100".to_owned()]
    } else if route.ends_with("/logs") || route.contains("/logs/") {
        let mut queries = vec![
            range.clone(),
            format!("{range}&order=asc&sort=newest&before=100&after=100&scope=all&top=20"),
            format!("{range}&query={}", escaped("{service=\"shop\"}")),
            format!("{range}&query={}", escaped("session_id:* OR order")),
        ];
        if route.ends_with("/logs") || route.ends_with("/tail") {
            queries.extend(records.iter().map(|id| format!("limit=1000&cursor={0}&after={0}", escaped(id))));
        }
        if route.ends_with("/tail") {
            // Each takes its time to be seen to say no more.
            queries = queries.split_off(queries.len().saturating_sub(1));
        }
        queries
    } else if route.contains("/traces") {
        vec![
            range.clone(),
            format!("{range}&service=shop&attribute=session_id"),
            format!("{range}&min_trace_duration=1ms&max_trace_duration=200ms"),
            format!("{range}&status=error&sort=duration&failed=true"),
        ]
    } else if route.ends_with("/resolve") {
        SESSIONS.iter().chain(&TRACES).map(|&id| format!("id={}", escaped(id))).collect()
    } else {
        vec![range, String::new()]
    };
    let with = |name: &String, query: &String| {
        let path = route.replace("{id}", &escaped(name)).replace("{name}", &escaped(name));
        if query.is_empty() { path } else { format!("{path}?{query}") }
    };
    names.iter().flat_map(|name| queries.iter().map(move |query| with(name, query))).collect()
}

#[test]
fn no_answer_of_one_tenant_holds_a_byte_of_anothers() {
    let first = setting("CLEW_TENANT_FIRST", 0);
    let end = first + setting("CLEW_TENANT_SEEDS", SEEDS);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let written: u64 = (first..end)
        .map(|seed| {
            let mut world = World::new(seed);
            runtime.block_on(world.live());
            world.written
        })
        .sum();
    assert!(written > (end - first) * 10, "too little was written to be a test: {written}");
}
