//! Paths whose percent-encoding hides bytes that are no text: refused before a handler takes them apart, each API in its
//! own shape.

use crate::error::ApiError;
use crate::params::percent_decode;
use crate::prometheus;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// For our own API and all that stands beside it on the main port.
pub(crate) async fn on_main_port(request: Request, next: Next) -> Response {
    match check(request.uri().path()) {
        Ok(()) => next.run(request).await,
        Err(error) if request.uri().path().starts_with("/prometheus/") => prometheus::failure(&error),
        Err(error) => error.into_response(),
    }
}

/// For a port that speaks Prometheus' API alone.
pub(crate) async fn on_prometheus_port(request: Request, next: Next) -> Response {
    match check(request.uri().path()) {
        Ok(()) => next.run(request).await,
        Err(error) => prometheus::failure(&error),
    }
}

fn check(path: &str) -> Result<(), ApiError> {
    if !path.contains('%') || std::str::from_utf8(&percent_decode(path)).is_ok() {
        return Ok(());
    }
    let shown: String = path.chars().take(100).collect();
    Err(ApiError {
        hint: Some("percent-encode the UTF-8 bytes of the text, %C3%BC for ü".to_owned()),
        ..ApiError::bad_request(format!("the path {shown:?} is not UTF-8 once its percent-encoding is undone"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::get;
    use axum::{Router, middleware};
    use tower::ServiceExt;

    async fn ask(path: &str) -> (StatusCode, serde_json::Value) {
        let router = Router::new()
            .route("/api/v1/correlate/{id}", get(async || "{}"))
            .route("/prometheus/api/v1/label/{name}/values", get(async || "{}"))
            .layer(middleware::from_fn(on_main_port));
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn a_path_that_is_no_text_is_refused_in_the_shape_of_its_api() {
        for path in ["/api/v1/correlate/%ff", "/api/v1/correlate/a%C3", "/api/v1/correlate/%C3%28", "/%80"] {
            let (status, body) = ask(path).await;
            assert_eq!((status, &body["error"]["code"]), (StatusCode::BAD_REQUEST, &"bad_request".into()), "{path}");
            assert!(body["error"]["message"].as_str().unwrap().contains(path), "{body}");
        }
        let (status, body) = ask("/prometheus/api/v1/label/%ff/values").await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!((&body["status"], &body["errorType"]), (&"error".into(), &"bad_data".into()));
        for path in ["/api/v1/correlate/task%3A%C3%BC", "/api/v1/correlate/100%", "/api/v1/correlate/%zz"] {
            assert_eq!(ask(path).await.0, StatusCode::OK, "{path}");
        }
    }
}
