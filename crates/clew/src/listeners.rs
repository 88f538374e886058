//! Binding the ports: all of them before anything is served, each fault with the port and the option.

use crate::config::{Address, DropIn, Server};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// The bound sockets.
pub struct Sockets {
    /// Everything over HTTP.
    pub http: TcpListener,
    /// OTLP/gRPC.
    pub otlp_grpc: TcpListener,
    /// OTLP/HTTP.
    pub otlp_http: TcpListener,
    /// The ports of the replaced systems.
    pub drop_in: Vec<(DropIn, TcpListener)>,
}

/// The option that opens the ports of the replaced systems.
const DROP_IN: &str = "server.drop_in";

/// A port that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {host}:{port} ({option}): {reason}")]
pub struct BindError {
    host: String,
    port: u16,
    option: &'static str,
    reason: String,
}

/// Binds every port.
///
/// # Errors
/// The faults of all ports that cannot be opened.
pub async fn bind(server: &Server) -> Result<Sockets, Vec<BindError>> {
    let http = bind_one(&server.http, "server.http").await;
    let otlp_grpc = bind_one(&server.otlp_grpc, "server.otlp_grpc").await;
    let otlp_http = bind_one(&server.otlp_http, "server.otlp_http").await;
    let (mut drop_in, mut faults) = (Vec::new(), Vec::new());
    for &system in &server.drop_in {
        let address = Address { host: server.http.host.clone(), port: system.port() };
        match bind_one(&address, DROP_IN).await {
            Ok(socket) => drop_in.push((system, socket)),
            Err(fault) => faults.push(fault),
        }
    }
    match (http, otlp_grpc, otlp_http) {
        (Ok(http), Ok(otlp_grpc), Ok(otlp_http)) if faults.is_empty() => {
            Ok(Sockets { http, otlp_grpc, otlp_http, drop_in })
        }
        (http, otlp_grpc, otlp_http) => {
            Err([http.err(), otlp_grpc.err(), otlp_http.err()].into_iter().flatten().chain(faults).collect())
        }
    }
}

async fn bind_one(address: &Address, option: &'static str) -> Result<TcpListener, BindError> {
    TcpListener::bind((address.host.as_str(), address.port)).await.map_err(|error| BindError {
        host: address.host.clone(),
        port: address.port,
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
pub fn shown(socket: &TcpListener) -> String {
    match socket.local_addr() {
        Ok(address) if address.ip().is_unspecified() => format!("localhost:{}", address.port()),
        Ok(address) => SocketAddr::to_string(&address),
        Err(_) => "?".to_owned(),
    }
}
