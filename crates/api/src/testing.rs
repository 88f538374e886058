//! A whole program in memory, for tests of the HTTP layer.

use crate::config_status::ConfigStatus;
use crate::host::HostNames;
use crate::state::{Addresses, ApiOptions, ApiState};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use clew_app::access::{Access, AccessOptions, AuthMode, Book, Members};
use clew_app::memory::MemoryShares;
use clew_app::reads::QueryLimits;
use clew_app::scrape::ScrapeManager;
use clew_app::signal::Retention;
use clew_app::{App, AppOptions, Outbound, ScrapeSink, SignalOptions};
use clew_codec::otlp::OtlpMetricOptions;
use clew_host::{SeededRandom, SimClock, SimFiles};
use clew_model::correlation::CorrelationRules;
use clew_telemetry::{BuildInfo, Registry};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

/// The present.
pub(crate) const NOW: i64 = 1_800_000_000_000_000_000;

/// The state over a started program, with options that a test may change.
pub(crate) fn state(change: impl FnOnce(&mut AppOptions, &mut ApiOptions)) -> ApiState {
    state_on(SimFiles::new(), SimClock::new(NOW), change)
}

/// The same on files that may hold something, with a clock that others set.
pub(crate) fn state_on(
    files: SimFiles,
    clock: SimClock,
    change: impl FnOnce(&mut AppOptions, &mut ApiOptions),
) -> ApiState {
    let signal = SignalOptions {
        retention: Retention { age: None, bytes: None },
        floor: None,
        seal_bytes: 1 << 20,
        seal_age: Duration::from_secs(3600),
    };
    let mut options = AppOptions {
        data_dir: "/data".into(),
        max_bytes: None,
        max_series: 1_000,
        query_series: None,
        query_samples: None,
        logs: signal,
        metrics: signal,
        traces: signal,
        rules: Arc::new(CorrelationRules::default()),
        queries: QueryLimits { concurrent: 2, timeout: Duration::from_secs(10), memory: 64 << 20, slow: None },
        memory: MemoryShares::of(2 << 30),
        keeps_reserve: false,
        span_metrics: true,
        tenants: None,
    };
    let mut api = ApiOptions {
        ingest_body: 1 << 20,
        ingest_room: 8 << 20,
        log_line: 64 << 10,
        oidc: None,
        hosts: HostNames::default(),
        cors: Vec::new(),
        otlp_metrics: OtlpMetricOptions::default(),
        version: "0",
        addresses: Addresses { http: "a:1".to_owned(), otlp_grpc: "a:2".to_owned(), otlp_http: "a:3".to_owned() },
        auth_explicit: false,
        demo: false,
        temporary: false,
        welcome: "welcome".to_owned(),
        config: Arc::new(ConfigStatus::new(Vec::new())),
        reload: Arc::new(|| Ok(())),
    };
    change(&mut options, &mut api);
    let registry = Arc::new(Registry::new(BuildInfo { version: "0", revision: "0" }));
    let clock = Arc::new(clock);
    let random = Arc::new(SeededRandom::new(1));
    let app = App::start(options, Arc::new(files), Arc::clone(&clock) as _, random, Arc::clone(&registry));
    let app = app.expect("a start");
    let members = members(AccessOptions::of(AuthMode::None), Book::default(), &app);
    let sink = Arc::new(ScrapeSink::new(Arc::clone(&app)));
    let scrape = ScrapeManager::new(sink, clock, registry, app.memory().scraping.clone(), Outbound::default());
    ApiState::new(app, Arc::new(scrape), members, api)
}

/// The same state with another door.
pub(crate) fn guarded(state: ApiState, mode: AuthMode, book: Book) -> ApiState {
    guarded_with(state, AccessOptions::of(mode), book)
}

/// The same with all that a door can be.
pub(crate) fn guarded_with(state: ApiState, options: AccessOptions, book: Book) -> ApiState {
    let members = members(options, book, &state.app);
    ApiState { access: Arc::clone(members.access()), members, ..state }
}

fn members(options: AccessOptions, book: Book, app: &App) -> Arc<Members> {
    let (registry, clock) = (app.observer().registry(), Arc::clone(app.clock()));
    let (access, _) = Access::new(options, Book::default(), Arc::clone(&clock), registry);
    Arc::new(Members::in_memory(Arc::new(access), clock, book).expect("a catalog in memory"))
}

/// What a router answers: status, headers, body.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header of text"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Asks a router.
pub(crate) async fn ask(router: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "clew:4300");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    let response = router.clone().oneshot(request).await.expect("an answer");
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes().to_vec();
    Answer { status: head.status, headers: head.headers, body }
}
