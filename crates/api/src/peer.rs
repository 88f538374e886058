//! From where a request came.

use axum::http::Extensions;
use std::net::SocketAddr;

/// The other end of a request's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub is_tls: bool,
}

/// From where a request came, for people.
#[must_use]
pub(crate) fn origin(extensions: &Extensions) -> String {
    let peer = extensions.get::<Peer>();
    peer.map_or_else(|| "?".to_owned(), |peer| peer.address.ip().to_canonical().to_string())
}
