//! HTTP/1.1 and HTTP/2 (with prior knowledge, as gRPC clients speak it, or agreed on by TLS).

use super::protocol::{Connection, StreamProtocol};
use crate::limits::{HEADER_TIMEOUT, STREAMS};
use axum::Router;
use futures_util::future::{BoxFuture, FutureExt};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

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
        let service = TowerToHyperService::new(self.router.clone());
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
