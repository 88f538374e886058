//! Listening: sockets are bound by the caller, served here until told to stop, then drained.

use crate::limits::{DRAIN, HEADER_TIMEOUT, WRITE_STALL};
use crate::stall::StallGuard;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long to wait after a failed accept (too many open files, say) before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket with what it serves.
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// What it serves.
    pub router: Router,
}

/// Why serving ended in an error.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Requests were still open when the time to drain was over.
    #[error("requests were still open {} s after the stop; they were cut off", .0.as_secs())]
    Drain(Duration),
}

/// Serves HTTP/1.1 and HTTP/2 (with prior knowledge, as gRPC clients speak it) until `stop`, then lets open requests
/// finish.
///
/// # Errors
/// Requests that did not finish in time.
pub async fn serve(listener: Listener, stop: CancellationToken) -> Result<(), ServeError> {
    let open = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                // Small answers should not wait for more bytes.
                let _ = stream.set_nodelay(true);
                let stream = StallGuard::new(stream, WRITE_STALL);
                let service = TowerToHyperService::new(listener.router.clone());
                let mut builder = auto::Builder::new(TokioExecutor::new());
                builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
                builder.http2().timer(TokioTimer::new()).max_concurrent_streams(1_024).keep_alive_interval(None);
                let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
                let connection = open.watch(connection.into_owned());
                tokio::spawn(async move {
                    // A client that goes away in the middle is its own affair.
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection ended early");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tokio::time::timeout(DRAIN, open.shutdown()).await.map_err(|_| ServeError::Drain(DRAIN))
}
