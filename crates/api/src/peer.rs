//! From where a request came.

use axum::http::{Extensions, HeaderMap};
use clew_app::Network;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What proxies say of whom they pass on: each adds the address that it saw at the end (nginx, Caddy, Traefik, HAProxy).
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The other end of a request's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub is_tls: bool,
}

/// The networks of proxies that are believed whom they pass on (`server.trusted_proxies`). Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[Network]>);

impl TrustedProxies {
    /// Those in these networks.
    #[must_use]
    pub fn new(networks: &[Network]) -> Self {
        Self(networks.into())
    }

    /// Where a request began: at the other end of the connection, or, where a trusted proxy is there, at the last address
    /// that none of them has. What stands before that anybody may have written.
    pub(crate) fn client(&self, connection: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        let is_trusted = |address: IpAddr| self.0.iter().any(|network| network.contains(address));
        let mut client = connection;
        if !is_trusted(client.ip()) {
            return client;
        }
        let values = headers.get_all(FORWARDED_FOR).into_iter().filter_map(|value| value.to_str().ok());
        let named: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
        for name in named.into_iter().rev() {
            let Some(address) = address(name.trim()) else { break };
            client = address;
            if !is_trusted(address.ip()) {
                break;
            }
        }
        client
    }
}

/// An address as proxies write it: some add the port, some brackets.
fn address(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let alone = || bare.parse().ok().map(|ip| SocketAddr::new(ip, 0));
    text.parse().ok().or_else(alone)
}

/// From where a request came, for people.
#[must_use]
pub(crate) fn origin(extensions: &Extensions) -> String {
    let peer = extensions.get::<Peer>();
    peer.map_or_else(|| "?".to_owned(), |peer| peer.address.ip().to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_proxy_is_believed_where_it_is_trusted_and_the_client_by_nobody() {
        let proxies = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        for (connection, said, client) in [
            // Nobody is believed but those in the networks.
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("fd00::1", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7"),
            ("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
            // What the client wrote itself stands first.
            ("10.0.0.1", &["127.0.0.1, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["127.0.0.1", "198.51.100.7,10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["127.0.0.1, nonsense, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(value));
            }
            let found = proxies.client(SocketAddr::new(connection.parse().unwrap(), 1), &headers);
            assert_eq!(found.ip(), client.parse::<IpAddr>().unwrap(), "{connection} {said:?}");
        }
        let none = TrustedProxies::default();
        let headers = HeaderMap::from_iter([(FORWARDED_FOR.parse().unwrap(), HeaderValue::from_static("1.2.3.4"))]);
        assert_eq!(none.client(([127, 0, 0, 1], 1).into(), &headers).ip(), IpAddr::from([127, 0, 0, 1]));
    }
}
