//! What a protocol is to a listener.

use super::activity::Activity;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection: accepted, decrypted where it was encrypted, guarded against a peer that stops reading.
pub struct Connection {
    /// Whose.
    pub peer: SocketAddr,
    /// Whether it is encrypted.
    pub is_tls: bool,
    /// Its bytes.
    pub stream: Box<dyn Stream>,
    /// Whether it is at work; a protocol that leaves it alone is until its end.
    pub activity: Activity,
}

/// What is spoken on a port for connections.
pub trait StreamProtocol: Send + Sync + 'static {
    /// Speaks with one peer until it is done. Once `stop` is cancelled, what is under way is finished and nothing new is
    /// begun; what takes longer than [`DRAIN`](crate::limits::DRAIN) is cut off.
    fn serve(self: Arc<Self>, connection: Connection, stop: CancellationToken) -> BoxFuture<'static, ()>;
}

/// One datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it, as far as a datagram can be believed.
    pub peer: SocketAddr,
    /// What it holds.
    pub bytes: Bytes,
}

/// What is spoken on a port for datagrams.
pub trait DatagramProtocol: Send + Sync + 'static {
    /// Takes what has come since the last call, in the order of arrival. Meanwhile more may wait, within the listener's
    /// bound; what comes beyond it is dropped and counted: nobody can be told to come back.
    fn take(self: Arc<Self>, datagrams: Vec<Datagram>) -> BoxFuture<'static, ()>;
}
