//! What a request's handler left unread of its body. A connection that is closed under a client that still sends takes
//! the answer with it, and a client that keeps its connections loses the next request too.

use crate::limits::{LINGER, UNREAD_BYTES, UNREAD_TIME};
use axum::body::Body;
use axum::http::{HeaderValue, Request, Version, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::timeout;

/// Where a body goes that was not read to its end.
type Back = Arc<Mutex<Option<Rest>>>;

/// What was left of a body.
struct Rest {
    body: Incoming,
    was_begun: bool,
}

/// A request's body that comes back where it was not read to its end.
struct Lent {
    rest: Option<Rest>,
    back: Back,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(rest) = self.rest.take() {
            *self.back.lock() = Some(rest);
        }
    }
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        rest.was_begun = true;
        let polled = Pin::new(&mut rest.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.rest = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.as_ref().is_none_or(|rest| rest.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.rest.as_ref().map_or_else(SizeHint::default, |rest| rest.body.size_hint())
    }
}

/// What became of a request's body.
pub(super) struct Unread {
    back: Back,
    /// Whether the client waits for leave to send (RFC 9110, 10.1.1).
    waits: bool,
}

impl Unread {
    /// The request with its body lent. A stream of HTTP/2 ends by itself.
    pub(super) fn watch(request: Request<Incoming>) -> (Request<Body>, Option<Self>) {
        if request.version() > Version::HTTP_11 || hyper::body::Body::is_end_stream(request.body()) {
            return (request.map(Body::new), None);
        }
        let back = Back::default();
        let waits = request.headers().contains_key(header::EXPECT);
        let own = Self { back: Arc::clone(&back), waits };
        let lent = request.map(|body| Body::new(Lent { rest: Some(Rest { body, was_begun: false }), back }));
        (lent, Some(own))
    }

    /// Reads a bounded rest, so that the connection can go on. Where there is more the answer says that the connection
    /// ends, and the rest is read for a while beside it and thrown away.
    pub(super) async fn settle(self, response: &mut Response) {
        let Some(mut rest) = self.back.lock().take() else { return };
        if hyper::body::Body::is_end_stream(&rest.body) {
            return;
        }
        // Nothing was sent yet, and reading would ask for it.
        let unasked = self.waits && !rest.was_begun;
        if !unasked && skipped(&mut rest.body).await {
            return;
        }
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        if !unasked {
            tokio::spawn(async move {
                let all = async { while matches!(rest.body.frame().await, Some(Ok(_))) {} };
                let _ = timeout(LINGER, all).await;
            });
        }
    }
}

/// Whether the rest is short, and was read to its end.
async fn skipped(body: &mut Incoming) -> bool {
    if hyper::body::Body::size_hint(body).lower() > UNREAD_BYTES {
        return false;
    }
    let mut bytes = 0u64;
    let all = async {
        loop {
            match body.frame().await {
                None => return true,
                Some(Ok(frame)) => bytes = bytes.saturating_add(frame.data_ref().map_or(0, |data| data.len() as u64)),
                Some(Err(_)) => return false,
            }
            if bytes > UNREAD_BYTES {
                return false;
            }
        }
    };
    timeout(UNREAD_TIME, all).await.unwrap_or(false)
}
