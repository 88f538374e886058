//! The ports: all of them are bound before the data is opened, each fault with the port and the option; they listen once
//! there is somebody to answer, so that a start that fails was never seen from outside.

use crate::config::{Address, Config, DropIn, Server, Tls};
use crate::open_files::connections_of_a_port;
use anyhow::Context as _;
use clew_api::{LiveTls, TlsFiles, TrustedProxies};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpSocket, lookup_host};

/// Connections that may wait to be accepted, for each port.
const BACKLOG: u32 = 1_024;

/// The sockets: bound (`TcpSocket`), then listening (`TcpListener`).
pub(crate) struct Sockets<S> {
    /// Everything over HTTP.
    pub http: S,
    /// OTLP/gRPC.
    pub otlp_grpc: S,
    /// OTLP/HTTP.
    pub otlp_http: S,
    /// The ports of the replaced systems.
    pub drop_in: Vec<(DropIn, S)>,
}

/// What all ports have in common: how they are secured, how many may connect.
pub(crate) struct Security {
    /// TLS, where it is configured.
    pub tls: Option<Arc<LiveTls>>,
    /// Connections at once, for each port.
    pub connections: usize,
    /// Proxies that are believed whom they pass on.
    pub proxies: TrustedProxies,
}

impl Security {
    /// Reads the files that the configuration names.
    ///
    /// # Errors
    /// Files that cannot be read or used.
    pub(crate) fn of(config: &Config) -> anyhow::Result<Self> {
        let tls = with_tls_files(&config.server.tls, |files| Ok(Arc::new(LiveTls::new(files)?)))?;
        let ports = 3 + config.server.drop_in.len();
        let connections = config.limits.connections.unwrap_or(usize::MAX).min(connections_of_a_port(ports)).max(1);
        Ok(Self { tls, connections, proxies: TrustedProxies::new(&config.server.trusted_proxies) })
    }

