//! From where a request came.

use std::net::SocketAddr;

/// The other end of a request's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub is_tls: bool,
}
