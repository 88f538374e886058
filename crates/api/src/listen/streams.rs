//! Ports for connections.

use super::ServeError;
use super::activity::Crowd;
use super::protocol::{Connection, Stream, StreamProtocol};
use super::stall::StallGuard;
use super::tls::LiveTls;
use crate::limits::{ACCEPT_PAUSE, DRAIN, HANDSHAKE, PLACE_LOOK, WRITE_STALL};
use clew_telemetry::{Counter, Gauge, Registry, table};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// What all connections of a port share.
pub(super) struct Streams {
    name: &'static str,
    tls: Option<Arc<LiveTls>>,
    protocol: Arc<dyn StreamProtocol>,
    /// A permit for each connection that there may be.
    room: Arc<Semaphore>,
    most: usize,
    crowd: Arc<Crowd>,
    open: Gauge,
    full: Counter,
    /// Cancelled when connections are cut off.
    cut: CancellationToken,
}

/// A connection's place among those that there may be.
struct Place {
    _permit: OwnedSemaphorePermit,
    open: Gauge,
}

impl Place {
    fn new(permit: OwnedSemaphorePermit, open: Gauge) -> Self {
        open.add(1.0);
        Self { _permit: permit, open }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.add(-1.0);
    }
}

impl Streams {
    pub(super) fn new(
        name: &'static str,
        tls: Option<Arc<LiveTls>>,
        protocol: Arc<dyn StreamProtocol>,
        most: usize,
        registry: &Registry,
    ) -> Self {
        let most = most.min(u32::MAX as usize).min(Semaphore::MAX_PERMITS);
        Self {
            name,
            tls,
            protocol,
            room: Arc::new(Semaphore::new(most)),
            most,
            crowd: Arc::default(),
            open: registry.gauge(&table::LISTENER_CONNECTIONS, [name]),
            full: registry.counter(&table::LIMIT_HITS, ["connections"]),
            cut: CancellationToken::new(),
        }
    }

    /// Serves every connection until `stop`, then lets the open ones finish.
    pub(super) async fn serve(self, socket: TcpListener, stop: CancellationToken) -> Result<(), ServeError> {
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.accept(&socket) => accepted,
            };
            let Some((permit, stream, peer)) = accepted else { continue };
            let place = Place::new(permit, self.open.clone());
            let served = self.connection(stream, peer, stop.clone());
            let cut = self.cut.clone();
            tokio::spawn(async move {
                let _place = place;
                tokio::select! {
                    () = served => {}
                    () = cut.cancelled() => {}
                }
            });
        }
        drop(socket);
        let all = u32::try_from(self.most).unwrap_or(u32::MAX);
        if timeout(DRAIN, self.room.acquire_many(all)).await.is_err() {
            self.cut.cancel();
            return Err(ServeError::Drain { listener: self.name, within: DRAIN });
        }
        Ok(())
    }

    /// The next connection, once there is room for it: until then it waits with the system, where a few more may.
    async fn accept(&self, socket: &TcpListener) -> Option<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
        let permit = self.place().await?;
        match socket.accept().await {
            Ok((stream, peer)) => Some((permit, stream, peer)),
            Err(error) => {
                tracing::warn!(listener = self.name, %error, "cannot accept a connection; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() {
            return Some(permit);
        }
        self.full.inc();
        let makes_room = self.crowd.send_one_away();
        if !makes_room {
            tracing::warn!(
                listener = self.name,
                "as many connections are open as there may be: {} (limits.connections); more wait until one ends",
                self.most
            );
        }
        let mut room = std::pin::pin!(Arc::clone(&self.room).acquire_owned());
        loop {
            match timeout(PLACE_LOOK, &mut room).await {
                Ok(permit) => return permit.ok(),
                // Those that were at work may have come to rest.
                Err(_) => self.crowd.send_one_away(),
            };
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (name, protocol) = (self.name, Arc::clone(&self.protocol));
        let tls = self.tls.as_ref().map(|tls| TlsAcceptor::from(tls.config()));
        let activity = self.crowd.join();
        async move {
            // Small answers should not wait for more bytes.
            let _ = stream.set_nodelay(true);
            let stream = StallGuard::new(stream, WRITE_STALL);
            let is_tls = tls.is_some();
            let stream: Box<dyn Stream> = match tls {
                None => Box::new(stream),
                Some(tls) => match timeout(HANDSHAKE, tls.accept(stream)).await {
                    Ok(Ok(stream)) => Box::new(stream),
                    Ok(Err(error)) => return tracing::debug!(listener = name, %peer, %error, "no TLS was agreed on"),
                    Err(_) => return tracing::debug!(listener = name, %peer, "the TLS handshake took too long"),
                },
            };
            protocol.serve(Connection { peer, is_tls, stream, activity }, stop).await;
        }
    }
}