    /// How addresses begin.
    #[must_use]
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// Does something with what the files of TLS hold, if there are any.
///
/// # Errors
/// Files that cannot be read, or what is done with them.
pub(crate) fn with_tls_files<T>(
    tls: &Tls,
    then: impl FnOnce(TlsFiles<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<Option<T>> {
    let Tls { cert: Some(cert), key: Some(key), client_ca } = tls else { return Ok(None) };
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let (certificate, key) = (read(cert)?, read(key)?);
    let client_ca = client_ca.as_deref().map(read).transpose()?;
    then(TlsFiles { certificate: &certificate, key: &key, client_ca: client_ca.as_deref() }).map(Some)
}

/// The option that opens the ports of the replaced systems.
const DROP_IN: &str = "server.drop_in";

/// A port that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {host}:{port} ({option}): {reason}")]
pub(crate) struct BindError {
    host: String,
    port: u16,
    option: &'static str,
    reason: String,
}

/// Binds every port.
///
/// # Errors
/// The faults of all ports that cannot be opened.
pub(crate) async fn bind(server: &Server) -> Result<Sockets<TcpSocket>, Vec<BindError>> {
    let http = bind_one(&server.http, "server.http").await;
    let otlp_grpc = bind_one(&server.otlp_grpc, "server.otlp_grpc").await;
    let otlp_http = bind_one(&server.otlp_http, "server.otlp_http").await;
    let mut drop_in = Vec::new();
    for &system in &server.drop_in {
        let address = Address { host: server.http.host.clone(), port: system.port() };
        drop_in.push((system, bind_one(&address, DROP_IN).await));
    }
    Sockets { http, otlp_grpc, otlp_http, drop_in }.all()
}

impl<S> Sockets<Result<S, BindError>> {
    /// The sockets if all are well, else the faults of all that are not.
    fn all(self) -> Result<Sockets<S>, Vec<BindError>> {
        let (mut drop_in, mut faults) = (Vec::new(), Vec::new());
        for (system, socket) in self.drop_in {
            match socket {
                Ok(socket) => drop_in.push((system, socket)),
                Err(fault) => faults.push(fault),
            }
        }
        match (self.http, self.otlp_grpc, self.otlp_http) {
            (Ok(http), Ok(otlp_grpc), Ok(otlp_http)) if faults.is_empty() => {
                Ok(Sockets { http, otlp_grpc, otlp_http, drop_in })
            }
            (http, otlp_grpc, otlp_http) => {
                Err([http.err(), otlp_grpc.err(), otlp_http.err()].into_iter().flatten().chain(faults).collect())
            }
        }
    }
}

async fn bind_one(address: &Address, option: &'static str) -> Result<TcpSocket, BindError> {
    bind_host(&address.host, address.port).await.map_err(|error| BindError {
        host: address.host.clone(),
        port: address.port,
        option,
        reason: reason(&error, option),
    })
}

/// Binds the first address of a host that can be bound.
async fn bind_host(host: &str, port: u16) -> io::Result<TcpSocket> {
    let mut fault = io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address");
    for address in lookup_host((host, port)).await? {
        match bind_address(address) {
            Ok(socket) => return Ok(socket),
            Err(error) => fault = error,
        }
    }
    Err(fault)
}

fn bind_address(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait until the connections of the server before have been forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

impl Sockets<TcpSocket> {
    /// Lets every bound port listen.
    ///
    /// # Errors
    /// The faults of all ports that another program took in the meantime: a port that is bound and does not listen yet
    /// can be bound twice on Linux.
    pub(crate) fn listen(self) -> Result<Sockets<TcpListener>, Vec<BindError>> {
        let drop_in = self.drop_in.into_iter();
        Sockets {
            http: listen_one(self.http, "server.http"),
            otlp_grpc: listen_one(self.otlp_grpc, "server.otlp_grpc"),
            otlp_http: listen_one(self.otlp_http, "server.otlp_http"),
            drop_in: drop_in.map(|(system, socket)| (system, listen_one(socket, DROP_IN))).collect(),
        }
        .all()
    }
}

fn listen_one(socket: TcpSocket, option: &'static str) -> Result<TcpListener, BindError> {
    let address = socket.local_addr();
    socket.listen(BACKLOG).map_err(|error| BindError {
        host: address.as_ref().map_or_else(|_| "?".to_owned(), |address| address.ip().to_string()),
        port: address.as_ref().map_or(0, SocketAddr::port),
        option,
        reason: reason(&error, option),
    })
}

fn reason(error: &io::Error, option: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse if option == DROP_IN => {
            "the port is taken; stop whoever has it, or list in server.drop_in only what should be opened".to_owned()
        }
        io::ErrorKind::AddrInUse => {
            format!("the port is taken; stop whoever has it, or set {option} to another port")
        }
        io::ErrorKind::PermissionDenied => {
            format!("no permission; ports below 1024 need privileges, set {option} to a higher one")
        }
        _ => error.to_string(),
    }
}

/// The address that a socket got, for people: a wildcard is shown as localhost.
#[must_use]
pub(crate) fn shown(socket: &TcpSocket) -> String {
    match socket.local_addr() {
        Ok(address) if address.ip().is_unspecified() => format!("localhost:{}", address.port()),
        Ok(address) => SocketAddr::to_string(&address),
        Err(_) => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets(ports: [u16; 3]) -> Sockets<TcpSocket> {
        let [http, otlp_grpc, otlp_http] = ports.map(|port| bind_address(([127, 0, 0, 1], port).into()).unwrap());
        Sockets { http, otlp_grpc, otlp_http, drop_in: Vec::new() }
    }

    #[tokio::test]
    async fn every_port_that_was_taken_after_it_was_bound_is_named_with_its_option() {
        let first = sockets([0; 3]);
        let port = |socket: &TcpSocket| socket.local_addr().unwrap().port();
        let ports = [port(&first.http), port(&first.otlp_grpc), port(&first.otlp_http)];
        let second = sockets(ports);
        let _first = first.listen().unwrap();
        let faults: Vec<String> = second.listen().err().unwrap().iter().map(ToString::to_string).collect();
        let options = ["server.http", "server.otlp_grpc", "server.otlp_http"];
        for ((fault, port), option) in faults.iter().zip(ports).zip(options) {
            assert!(fault.starts_with(&format!("cannot listen on 127.0.0.1:{port} ({option}): ")), "{fault}");
        }
        assert_eq!(faults.len(), 3);
    }
}
