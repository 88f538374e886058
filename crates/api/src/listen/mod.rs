//! Listening: every port of Clew's, whatever is spoken on it.
//!
//! A [`Listener`] is a bound socket with a protocol. What all ports have in common is here: how many connections there
//! may be at once, how much may wait, TLS, peers that stop reading, an orderly stop. A protocol is what remains: it speaks
//! with one peer ([`StreamProtocol`]), or takes what was sent in datagrams ([`DatagramProtocol`]).

mod activity;
mod datagrams;
mod http;
mod protocol;
mod stall;
mod streams;
mod tls;
mod transfer;
mod unread;

#[cfg(test)]
mod tests;

pub use activity::{Activity, Busy};
pub use http::Http;
pub use protocol::{Connection, Datagram, DatagramProtocol, Stream, StreamProtocol};
pub use tls::{LiveTls, TlsError, TlsFiles};

pub(crate) use transfer::Transfer;

use crate::limits::{CONNECTIONS, DATAGRAM_BYTES};
use clew_telemetry::Registry;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

/// What carries a listener's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Connections.
    Tcp,
    /// Connections, encrypted.
    Tls,
    /// Datagrams.
    Udp,
}

impl Transport {
    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Udp => "udp",
        }
    }
}

/// A bound socket with what is spoken on it.
pub struct Listener {
    name: &'static str,
    socket: Socket,
    /// Connections at once, or bytes of datagrams that wait.
    bound: usize,
}

enum Socket {
    Streams { socket: TcpListener, tls: Option<Arc<LiveTls>>, protocol: Arc<dyn StreamProtocol> },
    Datagrams { socket: UdpSocket, protocol: Arc<dyn DatagramProtocol> },
}

/// Why serving ended in an error.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Peers were still served when the time to drain was over.
    #[error("what came in at {listener} was still under way {} s after the stop; it was cut off", .within.as_secs())]
    Drain {
        /// The listener.
        listener: &'static str,
        /// The time that there was.
        within: Duration,
    },
}

impl Listener {
    /// A port for connections; `name` stands in metrics and logs. TLS when there is a configuration for it.
    #[must_use]
    pub fn streams(
        name: &'static str,
        socket: TcpListener,
        tls: Option<Arc<LiveTls>>,
        protocol: Arc<dyn StreamProtocol>,
    ) -> Self {
        Self { name, socket: Socket::Streams { socket, tls, protocol }, bound: CONNECTIONS }
    }

    /// A port for datagrams.
    #[must_use]
    pub fn datagrams(name: &'static str, socket: UdpSocket, protocol: Arc<dyn DatagramProtocol>) -> Self {
        Self { name, socket: Socket::Datagrams { socket, protocol }, bound: DATAGRAM_BYTES }
    }

    /// The same, with so many connections at once, or so many bytes of datagrams that wait.
    #[must_use]
    pub fn bounded(self, bound: usize) -> Self {
        Self { bound: bound.max(1), ..self }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What carries its bytes.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match &self.socket {
            Socket::Streams { tls: Some(_), .. } => Transport::Tls,
            Socket::Streams { tls: None, .. } => Transport::Tcp,
            Socket::Datagrams { .. } => Transport::Udp,
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system answers.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match &self.socket {
            Socket::Streams { socket, .. } => socket.local_addr(),
            Socket::Datagrams { socket, .. } => socket.local_addr(),
        }
    }

    /// Serves until `stop`, then lets what is under way finish.
    ///
    /// # Errors
    /// What did not finish in time.
    pub async fn serve(self, registry: &Registry, stop: CancellationToken) -> Result<(), ServeError> {
        let (name, bound) = (self.name, self.bound);
        match self.socket {
            Socket::Streams { socket, tls, protocol } => {
                streams::Streams::new(name, tls, protocol, bound, registry).serve(socket, stop).await
            }
            Socket::Datagrams { socket, protocol } => {
                datagrams::serve(name, socket, protocol, bound, registry, stop).await
            }
        }
    }
}
