//! HTTP/1.1 and HTTP/2 (with prior knowledge, as gRPC clients speak it, or agreed on by TLS).

use super::activity::Busy;
use super::protocol::{Connection, StreamProtocol};
use super::transfer::{StreamExecutor, Transfer};
use super::unread::Unread;
use crate::limits::{IDLE, IDLE_GRACE, STREAMS};
use crate::peer::{Peer, TrustedProxies};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// HTTP, answered by a router.
pub struct Http {
    router: Router,
    proxies: TrustedProxies,
}

impl Http {
    /// HTTP that this router answers, directly or behind these proxies.
    #[must_use]
    pub fn new(router: Router, proxies: TrustedProxies) -> Arc<Self> {
        Arc::new(Self { router, proxies })
    }
}

impl StreamProtocol for Http {
    fn serve(self: Arc<Self>, connection: Connection, stop: CancellationToken) -> BoxFuture<'static, ()> {
        let Connection { peer, is_tls, stream, activity } = connection;
        let known = Peer { address: peer, is_tls };
        activity.begins_at_rest();
        let own = activity.clone();
        let service = service_fn(move |request| answer(Arc::clone(&self), known, request, own.begin()));
        let served = async move {
            let mut builder = auto::Builder::new(StreamExecutor);
            builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE);
            builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).keep_alive_interval(None);
            let mut served = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
            let ended = tokio::select! {
                ended = served.as_mut() => ended,
                () = stop.cancelled() => {
                    served.as_mut().graceful_shutdown();
                    served.await
                }
                () = activity.idle_too_long() => {
                    served.as_mut().graceful_shutdown();
                    loop {
                        match timeout(IDLE_GRACE, served.as_mut()).await {
                            Ok(ended) => break ended,
                            // A client that says nothing does not agree to the end either.
                            Err(_) if activity.is_at_rest() => return,
                            // A request had come just before: it is answered.
                            Err(_) => {}
                        }
                    }
                }
            };
            // A client that goes away in the middle is its own affair.
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "a connection ended early");
            }
        };
        Transfer::new().carry(served).map(drop).boxed()
    }
}

async fn answer(
    http: Arc<Http>,
    connection: Peer,
    mut request: Request<Incoming>,
    busy: Busy,
) -> Result<Response, Infallible> {
    let peer = Peer { address: http.proxies.client(connection.address, request.headers()), ..connection };
    request.extensions_mut().insert(peer);
    let (request, unread) = Unread::watch(request);
    let mut response = http.router.clone().oneshot(request).await?;
    if let Some(unread) = unread {
        unread.settle(&mut response).await;
    }
    let transfer = Transfer::current();
    if let Some(transfer) = &transfer {
        transfer.offer();
    }
    Ok(response.map(|body| Body::new(Sent { body, transfer, _busy: busy })))
}

/// A response's body on its way: its connection is at work until it is sent, and its transfer knows whether the client takes
/// it.
struct Sent {
    body: Body,
    transfer: Option<Transfer>,
    _busy: Busy,
}

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match (&polled, &self.transfer) {
            (_, None) => {}
            (Poll::Ready(Some(_)), Some(transfer)) => transfer.offer(),
            (Poll::Pending | Poll::Ready(None), Some(transfer)) => transfer.rest(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
