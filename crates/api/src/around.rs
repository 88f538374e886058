//! What stands around every handler, whatever the port.

use crate::error::ApiError;
use crate::limits::{COMPRESS_FROM, COMPRESS_LEVEL, PREFLIGHT_AGE, REQUEST_ID_BYTES};
use crate::shape::Port;
use crate::state::ApiState;
use crate::{caller, host, origin};
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use clew_model::ErrorKind;
use clew_telemetry::table;
use std::any::Any;
use std::time::Instant;
use tower::ServiceBuilder;
use tower::util::option_layer;
use tower_http::CompressionLevel;
use tower_http::catch_panic::{CatchPanicLayer, ResponseForPanic};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::trace::TraceLayer;

/// The header of a request's ID: a client may set it, it is answered, and log lines about the request carry it.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers that are secrets: shown nowhere.
const SECRETS: [HeaderName; 3] = [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE];

/// The routes with everything around them, from the outside in: secrets are marked, the request gets its ID, is counted,
/// is checked for the name it asks by and for coming from a page of another origin, its answer is compressed, a panic becomes an error, and its route
/// asks who calls.
pub(crate) fn around(routes: Router<ApiState>, state: ApiState, port: Port) -> Router {
    let layers = ServiceBuilder::new()
        .layer(Extension(port))
        .layer(middleware::map_response(secure))
        .layer(SetSensitiveRequestHeadersLayer::new(SECRETS))
        .layer(middleware::from_fn(drop_unfit_id))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        // Only the span: what goes wrong is logged where it is known.
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(()).on_failure(()))
        .layer(middleware::from_fn_with_state(state.clone(), count))
        .layer(middleware::from_fn_with_state(state.clone(), host::guard))
        .layer(option_layer(cors(&state.options.cors)))
        .layer(middleware::from_fn_with_state(state.clone(), origin::guard))
        .layer(compression())
        .layer(panics(IntoResponse::into_response))
        .layer(middleware::from_fn_with_state(state.clone(), caller::bring));
    // Bodies are capped where they are read, each by its own limit.
    routes.layer(layers).layer(DefaultBodyLimit::disable()).with_state(state)
}

/// What a browser may do with any answer: take it for nothing but what its type says, tell nobody where it came from, and
/// hand it to no page of another origin that did not ask as one (CORS).
const SECURITY: [(HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

async fn secure(mut response: Response) -> Response {
    SECURITY.into_iter().for_each(|(name, value)| {
        response.headers_mut().entry(name).or_insert(value);
    });
    response
}

/// An ID that could spoil the log is none.
async fn drop_unfit_id(mut request: Request, next: Next) -> Response {
    if request.headers().get(REQUEST_ID).is_some_and(|id| !is_fit(id)) {
        request.headers_mut().remove(REQUEST_ID);
    }
    next.run(request).await
}

fn is_fit(id: &HeaderValue) -> bool {
    (1..=REQUEST_ID_BYTES).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

/// Every log line that is written while a request is handled carries its ID.
fn span(request: &Request) -> tracing::Span {
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", request_id = id)
}

/// Counts requests by route, never by path: a path may hold anything.
async fn count(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = known_method(request.method());
    let response = next.run(request).await;
    let registry = state.app.observer().registry();
    registry.counter(&table::HTTP_REQUESTS, [&route, method, response.status().as_str()]).inc();
    registry.histogram(&table::HTTP_DURATION, [&route]).observe_duration(started.elapsed());
    response
}

fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// What pages of the origins in `server.cors` may do; without any, nothing is said to browsers.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([REQUEST_ID, header::RETRY_AFTER])
        .max_age(PREFLIGHT_AGE);
    Some(layer)
}

/// Compresses answers for clients that take gzip. Events must not wait for more bytes, gRPC compresses by itself, and an
/// answer with a strong tag is compressed before it is tagged, or never.
fn compression() -> CompressionLayer<impl Predicate> {
    let untagged = |_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions| !headers.contains_key(header::ETAG);
    let predicate = SizeAbove::new(COMPRESS_FROM)
        .and(NotForContentType::SSE)
        .and(NotForContentType::GRPC)
        .and(NotForContentType::IMAGES)
        .and(untagged);
    CompressionLayer::new().gzip(true).quality(CompressionLevel::Precise(COMPRESS_LEVEL)).compress_when(predicate)
}

/// A panic of a handler is one failed request, answered in the shape that `render` gives it.
pub(crate) fn panics<F: Fn(ApiError) -> Response + Clone>(render: F) -> CatchPanicLayer<Rendered<F>> {
    CatchPanicLayer::custom(Rendered(render))
}

/// How a panic is answered.
#[derive(Clone)]
pub(crate) struct Rendered<F>(F);

impl<F: Fn(ApiError) -> Response + Clone> ResponseForPanic for Rendered<F> {
    type ResponseBody = axum::body::Body;

    fn response_for_panic(&mut self, panic: Box<dyn Any + Send>) -> Response {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        tracing::error!(panic = text.unwrap_or("?"), "a handler panicked");
        let message = "the request failed unexpectedly; the server's log says more under the request's ID";
        (self.0)(ApiError::new(ErrorKind::Internal, message))
    }
}
