//! HTTP/1.1 and HTTP/2 (with prior knowledge, as gRPC clients speak it, or agreed on by TLS).

use super::protocol::{Connection, StreamProtocol};
use crate::limits::{HEADER_TIMEOUT, STREAMS};
use crate::peer::Peer;
use axum::Router;
use axum::http::Request;
use futures_util::future::{BoxFuture, FutureExt};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tower::util::MapRequest;

/// HTTP, answered by a router.
pub struct Http {
    router: Router,
}

impl Http {
    /// HTTP that this router answers.
    #[must_use]
    pub fn new(router: Router) -> Arc<Self> {
        Arc::new(Self { router })
    }
}

impl StreamProtocol for Http {
    fn serve(self: Arc<Self>, connection: Connection, stop: CancellationToken) -> BoxFuture<'static, ()> {
        let peer = Peer { address: connection.peer, is_tls: connection.is_tls };
        let known = MapRequest::new(self.router.clone(), move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            request
        });
        let service = TowerToHyperService::new(known);
        async move {
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
            builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).keep_alive_interval(None);
            let mut served = pin!(builder.serve_connection_with_upgrades(TokioIo::new(connection.stream), service));
            let ended = tokio::select! {
                ended = served.as_mut() => ended,
                () = stop.cancelled() => {
                    served.as_mut().graceful_shutdown();
                    served.await
                }
            };
            // A client that goes away in the middle is its own affair.
            if let Err(error) = ended {
                tracing::debug!(peer = %connection.peer, %error, "a connection ended early");
            }
        }
        .boxed()
    }
}
